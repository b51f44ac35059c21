"""Chooses the network and the settings from a preset and the settings given over it."""

import logging
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from kerasart.settings.checks import check, parse_layers
from kerasart.settings.declare import names_of
from kerasart.settings.dream import DreamSettings, parse_channels
from kerasart.settings.execution import Execution
from kerasart.settings.presets import DREAMED_OF, SETTINGS, merge, nearest, preset_settings
from kerasart.settings.style import FastStyleSettings, StyleSettings

_log = logging.getLogger("kerasart")

# Patterns of the layer names by which a network is chosen without building it.
_VGG = r"block\d_(conv\d|pool)"
_LAYER_NAMES = {
    "vgg16": _VGG,
    "vgg19": _VGG,
    "inception_v3": r"mixed\d+|(conv2d|batch_normalization|activation|average_pooling2d)(_\d+)?",
    "squeezenet": r"fire\d(_\w+)?|conv1|conv10|relu_conv10|pool\d",
}

# The most jitter in pixels where features are compared position by position: more of it moves them
# away from their target positions.
_MOST_JITTER_BY_POSITION = 4

# A preset's transforms that are left out there.
_TRANSFORMS = ("pad", "scaling", "rotation", "final_jitter")

# Settings that go with the ascent of pixels.
_OF_ASCENT = ("norm", "floor", "blur", "pyramid")

# A placeholder for layers that are unknown until the network is loaded.
_UNKNOWN = {"a layer of the network": 1.0}


def choose_network(
    preset: Mapping[str, Any], backbone: str, weights: str, layers: Iterable[str] = ()
) -> tuple[str, str]:
    """Chooses the requested network, else one that has the requested layers, else the preset's.

    Args:
        preset: A preset, as `find_preset` returns it.
        backbone: The requested network's name, or "auto".
        weights: The requested weights, or "auto".
        layers: Names of requested layers. If the preset's network does not have them, a bundled
            network that does is chosen, if there is one.

    Returns:
        The name and the weights, as `load_backbone` accepts them.
    """
    check(isinstance(backbone, str), "backbone", "auto, a network's name, or a Backbone", backbone)
    default = name = preset.get("backbone", "auto")
    if backbone != "auto":
        name = backbone
    elif layers:
        candidates = [
            network
            for network, pattern in _LAYER_NAMES.items()
            if all(re.fullmatch(pattern, layer) for layer in layers)
        ]
        name = default if default in candidates or not candidates else candidates[0]
    if weights == "auto" and name == default:
        weights = preset.get("weights", "auto")
    return name, weights


def choose_dream_network(
    preset: Mapping[str, Any],
    backbone: str,
    weights: str,
    given: Mapping[str, Any],
    objective: Any = None,
) -> tuple[str, str]:
    """Chooses a dream's network by `choose_network`, from the layers of its objective.

    These are the layers of a custom `objective`, or else of the settings in `given`. A class needs
    a network with a classifier, whatever the preset's is.
    """
    if objective is not None:
        layers = [layer for layer in objective.layers if layer != "image"]
        return choose_network(preset, backbone, weights, layers)
    if given.get("class_name") is not None:
        return choose_network({}, backbone, weights)
    layers = list(parse_layers(given["layers"])) if given.get("layers") else []
    channels = parse_channels(given["channel"]) if given.get("channel") else {}
    layers += [name.rpartition(":")[0] for name in channels]
    return choose_network(preset, backbone, weights, layers)


def suitable_preset(given: Mapping[str, Any], guide: Any) -> str:
    """Returns the name of the default dream preset for the given settings.

    Args:
        given: Dict of the given settings. Those that only the ascent of pixels has choose "ascent".
        guide: The guide, or None.
    """
    ascends = given.get("optimizer") == "ascent" or given.get("parameterization") == "pixels"
    if ascends or any(given.get(name) for name in _OF_ASCENT):
        return "ascent"
    if guide is not None:
        return "guided"
    if given.get("class_name") is not None:
        return "class"
    return "channel" if given.get("channel") else "animals"


