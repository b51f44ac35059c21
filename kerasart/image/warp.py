"""The next view of a fall into a picture."""

import math

import numpy as np


def zoom_warp(image, zoom, degrees=0.0, shift=(0.0, 0.0)):
    """Enlarges a picture around a point, turns it, and keeps its size: what was at the rim is gone.

    Args:
        image: float32 RGB (1, height, width, 3) in [0, 1].
        zoom: How much larger things get, more than 1.
        degrees: Angle by which they turn, counter-clockwise.
        shift: (down, right): where the centre moves to, as shares of the height and the width; a
            positive share brings into view what is above or to the left.

    Returns:
        A float32 array of the same shape in [0, 1]. Corners that a turn opens mirror the picture.
    """
    from scipy.ndimage import affine_transform

    height, width = image.shape[1:3]
    angle = math.radians(degrees)
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    matrix = turn / zoom
    centre = (np.array([height, width]) - 1) / 2
    offset = centre - matrix @ (centre + np.multiply(shift, [height, width]))
    channels = [
        # Splines of third order: a bilinear picture would blur more with every frame.
        affine_transform(image[0, ..., channel], matrix, offset, order=3, mode="mirror")
        for channel in range(3)
    ]
    return np.clip(np.stack(channels, axis=-1)[np.newaxis], 0.0, 1.0).astype(np.float32)
