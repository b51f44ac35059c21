"""`balance` and `measure_gradient`: weights that mean the same on every image and network."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np

from kerasart.objectives import Target
from kerasart.optimization.evaluator import Evaluator
from kerasart.optimization.gradient_magnitude import NOISE, gradient_magnitude

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf


def balance(
    evaluator: Evaluator, photo: tf.Tensor, targets: Sequence[Target], seed: int = 0
) -> np.ndarray:
    """Finds weights with which all terms' gradients have the same RMS on a noisy photo.

    Args:
        evaluator: An `Evaluator` for the objective.
        photo: float32 RGB (1, height, width, 3).
        targets: A `Target` for each term.
        seed: Seeds the noise.

    Returns:
        A weight for each term, a float32 vector. The weight of a `balanced` term is multiplied by
        the factor that makes the RMS of its unweighted gradient 1 / number of pixels, or by 0 if
        that gradient is 0. Other terms keep theirs.
    """
    objective, weights = evaluator.objective, evaluator.objective.weights
    if not any(term.balanced for term in objective.terms):
        return weights
    gradients = _gradients(evaluator, _add_noise(photo, seed), targets)
    sizes = np.array([np.sqrt(np.mean(np.square(gradient))) for gradient in gradients])
    pixels = photo.shape[1] * photo.shape[2]
    factors = np.divide(1 / pixels, sizes, out=np.zeros_like(sizes), where=sizes > 0)
    return np.where([term.balanced for term in objective.terms], weights * factors, weights)


def measure_gradient(
    evaluator: Evaluator,
    photo: tf.Tensor,
    targets: Sequence[Target],
    weights: np.ndarray,
    seed: int = 0,
) -> float:
    """Measures the gradient of the whole objective on a noisy photo.

    Args:
        evaluator, photo, targets, seed: See `balance`.
        weights: A weight for each term.

    Returns:
        The gradient's magnitude (see `gradient_magnitude`).
    """
    gradients = _gradients(evaluator, _add_noise(photo, seed), targets)
    total = sum(weight * each for weight, each in zip(weights, gradients, strict=True))
    return float(gradient_magnitude(total))


def _add_noise(photo, seed):
    noise = np.random.default_rng(seed).normal(0.0, NOISE, photo.shape)
    return np.clip(photo + noise, 0.0, 1.0).astype(np.float32)


def _gradients(evaluator, image, targets):
    """Computes the gradient of each term, without its weight."""
    if keras.backend.backend() != "jax":
        return evaluator.differentiate_each(image, targets)
    import jax

    objective = evaluator.objective
    units = np.eye(len(objective.terms), dtype=np.float32)

    def values(image):
        features = {**evaluator.backbone(image), "image": image}
        return objective(features, targets, np.ones(len(units)))

    _, vjp = jax.vjp(values, image)
    return [vjp(unit)[0] for unit in units]
