"""`StyleTrainer`, which trains a `TransformerNet`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from kerasart.backbones import Backbone
from kerasart.image.masks import split_picture
from kerasart.image.resizing import shrink
from kerasart.networks.ops import repeat_for_levels
from kerasart.networks.perceptual_trainer import (
    BalancedObjective,
    Example,
    PerceptualTrainer,
    mean_weights,
    split_batch,
)
from kerasart.objectives import Content, Objective, StyleTerm, Target, style_objective
from kerasart.settings.style import FastStyleSettings

# Weight of the pixel loss of the identity style, the photo itself; larger values crowd out the
# styles.
_IDENTITY = 0.1


class StyleTrainer(PerceptualTrainer):
    """Trains a network to paint photos in a few styles.

    Each photo of a batch is painted in one style; its loss is an `Objective`, as in style transfer,
    with the targets of the photo and of that style.

    Source: Johnson et al. 2016 (arXiv 1603.08155, section 3.2); Dumoulin et al. 2017 (arXiv
    1610.07629) for many styles at once.

    Args:
        network: The `TransformerNet`.
        backbone: The `Backbone`, not yet cut.
        objective: The `Objective`. A content term on the layer "image" trains the identity style.
        style_targets: For each style, a `Target` for each term; only those of style terms are used.
            If there are fewer styles than the network has, they are its last.
        weights: (1 + styles, terms): the factor of each term for the identity style, and for each
            style.
        stability, precision, pooling, padding: As in `PerceptualTrainer`.
    """

    def __init__(
        self,
        network: keras.Model,
        backbone: Backbone,
        objective: Objective,
        style_targets: Sequence[Sequence[Target]],
        weights: ArrayLike,
        stability: float = 0.0,
        precision: str = "auto",
        pooling: str = "max",
        padding: str = "zeros",
        **kwargs: Any,
    ):
        cut = precision, pooling, padding
        super().__init__(network, backbone, objective, weights, stability, *cut, **kwargs)
        contents = dict.fromkeys(t.layer for t in objective.terms if isinstance(t, Content))
        self._content_backbone = None
        if any(layer != "image" for layer in contents):
            self._content_backbone = backbone.cut(tuple(contents), *cut)
        self._style_values = [
            _stack([targets[i].value for targets in style_targets])
            if isinstance(term, StyleTerm)
            else ()
            for i, term in enumerate(objective.terms)
        ]
        self._known = len(network.styles) - len(style_targets)

    @classmethod
    def make_objective(
        cls, network: keras.Model, backbone: Backbone, settings: FastStyleSettings
    ) -> Objective:
        """Makes the objective of a style transfer, and the pixel loss of the identity style."""
        identity = _IDENTITY * Content("image")
        identity.balanced = settings.content_weight is None
        return style_objective(settings) + identity

    @classmethod
    def examples(cls, photos: Any, styles: Any, settings: FastStyleSettings) -> Iterable[Example]:
        """Pairs each style with all photos."""
        for style in styles:
            image, mask = split_picture(style, "styles")
            yield shrink(image, settings.style_size), mask, photos

    @classmethod
    def balanced(cls, network: Any, balance: BalancedObjective) -> StyleTrainer:
        """Makes a trainer whose weights are balanced for each style."""
        weights = mean_weights(balance.weights, axis=1)
        terms = balance.objective.terms
        contents = [isinstance(term, Content) for term in terms]
        identity = [term.name == Content("image").name for term in terms]
        # The identity style has the content terms of all layers, and the pixels.
        of_photo = weights.mean(axis=0) * contents
        weights = np.stack([of_photo, *np.where(identity, 0, weights)])
        given = balance.objective, balance.style_targets, weights
        return cls(network, balance.backbone, *given, *balance.cut)

    def call(self, batch: dict[str, Any]) -> Any:
        """Paints each photo in its style.

        Args:
            batch: Dict of "photo", float32 RGB (batch, height, width, 3) in [0, 1], and "style",
                (batch,), the number of the trained style of each, from 1; 0 is the identity style.
                The size of the batch must be known when the step is compiled.

        Returns:
            float32 of the photos' shape.
        """
        return self._paint(batch["photo"], batch["style"])

    def _paint(self, photos, styles, noise_offset=None):
        numbers = ops.where(styles > 0, styles + self._known, 0)
        mixtures = ops.one_hot(numbers, 1 + len(self.network.styles), dtype="float32")
        return self.network.forward(photos, repeat_for_levels(mixtures), noise_offset=noise_offset)

    def _targets_and_weights(self, batch):
        photos, styles = batch["photo"], ops.unstack(batch["style"], batch["photo"].shape[0])
        contents = self._content_backbone(photos) if self._content_backbone else {"image": photos}
        targets = []
        for content, style in zip(split_batch(contents), styles, strict=True):
            values = [[ops.take(v, style, axis=0) for v in each] for each in self._style_values]
            targets.append(self._targets(content, values))
        return targets, [ops.take(self._weights, style, axis=0) for style in styles]


def _stack(values):
    """Stacks the tuples of arrays of all styles, with the first repeated for the identity style."""
    # Its weight is 0, but a Wasserstein distance to zeros would have no finite gradient.
    return [ops.stack([each[0], *each]) for each in zip(*values, strict=True)]
