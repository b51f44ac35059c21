"""Atomic writing of files: complete or not at all, also with several processes at once."""

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from os import PathLike
from pathlib import Path, PurePath
from typing import BinaryIO, TypeVar

try:
    import fcntl
except ImportError:  # Windows, where open files cannot be removed.
    fcntl = None  # type: ignore[assignment]

_Path = TypeVar("_Path", bound=PurePath)

TAKEN = ("replace", "number", "refuse")


def write_file(
    path: str | PathLike[str], write: Callable[[BinaryIO], object], taken: str = "replace"
) -> Path:
    """Writes a temporary file in the same folder, syncs it to disk, and renames it.

    A temporary file left behind by a killed process is replaced.

    Args:
        path: The file.
        write: `write(file)` writes the content into a seekable binary file.
        taken: What to do if the file exists: "replace" it, "refuse" to write, or give the new one
            a "number", as `next_free_path` does. This is safe against races: of two processes
            that write the same new file, the second finds it taken.

    Returns:
        The `pathlib.Path` of the file.

    Raises:
        ValueError: If `taken` is none of these.
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
        if error.strerror is None:  # The message is a sentence already.
            raise
        # The same exception class, unless a library defines it.
        kind = type(error) if type(error).__module__ == "builtins" else OSError
        raise kind(
            f"Cannot write '{path}': its name must be free, and the file system take the file. "
            f"Received: {error.strerror}"
        ) from error


def is_utf8(name: str) -> bool:
    """Whether a file's name is UTF-8; on Linux any bytes can be one."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_path(path: object, name: str = "path") -> None:
    """Raises ValueError for what is no path of a file."""
    if not isinstance(path, str | PathLike) or "\0" in os.fspath(path):
        raise ValueError(f"`{name}` must be the path of a file. Received: {path!r}")


def make_folder(path: str | PathLike[str]) -> None:
    """Makes a folder, and those that it is in, where they are missing.

    Raises:
        OSError: If it cannot be made.
    """
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise type(error)(
            f"Cannot make the folder '{path}': its name must be free, and the file system take it. "
            f"Received: {error.strerror}"
        ) from error


def replace_file(path: str | PathLike[str], data: bytes) -> None:
    """Writes bytes to a file atomically, replacing an existing one (see `write_file`)."""
    write_file(path, lambda file: file.write(data))


def sync(path: str | PathLike[str]) -> None:
    """Flushes a file to disk; renamed without that, it may be empty after a power failure."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())


def move_to_free(path: str | PathLike[str], wanted: str | PathLike[str]) -> Path:
    """Moves a file, within a file system, to where `next_free_path` would find room for it.

    Returns:
        The new path.

    Raises:
        OSError: If it cannot be moved.
    """
    moved = _put(Path(path), Path(wanted), "number")
    Path(path).unlink(missing_ok=True)
    return moved


def next_free_path(path: str | PathLike[str]) -> Path:
    """Returns a path at which no file exists yet.

    Args:
        path: The preferred path, for example dream.png.

    Returns:
        `path` itself if it is free, else the first free of dream-2.png, dream-3.png and so on.
    """
    return next(name for name in numbered(Path(path)) if not os.path.lexists(name))


def is_draft(path: str | PathLike[str]) -> bool:
    """Returns whether a path is named like a temporary file of `write_file`."""
    return re.fullmatch(r"\.[0-9a-f]{16}\.tmp", Path(path).name) is not None


def numbered(path: _Path) -> Iterator[_Path]:
    """Yields a path, then numbered ones: dream.png, dream-2.png, and so on."""
    yield path
    for number in count(2):
        yield path.with_stem(f"{path.stem}-{number}")


@contextmanager
def claim(
    path: str | PathLike[str], parts: Iterable[tuple[int, int | None]] = ((0, None),)
) -> Iterator[None]:
    """Keeps other processes from what is to be written, while the block runs.

    A process that is killed keeps nothing. Threads of one process are not kept apart.

    Args:
        path: A folder, say, which need not exist.
        parts: Which parts of it: ranges of numbers, from the first to the one after the last, or
            None for all that follow.

    Raises:
        FileExistsError: If another process has claimed some of them.
    """
    if fcntl is None:
        yield
        return
    draft, parts = _name_draft(Path(path)), list(parts)
    while True:
        with open(draft, "ab") as lock:
            if not all(_lock_range(lock, *part) for part in parts):
                raise FileExistsError(
                    f"Cannot write '{path}': another process must not be writing it. "
                    "Received: one that is"
                )
            if not _lies_at(lock.fileno(), draft):
                continue  # Who was done has removed it before it was locked.
            try:
                yield
            finally:
                if _lock_range(lock, 0, None):  # Nobody else is left.
                    draft.unlink(missing_ok=True)
            return


def _lock_range(file, first, stop):
    """Locks bytes of a file, there or not; returns False if another process has some of them."""
    try:
        length = 0 if stop is None else stop - first
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, length, first)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:  # Some network file systems do not support locks.
        pass
    return True


@contextmanager
def _draft_of(path):
    """Creates an empty temporary file beside `path`, locked until the block ends."""
    draft = _name_draft(path)
    lock = _claim(draft)
    try:
        yield draft
    finally:
        if fcntl is None or _lies_at(lock, draft):
            draft.unlink(missing_ok=True)
        os.close(lock)


def _name_draft(path):
    """Names a temporary file beside `path`: by that only, to find what a killed process left."""
    name = hashlib.blake2b(os.fsencode(path.name), digest_size=8).hexdigest()
    return path.with_name(f".{name}.tmp")


def _claim(draft):
    """Creates and locks a file, waiting for any other process that is writing it.

    Not by `tempfile`, whose files only their owner may read.
    """
    while True:
        try:
            lock = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666)
        except FileExistsError:
            _remove_abandoned(draft)
            continue
        _wait_for_lock(lock)
        # Before it was locked, another process may have removed it as abandoned.
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
        with suppress(OSError):  # Some network file systems do not support locks.
            fcntl.flock(file, fcntl.LOCK_EX)


def _lies_at(file, path):
    """Returns whether an open file is still the one at a path."""
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
    """Renames a file; raises FileExistsError if the new name is taken."""
    try:
        os.link(draft, path)
    except FileExistsError:
        raise
    except OSError:  # The file system has no hard links, as FAT on memory cards.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL))
        os.replace(draft, path)
