"""`import_tensorflow`, quick and quiet; `quiet_startup` and `hold_stderr` keep notes back."""

import gc
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# What Keras imports where it is installed, for plots and tables: half a second.
_UNUSED = ("cv2", "matplotlib", "pandas")

_SEVERITIES = b"IWEF"  # Information, warnings, errors, and what ends the process.
# A line of its log, as until version 2.19, and since.
_LINE = re.compile(
    rb"(?:\d{4}-\d\d-\d\d [\d:.]+: (?=. )|(?=.\d{4} )|(?=WARNING: All log messages before absl))"
    rb"([IWEF])"
)


def import_tensorflow() -> None:
    """Imports TensorFlow and Keras quietly, into a process that is the project's own.

    Much of an import's time goes into looks for garbage among what will stay. Here there are none
    meanwhile, and later ones leave out what is there by then: garbage among it is never collected,
    which is for the owner of a process to decide. Keras does without the libraries that it would
    plot and read tables with, which can be imported afterwards. A TensorFlow that is imported
    already is left as it is.
    """
    if "tensorflow" in sys.modules:
        return
    gc.disable()
    try:
        with quiet_startup(), _hidden(_UNUSED):
            import tensorflow  # noqa: F401 (and with it Keras)
        gc.freeze()
    finally:
        gc.enable()


@contextmanager
def _hidden(names):
    """Lets imports of libraries fail in the block, as if they were not installed."""
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


@contextmanager
def quiet_startup() -> Iterator[None]:
    """Imports TensorFlow without its notes on the machine, unless the user asks for them.

    Where the user has not set TF_CPP_MIN_LOG_LEVEL, TensorFlow then logs only what ends the
    process: other errors are exceptions besides. It reads the level late; the lines of its log from
    before are held to the level here. All else that is written to standard error meanwhile appears
    afterwards, and every line if the import fails. A TensorFlow that is imported already is left
    as it is.
    """
    if "tensorflow" in sys.modules or sys.stderr is None:
        yield
        return
    level = os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    hidden = _SEVERITIES[: int(level)] if level.isdecimal() else b""

    def is_hidden(line):
        found = _LINE.match(line)
        return found is not None and found[1] in hidden

    with hold_stderr(is_hidden):
        yield


@contextmanager
def hold_stderr(is_hidden: Callable[[bytes], bool]) -> Iterator[None]:
    """Keeps back what is written to standard error in the block, by libraries of C++ too.

    Afterwards those lines are written of which `is_hidden` is False; after an exception, but not
    after Ctrl-C, all are.
    """
    if sys.stderr is None:  # Whoever started Python closed it.
        yield
        return
    sys.stderr.flush()
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as written:
        os.dup2(written.fileno(), 2)
        has_failed = False
        try:
            yield
        except Exception:  # Ctrl-C is no failure that they would explain.
            has_failed = True
            raise
        finally:
            sys.stderr.flush()
            os.dup2(terminal, 2)
            written.seek(0)
            for line in written:
                if has_failed or not is_hidden(line):
                    os.write(terminal, line)
            os.close(terminal)
