"""Measures of a film's steadiness: warping error, and sharpness, which must be read beside it."""

import numpy as np

from kerasart.film.flow import is_consistent, warp


def warping_error(
    now: np.ndarray, before: np.ndarray, back: np.ndarray, forth: np.ndarray
) -> float:
    """Measures how far a frame is from the frame before, warped along the motion.

    The mean squared difference over all pixels that are visible in both. A blurred film has a small
    one too: so compare it only between films of one `sharpness`.

    Source: Lai et al. 2018, "Learning Blind Video Temporal Consistency" (arXiv 1808.00449, section
    4.2); here the warp is bicubic, and the flow any.

    Args:
        now: A frame, float32 RGB (1, height, width, 3) in [0, 1].
        before: The frame before.
        back: Flow from `now` to `before`, float32 (height, width, 2), as of `find_flow`; for a
            painted film, that of the film which was painted.
        forth: Flow from `before` to `now`.

    Returns:
        The error; 0 if nothing is visible in both.
    """
    squares = ((now - warp(before, back)) ** 2).mean(axis=-1)[0]
    is_seen = is_consistent(back, forth)
    return float(squares[is_seen].mean()) if is_seen.any() else 0.0


def sharpness(image: np.ndarray) -> float:
    """Measures how sharp an image is: the mean squared difference of neighbouring pixels."""
    down, right = np.diff(image, axis=1), np.diff(image, axis=2)
    return float((down**2).mean() + (right**2).mean())
