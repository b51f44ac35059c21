"""Weights that mean the same on every picture and network."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np

from kerasart.objectives import Target
from kerasart.optimization.evaluator import Evaluator
from kerasart.optimization.pull import NOISE

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf


def balance(
    evaluator: Evaluator, photo: tf.Tensor, targets: Sequence[Target], seed: int = 0
) -> np.ndarray:
    """Finds weights that make every term pull equally hard at a noisy photo.

    Args:
        evaluator: An `Evaluator` for the objective.
        photo: float32 RGB (1, height, width, 3).
        targets: A `Target` for each term.
        seed: Seeds the noise.

    Returns:
        A float32 vector of a weight for each term. A term that is not `balanced` keeps its own. For
        the others theirs is multiplied by what makes the root mean square of the gradient 1 over
        the number of pixels, as a mean's naturally is; or by 0 for a term that does not pull.
    """
    objective, weights = evaluator.objective, evaluator.objective.weights
    if not any(term.balanced for term in objective.terms):
        return weights
    noise = np.random.default_rng(seed).normal(0.0, NOISE, photo.shape)
    image = np.clip(photo + noise, 0.0, 1.0).astype(np.float32)
    gradients = _gradients(evaluator, image, targets)
    upstream_gradients = np.array([np.sqrt(np.mean(np.square(gradient))) for gradient in gradients])
    pixels = photo.shape[1] * photo.shape[2]
    factors = np.divide(
        1 / pixels,
        upstream_gradients,
        out=np.zeros_like(upstream_gradients),
        where=upstream_gradients > 0,
    )
    return np.where([term.balanced for term in objective.terms], weights * factors, weights)


def _gradients(evaluator, image, targets):
    """Takes the gradient of each term."""
    if keras.backend.backend() != "jax":
        return evaluator.differentiate_each(image, targets)
    import jax

    objective = evaluator.objective
    units = np.eye(len(objective.terms), dtype=np.float32)

    def values(image):
        features = {**evaluator.backbone(image), "image": image}
        return objective(features, targets, np.ones(len(units)))

    _, pull_back = jax.vjp(values, image)
    return [pull_back(unit)[0] for unit in units]
