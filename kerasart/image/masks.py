"""Masks: how much each place of a picture counts."""

import logging

import numpy as np

from kerasart.image.arrays import as_image, as_pixels, fit_size
from kerasart.image.colour import luminance
from kerasart.image.files import Picture, read_picture
from kerasart.image.resizing import resize

_logger = logging.getLogger("kerasart")


def read_mask(path, max_pixels=None):
    """Reads a picture file as a soft mask: white counts in full; black, or transparent, not at all.

    Args:
        path: The file, as for `read_picture`.
        max_pixels: As in `read_picture`.

    Returns:
        float32 (1, height, width, 1) in [0, 1]: the luminance, times the alpha if there is one.

    Raises:
        FileNotFoundError, IsADirectoryError, PermissionError, ValueError: As `read_picture`.
    """
    picture = read_picture(path, max_pixels)
    mask = luminance(picture.image)
    return mask if picture.alpha is None else mask * picture.alpha


def fit_mask(mask, size, name):
    """Brings a mask to the form and the size of its picture.

    A mask of another size is resized, with a warning on the logger "kerasart".

    Args:
        mask: Array of shape (height, width), (height, width, 1) or (1, height, width, 1); bool,
            uint8 in [0, 255] or floating point in [0, 1].
        size: (height, width) of the picture.
        name: What messages call the mask.

    Returns:
        float32 (1, *size, 1) in [0, 1].

    Raises:
        ValueError: If the shape, the data type or the range is another one, or all is zero.
    """
    mask = np.asarray(mask)
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


def split_picture(picture, name):
    """Takes a `Picture` for its image and what is seen of it; others are seen as a whole.

    Args:
        picture: A `Picture`, or RGB as `as_image` takes it.
        name: What error messages call it.

    Returns:
        The image as `as_image` gives it, and a mask of its size, or None for all of it.

    Raises:
        ValueError: If it is no picture, or nothing of it is seen.
    """
    if not isinstance(picture, Picture):
        return as_image(picture, name), None
    image, alpha = as_image(picture.image, name), picture.alpha
    return image, None if alpha is None else fit_mask(alpha, image.shape[1:3], name)


def combine_masks(mask, alpha, name):
    """Makes a mask of what counts by a mask, and is not transparent.

    Args:
        mask: As for `fit_mask`, or None for everywhere.
        alpha: float32 (1, height, width, 1) in [0, 1] of the picture, or None for everywhere.
        name: What messages call the mask.

    Returns:
        A mask of the picture's size if there is an alpha, or None for everywhere.

    Raises:
        ValueError: As `fit_mask`.
    """
    if alpha is None or alpha.min() == 1:
        return mask
    if mask is None:
        return alpha
    return alpha * fit_mask(mask, alpha.shape[1:3], name)


def _resized(mask, size, name):
    own_size = mask.shape[1:3]
    same_aspect = fit_size(own_size, max(size)) == tuple(size)
    _logger.warning(
        "`%s` of %d x %d pixels (height x width) is resized to the picture's %d x %d%s.",
        name,
        *own_size,
        *size,
        "" if same_aspect else ", which changes its proportions",
    )
    resized = np.asarray(resize(mask, size, antialias=True))
    return np.clip(resized, 0, 1)  # sums of weights may round to more than 1
