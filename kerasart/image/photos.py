"""Finds the image files in folders, and names what is made of them."""

import logging
import mimetypes
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from kerasart.image.atomic_files import numbered
from kerasart.image.formats import FORMATS, READABLE

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
    paths = sorted(walk_files(folder))
    found = leave_out_forks(path for path in paths if is_readable(path))
    warn_of_others([path for path in paths if is_other_picture(path)])
    if not found:
        raise ValueError(
            f"`{name}` must hold at least one picture file ({', '.join(READABLE)}). "
            f"Received: '{folder}', which holds none"
        )
    return found


def leave_out_forks(paths: Iterable[Path]) -> list[Path]:
    """Returns the paths that are not macOS resource forks; those are skipped with a warning."""
    paths = list(paths)
    forks = [path for path in paths if is_fork(path)]
    if forks:
        _log.warning("left out, for macOS keeps no picture there: %s", _some(forks))
    return [path for path in paths if path not in forks]


def is_fork(path: Path) -> bool:
    """Returns whether a file is a macOS resource fork, beside a photo of nearly its name."""
    if not (path.name.startswith("._") and path.is_file()):
        return False
    try:
        with path.open("rb") as file:
            return file.read(len(_RESOURCE_FORK)) == _RESOURCE_FORK
    except OSError:
        return False  # Reading it as an image raises the proper error.


def is_readable(path: Path | PurePosixPath) -> bool:
    """Returns whether a file's suffix is that of a picture that is read."""
    return path.suffix.lower() in READABLE


def is_other_picture(path: Path | PurePosixPath) -> bool:
    """Returns whether a file's suffix is that of a picture that is not read."""
    suffix = path.suffix.lower()
    kind = mimetypes.guess_type(path.name)[0] or ""
    return suffix not in READABLE and (suffix in _RAW or kind.startswith("image/"))


def warn_of_others(others: Sequence[object]) -> None:
    """Warns of pictures, if there are any, that are left out since their formats are not read."""
    if others:
        _log.warning("left out, for their formats are not read: %s", _some(others))


def name_paintings(
    photos: Sequence[str], suffixes: Collection[str] = tuple(FORMATS), other: str = ".png"
) -> list[str]:
    """Names paintings like their photos; of two that would be the same, the second by a number.

    Args:
        photos: Paths in a folder, with slashes.
        suffixes: Those of paintings.
        other: What a photo with another suffix gets besides: photo.heic.png, since a photo.png may
            be beside it.
    """
    names = [_named_like(photo, suffixes, other) for photo in photos]
    taken = {name for name, photo in zip(names, photos, strict=True) if name == photo}
    for i, photo in enumerate(photos):
        if names[i] != photo:
            free = (str(name) for name in numbered(PurePosixPath(names[i])))
            names[i] = next(name for name in free if name not in taken)
            taken.add(names[i])
    return names


def _named_like(photo, suffixes, other):
    return photo if PurePosixPath(photo).suffix.lower() in suffixes else f"{photo}{other}"


def _some(paths):
    more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    return f"'{paths[0]}'{more}"


def walk_files(folder: str | os.PathLike[str]) -> Iterator[Path]:
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
