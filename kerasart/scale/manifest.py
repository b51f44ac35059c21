"""`Manifest`: which pictures were painted, of what, how, and which were not, and why."""

from __future__ import annotations

import io
import secrets
import time
from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from kerasart.image.atomic_files import is_draft
from kerasart.scale.requirements import pyarrow
from kerasart.scale.stores import Store

FOLDER = "_manifest"  # Arrow, Spark and others take names that begin so for none of the pictures.

_COLUMNS = {
    "path": "string",  # Of the photo, in its folder.
    "output": "string",  # Of what is painted, in its folder.
    "reason": "string",  # Why it could not be painted; null if it is.
    "seconds": "float64",  # From the photo's bytes to the painting's.
    "size": "int64",  # Of the photo: its bytes, and when it was changed.
    "modified": "int64",
    "input_hash": "string",  # Of the bytes of the photo, the settings, and the bytes of the output.
    "settings_hash": "string",
    "output_hash": "string",
}
_EVERY = 10.0  # Seconds after which rows are written: what a run that is killed does once more.


class Manifest:
    """A folder of Parquet files in the output, one of each run that was killed, or one of all.

    The latest row of an output counts. Each file appears whole or not at all. While a run goes on
    it writes a file every few seconds; at its end, which is that of a `with` block, all that it
    read and wrote becomes one.

    Args:
        store: The output.
        names: A `pyarrow.Array` of the files of the output: those of the manifest are read.

    Attributes:
        rows: A `pyarrow.Table` of the latest row of each output.

    Raises:
        ImportError: If PyArrow is not installed.
        ValueError: If another file is in the folder.
    """

    def __init__(self, store: Store, names: Any):
        self._store = store
        own = names.filter(pyarrow("compute").starts_with(names, f"{FOLDER}/"))
        self._parts = sorted(name for name in own.to_pylist() if not is_draft(name))
        self._new: list[Mapping[str, Any]] = []
        self._written = time.monotonic()
        self.rows = _latest([_read(store, name) for name in self._parts])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.merge()
        else:
            self.flush()

    def add(self, row: Mapping[str, Any]) -> None:
        """Adds a row, whose keys are the columns."""
        self._new.append(row)
        if time.monotonic() - self._written > _EVERY:
            self.flush()

    def flush(self) -> None:
        """Writes the rows that were added since the last file."""
        if self._new:
            self._write(_table(self._new))
            self._new = []
        self._written = time.monotonic()

    def merge(self) -> None:
        """Puts all rows into one file."""
        self.flush()
        if len(self._parts) > 1:
            former = list(self._parts)
            self._write(_latest([_read(self._store, name) for name in former]))
            for name in former:
                self._store.delete(name)

    def _write(self, table):
        # Sorted by name, files are in the order of time, also of runs within a second.
        name = f"{FOLDER}/{time.time_ns():020}-{secrets.token_hex(4)}.parquet"
        buffer = io.BytesIO()
        pyarrow("parquet").write_table(table, buffer)
        self._store.write(name, buffer.getvalue(), "refuse")
        self._parts.append(name)


def manifest_schema() -> Any:
    """Returns the `pyarrow.Schema` of a manifest's rows."""
    return pyarrow().schema([(name, getattr(pyarrow(), kind)()) for name, kind in _COLUMNS.items()])


def _table(rows):
    return pyarrow().Table.from_pylist(rows, manifest_schema())


def _read(store, name):
    try:
        table = pyarrow("parquet").read_table(io.BytesIO(store.read(name)))
        return table.select(list(_COLUMNS)).cast(manifest_schema())
    except (pyarrow().ArrowException, KeyError) as error:
        raise ValueError(
            f"'{FOLDER}' in '{store}' must hold the manifest of former runs alone. "
            f"Received: '{name}', which is none of its files"
        ) from error


def _latest(tables):
    """Puts tables together, and of rows of one output keeps the last."""
    table = pyarrow().concat_tables([_table([]), *tables]).combine_chunks()
    codes = table["output"].combine_chunks().dictionary_encode()
    last = np.zeros(len(codes.dictionary), np.int64)
    last[codes.indices.to_numpy()] = np.arange(len(table))  # Of equal indices the last one stays.
    return table.take(np.sort(last))
