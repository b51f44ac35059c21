"""Settings of generators: their training, the pictures of seeds, searches among styles."""

import math
from typing import Any

from kerasart.settings.checks import check
from kerasart.settings.declare import option, settings


def _parse_layers(layers: Any, name: str) -> tuple[str, ...]:
    names = layers.split(",") if isinstance(layers, str) else layers
    is_list = isinstance(names, list | tuple) and all(isinstance(each, str) for each in names)
    names = tuple(each.strip() for each in names) if is_list else ()
    allowed = "different layers, such as block1_conv1,block2_conv2"
    check(names and all(names) and len(set(names)) == len(names), name, allowed, layers)
    return names


@settings
class GeneratorSettings:
    """The settings of a training of a generator."""

    size: int = option(
        64, "Side of the pictures in pixels, a power of 2.", least=8, most=1024, group="generator"
    )
    width: float = option(
        0.25,
        "Channels relative to the paper's, of which there are at most 512.",
        more_than=0,
        most=1,
    )
    steps: int = option(100_000, "Training steps.", least=1, group="training")
    batch_size: int = option(8, "Pictures per step.", least=1)
    learning_rate: float = option(
        0.002, "Adam's initial learning rate, which falls to a tenth.", more_than=0
    )
    layers: tuple = option(
        ("block1_conv1", "block2_conv2", "block3_conv3", "block4_conv1"),
        "The layers of the feature network whose features the critic sees. The first sees colours.",
        parse=_parse_layers,
    )
    augmented_after: int = option(
        100_000,
        "Pictures in which the probability that what the critic sees is flipped, shifted or cut "
        "may move by 1. It grows while the critic is right too often, up to 0.8.",
        least=1,
    )

    def __post_init__(self) -> None:
        check(math.log2(self.size) % 1 == 0, "size", "a power of 2", self.size)


@settings
class SeedSettings:
    """How a generator paints the pictures of seeds."""

    truncation: float = option(
        0.7,
        "How far pictures of seeds are from the mean, 0, to all that the generator can, 1. Less "
        "makes them better, and more alike.",
        group="seeds",
    )


@settings
class SearchSettings:
    """How a search moves a style, w."""

    steps: int = option(300, "Steps of a search.", least=1, group="search")
    rate: float = option(0.05, "How far a step goes, in deviations of styles.", more_than=0)
    per_place: bool = option(
        True,
        "Whether each place of the network has a style of its own, or all have one, which is "
        "closer to what it has learned.",
    )
