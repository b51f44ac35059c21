"""`PerceptualTrainer`, the base class of the trainers of style networks: perceptual losses."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from kerasart.backbones import Backbone
from kerasart.image import Picture, as_image
from kerasart.networks.distribution import replicas
from kerasart.networks.trainer import Trainer
from kerasart.objectives import Content, Objective, Target
from kerasart.settings.style import FastStyleSettings

# A style's image, its mask or None, and photos to paint in it.
Example = tuple[np.ndarray, np.ndarray | None, Sequence[np.ndarray]]

# Of the consistency loss: the standard deviation of the noise; the largest shift in pixels; the
# largest relative change of size; and what is cut off, a multiple of the networks' strides.
_NOISE = 0.03
_SHIFT = 1.0
_ZOOM = 0.01
_MARGIN = 8


@dataclass(frozen=True)
class BalancedObjective:
    """An objective, with the targets and balanced weights of a few pictures: what trainers need.

    Attributes:
        objective: The `Objective`, as `PerceptualTrainer.make_objective` returns it.
        backbone: The `Backbone`, not yet cut.
        settings: `FastStyleSettings`.
        precision: "float32", "bfloat16" or "auto", of the backbone.
        examples: A list of `Example`s.
        style_targets: For each of them, a `Target` for each term.
        weights: (examples, photos, terms): the balanced weights of each pair.
    """

    objective: Objective
    backbone: Backbone
    settings: FastStyleSettings
    precision: str
    examples: Sequence[Example]
    style_targets: Sequence[Sequence[Target]]
    weights: ArrayLike

    @property
    def cut(self) -> tuple[float, str, str]:
        """The stability, precision and pooling of a trainer."""
        return self.settings.stability, self.precision, self.settings.pooling


class PerceptualTrainer(Trainer):
    """Trains a style network by perceptual losses on the images that it paints.

    Source: Johnson et al. 2016 (arXiv 1603.08155, section 3).

    Args:
        network: The `StyleNetwork`.
        backbone: The `Backbone`, not yet cut.
        objective: The `Objective`.
        weights: The factor of each term.
        stability: Weight of the consistency loss: the squared difference between the painting,
            moved as a film moves from frame to frame, and the painting of the photo that is moved
            likewise, with noise. It reduces flicker in films, and is computed on the first photo of
            each batch.
        precision: "float32", "bfloat16" or "auto", of the backbone.
        pooling: "max" or "average", of the backbone.
        padding: The backbone's padding, as in `Backbone.cut`.

    Attributes:
        objective: The objective.
        further_losses: The names of the losses that a subclass adds.
    """

    further_losses: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        network: keras.Model,
        backbone: Backbone,
        objective: Objective,
        weights: ArrayLike,
        stability: float = 0.0,
        precision: str = "auto",
        pooling: str = "max",
        padding: str = "zeros",
        **kwargs: Any,
    ):
        names = [*objective.names, *(["stability"] if stability else []), *self.further_losses]
        super().__init__(network, names, **kwargs)
        self.objective = objective
        self._backbone = backbone.cut(objective.layers, precision, pooling, padding)
        self._weights = ops.convert_to_tensor(weights, "float32")
        self._stability = stability

    @classmethod
    def make_objective(
        cls, network: keras.Model, backbone: Backbone, settings: FastStyleSettings
    ) -> Objective:
        """Makes the objective that this class trains a network on.

        Raises:
            ValueError: If the network cannot be trained with this backbone and these settings.
        """
        raise NotImplementedError

    @classmethod
    def examples(
        cls,
        photos: Sequence[np.ndarray],
        styles: Sequence[ArrayLike | Picture],
        settings: FastStyleSettings,
    ) -> Iterable[Example]:
        """Pairs styles with the photos on which weights are balanced: each with that of its number.

        Args:
            photos: A few photos, float32 RGB (1, height, width, 3).
            styles: Styles, as `TrainingStyles.examples` returns them.
            settings: `FastStyleSettings`.

        Returns:
            An `Example` for each style.
        """
        pairs: Iterable[tuple[np.ndarray, Any]] = zip(photos, styles, strict=True)
        return [(as_image(style, "styles"), None, [photo]) for photo, style in pairs]

    @classmethod
    def balanced(cls, network: Any, balance: BalancedObjective) -> "PerceptualTrainer":
        """Makes a trainer of a network from a `BalancedObjective`."""
        raise NotImplementedError

    def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, *_: Any) -> Any:
        """Sums the terms, averaged over the batch, and updates the mean of each."""
        if x["photo"].shape[0] is None:
            raise ValueError(
                "The size of a batch must be known, as `dataset.batch(size, drop_remainder=True)` "
                f"makes it. Received: photos of shape {tuple(x['photo'].shape)}"
            )
        features = self._features(y_pred)
        seen = zip(split_batch(features), *self._targets_and_weights(x), strict=True)
        terms = ops.stack([self.objective(*picture) for picture in seen])
        losses = ops.unstack(ops.mean(terms, axis=0), len(self.objective.terms))
        if self._stability:
            losses.append(self._stability * self._instability(x, y_pred))
        losses += self._further_losses(x, features, terms)
        self._log(losses)
        return sum(losses) / replicas()

    def _features(self, pictures):
        """Computes the features of a batch of images, by layer."""
        return self._backbone(pictures)

    def _paint(self, photos, styles, noise_offset=None):
        """Paints a batch of photos in the "style" of the batch."""
        raise NotImplementedError

    def _targets_and_weights(self, batch):
        """Lists the targets and the weights of all terms for each image of a batch."""
        raise NotImplementedError

    def _further_losses(self, batch, features, terms):
        """Lists the values of `further_losses`, given features and terms of what was painted."""
        return []

    def _targets(self, content, style_values):
        """Makes the targets of all terms from a photo's features and the style's statistics."""
        return [
            Target(guide=(ops.cast(content[term.layer], "float32"),))
            if isinstance(term, Content)
            else Target(value=tuple(value))
            for term, value in zip(self.objective.terms, style_values, strict=True)
        ]

    def _instability(self, batch, painted):
        """Returns the consistency loss: how far motion and noise change the first image.

        The motion is a shift by fractions of pixels and a zoom: what is left where the network's
        grid and the noise that it injects move along with most of the scene. They stay where they
        are here: were they elsewhere, a network would learn to leave flat ground without strokes,
        which only that noise places.
        """
        photo, seed = batch["photo"][:1], self._random
        size = photo.shape[1:3]
        shift = keras.random.uniform((2,), -_SHIFT, _SHIFT, seed=seed)
        zoom = 1 + keras.random.uniform((), -_ZOOM, _ZOOM, seed=seed)
        rows, columns = (
            lanczos_matrix(side, side - 2 * _MARGIN, shift[axis], zoom)
            for axis, side in enumerate(size)
        )

        def move(image):
            return ops.einsum("yh,bhwc,xw->byxc", rows, image, columns)

        moved = move(photo)
        noise = keras.random.normal(moved.shape, 0.0, _NOISE, "float32", seed)
        offset = ops.full((2,), _MARGIN // self.network.stride, "int32")
        style = keras.tree.map_structure(lambda each: each[:1], batch["style"])
        again = self._paint(ops.clip(moved + noise, 0.0, 1.0), style, offset)
        return ops.mean((again - move(painted[:1])) ** 2)


def lanczos_matrix(size: int, count: int, shift: Any = 0.0, zoom: Any = 1.0) -> Any:
    """Makes the matrix that resamples one axis of an image around its centre.

    Lanczos's kernel of three lobes keeps an image as sharp as it was, where a linear one would blur
    what moves by half a pixel.

    Args:
        size: The number of pixels along the axis.
        count: The number of pixels of the result.
        shift: By how many pixels the result's centre lies farther on; may be a tensor.
        zoom: The distance between pixels of the result; may be a tensor.

    Returns:
        float32 (count, size), whose rows add up to 1.
    """
    centre = (size - 1) / 2 + shift
    positions = centre + (ops.arange(count, dtype="float32") - (count - 1) / 2) * zoom
    distances = positions[:, None] - ops.arange(size, dtype="float32")
    kernel = ops.where(abs(distances) < 3, _sinc(distances) * _sinc(distances / 3), 0.0)
    return kernel / ops.sum(kernel, axis=1, keepdims=True)


def _sinc(x):
    x = math.pi * ops.where(abs(x) < 1e-6, 1e-6, x)
    return ops.sin(x) / x


def split_batch(features: dict[str, Any]) -> list[dict[str, Any]]:
    """Splits the features of a batch into a list of those of each image, as batches of one."""
    # Split rather than sliced: the gradient of each slice would be padded, and all added up.
    split = {layer: ops.split(each, each.shape[0]) for layer, each in features.items()}
    return [dict(zip(split, each, strict=True)) for each in zip(*split.values(), strict=True)]


def mean_weights(weights: ArrayLike, axis: int | tuple[int, ...]) -> np.ndarray:
    """Averages the balanced weights of several pairs geometrically: gradients differ by factors."""
    logarithms = np.log(np.maximum(weights, 1e-30))
    return np.exp(np.mean(logarithms, axis)).astype(np.float32)
