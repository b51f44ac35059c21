"""`Recent`, a small cache that drops the least recently used, and `file_state`, for its keys."""

import gc
import os
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

_ALL = weakref.WeakSet()


class Recent:
    """Caches the most recently used objects.

    Args:
        count: How many to keep.
    """

    def __init__(self, count: int):
        self._count = count
        self._kept: OrderedDict[tuple, Any] = OrderedDict()
        self._lock = threading.RLock()
        _ALL.add(self)

    def __call__(self, key: tuple, make: Callable[[], Any]) -> Any:
        """Returns the object under a key, made by `make()` unless it is cached.

        Args:
            key: A tuple of all that the object depends on. If it is not hashable, the object is
                made anew.
            make: Called without arguments.
        """
        try:
            hash(key)
        except TypeError:
            key = (object(),)
        with self._lock:
            if key not in self._kept:
                made = make()
                if len(self._kept) >= self._count:
                    self._kept.popitem(last=False)
                    # Graphs and networks are reference cycles: few objects, but much memory.
                    gc.collect()
                self._kept[key] = made
            self._kept.move_to_end(key)
            return self._kept[key]


def forget() -> None:
    """Empties all caches, and frees their memory."""
    for recent in _ALL:
        with recent._lock:
            recent._kept.clear()
    gc.collect()


def file_state(path: Any) -> tuple[int, int, int, int] | None:
    """Identifies a file and its version by device, inode, size and time; None if there is none."""
    try:
        status = os.stat(path)
    except (OSError, TypeError, ValueError):  # Not a path at all.
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
