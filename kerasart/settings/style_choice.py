"""Which settings a style transfer gets: those that were given, over a preset's."""

import logging

from kerasart.settings.presets import preset_settings
from kerasart.settings.style import SETTING_NAMES, StyleSettings

_log = logging.getLogger("kerasart")


def choose_settings(recipe, backbone, given, long_side):
    """Completes the settings that were given with those of a preset, for one network.

    Args:
        recipe: The preset, as `find_preset` returns it.
        backbone: The `Backbone`.
        given: Dict of settings; None stands for the preset's. Of an optimizer of Keras's, the name
            becomes a setting.
        long_side: The photo's, which a preset's size does not enlarge.

    Returns:
        `StyleSettings`.

    Raises:
        ValueError: If a setting has no such value.
        TypeError: If there is no such setting.
    """
    for name in given:
        if name not in SETTING_NAMES:
            raise TypeError(
                f"style_transfer's settings are {', '.join(SETTING_NAMES)}. Received: {name!r}"
            )
    given = {name: value for name, value in given.items() if value is not None}
    merged = preset_settings(recipe, backbone.name)
    missing = [name for name in ("content_layers", "style_layers") if name not in merged | given]
    for name, layers in guess_layers(backbone).items() if missing else ():
        if name in missing:
            merged[name] = layers
            _log.warning(
                "No %s of %s are given, and the preset knows none: they are %s.",
                name,
                backbone.name,
                ", ".join(layers),
            )
    if merged.get("size"):
        merged["size"] = min(merged["size"], long_side)
    if "size" in given:
        merged["rows"] = None
    if not isinstance(given.get("optimizer", ""), str):
        given["optimizer"] = type(given["optimizer"]).__name__.lower()
    return StyleSettings(**merged | given)


def guess_layers(backbone):
    """Chooses layers of a network that no preset knows: the first of each stride for style.

    Args:
        backbone: A `Backbone`.

    Returns:
        A dict of `style_layers` and `content_layers`: from stride 1 to 16, and the last of stride 8
        at most.
    """
    first, content = {}, None
    for name, layer in backbone.geometry.items():
        if layer.stride <= 16:
            first.setdefault(layer.stride, name)
        if layer.stride <= 8:
            content = name
    return {"style_layers": dict.fromkeys(first.values(), 1.0), "content_layers": {content: 1.0}}
