"""`Checkpoint`, the state of a run on disk, from which an interrupted run resumes."""

from __future__ import annotations

import json
import logging
import time
import zipfile
from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np

from kerasart.image.atomic_files import write_file
from kerasart.image.files import check_place
from kerasart.image.fingerprint import differences, fingerprint, hash_image
from kerasart.optimization.descent import Descent
from kerasart.optimization.run import State

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

_log = logging.getLogger("kerasart")

# What reading a file that is none of ours, or damaged, can raise.
_UNREADABLE = (
    OSError,
    TypeError,
    ValueError,
    LookupError,
    EOFError,
    RecursionError,
    zipfile.BadZipFile,
)


class Position(NamedTuple):
    """Where a run of several scales stands.

    Attributes:
        scale: The index of the scale.
        step: Steps taken at it.
        state: The `State` there.
        losses: float32 (steps so far, terms), of all scales.
        weights: The terms' weights.
    """

    scale: int
    step: int
    state: State
    losses: np.ndarray
    weights: np.ndarray | None

    def advance(self, state: State, losses: np.ndarray) -> Position:
        """Returns the position after further steps: their last state, and the losses of each."""
        losses_so_far = np.concatenate([self.losses, losses])
        return self._replace(step=self.step + len(losses), state=state, losses=losses_so_far)


def open_checkpoint(
    path: str | PathLike[str] | None,
    record: dict[str, Any],
    descent: Descent,
    pictures: Iterable[np.ndarray | None],
) -> Checkpoint | None:
    """Opens the checkpoint of a run, by all that makes the run what it is.

    Args:
        path: The file, or None for no checkpoint.
        record: Dict of the run's settings.
        descent: The `Descent`, with its objective and its optimizer.
        pictures: The arrays that go into the run.

    Returns:
        A `Checkpoint`, or None.
    """
    if path is None:
        return None
    identity = {
        **record,
        "terms": descent.objective.names,
        "optimizer_settings": getattr(descent.optimizer, "config", None),
        "pictures": [hash_image(picture, with_shape=True) for picture in pictures],
    }
    return Checkpoint(path, identity)


class Checkpoint:
    """Keeps the position of a run in a file, written at most every so many seconds.

    Args:
        path: The file, a NumPy archive.
        identity: Dict of what makes the run what it is: settings, and hashes of its pictures.
        seconds: The least time between two writes.

    Raises:
        OSError: If no file can be written there.
    """

    def __init__(self, path: str | PathLike[str], identity: dict[str, Any], seconds: float = 30.0):
        self._path = Path(path)
        check_place(self._path)
        self._identity = json.dumps(fingerprint(identity), sort_keys=True)
        self._seconds = seconds
        self._written = time.monotonic()
        self._latest: Position | None = None

    def load(self) -> Position | None:
        """Reads the position.

        Returns:
            A `Position`, or None if there is no file.

        Raises:
            ValueError: If the file is none of ours, or of another run.
        """
        if not self._path.exists():
            return None
        try:
            with np.load(self._path) as archive:
                arrays = dict(archive)
            identity = dict(json.loads(str(arrays["identity"])))
            scale, step = (int(number) for number in arrays["progress"])
            tensors = [_tensors(arrays, name) for name in ("image", "memory", "average")]
            state = State(tensors[0][0], *tensors[1:])
            position = Position(scale, step, state, arrays["losses"], arrays["weights"])
        except _UNREADABLE:
            raise ValueError(
                "`resume` needs the state of an unfinished run, which this file does not hold. "
                f"Received: {str(self._path)!r}"
            ) from None
        differ = differences(json.loads(self._identity), identity)
        if differ:
            raise ValueError(
                f"`resume` needs the pictures and settings of the run that it goes on with; "
                f"{', '.join(differ)} differ. Received: {str(self._path)!r}"
            )
        return position

    def keep(self, position: Position) -> None:
        """Takes note of a position, and writes it if the last write is long enough ago."""
        self._latest = position
        if time.monotonic() - self._written >= self._seconds:
            self.write()

    def write(self) -> None:
        """Writes the latest position, if there is one that is not written yet.

        A disk that is full is told of, but does not end the run: its picture matters more.
        """
        if self._latest is None:
            return
        position, self._latest = self._latest, None
        arrays: dict[str, Any] = {
            "identity": np.array(self._identity),
            "progress": np.array([position.scale, position.step]),
            "losses": position.losses,
            "weights": np.asarray(position.weights),
            "image0": np.asarray(position.state.image),
        }
        for name in ("memory", "average"):
            for i, tensor in enumerate(getattr(position.state, name)):
                arrays[f"{name}{i}"] = np.asarray(tensor)
        try:
            write_file(self._path, lambda file: np.savez(file, **arrays))
        except OSError as error:
            _log.warning("the state of the run cannot be kept: %s", error)
        self._written = time.monotonic()


def _tensors(arrays, name):
    tensors = []
    while f"{name}{len(tensors)}" in arrays:
        tensors.append(tf.convert_to_tensor(arrays[f"{name}{len(tensors)}"]))
    return tuple(tensors)
