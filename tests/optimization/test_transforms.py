import numpy as np
import pytest
import tensorflow as tf

from kerasart.optimization import random_roll


def numbered(height, width):
    """A picture in which each pixel tells where it was."""
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    return np.stack([rows, columns, rows * width + columns], axis=-1)[np.newaxis]


def offset_of(rolled, size):
    # Pixel (0, 0) came from minus the offset, modulo the size; offsets are less than half of it.
    return tuple((int(-v) + s // 2) % s - s // 2 for v, s in zip(rolled[0, 0, 0, :2], size))  # noqa: B905


def test_roll_stays_in_range_and_reaches_its_ends():
    image = tf.constant(numbered(12, 17))
    offsets = set()
    for step in range(200):
        rolled = random_roll(image, [3, step], 2).numpy()
        offset = offset_of(rolled, (12, 17))
        np.testing.assert_array_equal(rolled, np.roll(image, offset, axis=(1, 2)))
        offsets.add(offset)
    # 25 offsets in 200 draws: one is missed once in 200 sets of draws, and the seeds are fixed.
    assert offsets == {(y, x) for y in range(-2, 3) for x in range(-2, 3)}


def test_roll_comes_from_the_seed():
    image = tf.constant(numbered(40, 50))
    rolls = [random_roll(image, seed, 16).numpy() for seed in ([0, 1], [0, 1], [1, 1], [0, 2])]
    np.testing.assert_array_equal(rolls[0], rolls[1])
    assert not np.array_equal(rolls[0], rolls[2])
    assert not np.array_equal(rolls[0], rolls[3])


@pytest.mark.parametrize("jitter", [1, 100])
def test_roll_loses_no_pixel(jitter):
    image = numbered(7, 9)  # Smaller than the largest roll.
    rolled = random_roll(tf.constant(image), [0, 5], jitter).numpy()
    assert sorted(rolled[..., 2].ravel()) == sorted(image[..., 2].ravel())
