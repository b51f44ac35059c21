"""`Gallery`: the pictures in the studio's folder, with their records."""

import json
import logging
import os
from pathlib import Path
from typing import Any

from PIL import Image

from kerasart.image import read_picture
from kerasart.image.atomic_files import is_utf8
from kerasart.image.formats import pillow_setting
from kerasart.recent import Recent, file_state
from kerasart.studio.film_recipes import FORMS
from kerasart.studio.films import read_film, record_path, small_film
from kerasart.studio.previews import encode_preview
from kerasart.studio.recipes import read_recipe, write_recipe
from kerasart.untrusted import parse_json

_log = logging.getLogger("kerasart")

_PICTURE, _FILMS = ".png", tuple(f".{form}" for form in FORMS)
_MOST = 500  # Works that are listed, the newest first.
_SMALL = 360
_MOST_TEXT = 2**16


class Gallery:
    """The pictures in a folder, each found by listing it: no name is ever joined to a path.

    Whoever can write into the folder can put a picture there: what its record holds is read as
    anyone's text.

    Args:
        folder: The folder.
        max_pixels: The most pixels of a work.
    """

    def __init__(self, folder: Path, max_pixels: int):
        self._folder, self._max_pixels = folder, max_pixels
        self._described = Recent(_MOST)
        self._small = Recent(_MOST)

    def find(self, name: str) -> Path | None:
        """Finds a work by its file's name; None if there is none."""
        return next((Path(each.path) for each in self._scan() if each.name == name), None)

    def list(self) -> list[dict[str, Any]]:
        """Lists works, the newest first.

        Returns:
            A dict of each: its name, version, width, height, its record as text, and, if it was
            made here, its recipe and its sheet.
        """
        entries = sorted(self._scan(), key=_changed, reverse=True)
        described = (self._describe(each) for each in entries[:_MOST])
        return [each for each in described if each]

    def small(self, path: Path) -> bytes:
        """Returns a small JPEG of a work.

        Raises:
            ValueError, OSError: If it cannot be read.
        """

        def make():
            if path.suffix in _FILMS:
                return small_film(path)
            picture = read_picture(path, self._max_pixels)
            return encode_preview(picture.image, _SMALL, picture.alpha)

        return self._small((path.name, file_state(path)), make)

    def _scan(self):
        with os.scandir(self._folder) as entries:
            return [
                each
                for each in entries
                if each.name.endswith((_PICTURE, *_FILMS))
                and each.is_file(follow_symlinks=False)
                and is_utf8(each.name)  # Of others no address can be made.
            ]

    def _describe(self, entry):
        try:
            path = Path(entry.path)
            key = path.name, file_state(path), file_state(record_path(path))
            return self._described(key, lambda: _read(path, self._max_pixels))
        except FileNotFoundError:  # It was deleted meanwhile.
            return None


def _changed(entry):
    """When a file was changed last; what was deleted meanwhile is the oldest."""
    try:
        return entry.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _read(path, max_pixels):
    """Reads what the gallery tells of a file, or returns None if it tells nothing."""
    head = read_film(path) if path.suffix in _FILMS else _read_head(path)
    if head is None:
        return None
    (width, height), text = head
    if width * height > max_pixels:
        return None
    record = _read_record(text)
    try:
        recipe = write_recipe(read_recipe(record.get("studio")))
    except ValueError:
        recipe = None
    sheet = record.get("sheet")
    return {
        "name": path.name,
        "film": path.suffix in _FILMS,
        "version": path.stat().st_mtime_ns // 1000,
        "width": width,
        "height": height,
        "record": record,
        "recipe": recipe,
        "sheet": sheet if isinstance(sheet, str) else "",
        "stopped": "interrupted_after" in record,
    }


def _read_head(path):
    """Reads the (width, height) of a PNG, and its record's text or None; or returns None."""
    try:
        # Its pixels are not decoded, so that Pillow's own limit on them does not matter.
        with pillow_setting(Image, "MAX_IMAGE_PIXELS", None):
            picture = Image.open(path, formats=["PNG"])
        with picture:
            return picture.size, picture.info.get("kerasart")
    except (OSError, ValueError, SyntaxError) as error:
        _log.info("'%s' is no picture: %s", path, error)
        return None


def _read_record(text):
    try:
        record = parse_json(text) if isinstance(text, str) and len(text) <= _MOST_TEXT else {}
        json.dumps(record, allow_nan=False)  # No browser reads what holds NaN.
    except ValueError:
        record = {}
    return record if isinstance(record, dict) else {}
