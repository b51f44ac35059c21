"""`gradient_magnitude`, a gradient's RMS times the number of pixels; `magnitude_at_noise`."""

from __future__ import annotations

import keras
import numpy as np

from kerasart.objectives import Term

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

# Standard deviation of the noise on the image at which gradients are measured. On the photo itself
# the gradient of the content loss is 0, and noise is the same on every image.
NOISE = 0.1


def magnitude_at_noise(term: Term) -> float:
    """Measures the gradient of a term on the layer "image" at grey noise.

    Args:
        term: The term, which needs no target; its weight is ignored.

    Returns:
        The gradient's magnitude (see `gradient_magnitude`).
    """
    noise = np.random.default_rng(0).normal(0.5, NOISE, (1, 64, 64, 3))
    image = tf.constant(np.clip(noise, 0.0, 1.0), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(image)
        value = term.measure(term.mean(image))
    return float(gradient_magnitude(tape.gradient(value, image)))


def gradient_magnitude(gradient: tf.Tensor) -> tf.Tensor:
    """Returns the root mean square of a gradient (1, height, width, 3) times height x width.

    The gradient of a mean over pixels scales with 1 / number of pixels: this does not.
    """
    pixels = tf.cast(tf.reduce_prod(tf.shape(gradient)[1:3]), tf.float32)
    return tf.sqrt(tf.reduce_mean(gradient**2)) * pixels
