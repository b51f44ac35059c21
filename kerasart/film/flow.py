"""Optical flow between frames, warping along it, and masks of where it can be trusted."""

from __future__ import annotations

from typing import Any

import numpy as np

# Frames smaller than this have no DIS flow.
LEAST_SIDE = 12
# OpenCV's DIS reads beyond wide frames of fewer rows, and ends the process.
_LEAST_ROWS = 32

# Below the first mean difference between a frame and the warped one before, flow is trusted fully;
# above the second not at all: there the brightness changed, or something was uncovered.
_DIFFERENCES = 0.06, 0.12
_WIDENED = 2  # Pixels by which untrusted areas grow: flow is blurred at the edges of motion.
_BLUR = 0.8  # Standard deviation, in pixels, of the blur of a mask.


def find_flow(now: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Estimates optical flow by dense inverse search (DIS).

    Source: Kroeger et al. 2016, "Fast Optical Flow using Dense Inverse Search" (arXiv 1603.03590),
    as OpenCV implements it, with its preset "fast".

    Args:
        now: A frame, float32 RGB (1, height, width, 3) in [0, 1], each side at least 12 pixels.
        before: The frame before, of that shape.

    Returns:
        float32 (height, width, 2): for each pixel of `now` the (x, y) displacement in pixels to
        its place in `before`.

    Raises:
        ImportError: If OpenCV is not installed.
    """
    cv2 = opencv()
    dense = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    return dense.calc(_grey(now), _grey(before), None)[: now.shape[1]]


def warp(image: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Moves the frame before along backward flow to where its content is now.

    Bicubic: by bilinear interpolation what is warped again and again gets blurred. It overshoots
    the image's range a little.

    Args:
        image: float32 (1, height, width, channels), at most 4 channels.
        flow: float32 (height, width, 2), as `find_flow(now, before)`.

    Returns:
        float32 of the shape of `image`; from outside the frame its border is repeated.
    """
    cv2 = opencv()
    rows, columns = np.indices(flow.shape[:2], np.float32)
    x, y = columns + flow[..., 0], rows + flow[..., 1]
    moved = cv2.remap(image[0], x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return moved.reshape(image.shape)


def shift(image: np.ndarray, rows: float, columns: float, size: tuple[int, int]) -> np.ndarray:
    """Moves an image down and to the right by fractions of pixels, reflected at the border.

    Args:
        image: float32 (1, height, width, channels), at most 4 channels.
        rows: Pixels down.
        columns: Pixels to the right.
        size: (height, width) of the result, whose first row and column is the image's at 0, 0.

    Returns:
        float32 (1, *size, channels).
    """
    cv2 = opencv()
    matrix = np.array([[1, 0, columns], [0, 1, rows]], np.float32)
    options = {"flags": cv2.INTER_CUBIC, "borderMode": cv2.BORDER_REFLECT_101}
    moved = cv2.warpAffine(image[0], matrix, size[::-1], **options)
    return moved.reshape(1, *size, image.shape[-1])


def find_trust(
    back: np.ndarray, forth: np.ndarray, now: np.ndarray, before: np.ndarray
) -> np.ndarray:
    """Masks where backward flow can be trusted.

    Not where forward flow does not lead back, or outside the frame before; and less where colours
    differ. Untrusted areas are widened a little, and the mask is blurred.

    Source: Sundaram et al. 2010, with the constants of Ruder et al. 2016 (arXiv 1604.08610,
    equation 5); the comparison of colours is ours. Their motion edges (equation 6) are left out: in
    DIS flow they are all over areas that stand still, and what is wrong there differs in colour.

    Args:
        back: `find_flow(now, before)`, float32 (height, width, 2).
        forth: `find_flow(before, now)`.
        now: A frame, float32 RGB (1, height, width, 3) in [0, 1].
        before: The frame before.

    Returns:
        float32 (1, height, width, 1) in [0, 1].
    """
    cv2 = opencv()
    is_bad = ~is_consistent(back, forth)
    widened = cv2.dilate(is_bad.astype(np.float32), np.ones((2 * _WIDENED + 1,) * 2, np.uint8))
    difference = cv2.absdiff(now[0], warp(before, back)[0])
    difference = cv2.blur(cv2.transform(difference, np.full((1, 3), 1 / 3)), (3, 3))
    least, most = _DIFFERENCES
    alike = np.clip((most - difference) / (most - least), 0.0, 1.0)
    trust = cv2.GaussianBlur((1 - widened) * alike, (0, 0), _BLUR)
    trust[is_bad] = 0.0
    return trust[np.newaxis, ..., np.newaxis]


def is_consistent(back: np.ndarray, forth: np.ndarray) -> np.ndarray:
    """Masks where forward flow leads back to where backward flow came from, inside the frame.

    Source: Sundaram et al. 2010, as in Ruder et al. 2016 (arXiv 1604.08610, equation 5).

    Args:
        back: `find_flow(now, before)`, float32 (height, width, 2).
        forth: `find_flow(before, now)`.

    Returns:
        bool (height, width).
    """
    cv2 = opencv()
    height, width = back.shape[:2]
    rows, columns = np.indices((height, width), np.float32)
    x, y = columns + back[..., 0], rows + back[..., 1]
    there = cv2.remap(forth, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    # To the outer edge of the pixels at the border: where the camera stands, flow is not exactly 0.
    is_inside = (x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)
    lengths = _squares(back) + _squares(there)
    return is_inside & (_squares(back + there) <= 0.01 * lengths + 0.5)


def _squares(flow: np.ndarray) -> np.ndarray:
    """The squared lengths of the vectors of a flow."""
    x, y = opencv().split(flow)
    return x * x + y * y


def _grey(image: np.ndarray) -> np.ndarray:
    cv2 = opencv()
    pixels = np.rint(np.clip(image[0], 0.0, 1.0) * 255).astype(np.uint8)
    below = max(0, _LEAST_ROWS - len(pixels))
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    return cv2.copyMakeBorder(grey, 0, below, 0, 0, cv2.BORDER_REPLICATE)


def opencv() -> Any:
    """Imports OpenCV.

    Raises:
        ImportError: If it is not installed.
    """
    try:
        import cv2
    except ImportError as error:
        raise ImportError(
            "Optical flow needs OpenCV: pip install 'kerasart[video]'. Received: "
            f"{str(error).splitlines()[0]}"
        ) from error
    cv2.ocl.setUseOpenCL(False)  # It computes other numbers.
    return cv2
