"""Searches among a generator's pictures: for a photo, a dream, or a painting's manner."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from kerasart.applications.deep_dream import Dreamer
from kerasart.applications.style_inputs import as_list
from kerasart.applications.style_transfer import StyleTransfer
from kerasart.backbones import Backbone, load_backbone
from kerasart.image import as_image
from kerasart.image.resizing import fill_size, resize
from kerasart.objectives import Content, Objective, Target
from kerasart.optimization import (
    Adam,
    Descent,
    Evaluator,
    Latent,
    Result,
    choose_tile,
    coarse_to_fine,
    dream_targets,
    explain_memory_errors,
    finish,
    open_checkpoint,
)
from kerasart.settings.checks import check
from kerasart.settings.choices import check_names
from kerasart.settings.declare import names_in_group, names_of, split
from kerasart.settings.dream import DreamSettings
from kerasart.settings.execution import split_options
from kerasart.settings.generator import SearchSettings
from kerasart.settings.style import StyleSettings

if TYPE_CHECKING:
    from kerasart.applications.generation import Generator

_SAMPLES = 1000  # Random vectors, of whose styles the deviation is taken.
_MOST_SEEN = 256  # Side to which a picture is reduced before it is compared with a photo.
# Layers whose features are compared in a projection: edges, textures, parts.
_COMPARED = ("block1_conv2", "block2_conv2", "block3_conv3", "block4_conv3")
_LEAST_SQUARE = 1e-3
# Settings of dreams and paintings that hold for searches: of what is looked for, not of the loop.
_NETWORK = ("preset", "backbone", "weights", "objective")
_OF_DREAMS = (
    *names_in_group(DreamSettings, "objective"),
    *("pad", "jitter", "scaling", "rotation", "final_jitter"),
)
_OF_PAINTINGS = (
    *names_in_group(StyleSettings, "terms"),
    *("style_strength", "content_strength", "smoothness", "style_size", "stretch_style"),
)


class Search(ABC):
    """A search for a style: the loop of dreams and paintings, which moves w in place of pixels.

    A kind of search says what it looks at, and what it looks for.

    Args:
        generator: The `Generator`.
        start: The w to start from; None is the mean.
        **given: What `SearchSettings` and `Execution` have; the rest are `options`.

    Attributes:
        size: (height, width) of the pictures.
        picture: The picture of the start.
        settings: The `SearchSettings`.
        execution: The `Execution`.
        options: Dict of the keywords that are for the kind of search.
        backbone: The kind's `Backbone`, cut.
        objective: Its `Objective`.
        transform: What its backbone sees of a picture, as in `Descent`.
        record: Dict of its settings for the result.
        images: What else the result depends on.
    """

    backbone: Backbone
    objective: Objective
    transform: Callable | None = None
    record: dict[str, Any]
    images: Sequence[np.ndarray] = ()

    def __init__(self, generator: Generator, start: ArrayLike | None, **given: Any):
        self.execution, given = split_options(given)
        self.settings, self.options = split(SearchSettings, given)
        self._generator, network = generator, generator.network
        self._mean = network.mean_w.numpy().astype(np.float32)
        random, label = np.random.default_rng(0), None
        z = random.normal(size=(_SAMPLES, network.get_config()["z_size"]))
        if network.classes:
            label = np.eye(network.classes)[random.integers(network.classes, size=_SAMPLES)]
        w = network.map(z, label=label)[:, 0]
        self._deviation = float(np.sqrt(np.mean((w - self._mean) ** 2)))
        self._start = generator.style(self._mean[None] if start is None else start)
        self.size = generator.size, generator.size
        self.picture = generator.paint(self._start)

    @abstractmethod
    def prepare(self, evaluator: Evaluator) -> tuple[Sequence[Target], Any]:
        """Makes a `Target` for each term, and the terms' weights."""

    def tile(self, descent: Descent) -> int | None:
        """Chooses the side of the tiles in which the backbone sees a picture; None: whole."""
        return choose_tile(descent, self.size, self.execution.tile, self.execution.memory)

    def run(self) -> Result:
        """Takes the steps.

        Raises:
            MemoryError: If a picture does not fit into memory.
            DivergedError, Interrupted: See `Generator.project`.
        """
        execution, settings, objective = self.execution, self.settings, self.objective
        code = (self._start - self._mean) / self._deviation
        code = code if settings.per_place else code.mean(axis=1, keepdims=True)
        latent = Latent(self._paint, code, self.size)
        descent = Descent(
            self.backbone, objective, Adam(settings.rate), self.transform, parameterization=latent,
            on_tile=execution.on_tile,
        )  # fmt: skip
        descent.evaluator.side = self.tile(descent)
        prepared = self.prepare(descent.evaluator)
        own = {"seed": execution.seed, **asdict(settings)}
        record = self.record | self._generator.record | own
        images = [*self.images, self._start]
        checkpoint = open_checkpoint(execution.checkpoint, record, descent, images)
        with explain_memory_errors(self.size):
            run = coarse_to_fine(
                descent,
                descent.start(self.picture),
                [self.size],
                [settings.steps],
                lambda *_: prepared,
                seed=execution.seed,
                checkpoint=checkpoint,
                on_step=execution.on_step,
            )
        w = self._as_w(run.state.image).numpy()[0]
        return finish(run, objective, record | {"w": w.tolist()})

    def _check_options(self, function, names):
        """Refuses settings that would do nothing, by a TypeError."""
        given = [name for name in self.options if name not in _NETWORK]
        check_names(function, given, (*names_of(SearchSettings), *names))

    def _as_w(self, code):
        return self._mean + self._deviation * tf.broadcast_to(code, self._start.shape)

    def _paint(self, code):
        return self._generator.network.paint(self._as_w(code))


