"""`carry` and `blend_warped`, which move what a descent remembers along the motion of a film."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from kerasart.optimization.descent import Descent
from kerasart.optimization.run import State

# What stands for memory that cannot be moved to the next frame, as a part of its mean. Much more
# would slow the painting of what was uncovered.
_UNKNOWN = 0.01

Warp = Callable[[np.ndarray], np.ndarray]


def carry(
    descent: Descent, memory: tuple[Any, ...], image: ArrayLike, warp: Warp, trust: np.ndarray
) -> State:
    """Makes the `State` to start the next frame of a film from, with the memory moved to it.

    With its moments at the places to which their strokes moved, Adam goes on as if nothing had
    happened; with new ones, its first steps would change every pixel, or every coefficient, by the
    learning rate. The running mean starts afresh.

    Args:
        descent: The `Descent`.
        memory: The optimizer's memory of the last step for the frame before, of the same size; or
            () for none.
        image: The image to start from, float32 RGB (1, height, width, 3).
        warp: `warp(array) -> array` moves float32 (1, height, width, 3) to the next frame.
        trust: Where to trust it, float32 (1, height, width, 1) in [0, 1]. Elsewhere the memory is
            about that of a start; but moments of 0 would make specks of a gradient's noise, so they
            are a hundredth of their mean.

    Returns:
        The `State`.
    """
    new = descent.start(image)
    shape = new.image.shape
    if not memory:
        return new
    if descent.parameterization:
        move = partial(descent.parameterization.carry, warp=lambda field: trust * warp(field))
        return new._replace(memory=descent.optimizer.carry(new.memory, memory, move))
    if any(old.shape not in ((), shape) for old in memory):
        return new  # What has no positions in the image cannot be moved.
    return new._replace(
        memory=tuple(
            blend_warped(warp, trust, old, _UNKNOWN * np.mean(old)) if old.shape == shape else old
            for old in memory
        )
    )


def blend_warped(
    warp: Warp, trust: np.ndarray, array: ArrayLike, elsewhere: ArrayLike
) -> np.ndarray:
    """Moves an array along the motion, and takes another where that is not to be trusted.

    Args:
        warp, trust: See `carry`.
        array: float32 (1, height, width, 3).
        elsewhere: What is taken where there is no trust: a scalar, or of the array's shape.

    Returns:
        float32 (1, height, width, 3), in the array's range where it is trusted.
    """
    old = np.asarray(array)
    # A warp that overshoots would make squares negative.
    return trust * np.clip(warp(old), old.min(), old.max()) + (1 - trust) * np.asarray(elsewhere)
