"""Finds the image files in folders."""

import logging
import mimetypes
import os
from collections.abc import Iterable
from pathlib import Path

from kerasart.image.formats import READABLE

_log = logging.getLogger("kerasart")

# Image formats that kerasart does not read and `mimetypes` does not know.
_RAW = (".arw", ".cr2", ".cr3", ".dng", ".nef", ".orf", ".pef", ".psd", ".raf", ".rw2", ".srw")
_RESOURCE_FORK = b"\x00\x05\x16\x07"  # AppleDouble's magic number.


def find_photos(folder: str | os.PathLike[str], name: str = "photos") -> list[Path]:
    """Lists the image files in a folder and its subfolders, symbolic links included, sorted.

    Images in formats that cannot be read are skipped with a warning on the logger "kerasart".

    Args:
        folder: The folder.
        name: Its name in error messages.

    Raises:
        NotADirectoryError: If there is no such folder.
        ValueError: If it holds no image file.
    """
    if not (os.fspath(folder) and Path(folder).is_dir()):  # `Path("")` is the current folder.
        raise NotADirectoryError(
            f"`{name}` must be a folder of pictures. Received: '{folder}', which is none"
        )
    paths = sorted(_walk(folder))
    found = leave_out_forks(path for path in paths if path.suffix.lower() in READABLE)
    others = [path for path in paths if _is_other_picture(path)]
    if others:
        _log.warning("left out, for their formats are not read: %s", _some(others))
    if not found:
        raise ValueError(
            f"`{name}` must hold at least one picture file ({', '.join(READABLE)}). "
            f"Received: '{folder}', which holds none"
        )
    return found


def leave_out_forks(paths: Iterable[Path]) -> list[Path]:
    """Returns the paths that are not macOS resource forks; those are skipped with a warning."""
    paths = list(paths)
    forks = [path for path in paths if _is_fork(path)]
    if forks:
        _log.warning("left out, for macOS keeps no picture there: %s", _some(forks))
    return [path for path in paths if path not in forks]


def _is_fork(path):
    if not (path.name.startswith("._") and path.is_file()):
        return False
    try:
        with path.open("rb") as file:
            return file.read(len(_RESOURCE_FORK)) == _RESOURCE_FORK
    except OSError:
        return False  # Reading it as an image raises the proper error.


def _is_other_picture(path):
    suffix = path.suffix.lower()
    kind = mimetypes.guess_type(path.name)[0] or ""
    return suffix not in READABLE and (suffix in _RAW or kind.startswith("image/"))


def _some(paths):
    more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    return f"'{paths[0]}'{more}"


def _walk(folder):
    """Yields the files in a folder and its subfolders, each once: links may form cycles."""
    seen = set()
    for parent, folders, names in os.walk(folder, onerror=_log_unreadable, followlinks=True):
        place = os.path.realpath(parent)
        if place in seen:
            folders.clear()
            continue
        seen.add(place)
        # Real folders come before links, so that a folder is listed under its own name.
        links = {name for name in folders if os.path.islink(os.path.join(parent, name))}
        folders.sort(key=lambda name: (name in links, name))  # noqa: B023
        yield from (Path(parent) / name for name in names)


def _log_unreadable(error):
    _log.warning("left out: the folder '%s' cannot be read: %s", error.filename, error.strerror)
