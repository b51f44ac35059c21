"""Settings that make good pictures, and settings that others published, as data."""

import difflib
import json
from importlib.resources import files
from typing import Any


def load_presets(application: str) -> dict[str, dict[str, Any]]:
    """Loads an application's presets.

    Args:
        application: "deep_dream", "style_transfer" or "fast_style".

    Returns:
        A dict of preset name to its `description`, `source`, the `backbone` it is meant for (absent
        for any) and that one's `weights` (absent for "auto"), `settings`, and `backbones`: settings
        that hold on one network only.
    """
    return json.loads((files("kerasart.presets") / f"{application}.json").read_text())


def find_preset(application, name):
    """Finds a preset by name.

    Args:
        application: "deep_dream", "style_transfer" or "fast_style".
        name: The preset's name.

    Returns:
        The preset, as `load_presets` has it.

    Raises:
        ValueError: If there is none of that name.
    """
    presets = load_presets(application)
    if name in presets:
        return presets[name]
    near = difflib.get_close_matches(name, presets, n=1)
    hint = f" Nearest: {near[0]}." if near else ""
    raise ValueError(f"`preset` must be one of {', '.join(presets)}.{hint} Received: {name!r}")


def preset_settings(preset, backbone):
    """Merges what a preset says for every network with what it says for one.

    Args:
        preset: A preset, as `find_preset` returns it.
        backbone: The network's name.

    Returns:
        A dict of settings.
    """
    return preset["settings"] | preset.get("backbones", {}).get(backbone, {})


def choose_network(preset, backbone, weights):
    """Chooses the network that was asked for, else the one that a preset brings.

    Args:
        preset: A preset, as `find_preset` returns it.
        backbone: The network's name that was asked for, or "auto".
        weights: The weights that were asked for, or "auto".

    Returns:
        The name and the weights, as `load_backbone` takes them.
    """
    own = preset.get("backbone", "auto")
    name = own if backbone == "auto" else backbone
    if weights == "auto" and name == own:
        weights = preset.get("weights", "auto")
    return name, weights
