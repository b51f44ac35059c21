"""Training of generators: `plan_generator_training` prepares a `GeneratorTraining`.

Source: see `kerasart.networks.GeneratorTrainer`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasart.backbones import Backbone
from kerasart.networks import GeneratorTrainer, StyleGenerator, copy_network
from kerasart.networks.adaptive_augmentation import AdaptiveAugmentation
from kerasart.networks.callbacks import ResumableTraining
from kerasart.networks.learning_rate import CosineDecay
from kerasart.networks.photo_crops import Photos
from kerasart.networks.style_network import dtype_policy
from kerasart.settings.checks import check, check_seed, is_number, is_whole

_FIRST, _SMALLEST, _LARGEST = 4, 8, 1024  # Sides, in pixels.
_MOST_CHANNELS, _CHANNELS = 512, 32_768  # At most, and at a side of 1.
_LEAST_CHANNELS = 4
_EXAMPLES = 64  # Pictures by which features are standardised.
_SHOWN, _TRUNCATION = 12, 0.7
_FINAL_RATE = 0.1


@dataclass
class GeneratorTraining:
    """A training: the trainer, and its data.

    Attributes:
        trainer: The compiled `GeneratorTrainer`.
        pictures: Paths of the collection's pictures.
        size: Side in pixels.
        batch_size: Pictures in a step.
        steps: Steps in all.
        seed: Seeds the order of the data.
        left_out: The set of paths of pictures found unusable so far.
        max_pixels: The most pixels of a picture.
    """

    trainer: GeneratorTrainer
    pictures: Sequence[str | PathLike[str]]
    size: int
    batch_size: int
    steps: int
    seed: int
    left_out: set[str]
    max_pixels: int | None = None

    def batches(self, step: int = 0) -> tf.data.Dataset:
        """Makes the batches of the training.

        Args:
            step: Steps taken so far; a resumed training sees pictures in another order.

        Returns:
            An endless `tf.data.Dataset` of dicts of "picture".
        """
        reader = Photos(
            self.pictures, self.size, self.seed + step, self.left_out, max_pixels=self.max_pixels
        )
        batches = reader.squares().batch(self.batch_size, drop_remainder=True)
        return batches.map(lambda pictures: {"picture": pictures}).prefetch(4)

    def fit(self, training: ResumableTraining, *others: keras.callbacks.Callback) -> None:
        """Trains until all steps are taken.

        Args:
            training: Counts the steps, and resumes.
            *others: Further callbacks, called after it.
        """
        if training.step < self.steps:
            # One endless epoch, which `ResumableTraining` stops.
            batches, callbacks = self.batches(training.step), [training, *others]
            self.trainer.fit(batches, shuffle=False, verbose=0, callbacks=callbacks)

    def paint(self) -> list[np.ndarray]:
        """Paints a few pictures, of the same seeds each time: a list of (1, size, size, 3)."""
        return [self._paint(z[None]).numpy() for z in self._shown]

    @cached_property
    def _shown(self):
        z_size = self.trainer.network.get_config()["z_size"]
        z = np.random.default_rng(0).normal(size=(_SHOWN, z_size))
        return z.astype(np.float32)

    @cached_property
    def _paint(self):
        average = self.trainer.average

        def paint(z):
            return average(z, truncation=_TRUNCATION)

        signature = [tf.TensorSpec([1, self._shown.shape[1]])]
        return tf.function(paint, signature, autograph=False)


def plan_generator_training(
    pictures: Sequence[str | PathLike[str]],
    backbone: Backbone,
    layers: Sequence[str],
    *,
    network: StyleGenerator | None = None,
    size: int = 64,
    width: float = 0.25,
    steps: int = 100_000,
    batch_size: int = 8,
    learning_rate: float = 0.002,
    augmented_after: int = 100_000,
    precision: str = "auto",
    seed: int = 0,
    max_pixels: int | None = None,
) -> GeneratorTraining:
    """Prepares to train a generator.

    Args:
        pictures: Paths of the collection's pictures, of which squares are cut at random.
        backbone: The `Backbone`, not yet cut, on whose features the critic is.
        layers: Its layers.
        network: A generator of which a copy is trained further; None is a new one.
        size: Side of a new one's pictures in pixels, a power of 2.
        width: Channels of a new one, relative to the paper's, of which there are at most 512.
        steps: Steps in all.
        batch_size: Pictures in a step.
        learning_rate: Adam's, which falls to a tenth.
        augmented_after: See `AdaptiveAugmentation`.
        precision: "float32", "bfloat16" or "auto", of generator and backbone.
        seed: Seeds the initial weights and the order of the data.
        max_pixels: The most pixels of a picture.

    Returns:
        A `GeneratorTraining`.

    Raises:
        ValueError: If an argument is not allowed, or no picture can be used.
    """
    check_seed(seed)
    sizes = [_FIRST * 2**i for i in range(int(np.log2(_LARGEST / _FIRST)) + 1)]
    allowed = f"a power of 2 from {_SMALLEST} to {_LARGEST}"
    check(size in sizes and size >= _SMALLEST, "size", allowed, size)
    check(is_number(width) and 0 < width <= 1, "width", "more than 0, and at most 1", width)
    for name, value in (
        ("steps", steps),
        ("batch_size", batch_size),
        ("augmented_after", augmented_after),
    ):
        check(is_whole(value) and value > 0, name, "a whole number of 1 or more", value)
    is_rate = is_number(learning_rate) and learning_rate > 0
    check(is_rate, "learning_rate", "more than 0", learning_rate)
    keras.utils.set_random_seed(seed)
    if network is None:
        channels = [
            max(_LEAST_CHANNELS, round(width * min(_MOST_CHANNELS, _CHANNELS / side)))
            for side in sizes[: sizes.index(size) + 1]
        ]
        wide = max(channels)
        network = StyleGenerator(channels, wide, wide, dtype=dtype_policy(precision))
    else:
        network = copy_network(network, precision)
    left_out: set[str] = set()
    reader = Photos(pictures, network.size, seed, left_out, max_pixels=max_pixels)
    examples = np.concatenate(reader.first(_EXAMPLES))
    augmentation = AdaptiveAugmentation(pictures=augmented_after)
    trainer = GeneratorTrainer(network, backbone, layers, examples, augmentation, precision)
    rate: Any = CosineDecay(learning_rate, steps, _FINAL_RATE)
    trainer.compile(keras.optimizers.Adam(rate, *trainer.betas, epsilon=1e-8))
    return GeneratorTraining(
        trainer, list(pictures), network.size, batch_size, steps, seed, left_out, max_pixels
    )
