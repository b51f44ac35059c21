import re

import pytest

from kerasart.optimization import check_memory


def test_what_fits_passes(squeezenet):
    check_memory(squeezenet, (100, 100), available=2**34)


def test_what_does_not_fit_is_told_what_would(squeezenet):
    available = 2**30
    with pytest.raises(MemoryError) as caught:
        check_memory(squeezenet, (4000, 8000), available)
    message = str(caught.value)
    assert "8000x4000" in message and "squeezenet" in message and "1.0 GiB are free" in message
    side = int(re.search(r"--size=(\d+)", message)[1])
    check_memory(squeezenet, (side // 2, side), available)
    # It is no more modest than it must be.
    with pytest.raises(MemoryError):
        check_memory(squeezenet, (side * 11 // 20, side * 11 // 10), available)


def test_deeper_features_need_more(squeezenet):
    shallow, deep = squeezenet.cut(["conv1"]), squeezenet.cut(["fire9"])
    available = 300 * 300 * 1.5 * shallow.bytes_per_pixel()
    check_memory(shallow, (300, 300), available)
    with pytest.raises(MemoryError):
        check_memory(deep, (300, 300), available)


def test_the_machine_is_asked(squeezenet):
    check_memory(squeezenet, (64, 64))
    with pytest.raises(MemoryError):
        check_memory(squeezenet, (10**7, 10**7))
