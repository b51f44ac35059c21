"""`defer_interrupts`, which defers Ctrl-C until a step is complete."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def defer_interrupts() -> Iterator[Callable[[], None]]:
    """Defers Ctrl-C: an exception inside TensorFlow's code can crash the process.

    A second Ctrl-C is raised at once. Signals with another handler than Python's default, and
    threads other than the main one, which receives none, are unaffected.

    Yields:
        A function without arguments that raises KeyboardInterrupt if Ctrl-C is pending.

    Raises:
        KeyboardInterrupt: At the end, if Ctrl-C is still pending.
    """
    pending = []

    def defer(number, frame):
        if pending:
            raise KeyboardInterrupt
        pending.append(number)

    def raise_pending():
        if pending:
            raise KeyboardInterrupt

    deferred = []
    if threading.current_thread() is threading.main_thread():
        deferred = [n for n in _SIGNALS if signal.getsignal(n) is signal.default_int_handler]
    for number in deferred:
        signal.signal(number, defer)
    try:
        yield raise_pending
        raise_pending()
    finally:
        for number in deferred:
            signal.signal(number, signal.default_int_handler)
