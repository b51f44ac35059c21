"""`FilmWriter`: writes the frames made of a film, with all else that the film holds."""

import hashlib
import logging
import os
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from kerasart.film.joining import check_streams, join_segments
from kerasart.film.reader import Film, Frame
from kerasart.film.segments import SegmentFolder
from kerasart.image.animation import write_timed_animation
from kerasart.image.arrays import as_image, as_pixels, quantise
from kerasart.image.atomic_files import TAKEN, write_file
from kerasart.image.files import check_place, write_picture
from kerasart.image.video import (
    CONTAINERS,
    VideoEncoder,
    check_encoder,
    find_encoding,
    open_output,
)

_log = logging.getLogger("kerasart")

SUFFIXES = (*CONTAINERS, ".gif", ".webp", ".png")
SOUNDS = ("copy", "none")

_HASHED = 2**20  # Bytes at either end of a film.
_LOWEST_QUALITY = 63


class FilmWriter:
    """Writes a film of frames made of another film's: with its times, sound, subtitles, metadata.

    Frames are encoded once, in closed segments in the folder `PATH.film` beside the file, which are
    joined by `finish`. The file appears complete or not at all. A run that was killed is resumed
    by a new writer of the same arguments: it begins with frame number `done`, after the last closed
    segment, and decodes to the same frames as a run that was not killed, if the frames are.

        film = Film("clip.mp4")
        writer = FilmWriter("painted.mp4", film)
        for frame in film.frames(writer.done):
            writer.write(frame, paint(frame.image))
        writer.finish()

    Videos are H.264, or HEVC if the film has more than 8 bits, and VP9 in .webm, which also keeps
    transparency; .gif, .webp and .png are animated pictures, without sound.

    Args:
        path: The file: .mp4, .mov, .mkv, .webm, .gif, .webp or .png.
        film: The film that the frames are made of.
        quality: The constant rate factor, from 0: lower is better and larger; None for the
            default, at which no loss is seen. Animated pictures have none.
        sound: "copy" the sound (as Opus in .webm), or "none". It is cut to the frames that are
            written.
        fingerprint: What else the frames depend on, as JSON can hold it: a run is resumed only if
            it is the same.
        segment: The number of frames after which a segment is closed.
        taken: What to do if the file exists, as in `write_picture`.

    Attributes:
        path: As given.
        state: The arrays that were stored with the last closed segment, or None.

    Raises:
        ImportError: If PyAV or the encoder is missing.
        ValueError: If the suffix or an argument is not allowed, `path` is the film itself, the
            format cannot hold the film's sound, or the folder holds segments of another film.
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
        self.path = Path(path)
        self._film, self._length, self._taken = film, segment, taken
        _check_arguments(self.path, film, quality, sound, segment, taken)
        suffix = self.path.suffix.lower()
        make_format = _Video if suffix in CONTAINERS else _AnimatedPicture
        self._format = make_format(suffix, film, quality, sound == "copy")
        identity = {
            "film": _hash_ends(film.path),
            "start": film.start and str(film.start),
            "stop": film.stop and str(film.stop),
            "every": film.every,
            "format": suffix,
            "quality": quality,
            "segment": segment,
            **(fingerprint or {}),
        }
        self._folder = SegmentFolder(self.path.with_name(f"{self.path.name}.film"), identity)
        self.state: dict[str, np.ndarray] | None = self._folder.state
        self._open: list[int] | None = []  # Timestamps of the open segment; None once finished.

    @property
    def done(self) -> int:
        """The number of frames that need not be made again: the next frame's number."""
        return sum(map(len, self._folder.segments)) + len(self._open or ())

    @property
    def segment_is_full(self) -> bool:
        """Whether the open segment has all its frames: when to close it with a state."""
        return len(self._open or ()) >= self._length

    def write(self, frame: Frame, image: ArrayLike, alpha: ArrayLike | None = None) -> None:
        """Writes the next frame; before, a segment that is full is closed.

        Args:
            frame: The film's frame that it is made of, number `done`.
            image: RGB of shape (1, height, width, 3) in [0, 1], clipped, or uint8; all of the same
                size, which need not be the film's.
            alpha: Opacity of shape (1, height, width, 1); by default the frame's own. Formats
                other than .webm drop it.

        Raises:
            ValueError: If the frame is not the next, or the image's shape or values not allowed.
            OSError: If it cannot be written.
        """
        if self._open is None or frame.number != self.done:
            raise ValueError(
                f"Frames must be written in order, the next is number {self.done}. "
                f"Received: frame {frame.number}"
                + (" after `finish`" if self._open is None else "")
            )
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
                self._folder.create()
                self._format.begin(self._folder.path, len(self._folder.segments), self.done, size)
            # First: if it is interrupted, there may be a frame less, and never one more.
            self._open.append(frame.pts)
            self._format.write(pixels, frame.pts - self._open[0])

    def close_segment(self, state: Mapping[str, np.ndarray] | None = None) -> None:
        """Closes the open segment: a run that is resumed goes on behind it.

        To be called after the same frames in every run, so that a resumed run writes the same.

        Args:
            state: Arrays that a resumed run finds in `state`.
        """
        if self._open:
            with self._disk():
                self._format.end()
                self._folder.add(self._open, self._format.files, state)
            self._open = []

    def finish(self) -> Path:
        """Joins what was written to a film that plays, also if frames of the film are missing.

        If none is missing, the segments are deleted; else they stay, and a new writer resumes. It
        makes the frames of the open segment again.

        Returns:
            The `pathlib.Path` of the file.

        Raises:
            ValueError: If no frame was written.
            FileExistsError: If the file exists and `taken` is "refuse".
            OSError: If the file cannot be written.
        """
        film = self._film
        segments = list(self._folder.segments)
        if self._open:
            count = self._format.end()
            segments += [self._open[:count]] if count else []
        if not segments:
            raise ValueError("A film must have at least one frame. Received: none")
        end = film.following(segments[-1][-1])
        is_complete = end is None or (film.stop is not None and end * film.time_base >= film.stop)
        if is_complete and self._open:
            self._folder.add(self._open, self._format.files, None)
        self._open = None
        path = self._format.join(self.path, self._folder.path, segments, end, self._taken)
        if is_complete:
            self._folder.delete()
        return path

    @contextmanager
    def _disk(self):
        """Says in a sentence what a disk, full for example, does not take."""
        try:
            yield
        except OSError as error:
            if error.strerror is None:  # It is one already.
                raise
            raise OSError(
                f"Cannot write into '{self._folder.path}': the file system must take the film. "
                f"Received: {error.strerror}"
            ) from error

    def _pixels(self, image, alpha):
        pixels = as_image(_clipped(image))
        if self._format.has_alpha and alpha is not None:
            alpha = as_pixels(_clipped(alpha), channels=1, name="alpha")
            pixels = np.concatenate([pixels, alpha], axis=-1)
        return quantise(pixels[0], self._format.bits)


