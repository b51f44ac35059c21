"""Networks that look at pictures: `keras.applications` by name, and the bundled ones."""

from kerasart.backbones.backbone import Backbone, load_backbone
from kerasart.backbones.imagenet import find_class, imagenet_labels

__all__ = ["Backbone", "find_class", "imagenet_labels", "load_backbone"]
