"""`VideoOutput` and `PictureOutput`: how a film's segments are encoded, and joined."""

import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from kerasart.film.joining import check_streams, join_segments
from kerasart.film.reader import Film
from kerasart.image.animation import write_timed_animation
from kerasart.image.atomic_files import write_file
from kerasart.image.files import write_picture
from kerasart.image.video import VideoEncoder, check_encoder, find_encoding, open_output

# The presentation timestamps of each segment's frames, by the number of its first frame.
Segments = Mapping[int, list[int]]

_log = logging.getLogger("kerasart")


class VideoOutput:
    """Segments that are videos, joined packet by packet.

    Args:
        suffix: The suffix of the output.
        film: What the frames are made of.
        quality: The constant rate factor, or None for the default.
        has_sound: Whether the film's sound is to be copied.
        folder: Where the segments lie.

    Attributes:
        bits: Bits per channel of the frames to be written, 8 or 16.
        has_alpha: Whether they have a fourth channel.
        files: The files of the segment that was begun last.

    Raises:
        ImportError: If PyAV or the encoder is missing.
        ValueError: If the film's sound cannot be read.
    """

    def __init__(self, suffix: str, film: Film, quality: int | None, has_sound: bool, folder: Path):
        self._suffix, self._film, self._quality = suffix, film, quality
        self._has_sound, self._folder = has_sound, folder
        self._encoding = find_encoding(suffix, film.bits, film.has_alpha)
        self.has_alpha = self._encoding.has_alpha
        self.bits = 8 if self._encoding.bits == 8 else 16
        self.files: list[Path] = []
        check_encoder(suffix, self._encoding, ".gif, .webp and .png need nothing.")
        check_streams(film, suffix, has_sound)
        lost = {"transparency": film.has_alpha and not self.has_alpha}
        lost["pixel aspect"] = suffix == ".webm" and film.sample_aspect != 1
        _warn_of(lost, suffix, film)
        # Any would do but Matroska of H.264, which loses what the order of its packets is.
        self._kind = ".webm" if suffix == ".webm" else ".mp4"

    def begin(self, first: int, size: tuple[int, int]) -> None:
        """Begins a segment with a frame number, of frames of (height, width)."""
        path = self._path(first)
        self.files = [path]
        film = self._film
        # In milliseconds, as is the default, fast frames' times are lost.
        exact = {"movie_timescale": str(film.time_base.denominator)}
        options = exact if self._kind == ".mp4" else {}
        self._container = open_output(str(path), self._kind, **options)
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

    def write(self, pixels: np.ndarray, pts: int) -> None:
        """Writes a frame, (height, width, channels), shown at `pts` after the segment's first."""
        self._encoder.write(pixels, pts)

    def end(self) -> int:
        """Completes the segment; returns the number of frames in it."""
        self._encoder.close()
        self._container.close()
        return self._encoder.count

    def join(self, path: Path, segments: Segments, end: int, is_whole: bool, taken: str) -> Path:
        """Writes the output.

        Args:
            path: Where to.
            segments: What is joined, in order.
            end: The presentation timestamp where the last frame ends.
            is_whole: Whether that is the last of the film.
            taken: As in `write_picture`.

        Returns:
            The path that was written.
        """
        parts = [(self._path(first), each) for first, each in segments.items()]

        def write(file):
            join_segments(
                file.name,
                self._suffix,
                self._encoding,
                parts,
                self._film,
                end,
                is_whole,
                self._has_sound,
            )

        return write_file(path, write, taken)

    def _path(self, first):
        return self._folder / f"{first:06}{self._kind}"


class PictureOutput:
    """Frames as PNG files, of which an animated picture is made at the end.

    Arguments and methods are those of `VideoOutput`; there is neither quality nor sound.
    """

    bits = 8

    def __init__(self, suffix: str, film: Film, quality: int | None, has_sound: bool, folder: Path):
        self._film, self._folder = film, folder
        self.has_alpha = film.has_alpha
        self.files: list[Path] = []
        lost = {"sound": has_sound and film.has_sound, "pixel aspect": film.sample_aspect != 1}
        _warn_of(lost, suffix, film)

    def begin(self, first: int, size: tuple[int, int]) -> None:
        """Begins a segment."""
        self.files, self._first = [], first

    def write(self, pixels: np.ndarray, pts: int) -> None:
        """Writes a frame."""
        path = self._path(self._first + len(self.files))
        alpha = pixels[..., 3:] if self.has_alpha else None
        self.files.append(write_picture(path, pixels[..., :3], alpha=alpha))

    def end(self) -> int:
        """Returns the number of frames in the segment."""
        return len(self.files)

    def join(self, path: Path, segments: Segments, end: int, is_whole: bool, taken: str) -> Path:
        """Writes the output."""
        timestamps = [pts for each in segments.values() for pts in each]
        times = [(pts - timestamps[0]) * self._film.time_base for pts in [*timestamps, end]]
        frames = [self._path(number) for number in range(len(timestamps))]
        return write_timed_animation(path, frames, times, self._film.loop, taken)

    def _path(self, number):
        return self._folder / f"frame{number:06}.png"


def _warn_of(lost, suffix, film):
    for what, is_lost in lost.items():
        if is_lost:
            _log.warning("'%s' cannot hold the %s of '%s'", suffix, what, film.path)
