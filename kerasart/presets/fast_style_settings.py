"""What can be set of the training of a network that paints, and what makes no sense."""

import math
from dataclasses import dataclass, fields

from kerasart.presets.checks import check, parse_layers
from kerasart.presets.style_settings import SUMMABLE


@dataclass(frozen=True)
class FastStyleSettings:
    """Everything that a preset of fast style transfer sets.

    Weights are made of strengths as in `StyleSettings`; balanced ones are found for each style, so
    that a new style needs no search.

    Attributes:
        content_layers: Dict of layer name to share: where the picture should look like the photo.
        style_layers: Dict of layer name to share: where it should look like the painting.
        style_loss: "gram", "moments" or "wasserstein" (see `kerasart.objectives`).
        content_strength: Strength of the content.
        style_strength: Strength of the style.
        smoothness: Strength of the total variation.
        content_weight: Raw weight of the content; None balances.
        style_weight: Raw weight of the style; None balances.
        tv_weight: Raw weight of the total variation; None balances.
        summed: Which of "content" and "total_variation" are sums over positions.
        tv_beta: Exponent of the total variation.
        tv_isotropic: Whether it takes both directions together.
        stability: Weight of the difference that small shifts of the photo and noise in it make.
        style_size: Long side in pixels of the style pictures, which are not enlarged.
        size: Side in pixels of the squares that photos are cut to.
        batch_size: Photos in a step.
        steps: Steps of training.
        learning_rate: Adam's rate at the start.
        final_rate: What of it is left at the end, along half a cosine; 1 keeps it.
    """

    content_layers: dict
    style_layers: dict
    style_loss: str = "gram"
    content_strength: float = 1.0
    style_strength: float = 1.0
    smoothness: float = 0.0
    content_weight: float | None = None
    style_weight: float | None = None
    tv_weight: float | None = None
    summed: tuple = ()
    tv_beta: float = 2.0
    tv_isotropic: bool = False
    stability: float = 0.0
    style_size: int = 512
    size: int = 256
    batch_size: int = 4
    steps: int = 4000
    learning_rate: float = 1e-3
    final_rate: float = 1.0

    def __post_init__(self):
        for name in ("content_layers", "style_layers"):
            layers = parse_layers(getattr(self, name), name)
            shares = layers.values()
            check(min(shares) >= 0 < max(shares), name, "shares of 0 or more, not all 0", layers)
            object.__setattr__(self, name, layers)
        summed = self.summed.split(",") if isinstance(self.summed, str) else self.summed
        object.__setattr__(self, "summed", tuple(summed))
        check(set(summed) <= set(SUMMABLE), "summed", f"any of {', '.join(SUMMABLE)}", self.summed)
        for name in ("content_strength", "style_strength", "smoothness", "stability"):
            value = getattr(self, name)
            check(0 <= value < math.inf, name, "0 or more", value)
        for name in ("content_weight", "style_weight", "tv_weight"):
            value = getattr(self, name)
            check(value is None or 0 <= value < math.inf, name, "0 or more", value)
        for name in ("tv_beta", "learning_rate"):
            value = getattr(self, name)
            check(0 < value < math.inf, name, "more than 0", value)
        check(0 <= self.final_rate <= 1, "final_rate", "from 0 to 1", self.final_rate)
        for name, least in (("size", 32), ("style_size", 32), ("batch_size", 1), ("steps", 1)):
            value = getattr(self, name)
            check(value >= least and value % 1 == 0, name, f"at least {least}, and whole", value)
        losses = ("gram", "moments", "wasserstein")
        check(self.style_loss in losses, "style_loss", ", ".join(losses), self.style_loss)


SETTING_NAMES = tuple(field.name for field in fields(FastStyleSettings))
