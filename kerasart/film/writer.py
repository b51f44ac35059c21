"""`FilmWriter`: writes the frames made of a film, with all else that the film holds."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from numbers import Integral, Real
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from kerasart.film.output_formats import PictureOutput, VideoOutput
from kerasart.film.reader import Film, Frame
from kerasart.film.segments import SegmentFolder, folder_of
from kerasart.image.arrays import as_image, as_pixels, quantise
from kerasart.image.atomic_files import TAKEN, check_path, claim
from kerasart.image.files import check_place
from kerasart.image.video import CONTAINERS

SUFFIXES = (*CONTAINERS, ".gif", ".webp", ".png", ".apng")
SOUNDS = ("copy", "none")
# Frames of a segment, of which a run that is killed loses at most one, where a frame takes seconds.
SLOW_SEGMENT = 25

LOWEST_QUALITY = 63


class Gap(NamedTuple):
    """Frames of a film that are not written yet.

    Attributes:
        first: The number of the first.
        stop: The number of the frame after the last, or None if they go on to the film's end.
        before: The presentation timestamp of the frame before the first, if that is written.
        state: What was stored with the segment before, or None.
    """

    first: int
    stop: int | None
    before: int | None
    state: dict[str, np.ndarray] | None


class FilmWriter:
    """Writes a film of frames made of another film's: with its times, sound, subtitles, metadata.

    Frames are encoded once, in closed segments in the folder `PATH.film` beside the file, which are
    joined by `finish`. The file appears complete or not at all. A run that was killed is resumed
    by a new writer of the same arguments: what is not in a closed segment is in its `gaps`. It
    decodes to the same frames as a run that was not killed, if the frames are, and the segments.

        film = Film("clip.mp4")
        writer = FilmWriter("painted.mp4", film)
        for gap in writer.gaps():
            for frame in film.frames(gap.first, gap.stop):
                writer.write(frame, paint(frame.image))
        writer.finish()

    Videos are H.264, or HEVC if the film has more than 8 bits, and VP9 in .webm, which also keeps
    transparency; .gif, .webp, .png and .apng are animated pictures, with it and without sound.

    Args:
        path: The file: .mp4, .mov, .mkv, .webm, .gif, .webp, .png or .apng.
        film: The film that the frames are made of.
        quality: The constant rate factor, from 0: lower is better and larger; None for the
            default, at which no loss is seen. Animated pictures have none.
        sound: "copy" the sound, which becomes Opus in .webm, and AAC elsewhere, if the format
            cannot hold it, or "none". It is cut to the frames that are written. A run that is
            resumed may ask for another than before: it is added at the end.
        fingerprint: What else the frames depend on, as JSON can hold it: a run is resumed only if
            it is the same.
        segment: The number of frames after which a segment is closed.
        taken: What to do if the file exists, as in `write_picture`.

    Attributes:
        path: As given.

    Raises:
        ImportError: If PyAV or the encoder is missing.
        ValueError: If the suffix or an argument is not allowed, `path` is the film itself, the
            film's sound cannot be read, or the folder holds segments of another film.
        FileExistsError: If the file exists and `taken` is "refuse".
        OSError: If the file cannot be written there.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        film: Film,
        quality: int | None = None,
        sound: str = "copy",
        fingerprint: Mapping[str, Any] | None = None,
        segment: int = 100,
        taken: str = "replace",
    ):
        check_path(path)
        self.path = Path(path)
        self._film, self._length, self._taken = film, segment, taken
        _check_arguments(self.path, film, quality, sound, segment, taken)
        suffix = self.path.suffix.lower()
        folder = folder_of(self.path)
        make_output = VideoOutput if suffix in CONTAINERS else PictureOutput
        self._output = make_output(suffix, film, quality, sound == "copy", folder)
        identity = {
            **film.identity(),
            "format": suffix,
            "quality": quality,
            "segment": segment,
            **(fingerprint or {}),
        }
        self._folder = SegmentFolder(folder, identity)
        self._first = 0  # The number of the open segment's first frame.
        self._open: list[int] = []  # Its timestamps.
        self._is_finished = False

    @property
    def done(self) -> int:
        """The number of frames that are written, from the film's first on without a gap."""
        return sum(map(len, self._whole_segments().values()))

    @contextmanager
    def claim(self, parts: Iterable[tuple[int, int | None]] = ((0, None),)) -> Iterator[None]:
        """Keeps other processes from painting some frames while the block runs.

        Args:
            parts: The number of the first frame, and of the one after the last, or None for the
                film's end. By default the whole film, as to `finish` it.

        Raises:
            FileExistsError: If another process has claimed some of them.
            FileNotFoundError: If another process has finished the film meanwhile.
        """
        with claim(self._folder.path, parts):
            self._folder.update()
            yield

    @property
    def segment_is_full(self) -> bool:
        """Whether the open segment has all its frames: when to close it with a state."""
        return len(self._open) >= self._length

    def gaps(self, first: int = 0, stop: int | None = None) -> Iterator[Gap]:
        """Yields what is not in closed segments yet, of the frames from one number to another.

        Args:
            first: The number of the first frame.
            stop: The number of the frame after the last, or None for the film's end.
        """
        closed = self._folder.segments
        inside = [n for n in closed if first <= n and (stop is None or n < stop)]
        for start in [*inside, stop]:
            behind = self._folder.ending_at(first)
            before = None if behind is None else closed[behind][-1]
            is_over = (
                start is None and before is not None and self._is_last(*self._film.end_of(before))
            )
            if (start is None or first < start) and not is_over:
                yield Gap(first, start, before, self._folder.state(first))
            if start in closed:
                first = start + len(closed[start])

    def write(self, frame: Frame, image: ArrayLike, alpha: ArrayLike | None = None) -> None:
        """Writes the next frame; before, a segment that is full is closed.

        Args:
            frame: The film's frame that it is made of: behind the one before, or, where a segment
                begins, any that is not written yet.
            image: RGB of shape (1, height, width, 3) in [0, 1], clipped, or uint8; all of the same
                size, which need not be the film's.
            alpha: Opacity of shape (1, height, width, 1); by default the frame's own. Videos
                other than .webm drop it.

        Raises:
            ValueError: If the frame is not the next of the open segment, or is in a closed one
                already, or the image's shape or values are not allowed.
            OSError: If it cannot be written.
        """
        self._check_number(frame.number)
        pixels = self._pixels(image, frame.alpha if alpha is None else alpha)
        size = pixels.shape[0], pixels.shape[1]
        if self._folder.size not in (None, size):
            raise ValueError(
                f"`image` must have the height and width of those before, {self._folder.size}. "
                f"Received: {size}"
            )
        self._folder.size = size
        if self.segment_is_full:
            self.close_segment()
        with self._disk():
            if not self._open:
                self._first = frame.number
                self._folder.create()
                self._output.begin(self._first, size)
            # First: if it is interrupted, there may be a frame less, and never one more.
            self._open.append(frame.pts)
            self._output.write(pixels, frame.pts - self._open[0])

    def close_segment(self, state: Mapping[str, np.ndarray] | None = None) -> None:
        """Closes the open segment: a run that is resumed goes on behind it.

        To be called after the same frames in every run, so that a resumed run writes the same.

        Args:
            state: Arrays that a resumed run finds in the `Gap` behind it.
        """
        # Forgotten first: if it is interrupted, it is not ended again by `finish`.
        timestamps, self._open = self._open, []
        if timestamps:
            with self._disk():
                self._output.end()
                self._folder.add(self._first, timestamps, self._output.files, state)

    def finish(self) -> Path:
        """Joins what was written, up to the first gap, to a film that plays.

        If no frame of the film is missing, the segments are deleted; else they stay, and a new
        writer resumes. It makes the frames of the open segment again.

        Returns:
            The `pathlib.Path` of the file.

        Raises:
            ValueError: If no frame was written.
            FileExistsError: If the file exists and `taken` is "refuse".
            OSError: If the file cannot be written.
        """
        if self._open:
            with self._disk():
                del self._open[self._output.end() :]
        segments = self._whole_segments()
        if not segments:
            raise ValueError("A film must have at least one frame. Received: none")
        end, is_of_file = self._film.end_of(list(segments.values())[-1][-1])
        is_complete = self._is_last(end, is_of_file)
        if is_complete and self._open:
            with self._disk():
                self._folder.add(self._first, self._open, self._output.files, None)
        self._open, self._is_finished = [], True
        with self._disk():
            path = self._output.join(self.path, segments, end, is_of_file, self._taken)
        if is_complete:
            self._folder.delete()
        return path

    def _whole_segments(self):
        """The segments from the film's first frame on, up to where one is missing."""
        segments, whole, first = dict(self._folder.segments), {}, 0
        if self._open:
            segments[self._first] = self._open
        while first in segments:
            whole[first] = segments[first]
            first += len(segments[first])
        return whole

    def _is_last(self, end, is_of_file):
        """Whether no frame is to be written behind one, by what `Film.end_of` returns for it."""
        stop = self._film.stop
        return is_of_file or (stop is not None and end * self._film.time_base >= stop)

    def _check_number(self, number):
        expected = self._first + len(self._open) if self._open else None
        is_written = any(
            first <= number < first + len(each) for first, each in self._folder.segments.items()
        )
        if self._is_finished:
            problem = "frame {} after `finish`"
        elif is_written:
            problem = "frame {} again"
        elif expected not in (None, number):
            problem = f"frame {{}} after frame {expected - 1}"
        else:
            return
        raise ValueError(
            "Frames must be written once, and in order until `close_segment`. "
            f"Received: {problem.format(number)}"
        )

    @contextmanager
    def _disk(self):
        """Says in a sentence what a disk, full for example, or an encoder does not take."""
        try:
            yield
        except Exception as error:
            reason = getattr(error, "strerror", None)  # FFmpeg's errors have it, too.
            if reason is None:  # It is a sentence already.
                raise
            raise OSError(
                f"Cannot write into '{self._folder.path}': encoder and file system must take the "
                f"film. Received: {reason}"
            ) from error

    def _pixels(self, image, alpha):
        pixels = as_image(_clipped(image))
        if self._output.has_alpha and alpha is not None:
            alpha = as_pixels(_clipped(alpha), channels=1, name="alpha")
            pixels = np.concatenate([pixels, alpha], axis=-1)
        return quantise(pixels[0], self._output.bits)


