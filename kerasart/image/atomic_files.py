"""Files that are there whole or not at all, under a name that no other run takes."""

import hashlib
import os
import re
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows, which lets nobody remove a file that is open.
    fcntl = None

TAKEN = ("replace", "number", "refuse")


def write_file(path, write, taken="replace"):
    """Writes a file beside its place, and puts it there in one step once it is on the disk.

    What a run that was killed has left of it is replaced.

    Args:
        path: The file.
        write: `write(file)` writes its content into a binary file, which can be rewound.
        taken: What to do where a file of that name is: "replace" it, "refuse" to write, or give the
            new one a "number", as `next_free_path` does. Of two runs that write the same new name
            at once, one comes second.

    Returns:
        The `pathlib.Path` of the file.

    Raises:
        ValueError: If `taken` is another word.
        FileExistsError: If the name is taken, and that is refused.
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


def replace_file(path, data):
    """Writes bytes into a file, in the place of one that may be there (see `write_file`)."""
    write_file(path, lambda file: file.write(data))


def sync(path):
    """Waits until a file is on the disk; else, where power fails, a new name may be of nothing."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())


def next_free_path(path):
    """Finds a name that is not taken.

    Args:
        path: The wanted file, for example dream.png.

    Returns:
        A `pathlib.Path`: `path` itself if nothing is there, else the first free one of
        dream-2.png, dream-3.png and so on.
    """
    return next(name for name in numbered(Path(path)) if not os.path.lexists(name))


def is_draft(path):
    """Whether a name is that of a file that a killed run did not write to its end."""
    return re.fullmatch(r"\.[0-9a-f]{16}\.tmp", Path(path).name) is not None


def numbered(path):
    """Yields a path, and then those that have a number: dream.png, dream-2.png, and so on."""
    yield path
    for number in count(2):
        yield path.with_stem(f"{path.stem}-{number}")


@contextmanager
def _draft_of(path):
    """Makes an empty file beside a file, which is ours until the block ends, and gone then."""
    # Always the same for a file, so that what was left by a run that was killed is found again.
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
    """Makes a file anew and locks it; waits for another run that writes it now.

    Not by `tempfile`, which makes files that only their owner can read.
    """
    while True:
        try:
            lock = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666)
        except FileExistsError:
            _remove_abandoned(draft)
            continue
        _wait_for_lock(lock)
        # Before it was locked, another run may have taken it for abandoned.
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
    """Whether an open file is the one at a path."""
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
    """Puts a file where none may be."""
    try:
        os.link(draft, path)
    except FileExistsError:
        raise
    except OSError:  # A file system without links, as memory cards have.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL))
        os.replace(draft, path)
