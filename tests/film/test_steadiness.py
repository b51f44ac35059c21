"""Warping error and sharpness against NumPy."""

import numpy as np
import pytest

from kerasart.film.steadiness import sharpness, warping_error

pytest.importorskip("cv2")


def test_warping_error():
    random = np.random.default_rng(0)
    before, now = random.random((2, 1, 20, 30, 3)).astype(np.float32)
    still = np.zeros((20, 30, 2), np.float32)
    expected = ((now - before) ** 2).mean()
    assert warping_error(now, before, still, still) == pytest.approx(expected, rel=1e-5)
    # What moved by whole pixels is compared with itself, and not where it came from outside.
    now = np.roll(before, 3, axis=2)
    back, forth = still - np.float32([3, 0]), still + np.float32([3, 0])
    assert warping_error(now, before, back, forth) == pytest.approx(0, abs=1e-10)
    assert warping_error(now, before, back, back) == 0  # Nothing is consistent.


def test_sharpness():
    image = np.random.default_rng(1).random((1, 9, 7, 3)).astype(np.float32)
    down, right = image[:, 1:] - image[:, :-1], image[:, :, 1:] - image[:, :, :-1]
    expected = (down**2).mean() + (right**2).mean()
    assert sharpness(image) == pytest.approx(expected, rel=1e-5)
