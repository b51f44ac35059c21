"""Presets: settings that make good pictures, and settings that others published, as data.

`find_preset` finds one, `choose_network` its network, and `choose_dream_settings`,
`choose_style_settings` and `choose_fast_style_settings` put what was given over it.
"""

import difflib
import json
import logging
import math
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from importlib.resources import files
from typing import Any

from kerasart.settings.checks import check, parse_layers
from kerasart.settings.declare import names_of, read_value
from kerasart.settings.dream import REGULARIZERS, DreamSettings, parse_channels
from kerasart.settings.execution import Execution
from kerasart.settings.style import FastStyleSettings, StyleSettings

_log = logging.getLogger("kerasart")

# The settings that an application's presets set.
SETTINGS = {
    "deep_dream": DreamSettings,
    "style_transfer": StyleSettings,
    "fast_style": FastStyleSettings,
}

# Settings of which one that is given replaces all those of a preset: what is dreamed of, a strength
# and its raw weight, two ways to give a size.
_DREAMED_OF = {"layers", "channel", "class_name"}
_ALTERNATIVES: dict[str, list[set[str]]] = {
    "deep_dream": [_DREAMED_OF, *map(set, REGULARIZERS)],
    "style_transfer": [{"size", "rows"}],
    "fast_style": [],
}

# What layers are called in the networks that are chosen by them, known without building these.
_VGG = r"block\d_(conv\d|pool)"
_LAYER_NAMES = {
    "vgg16": _VGG,
    "vgg19": _VGG,
    "inception_v3": r"mixed\d+|(conv2d|batch_normalization|activation|average_pooling2d)(_\d+)?",
    "squeezenet": r"fire\d(_\w+)?|conv1|conv10|relu_conv10|pool\d",
}

# In pixels: a larger one moves features away from those that they are compared with.
_LEAST_JITTER = 4

# Stands for layers that only the network itself can tell.
_UNKNOWN = {"a layer of the network": 1.0}

# What a preset may hold: texts, and objects.
_TEXTS = ("name", "description", "source", "backbone", "weights")
_OBJECTS = ("settings", "backbones")


def load_presets(application: str) -> dict[str, dict[str, Any]]:
    """Loads an application's presets.

    Args:
        application: "deep_dream", "style_transfer" or "fast_style".

    Returns:
        A dict of preset name to its `description`, `source`, the `backbone` it is meant for (absent
        for any) and that one's `weights` (absent for "auto"), `settings`, and `backbones`: settings
        that hold on one network only.
    """
    return json.loads((files("kerasart.settings") / f"{application}.json").read_text())


def find_preset(application: str, preset: str | os.PathLike[str] | dict) -> dict[str, Any]:
    """Finds a preset by name, or in a file of one's own.

    Args:
        application: "deep_dream", "style_transfer" or "fast_style".
        preset: Its name; or the path of a JSON file, by its suffix, with one preset as
            `load_presets` has them, of which all but the `settings` may be left out; or such a
            preset itself, which may have a `name` too.

    Returns:
        The preset, as `load_presets` has it.

    Raises:
        ValueError: If there is none of that name, or the file holds none.
        OSError: If the file cannot be read.
    """
    if isinstance(preset, dict):
        _check_preset(application, preset, "`preset` must hold a preset; in it")
        return preset
    preset = os.fspath(preset)
    if is_preset_file(preset):
        return _read_preset(application, preset)
    presets = load_presets(application)
    if preset in presets:
        return presets[preset]
    allowed = f"one of {', '.join(presets)}, or a .json file.{_nearest(preset, presets)}"
    raise ValueError(f"`preset` must be {allowed} Received: {preset!r}")


def is_preset_file(preset: str) -> bool:
    """Tells whether a preset's name is that of a file."""
    return preset.lower().endswith(".json")


