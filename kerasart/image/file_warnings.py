"""Warnings of image files, each told once: a training reads a photo again and again."""

import functools
import logging
import threading
from os import PathLike

from kerasart.recent import file_state

_log = logging.getLogger("kerasart")

_MOST_REMEMBERED = 10_000
_lock = threading.Lock()


def warn_of_file(message: str, name: str | PathLike[str], *details: object) -> None:
    """Logs a warning of a file, unless it was logged of the file as it is now.

    Args:
        message: Has a %s for the name, and for each of the details.
        name: The file's name; of what is no file, it is logged every time.
        *details: Of the warning.
    """
    state = file_state(name)
    if state is None:
        _log.warning(message, name, *details)
        return
    with _lock:  # Threads may read the same file.
        _warn(state, message, str(name), *map(str, details))


@functools.lru_cache(_MOST_REMEMBERED)
def _warn(state, message, *arguments):
    _log.warning(message, *arguments)
