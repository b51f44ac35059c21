"""`SeedSettings` and `SearchSettings`: of a generator's pictures, and of searches among them."""

from kerasart.settings.declare import option, settings


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
