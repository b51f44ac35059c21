"""A run of a `Descent`: the `State` that it goes through, its losses, and the `Run` it comes to."""

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
    """All that a descent needs to go on.

    Attributes:
        image: What is moved, a float32 tensor (1, height, width, 3): the picture, or what its
            parameterization makes of it.
        memory: What the optimizer remembers, a tuple of tensors.
        average: The running mean of the images so far and how many they were, or ().
    """

    image: tf.Tensor
    memory: tuple = ()
    average: tuple = ()


@dataclass(frozen=True)
class Run:
    """What a descent came to.

    Attributes:
        image: The picture, a float32 tensor (1, height, width, 3).
        losses: Weighted values of the terms at each step, float32 (steps, terms).
        state: The `State` after the last whole step.
        error: What ended it before its time: a KeyboardInterrupt, a FloatingPointError, or None.
    """

    image: tf.Tensor
    losses: np.ndarray
    state: State
    error: BaseException | None = None


class RunInProgress:
    """A run of a `Descent`, of which an optimizer takes the steps.

    Attributes:
        state: The `State` after the last step.
        losses: Weighted values of the terms before each step so far, float32 (steps, terms).
        targets, weights, seed, goal: As in `Descent.run`.
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
        self.let_through: Callable[[], None] = lambda: None
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
        """Steps that are left to take."""
        return self._steps - len(self.losses)

    @property
    def goes_on(self) -> bool:
        """Whether another step is to be taken."""
        return self.left > 0 and not (len(self.losses) and self.losses[-1].sum() < self.goal)

    def step(self) -> None:
        """Takes a step by the optimizer's `update`, or a block of them."""
        state, losses = self._descent.step(self, min(self._descent.block, self.left))
        self.accept(state, losses.numpy())

    def differentiate(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns the losses at an image, float32 (terms,), and the gradient of their sum."""
        state = State(tf.convert_to_tensor(image))
        losses, gradient = (each.numpy() for each in self._descent.differentiate(self, state))
        self.check(losses)
        return losses, gradient

    def after_tile(self, done: int, count: int) -> None:
        """Tells of a tile that is looked at, one of `count` of a step.

        Raises:
            KeyboardInterrupt: If Ctrl-C was pressed since the last one.
        """
        self.let_through()
        if self._descent.on_tile:
            self._descent.on_tile(done, count)

    def accept(self, state: State, losses: np.ndarray) -> None:
        """Goes on to a state; `losses` are those of the steps to it, float32 (steps, terms).

        Raises:
            FloatingPointError: If a loss is not finite.
            KeyboardInterrupt: If Ctrl-C was pressed since the last step.
        """
        self.check(*losses)
        self.state, self.losses = state, np.concatenate([self.losses, losses])
        if self._on_step:
            self._on_step(state, self.losses)
        self.let_through()

    def check(self, *losses: np.ndarray) -> None:
        """Refuses losses that are not finite, naming the first such term.

        Raises:
            FloatingPointError: If one is not finite.
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
