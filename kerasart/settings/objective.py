"""What painting by iterations and the training of networks that paint want of a picture."""

from dataclasses import dataclass

from kerasart.settings.checks import check, is_number, parse_layers

SUMMABLE = ("content", "total_variation")


@dataclass(frozen=True)
class ObjectiveSettings:
    """The terms of a style transfer.

    A term's weight is its group's strength, times its layer's share, times the group's weight. The
    weight is raw where it is given, else what makes the gradients of all terms equally long at the
    start, so that strengths mean the same on every picture and network.

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
        summed: Which of "content" and "total_variation" are sums over positions, as some published
            settings have them, rather than means: a raw weight is multiplied by the positions.
        tv_beta: Exponent of the total variation.
        tv_isotropic: Whether it takes both directions together (see `TotalVariation`).
        pooling: "max" or "average": how the network that looks shrinks its features.
    """

    content_layers: dict
    style_layers: dict
    style_loss: str = "gram"
    content_strength: float = 1.0
    style_strength: float = 1.0
    smoothness: float = 1.0
    content_weight: float | None = None
    style_weight: float | None = None
    tv_weight: float | None = None
    summed: tuple = ()
    tv_beta: float = 2.0
    tv_isotropic: bool = False
    pooling: str = "max"

    def __post_init__(self):
        for name in ("content_layers", "style_layers"):
            layers = parse_layers(getattr(self, name), name)
            shares = layers.values()
            check(min(shares) >= 0 < max(shares), name, "shares of 0 or more, not all 0", layers)
            object.__setattr__(self, name, layers)
        summed = self.summed.split(",") if isinstance(self.summed, str) else self.summed
        known = isinstance(summed, list | tuple) and all(name in SUMMABLE for name in summed)
        check(known, "summed", f"any of {', '.join(SUMMABLE)}", self.summed)
        object.__setattr__(self, "summed", tuple(summed))
        for name in ("content_strength", "style_strength", "smoothness"):
            value = getattr(self, name)
            check(is_number(value) and value >= 0, name, "0 or more", value)
        for name in ("content_weight", "style_weight", "tv_weight"):
            value = getattr(self, name)
            check(value is None or is_number(value) and value >= 0, name, "0 or more", value)
        value = self.tv_beta
        check(is_number(value) and value > 0, "tv_beta", "more than 0", value)
        self._check_choice("style_loss", ("gram", "moments", "wasserstein"))
        self._check_choice("pooling", ("max", "average"))

    def _check_choice(self, name, allowed):
        value = getattr(self, name)
        check(value in allowed, name, ", ".join(allowed), value)
