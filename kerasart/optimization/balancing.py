"""Weights that mean the same on every picture and network."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np

from kerasart.objectives import Target, Term
from kerasart.optimization.evaluator import Evaluator

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

# Deviation of the noise on the picture at which gradients are measured. Without it the content,
# which is met at the start, would not pull at all; and noise is the same on every picture.
_NOISE = 0.1


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
    noise = np.random.default_rng(seed).normal(0.0, _NOISE, photo.shape)
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


def pull_at_noise(term: Term) -> float:
    """Tells how hard a term on the layer "image" pulls at plain noise, whatever the photo.

    Args:
        term: The term, which compares with nothing; its weight does not count.

    Returns:
        The root mean square of the gradient, times the number of pixels.
    """
    noise = np.random.default_rng(0).normal(0.5, _NOISE, (1, 64, 64, 3))
    image = tf.constant(np.clip(noise, 0.0, 1.0), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(image)
        value = term.distance(term.mean(image))
    return float(pull(tape.gradient(value, image)))


def pull(gradient: tf.Tensor) -> tf.Tensor:
    """Measures how hard a gradient (1, height, width, 3) pulls: its RMS, times the pixels."""
    pixels = tf.cast(tf.reduce_prod(tf.shape(gradient)[1:3]), tf.float32)
    return tf.sqrt(tf.reduce_mean(gradient**2)) * pixels


def _gradients(evaluator, image, targets):
    """Takes the gradient of each term."""
    objective = evaluator.objective
    units = np.eye(len(objective.terms), dtype=np.float32)
    if evaluator.tiles(image.shape[1:3]):
        differentiators = [
            evaluator.differentiate_pixels if term.layer == "image" else evaluator.differentiate
            for term in objective.terms
        ]
        pairs = zip(differentiators, units, strict=True)
        return [differentiate(image, targets, unit)[1] for differentiate, unit in pairs]

    if keras.backend.backend() == "jax":
        import jax

        def values(image):
            features = {**evaluator.backbone(image), "image": image}
            return objective(features, targets, np.ones(len(units)))

        _, pull_back = jax.vjp(values, image)
        return [pull_back(unit)[0] for unit in units]
    return evaluator.differentiate_each(image, targets)
