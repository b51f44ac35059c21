"""Resizes images."""

from dataclasses import replace
from typing import Any

import keras
import numpy as np

from kerasart.image.arrays import fit_size
from kerasart.image.files import Picture

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf


def resize(
    image: Any, size: tuple[int, int], antialias: bool = False, method: str = "bilinear"
) -> Any:
    """Resizes an image.

    Args:
        image: float32 tensor (batch, height, width, channels).
        size: (height, width) in pixels, integers or a tensor.
        antialias: Whether to filter before downsampling.
        method: "bilinear", or "bicubic" or "lanczos3", which are sharper but overshoot.

    Returns:
        A float32 tensor (batch, *size, channels).
    """
    if keras.backend.backend() != "tensorflow":
        options = {"antialias": antialias, "data_format": "channels_last"}
        return keras.ops.image.resize(image, size, method, **options)
    # Keras's own needs a size that is known at tracing time.
    return tf.image.resize(image, size, method, antialias=antialias)


def resize_photo(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resizes an image by antialiased Lanczos interpolation.

    Args:
        image: float32 (1, height, width, channels) in [0, 1].
        size: (height, width) in pixels.

    Returns:
        A float32 array (1, *size, channels) in [0, 1]; `image` itself if it has that size.
    """
    if image.shape[1:3] == tuple(size):
        return image
    return np.clip(resize(image, size, antialias=True, method="lanczos3"), 0.0, 1.0)


def resize_cut_out(
    image: np.ndarray, alpha: np.ndarray | None, size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray | None]:
    """Resizes an image as `resize_photo`, and its alpha, if any, weighting its pixels by it.

    Args:
        image: float32 (1, height, width, channels) in [0, 1].
        alpha: float32 (1, height, width, 1) in [0, 1], or None.
        size: (height, width) in pixels.

    Returns:
        The resized image and its alpha.
    """
    if alpha is None or image.shape[1:3] == tuple(size):
        return resize_photo(image, size), alpha

    def sharp(pixels):
        return resize(pixels, size, antialias=True, method="lanczos3")

    # Where alpha is small, the colours of all neighbours count.
    resized = sharp(image * alpha) + (1 - sharp(alpha)) * sharp(image)
    return np.clip(resized, 0.0, 1.0), np.clip(resize(alpha, size, antialias=True), 0.0, 1.0)


def resize_picture(picture: Picture, long_side: int) -> Picture:
    """Resizes a `Picture` by `resize_cut_out` to a long side in pixels."""
    size = fit_size(picture.image.shape[1:3], long_side)
    image, alpha = resize_cut_out(picture.image, picture.alpha, size)
    return replace(picture, image=image, alpha=alpha)


def pick_nearest(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resizes an image by nearest neighbour, exactly as Pillow and Keras's `load_img` do.

    Args:
        image: An array (1, height, width, channels).
        size: (height, width) in pixels.

    Returns:
        An array (1, *size, channels).
    """
    # Accumulated as in Pillow, whose rounding decides between two pixels at equal distance.
    rows, columns = (
        np.cumsum(np.r_[0.5, np.ones(new - 1)] * (old / new)).astype(int)
        for old, new in zip(image.shape[1:3], size, strict=True)
    )
    return image[:, rows[:, np.newaxis], columns]


def fill_size(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resizes and centre-crops an image to a size, without changing its aspect ratio.

    Args:
        image: float32 (1, height, width, channels) in [0, 1].
        size: (height, width) in pixels.

    Returns:
        A float32 array (1, *size, channels) in [0, 1].
    """
    old = image.shape[1:3]
    scale = min(have / want for have, want in zip(old, size, strict=True))
    crop = [min(have, max(1, round(want * scale))) for have, want in zip(old, size, strict=True)]
    top, left = ((have - want) // 2 for have, want in zip(old, crop, strict=True))
    cropped = image[:, top : top + crop[0], left : left + crop[1]]
    return resize_photo(cropped, size)


def shrink(image: np.ndarray, long_side: int) -> np.ndarray:
    """Resizes an image so that its longer side is at most `long_side`.

    Args:
        image: float32 (1, height, width, channels) in [0, 1].
        long_side: The largest length of the longer side in pixels.

    Returns:
        A float32 array in [0, 1]; `image` itself if it is small enough.
    """
    size = image.shape[1:3]
    return image if max(size) <= long_side else resize_photo(image, fit_size(size, long_side))
