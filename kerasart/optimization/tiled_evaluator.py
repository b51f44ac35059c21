"""`TiledEvaluator`, an objective's statistics and gradients in the memory of one tile."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence

import keras
import numpy as np

from kerasart.backbones import Backbone
from kerasart.objectives import Objective, Target
from kerasart.optimization.feature_file import FeatureFile
from kerasart.optimization.tiles import Span, measure_halo, plan_tiles
from kerasart.optimization.tracing import Compiled

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf


class TiledEvaluator:
    """Finds features, statistics and gradients of large pictures tile by tile.

    A term is a distance on the mean over positions of a statistic. Statistics of tiles add up to
    those of the picture, in a first pass; how the distances change with the sums is the upstream
    gradient of each tile, in a second. Tiles overlap by what the layers' positions see beyond their
    own pixels, so that values and gradients are those of the whole picture. Where all distances are
    linear, as in dreams, the second pass alone will do.

    Pictures are float32 RGB (1, height, width, 3), and tiles what `plan` lists.

    Args:
        backbone: A `Backbone` cut at the objective's layers.
        objective: The `Objective`.
        compiled: What calls compiled what a tile needs.
    """

    def __init__(self, backbone: Backbone, objective: Objective, compiled: Compiled):
        self.backbone = backbone
        self.objective = objective
        self._compiled = compiled
        self._positions = functools.lru_cache(maxsize=8)(lambda size: backbone.positions(size))
        self._halo = functools.cache(lambda: measure_halo(backbone))
        self._strides = functools.cache(lambda: backbone.strides)

    def plan(self, size: tuple[int, int], side: int) -> list[tuple[Span, Span]]:
        """Plans the tiles of a picture, of at most `side` pixels (see `plan_tiles`)."""
        return plan_tiles(size, side, *self._halo())

    def features(
        self, image: tf.Tensor, tiles: Sequence[tuple[Span, Span]], layers: tuple[str, ...]
    ) -> dict[str, FeatureFile]:
        """Looks at a picture: returns a `FeatureFile` for each of some layers."""
        size, kept = tuple(image.shape[1:3]), {}
        for tile in tiles:
            seen = self._compiled(self._list_features, _cut(image, tile), static=(layers,))
            for layer, features in zip(layers, seen, strict=True):
                if layer not in kept:
                    shape = *self._positions(size)[layer], features.shape[-1]
                    kept[layer] = FeatureFile(shape, features.dtype.as_numpy_dtype)
                own, there = self._find(tile, size, layer)
                kept[layer].write(features[0][own], there)
        return kept

    def means(
        self,
        numbers: tuple[int, ...],
        image: tf.Tensor,
        tiles: Sequence[tuple[Span, Span]],
        targets: Sequence[Target],
    ) -> list[tf.Tensor]:
        """Takes the means of the statistics of some terms, by their numbers in the objective."""
        sums = self._sum_over_tiles(image, tiles, targets, numbers, lambda: None)
        divisors = self._divisors(tuple(image.shape[1:3]), numbers)
        return [total / divisor for total, divisor in zip(sums, divisors, strict=True)]

    def differentiate(
        self,
        numbers: tuple[int, ...],
        image: tf.Tensor,
        tiles: Sequence[tuple[Span, Span]],
        targets: Sequence[Target],
        weights: Sequence[float] | np.ndarray | tf.Tensor,
        on_tile: Callable[[int, int], object] | None = None,
    ) -> tuple[np.ndarray, tf.Tensor]:
        """Takes the losses of some terms, and the gradient of their sum by the picture.

        Args:
            numbers: The terms' numbers in the objective, all on layers.
            image, tiles: The picture, and its tiles.
            targets, weights: Of all terms.
            on_tile: `on_tile(done, count)`, called after each evaluation of a tile; None for
                nobody.

        Returns:
            The weighted values of these terms, float32, and a tensor of the picture's shape.
        """
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
