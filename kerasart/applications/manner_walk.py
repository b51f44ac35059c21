"""`walk_manners`, an animation of a photo whose manner changes from one to the next."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from kerasart.applications.fast_style import Stylizer
from kerasart.settings.checks import check, is_whole
from kerasart.settings.manner import Manner

_LEAST_LENGTH = 1e-6  # Of the way from a stop to the same one.


def walk_manners(
    stylizer: Stylizer,
    image: ArrayLike,
    stops: Sequence[ArrayLike | Manner],
    frames: int = 120,
    first: int = 0,
    **options: Any,
) -> Iterator[np.ndarray]:
    """Paints a photo in manners on the way from stop to stop, the photo itself staying still.

    On the way from one stop to the next, style codes are weighted means of theirs; the frames are
    shared out by how different the pictures at both ends are, so that no step is much larger than
    others. A walk that ends where it began is without the last frame, as it repeats.

    Args:
        stylizer: A `Stylizer` of a network of any style.
        image: The photo, as in `Stylizer.__call__`.
        stops: At least two manners or pictures.
        frames: The number of frames, at least as many as stops.
        first: The number of the first frame to make.
        **options: Further arguments of `Stylizer.__call__`.

    Yields:
        float32 RGB (1, height, width, 3) in [0, 1].

    Raises:
        ValueError: If `stops` or `frames` are too few, or as `Stylizer.__call__`.
    """
    check(len(stops) > 1, "stops", "at least two", len(stops))
    is_enough = is_whole(frames) and frames >= len(stops)
    check(is_enough, "frames", f"at least {len(stops)}, the number of stops", frames)
    is_round = _is_same(stops[0], stops[-1])
    painted = [stylizer(image, stop, **options) for stop in stops]
    for leg, share in share_frames(painted, frames, is_round)[first:]:
        style = [(stops[leg], 1 - share), (stops[leg + 1], share)]
        yield stylizer(image, style, **options)


def _is_same(one, other):
    if isinstance(one, Manner) or isinstance(other, Manner):
        return type(one) is type(other) and one == other
    return np.array_equal(one, other)


def share_frames(
    painted: Sequence[np.ndarray], frames: int, is_round: bool
) -> list[tuple[int, float]]:
    """Shares out the frames of a walk by how different the pictures at its stops are.

    Args:
        painted: The pictures at the stops.
        frames: The number of frames, at least as many as stops.
        is_round: Whether the walk ends where it began, and the last frame is left out.

    Returns:
        For each frame, the number of the stop before it, and the share of the way to the next.
    """
    count = len(painted)
    lengths = [np.abs(after - before).mean() for before, after in pairwise(painted)]
    distances = np.concatenate([[0.0], np.cumsum(np.add(lengths, _LEAST_LENGTH))])
    # Each stop is a frame: a step around a stop would be shorter than others.
    frame_of_stop = np.rint(distances / distances[-1] * (frames if is_round else frames - 1))
    places = np.interp(np.arange(frames), frame_of_stop, np.arange(count))
    legs = [min(int(place), count - 2) for place in places]
    return [(leg, float(place - leg)) for leg, place in zip(legs, places, strict=True)]
