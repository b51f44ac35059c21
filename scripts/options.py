"""Flags of settings, made from their declarations, and read back; tables of presets."""

from kerasart.scripts import cli

import json
from collections.abc import Collection, Mapping
from dataclasses import MISSING, Field
from types import NoneType
from typing import Any

from absl import flags

from kerasart.settings.choices import (
    choose_dream_network,
    choose_dream_settings,
    choose_network,
    suitable_preset,
)
from kerasart.settings.declare import default_of, names_of, options, read_value, types_of
from kerasart.settings.dream import DreamSettings
from kerasart.settings.presets import (
    SETTINGS,
    find_preset,
    is_preset_file,
    load_presets,
    merge,
    preset_settings,
)

SHOW = flags.DEFINE_bool("show", False, "Print the settings of --preset, and stop.")

# What else makes a picture again, of all applications; not all are settings of their presets.
_SHARED = ("preset", "backbone", "weights", "precision", "seed", "size")

# The flags that are settings: their fields, by the flag's name.
_FIELDS: dict[str, Field] = {}


def define_preset(default: str) -> flags.FlagHolder:
    """Defines --preset, whose default is described."""
    return flags.DEFINE_string(
        "preset",
        None,
        "Settings that make a good picture, or a published one; help lists them. A name that ends "
        f"in .json is a file of your own. (default: {default})",
    )


def define_flags(
    kind: type,
    *,
    prefix: str = "",
    names: Collection[str] | None = None,
    in_presets: bool = True,
) -> dict[str, list[flags.FlagHolder]]:
    """Defines a flag for each setting of a class.

    Args:
        kind: The class.
        prefix: What the names of the flags begin with.
        names: The settings that get a flag; None for all.
        in_presets: Whether presets have them, so that a flag that is not given is None; if not, it
            is the setting's default.

    Returns:
        A dict of the groups that the settings declare, each a list of flags.
    """
    groups, group = {}, None
    for each, declared in options(kind):
        group = declared.group or group
        if names is None or each.name in names:
            name = prefix + (declared.flag or each.name)
            _FIELDS[name] = each
            default = None if in_presets else default_of(each)
            default = ",".join(map(str, default)) if isinstance(default, tuple) else default
            groups.setdefault(group, []).append(_define(name, types_of(each), declared, default))
    return groups


def _define(name, types, declared, default):
    if declared.choices:
        return flags.DEFINE_enum(name, default, declared.choices, declared.help)
    (kind, *others) = [kind for kind in types if kind is not NoneType]
    if declared.parse or others or kind is str:
        return flags.DEFINE_string(name, default, declared.help)
    if kind is bool:
        return flags.DEFINE_bool(name, default, declared.help)
    define = flags.DEFINE_integer if kind is int else flags.DEFINE_float
    bounds = {"lower_bound": declared.least, "upper_bound": declared.most}
    return define(name, default, declared.help, **bounds)


def read_flags(kind: type, prefix: str = "") -> dict[str, Any]:
    """Reads the flags of a class's settings that have a value, parsed and checked one by one.

    Raises:
        ValueError: If one is not allowed; it is called by its flag's name.
    """
    given = {}
    for each, declared in options(kind):
        name = prefix + (declared.flag or each.name)
        if _FIELDS.get(name) is each and flags.FLAGS[name].value is not None:
            given[each.name] = read_value(each, flags.FLAGS[name].value, name)
    return given


