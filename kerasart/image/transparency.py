"""`fill_hidden`: fills the colours under full transparency."""

import numpy as np
from PIL import Image

_ROWS = 256  # Taken at once, an even number.


def fill_hidden(image: np.ndarray, alpha: np.ndarray) -> None:
    """Replaces colours under full transparency by a smooth continuation of those around them.

    Hidden colours are arbitrary, often of what was cut away, and a network would see them.

    Args:
        image: float32 RGB (height, width, 3) in [0, 1], changed in place.
        alpha: float32 (height, width, 1) in [0, 1].
    """
    if alpha.all():
        return
    height, width = alpha.shape[:2]
    around = np.empty((-(-height // 2), -(-width // 2), 4), np.float32)
    for top in range(0, height, _ROWS):
        rows = slice(top, top + _ROWS)
        seen = np.concatenate([image[rows] * alpha[rows], alpha[rows]], axis=-1)
        around[top // 2 : (top + _ROWS) // 2] = _halve(seen)
    around = _spread(around)
    for top in range(0, height, _ROWS):
        rows = slice(top, min(top + _ROWS, height))
        hidden = alpha[rows, :, 0] == 0
        if hidden.any():
            filling = _enlarge(around, (height, width), rows)
            image[rows][hidden] = np.clip(filling[hidden], 0, 1)


def _spread(seen):
    """Composites an image over ever coarser ones of itself, so that no pixel lacks a colour.

    Args:
        seen: float32 (height, width, 4): colours times alpha, and alpha.

    Returns:
        float32 (height, width, 3).
    """
    colours, alpha = seen[..., :3], seen[..., 3:]
    if seen.shape[:2] == (1, 1):
        return colours / alpha if alpha.any() else np.full_like(colours, 0.5)
    size = seen.shape[:2]
    return colours + (1 - alpha) * _enlarge(_spread(_halve(seen)), size, slice(0, size[0]))


def _halve(array):
    """Averages each 2x2 pixels, with zeros beyond the edges."""
    array = np.pad(array, [(0, array.shape[0] % 2), (0, array.shape[1] % 2), (0, 0)])
    rows = array[::2] + array[1::2]
    return (rows[:, ::2] + rows[:, 1::2]) / 4


def _enlarge(array, size, rows):
    """Enlarges an image to a size, of which it computes some rows, a slice."""
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
