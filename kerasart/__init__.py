"""Pictures made by gradient descent on what a network sees in them."""

import importlib
import os
import platform
import sys

__version__ = "0.1.0"

# TensorFlow leaves oneDNN, with which gradients of convolutions take as little as a tenth of the
# time, off on processors without AVX-512 or AVX-VNNI. What is set already stands.
if "tensorflow" not in sys.modules and platform.machine().lower() in ("x86_64", "amd64"):
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

_HOMES = {
    "DivergedError": "kerasart.optimization",
    "Dreamer": "kerasart.deepdream",
    "Interrupted": "kerasart.optimization",
    "Result": "kerasart.optimization",
    "Stylizer": "kerasart.faststyle",
    "animate_evolution": "kerasart.animation",
    "animate_layers": "kerasart.animation",
    "animate_zoom": "kerasart.animation",
    "deep_dream": "kerasart.deepdream",
    "dream_style": "kerasart.dreamstyle",
    "load_backbone": "kerasart.backbones",
    "read_picture": "kerasart.image",
    "style_transfer": "kerasart.styletransfer",
    "stylize": "kerasart.faststyle",
    "visualize_channels": "kerasart.atlas",
    "write_animation": "kerasart.image.animation",
    "write_picture": "kerasart.image",
}

__all__ = list(_HOMES)


def __getattr__(name):
    # Each name is fetched when first used, so that `import kerasart` stays cheap.
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'kerasart' has no attribute {name!r}")
