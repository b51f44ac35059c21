"""`style_objective`: the objective of a style transfer, from its settings."""

from collections.abc import Sequence
from typing import Any

from kerasart.objectives.comparisons import Content
from kerasart.objectives.objective import Objective, Term
from kerasart.objectives.regularizers import TotalVariation
from kerasart.objectives.style_losses import STYLE_LOSSES


def style_objective(
    settings: Any, region_weights: Sequence[tuple[int | None, float]] = ((None, 1.0),)
) -> Objective:
    """Builds the objective of a style transfer: content, style and total variation.

    A term's weight is its group's strength times its layer's normalised weight.

    Args:
        settings: `StyleSettings` or `FastStyleSettings`.
        region_weights: Pairs of a style's number and its weight, each with its own style terms; or
            one pair of None and 1 where a blend of styles is used everywhere.

    Returns:
        An `Objective`.

    Raises:
        ValueError: If neither content nor style is wanted.
    """
    terms: list[Term] = []

    def add(term, strength, raw_weight):
        term.balanced = raw_weight is None
        if strength and raw_weight != 0:
            terms.append(strength * (1.0 if term.balanced else raw_weight) * term)

    summed = "content" in settings.summed
    for layer, weight in _layer_weights(settings.content_layers, settings.content_weight):
        strength = settings.content_strength * weight
        add(Content(layer, summed=summed), strength, settings.content_weight)
    style_term = STYLE_LOSSES[settings.style_loss]
    for layer, weight in _layer_weights(settings.style_layers, settings.style_weight):
        for style, of_region in region_weights:
            strength = settings.style_strength * weight * of_region
            add(style_term(layer, style=style), strength, settings.style_weight)
    summed = "total_variation" in settings.summed
    variation = TotalVariation(1.0, settings.tv_beta, settings.tv_isotropic, summed)
    add(variation, settings.smoothness, settings.tv_weight)
    if all(term.layer == "image" for term in terms):
        raise ValueError(
            "`content_strength` or `style_strength` must be more than 0. Received: "
            f"{settings.content_strength} and {settings.style_strength}"
        )
    return Objective(terms)


def _layer_weights(layers, raw_weight):
    """Lists layers with their weights, which are normalised unless the group has a raw weight."""
    total = sum(layers.values()) if raw_weight is None else 1.0
    return [(layer, weight / total) for layer, weight in layers.items()]
