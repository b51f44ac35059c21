"""Style networks, their inference, training and files."""

from kerasart.networks.adain import AdaIN
from kerasart.networks.saving import (
    copy_network,
    load_network,
    recast,
    save_network,
)
from kerasart.networks.style_network import StyleNetwork
from kerasart.networks.style_trainer import AdaINTrainer, StyleTrainer
from kerasart.networks.transformer_net import SIZES, TransformerNet
from kerasart.saved_models import find_network, shipped_models

__all__ = [
    "SIZES",
    "AdaIN",
    "AdaINTrainer",
    "StyleNetwork",
    "StyleTrainer",
    "TransformerNet",
    "copy_network",
    "find_network",
    "load_network",
    "recast",
    "save_network",
    "shipped_models",
]
