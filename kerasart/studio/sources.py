"""`Sources`: the photos, paintings and masks that were given, as files named by their hash."""

import hashlib
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from kerasart.film import Film
from kerasart.film.animated_picture import is_animated
from kerasart.film.flow import opencv
from kerasart.image import Picture, read_picture
from kerasart.image.atomic_files import write_file
from kerasart.image.decoding import TooManyPixelsError, decode
from kerasart.image.formats import enable_heif, is_heif
from kerasart.image.masks import read_mask
from kerasart.image.samples import SAMPLES, read_sample, sample_path
from kerasart.settings.checks import check

_log = logging.getLogger("kerasart")

_NAME = re.compile(r"[0-9a-f]{16}")
_MOST_UPLOADS = 16
# What films that are taken begin with, after the length of the first box if there is one.
_FILMS = {b"ftyp": ".mp4", b"\x1a\x45\xdf\xa3": ".webm"}


def parse_source(name: object, setting: str = "photo") -> str:
    """Checks that a source's name has the form of one: it is never a path.

    Raises:
        ValueError: If it has not.
    """
    fits = isinstance(name, str) and (name in SAMPLES or _NAME.fullmatch(name))
    check(fits, setting, f"a picture that was given, or one of {', '.join(SAMPLES)}", name)
    return str(name)


class Source(NamedTuple):
    """What a page is told of a source.

    Attributes:
        name: Its name.
        width, height: Its size in pixels.
        film: Whether it is a film, or an animated picture.
    """

    name: str
    width: int
    height: int
    film: bool


class Sources:
    """Pictures that were given to the studio.

    An upload lies in a temporary folder until something is made of it. Then it is kept in the
    studio's folder, where commands find it, and a studio that is started again.

    Args:
        folder: Where to keep what something is made of.
        max_pixels: The most pixels of a picture.
    """

    def __init__(self, folder: Path, max_pixels: int):
        self.max_pixels = max_pixels
        self._kept = folder
        self._uploads = tempfile.TemporaryDirectory(prefix="kerasart-studio-")

    def close(self) -> None:
        """Removes the uploads of which nothing was made."""
        self._uploads.cleanup()

    def add(self, read: Callable[[int], bytes], length: int, is_film: bool = False) -> Source:
        """Takes an upload.

        Args:
            read: `read(count)` returns the next bytes, at most `count` of them.
            length: The number of bytes.
            is_film: Whether it is to be a video; else it is to be a picture.

        Raises:
            ImportError: If what films need is not installed.
            ValueError: If it is no picture, or no film, or too large.
            OSError: If it does not come, or cannot be written.
        """
        folder = Path(self._uploads.name)
        digest = hashlib.sha256()
        with tempfile.NamedTemporaryFile(dir=folder, prefix="upload-") as file:
            while length:
                data = read(min(length, 2**16))
                if not data:
                    raise OSError("An upload must come whole. Received: a part of it")
                digest.update(data)
                file.write(data)
                length -= len(data)
            file.flush()
            if is_film:
                suffix = _film_suffix(file)
                picture = _first_frame(file.name, self.max_pixels)
            else:
                picture = _read_upload(file.name, self.max_pixels)
                with Image.open(file.name) as opened:
                    suffix = f".{(opened.format or '').lower()}"
            name = digest.hexdigest()[:16]
            os.link(file.name, folder / f"link-{name}")
            os.replace(folder / f"link-{name}", folder / f"{name}{suffix}")
        self._forget_old(folder)
        return self._describe(name, picture)

    def describe(self, name: str) -> Source:
        """Tells what a source is.

        Raises:
            ValueError, OSError: If there is none, or it cannot be read.
        """
        return self._describe(name, self.read(name))

    def _describe(self, name, picture):
        height, width = picture.image.shape[1:3]
        path = self.path(name)
        is_film = path.suffix in _FILMS.values() or is_animated(path)
        return Source(name, width, height, is_film)

    def keep(self, names: Iterable[str]) -> None:
        """Moves sources to where they are kept, each whole or not at all.

        Raises:
            ValueError: If there is no such source.
            OSError: If one cannot be written.
        """
        for name in names:
            path = self.path(name)
            if path.parent == Path(self._uploads.name):
                self._kept.mkdir(parents=True, exist_ok=True)
                with open(path, "rb") as upload:
                    copy = partial(shutil.copyfileobj, upload)
                    write_file(self._kept / path.name, copy)
                path.unlink()

    def path(self, name: str) -> Path:
        """Finds the file of a source.

        Raises:
            ValueError: If there is none.
        """
        parse_source(name)
        if name in SAMPLES:
            return sample_path(name)
        for folder in (self._kept, Path(self._uploads.name)):
            # Compared with what is there, rather than looked up.
            for path in folder.iterdir() if folder.is_dir() else ():
                if path.stem == name and path.is_file() and not path.is_symlink():
                    return path
        raise ValueError("A picture is here no longer: choose it again.")

    def read(self, name: str) -> Picture:
        """Reads a source; of a film its first frame.

        Raises:
            ValueError, OSError: If there is none, or it cannot be read.
        """
        if name in SAMPLES:
            return read_sample(name)
        path = self.path(name)
        if path.suffix in _FILMS.values():
            return _first_frame(path, self.max_pixels)
        return read_picture(path, self.max_pixels)

    def read_mask(self, name: str) -> np.ndarray:
        """Reads a source as a mask (see `kerasart.image.masks.read_mask`)."""
        return read_mask(self.path(name), self.max_pixels)

    def _forget_old(self, folder):
        uploads = sorted(folder.glob("[0-9a-f]*"), key=lambda path: path.stat().st_mtime_ns)
        for path in uploads[:-_MOST_UPLOADS]:
            path.unlink(missing_ok=True)


def _film_suffix(file):
    """Names the format of a film: FFmpeg is asked to read no other, such as lists of addresses."""
    file.seek(0)
    start = file.read(8)
    for begin, suffix in _FILMS.items():
        if begin in (start[:4], start[4:]):
            return suffix
    raise ValueError("This is no film that can be read. MP4, MOV, MKV and WebM can.")


# What is refused is said to an artist, who knows neither paths nor arguments.


def _read_upload(path, max_pixels):
    with open(path, "rb") as file:
        if is_heif(file.read(12)):
            try:
                enable_heif()
            except ImportError:
                raise ImportError(
                    "HEIC photos can be read once pillow-heif is installed: "
                    "pip install 'kerasart[heif]'. Or send the photo as a JPEG."
                ) from None
        try:
            return Picture(*decode(file, path, max_pixels))
        except TooManyPixelsError as error:
            raise ValueError(_too_large("picture", max_pixels)) from error
        except ValueError as error:
            _log.info("%s", error)
            raise ValueError(
                "This file cannot be read as a picture: it is damaged, or of another kind. "
                "JPEG, PNG, WebP, TIFF, HEIC, GIF and BMP can be read."
            ) from error


def _first_frame(path, max_pixels):
    opencv()  # Better missed now than once the film is to be painted.
    try:
        film = Film(path)
        height, width = film.size
        if height * width <= max_pixels:
            return Picture(next(iter(film)).image)
    except (ValueError, OSError) as error:
        _log.info("%s", error)
        raise ValueError("This film cannot be read: its file is damaged or empty.") from error
    raise ValueError(_too_large("film", max_pixels))


def _too_large(what, max_pixels):
    return (
        f"This {what} is too large: it may have {max_pixels / 1e6:g} million pixels. "
        "Make it smaller, or start the studio with a higher --largest_photo."
    )
