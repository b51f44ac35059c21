"""A run of a `Descent`: its `State`, the `RunInProgress`, and its outcome, a `Run`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import keras
import numpy as np

from kerasart.objectives import Target

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

if TYPE_CHECKING:
    from kerasart.optimization.descent import Descent


class State(NamedTuple):
    """All that a descent needs to resume.

    Attributes:
        image: The optimised tensor, float32: the pixels (1, height, width, 3), or the coefficients
            of their parameterization.
        memory: The optimizer's memory, a tuple of tensors.
        average: The running mean of the images so far and their number, or ().
    """

    image: tf.Tensor
    memory: tuple = ()
    average: tuple = ()


@dataclass(frozen=True)
class Run:
    """The outcome of a descent.

    Attributes:
        image: The image, a float32 tensor (1, height, width, 3).
        losses: Weighted values of the terms before each step, float32 (steps, terms).
        state: The `State` after the last complete step.
        error: The error that ended it early: a KeyboardInterrupt, a FloatingPointError, or None.
    """

    image: tf.Tensor
    losses: np.ndarray
    state: State
    error: BaseException | None = None


class RunInProgress:
    """A run of a `Descent` in progress, whose steps an optimizer takes.

    Attributes:
        state: The `State` after the last step.
        losses: Weighted values of the terms before each step so far, float32 (steps, terms).
        targets, weights, seed, goal: See `Descent.run`.
    """

    def __init__(
        self,
        descent: Descent,
        state: State,
        targets: tuple[Target, ...],
        weights: np.ndarray,
        seed: int,
        steps: int,
        first_step: int,
        goal: float,
        on_step: Callable[[State, np.ndarray], object] | None,
    ):
        self.state = state
        self.losses = np.empty((0, len(weights)), np.float32)
        self.targets = targets
        self.weights = weights
        self.seed = seed
        self.goal = goal
        self.clip = descent.clip
        self.raise_pending: Callable[[], None] = lambda: None
        self._descent = descent
        self._steps = steps
        self._first_step = first_step
        self._on_step = on_step

    @property
    def number(self) -> int:
        """The number of the next step."""
        return self._first_step + len(self.losses)

    @property
    def left(self) -> int:
        """The most steps still to take."""
        return self._steps - len(self.losses)

    @property
    def is_done(self) -> bool:
        """Whether all steps are taken, or the loss is below the goal."""
        return self.left <= 0 or bool(len(self.losses) and self.losses[-1].sum() < self.goal)

    def step(self) -> None:
        """Takes a step, or a block of steps, with the optimizer's `update`."""
        state, losses = self._descent.step(self, min(self._descent.block, self.left))
        self.accept(state, losses.numpy())

    def differentiate(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns the losses at an image, float32 (terms,), and the gradient of their sum."""
        state = State(tf.convert_to_tensor(image))
        losses, gradient = (each.numpy() for each in self._descent.differentiate(self, state))
        self.check(losses)
        return losses, gradient

    def after_tile(self, done: int, count: int) -> None:
        """Reports that `done` of the `count` tiles of a step are evaluated.

        Raises:
            KeyboardInterrupt: If Ctrl-C is pending.
        """
        self.raise_pending()
        if self._descent.on_tile:
            self._descent.on_tile(done, count)

    def accept(self, state: State, losses: np.ndarray) -> None:
        """Accepts a new state, and the losses of the steps to it, float32 (steps, terms).

        Raises:
            FloatingPointError: If a loss is not finite.
            KeyboardInterrupt: If Ctrl-C is pending.
        """
        self.check(*losses)
        self.state, self.losses = state, np.concatenate([self.losses, losses])
        if self._on_step:
            self._on_step(state, self.losses)
        self.raise_pending()

    def check(self, *losses: np.ndarray) -> None:
        """Checks that losses are finite.

        Raises:
            FloatingPointError: If one is not; the message names the first such term.
        """
        for i, step in enumerate(losses):
            if len(step) > 1 and np.isnan(step).all():
                raise FloatingPointError(
                    "The loss and its gradient must stay finite; they did not at step "
                    f"{self.number + i + 1}. Received: nan"
                )
            for name, loss in self._descent.objective.by_name(step).items():
                if not np.isfinite(loss):
                    raise FloatingPointError(
                        f"The loss must stay finite; the term {name!r} did not at step "
                        f"{self.number + i + 1}. Received: {loss}"
                    )
