"""`zoom_warp`: the zoom and rotation from one frame of an animation to the next."""

import math

import numpy as np


def zoom_warp(
    image: np.ndarray,
    zoom: float,
    degrees: float = 0.0,
    shift: tuple[float, float] = (0.0, 0.0),
) -> np.ndarray:
    """Zooms into and rotates an image around its centre, and translates it; the size stays.

    Args:
        image: float32 RGB (1, height, width, 3) in [0, 1].
        zoom: Magnification, more than 1.
        degrees: Angle of rotation, counterclockwise.
        shift: (down, right): translation of the content, as fractions of height and width.

    Returns:
        A float32 array of the same shape in [0, 1]. Corners exposed by the rotation are filled by
        mirroring.
    """
    from scipy.ndimage import affine_transform

    height, width = image.shape[1:3]
    angle = math.radians(degrees)
    rotation = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    matrix = rotation / zoom
    centre = (np.array([height, width]) - 1) / 2
    offset = centre - matrix @ (centre + np.multiply(shift, [height, width]))
    channels = [
        # Cubic splines: bilinear interpolation would blur more with every frame.
        affine_transform(image[0, ..., channel], matrix, offset, order=3, mode="mirror")
        for channel in range(3)
    ]
    return np.clip(np.stack(channels, axis=-1)[np.newaxis], 0.0, 1.0).astype(np.float32)
