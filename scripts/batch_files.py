"""Which photos a command names, and where what is painted of each goes."""

from kerasart.scripts import cli, common_flags

import glob
import logging
import os
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from kerasart.image import check_output
from kerasart.image.atomic_files import make_folder
from kerasart.image.files import check_format
from kerasart.image.formats import FORMATS, READABLE
from kerasart.image.photos import find_photos, leave_out_forks, name_paintings
from kerasart.image.samples import SAMPLES

_log = logging.getLogger("kerasart")

# A photo, and where its painting goes.
Job = tuple[str, Path]


def plan_jobs(
    photos: str,
    output: str | None,
    bits: int = 8,
    suffixes: Collection[str] = tuple(FORMATS),
    flag: str = "input",
) -> tuple[list[Job], bool]:
    """Pairs each photo with where its painting goes.

    Args:
        photos: What --input says: a photo, a folder, a pattern, or a bundled sample.
        output: What --output says, or None.
        bits: Bits a channel of the paintings.
        suffixes: Those of paintings in a folder; a photo with another one gives a .png.
        flag: The name of the flag that says which photos.

    Returns:
        A list of pairs of a photo and an output, and whether --input is a single photo.
    """
    found = _find(photos, flag)
    if not are_several(photos):  # A folder or a pattern may hold one, and still means a folder.
        path = name_picture(found[0], output or "painted.png", bits, suffixes, flag)
        return [(found[0], path)], True
    jobs = name_several(found, output, suffixes)
    for _, path in jobs:
        check_format(path, bits)
    return jobs, False


def name_picture(
    photo: str,
    output: str,
    bits: int = 8,
    suffixes: Collection[str] = tuple(FORMATS),
    flag: str = "input",
) -> Path:
    """Names the painting of one photo, and checks that it can be written.

    Args:
        photo: The photo's name.
        output: The file, or a folder that is there (see `name_one`).
        bits, suffixes, flag: As for `plan_jobs`.

    Raises:
        ValueError: If it is the photo, and --overwrite is given.
        ValueError, OSError: See `check_output`.
    """
    path = name_one(photo, output, suffixes)
    check_output(path, bits)
    is_there = path.exists() and Path(photo).exists()
    if is_there and path.samefile(photo) and common_flags.OVERWRITE.value:
        raise ValueError(
            f"`output` must be another file than `{flag}`, which --overwrite would replace. "
            f"Received: '{path}' for both"
        )
    return path


def name_one(name: str, output: str, suffixes: Collection[str], other: str = ".png") -> Path:
    """Names what is painted of one photo, or film: in a folder that is there it keeps its name.

    Args:
        name: The photo's name.
        output: The file, or the folder.
        suffixes, other: As for `name_paintings`.
    """
    path = Path(output)
    if not path.is_dir():
        return path
    return path / name_paintings([Path(name).name], suffixes, other)[0]


def name_several(
    found: Sequence[Path], output: str | None, suffixes: Collection[str], other: str = ".png"
) -> list[Job]:
    """Pairs each of several photos, or films, with where in a folder its painting goes.

    Args:
        found: The files.
        output: What --output says, or None.
        suffixes, other: As for `name_paintings`.
    """
    folder = Path(output or "painted")
    is_named_as_file = looks_like_file(folder) or folder.suffix.lower() in suffixes
    if not folder.is_dir() and (folder.exists() or is_named_as_file):
        raise NotADirectoryError(
            f"`output` must be a folder for several files. Received: the file '{folder}'"
        )
    root = os.path.commonpath([path.parent for path in found])
    if Path(root).resolve() in folder.resolve().parents:
        # What is painted already lies among the photos, and is none of them.
        found = [path for path in found if folder.resolve() not in path.resolve().parents]
    photos = [path.relative_to(root).as_posix() for path in found]
    names = name_paintings(photos, suffixes, other)
    jobs = [(str(path), folder / name) for path, name in zip(found, names, strict=True)]
    # A photo must not be painted over, nor taken for what was painted of it.
    if any(painted.exists() and painted.samefile(path) for path, painted in jobs):
        raise ValueError(f"`output` must be another folder than the files'. Received: '{folder}'")
    return jobs


def skip_painted(jobs: Sequence[Job], is_there: Callable[[Path], bool] = Path.exists) -> list[Job]:
    """Keeps the jobs whose output is not there, and says how many are; --overwrite keeps all."""
    left = [job for job in jobs if common_flags.OVERWRITE.value or not is_there(job[1])]
    if len(left) < len(jobs):
        done = f"{len(jobs) - len(left)} of {len(jobs)} are painted already"
        cli.say(f"{done} (--overwrite paints them anew).")
    return left


def make_first_folder(jobs: Sequence[Job]) -> None:
    """Makes the folder of the first painting: where there can be none, all would be in vain."""
    for _, output in jobs[:1]:
        make_folder(output.parent)


def looks_like_file(name: str | Path) -> bool:
    """Whether a name has the suffix of a picture."""
    return Path(name).suffix.lower() in READABLE


def paint_each(
    jobs: Sequence[Job], paint: Callable[[str, Path, str], Any], flag: str = "input"
) -> None:
    """Paints many photos one after another, and goes past what cannot be painted.

    Args:
        jobs: A list of pairs of a photo and an output.
        paint: `paint(photo, output, label)` paints one; the label says which it is.
        flag: As for `plan_jobs`.

    Raises:
        ValueError: At the end, if some could not be painted.
    """
    failed = []
    make_first_folder(jobs)
    for number, (photo, output) in enumerate(jobs, 1):
        try:
            make_folder(output.parent)
            paint(photo, output, f"{number}/{len(jobs)} ")
        except (ValueError, OSError, MemoryError, FloatingPointError) as error:
            failed.append(photo)
            warn_of_failure(photo, error)
    report_failures(jobs, failed, flag)


def warn_of_failure(photo: str, error: Exception) -> None:
    """Warns that a photo is left out, and why."""
    named = str(error) if str(photo) in str(error) else f"'{photo}': {error}"
    _log.warning("left out: %s", named)


def report_failures(jobs: Sequence[Job], failed: Sequence[str], flag: str = "input") -> None:
    """Says how many were painted.

    Raises:
        ValueError: If some were not.
    """
    cli.say(f"Painted {len(jobs) - len(failed)} of {len(jobs)}.")
    if failed:
        raise ValueError(
            f"`{flag}` must hold what can be painted. Received: {len(failed)} that cannot, such as "
            f"'{failed[0]}'"
        )


def are_several(name: str) -> bool:
    """Whether a flag that names a photo names a folder, or a pattern."""
    is_file = name in SAMPLES or Path(name).is_file()
    return not is_file and (Path(name).is_dir() or glob.has_magic(name))


def _find(name, flag):
    if Path(name).is_dir():
        return find_photos(name, flag)
    if not are_several(name):
        return [name]
    paths = sorted(map(Path, glob.glob(name, recursive=True)))
    found = leave_out_forks(path for path in paths if not path.is_dir())
    if not found:
        raise ValueError(
            f"`{flag}` must be a photo, a folder, or a pattern of files that are there. "
            f"Received: {name!r}"
        )
    return found
