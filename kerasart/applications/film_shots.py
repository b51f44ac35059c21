"""`find_shots`: the shots of a film, which can be painted apart."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from kerasart.film.motion import is_cut
from kerasart.film.reader import Film, Frame
from kerasart.image.arrays import fit_size
from kerasart.image.resizing import resize_photo


class Shot(NamedTuple):
    """A part of a film between two cuts.

    Attributes:
        first: The number of its first frame.
        stop: The number of the frame after its last.
        pts: The presentation timestamp of its first frame.
    """

    first: int
    stop: int
    pts: int


def find_shots(film: str | os.PathLike[str] | Film, size: int | None = None) -> list[Shot]:
    """Finds where the shots of a film begin, as `paint_film` does.

    Args:
        film: The file, or a `Film`, which can be a part of a file.
        size: The size with which it is painted, as in `paint_film`.

    Returns:
        Its shots, in order: all its frames.

    Raises:
        ImportError: If PyAV or OpenCV is missing.
        ValueError: If the film cannot be read.
    """
    film = film if isinstance(film, Film) else Film(film)
    starts: list[tuple[int, int]] = []
    before, number = None, 0
    for frame in resized_frames(film, size):
        if before is None or is_cut(frame.image, before):
            starts.append((frame.number, frame.pts))
        before, number = frame.image, frame.number
    stops = [first for first, _ in starts[1:]] + [number + 1]
    return [Shot(first, stop, pts) for (first, pts), stop in zip(starts, stops, strict=True)]


def resized_frames(
    film: Film,
    size: int | None = None,
    first: int = 0,
    stop: int | None = None,
    pts: int | None = None,
) -> Iterator[Frame]:
    """Yields frames as `Film.frames`, resized to a long side; None is the film's own."""
    for frame in film.frames(first, stop, pts):
        if size in (None, max(film.size)):
            yield frame
        else:
            small = resize_photo(frame.image, fit_size(film.size, size))
            yield replace(frame, image=np.asarray(small))