def choose_dream_settings(
    preset: Mapping[str, Any], backbone: Any, given: Mapping[str, Any], guide: Any = None
) -> DreamSettings:
    """Completes the given settings of a dream with those of a preset for one network.

    If there is a guide, features are compared with it by "match" unless `given` says otherwise.
    Where features are compared position by position, the preset's transforms are left out, and its
    jitter is reduced.

    Args:
        preset: The preset, as `find_preset` returns it.
        backbone: The `Backbone`; or its name, for early checks before it is loaded.
        given: Dict of settings; None stands for the preset's value.
        guide: The guide, or None.

    Raises:
        ValueError: If a setting's value is not allowed, or a guide is needed and missing.
        TypeError: If there is no such setting.
    """
    merged = _merge_for("deep_dream", preset, backbone, given)
    if not DREAMED_OF & set(merged):
        merged["layers"] = _UNKNOWN if isinstance(backbone, str) else _middle_layer(backbone)
    if merged.get("similarity") not in (None, "match"):
        for name in _TRANSFORMS:
            if given.get(name) is None:
                merged.pop(name, None)
    settings = DreamSettings(**merged)
    if guide is not None and not settings.needs_guide and given.get("similarity") is None:
        settings = replace(settings, similarity="match", border=0)
    if settings.compares_positions and given.get("jitter") is None:
        settings = replace(settings, jitter=min(settings.jitter, _MOST_JITTER_BY_POSITION))
    if settings.needs_guide and guide is None:
        raise ValueError(
            "`guide` must be given for what is compared with it (deep_dream.py --guide=other.jpg). "
            "Received: none"
        )
    return settings


def choose_style_settings(
    preset: Mapping[str, Any],
    backbone: Any,
    given: Mapping[str, Any],
    long_side: float = math.inf,
) -> StyleSettings:
    """Completes the given settings of a painting with those of a preset for one network.

    Args:
        preset, backbone, given: As in `choose_dream_settings`. An optimizer can be a Keras object,
            of which the settings have the name.
        long_side: The photo's; a preset's larger size is reduced to it.

    Raises:
        ValueError: If a setting's value is not allowed.
        TypeError: If there is no such setting.
    """
    merged = _merge_for("style_transfer", preset, backbone, given)
    missing = [name for name in ("style_layers", "content_layers") if name not in merged]
    if isinstance(backbone, str):
        merged |= dict.fromkeys(missing, _UNKNOWN)
    elif missing:
        merged |= _guess_missing(missing, backbone)
    if merged.get("size") and given.get("size") is None:
        merged["size"] = min(merged["size"], long_side)
    if not isinstance(merged.get("optimizer", ""), str):
        merged["optimizer"] = type(merged["optimizer"]).__name__.lower()
    return StyleSettings(**merged)


def choose_fast_style_settings(
    preset: Mapping[str, Any], backbone: Any, given: Mapping[str, Any]
) -> FastStyleSettings:
    """Completes the given settings of a training with those of a preset for one network.

    Args:
        preset, backbone, given: As in `choose_dream_settings`.

    Raises:
        ValueError: If a setting's value is not allowed, or layers are missing.
        TypeError: If there is no such setting.
    """
    merged = _merge_for("fast_style", preset, backbone, given)
    allowed = f"given for {_name_of(backbone)}, which the preset does not know"
    for layers in ("content_layers", "style_layers"):
        check(layers in merged, layers, allowed, None)
    return FastStyleSettings(**merged)


def guess_layers(backbone: Any) -> dict[str, dict[str, float]]:
    """Chooses style and content layers for a network that no preset knows.

    Args:
        backbone: A `Backbone`.

    Returns:
        A dict of `style_layers`, the first layer of each stride from 1 to 16, and
        `content_layers`, the last layer of a stride of at most 8.
    """
    first: dict[int, str] = {}
    content = ""
    for name, layer in backbone.geometry.items():
        if layer.stride <= 16:
            first.setdefault(layer.stride, name)
        if layer.stride <= 8:
            content = name
    return {"style_layers": dict.fromkeys(first.values(), 1.0), "content_layers": {content: 1.0}}


def check_names(function: str, given: Iterable[str], names: Sequence[str]) -> None:
    """Checks names of keyword arguments.

    Args:
        function: The name of the function that takes them.
        given: Names, without those of `Execution`.
        names: The names of its settings.

    Raises:
        TypeError: If there is one that is not among them.
    """
    for name in given:
        if name not in names:
            allowed = f"{', '.join(names)}.{nearest(name, (*names, *names_of(Execution)))}"
            raise TypeError(f"{function}'s settings are {allowed} Received: {name!r}")


def _merge_for(application, preset, backbone, given):
    check_names(application, given, names_of(SETTINGS[application]))
    return merge(application, preset_settings(preset, _name_of(backbone)), given)


def _name_of(backbone):
    return backbone if isinstance(backbone, str) else backbone.name


def _middle_layer(backbone):
    layer = backbone.middle_layer()
    _log.warning(
        "No layers of %s are given, and the preset knows none: it dreams of %s "
        "(--layers=NAME:WEIGHT chooses, --list_layers shows them).",
        backbone.name,
        layer,
    )
    return {layer: 1.0}


def _guess_missing(missing, backbone):
    guessed = guess_layers(backbone)
    for name in missing:
        _log.warning(
            "No %s of %s are given, and the preset knows none: they are %s.",
            name,
            backbone.name,
            ", ".join(guessed[name]),
        )
    return {name: guessed[name] for name in missing}
