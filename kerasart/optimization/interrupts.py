"""Ctrl-C, held back until a step is whole."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def hold_interrupts() -> Iterator[Callable[[], None]]:
    """Holds Ctrl-C back: an exception in the midst of TensorFlow's own code can crash the process.

    A second Ctrl-C goes through at once. Signals that do not raise KeyboardInterrupt, and threads
    other than the main one, which gets none, are left as they are.

    Yields:
        A function without arguments that raises KeyboardInterrupt if Ctrl-C has come.

    Raises:
        KeyboardInterrupt: At the end, if it came and was not let through before.
    """
    came = []

    def hold(number, frame):
        if came:
            raise KeyboardInterrupt
        came.append(number)

    def let_through():
        if came:
            raise KeyboardInterrupt

    held = []
    if threading.current_thread() is threading.main_thread():
        held = [n for n in _SIGNALS if signal.getsignal(n) is signal.default_int_handler]
    for number in held:
        signal.signal(number, hold)
    try:
        yield let_through
        let_through()
    finally:
        for number in held:
            signal.signal(number, signal.default_int_handler)
