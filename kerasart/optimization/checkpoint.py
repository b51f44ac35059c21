"""`Checkpoint`, the state of a run on disk, from which an interrupted run resumes."""

from __future__ import annotations

import json
import logging
import time
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
from kerasart.untrusted import parse_json, read_arrays, write_arrays

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

_log = logging.getLogger("kerasart")


class Position(NamedTuple):
    """The position of a coarse-to-fine run.

    Attributes:
        scale: The index of the current scale.
        step: Steps taken at that scale.
        state: The `State` after them.
        losses: float32 (steps so far, terms), of all scales.
        weights: The terms' weights.
    """

    scale: int
    step: int
    state: State
    losses: np.ndarray
    weights: np.ndarray | None

    def advance(self, state: State, losses: np.ndarray) -> Position:
        """Returns the position after further steps, given the last state and all their losses."""
        losses_so_far = np.concatenate([self.losses, losses])
        return self._replace(step=self.step + len(losses), state=state, losses=losses_so_far)


def open_checkpoint(
    path: str | PathLike[str] | None,
    record: dict[str, Any],
    descent: Descent,
    images: Iterable[np.ndarray | None],
) -> Checkpoint | None:
    """Opens the checkpoint of a run; only a run with the same inputs can resume from it.

    Args:
        path: The file, or None for no checkpoint.
        record: Dict of the run's settings.
        descent: The `Descent`, with its objective and its optimizer.
        images: The images and other arrays that the run depends on.

    Returns:
        A `Checkpoint`, or None.
    """
    if path is None:
        return None
    inputs = {
        **record,
        "terms": descent.objective.names,
        "optimizer_settings": getattr(descent.optimizer, "config", None),
        "pictures": [hash_image(image, with_shape=True) for image in images],
    }
    return Checkpoint(path, inputs)


class Checkpoint:
    """Saves the position of a run to a file, and loads it to resume the run.

    Args:
        path: The file, a NumPy archive.
        inputs: Dict of all that the run depends on: its settings, and hashes of its images.
        seconds: The least time between two writes.

    Raises:
        OSError: If the file cannot be written.
    """

    def __init__(self, path: str | PathLike[str], inputs: dict[str, Any], seconds: float = 30.0):
        self._path = Path(path)
        check_place(self._path)
        self._fingerprint = json.dumps(fingerprint(inputs), sort_keys=True)
        self._seconds = seconds
        self._written = time.monotonic()
        self._latest: Position | None = None

    def load(self) -> Position | None:
        """Loads the position.

        Returns:
            A `Position`, or None if the file does not exist.

        Raises:
            ValueError: If the file is not a checkpoint, or belongs to another run.
        """
        if not self._path.exists():
            return None
        try:
            arrays = read_arrays(self._path)
            saved = {**parse_json(str(arrays["identity"]))}
            scale, step = (int(number) for number in arrays["progress"])
            tensors = [_tensors(arrays, name) for name in ("image", "memory", "average")]
            state = State(tensors[0][0], *tensors[1:])
            position = Position(scale, step, state, arrays["losses"], arrays["weights"])
        except (OSError, TypeError, ValueError, LookupError):
            raise ValueError(
                "`resume` needs the state of an unfinished run, which this file does not hold. "
                f"Received: {str(self._path)!r}"
            ) from None
        differ = differences(json.loads(self._fingerprint), saved)
        if differ:
            raise ValueError(
                f"`resume` needs the pictures and settings of the run that it resumes; "
                f"{', '.join(differ)} differ. Received: {str(self._path)!r}"
            )
        return position

    def keep(self, position: Position) -> None:
        """Notes a position, and writes it if `seconds` have passed since the last write."""
        self._latest = position
        if time.monotonic() - self._written >= self._seconds:
            self.write()

    def write(self) -> None:
        """Writes the latest position, unless it is written already.

        Logs a warning instead of failing if the disk is full: the image matters more.
        """
        if self._latest is None:
            return
        position, self._latest = self._latest, None
        arrays: dict[str, Any] = {
            "identity": np.array(self._fingerprint),
            "progress": np.array([position.scale, position.step]),
            "losses": position.losses,
            "weights": np.asarray(position.weights),
            "image0": np.asarray(position.state.image),
        }
        for name in ("memory", "average"):
            for i, tensor in enumerate(getattr(position.state, name)):
                arrays[f"{name}{i}"] = np.asarray(tensor)
        try:
            write_file(self._path, lambda file: write_arrays(file, arrays))
        except OSError as error:
            _log.warning("the state of the run cannot be saved: %s", error)
        self._written = time.monotonic()


def _tensors(arrays, name):
    tensors = []
    while f"{name}{len(tensors)}" in arrays:
        tensors.append(tf.convert_to_tensor(arrays[f"{name}{len(tensors)}"]))
    return tuple(tensors)