def _check_arguments(path, film, quality, sound, segment, taken):
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(
            f"Cannot write '{path}': its suffix must be one of {', '.join(SUFFIXES)}. "
            f"Received: '{path.suffix}'"
        )
    check_place(path)
    if path.exists() and path.samefile(film.path):
        raise ValueError(
            f"`path` must be another file than the film that is read. Received: '{path}' for both"
        )
    for name, value, allowed in (("sound", sound, SOUNDS), ("taken", taken, TAKEN)):
        if value not in allowed:
            raise ValueError(f"`{name}` must be {' or '.join(allowed)}. Received: {value!r}")
    if taken == "refuse" and path.exists():
        raise FileExistsError(f"Cannot write '{path}': its name must be free. Received: a file")
    is_number = isinstance(quality, Real) and not isinstance(quality, bool)
    is_quality = is_number and 0 <= quality <= LOWEST_QUALITY
    if quality is not None and not is_quality:
        raise ValueError(f"`quality` must be from 0 to {LOWEST_QUALITY}. Received: {quality!r}")
    is_whole = isinstance(segment, Integral) and not isinstance(segment, bool)
    if not (is_whole and segment >= 1):
        raise ValueError(f"`segment` must be at least 1 frame, and whole. Received: {segment!r}")


def _clipped(array):
    array = np.asarray(array)
    return np.clip(array, 0, 1) if np.issubdtype(array.dtype, np.floating) else array
