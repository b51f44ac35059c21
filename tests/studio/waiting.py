"""`wait_until`, for what another thread does."""

import time

SECONDS = 60  # For what takes a moment, on a machine that is busy with other things.


def wait_until(is_so, seconds=SECONDS):
    """Waits until a function returns what is true, and returns that."""
    end = time.monotonic() + seconds
    while not (found := is_so()):
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)
    return found
