"""Random transforms of the image at each step: padding, jitter, scale and rotation."""

from __future__ import annotations

import math
from dataclasses import dataclass

import keras

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

# What is seen where there is no picture.
_GREY = 0.5


@dataclass(frozen=True)
class Transforms:
    """Looks at a picture a little differently at each step, so that no accident of one view stays.

    What still excites the network when shifted, scaled and turned is a form, not a pattern of
    single pixels. Steps that are 0 are left out.

    Source: Olah et al. 2017, "Feature Visualization"; in the order of Lucid, whose standard
    transforms are `Transforms(12, 8, 0.1, 10, 4)`. They crop where we roll.

    Attributes:
        pad: Grey pixels around the picture, for the next steps to move it in.
        jitter: See `random_roll`.
        scale: See `random_scale_and_rotate`.
        degrees: See `random_scale_and_rotate`.
        final_jitter: As `jitter`, after the others.
    """

    pad: int = 0
    jitter: int = 0
    scale: float = 0.0
    degrees: float = 0.0
    final_jitter: int = 0

    def __call__(self, image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Transforms a picture.

        Args:
            image: float32 (1, height, width, 3).
            seed: An int32 tensor of two numbers. With `jitter` alone the picture is the
                `random_roll` of this seed.

        Returns:
            The transformed picture, larger than it was by the padding.
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
    """Frames a picture in grey.

    Args:
        image: float32 (1, height, width, 3).
        pixels: The frame's width.

    Returns:
        The larger picture.
    """
    sides = [[0, 0], [pixels, pixels], [pixels, pixels], [0, 0]]
    return tf.pad(image, sides, constant_values=_GREY)


def random_roll(image: tf.Tensor, seed: tf.Tensor, jitter: int) -> tf.Tensor:
    """Shifts a picture by a random offset, what leaves at one side coming in at the other.

    Looked at from another offset at each step, no grid of the network's strides and no border of
    its padding can settle in the picture (the original DeepDream notebook's jitter).

    Args:
        image: float32 (1, height, width, 3).
        seed: An int32 tensor of two numbers; the same seed gives the same offset.
        jitter: The largest offset, in pixels, in each direction.

    Returns:
        The shifted picture.
    """
    offset = tf.random.stateless_uniform([2], seed, -jitter, jitter + 1, tf.int32)
    return tf.roll(image, offset, axis=[1, 2])


def random_scale_and_rotate(
    image: tf.Tensor, seed: tf.Tensor, scale: float, degrees: float
) -> tf.Tensor:
    """Scales a picture by a random factor and turns it by a random angle, around its centre.

    Args:
        image: float32 (1, height, width, 3).
        seed: An int32 tensor of two numbers; the same seed gives the same factor and angle.
        scale: The factor is in [1 - scale, 1 + scale].
        degrees: The largest angle, in either direction.

    Returns:
        The picture, of the same size, as from `scale_and_rotate`.
    """
    factor, angle = tf.unstack(tf.random.stateless_uniform([2], seed, -1.0, 1.0))
    return scale_and_rotate(image, 1 + scale * factor, math.radians(degrees) * angle)


def scale_and_rotate(image: tf.Tensor, factor: tf.Tensor, angle: tf.Tensor) -> tf.Tensor:
    """Scales a picture and turns it, around its centre, in one bilinear sampling.

    TensorFlow's own projective transform has no gradient.

    Args:
        image: float32 (1, height, width, 3).
        factor: What sizes are multiplied by.
        angle: In radians, counterclockwise.

    Returns:
        The picture, of the same size, grey where it does not reach.
    """
    height, width = tf.unstack(tf.shape(image)[1:3])
    rows, columns = _offsets(height)[:, tf.newaxis], _offsets(width)
    sin, cos = tf.sin(angle) / factor, tf.cos(angle) / factor
    top, down = _neighbour(cos * rows + sin * columns, height)
    left, right = _neighbour(cos * columns - sin * rows, width)
    # All that lies outside is on a grey frame.
    pixels = tf.reshape(pad(image, 1), [-1, image.shape[-1]])
    across = width + 2
    corners = tf.reshape([0, 1, across, across + 1], [4, 1, 1])
    seen = tf.gather(pixels, top * across + left + corners)
    parts = [(1 - down) * (1 - right), (1 - down) * right, down * (1 - right), down * right]
    return tf.reduce_sum(tf.stack(parts)[..., tf.newaxis] * seen, axis=0, keepdims=True)


def _offsets(count):
    """Lists where pixels are, from the centre."""
    return tf.range(tf.cast(count, tf.float32)) - (tf.cast(count, tf.float32) - 1) / 2


def _neighbour(offset, count):
    """Finds the pixel in a frame of 1 before each offset from the centre, and how far past it."""
    last = tf.cast(count, tf.float32) + 1
    place = tf.clip_by_value(offset + last / 2, 0.0, last)
    before = tf.minimum(tf.floor(place), last - 1)
    return tf.cast(before, tf.int32), place - before
