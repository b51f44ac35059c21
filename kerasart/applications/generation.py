"""`Generator`: pictures of seeds, mixtures of them, walks between them, and searches among them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from os import PathLike
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from kerasart.applications.deep_dream import Dreamer
from kerasart.applications.manner_walk import share_frames
from kerasart.applications.style_transfer import StyleTransfer
from kerasart.backbones import Backbone, load_backbone
from kerasart.backbones.weight_files import hash_weights
from kerasart.image import as_image
from kerasart.image.resizing import fill_size, resize
from kerasart.networks import StyleGenerator, draw_latent, load_generator
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
from kerasart.settings.checks import check, check_seed, is_number, is_whole
from kerasart.settings.execution import Execution, split_options

_RATE = 0.05  # Of a search, in deviations of w.
_STEPS = 300
_MOST_SEEN = 256  # Side to which a picture is reduced before it is compared with a photo.
# Layers whose features are compared in a projection: edges, textures, parts.
_COMPARED = ("block1_conv2", "block2_conv2", "block3_conv3", "block4_conv3")
_SAMPLES = 1000  # Random vectors, of whose styles the deviation is taken.
_LEAST_SQUARE = 1e-3

# A seed, or a w, as `Generator.style` or a search gives it.
Seed = int | ArrayLike


class Generator:
    """Paints pictures of seeds with a trained generator.

    Args:
        model: A file, as for `load_generator`; or a `StyleGenerator`.
        precision: "float32", "bfloat16", or "auto" for what is fast on this machine.

    Attributes:
        network: The `StyleGenerator`.
        size: Side of its pictures, in pixels.
    """

    def __init__(self, model: str | PathLike[str] | StyleGenerator, precision: str = "auto"):
        if not isinstance(model, StyleGenerator):
            model = load_generator(model, precision)
        self.network: StyleGenerator = model
        self.size = self.network.size
        self._z_size = self.network.get_config()["z_size"]
        self._shape = len(self.network.levels), self.network.get_config()["w_size"]
        signature = [tf.TensorSpec([1, *self._shape])]
        self._paint = tf.function(self.network.paint, signature, autograph=False)

    def style(
        self,
        seed: Seed | None = None,
        truncation: float = 0.7,
        mix: Mapping[str, Seed] | None = None,
    ) -> np.ndarray:
        """Makes a style, w.

        Args:
            seed: A whole number; or a w, which truncation does not change.
            truncation: How far styles of seeds are from the mean: 1 is as far as they are, 0 is the
                mean itself. Less makes pictures better, and more alike.
            mix: Dict of levels, "coarse", "middle" and "fine", to the seeds that they have instead.
                Without a `seed`, a level that is left out is as the next coarser one, or else the
                next finer one.

        Returns:
            float32 (1, places, w_size).

        Raises:
            ValueError: If a seed, a w or a level is none, or there is nothing to paint.
        """
        check(is_number(truncation), "truncation", "a number", truncation)
        own = {} if seed is None else dict.fromkeys(self.network.levels, seed)
        named = {**own, **(mix or {})}
        return np.asarray(
            self.network.mix({level: self._w(each, truncation) for level, each in named.items()})
        )

    def _w(self, seed, truncation):
        if is_whole(seed):
            check_seed(seed)
            return self.network.map(draw_latent(seed, self._z_size), truncation)
        w = np.asarray(seed, np.float32)
        w = w[None] if w.ndim == 2 else w
        if w.shape[2:] != self._shape[1:] or w.shape[:2] not in ((1, 1), (1, self._shape[0])):
            raise ValueError(
                "`seed` must be a whole number, or a w of this generator, "
                f"(1, {self._shape[0]}, {self._shape[1]}). Received: an array {w.shape}"
            )
        return np.broadcast_to(w, (1, *self._shape))

    def paint(self, w: ArrayLike) -> np.ndarray:
        """Paints the picture of a style: float32 RGB (1, size, size, 3) in [0, 1]."""
        return self._paint(tf.convert_to_tensor(w, tf.float32)).numpy()

    def walk(
        self, styles: Sequence[ArrayLike], frames: int, first: int = 0
    ) -> Iterator[np.ndarray]:
        """Walks from style to style, straight on.

        Args:
            styles: At least two, as `style` makes them. A walk that ends where it began leaves out
                the last frame, so that it goes round and round.
            frames: The number of frames, at least as many as styles: they are shared out by how
                different the pictures of the styles are (see `share_frames`).
            first: The frame to begin with.

        Yields:
            Pictures.

        Raises:
            ValueError: If there are too few styles or frames.
        """
        count = len(styles)
        check(count > 1, "styles", "two or more", count)
        check(frames >= count, "frames", f"at least {count}, the number of styles", frames)
        ends = [np.asarray(style) for style in styles]
        is_round = np.array_equal(ends[0], ends[-1])
        painted = [self.paint(style) for style in ends]
        for leg, share in share_frames(painted, frames, is_round)[first:]:
            yield self.paint(ends[leg] + share * (ends[leg + 1] - ends[leg]))

    @cached_property
    def record(self) -> dict[str, Any]:
        """What tells this generator from others: dict of its size and a hash of its weights."""
        return {"generator_size": self.size, "generator_hash": hash_weights(self.network)}

    # --- Searches: the loop of dreams and paintings, which moves w

    def project(
        self,
        photo: ArrayLike,
        start: ArrayLike | None = None,
        backbone: str | Backbone = "vgg16",
        **options: Any,
    ) -> Result:
        """Finds the style whose picture is nearest to a photo.

        Source: Karras et al. 2019 (arXiv 1912.04958, section 5), who compare features as well; a
        style for each place, Abdal et al. 2019, "Image2StyleGAN" (arXiv 1904.03189). Where we
        depart from them: features are VGG16's, each layer's difference relative to the mean square
        of the photo's; noise stays as it is.

        Args:
            photo: RGB of shape (height, width, 3) or (1, height, width, 3), uint8 or float in [0,
                1]; the largest square in its middle is compared.
            start: The w to start from; None is the mean.
            backbone: VGG16, or a `Backbone` with its layers.
            **options: `steps` and `rate`, in deviations of w a step; `per_place`, whether each
                place has a style of its own (as it has by default), else all have one; and what
                `Execution` has, such as `on_step`.

        Returns:
            A `Result`, whose settings have the style found, "w".

        Raises:
            ValueError: If an argument is not allowed.
            DivergedError: If a loss is not finite; its `result` has the last good picture.
            Interrupted: On Ctrl-C; its `result` has the picture so far.
        """
        photo = fill_size(as_image(photo, "photo"), (self.size, self.size))
        search = _Search(self, start, options)
        if not isinstance(backbone, Backbone):
            backbone = load_backbone(backbone)
        backbone = backbone.cut(_COMPARED, search.execution.precision)
        seen = {**backbone(_reduce(photo)), "image": photo}
        terms = []
        for layer in ("image", *_COMPARED):
            square = float(tf.math.reduce_mean(tf.cast(seen[layer], tf.float32) ** 2))
            terms.append(Content(layer, 1 / max(square, _LEAST_SQUARE)))
        targets = [Target(guide=(tf.cast(seen[term.layer], tf.float32),)) for term in terms]
        record = {"search": "project", "backbone": backbone.name, "preset": "project"}
        return search.run(
            backbone, Objective(terms), lambda _: (targets, None), _reduce, record, [photo]
        )

    def dream(
        self,
        start: ArrayLike,
        preset: str | PathLike[str] | dict | None = None,
        backbone: str | Backbone = "auto",
        weights: str = "auto",
        *,
        objective: Objective | None = None,
        **options: Any,
    ) -> Result:
        """Moves a style until a network sees more of something in its picture.

        Args:
            start: The w to start from.
            preset, backbone, weights, objective: As for `deep_dream`.
            **options: As for `project`, and settings of `DreamSettings`: the objective's, and
                those of its transforms.

        Returns:
            A `Result`, whose settings have the style found, "w".

        Raises:
            ValueError, DivergedError, Interrupted: See `project`.
        """
        search = _Search(self, start, options)
        dreamer = Dreamer(
            preset, backbone, weights, objective=objective, **search.options,
            seed=search.execution.seed, precision=search.execution.precision,
        )  # fmt: skip

        def prepare(evaluator):
            return dream_targets(evaluator, search.picture), None

        transform = dreamer.descent.transform
        record = dreamer.record | {"search": "dream"}
        return search.run(dreamer.backbone, dreamer.objective, prepare, transform, record, [])

    def paint_like(
        self,
        start: ArrayLike,
        styles: ArrayLike | Sequence[ArrayLike],
        preset: str | PathLike[str] | dict = "best",
        backbone: str | Backbone = "auto",
        weights: str = "auto",
        **options: Any,
    ) -> Result:
        """Moves a style until its picture has the manner of a painting, and keeps what it shows.

        Args:
            start: The w to start from, whose picture is the content.
            styles, preset, backbone, weights: As for `style_transfer`.
            **options: As for `project`, and settings of `StyleSettings`: the objective's.

        Returns:
            A `Result`, whose settings have the style found, "w".

        Raises:
            ValueError, DivergedError, Interrupted: See `project`.
        """
        search = _Search(self, start, options)
        execution = search.execution
        transfer = StyleTransfer(
            styles, preset, backbone, weights, **search.options,
            seed=execution.seed, precision=execution.precision,
        )  # fmt: skip
        painting = transfer.plan(search.picture)
        descent, last = painting.descent, len(painting.sizes) - 1

        def prepare(_):
            return painting.prepare(last, None)

        record = painting.record | {"search": "style"}
        images = [np.asarray(each) for each in (styles if isinstance(styles, list) else [styles])]
        return search.run(descent.backbone, descent.objective, prepare, None, record, images)


class _Search:
    """A search for a style: what it starts from, and how it moves.

    Args:
        generator: The `Generator`.
        start: The w to start from; None is the mean.
        given: The keywords of a search; those that are none of its own are `options`.
    """

    def __init__(self, generator: Generator, start: ArrayLike | None, given: dict[str, Any]):
        self.execution, self.options = split_options(given)
        self._steps = self.options.pop("steps", _STEPS)
        self._rate = self.options.pop("rate", _RATE)
        self._per_place = self.options.pop("per_place", True)
        check(is_whole(self._steps) and self._steps > 0, "steps", "1 or more", self._steps)
        check(is_number(self._rate) and self._rate > 0, "rate", "more than 0", self._rate)
        self._generator, network = generator, generator.network
        self._mean = network.mean_w.numpy().astype(np.float32)
        z = np.random.default_rng(0).normal(size=(_SAMPLES, network.get_config()["z_size"]))
        self._deviation = float(np.sqrt(np.mean((network.map(z)[:, 0] - self._mean) ** 2)))
        self._start = generator.style(self._mean[None] if start is None else start)
        self.picture = generator.paint(self._start)

    def run(
        self,
        backbone: Backbone,
        objective: Objective,
        prepare: Callable[[Evaluator], tuple[Sequence[Target], Any]],
        transform: Callable | None,
        record: dict[str, Any],
        images: Sequence[np.ndarray],
    ) -> Result:
        """Takes the steps.

        Args:
            backbone: The `Backbone`, cut.
            objective: The `Objective`.
            prepare: `prepare(evaluator) -> targets, weights`; weights None are the terms' own.
            transform: As in `Descent`.
            record: Dict of settings for the result.
            images: What else the result depends on.
        """
        size = (self._generator.size,) * 2
        shape = self._start.shape
        code = (self._start - self._mean) / self._deviation
        code = code if self._per_place else code.mean(axis=1, keepdims=True)

        def as_w(code):
            return self._mean + self._deviation * tf.broadcast_to(code, shape)

        latent = Latent(lambda code: self._generator.network.paint(as_w(code)), code, size)
        execution: Execution = self.execution
        descent = Descent(
            backbone, objective, Adam(self._rate), transform, parameterization=latent,
            on_tile=execution.on_tile,
        )  # fmt: skip
        if transform is not _reduce:
            tiling = execution.tile, execution.memory
            descent.evaluator.side = choose_tile(descent, size, *tiling)
        targets, weights = prepare(descent.evaluator)
        weights = objective.weights if weights is None else weights
        record = record | self._generator.record | {"seed": execution.seed}
        record |= {"steps": self._steps, "rate": self._rate, "per_place": self._per_place}
        checkpoint = open_checkpoint(execution.checkpoint, record, descent, [*images, self._start])
        with explain_memory_errors(size):
            run = coarse_to_fine(
                descent,
                descent.start(self.picture),
                [size],
                [self._steps],
                lambda *_: (targets, weights),
                seed=execution.seed,
                checkpoint=checkpoint,
                on_step=execution.on_step,
            )
        w = as_w(run.state.image).numpy()[0]
        return finish(run, objective, record | {"w": w.tolist()})


def _reduce(image, _=None):
    """Reduces an image to what it is compared by."""
    side = min(image.shape[1], _MOST_SEEN)
    return image if side == image.shape[1] else resize(image, (side, side), antialias=True)
