"""`dream_objective`: the objective of a dream, from its settings."""

from typing import Any

from kerasart.objectives.activations import Activation, Channel
from kerasart.objectives.comparisons import Similarity
from kerasart.objectives.objective import Objective, Term
from kerasart.objectives.regularizers import Energy, TotalVariation


def dream_objective(settings: Any, backbone: Any) -> Objective:
    """Builds the objective of a dream: layers, channels or a class, and regularisers.

    Args:
        settings: `DreamSettings`.
        backbone: The `Backbone`, whose classification head a class needs.

    Returns:
        An `Objective`.

    Raises:
        ValueError: If a class is wanted and the backbone has no classification head.
    """
    terms: list[Term] = []
    power = {"squared": 2, "mean": 1}[settings.activation]
    for layer, coefficient in settings.layers.items():
        term: Term
        if settings.similarity:
            term = Similarity(layer, settings.similarity, settings.reference)
        else:
            term = Activation(layer, power, settings.border)
        terms.append(coefficient * term)
    for name, coefficient in settings.channel.items():
        layer, _, number = name.rpartition(":")
        terms.append(coefficient * Channel(layer, int(number), settings.neuron))
    if settings.class_name is not None:
        terms.append(_class_term(settings.class_name, backbone))
    if settings.pixel_loss:
        pixels = Similarity("image", settings.pixel_loss, settings.pixel_reference)
        terms.append(settings.pixel_weight * pixels)
    variation = TotalVariation(beta=settings.tv_beta, isotropic=settings.tv_isotropic)
    terms += _regularizer(variation, settings.smoothness, settings.tv_weight)
    terms += _regularizer(Energy(), settings.energy, settings.energy_weight)
    return Objective(terms)


def _regularizer(term, strength, raw_weight):
    """Lists a regulariser with its proportional strength or raw weight; nothing if both are 0."""
    term.proportional = not raw_weight
    return [(strength or raw_weight) * term] if strength or raw_weight else []


def _class_term(name, backbone):
    if backbone.head is None:
        raise ValueError(
            "`class` needs a network with its classification head, such as the bundled squeezenet, "
            f"or one loaded with head=True. Received: {backbone.name} without"
        )
    number, label = backbone.find_class(name)
    return Channel(backbone.head, number, name=f"class {label}")
