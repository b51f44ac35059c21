"""Reads JSON and arrays that may be damaged, or anyone's: whatever is wrong is a ValueError."""

import itertools
import json
import zlib
from collections.abc import Mapping
from os import PathLike
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import ArrayLike

# Of lists and objects in one another. Python ends at some 1000: what is nearly as deep can be
# parsed, but then not shown or compared.
_MOST_LEVELS = 100
_CHECKSUM = "checksum"


def parse_json(text: str | bytes) -> Any:
    """Parses JSON of at most 100 levels of lists and objects.

    Raises:
        ValueError: If it is none, or deeper.
    """
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError(f"more than {_MOST_LEVELS} levels") from None
    level = [value]
    for _ in range(_MOST_LEVELS):
        level = list(itertools.chain.from_iterable(map(_inside, level)))
    if any(isinstance(each, dict | list) for each in level):
        raise ValueError(f"more than {_MOST_LEVELS} levels")
    return value


def _inside(value):
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def write_arrays(file: BinaryIO, arrays: Mapping[str, ArrayLike]) -> None:
    """Writes arrays to a NumPy archive, with a checksum: damage to an archive may lose some."""
    written: dict[str, Any] = {name: np.asarray(each) for name, each in arrays.items()}
    written[_CHECKSUM] = np.asarray(_checksum(written))
    np.savez(file, **written)


def read_arrays(path: str | PathLike[str]) -> dict[str, np.ndarray]:
    """Reads what `write_arrays` wrote.

    Raises:
        OSError: If the file cannot be opened.
        ValueError: If it is no such archive, or damaged.
    """
    with open(path, "rb") as file:
        try:
            with np.load(file) as archive:
                arrays = dict(archive)
            is_whole = arrays.pop(_CHECKSUM) == _checksum(arrays)
        except Exception as error:  # Damaged data may raise anything.
            raise ValueError(f"no archive of arrays: {error}") from error
    if not is_whole:
        raise ValueError("no archive of arrays: they are not those that were written")
    return arrays


def _checksum(arrays):
    checksum = 0
    for name, array in sorted(arrays.items()):
        checksum = zlib.crc32(f"{name} {array.dtype} {array.shape} ".encode(), checksum)
        checksum = zlib.crc32(np.ascontiguousarray(array), checksum)
    return checksum
