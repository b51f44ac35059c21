"""`CollectionTrainer`, which trains a `CollectionNet` against a `Critic`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from kerasart.backbones import Backbone
from kerasart.networks.averaging_trainer import AveragingTrainer
from kerasart.networks.critic import Critic
from kerasart.networks.perceptual_trainer import BalancedObjective, PerceptualTrainer, apart
from kerasart.objectives import Content, Judgement, Objective, Target, style_objective
from kerasart.settings.checks import check
from kerasart.settings.style import FastStyleSettings

# Settings of style transfer that mean nothing here, and their defaults.
_ALLOWED = {"style_loss": "gram", "content_weight": None, "style_weight": None, "tv_weight": None}
_PENALTY = 1.0  # Weight of the critic's gradient penalty.


class CollectionTrainer(AveragingTrainer, PerceptualTrainer):
    """Trains a network to paint photos in the manner of whole collections of pictures.

    A generative adversarial network: the critic learns to tell the pictures of a collection from
    what the network paints, and the network to paint what the critic takes for one of them, while
    the content loss keeps what is in the photo. Both take one step of one optimizer: the gradient
    of each loss reaches its own player alone.

    Source: Goodfellow et al. 2014 (arXiv 1406.2661); for collections of paintings, Sanakoyeu et al.
    2018, "A Style-Aware Content Loss for Real-time HD Style Transfer" (arXiv 1807.10201). See
    `Critic` for the critic.

    Args:
        network: The `CollectionNet`.
        backbone: The `Backbone`, not yet cut.
        objective: The `Objective`, with a `Judgement` for each layer of the critic.
        weights: (terms,): the factor of each term.
        critic: The `Critic`.
        stability, precision, pooling: As in `PerceptualTrainer`.

    Attributes:
        critic: The `Critic`.
    """

    further_losses: ClassVar[tuple[str, ...]] = ("critic",)
    betas: ClassVar[tuple[float, float]] = (0.5, 0.99)

    def __init__(
        self,
        network: keras.Model,
        backbone: Backbone,
        objective: Objective,
        weights: ArrayLike,
        critic: Critic,
        stability: float = 0.0,
        precision: str = "auto",
        pooling: str = "max",
        **kwargs: Any,
    ):
        cut = precision, pooling
        super().__init__(network, backbone, objective, weights, stability, *cut, **kwargs)
        self.critic = critic
        # Of the critic: near 1, the network has lost the game.
        self._accuracy = keras.metrics.Mean(name="accuracy")
        contents = dict.fromkeys(t.layer for t in objective.terms if isinstance(t, Content))
        self._content_backbone = backbone.cut(tuple(contents), *cut)

    @classmethod
    def make_objective(
        cls, network: keras.Model, backbone: Backbone, settings: FastStyleSettings
    ) -> Objective:
        """Makes the objective: content, total variation, and a `Judgement` of each style layer.

        Raises:
            ValueError: If a setting is given that compares with a style's statistics, or is raw.
        """
        for name, allowed in _ALLOWED.items():
            value = getattr(settings, name)
            check(value == allowed, name, f"left out for collections ({allowed})", value)
        rest = style_objective(replace(settings, style_strength=0.0))
        for term in rest.terms:
            term.balanced = False  # By gradients: an untrained critic's mean nothing.
        shares = settings.style_layers
        return rest + sum(
            settings.style_strength * share / sum(shares.values()) * Judgement(layer)
            for layer, share in shares.items()
        )

    @classmethod
    def balanced(cls, network: Any, balance: BalancedObjective) -> CollectionTrainer:
        """Makes a trainer whose content losses are relative to the mean squares of features."""
        backbone, objective, cut = balance.backbone, balance.objective, balance.cut
        factors = [
            term.weight / _mean_square([targets[i].guide[0] for targets in balance.style_targets])
            if isinstance(term, Content)
            else term.weight
            for i, term in enumerate(objective.terms)
        ]
        judged = [term.layer for term in objective.terms if isinstance(term, Judgement)]
        look = backbone.cut(tuple(judged), *cut[1:])
        critic = Critic({layer: backbone.channels(layer) for layer in judged}, len(network.styles))
        seen = [look(image) for style, _, photos in balance.examples for image in (style, *photos)]
        critic.standardise(seen)
        return cls(network, backbone, objective, factors, critic, *cut)

    def call(self, batch: dict[str, Any]) -> Any:
        """Paints each photo in the manner of its collection.

        Args:
            batch: Dict of "photo", float32 RGB (batch, height, width, 3) in [0, 1], and "style", a
                dict of "picture", one of the collection, of the same shape, and "number", (batch,),
                that of the collection, from 0. The size of the batch must be known when the step is
                compiled.

        Returns:
            float32 of the photos' shape.
        """
        return self._paint(batch["photo"], batch["style"])

    def _paint(self, photos, styles, noise_offset=None):
        weights = ops.one_hot(styles["number"], len(self.network.styles), dtype="float32")
        style_code = self.network.encode_style(weights)
        return self.network.forward(photos, style_code, noise_offset=noise_offset)

    def _targets_and_weights(self, batch):
        count = batch["photo"].shape[0]
        contents = apart(self._content_backbone(batch["photo"]))
        heads = self.critic.heads(batch["style"]["number"], frozen=True)
        targets = []
        for i, content in enumerate(contents):
            of_image = keras.tree.map_structure(lambda each, i=i: each[i : i + 1], heads)
            targets.append([self._target(term, content, of_image) for term in self.objective.terms])
        return targets, [self._weights] * count

    def _target(self, term, content, heads):
        if isinstance(term, Content):
            return Target(guide=(ops.cast(content[term.layer], "float32"),))
        return Target(guide=tuple(heads[term.layer]) if isinstance(term, Judgement) else ())

    def _further_losses(self, batch, features):
        self._update_average()
        real = self._features(batch["style"]["picture"])
        loss, accuracy = self.critic.loss(real, features, batch["style"]["number"], _PENALTY)
        self._accuracy.update_state(accuracy)
        return [loss]


def _mean_square(features):
    return np.mean([float(ops.mean(ops.cast(each, "float32") ** 2)) for each in features])
