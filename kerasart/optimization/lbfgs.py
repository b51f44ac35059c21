"""`LBFGS`, SciPy's L-BFGS-B as an optimizer of images."""

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
    """Limited-memory BFGS with bounds (L-BFGS-B).

    Source: Byrd et al. 1995 and Zhu et al. 1997, as implemented in `scipy.optimize`; the optimizer
    of Gatys et al. 2015. SciPy's internal state cannot be saved, so it is discarded every `restart`
    steps: a run can be saved there and resumed exactly.

    Args:
        corrections: How many past steps the curvature is estimated from.
        restart: Steps after which it starts afresh.
    """

    searches_lines = True

    # The mean change of a value in the very first trial step; the line search corrects it.
    _FIRST_MOVE = 0.02

    def __init__(self, corrections: int = 10, restart: int = 100):
        self.corrections = corrections
        self.restart = restart
        # At first SciPy lists bounds as Python's numbers; later there are past steps and gradient
        # differences, and its other arrays, in float64.
        self.images = max(80, 4 * corrections + 20)

    def take_steps(self, run: RunInProgress) -> None:
        """Takes the steps of a run, until it is done or no step lowers the loss."""

        def accept(image, losses):
            run.accept(run.state._replace(image=tf.convert_to_tensor(image)), losses[np.newaxis])
            if run.is_done:
                raise StopIteration

        taken = 1
        while not run.is_done and taken:  # Rounding can leave no step that lowers the loss.
            image = run.state.image.numpy()
            # Restarts are at fixed steps, also after SciPy gave up, so that resuming is exact.
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
        """Takes steps until there are enough or no step lowers the loss.

        Args:
            differentiate: `differentiate(image) -> losses, gradient`: a vector of losses, and
                the gradient of their sum.
            image: float32 (1, height, width, 3).
            steps: The most steps to take.
            clip: Whether the image stays in [0, 1].
            accept: `accept(image, losses)`, called after each step with the new image and the
                losses before the step. StopIteration from it ends the steps.

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
            # Summed in float64: late steps change the loss by less than float32 resolves.
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
