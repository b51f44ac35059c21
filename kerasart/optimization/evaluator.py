"""`Evaluator`, an objective's statistics and gradients, of the whole image or tile by tile."""

from __future__ import annotations

import functools
import math
import tempfile
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import DTypeLike

from kerasart.backbones import Backbone
from kerasart.objectives import Objective, Target, Term
from kerasart.optimization.tiles import Span, measure_halo, plan_tiles
from kerasart.optimization.tracing import Compiled

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf


class Evaluator:
    """Finds features, statistics and gradients of whole pictures, also in the memory of one tile.

    A term is a distance on the mean over positions of a statistic. Statistics of tiles add up to
    those of the picture, in a first pass; how the distances change with the sums is what flows back
    through each tile, in a second. Tiles overlap by what the layers' positions see beyond their
    own pixels, so that values and gradients are those of the whole picture. Where all distances are
    linear, as in dreams, the second pass alone will do.

    Args:
        backbone: A `Backbone` cut at the objective's layers.
        objective: The `Objective`.
        compiled: What calls its methods compiled; None for one of its own.
        side: Pictures of more than `side` times `side` pixels are looked at in tiles of at most
            `side`; None evaluates all as a whole.

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
        self._positions = functools.lru_cache(maxsize=8)(lambda size: backbone.positions(size))
        self._halo = functools.cache(lambda: measure_halo(backbone))
        self._strides = functools.cache(lambda: backbone.strides)

    def tiles(self, size: tuple[int, int]) -> Sequence[tuple[Span, Span]]:
        """Plans the tiles of a picture of a size, (height, width); () if it is looked at whole.

        Raises:
            ValueError: If tiles of this side would have nothing of their own.
        """
        if self.side is None or math.prod(size) <= self.side**2:
            return ()
        return plan_tiles(size, self.side, *self._halo())

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
            seen = self._compiled(self._see, _cut(image, tile), static=(tuple(wanted),))
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
        sums = self._survey(image, tiles, targets, numbers, lambda: None)
        divisors = self._divisors(size, numbers)
        return [total / divisor for total, divisor in zip(sums, divisors, strict=True)]

    def differentiate(
        self,
        image: tf.Tensor,
        targets: Sequence[Target],
        weights: Sequence[float] | np.ndarray,
        on_tile: Callable[[int, int], object] | None = None,
    ) -> tuple[np.ndarray, tf.Tensor]:
        """Takes the gradient of the objective by the picture, tile by tile.

        Terms on the layer "image" are left out: see `differentiate_pixels`.

        Args:
            image: float32 RGB (1, height, width, 3), of a size that has `tiles`.
            targets: A `Target` for each term.
            weights: A weight for each term.
            on_tile: `on_tile(done, count)`, called after each tile; None for nobody.

        Returns:
            The weighted values of the terms, a float32 array that is 0 for those left out, and the
            gradient of their sum, a tensor of the shape of `image`.
        """
        size = tuple(image.shape[1:3])
        tiles, terms = self.tiles(size), self.objective.terms
        chosen = [i for i, term in enumerate(terms) if term.layer != "image"]
        nonlinear = tuple(i for i in chosen if not terms[i].is_linear)
        linear = tuple(i for i in chosen if terms[i].is_linear)
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
            sums = self._survey(image, tiles, targets, nonlinear, report)
            values, upstream_gradients = self._compiled(
                self._judge, sums, *known(nonlinear), static=(nonlinear,)
            )
            losses[list(nonlinear)] = values
        gradient = tf.Variable(tf.zeros(image.shape))
        for tile in tiles:
            given = (
                *self._view(image, tile, targets, nonlinear + linear),
                upstream_gradients,
                *known(linear),
            )
            values, part = self._compiled(self._pull, *given, static=((nonlinear, linear),))
            if linear:
                losses[list(linear)] += values
            there = _cut(gradient, tile)
            there.assign(there + part)
            report()
        return losses, gradient.value()

    def differentiate_pixels(
        self, image: tf.Tensor, targets: Sequence[Target], weights: Sequence[float] | np.ndarray
    ) -> tuple[np.ndarray, tf.Tensor | None]:
        """Takes the gradient of the terms on the layer "image", as `differentiate` of the others.

        The picture is looked at whole: for pixels alone there is memory.

        Returns:
            As `differentiate`, but None in place of the gradient if there are no such terms.
        """
        terms = self.objective.terms
        losses = np.zeros(len(terms), np.float32)
        chosen = tuple(i for i, term in enumerate(terms) if term.layer == "image")
        if not chosen:
            return losses, None
        given = [targets[i] for i in chosen], [weights[i] for i in chosen]
        found, gradient = self._compiled(self._pull_pixels, image, *given, static=(chosen,))
        losses[list(chosen)] = found
        return losses, gradient

    def differentiate_each(self, image: tf.Tensor, targets: Sequence[Target]) -> list[tf.Tensor]:
        """Takes the gradient of each term by itself, of a picture that is looked at whole.

        Args:
            image: float32 RGB (1, height, width, 3).
            targets: A `Target` for each term.

        Returns:
            A list of tensors of the picture's shape.
        """
        # Called once in a run: to trace a graph would take longer.
        image = tf.convert_to_tensor(image)
        with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
            tape.watch(image)
            features = {**self.backbone(image), "image": image}
            distances = self.objective.distances(features, targets)
        return [tape.gradient(distance, image) for distance in distances]

    def _survey(self, image, tiles, targets, numbers, report):
        """Sums the statistics of some terms over all tiles."""
        sums = None
        for tile in tiles:
            given = self._view(image, tile, targets, numbers)
            found = self._compiled(self._sum, *given, static=(numbers,))
            sums = found if sums is None else [a + b for a, b in zip(sums, found, strict=True)]
            report()
        return sums

    def _view(self, image, tile, targets, numbers):
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

    def _see(self, layers, pixels):
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

    def _judge(self, numbers, sums, values, weights, divisors):
        """Says what some terms amount to, and how that changes with each of the sums."""
        with tf.GradientTape() as tape:
            tape.watch(sums)
            losses = self._measure(numbers, sums, values, weights, divisors)
        return losses, tape.gradient(losses, sums)

    def _pull(self, numbers, pixels, places, guides, upstream_gradients, values, weights, divisors):
        """Pulls at a tile's pixels: of linear terms, its share of the losses is known at once."""
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

    def _pull_pixels(self, numbers, image, targets, weights):
        """Takes the losses of some terms on the pixels, and the gradient of their sum."""
        with tf.GradientTape() as tape:
            tape.watch(image)
            losses = []
            for i, (guide, value), weight in zip(numbers, targets, weights, strict=True):
                term = self.objective.terms[i]
                losses.append(weight * term.distance(term.mean(image, *guide), *value))
        return losses, tape.gradient(losses, image)


