"""Callbacks that show a training: a progress bar, a folder to look at, TensorBoard."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path

import keras
import numpy as np
from tqdm import tqdm

from kerasart.image import write_picture
from kerasart.image.loss_plot import plot_losses
from kerasart.networks.resumable_training import ResumableTraining
from kerasart.networks.saving import save_network
from kerasart.networks.style_generator import StyleGenerator
from kerasart.networks.style_network import StyleNetwork

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf


class ProgressLine(keras.callbacks.Callback):
    """Shows the steps and the losses of a training on a tqdm bar.

    Args:
        training: The `ResumableTraining` before it.
        bar: The bar.
    """

    def __init__(self, training: ResumableTraining, bar: tqdm):
        super().__init__()
        self._training = training
        self._bar = bar

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        """Moves the bar to the current step, which may be an earlier one after a rollback."""
        losses = {name: f"{value:.4g}" for name, value in (logs or {}).items()}
        self._bar.set_postfix(losses, refresh=False)
        self._bar.update(self._training.step - self._bar.n)


class FolderWriter(keras.callbacks.Callback):
    """Writes a network, its losses and a contact sheet to a folder, for people to look at.

    Args:
        training: The `ResumableTraining` before it; it writes whenever that does.
        folder: The folder.
        network: The network.
        sheet: `sheet(pictures)` lays out what was painted: float RGB (1, height, width, 3) in
            [0, 1].
    """

    def __init__(
        self,
        training: ResumableTraining,
        folder: str | PathLike[str],
        network: StyleNetwork | StyleGenerator,
        sheet: Callable[[list[np.ndarray]], np.ndarray],
    ):
        super().__init__()
        self._training = training
        self._folder = Path(folder)
        self._network = network
        self._sheet = sheet

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        """Writes what there is, if the step was kept."""
        if self._training.pictures is not None:
            self.write(self._training.pictures)

    def write(self, pictures: list[np.ndarray]) -> None:
        """Writes contact_sheet.jpg, of what was painted, losses.png, and model.keras."""
        sheet = self._sheet(pictures)
        write_picture(self._folder / "contact_sheet.jpg", sheet, quality=88)
        # Keras's "loss" is the sum, which the plot draws by itself.
        losses = {name: each for name, each in self._training.history.items() if name != "loss"}
        ends = [self._training.every * (i + 1) for i in range(len(self._training.history["loss"]))]
        try:
            plot_losses(losses, self._folder / "losses.png", steps=ends)
        except ImportError:
            pass  # The card has the last losses, and matplotlib is an extra.
        save_network(self._network, self._folder / "model.keras")


class TensorBoardWriter(keras.callbacks.Callback):
    """Writes the losses of a training and a contact sheet for TensorBoard.

    Args:
        training: The `ResumableTraining` before it; it writes whenever that does.
        folder: The folder that TensorBoard is told to look at.
        sheet: `sheet(pictures)` lays out what was painted: float RGB (1, height, width, 3) in
            [0, 1].

    Raises:
        ImportError: If TensorBoard is missing, by which TensorFlow writes pictures.
    """

    def __init__(
        self,
        training: ResumableTraining,
        folder: str | PathLike[str],
        sheet: Callable[[list[np.ndarray]], np.ndarray],
    ):
        super().__init__()
        check_tensorboard()
        self._training = training
        self._sheet = sheet
        self._writer = tf.summary.create_file_writer(str(folder))

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        """Writes what there is, if the step was kept."""
        if self._training.pictures is None:
            return
        with self._writer.as_default(step=self._training.step):
            for name, values in self._training.history.items():
                tf.summary.scalar(name.replace(" ", "/"), values[-1])
            tf.summary.image("contact sheet", self._sheet(self._training.pictures))
        self._writer.flush()


def check_tensorboard() -> None:
    """Refuses, before a long run, to write for TensorBoard where it is missing.

    Raises:
        ImportError: If it is.
    """
    if importlib.util.find_spec("tensorboard") is None:
        raise ImportError("`tensorboard` needs TensorBoard: pip install 'kerasart[tensorboard]'.")
