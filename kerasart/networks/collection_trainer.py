"""`CollectionTrainer`, which trains a `CollectionNet` against a `Critic`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops

from kerasart.backbones import Backbone
from kerasart.networks.averaging_trainer import AveragingTrainer
from kerasart.networks.critic import Critic
from kerasart.networks.distribution import sum_over_replicas
from kerasart.networks.perceptual_trainer import BalancedObjective, PerceptualTrainer, split_batch
from kerasart.objectives import Content, Judgement, Objective, Target, style_objective
from kerasart.settings.checks import check
from kerasart.settings.style import FastStyleSettings

# Settings of style transfer that mean nothing here, and their defaults.
_ALLOWED = {"style_loss": "gram", "content_weight": None, "style_weight": None, "tv_weight": None}
_PENALTY = 1.0  # Weight of the critic's gradient penalty.
_RATE = 0.02  # By which a content loss of twice the bound raises its strength, for each picture.
_MOST = 4.0  # The most that is seen of a content loss, as a multiple of the bound.


class CollectionTrainer(AveragingTrainer, PerceptualTrainer):
    """Trains a network to paint photos in the manner of whole collections of pictures.

    A generative adversarial network: the critic learns to tell the pictures of a collection from
    what the network paints, and the network to paint what the critic takes for one of them, while
    the content loss keeps what is in the photo. Both take one step of one optimizer: the gradient
    of each loss reaches its own player alone.

    A bound makes a constraint of the content loss: its factor, for each collection, grows while
    photos lose more than the bound, and shrinks while they lose less. So each collection is painted
    as boldly as that allows, whether it is far from photos or near. Source: Rezende and Viola 2018,
    "Taming VAEs" (arXiv 1810.00597, algorithm 1).

    Source: Goodfellow et al. 2014 (arXiv 1406.2661); for collections of paintings, Sanakoyeu et al.
    2018, "A Style-Aware Content Loss for Real-time HD Style Transfer" (arXiv 1807.10201). See
    `Critic` for the critic.

    Args:
        network: The `CollectionNet`.
        backbone: The `Backbone`, not yet cut.
        objective: The `Objective`, with a `Judgement` for each layer of the critic.
        critic: The `Critic`.
        content_bound: The bound of each collection's content loss before its strength, a share of
            the photo's own features; None keeps the strength as it is.
        stability, precision, pooling: As in `PerceptualTrainer`.

    Attributes:
        critic: The `Critic`.
        content_factors: (collections,): what multiplies each collection's content losses, a
            variable; 1 without a bound.
    """

    further_losses: ClassVar[tuple[str, ...]] = ("critic",)
    betas: ClassVar[tuple[float, float]] = (0.5, 0.99)

    def __init__(
        self,
        network: keras.Model,
        backbone: Backbone,
        objective: Objective,
        critic: Critic,
        content_bound: float | None = None,
        stability: float = 0.0,
        precision: str = "auto",
        pooling: str = "max",
        **kwargs: Any,
    ):
        cut = precision, pooling
        weights = objective.weights
        super().__init__(network, backbone, objective, weights, stability, *cut, **kwargs)
        self.critic = critic
        # Of the critic: near 1, the network has lost the game.
        self._accuracy = keras.metrics.Mean(name="accuracy")
        self._content_bound = content_bound
        self._is_content = np.array([isinstance(term, Content) for term in objective.terms])
        self._content_strength = sum(
            term.weight for term in objective.terms if isinstance(term, Content)
        )
        self.content_factors = self.add_weight(
            shape=(len(network.styles),),
            initializer="ones",
            trainable=False,
            dtype="float32",
            name="content_factors",
        )
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
        if settings.content_bound is not None:
            allowed = "more than 0 where `content_bound` is given"
            check(
                settings.content_strength > 0,
                "content_strength",
                allowed,
                settings.content_strength,
            )
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
        """Makes a trainer; nothing of it is balanced but the content, in training."""
        backbone, objective, cut = balance.backbone, balance.objective, balance.cut
        judged = [term.layer for term in objective.terms if isinstance(term, Judgement)]
        look = backbone.cut(tuple(judged), *cut[1:])
        critic = Critic({layer: backbone.channels(layer) for layer in judged}, len(network.styles))
        seen = [look(image) for style, _, photos in balance.examples for image in (style, *photos)]
        critic.standardise(seen)
        bound = balance.settings.content_bound
        return cls(network, backbone, objective, critic, bound, *cut)

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
        contents = split_batch(self._content_backbone(batch["photo"]))
        heads = self.critic.heads(batch["style"]["number"], frozen=True)
        factors = ops.unstack(ops.take(self.content_factors, batch["style"]["number"]))
        targets, weights = [], []
        for i, (content, factor) in enumerate(zip(contents, factors, strict=True)):
            of_image = keras.tree.map_structure(lambda each, i=i: each[i : i + 1], heads)
            targets.append([self._target(term, content, of_image) for term in self.objective.terms])
            weights.append(self._weigh(targets[-1], factor))
        return targets, weights

    def _target(self, term, content, heads):
        if isinstance(term, Content):
            return Target(guide=(ops.cast(content[term.layer], "float32"),))
        return Target(guide=tuple(heads[term.layer]) if isinstance(term, Judgement) else ())

    def _weigh(self, targets, factor):
        """Returns the terms' weights; content losses are relative to the photo's own features."""
        scales = [
            factor / ops.mean(target.guide[0] ** 2) if is_content else 1.0
            for target, is_content in zip(targets, self._is_content, strict=True)
        ]
        return self._weights * ops.stack(scales)

    def _further_losses(self, batch, features, terms):
        self._update_average()
        if self._content_bound:
            self._adapt_content(batch["style"]["number"], terms)
        real = self._features(batch["style"]["picture"])
        loss, accuracy = self.critic.loss(real, features, batch["style"]["number"], _PENALTY)
        self._accuracy.update_state(accuracy)
        return [loss]

    def _adapt_content(self, numbers, terms):
        """Moves each collection's factor by how far its photos' content losses are from the bound.

        It moves by a share of itself, so that large factors are as quick as small ones.
        """
        factors = ops.take(self.content_factors, numbers)
        losses = ops.sum(ops.where(self._is_content, terms, 0.0), axis=1)
        lost = losses / (factors * self._content_strength * self._content_bound)
        chosen = ops.one_hot(numbers, self.content_factors.shape[0], dtype="float32")
        moves = _RATE * (ops.minimum(lost, _MOST) - 1)
        moves = sum_over_replicas(ops.matmul(moves, chosen))
        self.content_factors.assign(self.content_factors * ops.exp(moves))

    def save_own_variables(self, store: Any) -> None:
        """Saves the content's factors beside what every trainer saves."""
        super().save_own_variables(store)
        store["content_factors"] = ops.convert_to_numpy(self.content_factors)

    def load_own_variables(self, store: Any) -> None:
        """Loads the content's factors beside what every trainer loads."""
        super().load_own_variables(store)
        self.content_factors.assign(store["content_factors"])
