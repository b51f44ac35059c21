"""`Film`: reads films frame by frame."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import count, islice
from math import ceil
from numbers import Integral
from pathlib import Path

import numpy as np

from kerasart.film.animated_picture import AnimatedPicture, is_picture
from kerasart.film.video_file import VideoFile
from kerasart.image.atomic_files import check_path
from kerasart.image.transparency import fill_hidden

_HASHED = 2**20  # Bytes at either end of a file.


@dataclass(frozen=True, eq=False)
class Frame:
    """A frame of a film.

    Attributes:
        number: Its place among the frames that are read, from 0.
        time: Seconds from the beginning of the file.
        pts: The same, the presentation timestamp, exactly: a multiple of `Film.time_base`.
        image: float32 RGB of shape (1, height, width, 3) in [0, 1], upright.
        alpha: float32 of shape (1, height, width, 1) in [0, 1], or None if the film has none.
    """

    number: int
    time: float
    pts: int
    image: np.ndarray
    alpha: np.ndarray | None = None


class Film:
    """Reads the frames of a film one at a time, in memory that does not grow with their number.

    Frames come upright, with exact times, and with the colours that players show: by the matrix
    that the film names, else BT.709 from 720 rows on and BT.601 below. More than 8 bits keep their
    full depth. A film is read anew each time it is iterated.

    Args:
        path: The file: any video that FFmpeg reads, or an animated GIF, WebP, PNG or AVIF.
        start: Seconds from the beginning: the first frame is the first that is not before.
        stop: Seconds from the beginning: frames from then on are left out.
        every: Reads every frame, every second one, and so on.

    Attributes:
        path: The file.
        start, stop: Exact seconds, or None.
        every: As given.
        is_video: Whether it is a video, not an animated picture.
        size: (height, width), upright.
        rate: Frames a second, on average, of those that are read.
        duration: Seconds from `start` to `stop`, or None if the file does not say.
        frame_count: An estimate of the number of frames that are read, or None.
        time_base: Seconds per unit of the presentation timestamps.
        origin: The file's own timestamp, in seconds, where the film begins: not 0 in MPEG streams.
        bits: Bits per channel, 8 or more.
        has_alpha: Whether there is transparency.
        has_sound: Whether there is sound.
        loop: How often it is played, 0 for ever; a video is 0.
        sample_aspect: The width of a pixel over its height: not 1 in anamorphic films.
        colour: The code points of primaries and transfer characteristics (ITU-T H.273).

    Raises:
        ImportError: If PyAV is missing, which videos need.
        FileNotFoundError, IsADirectoryError, PermissionError: If the file cannot be read.
        ValueError: If it is not a film, is damaged, encrypted or of an unknown codec, has no frame
            between `start` and `stop`, or these or `every` are not allowed. While iterating: if
            the file is cut off, or the size of its frames changes.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        start: float | None = None,
        stop: float | None = None,
        every: int = 1,
    ):
        check_path(path, "film")
        self.path = Path(path)
        self.start, self.stop = _seconds(start, "start"), _seconds(stop, "stop")
        _check_range(self.start, self.stop, every)
        self.every = int(every)
        _check_file(self.path)
        self.is_video = not is_picture(self.path)
        self._file = VideoFile(self.path) if self.is_video else AnimatedPicture(self.path)
        self.size: tuple[int, int] = self._file.size
        self.rate: Fraction = self._file.rate / every
        self.time_base: Fraction = self._file.time_base
        self.origin: Fraction = self._file.origin
        self.bits: int = self._file.bits
        self.has_alpha: bool = self._file.has_alpha
        self.has_sound: bool = self._file.has_sound
        self.loop: int = self._file.loop
        self.sample_aspect: Fraction = self._file.sample_aspect
        self.colour: tuple[int, int] = self._file.colour
        self.duration, self.frame_count = self._measure()
        if next(self._selected(), None) is None:
            # Without the arguments' names: flags of scripts are called otherwise.
            until = "on" if self.stop is None else f"to {float(self.stop):g} s"
            raise ValueError(
                f"Cannot read '{self.path}' from {float(self.start or 0):g} s {until}: it must "
                f"have frames there. Received: a film of {_spoken(self._file.duration)}"
            )

    def __iter__(self) -> Iterator[Frame]:
        return self.frames()

    def frames(
        self, first: int = 0, stop: int | None = None, pts: int | None = None
    ) -> Iterator[Frame]:
        """Yields the frames from one number to another.

        Args:
            first: The number of the first frame.
            stop: The number of the frame after the last, or None for all.
            pts: The first one's presentation timestamp, or one since the frame before, if known:
                it is sought then, instead of decoding all frames before.
        """
        levels = np.float32(255 if self.bits <= 8 else 65535)
        frames = self._selected(pts)
        if pts is None:
            frames = islice(frames, first, None)
        numbers = count(first) if stop is None else range(first, stop)
        for number, (pts, convert) in zip(numbers, frames, strict=False):
            pixels = convert()[np.newaxis] / levels
            image, alpha = pixels, None
            if self.has_alpha:
                image, alpha = np.ascontiguousarray(pixels[..., :3]), pixels[..., 3:].copy()
                fill_hidden(image[0], alpha[0])
            yield Frame(number, float(pts * self.time_base), pts, image, alpha)

    def identity(self) -> dict[str, str | int | None]:
        """Returns what determines which frames are read: a hash of the file, and which part."""
        return {
            "film": _hash_ends(self.path),
            "start": None if self.start is None else str(self.start),
            "stop": None if self.stop is None else str(self.stop),
            "every": self.every,
        }

    def measure(self) -> float:
        """Returns the seconds from `start` to `stop`, by decoding if the file does not say."""
        if self.duration is not None:
            return self.duration
        start = self.start or Fraction(0)
        *_, (_, end) = self._file.spans(ceil(start / self.time_base))
        end *= self.time_base
        return float((end if self.stop is None else min(end, self.stop)) - start)

    def end_of(self, pts: int) -> tuple[int, bool]:
        """Returns when a frame ends, and whether it is the last to be read of the whole file.

        Args:
            pts: The presentation timestamp of a frame that was read.

        Returns:
            The presentation timestamp of the next frame to be read, also beyond `stop`, or the
            file's last frame's end; and whether it is the latter.
        """
        spans = list(islice(self._file.spans(pts), self.every + 1))
        if len(spans) > self.every:
            return spans[-1][0], False
        return spans[-1][1], True

    def _selected(self, pts=None):
        start = self.start or Fraction(0) if pts is None else pts * self.time_base
        frames = islice(self._file.decode(start), 0, None, self.every)
        for pts, convert in frames:
            if self.stop is not None and pts * self.time_base >= self.stop:
                return
            yield pts, convert

    def _measure(self):
        length, count = self._file.duration, self._file.frame_count
        if length is None:
            return None, None
        start, stop = self.start or 0, length if self.stop is None else min(self.stop, length)
        duration = max(Fraction(0), stop - start)
        if count is None:
            return float(duration), None
        return float(duration), ceil(round(count * duration / length) / self.every)


