"""`Fourier`, a parameterization: coefficients of decorrelated colours; and noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol

import keras
import numpy as np

from kerasart.kernels.custom_gradient import custom_gradient

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

# A square root of the colour covariance of ImageNet, divided by its largest column norm (Lucid).
_COLOURS = np.array([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]])
_COLOURS /= np.linalg.norm(_COLOURS, axis=0).max()

# Lucid divides by 4. Each of its complex coefficients counts at a frequency and at its negative, so
# an image has twice the variance of one from real coefficients: hence the root.
_CONTRAST = np.sqrt(2) / 4

# A sigmoid never reaches black or white: pixels are clipped to this distance from them.
_MARGIN = 0.005


class Parameterization(Protocol):
    """What a `Descent` may optimise in place of pixels.

    Attributes:
        any_size: Whether images of any size are represented, by tensors of their shape.
    """

    any_size: ClassVar[bool]

    def encode(self, image: tf.Tensor) -> tf.Tensor:
        """Computes what represents an image, float32 RGB (1, height, width, 3) in [0, 1]."""
        ...

    def decode(self, coefficients: tf.Tensor, /) -> tf.Tensor:
        """Computes the image."""
        ...

    def image_size(self, coefficients: tf.Tensor, /) -> tuple[int, int]:
        """Returns the (height, width) of the image."""
        ...

    def carry(self, gradient: tf.Tensor, /, warp: Callable[[np.ndarray], np.ndarray]) -> tf.Tensor:
        """Moves a gradient by the coefficients as `warp(array) -> array` moves pixels."""
        ...


@dataclass(frozen=True)
class Fourier:
    """Represents an image by the Fourier coefficients of its decorrelated colours.

    Coefficients are scaled by 1 / frequency, like the spectrum of natural images: a step that
    changes all coefficients equally changes coarse forms more than fine ones, and hue less than
    brightness.

    Source: Olah et al. 2017, "Feature Visualization", and Mordvintsev et al. 2018, "Differentiable
    Image Parameterizations", as in Lucid. Instead of Lucid's half complex spectrum, the real
    coefficients of the discrete Hartley transform are optimised. They have the image's shape, so
    one compiled step and any optimizer serve every size.

    Attributes:
        decay: The exponent of the frequency.
    """

    any_size: ClassVar[bool] = True
    decay: float = 1.0

    def encode(self, image: tf.Tensor) -> tf.Tensor:
        """Computes the coefficients of an image, which `decode` inverts to within 0.005.

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
        """Computes the image of coefficients.

        Args:
            coefficients: float32 (1, height, width, 3).

        Returns:
            A float32 RGB tensor of the same shape in [0, 1].
        """
        colours = hartley_transform(coefficients * self._scale(coefficients))
        return tf.sigmoid(_mix(colours, _COLOURS))

    def image_size(self, coefficients: tf.Tensor) -> tuple[int, int]:
        """Returns the (height, width) of the image of coefficients."""
        return tuple(coefficients.shape[1:3])

    def carry(self, gradient: tf.Tensor, warp: Callable[[np.ndarray], np.ndarray]) -> tf.Tensor:
        """Moves a gradient by the coefficients along the motion of the image.

        Args:
            gradient: float32 (1, height, width, 3).
            warp: `warp(array) -> array` moves float32 (1, height, width, 3), such as pixels.

        Returns:
            A float32 tensor of the same shape.
        """
        field = hartley_transform(tf.convert_to_tensor(gradient))  # Where it acts.
        return hartley_transform(tf.convert_to_tensor(warp(field.numpy()), tf.float32))

    def _scale(self, image):
        """Returns the factor of each coefficient, (height, width, 1)."""
        height, width = tf.unstack(tf.shape(image)[1:3])
        rows, columns = _frequencies(height), _frequencies(width)
        frequency = tf.sqrt(rows[:, tf.newaxis] ** 2 + columns**2)
        # The mean has frequency 0: it is scaled like the lowest other frequency.
        lowest = 1 / tf.cast(tf.maximum(height, width), tf.float32)
        return (_CONTRAST / tf.maximum(frequency, lowest) ** self.decay)[..., tf.newaxis]


def hartley_transform(image: tf.Tensor) -> tf.Tensor:
    """Computes the orthonormal discrete Hartley transform, which is its own inverse.

    Source: Bracewell 1983, "Discrete Hartley transform": in two dimensions, the real part of the
    Fourier transform minus the imaginary part.

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
        # The transform is symmetric, hence its own gradient.
        return tf.transpose(planes, [0, 2, 3, 1]), transform

    return transform(image)


def noise_image(size: tuple[int, int], seed: int, deviation: float = 0.01) -> np.ndarray:
    """Makes an image of soft grey clouds, whose Fourier coefficients are Gaussian noise.

    Args:
        size: (height, width).
        seed: Seeds the noise.
        deviation: The standard deviation of the coefficients.

    Returns:
        A float32 RGB array (1, height, width, 3) in [0, 1].
    """
    noise = np.random.default_rng(seed).normal(0.0, deviation, (1, *size, 3))
    return Fourier().decode(noise.astype(np.float32)).numpy()


def _mix(image, matrix):
    """Multiplies each pixel's colour by a matrix."""
    return tf.tensordot(image, tf.constant(matrix.T, tf.float32), 1)


def _frequencies(count):
    """Returns the frequencies of a transform in cycles per pixel, as `numpy.fft.fftfreq`."""
    half = count // 2
    return tf.cast((tf.range(count) + half) % count - half, tf.float32) / tf.cast(count, tf.float32)
