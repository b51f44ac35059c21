"""Reads, resizes and combines masks: weights of an image's pixels."""

import logging
from os import PathLike

import numpy as np
from numpy.typing import ArrayLike

from kerasart.image.arrays import as_array, as_image, as_pixels, fit_size
from kerasart.image.colour import luminance
from kerasart.image.files import Picture, read_picture

_logger = logging.getLogger("kerasart")


def read_mask(path: str | PathLike[str], max_pixels: int | None = None) -> np.ndarray:
    """Reads an image file as a soft mask: 1 where it is white, 0 where black or transparent.

    Args:
        path, max_pixels: As for `read_picture`, whose errors this raises.

    Returns:
        float32 (1, height, width, 1) in [0, 1]: luminance times alpha.
    """
    picture = read_picture(path, max_pixels)
    mask = luminance(picture.image)
    return mask if picture.alpha is None else mask * picture.alpha


def fit_mask(mask: ArrayLike, size: tuple[int, int], name: str) -> np.ndarray:
    """Converts a mask to float32 and to the size of its image.

    A mask of another size is resized; where that changes its proportions by more than rounding,
    with a warning on the logger "kerasart".

    Args:
        mask: Array of shape (height, width), (height, width, 1) or (1, height, width, 1); bool,
            uint8 in [0, 255] or floating point in [0, 1].
        size: (height, width) of the image.
        name: The mask's name in messages.

    Returns:
        float32 (1, *size, 1) in [0, 1].

    Raises:
        ValueError: If the shape, data type or range is not allowed, or the mask is zero everywhere.
    """
    mask = as_array(mask, name)
    if mask.ndim == 2:
        mask = mask[..., np.newaxis]
    if mask.dtype == bool:
        mask = mask.astype(np.float32)
    mask = as_pixels(mask, channels=1, name=name)
    if not mask.any():
        raise ValueError(
            f"`{name}` must mark something with values above 0. "
            f"Received: only zeros, of size {mask.shape[1:3]}"
        )
    return mask if mask.shape[1:3] == tuple(size) else _resized(mask, size, name)


def split_picture(picture: Picture | ArrayLike, name: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Splits a `Picture` into its image and its alpha as a mask.

    Args:
        picture: A `Picture`, or RGB as `as_image` accepts it.
        name: Its name in error messages.

    Returns:
        The image as `as_image` returns it, and a mask of its size, or None without alpha.

    Raises:
        ValueError: If it is not an image, or fully transparent.
    """
    if not isinstance(picture, Picture):
        return as_image(picture, name), None
    image, alpha = as_image(picture.image, name), picture.alpha
    if alpha is None:
        return image, None
    if not np.any(alpha):
        raise ValueError(f"`{name}` must be opaque somewhere. Received: a transparent picture")
    return image, fit_mask(alpha, image.shape[1:3], name)


def combine_masks(mask: ArrayLike | None, alpha: np.ndarray | None, name: str) -> ArrayLike | None:
    """Multiplies a mask by an image's alpha.

    Args:
        mask: As `fit_mask` accepts it, or None for 1 everywhere.
        alpha: The image's, float32 (1, height, width, 1) in [0, 1], or None for 1 everywhere.
        name: The mask's name in messages.

    Returns:
        A mask of the image's size; `mask` itself if alpha is 1 everywhere.

    Raises:
        ValueError: If `fit_mask` does not accept `mask`.
    """
    if alpha is None or alpha.min() == 1:
        return mask
    if mask is None:
        return alpha
    return alpha * fit_mask(mask, alpha.shape[1:3], name)


def _resized(mask, size, name):
    own_size = mask.shape[1:3]
    if np.abs(np.subtract(fit_size(own_size, max(size)), size)).max() > 1:
        _logger.warning(
            "`%s` of %d x %d pixels (height x width) is resized to the picture's %d x %d, "
            "which changes its proportions.",
            name,
            *own_size,
            *size,
        )
    from kerasart.image.resizing import resize  # Here, since it imports TensorFlow.

    resized = np.asarray(resize(mask, size, antialias=True))
    return np.clip(resized, 0, 1)  # rounding may exceed 1
