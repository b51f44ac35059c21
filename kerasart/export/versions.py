"""Versions of served models: the numbered subfolders of a model's folder."""

import os
import shutil
import uuid
from collections.abc import Callable
from os import PathLike
from pathlib import Path

from kerasart.image.atomic_files import make_folder


def add_version(folder: str | PathLike[str], write: Callable[[Path], object]) -> Path:
    """Writes the next version of a served model.

    It is written under a temporary name and renamed atomically, since servers poll for new
    versions.

    Args:
        folder: The model's folder.
        write: `write(path)` creates the version's folder at `path`, and fills it.

    Returns:
        The path of the new version.
    """
    folder = Path(folder)
    make_folder(folder)
    temporary = folder / f".{uuid.uuid4().hex}"
    try:
        write(temporary)
        version = folder / str(1 + max(versions(folder), default=0))
        os.rename(temporary, version)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return version


def versions(folder: str | PathLike[str]) -> list[int]:
    """Lists the versions of a served model, in order."""
    return sorted(int(path.name) for path in Path(folder).iterdir() if path.name.isdecimal())
