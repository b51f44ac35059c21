"""Films among the works, with a record and a picture of each in files of their own."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kerasart.film import Film
from kerasart.image.atomic_files import move_to_free, replace_file
from kerasart.records import pack_record
from kerasart.studio.previews import encode_preview
from kerasart.untrusted import parse_json

_SMALL = 360
_FOLDER = ".films"


def put_film(path: Path, wanted: Path, record: Mapping[str, Any]) -> Path:
    """Moves a film to a place, or the next that is free, with its record and its first frame.

    Returns:
        The film's new path.

    Raises:
        OSError: If it cannot be moved.
    """
    film = Film(path)
    height, width = film.size
    small = encode_preview(next(iter(film)).image, _SMALL)
    text = pack_record({**record, "width": width, "height": height})["kerasart"]
    folder = wanted.parent / _FOLDER
    folder.mkdir(exist_ok=True)
    # Before the film is there: else it would have none where the disk is full.
    drafts = {".jpg": small, ".json": text.encode()}
    for suffix, data in drafts.items():
        replace_file(folder / f"draft{suffix}", data)
    moved = move_to_free(path, wanted)
    for suffix in drafts:
        os.replace(folder / f"draft{suffix}", folder / f"{moved.name}{suffix}")
    return moved


def record_path(path: Path) -> Path:
    """Names the file of a film's record."""
    return path.parent / _FOLDER / f"{path.name}.json"


def read_film(path: Path) -> tuple[tuple[int, int], str] | None:
    """Reads the (width, height) and the record of a film that was put; None if it was not."""
    try:
        text = record_path(path).read_text()
        told = parse_json(text)
        size = int(told["width"]), int(told["height"])
        return (size, text) if min(size) > 0 else None
    except (OSError, ValueError, LookupError, TypeError, OverflowError):
        return None


def small_film(path: Path) -> bytes:
    """Reads the JPEG of the first frame of a film that was put.

    Raises:
        OSError: If there is none.
    """
    return (path.parent / _FOLDER / f"{path.name}.jpg").read_bytes()
