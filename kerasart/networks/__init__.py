"""Networks that paint, and how they learn to.

Unlike elsewhere in the package, modules here import Keras when they are imported themselves, since
their classes are Keras's.
"""

from kerasart.networks.adain import AdaIN
from kerasart.networks.fused import FusedAdaIN, FusedTransformerNet
from kerasart.networks.saving import (
    copy_network,
    load_network,
    recast,
    save_network,
)
from kerasart.networks.style_trainer import AdaINTrainer, StyleTrainer
from kerasart.networks.transformer_net import SIZES, TransformerNet
from kerasart.saved_models import find_network, shipped_models

__all__ = [
    "SIZES",
    "AdaIN",
    "FusedAdaIN",
    "AdaINTrainer",
    "FusedTransformerNet",
    "StyleTrainer",
    "TransformerNet",
    "copy_network",
    "find_network",
    "load_network",
    "recast",
    "save_network",
    "shipped_models",
]
