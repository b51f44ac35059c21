"""`Evaluator`, an objective's statistics and gradients, of the whole image or tile by tile."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasart.backbones import Backbone
from kerasart.objectives import Objective, Target, Term
from kerasart.optimization.pull import pull, pull_at_noise
from kerasart.optimization.tiled_evaluator import TiledEvaluator
from kerasart.optimization.tiles import Span
from kerasart.optimization.tracing import Compiled

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf


# What holds back pulls at least so hard, also where nothing that is wanted is excited yet: a
# channel that is silent in noise wakes as the noise is smoothed.
_LEAST_FORCE = 0.1


class Evaluator:
    """Finds features, statistics and gradients of whole pictures, also in the memory of one tile.

    A term that is `proportional` pulls with a weight of 1, at noise of deviation 0.1, as hard as
    all that is wanted of the network's layers together pulls at the picture at hand. So its weight
    means the same for any network, layers and photo, and as activations grow.

    Args:
        backbone: A `Backbone` cut at the objective's layers.
        objective: The `Objective`.
        side: Pictures of more than `side` times `side` pixels are looked at in tiles of at most
            `side`; None evaluates all as a whole.
        compiled: What calls compiled what a tile needs; None for one of its own.

    Attributes:
        backbone, objective, side: As given; `side` may be changed.
    """

    def __init__(
        self,
        backbone: Backbone,
        objective: Objective,
        side: int | None = None,
        compiled: Compiled | None = None,
    ):
        self.backbone = backbone
        self.objective = objective
        self.side = side
        self._compiled = compiled or Compiled()
        # What a weight of 1 is of each term that is proportional to a pull of 1; 0 of others.
        shares = [1 / pull_at_noise(t) if t.proportional else 0.0 for t in objective.terms]
        self._shares = np.array(shares, np.float32)
        self._tiled = TiledEvaluator(backbone, objective, self._compiled)

    def tiles(self, size: tuple[int | None, int | None]) -> Sequence[tuple[Span, Span]]:
        """Plans the tiles of a picture of a size, (height, width); () if it is looked at whole.

        In a graph for pictures of all sizes, whose size is (None, None), they are looked at whole.

        Raises:
            ValueError: If tiles of this side would have nothing of their own.
        """
        height, width = size
        if self.side is None or height is None or width is None or height * width <= self.side**2:
            return ()
        return self._tiled.plan((height, width), self.side)

    def features(self, image: tf.Tensor, layers: Iterable[str]) -> dict[str, Any]:
        """Looks at a picture.

        Args:
            image: float32 RGB (1, height, width, 3).
            layers: Names of layers of the backbone; "image" is the picture itself.

        Returns:
            A dict of layer name to float32 features (1, h, w, channels), or, where the picture is
            looked at in tiles, to a `FeatureFile`.
        """
        found: dict[str, Any] = {}
        wanted = tuple(layer for layer in layers if layer != "image")
        if wanted and (tiles := self.tiles(tuple(image.shape[1:3]))):
            found = self._tiled.features(image, tiles, wanted)
        elif wanted:
            seen = self.backbone(ops.convert_to_tensor(image))
            found = {layer: ops.cast(seen[layer], "float32") for layer in wanted}
        return {**found, "image": image} if "image" in layers else found

    def means(
        self, image: tf.Tensor, terms: Sequence[Term], guides: Sequence[tuple]
    ) -> list[tf.Tensor]:
        """Takes the means of terms' statistics over a picture.

        Args:
            image: float32 RGB (1, height, width, 3).
            terms: Some of the objective's terms.
            guides: A tuple of guides, as in `Target`, for each of them.

        Returns:
            A list of a mean for each term.
        """
        if tiles := self.tiles(tuple(image.shape[1:3])):
            numbers = tuple(self.objective.terms.index(term) for term in terms)
            targets = [Target()] * len(self.objective.terms)
            for number, guide in zip(numbers, guides, strict=True):
                targets[number] = Target(guide)
            return self._tiled.means(numbers, image, tiles, targets)
        seen = {**self.backbone(image), "image": image}
        pairs = zip(terms, guides, strict=True)
        return [term.mean(seen[term.layer], *guide) for term, guide in pairs]

    def differentiate(
        self,
        seen: tf.Tensor,
        targets: Sequence[Target],
        weights: Sequence[float] | np.ndarray | tf.Tensor,
        picture: tf.Tensor | None = None,
        on_tile: Callable[[int, int], object] | None = None,
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """Takes the gradient of the objective, of the whole picture or tile by tile.

        It can be traced into a graph, where no size has tiles.

        Args:
            seen: What the network sees: the picture, or a transform of it, float32 RGB (1, height,
                width, 3).
            targets: A `Target` for each term.
            weights: A weight for each term.
            picture: The picture, on which the terms on the layer "image" are; None is `seen`.
            on_tile: `on_tile(done, count)`, called after each tile; None for nobody.

        Returns:
            The weighted values of the terms, a float32 vector; and the gradients of their sum, by
            "seen" and by "picture", as far as there are such terms.
        """
        seen = tf.convert_to_tensor(seen)
        picture = seen if picture is None else picture
        weights, shares, terms = tf.unstack(weights), self._shares, self.objective.terms
        on_pixels = [i for i, term in enumerate(terms) if term.layer == "image"]
        plain = tuple(i for i in on_pixels if not shares[i])
        proportional = tuple(i for i in on_pixels if shares[i])
        layers = tuple(i for i in range(len(terms)) if i not in on_pixels)
        # First, while the heap is whole: TensorFlow never gives back what tiles leave in pieces.
        losses, at_picture = self._differentiate_whole(plain, picture, targets, weights)
        shared = {i: weights[i] * shares[i] for i in proportional}
        held, at_held = self._differentiate_whole(proportional, picture, targets, shared)

        if tiles := self.tiles(tuple(seen.shape[1:3])):
            given = layers, seen, tiles, targets, weights, on_tile
            wanted, at_seen = self._tiled.differentiate(*given)
        else:
            wanted, at_seen = self._differentiate_whole(layers, seen, targets, weights)
        if proportional:
            force = tf.maximum(pull(at_seen), _LEAST_FORCE)
            held = [force * loss for loss in held]
            at_held *= force
            at_picture = at_held if at_picture is None else at_picture + at_held
        numbers = plain + proportional + layers
        by_number = dict(zip(numbers, [*losses, *held, *wanted], strict=True))
        gradients = {"seen": at_seen, "picture": at_picture}
        found = {name: each for name, each in gradients.items() if each is not None}
        return tf.stack([by_number[i] for i in range(len(terms))]), found

    def differentiate_each(self, image: tf.Tensor, targets: Sequence[Target]) -> list[tf.Tensor]:
        """Takes the gradient of each term by itself, without its weight.

        Args:
            image: float32 RGB (1, height, width, 3).
            targets: A `Target` for each term.

        Returns:
            A list of tensors of the picture's shape.
        """
        image = tf.convert_to_tensor(image)
        terms = self.objective.terms
        if tiles := self.tiles(tuple(image.shape[1:3])):
            layers = tuple(i for i, term in enumerate(terms) if term.layer != "image")
            units = np.eye(len(terms), dtype=np.float32)
            return [
                # One trace serves each of those on layers, with a weight of 1 for it alone.
                self._tiled.differentiate(layers, image, tiles, targets, units[i])[1]
                if term.layer != "image"
                else self._differentiate_whole((i,), image, targets, units[i])[1]
                for i, term in enumerate(terms)
            ]
        # Called once in a run: to trace a graph would take longer.
        with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
            tape.watch(image)
            features = {**self.backbone(image), "image": image}
            distances = self.objective.distances(features, targets)
        return [tape.gradient(distance, image) for distance in distances]

    def _differentiate_whole(self, numbers, image, targets, weights):
        """Takes the losses of some terms, and the gradient of their sum by a whole image.

        Args:
            numbers: A tuple of the terms' numbers: all on the layer "image", or none.
            image: The image.
            targets, weights: Of all terms.

        Returns:
            A list of scalars, and the gradient, None if there are no such terms.
        """
        if not numbers:
            return [], None
        given = [targets[i] for i in numbers], [weights[i] for i in numbers]
        return self._compiled(self._differentiate_terms, image, *given, static=(numbers,))

    def _differentiate_terms(self, numbers, image, targets, weights):
        terms = [self.objective.terms[i] for i in numbers]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(image)
            features = {"image": image} if terms[0].layer == "image" else self.backbone(image)
            losses = [
                weight * term.distance(term.mean(features[term.layer], *guide), *value)
                for term, (guide, value), weight in zip(terms, targets, weights, strict=True)
            ]
        return losses, tape.gradient(losses, image)
