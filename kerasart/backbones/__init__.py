"""Frozen feature extractors: the networks of `keras.applications`, and SqueezeNet, by name."""

import importlib
from typing import TYPE_CHECKING, Any

from kerasart.backbones.imagenet import find_class, imagenet_labels

if TYPE_CHECKING:
    from kerasart.backbones.backbone import Backbone
    from kerasart.backbones.loading import load_backbone

__all__ = ["Backbone", "find_class", "imagenet_labels", "load_backbone"]


_MODULES = {"Backbone": "backbone", "load_backbone": "loading"}


def __getattr__(name: str) -> Any:
    # Imported when first used, so that finding a class does not load TensorFlow.
    if name in _MODULES:
        return getattr(importlib.import_module(f"kerasart.backbones.{_MODULES[name]}"), name)
    raise AttributeError(f"module 'kerasart.backbones' has no attribute {name!r}")
