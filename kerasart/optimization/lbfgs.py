"""`LBFGS`, by SciPy."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import keras
import numpy as np

from kerasart.optimization.optimizers import Optimizer
from kerasart.optimization.run import RunInProgress

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf


class LBFGS(Optimizer):
    """Moves a picture by the limited-memory BFGS method with bounds.

    Source: Byrd et al. 1995 and Zhu et al. 1997, as `scipy.optimize` has it; the classic optimizer
    of Gatys et al. 2015. SciPy takes steps until it is done, and nothing that it remembers can be
    saved, so every `restart` steps it forgets: a run can be saved there and gone on with exactly.

    Args:
        corrections: How many past steps the curvature is estimated from.
        restart: Steps after which it starts anew.
    """

    searches_lines = True

    # What an average value moves by in the very first trial step; the line search corrects it.
    _FIRST_MOVE = 0.02

    def __init__(self, corrections: int = 10, restart: int = 100):
        self.corrections = corrections
        self.restart = restart
        # Steps and changes of the gradient, and SciPy's other arrays, in float64.
        self.pictures = 4 * corrections + 20

    def take_steps(self, run: RunInProgress) -> None:
        """Takes the steps of a run, until it ends or none leads further down."""

        def accept(image, losses):
            run.accept(run.state._replace(image=tf.convert_to_tensor(image)), losses[np.newaxis])
            if not run.goes_on:
                raise StopIteration

        taken = 1
        while run.goes_on and taken:  # No step is taken where rounding hides the way down.
            image = run.state.image.numpy()
            # Restarts are at fixed steps, also after it gave up: a run resumes from there exactly.
            count = min(self.restart - len(run.losses) % self.restart, run.left)
            taken = self.minimize(run.differentiate, image, count, run.clip, accept)

    def minimize(
        self,
        differentiate: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]],
        image: np.ndarray,
        steps: int,
        clip: bool,
        accept: Callable[[np.ndarray, np.ndarray], object],
    ) -> int:
        """Takes steps, until there are enough or none leads further down.

        Args:
            differentiate: `differentiate(image) -> losses, gradient`: a vector of losses, and
                the gradient of their sum.
            image: float32 (1, height, width, 3).
            steps: How many steps to take at most.
            clip: Whether the picture stays in [0, 1].
            accept: `accept(image, losses)`, called after each step with the new picture and the
                losses of the one before. StopIteration from it ends the steps.

        Returns:
            The number of steps taken.
        """
        from scipy.optimize import minimize  # Late: it takes a fifth of a second, for L-BFGS alone.

        shape, taken = image.shape, 0
        image = np.clip(image, 0.0, 1.0) if clip else np.asarray(image)
        before, gradient = differentiate(image)
        scale = self._FIRST_MOVE / max(np.abs(gradient).mean(), 1e-30)
        last = before

        def function(pixels):
            nonlocal last
            last, gradient = differentiate(pixels.reshape(shape).astype(np.float32))
            # The sum and the steps in float64: between late steps float32 sees no difference.
            return scale * last.sum(dtype=np.float64), scale * gradient.ravel().astype(np.float64)

        def callback(pixels):
            nonlocal before, taken
            taken += 1
            accept(pixels.reshape(shape).astype(np.float32), before)
            before = last

        with contextlib.suppress(StopIteration):
            minimize(
                function,
                image.ravel().astype(np.float64),
                jac=True,
                method="L-BFGS-B",
                bounds=[(0.0, 1.0)] * image.size if clip else None,
                callback=callback,
                options={
                    "maxiter": steps,
                    "maxfun": 20 * steps,
                    "maxcor": self.corrections,
                    "ftol": 0.0,
                    "gtol": 0.0,
                },
            )
        return taken
