"""`fill_hidden`: fills the colours under full transparency."""

import numpy as np
from PIL import Image

_ROWS = 256  # Processed at a time; even, to be halved.


def fill_hidden(image: np.ndarray, alpha: np.ndarray) -> None:
    """Replaces colours under full transparency by a smooth continuation of the visible ones.

    Hidden colours are arbitrary, often of the background that was cut away, yet a network sees
    them.

    Args:
        image: float32 RGB (height, width, 3) in [0, 1], changed in place.
        alpha: float32 (height, width, 1) in [0, 1].
    """
    if alpha.all():
        return
    height, width = alpha.shape[:2]
    half = np.empty((-(-height // 2), -(-width // 2), 4), np.float32)
    for top in range(0, height, _ROWS):
        rows = slice(top, top + _ROWS)
        premultiplied = np.concatenate([image[rows] * alpha[rows], alpha[rows]], axis=-1)
        half[top // 2 : (top + _ROWS) // 2] = _halve(premultiplied)
    filled = _fill(half)
    for top in range(0, height, _ROWS):
        rows = slice(top, min(top + _ROWS, height))
        hidden = alpha[rows, :, 0] == 0
        if hidden.any():
            colours = _enlarge(filled, (height, width), rows)
            image[rows][hidden] = np.clip(colours[hidden], 0, 1)


def _fill(image):
    """Composites an image over ever coarser versions of itself, which fills every pixel.

    Args:
        image: float32 (height, width, 4): premultiplied colours and alpha.

    Returns:
        float32 (height, width, 3).
    """
    colours, alpha = image[..., :3], image[..., 3:]
    if image.shape[:2] == (1, 1):
        return colours / alpha if alpha.any() else np.full_like(colours, 0.5)
    size = image.shape[:2]
    return colours + (1 - alpha) * _enlarge(_fill(_halve(image)), size, slice(0, size[0]))


def _halve(array):
    """Averages blocks of 2 x 2 pixels, zero-padded at the edges."""
    array = np.pad(array, [(0, array.shape[0] % 2), (0, array.shape[1] % 2), (0, 0)])
    rows = array[::2] + array[1::2]
    return (rows[:, ::2] + rows[:, 1::2]) / 4


def _enlarge(array, size, rows):
    """Enlarges an image to a size, and computes only a slice of its rows."""
    height, width = size
    scale = array.shape[0] / height
    box = (0, rows.start * scale, array.shape[1], rows.stop * scale)
    channels = [
        Image.fromarray(np.ascontiguousarray(array[..., i])).resize(
            (width, rows.stop - rows.start), Image.Resampling.BILINEAR, box
        )
        for i in range(array.shape[-1])
    ]
    return np.stack(channels, axis=-1)
