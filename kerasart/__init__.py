"""DeepDream, neural style transfer and fast style transfer.

    import kerasart

    photo = kerasart.read_picture("photo.jpg")
    dream = kerasart.deep_dream(photo.image, on_step=kerasart.ProgressBar())
    kerasart.write_picture("dream.png", dream.image)

`deep_dream`, `style_transfer`, `dream_style` and `stylize` make one image; a `Dreamer` and a
`Stylizer` make many, compiled once. A loss is a `Term`, a sum of losses an `Objective`. Settings
are the attributes of `DreamSettings`, `StyleSettings`, `FastStyleSettings` and `GeneratorSettings`;
presets are named settings (`load_presets`). An `Execution` has the seed, memory limits and
callbacks of a run.
"""

import importlib
import os
import platform
import sys

from kerasart.startup import quiet_startup

__version__ = "0.1.0"

# TensorFlow disables oneDNN on processors without AVX-512 or AVX-VNNI, where it makes gradients of
# convolutions much faster. A user's setting takes precedence.
if "tensorflow" not in sys.modules and platform.machine().lower() in ("x86_64", "amd64"):
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

# The module of each public name; __init__.pyi has the same for type checkers.
_MODULES = {
    "Activation": "kerasart.objectives",
    "AdaIN": "kerasart.networks",
    "AdaINTrainer": "kerasart.networks",
    "Backbone": "kerasart.backbones",
    "Channel": "kerasart.objectives",
    "CollectionNet": "kerasart.networks",
    "CollectionTrainer": "kerasart.networks",
    "DivergedError": "kerasart.optimization",
    "DreamSettings": "kerasart.settings.dream",
    "Dreamer": "kerasart.applications.deep_dream",
    "Execution": "kerasart.settings.execution",
    "FastStyleSettings": "kerasart.settings.style",
    "Film": "kerasart.film",
    "FilmDreamer": "kerasart.applications.film_dreamer",
    "FilmStyleTransfer": "kerasart.applications.film_style_transfer",
    "FilmStylizer": "kerasart.applications.film_stylizer",
    "Generator": "kerasart.applications.generation",
    "GeneratorSettings": "kerasart.settings.generator",
    "GeneratorTrainer": "kerasart.networks",
    "Interrupted": "kerasart.optimization",
    "Manner": "kerasart.settings.manner",
    "MannerNet": "kerasart.networks",
    "MannerTrainer": "kerasart.networks",
    "Objective": "kerasart.objectives",
    "Picture": "kerasart.image",
    "Progress": "kerasart.progress",
    "ProgressBar": "kerasart.progress",
    "Result": "kerasart.optimization",
    "StyleGenerator": "kerasart.networks",
    "StyleSettings": "kerasart.settings.style",
    "StyleTrainer": "kerasart.networks",
    "StyleTransfer": "kerasart.applications.style_transfer",
    "Stylizer": "kerasart.applications.fast_style",
    "Term": "kerasart.objectives",
    "TotalVariation": "kerasart.objectives",
    "TransformerNet": "kerasart.networks",
    "animate_evolution": "kerasart.applications.dream_animation",
    "animate_layers": "kerasart.applications.dream_animation",
    "animate_zoom": "kerasart.applications.dream_animation",
    "deep_dream": "kerasart.applications.deep_dream",
    "dream_style": "kerasart.applications.dream_style",
    "find_shots": "kerasart.applications.film_shots",
    "fit_manner": "kerasart.applications.refinement",
    "load_backbone": "kerasart.backbones",
    "load_network": "kerasart.networks",
    "load_presets": "kerasart.settings.presets",
    "paint_film": "kerasart.applications.film",
    "read_picture": "kerasart.image",
    "refine": "kerasart.applications.refinement",
    "shipped_models": "kerasart.networks",
    "style_transfer": "kerasart.applications.style_transfer",
    "stylize": "kerasart.applications.fast_style",
    "visualize_channels": "kerasart.applications.feature_visualization",
    "walk_manners": "kerasart.applications.manner_walk",
    "write_animation": "kerasart.image.animation",
    "write_picture": "kerasart.image",
}

__all__ = list(_MODULES)


def __getattr__(name):
    # Names are imported when first used, so that `import kerasart` stays fast.
    if name in _MODULES:
        with quiet_startup():
            module = importlib.import_module(_MODULES[name])
        return getattr(module, name)
    raise AttributeError(f"module 'kerasart' has no attribute {name!r}")


def __dir__():
    return [*__all__, "__version__"]


if "keras" in sys.modules:
    # Registers the networks, so that `keras.models.load_model` can load them.
    importlib.import_module("kerasart.networks")
