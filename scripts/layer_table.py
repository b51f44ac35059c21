"""The table of a network's layers that --list_layers prints."""

from kerasart.scripts import cli
from kerasart.scripts.common_flags import BACKBONE, WEIGHTS

import math
from collections.abc import Mapping
from typing import Any

from kerasart.settings.choices import choose_network


def layer_table(preset: Mapping[str, Any], default: str) -> str:
    """Lists the network's layers: stride, channels, and receptive field in pixels.

    Args:
        preset: The preset, as `find_preset` returns it, whose network it is without --backbone.
        default: What its "auto" stands for, as in `load_backbone`.
    """
    from kerasart.backbones import load_backbone
    from kerasart.backbones.architectures import find_architecture
    from kerasart.backbones.imagenet import BUNDLED

    cli.load_tensorflow()
    name, weights = choose_network(preset, BACKBONE.value or "auto", WEIGHTS.value or "auto")
    name = find_architecture(default if name == "auto" else name).name
    # What layers see does not depend on weights; bundled ones may end before the network does.
    is_bundled = name in BUNDLED and weights in ("auto", "bundled")
    backbone = load_backbone(name, "bundled" if is_bundled else "random")
    rows = [("layer", "stride", "channels", "receptive field")] + [
        (name, seen.stride, seen.channels, "all" if math.isinf(seen[1]) else seen.receptive_field)
        for name, seen in backbone.geometry.items()
    ]
    width = max(len(name) for name, *_ in rows)
    return "\n".join(f"{name:{width}} {s:>7} {c:>9} {r:>16}" for name, s, c, r in rows)
