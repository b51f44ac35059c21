"""`pull`, how hard a gradient pulls at a picture, and `pull_at_noise`, how hard a term does."""

from __future__ import annotations

import keras
import numpy as np

from kerasart.objectives import Term

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

# Deviation of the noise on the picture at which gradients are measured. Without it the content,
# which is met at the start, would not pull at all; and noise is the same on every picture.
NOISE = 0.1


def pull_at_noise(term: Term) -> float:
    """Tells how hard a term on the layer "image" pulls at plain noise, whatever the photo.

    Args:
        term: The term, which compares with nothing; its weight does not count.

    Returns:
        The root mean square of the gradient, times the number of pixels.
    """
    noise = np.random.default_rng(0).normal(0.5, NOISE, (1, 64, 64, 3))
    image = tf.constant(np.clip(noise, 0.0, 1.0), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(image)
        value = term.distance(term.mean(image))
    return float(pull(tape.gradient(value, image)))


def pull(gradient: tf.Tensor) -> tf.Tensor:
    """Measures how hard a gradient (1, height, width, 3) pulls: its RMS, times the pixels."""
    pixels = tf.cast(tf.reduce_prod(tf.shape(gradient)[1:3]), tf.float32)
    return tf.sqrt(tf.reduce_mean(gradient**2)) * pixels
