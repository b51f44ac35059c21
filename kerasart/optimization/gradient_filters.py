"""Gradient filters: smoothing, Laplacian pyramid normalisation, scaling by image area."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

# Lower bound of a level's RMS, as in Google's notebook.
_FLOOR = 1e-10

_BINOMIAL = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256


@dataclass(frozen=True)
class GradientFilters:
    """Laplacian pyramid normalisation of a gradient, then smoothing.

    Attributes:
        levels: See `normalize_pyramid`; 0 disables it.
        deviation: See `smooth`; 0 disables it.
    """

    levels: int = 0
    deviation: float = 0.0

    def __call__(self, gradient: tf.Tensor) -> tf.Tensor:
        """Filters a gradient, float32 (1, height, width, 3)."""
        if self.levels:
            gradient = normalize_pyramid(gradient, self.levels)
        return smooth(gradient, self.deviation) if self.deviation else gradient


def smooth(gradient: tf.Tensor, deviation: float) -> tf.Tensor:
    """Smooths a gradient, which then paints larger forms.

    It is the mean of three Gaussian blurs, with half, once and twice the deviation, so that some
    fine detail remains.

    Source: Pedersen 2016, "TensorFlow Tutorial 14: DeepDream", with the mean instead of the sum.

    Args:
        gradient: float32 (1, height, width, 3).
        deviation: The standard deviation, in pixels.

    Returns:
        The smoothed gradient. A constant gradient is unchanged.
    """
    return sum(_blur(gradient, factor * deviation) for factor in (0.5, 1.0, 2.0)) / 3


def scale_by_area(gradient: tf.Tensor, size: Sequence[float]) -> tf.Tensor:
    """Multiplies a gradient by the ratio of its area to that of the first scale.

    The gradient of a mean scales with 1 / number of pixels. This undoes it, so that the moments
    that an optimizer keeps from a coarser scale fit the finer one; otherwise its first steps there
    would be a fraction of the learning rate.

    Args:
        gradient: float32 (1, height, width, 3).
        size: (height, width) of the first scale; numbers, or float32 scalars.

    Returns:
        The scaled gradient.
    """
    height, width = tf.unstack(tf.cast(tf.shape(gradient)[1:3], tf.float32))
    return gradient * (height * width / math.prod(size))


def normalize_pyramid(gradient: tf.Tensor, levels: int = 4) -> tf.Tensor:
    """Normalises the levels of a gradient's Laplacian pyramid to equal RMS.

    Source: Mordvintsev 2015, the DeepDream notebook of TensorFlow's tutorials.

    Args:
        gradient: float32 (1, height, width, 3).
        levels: How often it is halved: 4 gives four levels of detail and a low-pass residual.

    Returns:
        The sum of the levels, each divided by its RMS.
    """

    def normalize(level):
        return level / tf.maximum(tf.sqrt(tf.reduce_mean(level**2)), _FLOOR)

    return merge_pyramid([normalize(level) for level in split_pyramid(gradient, levels)])


def split_pyramid(image: tf.Tensor, levels: int) -> list[tf.Tensor]:
    """Builds the Laplacian pyramid of an image.

    Source: Burt and Adelson 1983, "The Laplacian Pyramid as a Compact Image Code".

    Args:
        image: float32 (1, height, width, 3).
        levels: How often it is halved.

    Returns:
        A list of `levels` + 1 images: the details, from fine to coarse, and the residual.
    """
    details = []
    for _ in range(levels):
        smaller = _halve(image)
        details.append(image - _double(smaller, image))
        image = smaller
    return [*details, image]


def merge_pyramid(levels: list[tf.Tensor]) -> tf.Tensor:
    """Reconstructs an image from the levels of `split_pyramid`."""
    *details, image = levels
    for detail in reversed(details):
        image = _double(image, detail) + detail
    return image


def _blur(image, deviation):
    radius = int(3 * deviation + 0.5)
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / deviation) ** 2)
    for axis in (1, 2):
        filters = _filters(np.expand_dims(kernel, 2 - axis))
        blurred, weight = (
            tf.nn.depthwise_conv2d(each, filters, [1, 1, 1, 1], "SAME")
            for each in (image, tf.ones_like(tf.gather(image, [0], axis=3 - axis)))
        )
        # Renormalised at the border, where part of the kernel lies outside the image.
        image = blurred / weight
    return image


def _halve(image):
    return tf.nn.depthwise_conv2d(image, _filters(_BINOMIAL), [1, 2, 2, 1], "SAME")


def _double(image, like):
    """Upsamples an image by 2, to the size of `like`."""
    # Only a quarter of the pixels under the kernel are not zero.
    filters, strides = _filters(4 * _BINOMIAL), [1, 2, 2, 1]
    return tf.nn.depthwise_conv2d_backprop_input(tf.shape(like), filters, image, strides, "SAME")


def _filters(kernel):
    """Makes the depthwise filters that apply a kernel to each of three channels."""
    return tf.constant(np.tile(kernel[..., np.newaxis, np.newaxis], (1, 1, 3, 1)), tf.float32)
