"""A Ray cluster for the tests of this folder."""

import os
import signal
from pathlib import Path

import pytest

from kerasart.scale.cluster import connect


@pytest.fixture(scope="session")
def cluster():
    """A cluster of one CPU, which two workers share, with the tests' folder on its path."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kerasart.scale.cluster.count_cores", lambda: 1)
        patch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)
        handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
        with connect():
            assert handlers == [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
            yield
