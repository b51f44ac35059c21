"""Style networks and generators, their inference, training and files."""

from kerasart.startup import quiet_startup

with quiet_startup():
    from kerasart.networks.adain import AdaIN
    from kerasart.networks.adain_trainer import AdaINTrainer
    from kerasart.networks.collection_net import CollectionNet
    from kerasart.networks.collection_trainer import CollectionTrainer
    from kerasart.networks.generator_trainer import GeneratorTrainer
    from kerasart.networks.manner_net import MannerNet
    from kerasart.networks.manner_trainer import MannerTrainer
    from kerasart.networks.saving import (
        load_generator,
        load_network,
        prepare_network,
        save_network,
    )
    from kerasart.networks.style_generator import StyleGenerator, draw_latent
    from kerasart.networks.style_network import StyleNetwork, copy_network, recast
    from kerasart.networks.style_trainer import StyleTrainer
    from kerasart.networks.transformer_net import SIZES, TransformerNet
    from kerasart.saved_models import find_network, shipped_models

__all__ = [
    "SIZES",
    "AdaIN",
    "AdaINTrainer",
    "CollectionNet",
    "CollectionTrainer",
    "GeneratorTrainer",
    "MannerNet",
    "MannerTrainer",
    "StyleGenerator",
    "StyleNetwork",
    "StyleTrainer",
    "TransformerNet",
    "copy_network",
    "draw_latent",
    "find_network",
    "load_generator",
    "load_network",
    "prepare_network",
    "recast",
    "save_network",
    "shipped_models",
]
