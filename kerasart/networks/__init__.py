"""Networks that paint, and how they learn to."""

from kerasart.networks.style_trainer import StyleTrainer
from kerasart.networks.transformer_net import SIZES, TransformerNet

__all__ = ["SIZES", "StyleTrainer", "TransformerNet"]
