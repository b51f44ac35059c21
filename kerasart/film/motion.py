"""`MotionTracker`: the `Motion` from frame to frame of a film; and `is_cut`."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from kerasart.film.flow import LEAST_SIDE, find_flow, find_trust, opencv, warp
from kerasart.image.arrays import fit_size

Flow = Callable[[np.ndarray, np.ndarray], np.ndarray]

# A cut is a mean difference that flow cannot explain, between thumbnails of this long side. In
# four films it was at least 0.187 at their six cuts, and at most 0.076 elsewhere.
_CUT = 0.105
_THUMBNAIL = 96
_REGISTERED = 640  # The long side at which the dominant shift is refined.


class Motion(NamedTuple):
    """How a frame's content moved since the frame before.

    Attributes:
        flow: float32 (height, width, 2): the (x, y) displacement of each pixel to its place in the
            frame before.
        trust: float32 (1, height, width, 1) in [0, 1]: where the flow can be trusted.
        shift: The (rows, columns) by which most of the scene moved, in pixels.
    """

    flow: np.ndarray
    trust: np.ndarray
    shift: tuple[float, float]

    def resize(self, size: tuple[int, int]) -> Motion:
        """Returns the motion of frames resized to (height, width)."""
        old = self.flow.shape[:2]
        if size == old:
            return self
        down, right = size[0] / old[0], size[1] / old[1]
        flow = _resize(self.flow, size) * np.array([right, down], np.float32)
        trust = _resize(self.trust[0, ..., 0], size)[np.newaxis, ..., np.newaxis]
        return Motion(flow, trust, (self.shift[0] * down, self.shift[1] * right))


class MotionTracker:
    """Watches the frames of a film, one by one.

    Args:
        flow: `flow(now, before) -> flow`, as `find_flow`, which is the default.
    """

    def __init__(self, flow: Flow = find_flow):
        self._flow = flow
        self._before: np.ndarray | None = None

    def __call__(self, image: np.ndarray) -> Motion | None:
        """Returns the motion since the frame before.

        Args:
            image: A frame, float32 RGB (1, height, width, 3) in [0, 1].

        Returns:
            A `Motion`; None for the first frame, and for frames too small for flow.

        Raises:
            ValueError: If `flow` returns anything else than such a flow.
        """
        before, self._before = self._before, image
        if before is None or min(image.shape[1:3]) < LEAST_SIDE:
            return None
        back, forth = self._find(image, before), self._find(before, image)
        trust = find_trust(back, forth, image, before)
        return Motion(back, trust, dominant_shift(image, before, back, trust))

    def _find(self, now, before):
        flow = np.asarray(self._flow(now, before), np.float32)
        expected = (*now.shape[1:3], 2)
        if flow.shape != expected:
            raise ValueError(
                f"`flow` must return vectors of shape {expected}, (height, width, 2) of the frame. "
                f"Received: {flow.shape}"
            )
        if not np.isfinite(flow).all():
            raise ValueError("`flow` must return finite vectors. Received: NaN or infinity")
        return flow

    def restart(self, image: np.ndarray | None = None) -> None:
        """Forgets the frame before, or replaces it."""
        self._before = image


def dominant_shift(
    now: np.ndarray, before: np.ndarray, back: np.ndarray, trust: np.ndarray
) -> tuple[float, float]:
    """Estimates by how much most of the scene moved, to a fraction of a pixel.

    The median of the flow is exact to a few tenths of a pixel only, which would add up from frame
    to frame. It is refined by Gauss-Newton steps on the brightness of what moves like it.

    Source: Lucas and Kanade 1981, "An Iterative Image Registration Technique".

    Args:
        now: A frame, float32 RGB (1, height, width, 3) in [0, 1].
        before: The frame before.
        back: Flow from `now` to `before`, float32 (height, width, 2), as of `find_flow`.
        trust: Where it can be trusted, as of `find_trust`.

    Returns:
        The (rows, columns) of the shift, in pixels; (0, 0) if no flow can be trusted.
    """
    size = now.shape[1:3]
    small = fit_size(size, min(_REGISTERED, max(size)))
    scale = np.array([small[1] / size[1], small[0] / size[0]], np.float32)
    back, is_trusted = _resize(back, small) * scale, _resize(trust[0, ..., 0], small) > 0.5
    if not is_trusted.any():
        return 0.0, 0.0
    cv2 = opencv()
    grey = [cv2.cvtColor(_resize(each[0], small), cv2.COLOR_RGB2GRAY) for each in (now, before)]
    now, before = (cv2.GaussianBlur(each, (0, 0), 1.0) for each in grey)
    flow = np.median(back[is_trusted], axis=0)
    moves_along = (is_trusted & (((back - flow) ** 2).sum(axis=-1) < 1)).astype(np.float32)
    for _ in range(3):
        moved = _move(before, -flow)
        slopes = [
            np.ravel(moves_along * cv2.Sobel(moved, -1, *axes, ksize=1, scale=0.5))
            for axes in [(1, 0), (0, 1)]
        ]
        change = np.ravel(now - moved)
        squares = [[np.dot(a, b) for a in slopes] for b in slopes]
        products = [np.dot(each, change) for each in slopes]
        flow = flow + np.linalg.lstsq(squares, products, rcond=None)[0]
    x, y = flow / scale
    return -float(y), -float(x)


def is_cut(now: np.ndarray, before: np.ndarray) -> bool:
    """Whether a film cuts to another shot between two frames.

    Args:
        now: A frame, float32 RGB (1, height, width, 3) in [0, 1].
        before: The frame before.

    Returns:
        True if optical flow leaves a large difference between small versions of the two.
    """
    return unexplained_difference(now, before) > _CUT


def unexplained_difference(now: np.ndarray, before: np.ndarray) -> float:
    """Returns the mean difference of two frames that motion does not explain, in [0, 1]."""
    now, before = (_thumbnail(each) for each in (now, before))
    if min(now.shape[1:3]) >= LEAST_SIDE:
        before = np.clip(warp(before, find_flow(now, before)), 0.0, 1.0)
    return float(np.abs(now - before).mean())


def _thumbnail(image):
    size = image.shape[1:3]
    return _resize(image[0], fit_size(size, min(_THUMBNAIL, max(size))))[np.newaxis]


def _resize(array, size):
    cv2 = opencv()
    return cv2.resize(array, size[::-1], interpolation=cv2.INTER_AREA)


def _move(array, distance):
    cv2 = opencv()
    matrix = np.column_stack([np.eye(2), distance])
    options = {"flags": cv2.INTER_LANCZOS4, "borderMode": cv2.BORDER_REFLECT_101}
    return cv2.warpAffine(array, matrix, array.shape[::-1], **options)
