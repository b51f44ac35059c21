"""Validates the options of dream animations."""

import math
from collections.abc import Sequence

ANIMATIONS = ("evolution", "zoom", "layers")


def check_motion(
    frames: int,
    zoom: float = 2.0,
    blend: float = 0.0,
    rotate: float = 0.0,
    shift: Sequence[float] = (0.0, 0.0),
) -> None:
    """Checks the options of an animation.

    Args:
        frames: Number of frames, at least 1.
        zoom: Magnification from frame to frame, more than 1.
        blend: Weight of the previous frame, from 0 to less than 1.
        rotate: Rotation from frame to frame, in degrees.
        shift: (down, right): translation as fractions of height and width, between -1 and 1.

    Raises:
        ValueError: If one of them is out of range.
    """
    if frames < 1:
        raise ValueError(f"`frames` must be at least 1. Received: {frames}")
    if not 1 < zoom < math.inf:
        raise ValueError(f"`zoom` must be more than 1, and finite. Received: {zoom}")
    if not 0 <= blend < 1:
        raise ValueError(f"`blend` must be from 0 to less than 1. Received: {blend}")
    if not math.isfinite(rotate):
        raise ValueError(f"`rotate` must be a finite number of degrees. Received: {rotate}")
    if not (len(shift) == 2 and all(-1 < fraction < 1 for fraction in shift)):
        raise ValueError(
            "`shift` must be DOWN,RIGHT with fractions between -1 and 1, such as 0,0.01. "
            f"Received: {','.join(map(str, shift))!r}"
        )
