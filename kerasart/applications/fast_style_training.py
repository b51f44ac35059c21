"""Training of fast style transfer: `plan_training` prepares a `TrainingRun`.

Source: Johnson et al. 2016, "Perceptual Losses for Real-Time Style Transfer and Super-Resolution"
(arXiv 1603.08155); Dumoulin et al. 2017, "A Learned Representation for Artistic Style" (arXiv
1610.07629) for many styles in one network; Huang and Belongie 2017, "Arbitrary Style Transfer in
Real-time with Adaptive Instance Normalization" (arXiv 1703.06868) for any style.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from os import PathLike

import keras
import numpy as np
from numpy.typing import ArrayLike

from kerasart.backbones import Backbone
from kerasart.image import Picture, as_image
from kerasart.networks import CollectionTrainer, StyleNetwork, prepare_network
from kerasart.networks.distribution import replicas
from kerasart.networks.learning_rate import CosineDecay
from kerasart.networks.perceptual_trainer import BalancedObjective, PerceptualTrainer
from kerasart.networks.photo_crops import Photos
from kerasart.networks.training_styles import TrainingStyles
from kerasart.optimization import Evaluator, balance, replace_photo, style_targets
from kerasart.settings.checks import check, check_seed
from kerasart.settings.style import FastStyleSettings

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

# The number of photos (and of styles, for networks of any style) on which weights are balanced.
_EXAMPLES = 4

# What lies between the seeds of two machines.
_APART = 1_000_000


@dataclass
class TrainingRun:
    """A training: the network, its data, and its trainer.

    Attributes:
        network: The `StyleNetwork` to paint with, the trainer's `result`.
        trainer: The compiled trainer of the network.
        photos: Paths of the photos.
        styles: The `TrainingStyles`.
        settings: `FastStyleSettings`.
        seed: Seeds the order of the data.
        left_out: The set of paths of photos and styles found unusable so far.
        max_pixels: The most pixels of a picture.
    """

    network: StyleNetwork
    trainer: PerceptualTrainer
    photos: Sequence[str | PathLike[str]]
    styles: TrainingStyles
    settings: FastStyleSettings
    seed: int = 0
    left_out: set[str] = field(default_factory=set)
    max_pixels: int | None = None

    def batches(
        self, step: int = 0, context: tf.distribute.InputContext | None = None
    ) -> tf.data.Dataset:
        """Pairs photos with styles: the batches of the training.

        Args:
            step: Steps taken so far; a resumed training sees photos in another order.
            context: Where many devices train, which part of the data this is: each machine sees
                photos in an order of its own. None for one device.

        Returns:
            An endless `tf.data.Dataset` of dicts of "photo" and "style".
        """
        settings, seed, batch_size = self.settings, self.seed + step, self.settings.batch_size
        if context:
            seed += _APART * context.input_pipeline_id
            batch_size = context.get_per_replica_batch_size(batch_size)
        exposes, unusable = self.styles.exposes_photos, self.left_out
        photos = Photos(self.photos, settings.size, seed, unusable, exposes, self.max_pixels)
        pairs = {"photo": photos.squares(), "style": self.styles.dataset(seed)}
        batches = tf.data.Dataset.zip(pairs).batch(batch_size, drop_remainder=True)
        return batches.prefetch(4)

    def paint(self, photo: np.ndarray) -> list[np.ndarray]:
        """Paints a photo (1, height, width, 3) in each of the styles to show; returns a list."""
        parts = [self.network.parse_style(style) for style in self.styles.requests]
        return [self._painter(photo, style).numpy() for ((style, _, _),) in parts]

    @cached_property
    def _painter(self):
        """The network, compiled for photos of any size."""
        shapes = list(self.network.input_shapes((None, None)).values())[:2]
        signature = [tf.TensorSpec(shape) for shape in shapes]
        return tf.function(self.network, signature, autograph=False)


def plan_training(
    network: str | StyleNetwork,
    styles: Mapping[str, ArrayLike | Picture] | Sequence[str | PathLike[str]],
    photos: Sequence[str | PathLike[str]],
    backbone: Backbone,
    settings: FastStyleSettings,
    precision: str = "auto",
    seed: int = 0,
    max_pixels: int | None = None,
) -> TrainingRun:
    """Prepares to train a network.

    Args:
        network: "small", "medium", "large", "manner", "adain" or "collection"; or a network of
            which a copy is trained further: one of any style, or of the same collections, or a
            `TransformerNet` with all its styles, or with new ones, which are added (see
            `TransformerNet.with_styles`).
        styles: Dict of names to RGB pictures, or to `Picture`s, whose transparent parts are
            ignored; or, for a network of any style, a list of paths of pictures; or, for
            collections, a dict of names to such lists.
        photos: Paths of photos.
        backbone: The `Backbone`, not yet cut.
        settings: `FastStyleSettings`.
        precision: "float32", "bfloat16" or "auto", of network and backbone.
        seed: Seeds the initial weights and the order of the data.
        max_pixels: The most pixels of a photo, and of a picture in `styles`.

    Returns:
        A `TrainingRun`.

    Raises:
        ValueError: If no photo can be used, or only some of the styles are the network's.
    """
    check_seed(seed)
    devices = replicas()
    allowed = f"a multiple of {devices}, the number of devices"
    check(settings.batch_size % devices == 0, "batch_size", allowed, settings.batch_size)
    keras.utils.set_random_seed(seed)
    network = prepare_network(network, styles, precision)
    left_out: set[str] = set()
    reader = Photos(photos, settings.size, seed, left_out, max_pixels=max_pixels)
    examples = reader.first(_EXAMPLES)
    learned = network.read_styles(styles, settings, seed, left_out, max_pixels)
    pictures = learned.examples(_EXAMPLES)
    trainer = make_trainer(network, pictures, examples, backbone, settings, precision, seed)
    rate = CosineDecay(settings.learning_rate, settings.steps, settings.final_rate)
    trainer.compile(keras.optimizers.Adam(rate, *trainer.betas, epsilon=1e-8))
    return TrainingRun(
        trainer.result, trainer, list(photos), learned, settings, seed, left_out, max_pixels
    )


def make_trainer(
    network: StyleNetwork,
    styles: Sequence[ArrayLike | Picture],
    photos: Sequence[ArrayLike],
    backbone: Backbone,
    settings: FastStyleSettings,
    precision: str = "auto",
    seed: int = 0,
) -> PerceptualTrainer:
    """Makes the trainer of a network, with weights balanced on a few pictures.

    Args:
        network: The `StyleNetwork`.
        styles: A list of RGB pictures, or `Picture`s: for a `TransformerNet` in the order of its
            styles (if fewer, the last ones); for networks of any style and collections a few.
        photos: A few photos of the training's size; as many as styles where those are a few.
        backbone: The `Backbone`, not yet cut.
        settings: `FastStyleSettings`.
        precision: "float32", "bfloat16" or "auto", of the backbone.
        seed: Seeds the noise images on which weights are balanced.

    Returns:
        A trainer of the network's `trainer_class`, not compiled yet.

    Raises:
        ValueError: If the network cannot be trained by this backbone and these settings.
    """
    bound = settings.content_bound
    is_known = bound is None or issubclass(network.trainer_class, CollectionTrainer)
    check(is_known, "content_bound", "left out but for collections", bound)
    objective = network.trainer_class.make_objective(network, backbone, settings)
    look = backbone.cut(objective.layers, precision, settings.pooling, network.padding)
    evaluator = Evaluator(look, objective)
    squares = [as_image(photo, "photos") for photo in photos]
    look.check_size(squares[0].shape[1:3], "size")
    examples = list(network.trainer_class.examples(squares, styles, settings))
    for style, _, _ in examples:
        look.check_size(style.shape[1:3], "styles")
    targets, weights = [], []
    for style, mask, beside in examples:
        targets.append(style_targets(evaluator, beside[0], [style], [1.0], [mask]))
        pairs = [(photo, replace_photo(evaluator, targets[-1], photo)) for photo in beside]
        weights.append([balance(evaluator, *pair, seed) for pair in pairs])
    pictures = examples, targets, weights
    balanced = BalancedObjective(objective, backbone, settings, precision, *pictures)
    return network.trainer_class.balanced(network, balanced)
