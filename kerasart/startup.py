"""`quiet_startup`, which keeps TensorFlow's notes on the machine off the terminal."""

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

_SEVERITIES = b"IWEF"  # Information, warnings, errors, and what ends the process.
# A line of its log, as until version 2.19, and since.
_LINE = re.compile(
    rb"(?:\d{4}-\d\d-\d\d [\d:.]+: (?=. )|(?=.\d{4} )|(?=WARNING: All log messages before absl))"
    rb"([IWEF])"
)


@contextmanager
def quiet_startup() -> Iterator[None]:
    """Imports TensorFlow without its notes on the machine, unless the user asks for them.

    Where the user has not set TF_CPP_MIN_LOG_LEVEL, TensorFlow then logs only what ends the
    process: other errors are exceptions besides. It reads the level late; the lines of its log from
    before are held to the level here. All else that is written to standard error meanwhile appears
    afterwards, and every line if the import fails. A TensorFlow that is imported already is left
    as it is.
    """
    if "tensorflow" in sys.modules or sys.stderr is None:  # None: whoever started Python closed it.
        yield
        return
    level = os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    hidden = _SEVERITIES[: int(level)] if level.isdecimal() else b""
    sys.stderr.flush()
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as written:
        os.dup2(written.fileno(), 2)
        try:
            yield
        except BaseException:
            hidden = b""
            raise
        finally:
            sys.stderr.flush()
            os.dup2(terminal, 2)
            written.seek(0)
            for line in written:
                found = _LINE.match(line)
                if not (found and found[1] in hidden):
                    os.write(terminal, line)
            os.close(terminal)
