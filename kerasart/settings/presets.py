"""Settings that make good pictures, and settings that others published, as data."""

import difflib
import json
import re
from importlib.resources import files
from typing import Any

# What layers are called in the networks that are chosen by them, known without building these.
_VGG = r"block\d_(conv\d|pool)"
_LAYER_NAMES = {
    "vgg16": _VGG,
    "vgg19": _VGG,
    "inception_v3": r"mixed\d+|(conv2d|batch_normalization|activation|average_pooling2d)(_\d+)?",
    "squeezenet": r"fire\d(_\w+)?|conv1|conv10|relu_conv10|pool\d",
}


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


def choose_network(preset, backbone, weights, layers=()):
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
