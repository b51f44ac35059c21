"""Networks that look at pictures: `keras.applications` by name, and the bundled ones."""

from kerasart.backbones.backbone import Backbone, load_backbone

__all__ = ["Backbone", "load_backbone"]