class Projection(Search):
    """A search for the picture that is nearest to a photo.

    Source: Karras et al. 2019 (arXiv 1912.04958, section 5), who compare features as well; a style
    for each place, Abdal et al. 2019, "Image2StyleGAN" (arXiv 1904.03189). Where we depart from
    them: features are VGG16's, each layer's difference relative to the mean square of the photo's;
    noise stays as it is.

    Args:
        generator, start: See `Search`.
        photo, backbone, **given: See `Generator.project`.
    """

    def __init__(
        self,
        generator: Generator,
        start: ArrayLike | None,
        photo: ArrayLike,
        backbone: str | Backbone,
        **given: Any,
    ):
        super().__init__(generator, start, **given)
        check_names("project", self.options, names_of(SearchSettings))
        photo = fill_size(as_image(photo, "photo"), self.size)
        if not isinstance(backbone, Backbone):
            backbone = load_backbone(backbone)
        self.backbone = backbone.cut(_COMPARED, self.execution.precision)
        self.transform = _reduce
        seen = {"image": photo, **self.backbone(_reduce(photo))}
        terms, self._targets = [], []
        for layer in ("image", *_COMPARED):
            features = tf.cast(seen[layer], tf.float32)
            square = float(tf.math.reduce_mean(features**2))
            terms.append(Content(layer, 1 / max(square, _LEAST_SQUARE)))
            self._targets.append(Target(guide=(features,)))
        self.objective = Objective(terms)
        self.record = {"search": "project", "backbone": self.backbone.name, "preset": "project"}
        self.images = [photo]

    def prepare(self, evaluator: Evaluator) -> tuple[Sequence[Target], Any]:
        """Returns the features of the photo."""
        return self._targets, self.objective.weights

    def tile(self, descent: Descent) -> None:
        """Has no tiles, since what is compared is small."""


class DreamSearch(Search):
    """A search for a picture in which a network sees more of something.

    Args:
        generator, start: See `Search`.
        **given: See `Generator.dream`.
    """

    def __init__(self, generator: Generator, start: ArrayLike, **given: Any):
        super().__init__(generator, start, **given)
        self._check_options("dream", _OF_DREAMS)
        seed, precision = self.execution.seed, self.execution.precision
        dreamer = Dreamer(**self.options, seed=seed, precision=precision)
        self.backbone, self.objective = dreamer.backbone, dreamer.objective
        least = self.backbone.least_size(2 * dreamer.settings.border + 1)
        allowed = f"of at least {least} pixels for {self.backbone.name} and these layers"
        check(min(self.size) >= least, "generator", allowed, f"{self.size[1]}x{self.size[0]}")
        self.transform = dreamer.descent.transform
        self.record = _without_loop(dreamer.record, DreamSettings, _OF_DREAMS)
        self.record |= {"search": "dream"}

    def prepare(self, evaluator: Evaluator) -> tuple[Sequence[Target], Any]:
        """Makes the targets of a dream on the picture of the start."""
        return dream_targets(evaluator, self.picture), self.objective.weights


class PaintingSearch(Search):
    """A search for a picture in a painting's manner, which shows what that of the start does.

    Args:
        generator, start: See `Search`.
        styles, **given: See `Generator.paint_like`.
    """

    def __init__(
        self,
        generator: Generator,
        start: ArrayLike,
        styles: ArrayLike | Sequence[ArrayLike],
        **given: Any,
    ):
        super().__init__(generator, start, **given)
        self._check_options("paint_like", _OF_PAINTINGS)
        seed, precision = self.execution.seed, self.execution.precision
        transfer = StyleTransfer(styles, **self.options, seed=seed, precision=precision)
        self._painting = transfer.plan(self.picture)
        descent = self._painting.descent
        self.backbone, self.objective = descent.backbone, descent.objective
        self.record = _without_loop(self._painting.record, StyleSettings, _OF_PAINTINGS)
        self.record |= {"search": "style"}
        self.images = [np.asarray(each) for each in as_list(styles)]

    def prepare(self, evaluator: Evaluator) -> tuple[Sequence[Target], Any]:
        """Makes the targets and weights of the painting's last scale."""
        return self._painting.prepare(len(self._painting.sizes) - 1, None)


def _without_loop(record, cls, names):
    """Leaves out of a record the preset's settings of the loop, which is the search's own."""
    loop = set(names_of(cls)) - set(names)
    return {name: each for name, each in record.items() if name not in loop}


def _reduce(image, _=None):
    """Reduces an image to what it is compared by."""
    side = min(image.shape[1], _MOST_SEEN)
    return image if side == image.shape[1] else resize(image, (side, side), antialias=True)
