"""How far a run has come."""

import numpy as np


class Walk:
    """A run under way: how far it has come, and whether it goes on."""

    def __init__(self, state, names, steps, first_step, goal, on_step):
        self.state = state
        self.losses = np.empty((0, len(names)), np.float32)
        self.goal = goal
        self.let_through = None
        self._names = names
        self._steps = steps
        self._first_step = first_step
        self._on_step = on_step

    @property
    def number(self):
        """The number of the next step."""
        return self._first_step + len(self.losses)

    @property
    def left(self):
        """Steps to take."""
        return self._steps - len(self.losses)

    @property
    def goes_on(self):
        """Whether another step is to be taken."""
        return self.left > 0 and not (len(self.losses) and self.losses[-1].sum() < self.goal)

    def accept(self, state, losses):
        """Goes on to a state; `losses` are those of the steps to it, float32 (steps, terms)."""
        self.check(*losses)
        self.state, self.losses = state, np.concatenate([self.losses, losses])
        if self._on_step:
            self._on_step(state, self.losses)
        self.let_through()

    def check(self, *losses):
        """Refuses losses that are not finite, naming the first such term."""
        for i, step in enumerate(losses):
            if len(step) > 1 and np.isnan(step).all():
                raise FloatingPointError(
                    "The loss and its gradient must stay finite; they did not at step "
                    f"{self.number + i + 1}. Received: nan"
                )
            for name, loss in zip(self._names, step, strict=True):
                if not np.isfinite(loss):
                    raise FloatingPointError(
                        f"The loss must stay finite; the term {name!r} did not at step "
                        f"{self.number + i + 1}. Received: {loss}"
                    )
