"""`Evaluator`, an objective's statistics and gradients on a whole image or tile by tile."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasart.backbones import Backbone
from kerasart.objectives import Objective, Target, Term
from kerasart.optimization.gradient_magnitude import gradient_magnitude, magnitude_at_noise
from kerasart.optimization.tiled_evaluator import TiledEvaluator
from kerasart.optimization.tiles import Span
from kerasart.optimization.tracing import Compiled

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf


# Lower bound of the gradient magnitude that proportional regularisers follow: a channel that noise
# does not excite has no gradient until the regulariser has smoothed the noise.
_LEAST_MAGNITUDE = 0.1


class Evaluator:
    """Evaluates an objective and its gradient on the whole image or tile by tile.

    The gradient of a `proportional` term with a weight of 1, measured at noise of deviation 0.1, is
    made as large as the gradient of all terms on the backbone's layers at the current image. So its
    weight means the same for any network, layers and photo, and as activations grow.

    Args:
        backbone: A `Backbone` cut at the objective's layers.
        objective: The `Objective`.
        side: Images of more than `side` x `side` pixels are evaluated in tiles with sides of at
            most `side`; None evaluates all images whole.
        compiled: The `Compiled` that calls its functions; None makes one.

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
        # The factor that gives a proportional term's gradient at noise a magnitude of 1; 0: others.
        factors = [1 / magnitude_at_noise(t) if t.proportional else 0.0 for t in objective.terms]
        self._factors = np.array(factors, np.float32)
        self._tiled = TiledEvaluator(backbone, objective, self._compiled)

    def tiles(self, size: tuple[int | None, int | None]) -> Sequence[tuple[Span, Span]]:
        """Plans the tiles of an image of a size, (height, width); () if it is evaluated whole.

        Images of unknown size, (None, None) inside a graph, are evaluated whole.

        Raises:
            ValueError: If tiles of this side leave no core within their halo.
        """
        height, width = size
        if self.side is None or height is None or width is None or height * width <= self.side**2:
            return ()
        return self._tiled.plan((height, width), self.side)

    def features(self, image: tf.Tensor, layers: Iterable[str]) -> dict[str, Any]:
        """Computes the features of an image.

        Args:
            image: float32 RGB (1, height, width, 3).
            layers: Names of layers of the backbone; "image" is the image itself.

        Returns:
            A dict of layer name to float32 features (1, h, w, channels), or, if the image is
            evaluated in tiles, to a `FeatureFile`.
        """
        found: dict[str, Any] = {}
        wanted = tuple(layer for layer in layers if layer != "image")
        if wanted and (tiles := self.tiles(tuple(image.shape[1:3]))):
            found = self._tiled.features(image, tiles, wanted)
        elif wanted:
            features = self.backbone(ops.convert_to_tensor(image))
            found = {layer: ops.cast(features[layer], "float32") for layer in wanted}
        return {**found, "image": image} if "image" in layers else found

    def means(
        self, image: tf.Tensor, terms: Sequence[Term], guides: Sequence[tuple]
    ) -> list[tf.Tensor]:
        """Computes the means of terms' statistics over an image.

        Args:
            image: float32 RGB (1, height, width, 3).
            terms: Some of the objective's terms.
            guides: The `guide` of a `Target` for each of them.

        Returns:
            A list of a mean for each term.
        """
        if tiles := self.tiles(tuple(image.shape[1:3])):
            numbers = tuple(self.objective.terms.index(term) for term in terms)
            targets = [Target()] * len(self.objective.terms)
            for number, guide in zip(numbers, guides, strict=True):
                targets[number] = Target(guide)
            return self._tiled.means(numbers, image, tiles, targets)
        features = {**self.backbone(image), "image": image}
        pairs = zip(terms, guides, strict=True)
        return [term.mean(features[term.layer], *guide) for term, guide in pairs]

    def differentiate(
        self,
        view: tf.Tensor,
        targets: Sequence[Target],
        weights: Sequence[float] | np.ndarray | tf.Tensor,
        image: tf.Tensor | None = None,
        on_tile: Callable[[int, int], object] | None = None,
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """Computes the objective and its gradient, on the whole image or tile by tile.

        Traced into a graph, it evaluates the image whole.

        Args:
            view: The input of the backbone, the image or a transform of it, float32 RGB (1, height,
                width, 3).
            targets: A `Target` for each term.
            weights: A weight for each term.
            image: The image, for the terms on the layer "image"; None is `view`.
            on_tile: `on_tile(done, count)`, called after each tile, or None.

        Returns:
            The weighted values of the terms, a float32 vector; and the gradients of their sum with
            respect to "view" and "image", each only if a term depends on it.
        """
        view = tf.convert_to_tensor(view)
        image = view if image is None else image
        weights, factors, terms = tf.unstack(weights), self._factors, self.objective.terms
        on_pixels = [i for i, term in enumerate(terms) if term.layer == "image"]
        plain = tuple(i for i in on_pixels if not factors[i])
        proportional = tuple(i for i in on_pixels if factors[i])
        on_layers = tuple(i for i in range(len(terms)) if i not in on_pixels)
        # The pixels first: tiles fragment the heap, which TensorFlow never gives back.
        losses, of_image = self._differentiate_whole(plain, image, targets, weights)
        scaled = {i: weights[i] * factors[i] for i in proportional}
        penalties, of_penalties = self._differentiate_whole(proportional, image, targets, scaled)

        if tiles := self.tiles(tuple(view.shape[1:3])):
            arguments = on_layers, view, tiles, targets, weights, on_tile
            layer_losses, of_view = self._tiled.differentiate(*arguments)
        else:
            layer_losses, of_view = self._differentiate_whole(on_layers, view, targets, weights)
        if proportional:
            magnitude = tf.maximum(gradient_magnitude(of_view), _LEAST_MAGNITUDE)
            penalties = [magnitude * loss for loss in penalties]
            of_penalties *= magnitude
            of_image = of_penalties if of_image is None else of_image + of_penalties
        numbers = plain + proportional + on_layers
        by_number = dict(zip(numbers, [*losses, *penalties, *layer_losses], strict=True))
        gradients = {"view": of_view, "image": of_image}
        gradients = {name: each for name, each in gradients.items() if each is not None}
        return tf.stack([by_number[i] for i in range(len(terms))]), gradients

    def differentiate_each(self, image: tf.Tensor, targets: Sequence[Target]) -> list[tf.Tensor]:
        """Computes the gradient of each term, without its weight.

        Args:
            image: float32 RGB (1, height, width, 3).
            targets: A `Target` for each term.

        Returns:
            A list of tensors of the image's shape.
        """
        image = tf.convert_to_tensor(image)
        terms = self.objective.terms
        if tiles := self.tiles(tuple(image.shape[1:3])):
            on_layers = tuple(i for i, term in enumerate(terms) if term.layer != "image")
            units = np.eye(len(terms), dtype=np.float32)
            return [
                # With the others' weights at 0, one trace serves all terms on layers.
                self._tiled.differentiate(on_layers, image, tiles, targets, units[i])[1]
                if term.layer != "image"
                else self._differentiate_whole((i,), image, targets, units[i])[1]
                for i, term in enumerate(terms)
            ]
        # Eagerly, as it runs once: tracing a graph would take longer.
        with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
            tape.watch(image)
            features = {**self.backbone(image), "image": image}
            distances = self.objective.distances(features, targets)
        return [tape.gradient(distance, image) for distance in distances]

    def _differentiate_whole(self, numbers, image, targets, weights):
        """Computes the losses of some terms on a whole image, and the gradient of their sum.

        Args:
            numbers: A tuple of indices of terms: all of them on the layer "image", or none.
            image: The image.
            targets, weights: Of all terms.

        Returns:
            A list of scalars, and the gradient; None without terms.
        """
        if not numbers:
            return [], None
        arguments = [targets[i] for i in numbers], [weights[i] for i in numbers]
        return self._compiled(self._differentiate_terms, image, *arguments, static=(numbers,))

    def _differentiate_terms(self, numbers, image, targets, weights):
        terms = [self.objective.terms[i] for i in numbers]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(image)
            features = {"image": image} if terms[0].layer == "image" else self.backbone(image)
            losses = [
                weight * term.measure(term.mean(features[term.layer], *guide), *value)
                for term, (guide, value), weight in zip(terms, targets, weights, strict=True)
            ]
        # A term that does not depend on the image has a gradient of 0.
        zero = tf.UnconnectedGradients.ZERO
        return losses, tape.gradient(losses, image, unconnected_gradients=zero)
