"""`Evaluator`, an objective's statistics and gradients, of the whole image or tile by tile."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasart.backbones import Backbone
from kerasart.objectives import Objective, Target, Term
from kerasart.optimization.feature_file import FeatureFile
from kerasart.optimization.pull import pull, pull_at_noise
from kerasart.optimization.tiles import Span, measure_halo, plan_tiles
from kerasart.optimization.tracing import Compiled

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf


# What holds back pulls at least so hard, also where nothing that is wanted is excited yet: a
# channel that is silent in noise wakes as the noise is smoothed.
_LEAST_FORCE = 0.1


class Evaluator:
    """Finds features, statistics and gradients of whole pictures, also in the memory of one tile.

    A term is a distance on the mean over positions of a statistic. Statistics of tiles add up to
    those of the picture, in a first pass; how the distances change with the sums is the upstream
    gradient of each tile, in a second. Tiles overlap by what the layers' positions see beyond their
    own pixels, so that values and gradients are those of the whole picture. Where all distances are
    linear, as in dreams, the second pass alone will do.

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
        self._positions = functools.lru_cache(maxsize=8)(lambda size: backbone.positions(size))
        self._halo = functools.cache(lambda: measure_halo(backbone))
        self._strides = functools.cache(lambda: backbone.strides)

    def tiles(self, size: tuple[int | None, int | None]) -> Sequence[tuple[Span, Span]]:
        """Plans the tiles of a picture of a size, (height, width); () if it is looked at whole.

        In a graph for pictures of all sizes, whose size is (None, None), they are looked at whole.

        Raises:
            ValueError: If tiles of this side would have nothing of their own.
        """
        height, width = size
        if self.side is None or height is None or width is None or height * width <= self.side**2:
            return ()
        return plan_tiles((height, width), self.side, *self._halo())

    def features(self, image: tf.Tensor, layers: Iterable[str]) -> dict[str, Any]:
        """Looks at a picture.

        Args:
            image: float32 RGB (1, height, width, 3).
            layers: Names of layers of the backbone; "image" is the picture itself.

        Returns:
            A dict of layer name to float32 features (1, h, w, channels), or, where the picture is
            looked at in tiles, to a `FeatureFile`.
        """
        size, kept = tuple(image.shape[1:3]), {}
        wanted = [layer for layer in layers if layer != "image"]
        tiles = self.tiles(size) if wanted else ()
        if wanted and not tiles:
            seen = self.backbone(ops.convert_to_tensor(image))
            kept = {layer: ops.cast(seen[layer], "float32") for layer in wanted}
        for tile in tiles:
            seen = self._compiled(self._list_features, _cut(image, tile), static=(tuple(wanted),))
            for layer, features in zip(wanted, seen, strict=True):
                if layer not in kept:
                    shape = *self._positions(size)[layer], features.shape[-1]
                    kept[layer] = FeatureFile(shape, features.dtype.as_numpy_dtype)
                own, there = self._find(tile, size, layer)
                kept[layer].write(features[0][own], there)
        return {**kept, "image": image} if "image" in layers else kept

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
        size = tuple(image.shape[1:3])
        tiles = self.tiles(size)
        if not tiles:
            seen = {**self.backbone(image), "image": image}
            pairs = zip(terms, guides, strict=True)
            return [term.mean(seen[term.layer], *guide) for term, guide in pairs]
        numbers = tuple(self.objective.terms.index(term) for term in terms)
        targets = [Target()] * len(self.objective.terms)
        for number, guide in zip(numbers, guides, strict=True):
            targets[number] = Target(guide)
        sums = self._sum_over_tiles(image, tiles, targets, numbers, lambda: None)
        divisors = self._divisors(size, numbers)
        return [total / divisor for total, divisor in zip(sums, divisors, strict=True)]

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
            given = layers, tiles, seen, targets, weights, on_tile
            wanted, at_seen = self._differentiate_tiles(*given)
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
                self._differentiate_tiles(layers, tiles, image, targets, units[i])[1]
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

    def _differentiate_tiles(self, numbers, tiles, image, targets, weights, on_tile=None):
        """As `_differentiate_whole` of terms on layers, tile by tile; losses are an array."""
        size, terms = tuple(image.shape[1:3]), self.objective.terms
        nonlinear = tuple(i for i in numbers if not terms[i].is_linear)
        linear = tuple(i for i in numbers if terms[i].is_linear)
        count = len(tiles) * (2 if nonlinear else 1)
        done = 0

        def report():
            nonlocal done
            done += 1
            if on_tile:
                on_tile(done, count)

        def known(numbers):
            values = [targets[i].value for i in numbers]
            return values, [weights[i] for i in numbers], self._divisors(size, numbers)

        losses = np.zeros(len(terms), np.float32)
        upstream_gradients = []
        if nonlinear:
            sums = self._sum_over_tiles(image, tiles, targets, nonlinear, report)
            values, upstream_gradients = self._compiled(
                self._differentiate_sums, sums, *known(nonlinear), static=(nonlinear,)
            )
            losses[list(nonlinear)] = values
        gradient = tf.Variable(tf.zeros(image.shape))
        for tile in tiles:
            given = (
                *self._cut_out(image, tile, targets, nonlinear + linear),
                upstream_gradients,
                *known(linear),
            )
            values, part = self._compiled(
                self._differentiate_tile, *given, static=((nonlinear, linear),)
            )
            if linear:
                losses[list(linear)] += values
            there = _cut(gradient, tile)
            there.assign(there + part)
            report()
        return losses[list(numbers)], gradient.value()

    def _sum_over_tiles(self, image, tiles, targets, numbers, report):
        """Sums the statistics of some terms over all tiles."""
        sums = None
        for tile in tiles:
            given = self._cut_out(image, tile, targets, numbers)
            found = self._compiled(self._sum, *given, static=(numbers,))
            sums = found if sums is None else [a + b for a, b in zip(sums, found, strict=True)]
            report()
        return sums

    def _cut_out(self, image, tile, targets, numbers):
        """Cuts out a tile's pixels, where in its features its own lie, and what lies beside them.

        The places are of each of some terms, int32 (terms, 4): top, bottom, left and right.
        """
        size, places, guides = tuple(image.shape[1:3]), [], []
        for i in numbers:
            term = self.objective.terms[i]
            own, there = self._find(tile, size, term.layer, term.extent)
            places.append([bound for each in own for bound in (each.start, each.stop)])
            beside = there if term.has_guide_beside else (slice(None), slice(None))
            guides.append(tuple(_read(guide, beside) for guide in targets[i].guide))
        return _cut(image, tile), np.reshape(places, (-1, 4)).astype(np.int32), guides

    def _find(self, tile, size, layer, extent=lambda count: (0, count)):
        """Finds a tile's own positions in a layer: slices of its features, and of the picture's."""
        stride, counts = self._strides()[layer], self._positions(size)[layer]
        own, there = [], []
        for span, side, count in zip(tile, size, counts, strict=True):
            first, last = extent(count)
            start = max(span.start // stride, first)
            stop = max(min(count if span.stop == side else span.stop // stride, last), start)
            offset = span.seen_start // stride
            own.append(slice(start - offset, stop - offset))
            there.append(slice(start, stop))
        return tuple(own), tuple(there)

    def _divisors(self, size, numbers):
        """What makes the mean of a sum, or leaves it as it is, for each of some terms."""
        counts = self._positions(size)
        terms = [self.objective.terms[i] for i in numbers]
        return [np.float32(1 if t.summed else math.prod(counts[t.layer])) for t in terms]

    def _list_features(self, layers, pixels):
        features = self.backbone(pixels)
        return [features[layer] for layer in layers]

    def _sum(self, numbers, pixels, places, guides):
        """Sums the statistics of some terms over a tile's own positions."""
        features, sums = self.backbone(pixels), []
        for i, place, guide in zip(numbers, tf.unstack(places), guides, strict=True):
            term = self.objective.terms[i]
            top, bottom, left, right = tf.unstack(place)
            own = features[term.layer][:, top:bottom, left:right]
            own = own if term.takes_bfloat16 else tf.cast(own, tf.float32)
            sums.append(term.everywhere().statistic(own, *guide))
        return sums

    def _measure(self, numbers, sums, values, weights, divisors):
        """Weighs the distances of some terms."""
        given = zip(numbers, sums, values, weights, divisors, strict=True)
        return tf.stack(
            [w * self.objective.terms[i].distance(s / d, *value) for i, s, value, w, d in given]
        )

    def _differentiate_sums(self, numbers, sums, values, weights, divisors):
        """Takes the losses of some terms, and the gradient of their sum by each of the sums."""
        with tf.GradientTape() as tape:
            tape.watch(sums)
            losses = self._measure(numbers, sums, values, weights, divisors)
        return losses, tape.gradient(losses, sums)

    def _differentiate_tile(
        self, numbers, pixels, places, guides, upstream_gradients, values, weights, divisors
    ):
        """Takes the gradient by a tile, and its share of the losses of linear terms."""
        nonlinear, linear = numbers
        with tf.GradientTape() as tape:
            tape.watch(pixels)
            sums = self._sum(nonlinear + linear, pixels, places, guides)
            losses = tf.zeros([0])
            if linear:
                rest = sums[len(nonlinear) :]
                losses = self._measure(linear, rest, values, weights, divisors)
            wanted = [*sums[: len(nonlinear)], losses]
        upstream = [*upstream_gradients, tf.ones_like(losses)]
        return losses, tape.gradient(wanted, pixels, upstream)


def _cut(image, tile):
    return image[:, tile[0].seen, tile[1].seen]


def _read(guide, there):
    return guide.read(there) if isinstance(guide, FeatureFile) else guide[:, there[0], there[1]]
