"""Presets: good and published settings, read from JSON files."""

import difflib
import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import fields
from importlib.resources import files
from pathlib import Path
from typing import Any

from kerasart.settings.checks import check
from kerasart.settings.declare import read_value
from kerasart.settings.dream import REGULARIZERS, DreamSettings
from kerasart.settings.style import FastStyleSettings, StyleSettings
from kerasart.untrusted import parse_json

# The settings class of each application.
SETTINGS = {
    "deep_dream": DreamSettings,
    "style_transfer": StyleSettings,
    "fast_style": FastStyleSettings,
}

# Sets of alternative settings: if one is given, it replaces all of its set in a preset.
DREAMED_OF = {"layers", "channel", "class_name"}
_ALTERNATIVES: dict[str, list[set[str]]] = {
    "deep_dream": [DREAMED_OF, *map(set, REGULARIZERS)],
    "style_transfer": [{"size", "rows"}],
    "fast_style": [],
}


# The keys of a preset, by the type of their values.
_TEXTS = ("name", "description", "source", "backbone", "weights")
_OBJECTS = ("settings", "backbones")


def load_presets(application: str) -> dict[str, dict[str, Any]]:
    """Loads an application's presets.

    Args:
        application: "deep_dream", "style_transfer" or "fast_style".

    Returns:
        A dict of preset name to its `description`, `source`, `backbone` (absent for any), the
        backbone's `weights` (absent for "auto"), `settings`, and `backbones`: settings by the
        network they apply to.

    Raises:
        ValueError: If there is no such application.
    """
    check(application in [*SETTINGS], "application", f"one of {', '.join(SETTINGS)}", application)
    return json.loads((files("kerasart.settings") / f"{application}.json").read_text())


def find_preset(application: str, preset: str | os.PathLike[str] | dict) -> dict[str, Any]:
    """Finds a preset by name, or reads one from a file.

    Args:
        application: "deep_dream", "style_transfer" or "fast_style".
        preset: The preset's name; or the path of a .json file that holds one, as in
            `load_presets`, where only `settings` is required; or such a dict itself, which may
            also have a `name`.

    Returns:
        The preset, as in `load_presets`.

    Raises:
        ValueError: If there is no such preset, or the file or dict is not a valid one.
        OSError: If the file cannot be read.
    """
    if isinstance(preset, dict):
        _check_preset(application, preset, "`preset` must hold a preset; in it")
        return preset
    allowed = "a name, the path of a .json file, or a dict"
    check(isinstance(preset, str | os.PathLike), "preset", allowed, preset)
    preset = os.fspath(preset)
    if is_preset_file(preset):
        return _read_preset(application, preset)
    presets = load_presets(application)
    if preset in presets:
        return presets[preset]
    allowed = f"one of {', '.join(presets)}, or a .json file.{nearest(preset, presets)}"
    raise ValueError(f"`preset` must be {allowed} Received: {preset!r}")


def is_preset_file(preset: str) -> bool:
    """Returns whether a preset's name is that of a file."""
    return preset.lower().endswith(".json")


def preset_name(preset: str | os.PathLike[str] | dict) -> str:
    """Returns a preset's name for a record."""
    return preset.get("name", "own") if isinstance(preset, dict) else os.fspath(preset)


def _read_preset(application, path):
    try:
        preset = parse_json(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise type(error)(
            f"`preset` must be a file that can be read; '{path}' is none. "
            f"Received: {error.strerror}"
        ) from None
    except ValueError as error:
        raise ValueError(f"`preset` must be JSON; '{path}' is none. Received: {error}") from None
    _check_preset(application, preset, f"`preset` must hold a preset; in '{path}'")
    return preset


def _check_preset(application, preset, where):
    """Raises an error that begins with `where` if this is not a preset of the application."""
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
                allowed = f"`settings` must be those of {application}.{nearest(name, known)}"
                raise ValueError(f"{where} {allowed} Received: {name!r}")
            try:
                read_value(known[name], value)
            except ValueError as error:
                raise ValueError(f"{where} {error}") from None


def _check_key(where, key, value, kind):
    if not isinstance(value, kind):
        allowed = "a text" if kind is str else "an object"
        raise ValueError(f"{where} `{key}` must be {allowed}. Received: {value!r}")


def nearest(name: str, known: Iterable[str]) -> str:
    """Returns a hint at the known name that is nearest to an unknown one, or ""."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f" Nearest: {near[0]}." if near else ""


def preset_settings(preset: Mapping[str, Any], backbone: str) -> dict[str, Any]:
    """Merges a preset's settings for every network with those for one.

    Args:
        preset: A preset, as `find_preset` returns it.
        backbone: The network's name, in any spelling that `load_backbone` accepts.

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
    """Overrides settings, such as a preset's, by given ones.

    Args:
        application: "deep_dream", "style_transfer" or "fast_style".
        settings: Dict of settings.
        given: Dict of settings that override these, unless they are None. One of several
            alternatives, such as `layers` and `channel`, overrides all of them.

    Returns:
        A dict of settings.
    """
    given = {name: value for name, value in given.items() if value is not None}
    for names in _ALTERNATIVES[application]:
        if names & set(given):
            settings = {name: value for name, value in settings.items() if name not in names}
    return {**settings, **given}
