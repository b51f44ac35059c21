"""Random transforms of the image at each step: padding, jitter, scale and rotation."""

from __future__ import annotations

import math
from dataclasses import dataclass

import keras

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

# The colour outside the image.
_GREY = 0.5


@dataclass(frozen=True)
class Transforms:
    """Random transforms of the image, different at each step; those that are 0 are skipped.

    What excites a network even when shifted, scaled and rotated is a form, not a high-frequency
    pattern.

    Source: Olah et al. 2017, "Feature Visualization"; in the order of Lucid, whose standard
    transforms are `Transforms(12, 8, 0.1, 10, 4)`. Lucid crops instead of rolling.

    Attributes:
        pad: Width in pixels of a grey border, into which the others can move the image.
        jitter: See `random_roll`.
        scale: See `random_scale_and_rotate`.
        degrees: See `random_scale_and_rotate`.
        final_jitter: A second `jitter`, after the others.
    """

    pad: int = 0
    jitter: int = 0
    scale: float = 0.0
    degrees: float = 0.0
    final_jitter: int = 0

    def __call__(self, image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Transforms an image.

        Args:
            image: float32 (1, height, width, 3).
            seed: An int32 tensor of two numbers. With `jitter` alone the result is the
                `random_roll` of this seed.

        Returns:
            The transformed image, larger by the padding.
        """
        fold_in = tf.random.experimental.stateless_fold_in
        if self.pad:
            image = pad(image, self.pad)
        if self.jitter:
            image = random_roll(image, seed, self.jitter)
        if self.scale or self.degrees:
            image = random_scale_and_rotate(image, fold_in(seed, 1), self.scale, self.degrees)
        if self.final_jitter:
            image = random_roll(image, fold_in(seed, 2), self.final_jitter)
        return image


def pad(image: tf.Tensor, pixels: int) -> tf.Tensor:
    """Pads an image with grey.

    Args:
        image: float32 (1, height, width, 3).
        pixels: The width of the border.

    Returns:
        The padded image.
    """
    sides = [[0, 0], [pixels, pixels], [pixels, pixels], [0, 0]]
    return tf.pad(image, sides, constant_values=_GREY)


def random_roll(image: tf.Tensor, seed: tf.Tensor, jitter: int) -> tf.Tensor:
    """Shifts an image cyclically by a random offset: the jitter of Google's DeepDream notebook.

    With another offset at each step, neither the grid of the network's strides nor the border of
    its padding is imprinted on the image.

    Args:
        image: float32 (1, height, width, 3).
        seed: An int32 tensor of two numbers; the same seed gives the same offset.
        jitter: The largest offset, in pixels, in each direction.

    Returns:
        The shifted image.
    """
    offset = tf.random.stateless_uniform([2], seed, -jitter, jitter + 1, tf.int32)
    return tf.roll(image, offset, axis=[1, 2])


def random_scale_and_rotate(
    image: tf.Tensor, seed: tf.Tensor, scale: float, degrees: float
) -> tf.Tensor:
    """Scales an image by a random factor and rotates it by a random angle, around its centre.

    Args:
        image: float32 (1, height, width, 3).
        seed: An int32 tensor of two numbers; the same seed gives the same factor and angle.
        scale: The factor is in [1 - scale, 1 + scale].
        degrees: The largest angle, in either direction.

    Returns:
        The image, of the same size (see `scale_and_rotate`).
    """
    factor, angle = tf.unstack(tf.random.stateless_uniform([2], seed, -1.0, 1.0))
    return scale_and_rotate(image, 1 + scale * factor, math.radians(degrees) * angle)


def scale_and_rotate(image: tf.Tensor, factor: tf.Tensor, angle: tf.Tensor) -> tf.Tensor:
    """Scales and rotates an image around its centre, in one bilinear sampling.

    TensorFlow's projective transform has no gradient.

    Args:
        image: float32 (1, height, width, 3).
        factor: The scale factor.
        angle: In radians, counterclockwise.

    Returns:
        The image, of the same size, grey outside the original.
    """
    height, width = tf.unstack(tf.shape(image)[1:3])
    rows, columns = _offsets(height)[:, tf.newaxis], _offsets(width)
    sin, cos = tf.sin(angle) / factor, tf.cos(angle) / factor
    top, down = _neighbour(cos * rows + sin * columns, height)
    left, right = _neighbour(cos * columns - sin * rows, width)
    # With a border of one pixel: everything outside is sampled from it.
    pixels = tf.reshape(pad(image, 1), [-1, image.shape[-1]])
    padded = width + 2
    corners = tf.reshape([0, 1, padded, padded + 1], [4, 1, 1])
    samples = tf.gather(pixels, top * padded + left + corners)
    weights = [(1 - down) * (1 - right), (1 - down) * right, down * (1 - right), down * right]
    return tf.reduce_sum(tf.stack(weights)[..., tf.newaxis] * samples, axis=0, keepdims=True)


def _offsets(count):
    """Returns the coordinates of pixels relative to the centre."""
    return tf.range(tf.cast(count, tf.float32)) - (tf.cast(count, tf.float32) - 1) / 2


def _neighbour(offset, count):
    """Splits coordinates into a pixel's index, in an image padded by 1, and a fraction."""
    last = tf.cast(count, tf.float32) + 1
    position = tf.clip_by_value(offset + last / 2, 0.0, last)
    before = tf.minimum(tf.floor(position), last - 1)
    return tf.cast(before, tf.int32), position - before