def read_settings(
    application: str, recorded: Mapping[str, Any], changes: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Puts flags that were given over what a picture's record says.

    Args:
        application: Whose presets, as for `find_preset`.
        recorded: Dict of recorded settings.
        changes: Dict of settings over those of the flags.

    Returns:
        A dict of the settings, and of what every application shares, such as the seed.

    Raises:
        ValueError: If a flag's value is not allowed.
    """
    kind = SETTINGS[application]
    given = {name: flags.FLAGS[name].value for name in _SHARED} | read_flags(kind)
    return over_record(application, recorded, given | dict(changes or {}))


def over_record(
    application: str, recorded: Mapping[str, Any], given: Mapping[str, Any]
) -> dict[str, Any]:
    """Puts what was given over what a record says: settings, and what every application shares."""
    names = names_of(SETTINGS[application])
    given = {name: value for name, value in given.items() if value is not None}
    # A preset stands for all its settings, so one that is given replaces all the recorded ones.
    kept = set(_SHARED) - set(names) if "preset" in given else {*_SHARED, *names}
    settings = merge(
        application, {name: value for name, value in recorded.items() if name in kept}, given
    )
    preset = settings.get("preset")
    if preset and "preset" not in given and is_preset_file(preset):
        # Its settings are recorded, each of them: the file itself may be gone, or another.
        settings["preset"] = {"name": preset, "settings": {}}
    return settings


def only_settings(application: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Keeps what a class of settings has, without what every application shares."""
    names = names_of(SETTINGS[application])
    return {name: value for name, value in settings.items() if name in names}


def refuse_idle(chosen: Any) -> None:
    """Refuses flags of settings that do nothing, because of what the other settings are.

    Args:
        chosen: An instance of a class of settings: of what was given and the preset's.

    Raises:
        ValueError: If one was given.
    """
    for each, declared in options(type(chosen)):
        name = declared.flag or each.name
        is_given = _FIELDS.get(name) is each and flags.FLAGS[name].present
        if is_given and not declared.does_something(chosen):
            needed = " or ".join(
                f"--{need.replace('!=', ' other than ')}" for need in declared.needs
            )
            raise ValueError(f"`{name}` goes with {needed}. Received: --{name} without it")


def check_dream(settings: Mapping[str, Any], guide: Any = None) -> DreamSettings:
    """Refuses arguments of `deep_dream` that make no sense, before a network is loaded.

    Returns:
        The settings, as far as they are known without it.
    """
    preset = find_preset("deep_dream", settings.get("preset") or suitable_preset(settings, guide))
    asked = settings.get("backbone", "auto"), settings.get("weights", "auto")
    backbone, _ = choose_dream_network(preset, *asked, settings)
    chosen = choose_dream_settings(preset, backbone, only_settings("deep_dream", settings), guide)
    refuse_idle(chosen)
    return chosen


def show_presets(application: str, asked: str | None, default: str, backbone: str) -> bool:
    """Prints what --preset=help or --show asks for.

    Args:
        application: Whose presets, as for `find_preset`.
        asked: The preset that was asked for, or None.
        default: The preset without one.
        backbone: The network that was asked for, or "auto".

    Returns:
        Whether either was asked for.
    """
    if asked == "help":
        cli.show(preset_table(application))
    elif SHOW.value:
        cli.show(settings_table(application, asked or default, backbone))
    return asked == "help" or SHOW.value


def preset_table(application: str) -> str:
    """Lists an application's presets, a paragraph each."""
    return "\n".join(
        f"{name}: {preset['description']} ({preset['source']})"
        for name, preset in load_presets(application).items()
    )


def settings_table(application: str, name: str, backbone: str = "auto") -> str:
    """Lists a preset's settings for one network, as a preset's file has them.

    Args:
        application: Whose presets, as for `find_preset`.
        name: The preset.
        backbone: The network that was asked for, or "auto".
    """
    preset = find_preset(application, name)
    network, _ = choose_network(preset, backbone, "auto")
    if network == "auto" and application != "deep_dream":
        network = "vgg16"
    lines = [
        f"{name}: {preset.get('description', 'no description')}",
        f"source: {preset.get('source', 'none')}",
        f"network: {network}",
        "settings (* is not the default):",
    ]
    given = preset_settings(preset, network)
    width = max(map(len, names_of(SETTINGS[application])))
    for each, _ in options(SETTINGS[application]):
        default = default_of(each)
        value = read_value(each, given[each.name]) if each.name in given else default
        mark = " " if value == default else "*"
        shown = "what suits the network" if value is MISSING else json.dumps(value)
        lines.append(f"{mark} {each.name:{width}} {shown}")
    return "\n".join(lines)