class _Video:
    """Segments that are videos, joined packet by packet."""

    def __init__(self, suffix, film, quality, has_sound):
        self._suffix, self._film, self._quality = suffix, film, quality
        self._has_sound = has_sound
        self._encoding = find_encoding(suffix, film.bits, film.has_alpha)
        self.has_alpha = self._encoding.has_alpha
        self.bits = 8 if self._encoding.bits == 8 else 16
        check_encoder(suffix, self._encoding, ".gif, .webp and .png need nothing.")
        check_streams(film, suffix, has_sound)
        if film.has_alpha and not self.has_alpha:
            _log.warning("'%s' cannot hold the transparency of '%s'", suffix, film.path)
        # Any would do but Matroska of H.264, which loses what the order of its packets is.
        self._kind = ".webm" if suffix == ".webm" else ".mp4"

    def begin(self, folder, number, first_frame, size):
        self._number = number
        path = self._path(folder, number)
        self.files = [path]
        self._container = open_output(str(path), self._kind)
        film = self._film
        self._encoder = VideoEncoder(
            self._container,
            self._encoding,
            size,
            film.rate.limit_denominator(1001),
            film.time_base,
            self._quality,
            film.sample_aspect,
            film.colour,
        )

    def write(self, pixels, pts):
        self._encoder.write(pixels, pts)

    def end(self):
        """Returns the number of frames in the segment."""
        self._encoder.close()
        self._container.close()
        return self._encoder.count

    def join(self, path, folder, segments, end, taken):
        parts = [(self._path(folder, number), each) for number, each in enumerate(segments)]

        def write(file):
            join_segments(
                file.name, self._suffix, self._encoding, parts, self._film, end, self._has_sound
            )

        return write_file(path, write, taken)

    def _path(self, folder, number):
        return folder / f"{number:06}{self._kind}"


class _AnimatedPicture:
    """Frames as PNG files, of which an animated picture is made at the end."""

    bits = 8
    has_alpha = False

    def __init__(self, suffix, film, quality, has_sound):
        self._film = film
        for has, what in (
            (film.has_alpha, "transparency"),
            (has_sound and film.has_sound, "sound"),
        ):
            if has:
                _log.warning("'%s' cannot hold the %s of '%s'", suffix, what, film.path)

    def begin(self, folder, number, first_frame, size):
        self.files = []
        self._folder, self._first = folder, first_frame

    def write(self, pixels, pts):
        path = self._path(self._folder, self._first + len(self.files))
        self.files.append(write_picture(path, pixels))

    def end(self):
        return len(self.files)

    def join(self, path, folder, segments, end, taken):
        timestamps = [pts for each in segments for pts in each]
        unit = self._film.time_base
        length = 1 / self._film.rate if end is None else (end - timestamps[-1]) * unit
        times = [(pts - timestamps[0]) * unit for pts in timestamps]
        frames = [self._path(folder, number) for number in range(len(timestamps))]
        return write_timed_animation(path, frames, [*times, times[-1] + length], taken)

    def _path(self, folder, number):
        return folder / f"frame{number:06}.png"


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
    if quality is not None and not 0 <= quality <= _LOWEST_QUALITY:
        raise ValueError(
            f"`quality` must be from 0 to {_LOWEST_QUALITY}. Received: quality={quality}"
        )
    if segment < 1:
        raise ValueError(f"`segment` must be at least 1 frame. Received: segment={segment}")


def _hash_ends(path):
    """Hashes the size of a file and its first and last megabyte: quick for films of any length."""
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with open(path, "rb") as file:
        digest.update(file.read(_HASHED))
        file.seek(max(0, size - _HASHED))
        digest.update(file.read(_HASHED))
    return digest.hexdigest()[:16]


def _clipped(array):
    array = np.asarray(array)
    return np.clip(array, 0, 1) if np.issubdtype(array.dtype, np.floating) else array
