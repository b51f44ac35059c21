"""`open_store`: a folder of files, on this machine or on a file system of PyArrow or fsspec."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from kerasart.image.atomic_files import is_utf8, make_folder, write_file
from kerasart.image.files import open_regular
from kerasart.image.photos import is_fork, walk_files
from kerasart.scale.requirements import pyarrow

_log = logging.getLogger("kerasart")

# What is written there appears once it is whole, and nothing can be renamed: to move is to copy.
_OBJECT_STORES = ("s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oss", "memory")


class Entry(NamedTuple):
    """A file in a store.

    Attributes:
        name: Its path in the store, with slashes.
        size: Its bytes; -1 if there is nothing, as at the end of a broken link.
        modified: When it was last changed, in nanoseconds since 1970; 0 if that is unknown.
    """

    name: str
    size: int
    modified: int


class Store(Protocol):
    """A folder of files and subfolders; can be sent to other processes.

    A file that is written appears complete or not at all.
    """

    def locate(self, other: Store) -> str | None:
        """Returns the path in this store of another one; None if it is not in it."""

    def list(self) -> Iterator[Entry]:
        """Yields its files; none if it does not exist.

        Raises:
            OSError: If it is no folder, or cannot be listed.
        """

    def read(self, name: str) -> bytes:
        """Reads a file.

        Raises:
            OSError, ValueError: If it cannot be read.
        """

    def find(self, name: str) -> bytes | None:
        """Reads a file, or returns None if there is none."""

    def write(self, name: str, data: bytes, taken: str) -> None:
        """Writes a file.

        Args:
            name: Its name; missing folders are made.
            data: All of it.
            taken: Whether to "replace" what is there, or "refuse" to write.

        Raises:
            FileExistsError: If the file exists and `taken` is "refuse".
            OSError: If it cannot be written.
        """

    def delete(self, name: str) -> None:
        """Deletes a file, if it is there."""


def open_store(place: str, name: str = "place") -> Store:
    """Opens a folder, which need not exist.

    Args:
        place: A path, or an address such as s3://bucket/photos, of PyArrow (s3, gs, hdfs, file) or
            else of fsspec (abfs, sftp, ..., each with its package).
        name: What it is called in the error message.

    Raises:
        ImportError: If PyArrow is missing, or the package of an address.
        ValueError: If there is no such file system.
    """
    if "://" not in place:
        return LocalStore(Path(place))
    fs = pyarrow("fs")
    scheme = place.partition("://")[0]
    try:
        try:
            system, path = fs.FileSystem.from_uri(place)
        except pyarrow().ArrowInvalid:  # It is not among PyArrow's own.
            from fsspec.core import url_to_fs

            inner, path = url_to_fs(place)
            system = fs.PyFileSystem(fs.FSSpecHandler(inner))
    except ImportError as error:
        raise ImportError(
            f"'{scheme}' needs a package of its own. Received: {place!r}, and {error}"
        ) from error
    except (ValueError, OSError) as error:
        raise ValueError(
            f"`{name}` must be a folder, or an address of a file system of PyArrow or fsspec, such "
            f"as s3://bucket/photos. Received: {place!r}, and {error}"
        ) from error
    if isinstance(system, fs.LocalFileSystem):
        return LocalStore(Path(path))
    return RemoteStore(system, path.rstrip("/"), place, scheme in _OBJECT_STORES)


class LocalStore:
    """A folder of this machine, or one that all machines have at the same path.

    Args:
        path: The folder.
    """

    def __init__(self, path: Path):
        self._path = path.absolute()  # Other processes start elsewhere.

    def __str__(self) -> str:
        return str(self._path)

    def locate(self, other: Store) -> str | None:
        """See `Store`."""
        if not isinstance(other, LocalStore):
            return None
        own, path = self._path.resolve(), other._path.resolve()
        return path.relative_to(own).as_posix() if path.is_relative_to(own) else None

    def list(self) -> Iterator[Entry]:
        """See `Store`; folders behind links are in it, each once.

        macOS's own files are not, nor those whose names are not UTF-8, for neither Arrow nor the
        other file systems can name them: the logger "kerasart" warns of them.
        """
        there = next(place for place in (self._path, *self._path.parents) if place.exists())
        if not there.is_dir():
            raise NotADirectoryError(
                f"'{self}' must be a folder, or a place for one. Received: the file '{there}'"
            )
        for path in walk_files(self._path) if self._path.exists() else ():
            if is_fork(path):
                continue
            name = path.relative_to(self._path).as_posix()
            if not is_utf8(name):
                _log.warning("left out, for its name is not UTF-8: %a", name)
                continue
            try:
                status = path.stat()
            except OSError:  # Reading it says what is wrong.
                yield Entry(name, -1, 0)
                continue
            yield Entry(name, status.st_size, status.st_mtime_ns)

    def read(self, name: str) -> bytes:
        """See `Store`."""
        with open_regular(self._path / name) as file:
            return file.read()

    def find(self, name: str) -> bytes | None:
        """See `Store`."""
        try:
            return (self._path / name).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, name: str, data: bytes, taken: str) -> None:
        """See `Store`."""
        path = self._path / name
        make_folder(path.parent)
        write_file(path, lambda file: file.write(data), taken)

    def delete(self, name: str) -> None:
        """See `Store`."""
        (self._path / name).unlink(missing_ok=True)


class RemoteStore:
    """A folder of a file system that PyArrow opens.

    Where renaming is one act, as on HDFS, a file is written beside its place, under a name that its
    bytes give, so that two processes that write the same can only write the same; then it is
    renamed. In object stores, as S3, a rename is a copy and a deletion, which can be interrupted
    between; but an object appears only when all of it was sent, so that it is written in place.

    Args:
        system: A `pyarrow.fs.FileSystem`.
        path: The folder's path in it.
        place: The folder's address, for messages.
        has_objects: Whether it is an object store.
    """

    def __init__(self, system: Any, path: str, place: str, has_objects: bool):
        self._system, self._path, self._place = system, path, place
        self._has_objects = has_objects

    def __str__(self) -> str:
        return self._place

    def locate(self, other: Store) -> str | None:
        """See `Store`."""
        if not isinstance(other, RemoteStore) or not other._system.equals(self._system):
            return None
        is_inside = f"{other._path}/".startswith(f"{self._path}/")
        return other._path.removeprefix(self._path).lstrip("/") if is_inside else None

    def list(self) -> Iterator[Entry]:
        """See `Store`."""
        fs = pyarrow("fs")
        selector = fs.FileSelector(self._path, allow_not_found=True, recursive=True)
        for info in self._system.get_file_info(selector):
            if info.type == fs.FileType.File:
                name = info.path.removeprefix(self._path).lstrip("/")
                yield Entry(name, info.size, info.mtime_ns or 0)

    def read(self, name: str) -> bytes:
        """See `Store`."""
        with self._system.open_input_stream(self._at(name), compression=None) as file:
            return file.read()

    def find(self, name: str) -> bytes | None:
        """See `Store`."""
        return self.read(name) if self._has(name) else None

    def write(self, name: str, data: bytes, taken: str) -> None:
        """See `Store`."""
        path, there = self._at(name), self._has(name)
        if there and taken == "refuse":
            raise FileExistsError(f"Cannot write '{path}': its name must be free. Received: a file")
        if self._has_objects:
            self._put(path, data)
            return
        folder = path.rpartition("/")[0]
        draft = f"{folder}/.{hashlib.blake2b(data, digest_size=8).hexdigest()}.tmp"
        self._system.create_dir(folder)
        self._put(draft, data)
        if there:  # Not all systems rename over a file.
            self._system.delete_file(path)
        self._system.move(draft, path)

    def delete(self, name: str) -> None:
        """See `Store`."""
        if self._has(name):
            self._system.delete_file(self._at(name))

    def _has(self, name):
        info = self._system.get_file_info(self._at(name))
        return info.type != pyarrow("fs").FileType.NotFound

    def _put(self, path, data):
        with self._system.open_output_stream(path, compression=None) as file:
            file.write(data)

    def _at(self, name):
        return f"{self._path}/{name}"
