"""`Trainer`, the base class of all trainers."""

from collections.abc import Iterable
from typing import Any, ClassVar

import keras
from keras import ops


class Trainer(keras.Model):
    """Trains a network by losses of its own, so that `fit` and checkpoints serve it as any model.

    Args:
        network: The network.
        names: The names of the means to log beside the "loss".

    Attributes:
        network: The network.
        betas: Adam's decays of the mean gradient, and of the mean squared gradient.
    """

    betas: ClassVar[tuple[float, float]] = (0.9, 0.999)

    def __init__(self, network: keras.Model, names: Iterable[str], **kwargs: Any):
        super().__init__(autocast=False, **kwargs)  # Losses need pictures in float32.
        self.network = network
        self._means = [keras.metrics.Mean(name=name) for name in names]
        self._random = keras.random.SeedGenerator(0)
        self.built = True  # Like the network; `BackupAndRestore` asks before `fit`.

    @property
    def result(self) -> keras.Model:
        """The network to paint with."""
        return self.network

    def compile(self, optimizer: str | keras.optimizers.Optimizer = "adam", **kwargs: Any) -> None:
        """Compiles the trainer; on TensorFlow without XLA unless `jit_compile` is given."""
        if keras.backend.backend() == "tensorflow":
            kwargs.setdefault("jit_compile", False)
        super().compile(optimizer=optimizer, **kwargs)

    def save_own_variables(self, store: Any) -> None:
        """Saves the state of the random generator, which Keras does not save."""
        store["random"] = ops.convert_to_numpy(self._random.state)

    def load_own_variables(self, store: Any) -> None:
        """Loads the state of the random generator."""
        self._random.state.assign(store["random"])

    def _log(self, values):
        """Adds a value to each of the means."""
        for mean, value in zip(self._means, values, strict=True):
            mean.update_state(value)