def _seconds(value, name):
    """Converts seconds to a fraction: 0.1 is a tenth, not the nearest floating-point number."""
    if value is None:
        return None
    try:
        return Fraction(value).limit_denominator(10**6)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"`{name}` must be seconds. Received: {name}={value!r}") from error


def _check_range(start, stop, every):
    if start is not None and start < 0:
        raise ValueError(f"`start` must be at least 0 seconds. Received: start={float(start)}")
    if stop is not None and stop <= (start or 0):
        raise ValueError(
            f"`stop` must be after `start`. Received: start={float(start or 0)}, stop={float(stop)}"
        )
    if not isinstance(every, Integral) or isinstance(every, bool) or every < 1:
        raise ValueError(f"`every` must be a whole number from 1. Received: every={every!r}")


def _check_file(path):
    if path.is_dir():
        raise IsADirectoryError(f"Cannot read '{path}': a film is needed. Received: a folder")
    try:
        with open(path, "rb") as file:
            is_empty = path.is_file() and not file.read(1)
    except OSError as error:
        raise type(error)(
            f"Cannot read '{path}': the path must be that of a film that may be read. "
            f"Received: {error.strerror}"
        ) from error
    if is_empty:
        raise ValueError(f"Cannot read '{path}': a film is needed. Received: an empty file")
    if not path.is_file():
        raise ValueError(
            f"Cannot read '{path}': it must be a regular file. Received: a pipe or a device"
        )


def _hash_ends(path):
    """Hashes the size of a file and its first and last megabyte: quick for films of any length."""
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with open(path, "rb") as file:
        digest.update(file.read(_HASHED))
        file.seek(max(0, size - _HASHED))
        digest.update(file.read(_HASHED))
    return digest.hexdigest()[:16]


def _spoken(duration):
    return "an unknown length" if duration is None else f"{float(duration):.2f} s"
