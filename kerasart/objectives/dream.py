"""What a dream wants, and what it compares with."""

from kerasart.image.resize import fill_size, fit_size, resize_photo
from kerasart.objectives.dream_terms import Channel, Energy, Similarity
from kerasart.objectives.objective import Objective, Target
from kerasart.objectives.terms import Activation, TotalVariation

# Long side of a guide whose positions are matched with the picture's: each with each.
_MOST_MATCHED = 448


def dream_objective(settings, backbone):
    """Builds what a dream wants: layers, channels or a class, and what holds it back.

    Args:
        settings: `DreamSettings`.
        backbone: The `Backbone`, whose head a class needs.

    Returns:
        An `Objective`.

    Raises:
        ValueError: If a class is wanted and the network has no head for classes.
    """
    terms = []
    power = {"squared": 2, "mean": 1}[settings.activation]
    for layer, coefficient in settings.layers.items():
        if settings.similarity:
            term = Similarity(layer, settings.similarity, settings.reference)
        else:
            term = Activation(layer, power, settings.border)
        terms.append(coefficient * term)
    for name, coefficient in settings.channel.items():
        layer, _, number = name.rpartition(":")
        terms.append(coefficient * Channel(layer, int(number), settings.neuron))
    if settings.class_name is not None:
        terms.append(_want_class(settings.class_name, backbone))
    if settings.pixel_loss:
        pixels = Similarity("image", settings.pixel_loss, settings.pixel_reference)
        terms.append(settings.pixel_weight * pixels)
    variation = TotalVariation(beta=settings.tv_beta, isotropic=settings.tv_isotropic)
    terms += _hold_back(variation, settings.smoothness, settings.tv_weight)
    terms += _hold_back(Energy(), settings.energy, settings.energy_weight)
    return Objective(terms)


def _hold_back(term, strength, raw_weight):
    """Weighs a term that is in proportion, or raw, or not wanted at all."""
    term.proportional = not raw_weight
    return [(strength or raw_weight) * term] if strength or raw_weight else []


def _want_class(name, backbone):
    if backbone.head is None:
        raise ValueError(
            "`class` needs a network with its classification head, such as the bundled squeezenet, "
            f"or one loaded with head=True. Received: {backbone.name} without"
        )
    number, label = backbone.find_class(name)
    return Channel(backbone.head, number, name=f"class {label}")


def compare_with(look, start, guide=None):
    """Looks at the pictures that a dream is compared with, and makes a target for each term.

    Args:
        look: A `Look` for an objective.
        start: What is dreamed on, at the dream's size: float32 RGB (1, height, width, 3).
        guide: The guide, of any size, if a term is compared with it. It is cropped to the start's
            shape, so that positions correspond; for "match" it stays whole.

    Returns:
        A list of a `Target` for each term.

    Raises:
        ValueError: If there is no such channel, or a guide is missing or too small.
    """
    backbone, terms = look.backbone, look.objective.terms
    seen = {}

    def features(view):
        if view not in seen:
            picture = start if view == "start" else _show_guide(guide, view, start, backbone)
            layers = dict.fromkeys(t.layer for t in terms if isinstance(t, Similarity))
            seen[view] = look.features(picture, layers)
        return seen[view]

    def target(term):
        if isinstance(term, Channel):
            return term.target(backbone.channels(term.layer))
        if not isinstance(term, Similarity):
            return Target()
        view = term.other
        if view == "guide":
            view = "whole" if term.kind == "match" else "cropped"
        return Target(guide=(features(view)[term.layer],))

    return [target(term) for term in terms]


def _show_guide(guide, view, start, backbone):
    if guide is None:
        raise ValueError("`guide` must be given for what is compared with it. Received: none")
    own, size, least = guide.shape[1:3], start.shape[1:3], backbone.least_size()
    if min(own) < least:
        raise ValueError(
            f"`guide` must be at least {least}x{least} pixels for {backbone.name} and these "
            f"layers. Received: {own[1]}x{own[0]}"
        )
    if view == "cropped":
        return fill_size(guide, size)
    long_side = max(min(*map(max, (own, size)), _MOST_MATCHED), least * max(own) / min(own))
    return resize_photo(guide, fit_size(own, long_side))
