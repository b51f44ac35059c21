"""Converts arrays to images, float32 RGB (1, height, width, 3) in [0, 1], and checks them."""

import numpy as np
from numpy.typing import ArrayLike


def as_image(array: ArrayLike, name: str = "image") -> np.ndarray:
    """Converts an array to an image as the whole package represents it.

    Args:
        array: Array or tensor of shape (height, width, 3) or (1, height, width, 3), either uint8
            in [0, 255] or floating point in [0, 1].
        name: The array's name in error messages.

    Returns:
        A float32 NumPy array of shape (1, height, width, 3) in [0, 1].

    Raises:
        ValueError: If the shape, the data type or the range is not allowed.
    """
    return as_pixels(array, channels=3, name=name)


def as_array(array: ArrayLike, name: str) -> np.ndarray:
    """Converts what may be an array or a list of lists to an array.

    Raises:
        ValueError: If it is a list of lists of different lengths.
    """
    try:
        return np.asarray(array)
    except ValueError as error:
        raise ValueError(f"`{name}` must be an array. Received: {error}") from None


def as_pixels(array: ArrayLike, channels: int, name: str) -> np.ndarray:
    """Does what `as_image` does, for any number of channels."""
    array = as_array(array, name)
    _check_shape(array, channels, name)
    if array.dtype == np.uint8:
        pixels = np.divide(array, 255, dtype=np.float32)
    else:
        _check_values(array, name)
        pixels = array.astype(np.float32, copy=False)
    return pixels if pixels.ndim == 4 else pixels[np.newaxis]


def quantise(image: np.ndarray, bits: int) -> np.ndarray:
    """Rounds floats in [0, 1] to integers of 8 or 16 bits."""
    levels = 2**bits - 1
    return np.floor(image * levels + 0.5).astype(f"uint{bits}")


def fit_size(size: tuple[int, int], long_side: int) -> tuple[int, int]:
    """Scales (height, width) so that the longer side is `long_side` and no side is below 1."""
    scale = long_side / max(size)
    height, width = (max(1, round(side * scale)) for side in size)
    return height, width


def _check_shape(array, channels, name):
    height_and_width = array.shape[-3:-1]
    if (
        array.ndim not in (3, 4)
        or array.shape[-1] != channels
        or array.shape[:-3] not in ((), (1,))
        or 0 in height_and_width
    ):
        # What is no array at all, such as a path or a `Picture`, has no shape to speak of.
        received = f"shape {array.shape}" if array.ndim else f"a {type(array.item()).__name__}"
        raise ValueError(
            f"`{name}` must have shape (height, width, {channels}) or "
            f"(1, height, width, {channels}) and at least one pixel. Received: {received}"
        )


def _check_values(array, name):
    if not np.issubdtype(array.dtype, np.floating):
        raise ValueError(
            f"`{name}` must be uint8 in [0, 255] or floating point in [0, 1]. "
            f"Received: dtype {array.dtype}"
        )
    low, high = array.min(), array.max()
    # A NaN anywhere makes both NaN, and comparisons with NaN are false.
    if not (low >= 0 and high <= 1):
        raise ValueError(
            f"`{name}` must hold floating point values in [0, 1] and no NaN. "
            f"Received: values from {low} to {high}"
        )
