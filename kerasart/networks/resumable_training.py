"""`ResumableTraining`, the callback that checkpoints, resumes and rolls back a training."""

from __future__ import annotations

import functools
import itertools
import json
import logging
import math
import zlib
from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops

from kerasart.cluster import is_chief
from kerasart.image.atomic_files import sync
from kerasart.image.files import replace_file
from kerasart.image.fingerprint import differences, fingerprint
from kerasart.networks.distribution import (
    broadcast,
    build_optimizer,
    is_distributed,
    is_true_anywhere,
    run_steps,
)
from kerasart.settings.checks import is_number
from kerasart.untrusted import parse_json

if TYPE_CHECKING:
    import tensorflow as tf

_log = logging.getLogger("kerasart")

# Standard deviation below which an image is blank.
_BLANK = 0.01


class ResumableTraining(keras.callbacks.Callback):
    """Checkpoints a training, resumes it, and rolls it back when it diverges, at half the rate.

    A training has diverged if its loss is not finite, or the images that it paints are blank. It
    ends after all steps of the learning rate's `CosineDecay`. This must be the first of the
    callbacks of a training: others read its attributes.

    Where many workers train, the chief alone reads and writes, and the others get their weights
    from it; each must be given all of the same arguments.

    Args:
        folder: The folder of the checkpoint; it must exist.
        identity: Dict of what determines the training: settings, and hashes of its images.
        every: Steps between two checkpoints.
        paint: `paint()` paints some images: a list of arrays.

    Attributes:
        every, paint: As above.
        history: Dict of each loss's name to its mean over each `every` steps.
        step: Steps taken.
        pictures: The images painted at the last step, if it was checkpointed; else None.
    """

    # Give up after this many consecutive rollbacks.
    _MOST_ROLLBACKS = 8

    def __init__(
        self,
        folder: str | PathLike[str],
        identity: Mapping[str, Any],
        every: int,
        paint: Callable[[], list[np.ndarray]],
    ):
        super().__init__()
        self.every = every
        self.paint = paint
        self.history: dict[str, list[float]] = {}
        self.step = 0
        self.pictures: list[np.ndarray] | None = None
        self._weights = Path(folder) / "state.weights.h5"
        self._next = Path(folder) / "next.weights.h5"
        self._progress = Path(folder) / "progress.json"
        self._identity = fingerprint(identity)
        self._checksums: list[int] = []  # Of the weights before, and those that are written.
        self._rollbacks = 0
        self._factor = 1.0

    @property
    def exists(self) -> bool:
        """Whether there is a checkpoint."""
        return self._weights.exists()

    def restore(self, trainer: keras.Model, replace: bool = False) -> None:
        """Resumes the training from its checkpoint, if there is one.

        Args:
            trainer: The compiled trainer, whose optimizer has a `CosineDecay`.
            replace: Whether the checkpoint of another training is replaced rather than refused.

        Raises:
            ValueError: If the checkpoint is of another training, or damaged.
        """
        build_optimizer(trainer)
        if is_chief():
            self._load(trainer, replace)
        self._share(trainer)

    def _load(self, trainer, replace):
        """Loads the checkpoint, or writes the first one."""
        try:
            saved = self._read_progress()
        except ValueError:
            if not replace:
                raise
            saved = None
        different = differences(self._identity, saved["identity"]) if saved else []
        if different and not replace:
            raise ValueError(
                "`output` must be empty, or hold a training of the same pictures and settings; "
                f"not the same: {', '.join(different)}. Received: '{self._progress.parent}'"
            )
        if different or not saved:
            self.write(trainer)
            return
        checksum = _checksum(self._weights)
        # HDF5 has none of its own. Up to 0.1.0 none was written.
        if checksum not in saved.get("checksums", [checksum]):
            raise _damaged(self._weights)
        try:
            trainer.load_weights(self._weights)
        except (ValueError, LookupError, OSError, RuntimeError) as error:
            raise _damaged(self._weights) from error
        done = int(ops.convert_to_numpy(trainer.optimizer.iterations)) // self.every
        self.history = {name: values[:done] for name, values in saved["history"].items()}
        self._checksums = [checksum]
        self._set_factor(trainer, saved["factor"])

    def fit(
        self,
        trainer: keras.Model,
        batches: Callable[..., tf.data.Dataset],
        *others: keras.callbacks.Callback,
    ) -> None:
        """Trains until all steps of the learning rate are taken.

        Args:
            trainer: The trainer, restored.
            batches: `batches(step)` makes the endless data of a training of so many steps so far;
                where many devices train, `batches(step, context)` that of an `InputContext`.
            *others: Further callbacks, called after this one.
        """
        if self.step >= trainer.optimizer._learning_rate.steps:
            return
        # One endless epoch, which `on_train_batch_end` stops.
        callbacks = [self, *others]
        if is_distributed(trainer):
            run_steps(trainer, functools.partial(batches, self.step), callbacks)
        else:
            trainer.fit(batches(self.step), shuffle=False, verbose=0, callbacks=callbacks)

    def _read_progress(self):
        """Reads the part of the checkpoint that is no weights; None if there is no checkpoint."""
        if not self.exists:
            return None
        try:
            kept = parse_json(self._progress.read_text())
            is_whole = (
                isinstance(kept["identity"], dict)
                and is_number(kept["factor"])
                and 0 < np.float32(kept["factor"]) <= 1
                and all(isinstance(each, list) for each in kept["history"].values())
                and isinstance(kept.get("checksums", []), list)
                and all(map(is_number, itertools.chain(*kept["history"].values())))
            )
        except (AttributeError, LookupError, OSError, TypeError, ValueError):
            is_whole = False
        if not is_whole:
            raise _damaged(self._progress)
        return kept

    def remove(self) -> None:
        """Removes the checkpoint, and its folder if it is empty then."""
        for path in (self._progress, self._weights, self._next):
            path.unlink(missing_ok=True)
        if not any(self._progress.parent.iterdir()):
            self._progress.parent.rmdir()

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        """Checks the losses of each step, and every so many steps paints and checkpoints.

        Raises:
            FloatingPointError: If lower rates do not help.
        """
        self.pictures = None
        losses = logs or {}
        # Keras's logs are means since the last reset, which one loss that is not finite spoils.
        if not all(math.isfinite(value) for value in losses.values()):
            self._roll_back("a loss is not finite")
            return
        self.step += 1
        if self.step % self.every == 0:
            pictures = self.paint() if is_chief() else []
            # False for NaN too.
            is_blank = not all(np.std(picture) >= _BLANK for picture in pictures)
            if is_true_anywhere(self.model, is_blank):
                self._roll_back("the painted pictures are blank")
                return
            for name, value in losses.items():
                self.history.setdefault(name, []).append(float(value))
            self.model.reset_metrics()
            self._rollbacks = 0
            self.write(self.model)
            self.pictures = pictures
        if self.step >= self.model.optimizer._learning_rate.steps:
            self.model.stop_training = True

    def _roll_back(self, reason):
        self._rollbacks += 1
        if self._rollbacks > self._MOST_ROLLBACKS:
            raise FloatingPointError(
                f"The training must stay finite; {reason}, and lower rates did not help. "
                f"Received: step {self.step}"
            )
        if is_chief():
            self.model.load_weights(self._weights)
            self._set_factor(self.model, self._factor / 2)
        self._share(self.model)
        self.model.reset_metrics()
        _log.warning(
            "%s: back to step %d, at half the learning rate (%.2g of what was asked for).",
            reason,
            self.step,
            self._factor,
        )

    def _set_factor(self, trainer, factor):
        self._factor = factor
        trainer.optimizer._learning_rate.factor.assign(factor)

    def _share(self, trainer):
        """Gives all workers the chief's weights, and counts their steps."""
        factor = trainer.optimizer._learning_rate.factor
        broadcast(trainer, [*trainer.variables, *trainer.optimizer.variables, factor])
        self.step = int(ops.convert_to_numpy(trainer.optimizer.iterations))
        self._factor = float(ops.convert_to_numpy(factor))

    def write(self, trainer: keras.Model) -> None:
        """Writes the checkpoint of a trainer."""
        # Ctrl-C may have come between a step and the callback that counts it.
        self.step = int(ops.convert_to_numpy(trainer.optimizer.iterations))
        if not is_chief():
            return
        trainer.save_weights(self._next)
        self._checksums = [*self._checksums[-1:], _checksum(self._next)]
        progress = {
            "identity": self._identity,
            "factor": self._factor,
            "history": self.history,
            "checksums": self._checksums,
        }
        # The fingerprint first. Weights know their step, so that a kill between the two leaves a
        # checkpoint that is consistent.
        sync(self._next)
        replace_file(self._progress, json.dumps(progress).encode())
        self._next.replace(self._weights)


def _checksum(path):
    checksum = 0
    with open(path, "rb") as file:
        while block := file.read(2**20):
            checksum = zlib.crc32(block, checksum)
    return checksum


def _damaged(path):
    return ValueError(
        f"`output` must hold the state of a training as it was written (without '{path.parent}' it "
        f"begins anew). Received: '{path}', which is missing or damaged"
    )
