"""Films painted frame by frame, steadily: `paint_film`.

Each frame is painted with the motion since the frame before, which a painter uses as its method
does: by optimisation, in a dream, or in one pass. At a cut all that is remembered is dropped.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from kerasart.film import Film, FilmWriter, Frame
from kerasart.film.flow import find_flow
from kerasart.film.motion import Flow, Motion, MotionTracker
from kerasart.image.arrays import fit_size
from kerasart.image.resizing import resize_photo

FilmState = dict[str, np.ndarray]


class Painter(Protocol):
    """What paints the frames of a film, one after another: any function called so."""

    def __call__(
        self, frame: np.ndarray, motion: Motion | None, state: FilmState | None
    ) -> tuple[np.ndarray, FilmState]:
        """Paints the next frame.

        Args:
            frame: float32 RGB (1, height, width, 3) in [0, 1].
            motion: The `Motion` since the frame before; None at the start of a shot, where nothing
                is carried over.
            state: What was returned with the frame before; None at the start of the film.

        Returns:
            The painted frame, float32 RGB in [0, 1], and the state for the next one: a dict of
            arrays, with which a run that was killed is resumed.
        """


@dataclass(frozen=True)
class FilmResult:
    """A film that was painted.

    Attributes:
        path: The file.
        frames: The number of frames in it.
        shots: The numbers of the frames with which shots begin, of those painted in this run.
        seconds: The time that this run took.
        is_whole: False if Ctrl-C ended it early: what is there is a film that plays.
    """

    path: Path
    frames: int
    shots: list[int]
    seconds: float
    is_whole: bool = True


def paint_film(
    film: str | os.PathLike[str] | Film,
    output: str | os.PathLike[str] | FilmWriter,
    painter: Painter,
    *,
    size: int | None = None,
    flow: Flow = find_flow,
    cuts: Collection[float] | None = None,
    on_frame: Callable[[Frame, np.ndarray], object] | None = None,
    **options: Any,
) -> FilmResult:
    """Paints a film: its frames one after another, with its sound, at its times, in its size.

    The frames lie in closed segments in a folder beside the output until all are there. A run that
    was killed is resumed there by the same call, and gives the same film. Memory does not grow with
    the film.

    Args:
        film: The file, or a `Film`, which can be a part of a file.
        output: Where to write: .mp4, .mov, .mkv, .webm, .gif, .webp or .png; or a `FilmWriter`.
        painter: A `Painter`, such as a `FilmStylizer`.
        size: Long side of the painted frames in pixels; None is the film's own.
        flow: `flow(now, before)`, as `find_flow`: optical flow of another kind.
        cuts: Times of cuts in seconds, where a shot begins; None finds them.
        on_frame: `on_frame(frame, painted)`, called after each frame.
        **options: Further arguments of `FilmWriter`, such as `quality`, `sound`, and `fingerprint`:
            all that determines how the painter paints, since only the same run is resumed.

    Returns:
        A `FilmResult`.

    Raises:
        ImportError: If PyAV or OpenCV is missing.
        ValueError: If the film cannot be read, or an argument is not allowed.
        OSError: If the output cannot be written.
    """
    start = time.perf_counter()
    film = film if isinstance(film, Film) else Film(film)
    writer = output if isinstance(output, FilmWriter) else FilmWriter(output, film, **options)
    state, shots, is_whole = writer.state, [], True
    try:
        for frame, motion in _frames_with_motion(film, writer.done, flow, cuts, size):
            if motion is None:
                shots.append(frame.number)
            if writer.segment_is_full:
                writer.close_segment(state)
            painted, state = painter(frame.image, motion, state)
            writer.write(frame, painted)
            if on_frame:
                on_frame(frame, painted)
    except KeyboardInterrupt:
        if not writer.done:
            raise
        is_whole = False
    count = writer.done
    return FilmResult(writer.finish(), count, shots, time.perf_counter() - start, is_whole)


def _frames_with_motion(film, first, flow, cuts, size):
    """Yields the frames from a number on, resized, with the `Motion` to each."""
    tracker = MotionTracker(flow, finds_cuts=cuts is None)
    before = None
    for frame in film.frames(max(0, first - 1)):
        frame = _resize(frame, film, size)
        is_cut = before is not None and any(before < cut <= frame.time for cut in cuts or ())
        before = frame.time
        if frame.number < first or is_cut:
            tracker.restart(None if is_cut else frame.image)
        if frame.number >= first:
            yield frame, tracker(frame.image)


def _resize(frame, film, size):
    if size in (None, max(film.size)):
        return frame
    return replace(frame, image=np.asarray(resize_photo(frame.image, fit_size(film.size, size))))


def preview_film(
    film: Film, painter: Painter, count: int = 6, size: int | None = None
) -> tuple[list[tuple[Frame, np.ndarray]], float]:
    """Paints a few frames spread over a film, each after the frame before it.

    Args:
        film: The `Film`.
        painter: As in `paint_film`.
        count: The number of frames.
        size: As in `paint_film`.

    Returns:
        Pairs of frame and painted frame; and the median of the seconds that one took, its motion
        included, without the frame before it, which begins a shot and may take longer.
    """
    painted, seconds = [], []
    for i in range(count):
        start = (film.start or 0) + (film.duration or 0) * i / count
        part = Film(film.path, float(start), film.stop, film.every)
        state = None
        frames = itertools.islice(_frames_with_motion(part, 0, find_flow, None, size), 2)
        before = time.perf_counter()
        for frame, motion in frames:
            image, state = painter(frame.image, motion, state)
            if motion is not None:
                seconds.append(time.perf_counter() - before)
            before = time.perf_counter()
        painted.append((frame, image))
    return painted, float(np.median(seconds)) if seconds else float("nan")
