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
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import ArrayLike

from kerasart.backbones import Backbone
from kerasart.image import Picture, as_image, read_picture
from kerasart.image.masks import split_picture
from kerasart.image.resizing import shrink
from kerasart.kernels.precision import choose_precision
from kerasart.networks import (
    SIZES,
    AdaIN,
    AdaINTrainer,
    StyleNetwork,
    StyleTrainer,
    TransformerNet,
    copy_network,
    recast,
)
from kerasart.networks.callbacks import ResumableTraining
from kerasart.networks.learning_rate import CosineDecay
from kerasart.networks.photo_crops import Photos
from kerasart.networks.transformer_net import style_weights
from kerasart.objectives import Content, style_objective
from kerasart.optimization import Evaluator, balance, style_targets
from kerasart.settings.checks import check_seed
from kerasart.settings.style import FastStyleSettings

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

# Pairs of photo and style, or photos for each style, by which weights are balanced.
_PAIRS = 4
# How much the photo's own pixels count where it is to be painted as it is: more, and the network
# learns little else.
_LIKENESS = 0.1
# Styles of an AdaIN network, which knows no bounds, on its contact sheets.
_SHOWN = 6


@dataclass
class TrainingRun:
    """A network that is to learn, what it learns from, and what teaches it.

    Attributes:
        network: A `TransformerNet` or an `AdaIN`.
        trainer: Its compiled trainer.
        photos: Paths of the photos.
        styles: Numbers of the styles to learn, as `StyleTrainer` has them; or, for AdaIN, paths of
            pictures.
        shown: Dict of name to picture, (1, height, width, 3), of the styles to show.
        settings: `FastStyleSettings`.
        seed: Seeds what is seen when.
        left_out: The set of paths that turned out unusable so far, of photos and of styles.
        max_pixels: The most pixels of a picture that is read.
    """

    network: StyleNetwork
    trainer: StyleTrainer
    photos: list[str | PathLike[str]]
    styles: list[Any]
    shown: dict[str, np.ndarray]
    settings: FastStyleSettings
    seed: int
    left_out: set[str] = field(default_factory=set)
    max_pixels: int | None = None

    def paint(self, photo: np.ndarray) -> list[np.ndarray]:
        """Paints a photo, (1, height, width, 3), in each of the styles to show: a list of such."""
        names = self.network.styles
        styles = [
            style_weights(names, name) if name in names else image
            for name, image in self.shown.items()
        ]
        return [self._painter(photo, style).numpy() for style in styles]

    @cached_property
    def _painter(self):
        """The network, compiled for photos of every size: a training shows the same ones often."""
        shapes = list(self.network.input_shapes((None, None)).values())[:2]
        signature = [tf.TensorSpec(shape) for shape in shapes]
        return tf.function(self.network, signature, autograph=False)

    def fit(self, training: ResumableTraining, *others: keras.callbacks.Callback) -> None:
        """Trains until all steps are taken.

        Args:
            training: What knows how many have been.
            *others: Further callbacks, called after it.
        """
        while (left := self.settings.steps - training.step) > 0:
            # A training that goes on sees other photos than it has just seen.
            seed = self.seed + training.step
            batches, _ = photo_batches(
                self.photos, self.styles, self.settings, seed, self.left_out, self.max_pixels
            )
            self.trainer.fit(
                batches,
                epochs=max(1, left // training.every),
                steps_per_epoch=min(left, training.every),
                shuffle=False,
                verbose=0,
                callbacks=[training, *others],
            )


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
        network: "small", "medium", "large" or "adain"; or a network of which a copy goes on
            learning: an `AdaIN`, a `TransformerNet` with the styles that it knows, or with new
            ones, which are added (see `TransformerNet.with_styles`).
        styles: Dict of name to RGB picture, or to a `Picture`, of which only what is seen counts;
            or, for "adain", a list of paths of pictures.
        photos: Paths of photos.
        backbone: The `Backbone`, not yet cut.
        settings: `FastStyleSettings`.
        precision: "float32", "bfloat16" or "auto", of all that can have it.
        seed: Seeds the network's first weights, and what is seen when.
        max_pixels: The most pixels of a photo, and of a picture in `styles`, that is read.

    Returns:
        A `TrainingRun`.

    Raises:
        ValueError: If no photo can be used, or the network knows some of the styles, but not all.
    """
    if not (isinstance(network, StyleNetwork) or network in (*SIZES, "adain")):
        raise ValueError(
            f"`network` must be {', '.join(SIZES)}, adain, or a network of ours. Received: "
            + (repr(network) if isinstance(network, str) else f"a {type(network).__name__}")
        )
    check_seed(seed)
    keras.utils.set_random_seed(seed)
    left_out: set[str] = set()
    samples = Photos(photos, settings.size, seed, left_out, max_pixels=max_pixels).first(_PAIRS)
    takes_any = network == "adain" if isinstance(network, str) else network.style_input == "style"
    plan = _plan_any_style if takes_any else _plan_few_styles
    network, trainer, learned, shown = plan(
        network, styles, samples, backbone, settings, precision, seed, left_out, max_pixels
    )
    rate = CosineDecay(settings.learning_rate, settings.steps, settings.final_rate)
    trainer.compile(keras.optimizers.Adam(rate, epsilon=1e-8))
    return TrainingRun(
        network, trainer, list(photos), learned, shown, settings, seed, left_out, max_pixels
    )


def _plan_any_style(
    network, styles, samples, backbone, settings, precision, seed, left_out, max_pixels
):
    """Makes an AdaIN network and its trainer; returns what it learns from, and what it shows."""
    new = network == "adain"
    network = AdaIN(dtype=_dtype(precision)) if new else copy_network(network, precision)
    reader = Photos(styles, settings.size, seed, left_out, max_pixels=max_pixels)
    pictures = reader.first(_PAIRS)
    trainer = make_adain_trainer(network, pictures, samples, backbone, settings, precision, seed)
    return network, trainer, list(styles), _read_first(styles, settings, max_pixels)


def _plan_few_styles(
    network, styles, samples, backbone, settings, precision, seed, left_out, max_pixels
):
    """As `_plan_any_style`, of a network that learns a few styles, each of a number."""
    seen = {name: split_picture(picture, "styles") for name, picture in styles.items()}
    shown = {name: image for name, (image, _) in seen.items()}
    if isinstance(network, str):
        network = TransformerNet(list(shown), SIZES[network], dtype=_dtype(precision))
    elif set(shown) == set(network.styles):
        network = copy_network(network, precision)
        shown = {name: shown[name] for name in network.styles}
    else:
        _check_new(shown, network)
        network = recast(network, precision).with_styles(list(shown))
    # The photo is one of those that a network is to learn with all its weights.
    first = 0 if len(shown) == len(network.styles) else 1
    pictures = [styles[name] for name in shown]
    trainer = make_trainer(network, pictures, samples, backbone, settings, precision, seed)
    return network, trainer, list(range(first, len(shown) + 1)), shown


def _dtype(precision):
    """Names Keras's dtype policy of a network to be trained."""
    return "mixed_bfloat16" if choose_precision(precision) == "bfloat16" else "float32"


def make_trainer(
    network: TransformerNet,
    styles: Sequence[ArrayLike | Picture],
    photos: Sequence[ArrayLike],
    backbone: Backbone,
    settings: FastStyleSettings,
    precision: str = "auto",
    seed: int = 0,
) -> StyleTrainer:
    """Makes what trains a network on a few styles.

    Args:
        network: A `TransformerNet`.
        styles: A list of RGB pictures, or `Picture`s, in the order of the network's styles; if
            there are fewer, they are its last.
        photos: A few photos of the size of those to train on, by which weights are balanced.
        backbone: The `Backbone`, not yet cut.
        settings: `FastStyleSettings`.
        precision: "float32", "bfloat16" or "auto", of the backbone.
        seed: Seeds the noise at which weights are balanced.

    Returns:
        A `StyleTrainer`, not compiled yet.
    """
    styles, masks = zip(*(split_picture(style, "styles") for style in styles), strict=True)
    styles = [shrink(style, settings.style_size) for style in styles]
    photos = [as_image(photo, "photos") for photo in photos]
    # Of the photo itself, which the network learns to paint as one more style, all is wanted.
    likeness = _LIKENESS * Content("image")
    likeness.balanced = settings.content_weight is None
    objective = style_objective(settings) + likeness
    evaluator = Evaluator(backbone.cut(objective.layers, precision, settings.pooling), objective)
    is_content = np.array([isinstance(term, Content) for term in objective.terms])
    targets = [
        style_targets(evaluator, photos[0], [style], [1.0], [mask])
        for style, mask in zip(styles, masks, strict=True)
    ]
    contents = [style_targets(evaluator, photo, styles[:1], [1.0]) for photo in photos]

    weights = []
    for style in targets:
        mixed = [
            [c if here else s for here, c, s in zip(is_content, content, style, strict=True)]
            for content in contents
        ]
        weights.append(_balance(evaluator, list(zip(photos, mixed, strict=True)), seed))
    weights = np.stack(weights)
    is_likeness = np.array([term.name == likeness.name for term in objective.terms])
    of_photo = weights.mean(axis=0) * is_content
    return StyleTrainer(
        network,
        backbone,
        objective,
        targets,
        np.stack([of_photo, *(weights * ~is_likeness)]),
        settings.stability,
        precision,
        settings.pooling,
    )


def make_adain_trainer(
    network: AdaIN,
    styles: Sequence[ArrayLike],
    photos: Sequence[ArrayLike],
    backbone: Backbone,
    settings: FastStyleSettings,
    precision: str = "auto",
    seed: int = 0,
) -> AdaINTrainer:
    """Makes what trains an `AdaIN` network on pictures of all manners.

    Args:
        network: The `AdaIN`.
        styles: A few of the style pictures, by which, with as many photos, weights are balanced.
        photos: As many photos.
        backbone: The `Backbone`, not yet cut.
        settings: `FastStyleSettings`, whose content is at the network's own layer.
        precision: "float32", "bfloat16" or "auto", of the backbone.
        seed: Seeds the noise at which weights are balanced.

    Returns:
        An `AdaINTrainer`, not compiled yet.

    Raises:
        ValueError: If the backbone or the content's layer is another than the network's own, whose
            features are what the painted picture is to have; or the pooling is.
    """
    layers = ", ".join(settings.content_layers)
    if (backbone.name, layers) != (network.encoder.name, network.layer):
        raise ValueError(
            f"`backbone` must be {network.encoder.name} with its content at {network.layer}, as "
            f"the network's own encoder. Received: {backbone.name}, {layers}"
        )
    if settings.pooling != "max":
        raise ValueError(
            "`pooling` must be max for adain, as the network's own encoder has it. "
            f"Received: {settings.pooling!r}"
        )
    objective = style_objective(settings)
    pairs = list(zip(map(as_image, photos), map(as_image, styles), strict=True))
    evaluator = Evaluator(
        backbone.cut(objective.layers, precision, padding=network.padding), objective
    )
    pairs = [(photo, style_targets(evaluator, photo, [style], [1.0])) for photo, style in pairs]
    weights = _balance(evaluator, pairs, seed)
    return AdaINTrainer(network, backbone, objective, weights, settings.stability, precision)


def photo_batches(
    photos: Sequence[str | PathLike[str]],
    styles: Sequence[Any],
    settings: FastStyleSettings,
    seed: int = 0,
    left_out: set[str] | None = None,
    max_pixels: int | None = None,
) -> tuple[tf.data.Dataset, list[Photos]]:
    """Pairs photos with styles, as trainers take them.

    Args:
        photos: Paths of photos.
        styles: The numbers of the styles to train, each as often; or, for AdaIN, paths of pictures.
        settings: `FastStyleSettings`.
        seed: Seeds what is picked, where it is cut, and in which order.
        left_out: A set of paths known to be unusable, to which those met are added.
        max_pixels: The most pixels of a picture that is read.

    Returns:
        An endless `tf.data.Dataset` of dicts of "photo" and "style", and the two `Photos` (or one)
        that know what was left out.
    """
    left_out = set() if left_out is None else left_out
    readers = [Photos(photos, settings.size, seed, left_out, True, max_pixels)]
    if isinstance(styles[0], int):
        numbers = tf.constant(styles, tf.int32)
        picks = tf.data.Dataset.random(seed).map(lambda pick: numbers[pick % len(styles)])
    else:
        readers.append(Photos(styles, settings.size, seed + 1, left_out, max_pixels=max_pixels))
        picks = readers[1].squares()
    pairs = tf.data.Dataset.zip({"photo": readers[0].squares(), "style": picks})
    return pairs.batch(settings.batch_size, drop_remainder=True).prefetch(4), readers


def _check_new(styles, network):
    known = [name for name in styles if name in network.styles]
    if known:
        raise ValueError(
            f"`styles` must be all that the network knows ({', '.join(network.styles)}), to go on "
            f"learning them, or none of them. Received: {', '.join(known)}"
        )


def _read_first(paths, settings, max_pixels):
    """Reads the first few pictures that can be used, by name."""
    shown = {}
    for path in paths:
        if len(shown) == _SHOWN:
            break
        try:
            picture = read_picture(path, max_pixels).image
        except (ValueError, OSError, MemoryError):
            continue  # `Photos` tells of it.
        if min(picture.shape[1:3]) >= settings.size:
            shown[Path(path).stem] = shrink(picture, settings.style_size)
    return shown


def _balance(evaluator, pairs, seed):
    """Balances weights by several pairs of a photo and its targets."""
    found = [balance(evaluator, photo, targets, seed) for photo, targets in pairs]
    # Gradients differ by factors: their geometric mean favours no pair.
    return np.exp(np.mean(np.log(np.maximum(found, 1e-30)), axis=0)).astype(np.float32)