def preset_name(preset: str | os.PathLike[str] | dict) -> str:
    """Names a preset for a record, as it was given."""
    return preset.get("name", "own") if isinstance(preset, dict) else os.fspath(preset)


def _read_preset(application, path):
    try:
        with open(path, encoding="utf-8") as file:
            preset = json.load(file)
    except OSError as error:
        raise type(error)(
            f"`preset` must be a file that can be read; '{path}' is none. "
            f"Received: {error.strerror}"
        ) from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"`preset` must be JSON; '{path}' is none. Received: {error}") from None
    _check_preset(application, preset, f"`preset` must hold a preset; in '{path}'")
    return preset


def _check_preset(application, preset, where):
    """Refuses what is no preset of an application, with a sentence that begins with `where`."""
    if not isinstance(preset, dict) or "settings" not in preset:
        raise ValueError(f"{where} there must be an object with `settings`. Received: {preset!r}")
    known = (*_TEXTS, *_OBJECTS)
    for key, value in preset.items():
        if key not in known:
            raise ValueError(f"{where} there may be {', '.join(known)}. Received: {key!r}")
        _check_key(where, key, value, str if key in _TEXTS else dict)
    known = {each.name: each for each in fields(SETTINGS[application])}
    for network, settings in {"": preset["settings"], **preset.get("backbones", {})}.items():
        _check_key(where, network, settings, dict)
        for name, value in settings.items():
            if name not in known:
                allowed = f"`settings` must be those of {application}.{_nearest(name, known)}"
                raise ValueError(f"{where} {allowed} Received: {name!r}")
            try:
                read_value(known[name], value)
            except ValueError as error:
                raise ValueError(f"{where} {error}") from None


def _check_key(where, key, value, kind):
    if not isinstance(value, kind):
        allowed = "a text" if kind is str else "an object"
        raise ValueError(f"{where} `{key}` must be {allowed}. Received: {value!r}")


def _nearest(name, known):
    near = difflib.get_close_matches(name, known, n=1)
    return f" Nearest: {near[0]}." if near else ""


def preset_settings(preset: Mapping[str, Any], backbone: str) -> dict[str, Any]:
    """Merges what a preset says for every network with what it says for one.

    Args:
        preset: A preset, as `find_preset` returns it.
        backbone: The network's name, in any spelling that `load_backbone` takes.

    Returns:
        A dict of settings.
    """
    known = {_plain(name): settings for name, settings in preset.get("backbones", {}).items()}
    return preset["settings"] | known.get(_plain(backbone), {})


def _plain(network):
    return re.sub("[-_]", "", network.lower())


def merge(
    application: str, settings: Mapping[str, Any], given: Mapping[str, Any]
) -> dict[str, Any]:
    """Puts settings that were given over others, such as a preset's.

    Args:
        application: "deep_dream", "style_transfer" or "fast_style".
        settings: Dict of settings.
        given: Dict of settings that replace these; None stands for those. One of several
            alternatives, such as one that says what is dreamed of, replaces all of them.

    Returns:
        A dict of settings.
    """
    given = {name: value for name, value in given.items() if value is not None}
    for names in _ALTERNATIVES[application]:
        if names & set(given):
            settings = {name: value for name, value in settings.items() if name not in names}
    return {**settings, **given}


def choose_network(
    preset: Mapping[str, Any], backbone: str, weights: str, layers: Iterable[str] = ()
) -> tuple[str, str]:
    """Chooses the network that was asked for, else that of the layers, else the preset's own.

    Args:
        preset: A preset, as `find_preset` returns it.
        backbone: The network's name that was asked for, or "auto".
        weights: The weights that were asked for, or "auto".
        layers: Names of layers that were asked for. Where the preset's own network has none of
            such names and a bundled one has, it is that one.

    Returns:
        The name and the weights, as `load_backbone` takes them.
    """
    own = name = preset.get("backbone", "auto")
    if backbone != "auto":
        name = backbone
    elif layers:
        having = [
            network
            for network, pattern in _LAYER_NAMES.items()
            if all(re.fullmatch(pattern, layer) for layer in layers)
        ]
        name = own if own in having or not having else having[0]
    if weights == "auto" and name == own:
        weights = preset.get("weights", "auto")
    return name, weights


