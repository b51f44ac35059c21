"""Which settings a dream gets: those that were given, over a preset's."""

import logging
from dataclasses import replace

from kerasart.settings.checks import parse_layers
from kerasart.settings.dream import (
    REGULARIZERS,
    SETTING_NAMES,
    DreamSettings,
    parse_channels,
)
from kerasart.settings.presets import choose_network, preset_settings

_log = logging.getLogger("kerasart")

# In pixels: a larger one moves features away from those that they are compared with.
_LEAST_JITTER = 4

# Settings that say what is dreamed of.
_WANTED = {"layers", "channel", "class_name"}

# Settings of which one that is given takes the place of all those of a preset.
ALTERNATIVES = [_WANTED, *map(set, REGULARIZERS)]


def suitable_preset(settings, guide):
    """Names the preset that goes with what is asked for.

    Args:
        settings: Dict of settings that were given.
        guide: The guide, or None.
    """
    if guide is not None:
        return "guided"
    if settings.get("class_name") is not None:
        return "class"
    return "channel" if settings.get("channel") else "animals"


def choose_dream_network(recipe, backbone, weights, given, objective=None):
    """Chooses the network of a dream, as `choose_network`, by what is dreamed of.

    That is an objective of one's own, or else what the settings that were given say. A class needs
    a network that knows classes, whatever the preset's own is.
    """
    if objective is not None:
        layers = [layer for layer in objective.layers if layer != "image"]
        return choose_network(recipe, backbone, weights, layers)
    if given.get("class_name") is not None:
        return choose_network({}, backbone, weights)
    layers = list(parse_layers(given["layers"])) if given.get("layers") else []
    channels = parse_channels(given["channel"]) if given.get("channel") else {}
    layers += [name.rpartition(":")[0] for name in channels]
    return choose_network(recipe, backbone, weights, layers)


def choose_settings(recipe, backbone, given, guide=None):
    """Completes the settings that were given with those of a preset, for one network.

    Args:
        recipe: The preset, as `find_preset` returns it.
        backbone: The `Backbone`.
        given: Dict of settings; None stands for the preset's.
        guide: The guide, if there is one. With one, features are compared by "match" if not
            otherwise. Where they are compared position by position, a preset's jitter is small.

    Returns:
        `DreamSettings`.

    Raises:
        ValueError: If a setting has no such value, or a guide is missing.
        TypeError: If there is no such setting.
    """
    for name in given:
        if name not in SETTING_NAMES:
            raise TypeError(
                f"deep_dream's settings are {', '.join(SETTING_NAMES)}. Received: {name!r}"
            )
    merged = merge_settings(recipe, backbone.name, given)
    if not _WANTED & set(merged):
        merged["layers"] = {backbone.middle_layer(): 1.0}
        _log.warning(
            "No layers of %s are given, and the preset knows none: it dreams of %s "
            "(--layers=NAME:WEIGHT chooses, --list_layers shows them).",
            backbone.name,
            backbone.middle_layer(),
        )
    settings = DreamSettings(**merged)
    if guide is not None and not settings.needs_guide and given.get("similarity") is None:
        settings = replace(settings, similarity="match", border=0)
    if settings.compares_positions and given.get("jitter") is None:
        settings = replace(settings, jitter=min(settings.jitter, _LEAST_JITTER))
    if settings.needs_guide and guide is None:
        raise ValueError(
            "`guide` must be given for what is compared with it: --guide=other.jpg. Received: none"
        )
    return settings


def merge_settings(recipe, network, given):
    """Puts settings that were given over a preset's for one network.

    Args:
        recipe: The preset, as `find_preset` returns it.
        network: The network's name.
        given: Dict of settings; None stands for the preset's. One that says what is dreamed of
            takes the place of all those of the preset that do; and a strength that of a raw weight,
            or the other way round.

    Returns:
        A dict of settings.
    """
    given = {name: value for name, value in given.items() if value is not None}
    settings = preset_settings(recipe, network)
    for names in ALTERNATIVES:
        if names & set(given):
            settings = {name: value for name, value in settings.items() if name not in names}
    return settings | given
