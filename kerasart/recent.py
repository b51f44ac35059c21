"""What was made lately, kept to be used again."""

import gc
import os
import threading
import weakref
from collections import OrderedDict

_ALL = weakref.WeakSet()


class Recent:
    """Keeps the few things that were used last.

    Args:
        count: How many.
    """

    def __init__(self, count):
        self._count = count
        self._kept = OrderedDict()
        self._lock = threading.RLock()
        _ALL.add(self)

    def __call__(self, key, make):
        """Returns what is kept under a key, or makes it by `make()`.

        Args:
            key: A tuple of all that it depends on. Where one of it cannot be hashed, and so may be
                changed unseen, it is made anew.
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
                    # Graphs and networks are cycles, of few objects and much memory.
                    gc.collect()
                self._kept[key] = made
            self._kept.move_to_end(key)
            return self._kept[key]


def forget():
    """Lets go of all that is kept, and of the memory that it takes."""
    for recent in _ALL:
        with recent._lock:
            recent._kept.clear()
    gc.collect()


def file_state(path):
    """Says which state of a file is at a path; None if there is no file."""
    try:
        status = os.stat(path)
    except (OSError, TypeError, ValueError):  # It is no path at all.
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
