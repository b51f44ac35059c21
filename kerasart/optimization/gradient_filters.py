"""Gradient filters: smoothing, Laplacian pyramid normalisation, scaling by the area."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

# The least root mean square to divide a level by, as in Google's notebook.
_FLOOR = 1e-10

_BINOMIAL = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256


@dataclass(frozen=True)
class GradientFilters:
    """Balances the sizes of a gradient's forms, and blurs it.

    Attributes:
        levels: See `normalize_pyramid`; 0 leaves it out.
        deviation: See `smooth`; 0 leaves it out.
    """

    levels: int = 0
    deviation: float = 0.0

    def __call__(self, gradient: tf.Tensor) -> tf.Tensor:
        """Shapes a gradient, float32 (1, height, width, 3)."""
        if self.levels:
            gradient = normalize_pyramid(gradient, self.levels)
        return smooth(gradient, self.deviation) if self.deviation else gradient


def smooth(gradient: tf.Tensor, deviation: float) -> tf.Tensor:
    """Blurs a gradient, which then paints larger forms.

    It is the mean of three Gaussian blurs, of half the deviation, the deviation and twice it, so
    that small forms are not lost altogether.

    Source: Pedersen 2016, "TensorFlow Tutorial 14: DeepDream", which has the sum.

    Args:
        gradient: float32 (1, height, width, 3).
        deviation: The standard deviation, in pixels.

    Returns:
        The blurred gradient. One that is the same everywhere stays as it is.
    """
    return sum(_blur(gradient, factor * deviation) for factor in (0.5, 1.0, 2.0)) / 3


def scale_by_area(gradient: tf.Tensor, size: Sequence[float]) -> tf.Tensor:
    """Multiplies a gradient by the picture's area, over that of a picture of a size.

    A mean over all pixels pulls at each of them the less, the more there are. By this, gradients
    are alike at all scales: what an optimizer remembers of a coarser one fits the finer one, which
    it would else move by a fraction of its rate.

    Args:
        gradient: float32 (1, height, width, 3).
        size: (height, width) of the first scale, where the gradient stays as it is; numbers, or
            float32 scalars.

    Returns:
        The gradient, multiplied.
    """
    height, width = tf.unstack(tf.cast(tf.shape(gradient)[1:3], tf.float32))
    return gradient * (height * width / math.prod(size))


def normalize_pyramid(gradient: tf.Tensor, levels: int = 4) -> tf.Tensor:
    """Gives the forms of all sizes in a gradient the same strength.

    Source: Mordvintsev 2015, the DeepDream notebook of TensorFlow's tutorials.

    Args:
        gradient: float32 (1, height, width, 3).
        levels: How often it is halved: 4 makes five levels, details of four sizes and what is left.

    Returns:
        The sum of the levels, each over its root mean square.
    """

    def normalize(level):
        return level / tf.maximum(tf.sqrt(tf.reduce_mean(level**2)), _FLOOR)

    return merge_pyramid([normalize(level) for level in split_pyramid(gradient, levels)])


def split_pyramid(image: tf.Tensor, levels: int) -> list[tf.Tensor]:
    """Splits a picture into details of different sizes.

    Source: Burt and Adelson 1983, "The Laplacian Pyramid as a Compact Image Code".

    Args:
        image: float32 (1, height, width, 3).
        levels: How often it is halved.

    Returns:
        A list of `levels` + 1 pictures: the details, from fine to coarse, and what is left.
    """
    details = []
    for _ in range(levels):
        smaller = _halve(image)
        details.append(image - _double(smaller, image))
        image = smaller
    return [*details, image]


def merge_pyramid(levels: list[tf.Tensor]) -> tf.Tensor:
    """Makes a picture of what `split_pyramid` gave."""
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
        # At an edge, where part of the kernel hangs over nothing, the rest counts for all.
        image = blurred / weight
    return image


def _halve(image):
    return tf.nn.depthwise_conv2d(image, _filters(_BINOMIAL), [1, 2, 2, 1], "SAME")


def _double(image, like):
    """Enlarges a picture to the size of another, twice its own."""
    # Of the pixels that the kernel meets, a quarter has a value.
    filters, strides = _filters(4 * _BINOMIAL), [1, 2, 2, 1]
    return tf.nn.depthwise_conv2d_backprop_input(tf.shape(like), filters, image, strides, "SAME")


def _filters(kernel):
    """Makes the filters that apply a kernel to each of three channels."""
    return tf.constant(np.tile(kernel[..., np.newaxis, np.newaxis], (1, 1, 3, 1)), tf.float32)
