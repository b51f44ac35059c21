"""`Generator`: pictures of seeds, mixtures of them, walks between them, and searches among them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from os import PathLike
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from kerasart.applications.generator_search import DreamSearch, PaintingSearch, Projection
from kerasart.applications.manner_walk import share_frames
from kerasart.backbones import Backbone
from kerasart.backbones.weight_files import hash_weights
from kerasart.networks import StyleGenerator, draw_latent, load_generator
from kerasart.objectives import Objective
from kerasart.optimization import Result
from kerasart.settings.checks import check, check_seed, is_whole
from kerasart.settings.generator import SeedSettings

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
        truncation: float = SeedSettings.truncation,
        mix: Mapping[str, Seed] | None = None,
        label: int | None = None,
    ) -> np.ndarray:
        """Makes a style, w.

        Args:
            seed: A whole number; or a w, which truncation does not change.
            truncation: How far styles of seeds are from the mean: 1 is as far as they are, 0 is the
                mean itself. Less makes pictures better, and more alike.
            mix: Dict of levels, "coarse", "middle" and "fine", to the seeds that they have instead.
                Without a `seed`, a level that is left out is as the next coarser one, or else the
                next finer one.
            label: The number of the class that seeds are of, from 0; None for a generator without
                classes.

        Returns:
            float32 (1, places, w_size).

        Raises:
            ValueError: If a seed, a w, a level or a class is none, or there is nothing to paint.
        """
        truncation = SeedSettings(truncation).truncation
        own = {} if seed is None else dict.fromkeys(self.network.levels, seed)
        is_mix = mix is None or isinstance(mix, Mapping)
        check(is_mix, "mix", "a dict of levels to seeds", mix)
        named = {**own, **(mix or {})}
        return np.asarray(
            self.network.mix(
                {level: self._w(each, truncation, label) for level, each in named.items()}
            )
        )

    def _w(self, seed, truncation, label):
        if np.ndim(seed) == 0:
            check_seed(seed)
            z, label = draw_latent(seed, self._z_size), self._read_label(label)
            return self.network.map(z, truncation, label)
        return self._read_w(seed, "seed", "a whole number, or a w")

    def _read_w(self, w, name, what):
        """Checks a w, of each place or of all; returns float32 (1, places, w_size)."""
        w = np.asarray(w, np.float32)
        w = w[None] if w.ndim == 2 else w
        if w.shape[2:] != self._shape[1:] or w.shape[:2] not in ((1, 1), (1, self._shape[0])):
            raise ValueError(
                f"`{name}` must be {what} of this generator, "
                f"(1, {self._shape[0]}, {self._shape[1]}). Received: an array {w.shape}"
            )
        if not np.isfinite(w).all():
            other = w[~np.isfinite(w)][0]
            raise ValueError(f"`{name}` must be {what} of finite numbers. Received: {other} in it")
        return np.broadcast_to(w, (1, *self._shape))

    def _read_label(self, label):
        """Makes what `StyleGenerator.map` takes of a class's number."""
        count = self.network.classes
        if not count:
            check(label is None, "label", "left out for a generator without classes", label)
            return None
        is_class = is_whole(label) and 0 <= label < count
        check(is_class, "label", f"a class of this generator, from 0 to {count - 1}", label)
        return np.eye(count, dtype=np.float32)[[label]]

    def paint(self, w: ArrayLike) -> np.ndarray:
        """Paints the picture of a style: float32 RGB (1, size, size, 3) in [0, 1].

        Raises:
            ValueError: If it is no w of this generator.
        """
        return self._paint(tf.convert_to_tensor(self._read_w(w, "w", "a w"))).numpy()

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
        is_enough = is_whole(frames) and frames >= count
        check(is_enough, "frames", f"at least {count}, the number of styles", frames)
        ends = [np.asarray(style) for style in styles]
        is_round = np.array_equal(ends[0], ends[-1])
        painted = [self.paint(style) for style in ends]
        for leg, share in share_frames(painted, frames, is_round)[first:]:
            yield self.paint(ends[leg] + share * (ends[leg + 1] - ends[leg]))

    @cached_property
    def record(self) -> dict[str, Any]:
        """What tells this generator from others: dict of its size and a hash of its weights."""
        return {"generator_size": self.size, "generator_hash": hash_weights(self.network)}

    # --- Searches

    def project(
        self,
        photo: ArrayLike,
        start: ArrayLike | None = None,
        backbone: str | Backbone = "vgg16",
        **options: Any,
    ) -> Result:
        """Finds the style whose picture is nearest to a photo.

        Source: see `kerasart.applications.generator_search.Projection`.

        Args:
            photo: RGB of shape (height, width, 3) or (1, height, width, 3), uint8 or float in [0,
                1]; the largest square in its middle is compared.
            start: The w to start from; None is the mean.
            backbone: VGG16, or a `Backbone` with its layers.
            **options: Any attribute of `SearchSettings`, such as `steps`, or of `Execution`, such
                as `on_step`.

        Returns:
            A `Result`, whose settings have the style found, "w".

        Raises:
            ValueError: If an argument is not allowed.
            DivergedError: If a loss is not finite; its `result` has the last good picture.
            Interrupted: On Ctrl-C; its `result` has the picture so far.
        """
        return Projection(self, start, photo, backbone, **options).run()

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
            **options: As for `project`, and those settings of `DreamSettings` that say what is
                dreamed of, and how the picture is shifted and turned.

        Returns:
            A `Result`, whose settings have the style found, "w".

        Raises:
            ValueError, DivergedError, Interrupted: See `project`.
        """
        options |= {"preset": preset, "backbone": backbone, "weights": weights}
        return DreamSearch(self, start, objective=objective, **options).run()

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
            **options: As for `project`, and those settings of `StyleSettings` that say what is
                compared, and how strongly.

        Returns:
            A `Result`, whose settings have the style found, "w".

        Raises:
            ValueError, DivergedError, Interrupted: See `project`.
        """
        options |= {"preset": preset, "backbone": backbone, "weights": weights}
        return PaintingSearch(self, start, styles, **options).run()