def choose_dream_network(
    preset: Mapping[str, Any],
    backbone: str,
    weights: str,
    given: Mapping[str, Any],
    objective: Any = None,
) -> tuple[str, str]:
    """Chooses the network of a dream, as `choose_network`, by what is dreamed of.

    That is an objective of one's own, or else what the settings that were given say. A class needs
    a network that knows classes, whatever the preset's own is.
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
    """Names the preset of a dream that goes with what is asked for.

    Args:
        given: Dict of settings that were given.
        guide: The guide, or None.
    """
    if guide is not None:
        return "guided"
    if given.get("class_name") is not None:
        return "class"
    return "channel" if given.get("channel") else "animals"


def choose_dream_settings(
    preset: Mapping[str, Any], backbone: Any, given: Mapping[str, Any], guide: Any = None
) -> DreamSettings:
    """Completes the settings that were given with those of a preset, for one network.

    Args:
        preset: The preset, as `find_preset` returns it.
        backbone: The `Backbone`; or its name, to check what can be checked before it is loaded.
        given: Dict of settings; None stands for the preset's.
        guide: The guide, if there is one. With one, features are compared by "match" if not
            otherwise. Where they are compared position by position, a preset's jitter is small.

    Raises:
        ValueError: If a setting has no such value, or a guide is missing.
        TypeError: If there is no such setting.
    """
    merged = _merge_for("deep_dream", preset, backbone, given)
    if not _DREAMED_OF & set(merged):
        merged["layers"] = _UNKNOWN if isinstance(backbone, str) else _middle_layer(backbone)
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


def choose_style_settings(
    preset: Mapping[str, Any],
    backbone: Any,
    given: Mapping[str, Any],
    long_side: float = math.inf,
) -> StyleSettings:
    """Completes the settings that were given with those of a preset, for one network.

    Args:
        preset, backbone, given: As in `choose_dream_settings`. Of an optimizer of Keras's, the name
            becomes a setting.
        long_side: The photo's, which a preset's size does not enlarge.

    Raises:
        ValueError: If a setting has no such value.
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
    """Completes the settings that were given with those of a preset, for one network.

    Args:
        preset, backbone, given: As in `choose_dream_settings`.

    Raises:
        ValueError: If a setting has no such value, or layers are missing.
        TypeError: If there is no such setting.
    """
    merged = _merge_for("fast_style", preset, backbone, given)
    allowed = f"given for {_name_of(backbone)}, which the preset does not know"
    for layers in ("content_layers", "style_layers"):
        check(layers in merged, layers, allowed, None)
    return FastStyleSettings(**merged)


def guess_layers(backbone: Any) -> dict[str, dict[str, float]]:
    """Chooses layers of a network that no preset knows: the first of each stride for style.

    Args:
        backbone: A `Backbone`.

    Returns:
        A dict of `style_layers` and `content_layers`: from stride 1 to 16, and the last of stride 8
        at most.
    """
    first: dict[int, str] = {}
    content = ""
    for name, layer in backbone.geometry.items():
        if layer.stride <= 16:
            first.setdefault(layer.stride, name)
        if layer.stride <= 8:
            content = name
    return {"style_layers": dict.fromkeys(first.values(), 1.0), "content_layers": {content: 1.0}}


def _merge_for(application, preset, backbone, given):
    names = names_of(SETTINGS[application])
    for name in given:
        if name not in names:
            allowed = f"{', '.join(names)}.{_nearest(name, (*names, *names_of(Execution)))}"
            raise TypeError(f"{application}'s settings are {allowed} Received: {name!r}")
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
