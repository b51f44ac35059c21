"""`find_shots`: the shots of a film, which can be painted apart."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import NamedTuple

from kerasart.film.motion import is_cut
from kerasart.film.reader import Film, Frame
from kerasart.image.arrays import fit_size
from kerasart.image.resizing import resize_cut_out
from kerasart.settings.film import check_cuts

_log = logging.getLogger("kerasart")


class Shot(NamedTuple):
    """A part of a film between two cuts.

    Attributes:
        first: The number of its first frame.
        stop: The number of the frame after its last.
        pts: The presentation timestamp of its first frame.
        film: `Film.identity()` of that in which its frames are numbered.
    """

    first: int
    stop: int
    pts: int
    film: dict[str, str | int | None]


def find_shots(
    film: str | os.PathLike[str] | Film, cuts: Collection[float] | None = None
) -> list[Shot]:
    """Finds where the shots of a film begin, as `paint_film` does.

    Args:
        film: The file, or a `Film`, which can be a part of a file.
        cuts: Times of cuts in seconds, where a shot begins; None finds them.

    Returns:
        Its shots, in order: all its frames.

    Raises:
        ImportError: If PyAV or OpenCV is missing.
        ValueError: If the film cannot be read, or `cuts` are not times in it.
    """
    film = film if isinstance(film, Film) else Film(film)
    check_cuts(cuts, film)
    identity = film.identity()
    shots: list[Shot] = []
    for frame, begins_shot in frames_of_shots(film, cuts=cuts):
        if begins_shot:
            shots.append(Shot(frame.number, frame.number, frame.pts, identity))
        shots[-1] = shots[-1]._replace(stop=frame.number + 1)
    return shots


def frames_of_shots(
    film: Film,
    first: int = 0,
    stop: int | None = None,
    pts: int | None = None,
    cuts: Collection[float] | None = None,
) -> Iterator[tuple[Frame, bool]]:
    """Yields frames as `Film.frames`, and whether a shot begins with each, as with the first."""
    before: Frame | None = None
    for frame in film.frames(first, stop, pts):
        if before is None:
            yield frame, True
        elif cuts is None:
            yield frame, is_cut(frame.image, before.image)
        else:
            yield frame, any(before.time < cut <= frame.time for cut in cuts)
        before = frame
    if before and cuts is not None and stop is None and film.stop is None:
        for cut in cuts:
            if cut > before.time:
                _log.warning("The film '%s' has no frame at the cut, %s s", film.path, cut)


def resize_frame(frame: Frame, size: int | None) -> Frame:
    """Resizes a frame to a long side; None is its own."""
    if size is None:
        return frame
    new = fit_size(frame.image.shape[1:3], size)
    image, alpha = resize_cut_out(frame.image, frame.alpha, new)
    return replace(frame, image=image, alpha=alpha)