class FeatureFile:
    """Features of a large picture, on disk for as long as this is there.

    Args:
        shape: (height, width, channels).
        dtype: NumPy's type of the numbers in the file.
    """

    def __init__(self, shape: tuple[int, int, int], dtype: DTypeLike):
        self.shape = tuple(shape)
        self._dtype = np.dtype(dtype)
        self._file = tempfile.TemporaryFile()

    def write(self, features: tf.Tensor, there: tuple[slice, slice]) -> None:
        """Writes features (h, w, channels) at a pair of slices of rows and columns."""
        rows, columns = there
        for row, numbers in zip(range(rows.start, rows.stop), np.asarray(features), strict=True):
            self._seek(row, columns)
            self._file.write(np.ascontiguousarray(numbers).tobytes())

    def read(self, there: tuple[slice, slice]) -> np.ndarray:
        """Reads the features at a pair of slices: a float32 array (1, h, w, channels)."""
        height, width, channels = self.shape
        rows, columns = (
            slice(*each.indices(n)) for each, n in zip(there, (height, width), strict=True)
        )
        width = columns.stop - columns.start
        features = np.empty((1, rows.stop - rows.start, width, channels), np.float32)
        for i in range(features.shape[1]):
            self._seek(rows.start + i, columns)
            numbers = self._file.read(width * channels * self._dtype.itemsize)
            features[0, i] = np.frombuffer(numbers, self._dtype).reshape(width, channels)
        return features

    def _seek(self, row, columns):
        _, width, channels = self.shape
        self._file.seek((row * width + columns.start) * channels * self._dtype.itemsize)


def _cut(image, tile):
    return image[:, tile[0].seen, tile[1].seen]


def _read(guide, there):
    return guide.read(there) if isinstance(guide, FeatureFile) else guide[:, there[0], there[1]]
