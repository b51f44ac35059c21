"""`AnyStyleTrainer`, the base class of the trainers of networks whose style is any picture."""

from __future__ import annotations

from typing import Any

import keras

from kerasart.backbones import Backbone
from kerasart.networks.perceptual_trainer import BalancedObjective, PerceptualTrainer, mean_weights
from kerasart.objectives import Objective, StyleTerm, style_objective
from kerasart.settings.style import FastStyleSettings


class AnyStyleTrainer(PerceptualTrainer):
    """Trains a network on pairs of a photo and a picture whose style it is to be painted in."""

    @classmethod
    def make_objective(
        cls, network: keras.Model, backbone: Backbone, settings: FastStyleSettings
    ) -> Objective:
        """Makes the objective of a style transfer."""
        return style_objective(settings)

    @classmethod
    def balanced(cls, network: Any, balance: BalancedObjective) -> AnyStyleTrainer:
        """Makes a trainer whose weights are balanced over all pairs; it computes targets itself."""
        weights = mean_weights(balance.weights, axis=(0, 1))
        return cls(network, balance.backbone, balance.objective, weights, *balance.cut)

    def _paint(self, photos, styles, noise_offset=None):
        return self.network(photos, styles)

    def _style_values(self, features):
        """Computes what each style term wants of a style's features; () for other terms."""
        return [
            term.prepare(term.mean(features[term.layer])) if isinstance(term, StyleTerm) else ()
            for term in self.objective.terms
        ]
