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
from kerasart.networks.learning_rate import CosineDecay
from kerasart.networks.photo_crops import Photos
from kerasart.networks.style_network import dtype_policy
from kerasart.settings.checks import check, check_seed
from kerasart.settings.generator import GeneratorSettings

_FIRST = 4  # Side in pixels of what is painted first.
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
        settings: `GeneratorSettings`.
        seed: Seeds the order of the data.
        left_out: The set of paths of pictures found unusable so far.
        max_pixels: The most pixels of a picture.
    """

    trainer: GeneratorTrainer
    pictures: Sequence[str | PathLike[str]]
    settings: GeneratorSettings
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
        size, seed, unusable = self.trainer.network.size, self.seed + step, self.left_out
        reader = _reader(self.pictures, size, seed, unusable, self.max_pixels)
        batches = reader.squares().batch(self.settings.batch_size, drop_remainder=True)
        return batches.map(lambda pictures: {"picture": pictures}).prefetch(4)

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
    settings: GeneratorSettings,
    network: StyleGenerator | None = None,
    precision: str = "auto",
    seed: int = 0,
    max_pixels: int | None = None,
) -> GeneratorTraining:
    """Prepares to train a generator.

    Args:
        pictures: Paths of the collection's pictures, of which squares are cut at random.
        backbone: The `Backbone`, not yet cut, on whose features the critic is.
        settings: `GeneratorSettings`; `size` and `width` are those of a new generator.
        network: A generator of which a copy is trained further; None is a new one.
        precision: "float32", "bfloat16" or "auto", of generator and backbone.
        seed: Seeds the initial weights and the order of the data.
        max_pixels: The most pixels of a picture.

    Returns:
        A `GeneratorTraining`.

    Raises:
        ValueError: If there is no such layer, no picture can be used, or the generator has classes.
    """
    check_seed(seed)
    classes = network.classes if network else 0
    check(not classes, "network", "a generator without classes", f"one of {classes}")
    keras.utils.set_random_seed(seed)
    network = _create(settings, precision) if network is None else copy_network(network, precision)
    left_out: set[str] = set()
    reader = _reader(pictures, network.size, seed, left_out, max_pixels)
    examples = np.concatenate(reader.first(_EXAMPLES))
    augmentation = AdaptiveAugmentation(pictures=settings.augmented_after)
    looks = backbone, settings.layers, examples, augmentation, precision
    trainer = GeneratorTrainer(network, *looks)
    rate: Any = CosineDecay(settings.learning_rate, settings.steps, _FINAL_RATE)
    trainer.compile(keras.optimizers.Adam(rate, *trainer.betas, epsilon=1e-8))
    return GeneratorTraining(trainer, list(pictures), settings, seed, left_out, max_pixels)


def _reader(pictures, size, seed, left_out, max_pixels):
    return Photos(pictures, size, seed, left_out, max_pixels=max_pixels, name="pictures")


def _create(settings, precision):
    """Makes a new generator, with the channels of the paper, less some."""
    levels = int(np.log2(settings.size / _FIRST)) + 1
    most = [min(_MOST_CHANNELS, _CHANNELS / (_FIRST * 2**level)) for level in range(levels)]
    channels = [max(_LEAST_CHANNELS, round(settings.width * each)) for each in most]
    wide = max(channels)
    return StyleGenerator(channels, wide, wide, dtype=dtype_policy(precision))
