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
    """Evaluates an objective and its gradient on large images tile by tile.

    A term is a distance of the mean over positions of a statistic. The first pass sums the
    statistics of all tiles; the gradient of the distances with respect to these sums is the
    upstream gradient of every tile in the second pass. Tiles overlap by a halo, the reach of the
    receptive fields, so values and gradients are those of the whole image. If all distances are
    linear, as in dreams, the second pass is enough.

    Images are float32 RGB (1, height, width, 3); tiles are those of `plan`.

    Args:
        backbone: A `Backbone` cut at the objective's layers.
        objective: The `Objective`.
        compiled: The `Compiled` that calls the functions of a tile.
    """

    def __init__(self, backbone: Backbone, objective: Objective, compiled: Compiled):
        self.backbone = backbone
        self.objective = objective
        self._compiled = compiled
        self._positions = functools.lru_cache(maxsize=8)(lambda size: backbone.positions(size))
        self._halo = functools.cache(lambda: measure_halo(backbone))
        self._strides = functools.cache(lambda: backbone.strides)

    def plan(self, size: tuple[int, int], side: int) -> list[tuple[Span, Span]]:
        """Plans the tiles of an image, with sides of at most `side` pixels (see `plan_tiles`)."""
        return plan_tiles(size, side, *self._halo())

    def features(
        self, image: tf.Tensor, tiles: Sequence[tuple[Span, Span]], layers: tuple[str, ...]
    ) -> dict[str, FeatureFile]:
        """Computes the features of layers: a dict of layer name to `FeatureFile`."""
        size, files = tuple(image.shape[1:3]), {}
        for tile in tiles:
            of_tile = self._compiled(self._list_features, _cut(image, tile), static=(layers,))
            for layer, features in zip(layers, of_tile, strict=True):
                if layer not in files:
                    shape = *self._positions(size)[layer], features.shape[-1]
                    files[layer] = FeatureFile(shape, features.dtype.as_numpy_dtype)
                core, region = self._find_core(tile, size, layer)
                files[layer].write(features[0][core], region)
        return files

    def means(
        self,
        numbers: tuple[int, ...],
        image: tf.Tensor,
        tiles: Sequence[tuple[Span, Span]],
        targets: Sequence[Target],
    ) -> list[tf.Tensor]:
        """Computes the means of the statistics of terms, given by their indices."""
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
        """Computes the losses of some terms, and the gradient of their sum.

        Args:
            numbers: The terms' indices in the objective; none is on the layer "image".
            image, tiles: The image, and its tiles.
            targets, weights: Of all terms.
            on_tile: `on_tile(done, count)`, called after each evaluation of a tile, or None.

        Returns:
            The weighted values of these terms, float32, and a tensor of the image's shape.
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

        def constants(numbers):
            values = [targets[i].value for i in numbers]
            return values, [weights[i] for i in numbers], self._divisors(size, numbers)

        losses = np.zeros(len(terms), np.float32)
        upstream_gradients = []
        if nonlinear:
            sums = self._sum_over_tiles(image, tiles, targets, nonlinear, report)
            values, upstream_gradients = self._compiled(
                self._differentiate_sums, sums, *constants(nonlinear), static=(nonlinear,)
            )
            losses[list(nonlinear)] = values
        gradient = tf.Variable(tf.zeros(image.shape))
        for tile in tiles:
            arguments = (
                *self._cut_out(image, tile, targets, nonlinear + linear),
                upstream_gradients,
                *constants(linear),
            )
            values, of_tile = self._compiled(
                self._differentiate_tile, *arguments, static=((nonlinear, linear),)
            )
            if linear:
                losses[list(linear)] += values
            region = _cut(gradient, tile)
            region.assign(region + of_tile)
            report()
        return losses[list(numbers)], gradient.value()

    def _sum_over_tiles(self, image, tiles, targets, numbers, report):
        """Sums the statistics of some terms over all tiles."""
        sums = None
        for tile in tiles:
            arguments = self._cut_out(image, tile, targets, numbers)
            of_tile = self._compiled(self._sum, *arguments, static=(numbers,))
            sums = of_tile if sums is None else [a + b for a, b in zip(sums, of_tile, strict=True)]
            report()
        return sums

    def _cut_out(self, image, tile, targets, numbers):
        """Cuts out a tile's pixels and guides, and finds the bounds of its core for some terms.

        The bounds within the tile's features are int32 (terms, 4): top, bottom, left and right.
        """
        size, bounds, guides = tuple(image.shape[1:3]), [], []
        for i in numbers:
            term = self.objective.terms[i]
            core, region = self._find_core(tile, size, term.layer, term.extent)
            bounds.append([bound for each in core for bound in (each.start, each.stop)])
            wanted = region if term.guide_is_aligned else (slice(None), slice(None))
            guides.append(tuple(_read(guide, wanted) for guide in targets[i].guide))
        return _cut(image, tile), np.reshape(bounds, (-1, 4)).astype(np.int32), guides

    def _find_core(self, tile, size, layer, extent=lambda count: (0, count)):
        """Finds a tile's core in a layer: slices of its features and of the image's."""
        stride, counts = self._strides()[layer], self._positions(size)[layer]
        core, region = [], []
        for span, side, count in zip(tile, size, counts, strict=True):
            first, last = extent(count)
            start = max(span.start // stride, first)
            stop = max(min(count if span.stop == side else span.stop // stride, last), start)
            offset = span.padded_start // stride
            core.append(slice(start - offset, stop - offset))
            region.append(slice(start, stop))
        return tuple(core), tuple(region)

    def _divisors(self, size, numbers):
        """Lists the number of positions of some terms, or 1 for those that are `summed`."""
        counts = self._positions(size)
        terms = [self.objective.terms[i] for i in numbers]
        return [np.float32(1 if t.summed else math.prod(counts[t.layer])) for t in terms]

    def _list_features(self, layers, pixels):
        features = self.backbone(pixels)
        return [features[layer] for layer in layers]

    def _sum(self, numbers, pixels, bounds, guides):
        """Sums the statistics of some terms over a tile's core."""
        features, sums = self.backbone(pixels), []
        for i, edges, guide in zip(numbers, tf.unstack(bounds), guides, strict=True):
            term = self.objective.terms[i]
            top, bottom, left, right = tf.unstack(edges)
            core = features[term.layer][:, top:bottom, left:right]
            core = core if term.takes_bfloat16 else tf.cast(core, tf.float32)
            sums.append(term.everywhere().statistic(core, *guide))
        return sums

    def _losses(self, numbers, sums, values, weights, divisors):
        """Computes the weighted distances of some terms from the sums of their statistics."""
        arguments = zip(numbers, sums, values, weights, divisors, strict=True)
        return tf.stack(
            [w * self.objective.terms[i].measure(s / d, *value) for i, s, value, w, d in arguments]
        )

    def _differentiate_sums(self, numbers, sums, values, weights, divisors):
        """Computes the losses of some terms, and their gradient with respect to the sums."""
        with tf.GradientTape() as tape:
            tape.watch(sums)
            losses = self._losses(numbers, sums, values, weights, divisors)
        return losses, tape.gradient(losses, sums)

    def _differentiate_tile(
        self, numbers, pixels, bounds, guides, upstream_gradients, values, weights, divisors
    ):
        """Computes a tile's contribution to the losses of linear terms, and to the gradient."""
        nonlinear, linear = numbers
        with tf.GradientTape() as tape:
            tape.watch(pixels)
            sums = self._sum(nonlinear + linear, pixels, bounds, guides)
            losses = tf.zeros([0])
            if linear:
                linear_sums = sums[len(nonlinear) :]
                losses = self._losses(linear, linear_sums, values, weights, divisors)
            outputs = [*sums[: len(nonlinear)], losses]
        upstream = [*upstream_gradients, tf.ones_like(losses)]
        return losses, tape.gradient(outputs, pixels, upstream)


def _cut(image, tile):
    return image[:, tile[0].padded, tile[1].padded]


def _read(guide, region):
    return guide.read(region) if isinstance(guide, FeatureFile) else guide[:, region[0], region[1]]
