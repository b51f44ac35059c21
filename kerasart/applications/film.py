"""Films painted frame by frame, steadily: `paint_film`.

Each frame is painted with the motion since the frame before, which a painter uses as its method
does: by optimisation, in a dream, or in one pass. At a cut all that is remembered is dropped.
"""

from __future__ import annotations

import logging
import math
import os
import reprlib
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from kerasart.applications.film_shots import Shot, frames_of_shots, resize_frame
from kerasart.film import Film, FilmWriter, Frame
from kerasart.film.flow import find_flow
from kerasart.film.motion import Flow, Motion, MotionTracker
from kerasart.film.video_file import CutOffError
from kerasart.film.writer import Gap
from kerasart.image.arrays import fit_size
from kerasart.image.atomic_files import check_path
from kerasart.image.formats import check_pixels
from kerasart.settings.checks import check, is_whole
from kerasart.settings.film import check_cuts

_log = logging.getLogger("kerasart")

FilmState = dict[str, np.ndarray]

_SMALLEST = 16  # Pixels.


def name_arrays(name: str, arrays: Sequence[Any]) -> FilmState:
    """Makes a part of a state of arrays, whose names end with their numbers."""
    return {f"{name}{i}": np.asarray(array) for i, array in enumerate(arrays)}


def list_arrays(name: str, state: FilmState) -> tuple[np.ndarray, ...]:
    """Returns the arrays that `name_arrays` put into a state."""
    count = sum(each.startswith(name) for each in state)
    return tuple(state[f"{name}{i}"] for i in range(count))


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
            state: What was returned with the frame before; None at the start of a shot.

        Returns:
            The painted frame, float32 RGB in [0, 1], and the state for the next one: a dict of
            arrays, with which a run that was killed is resumed.
        """


@dataclass(frozen=True)
class FilmResult:
    """A film that was painted.

    Attributes:
        path: The file; with `shots`, the one that it will be.
        frames: The number of frames in it; with `shots`, of those painted in this run.
        shots: The numbers of the frames with which shots begin, of those painted in this run.
        seconds: The time that this run took.
        is_whole: False if Ctrl-C ended it early: what is there is a film that plays.
    """

    path: Path
    frames: int
    shots: list[int]
    seconds: float
    is_whole: bool = True


@contextmanager
def _each_warning_once():
    """Keeps what holds for all frames, such as a mask's proportions, from being said at each."""
    said = set()

    def is_new(record):
        message = record.getMessage()
        is_known = message in said
        said.add(message)
        return not is_known

    _log.addFilter(is_new)
    try:
        yield
    finally:
        _log.removeFilter(is_new)


@_each_warning_once()
def paint_film(
    film: str | os.PathLike[str] | Film,
    output: str | os.PathLike[str] | FilmWriter,
    painter: Painter,
    *,
    size: int | None = None,
    flow: Flow = find_flow,
    cuts: Collection[float] | None = None,
    shots: Sequence[Shot] | None = None,
    on_frame: Callable[[Frame, np.ndarray], object] | None = None,
    fingerprint: Mapping[str, Any] | None = None,
    **options: Any,
) -> FilmResult:
    """Paints a film: its frames one after another, with its sound, at its times, in its size.

    The frames lie in closed segments in a folder beside the output until all are there. A run that
    was killed is resumed there by the same call, and gives the same film. Memory does not grow with
    the film.

    Several processes, or machines with a common file system, can paint different shots of a film:
    each calls this with some of `find_shots`. After them, the same call without `shots` paints
    what is missing, if any is, and joins the film: the same, to the byte, as that of one call. What
    a process that runs has to paint is refused to all others.

    Args:
        film: The file, or a `Film`, which can be a part of a file.
        output: Where to write: .mp4, .mov, .mkv, .webm, .gif, .webp, .png or .apng; or a
            `FilmWriter`.
        painter: A `Painter`, such as a `FilmStylizer`.
        size: Long side of the painted frames in pixels; None is the film's own.
        flow: `flow(now, before)`, as `find_flow`: optical flow of another kind.
        cuts: As for `find_shots`, which those of `shots` must have been found with.
        shots: The shots to paint, of those of `find_shots`; None paints and joins the film.
        on_frame: `on_frame(frame, painted)`, called after each frame.
        fingerprint: All that determines how the painter paints, as JSON can hold it, since only the
            same run is resumed. Without it, a run goes on with whatever painter it is given.
        **options: Further arguments of `FilmWriter`, such as `quality` and `sound`.

    Returns:
        A `FilmResult`.

    Raises:
        ImportError: If PyAV or OpenCV is missing.
        ValueError: If the film cannot be read, or an argument is not allowed. If it is the rest of
            the film that cannot be read, the frames before are written.
        FileExistsError: If another process paints some of the same frames.
        OSError: If the output cannot be written.
    """
    start = time.perf_counter()
    check(callable(painter), "painter", "a function (see `Painter`)", painter)
    check(callable(flow), "flow", "a function, as find_flow", flow)
    check(on_frame is None or callable(on_frame), "on_frame", "None, or a function", on_frame)
    is_mapping = fingerprint is None or isinstance(fingerprint, Mapping)
    check(is_mapping, "fingerprint", "None, or a dict of what JSON can hold", fingerprint)
    check(shots is None or isinstance(shots, Sequence), "shots", "None, or a list", shots)
    if not isinstance(output, FilmWriter):
        check_path(output, "output")
    is_allowed = size is None or is_whole(size) and size >= _SMALLEST
    check(is_allowed, "size", f"None, or a whole number of pixels from {_SMALLEST}", size)
    film = film if isinstance(film, Film) else Film(film)
    check_cuts(cuts, film)
    if size is not None:
        check_pixels(fit_size(film.size, size), None, "size")
    identity = film.identity()
    for shot in shots or ():
        is_of_film = isinstance(shot, Shot) and shot.film == identity
        check(is_of_film, "shots", f"found in the same part of a film, {identity}", shot)
    if isinstance(output, FilmWriter):
        writer = output
    else:
        settings = {"size": size, "cuts": cuts if cuts is None else sorted(cuts)}
        writer = FilmWriter(output, film, fingerprint=settings | dict(fingerprint or {}), **options)
    starts, count, path = [], 0, writer.path
    end: KeyboardInterrupt | CutOffError | None = None
    with writer.claim([(0, None)] if shots is None else [shot[:2] for shot in shots]):
        try:
            for gap, pts in _parts(writer, shots):
                frames = _frames_with_motion(film, gap, pts, flow, cuts, size)
                for frame, painted, begins_shot in _paint(frames, painter, writer, gap.state):
                    starts += [frame.number] if begins_shot else []
                    count += 1
                    if on_frame:
                        on_frame(frame, painted)
        except (KeyboardInterrupt, CutOffError) as error:
            if shots is not None or writer.done < 2:  # The last may not be written whole.
                raise
            end = error
        if shots is None:
            count, path = writer.done, writer.finish()
    if isinstance(end, CutOffError):
        _log.warning("The frames so far are in '%s'", path)
        raise end
    return FilmResult(path, count, starts, time.perf_counter() - start, end is None)


