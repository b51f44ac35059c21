"""Pictures made by gradient descent on what a network sees in them.

    import kerasart

    photo = kerasart.read_picture("photo.jpg")
    dream = kerasart.deep_dream(photo.image, on_step=kerasart.ProgressBar())
    kerasart.write_picture("dream.png", dream.image)

`deep_dream`, `style_transfer`, `dream_style` and `stylize` make a picture; a `Dreamer` and a
`Stylizer` make many, compiled once. What is wanted of a picture is a `Term`, or an `Objective`, the
sum of several. Settings are the attributes of `DreamSettings`, `StyleSettings` and
`FastStyleSettings`; presets give them names (`load_presets`). How a run is carried out is an
`Execution`: its seed, its memory, and who hears of its steps.
"""

import importlib
import os
import platform
import sys

__version__ = "0.1.0"

# TensorFlow leaves oneDNN, with which gradients of convolutions take as little as a tenth of the
# time, off on processors without AVX-512 or AVX-VNNI. What is set already stands.
if "tensorflow" not in sys.modules and platform.machine().lower() in ("x86_64", "amd64"):
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

# Type checkers find the same in __init__.pyi.
_HOMES = {
    "Activation": "kerasart.objectives",
    "AdaIN": "kerasart.networks",
    "AdaINTrainer": "kerasart.networks",
    "Backbone": "kerasart.backbones",
    "Channel": "kerasart.objectives",
    "DivergedError": "kerasart.optimization",
    "DreamSettings": "kerasart.settings.dream",
    "Dreamer": "kerasart.applications.deep_dream",
    "Execution": "kerasart.settings.execution",
    "FastStyleSettings": "kerasart.settings.style",
    "Interrupted": "kerasart.optimization",
    "Objective": "kerasart.objectives",
    "Picture": "kerasart.image",
    "Progress": "kerasart.progress",
    "ProgressBar": "kerasart.progress",
    "Result": "kerasart.optimization",
    "StyleSettings": "kerasart.settings.style",
    "StyleTrainer": "kerasart.networks",
    "Stylizer": "kerasart.applications.fast_style",
    "Term": "kerasart.objectives",
    "TotalVariation": "kerasart.objectives",
    "TransformerNet": "kerasart.networks",
    "animate_evolution": "kerasart.applications.dream_animation",
    "animate_layers": "kerasart.applications.dream_animation",
    "animate_zoom": "kerasart.applications.dream_animation",
    "deep_dream": "kerasart.applications.deep_dream",
    "dream_style": "kerasart.applications.dream_style",
    "load_backbone": "kerasart.backbones",
    "load_network": "kerasart.networks",
    "load_presets": "kerasart.settings.presets",
    "read_picture": "kerasart.image",
    "shipped_models": "kerasart.networks",
    "style_transfer": "kerasart.applications.style_transfer",
    "stylize": "kerasart.applications.fast_style",
    "visualize_channels": "kerasart.applications.feature_visualization",
    "write_animation": "kerasart.image.animation",
    "write_picture": "kerasart.image",
}

__all__ = list(_HOMES)


def __getattr__(name):
    # Each name is fetched when first used, so that `import kerasart` stays cheap.
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'kerasart' has no attribute {name!r}")


def __dir__():
    return [*__all__, "__version__"]


if "keras" in sys.modules:
    # So that `keras.models.load_model` knows the networks that it finds in files.
    importlib.import_module("kerasart.networks")
