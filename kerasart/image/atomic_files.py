"""Writes files atomically: whole or not at all, under a name that no other run takes."""

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from os import PathLike
from pathlib import Path
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # Windows, which lets nobody remove a file that is open.
    fcntl = None  # type: ignore[assignment]

TAKEN = ("replace", "number", "refuse")


def write_file(
    path: str | PathLike[str], write: Callable[[BinaryIO], object], taken: str = "replace"
) -> Path:
    """Writes a temporary file beside the path, and renames it once it is on the disk.

    A temporary file that a killed run left is replaced.

    Args:
        path: The file.
        write: `write(file)` writes the content into a seekable binary file.
        taken: What to do if the file exists: "replace" it, "refuse" to write, or give the new one
            a "number", as `next_free_path` does. Of two runs that write the same new name at
            once, one comes second.

    Returns:
        The `pathlib.Path` of the file.

    Raises:
        ValueError: If `taken` is another word.
        FileExistsError: If the file exists and `taken` is "refuse".
        OSError: If the file cannot be written.
    """
    if taken not in TAKEN:
        raise ValueError(f"`taken` must be {', '.join(TAKEN)}. Received: {taken!r}")
    path = Path(path)
    try:
        with _draft_of(path) as draft:
            with open(draft, "r+b") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            return _put(draft, path, taken)
    except OSError as error:
        if error.strerror is None:  # A sentence already.
            raise
        # The same class of error, unless it is of some library.
        kind = type(error) if type(error).__module__ == "builtins" else OSError
        raise kind(
            f"Cannot write '{path}': its name must be free, and the file system take the file. "
            f"Received: {error.strerror}"
        ) from error


def replace_file(path: str | PathLike[str], data: bytes) -> None:
    """Writes bytes to a file, replacing one that exists (see `write_file`)."""
    write_file(path, lambda file: file.write(data))


def sync(path: str | PathLike[str]) -> None:
    """Waits until a file is on the disk; renamed before, it may be empty after a power failure."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())


def next_free_path(path: str | PathLike[str]) -> Path:
    """Finds a name that is not taken.

    Args:
        path: The wanted file, for example dream.png.

    Returns:
        `path` itself if it is free, else the first free one of dream-2.png, dream-3.png and so on.
    """
    return next(name for name in numbered(Path(path)) if not os.path.lexists(name))


def is_draft(path: str | PathLike[str]) -> bool:
    """Tells whether a path has the name of a temporary file of `write_file`."""
    return re.fullmatch(r"\.[0-9a-f]{16}\.tmp", Path(path).name) is not None


def numbered(path: Path) -> Iterator[Path]:
    """Yields a path, then numbered ones: dream.png, dream-2.png, and so on."""
    yield path
    for number in count(2):
        yield path.with_stem(f"{path.stem}-{number}")


@contextmanager
def _draft_of(path):
    """Makes an empty temporary file beside a file, and locks it until the block ends."""
    # Always the same for a file, so that the one that a killed run left is found again.
    name = hashlib.blake2b(os.fsencode(path.name), digest_size=8).hexdigest()
    draft = path.with_name(f".{name}.tmp")
    lock = _claim(draft)
    try:
        yield draft
    finally:
        if fcntl is None or _lies_at(lock, draft):
            draft.unlink(missing_ok=True)
        os.close(lock)


def _claim(draft):
    """Creates a file and locks it; waits for another run that is writing it.

    Not by `tempfile`, whose files only their owner can read.
    """
    while True:
        try:
            lock = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666)
        except FileExistsError:
            _remove_abandoned(draft)
            continue
        _wait_for_lock(lock)
        # Another run may have removed it as abandoned before it was locked.
        if fcntl is None or _lies_at(lock, draft):
            return lock
        os.close(lock)


def _remove_abandoned(draft):
    with suppress(FileNotFoundError):
        lock = os.open(draft, os.O_RDONLY)
        try:
            _wait_for_lock(lock)
            if _lies_at(lock, draft):
                draft.unlink()
        finally:
            os.close(lock)


def _wait_for_lock(file):
    if fcntl:
        with suppress(OSError):  # Some network file systems have no locks.
            fcntl.flock(file, fcntl.LOCK_EX)


def _lies_at(file, path):
    """Tells whether an open file is the one at a path."""
    try:
        return os.path.samestat(os.fstat(file), os.stat(path))
    except FileNotFoundError:
        return False


def _put(draft, path, taken):
    if taken == "replace":
        os.replace(draft, path)
        return path
    for name in numbered(path):
        try:
            _put_new(draft, name)
            return name
        except FileExistsError:
            if taken == "refuse":
                raise


def _put_new(draft, path):
    """Renames a file to a name that must be free."""
    try:
        os.link(draft, path)
    except FileExistsError:
        raise
    except OSError:  # A file system without links, as memory cards have.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL))
        os.replace(draft, path)