def _paint(frames, painter, writer, state):
    """Paints and writes frames; yields each, its painting, and whether a shot begins with it."""
    for frame, motion in frames:
        if motion is None or writer.segment_is_full:
            writer.close_segment(state)
        answer = painter(frame.image, motion, None if motion is None else state)
        painted, state = _checked(answer)
        writer.write(frame, painted)
        yield frame, painted, motion is None
    writer.close_segment()


def _checked(answer):
    """Raises ValueError if a painter gave no picture, or a state that cannot be read again."""
    is_pair = isinstance(answer, tuple) and len(answer) == 2 and isinstance(answer[1], dict | None)
    state = (answer[1] or {}) if is_pair else {}
    # Two names are those of arguments of `numpy.savez`.
    are_named = all(isinstance(x, str) and x not in ("file", "allow_pickle") for x in state)
    if not (is_pair and are_named) or any(np.asarray(x).dtype == object for x in state.values()):
        raise ValueError(
            "`painter` must return a picture, and its state: a dict of names (but file "
            "and allow_pickle) to arrays, or None. "
            f"Received: {reprlib.repr(answer)}"
        )
    return answer


def _parts(writer, shots):
    """Yields what is to be painted: a `Gap`, and the timestamp of the first frame to be read."""
    if shots is None:
        for gap in writer.gaps():
            yield gap, gap.before
        return
    for shot in shots:
        for gap in writer.gaps(shot.first, shot.stop):
            is_start = gap.first == shot.first
            yield (gap._replace(before=None), shot.pts) if is_start else (gap, gap.before)


def _frames_with_motion(film, gap, pts, flow, cuts, size):
    """Yields the frames of a gap, resized, with the `Motion` to each.

    The first that is read has the timestamp `pts`: it is the one before the gap if that is painted.
    """
    tracker = MotionTracker(flow)
    first = gap.first if gap.before is None else gap.first - 1
    # Cuts are looked for before frames are resized: in every size they are the same.
    for frame, begins_shot in frames_of_shots(film, first, gap.stop, pts, cuts):
        if begins_shot:
            tracker.restart()
        frame = resize_frame(frame, size)
        motion = tracker(frame.image)
        if frame.number >= gap.first:
            yield frame, motion


@_each_warning_once()
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
    start, length = float(film.start or 0), film.measure()
    for i in range(count):
        near = start + length * i / count
        pts, first_two = math.ceil(near / film.time_base), Gap(0, 2, None, None)
        shown, state = [], None
        before = time.perf_counter()
        for frame, motion in _frames_with_motion(film, first_two, pts, find_flow, None, size):
            image, state = painter(frame.image, motion, state)
            shown = [(frame, image)]
            if motion is not None:
                seconds.append(time.perf_counter() - before)
            before = time.perf_counter()
        painted += shown  # Behind the last frame of a short film there is none.
    return painted, float(np.median(seconds)) if seconds else float("nan")
