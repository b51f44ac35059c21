"""Image parameterizations: Fourier coefficients of decorrelated colours, and noise."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np

from kerasart.kernels.custom_gradient import custom_gradient

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

# A root of the covariance of the colours in ImageNet's photos, over its longest column (Lucid).
_COLOURS = np.array([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]])
_COLOURS /= np.linalg.norm(_COLOURS, axis=0).max()

# Lucid divides by 4. Its complex coefficients, each at a frequency and at the mirror image of it,
# give a picture twice the variance that ours of the same deviation do: hence the root.
_CONTRAST = np.sqrt(2) / 4

# No sigmoid reaches black or white: what is darker or lighter by less starts from here.
_MARGIN = 0.005


@dataclass(frozen=True)
class Fourier:
    """A picture as the Fourier coefficients of its decorrelated colours.

    They are scaled by one over their frequency, as natural pictures are: a step that moves all
    coefficients alike moves large forms more than small ones, and hues less than brightness.

    Source: Olah et al. 2017, "Feature Visualization", and Mordvintsev et al. 2018, "Differentiable
    Image Parameterizations", as Lucid has it. Where Lucid moves half a complex spectrum, we move
    the real one of the discrete Hartley transform, which has the picture's own shape: one compiled
    step serves every size, and every optimizer serves it.

    Attributes:
        decay: The power of the frequency.
    """

    decay: float = 1.0

    def encode(self, image: tf.Tensor) -> tf.Tensor:
        """Finds the coefficients of a picture, which `decode` brings back to within 0.005.

        Args:
            image: float32 RGB (1, height, width, 3) in [0, 1].

        Returns:
            A float32 tensor of the same shape.
        """
        image = tf.clip_by_value(image, _MARGIN, 1 - _MARGIN)
        logits = tf.math.log(image) - tf.math.log1p(-image)
        colours = _mix(logits, np.linalg.inv(_COLOURS))
        return hartley_transform(colours) / self._scale(image)

    def decode(self, coefficients: tf.Tensor) -> tf.Tensor:
        """Makes the picture of some coefficients.

        Args:
            coefficients: float32 (1, height, width, 3).

        Returns:
            A float32 RGB tensor of the same shape in [0, 1].
        """
        colours = hartley_transform(coefficients * self._scale(coefficients))
        return tf.sigmoid(_mix(colours, _COLOURS))

    def _scale(self, image):
        """Returns what coefficients are multiplied by, (height, width, 1)."""
        height, width = tf.unstack(tf.shape(image)[1:3])
        rows, columns = _frequencies(height), _frequencies(width)
        frequency = tf.sqrt(rows[:, tf.newaxis] ** 2 + columns**2)
        # The mean has no frequency: it is scaled as the lowest.
        lowest = 1 / tf.cast(tf.maximum(height, width), tf.float32)
        return (_CONTRAST / tf.maximum(frequency, lowest) ** self.decay)[..., tf.newaxis]


def hartley_transform(image: tf.Tensor) -> tf.Tensor:
    """Transforms a picture into its frequencies, or back: it is orthonormal and its own inverse.

    Source: Bracewell 1983, "Discrete Hartley transform". In two dimensions it is the real part of
    the Fourier transform minus the imaginary part.

    Args:
        image: float32 (batch, height, width, channels).

    Returns:
        A float32 tensor of the same shape.
    """

    @custom_gradient
    def transform(image):
        planes = tf.transpose(image, [0, 3, 1, 2])
        spectrum = tf.signal.fft2d(tf.cast(planes, tf.complex64))
        pixels = tf.cast(tf.reduce_prod(tf.shape(image)[1:3]), tf.float32)
        planes = (tf.math.real(spectrum) - tf.math.imag(spectrum)) / tf.sqrt(pixels)
        # It is symmetric: gradients come back as pictures go forth.
        return tf.transpose(planes, [0, 2, 3, 1]), transform

    return transform(image)


def noise_picture(size: tuple[int, int], seed: int, deviation: float = 0.01) -> np.ndarray:
    """Makes the picture that starts from nothing: soft grey clouds, coefficients that are noise.

    Args:
        size: (height, width).
        seed: Seeds the noise.
        deviation: The coefficients' standard deviation.

    Returns:
        A float32 RGB array (1, height, width, 3) in [0, 1].
    """
    noise = np.random.default_rng(seed).normal(0.0, deviation, (1, *size, 3))
    return Fourier().decode(noise.astype(np.float32)).numpy()


def _mix(image, matrix):
    """Multiplies the colour of each pixel by a matrix."""
    return tf.tensordot(image, tf.constant(matrix.T, tf.float32), 1)


def _frequencies(count):
    """Lists the frequencies of a transform in cycles per pixel, as `numpy.fft.fftfreq` does."""
    half = count // 2
    return tf.cast((tf.range(count) + half) % count - half, tf.float32) / tf.cast(count, tf.float32)
