"""`StyleSettings` and `FastStyleSettings`: settings of style transfer, and of its training."""

import math
from dataclasses import MISSING
from typing import Any

from kerasart.settings.checks import check, is_whole, parse_layers
from kerasart.settings.declare import option, settings

COLOURS = ("none", "luminance", "histogram", "coral")
SUMMABLE = ("content", "total_variation")


def parse_steps(steps: Any, name: str = "steps") -> int | tuple[int, ...]:
    """Reads numbers of steps.

    Args:
        steps: One number for all scales together, or one for each scale, as a list or as such as
            "200,100,100".
        name: What the setting is called where it is refused.

    Returns:
        An int or a tuple of them.

    Raises:
        ValueError: If it reads as neither, or a number is less than 1.
    """
    parts = steps.split(",") if isinstance(steps, str) else steps
    parts = list(parts) if isinstance(parts, list | tuple) else [parts]
    try:
        numbers = tuple(int(part) for part in parts)
        same = (float(part) == number for part, number in zip(parts, numbers, strict=True))
        whole = all(same) and all(map(is_whole, numbers))
    except (OverflowError, TypeError, ValueError):
        numbers, whole = (), False
    allowed = "a number of at least 1, or one for each scale, such as 200,100,100"
    check(whole and numbers and min(numbers) >= 1, name, allowed, steps)
    return numbers if len(numbers) > 1 or isinstance(steps, list | tuple) else numbers[0]


def _parse_shares(layers, name):
    parsed = parse_layers(layers, name)
    shares = parsed.values()
    check(min(shares) >= 0 < max(shares), name, "shares of 0 or more, not all 0", parsed)
    return parsed


def _parse_summed(summed, name):
    names = summed.split(",") if isinstance(summed, str) else summed
    known = isinstance(names, list | tuple) and all(each in SUMMABLE for each in names)
    check(known, name, f"any of {', '.join(SUMMABLE)}", summed)
    return tuple(names)


@settings
class ObjectiveSettings:
    """The terms of a style transfer.

    A term's weight is its group's strength, times its layer's share, times the group's weight. The
    weight is raw where it is given, else what makes the gradients of all terms equally long at the
    start, so that strengths mean the same on every picture and backbone.
    """

    content_layers: dict = option(
        MISSING,
        "Where the picture should look like the photo: LAYER:SHARE,...",
        parse=_parse_shares,
        group="terms",
    )
    style_layers: dict = option(
        MISSING, "Where it should look like the painting: LAYER:SHARE,...", parse=_parse_shares
    )
    style_loss: str = option(
        "gram",
        "Compare styles by Gram matrices, by means and deviations, or by Wasserstein distance.",
        choices=("gram", "moments", "wasserstein"),
    )
    content_weight: float | None = option(
        None, "Raw weight of the content, in place of a balanced one.", least=0
    )
    style_weight: float | None = option(
        None, "Raw weight of the style, in place of a balanced one.", least=0
    )
    tv_weight: float | None = option(
        None, "Raw weight of the total variation, in place of a balanced one.", least=0
    )
    summed: tuple = option(
        (),
        "Which of content,total_variation are sums over positions, as some published settings have "
        "them, rather than means: a raw weight is multiplied by the positions.",
        parse=_parse_summed,
    )
    tv_beta: float = option(2.0, "Exponent of the total variation.", more_than=0)
    tv_isotropic: bool = option(False, "Take the two directions of the total variation together.")
    pooling: str = option("max", "How the backbone pools its features.", choices=("max", "average"))
    style_strength: float = option(1.0, "How much painting.", least=0, group="look")
    content_strength: float = option(1.0, "How much photo.", least=0)
    smoothness: float = option(1.0, "How much the total variation counts, against noise.", least=0)


@settings
class StyleSettings(ObjectiveSettings):
    """Everything that a preset of style transfer sets."""

    size: int | None = option(
        None, "Long side in pixels. (default: the photo's, but no more than the preset's)", least=1
    )
    style_size: float = option(
        1.0,
        "Long side of the styles over the picture's: larger strokes by larger. They are never "
        "enlarged beyond their own pixels.",
        more_than=0,
    )
    preserve_color: str = option(
        "none",
        "Keep the photo's colours: luminance takes only light and dark from the painting; "
        "histogram and coral recolour the painting as the photo first.",
        choices=COLOURS,
    )
    init: str = option("content", "Where to start.", choices=("content", "noise"))
    steps: int | tuple = option(
        500,
        "Steps at all scales together, or a list with a number for each scale.",
        parse=parse_steps,
        group="descent",
    )
    optimizer: str = option("adam", "adam, lbfgs, sgd, or a Keras optimizer, such as rmsprop.")
    learning_rate: float = option(
        0.02, "Its learning rate, for pictures in [0, 1]; not for lbfgs.", more_than=0
    )
    beta_1: float = option(0.9, "Adam's decay of the mean gradient.", least=0, less_than=1)
    beta_2: float = option(0.99, "Adam's decay of the mean squared gradient.", least=0, less_than=1)
    epsilon: float = option(1e-8, "Adam's epsilon.", more_than=0)
    decay: float = option(1.0, "Factor of the rate of sgd every 100 steps.", more_than=0)
    average: float = option(
        0.0,
        "Decay of the running mean of the pictures, which is the result; 0 for none. Where steps "
        "are few, it is of about the last quarter.",
        least=0,
        less_than=1,
    )
    smallest: int | None = option(
        None, "Least long side of a scale, in pixels. (default: one scale only)", least=1
    )
    scale_factor: float = option(math.sqrt(2), "Size ratio between scales, about.", more_than=1)
    rows: int | None = option(None, "Height in pixels, in place of size.", least=1)
    stretch_style: bool = option(False, "Give the styles the picture's height and width.")
    interpolation: str = option(
        "lanczos",
        "How pictures are resized: lanczos keeps them sharp; area averages what a smaller one "
        "cannot show.",
        choices=("lanczos", "area", "bilinear", "nearest"),
    )
    clip: bool = option(True, "Hold the picture in [0, 1] after each step, not just at the end.")
    padding: str = option(
        "zeros",
        "What the backbone's first convolution sees beyond the picture's edge.",
        choices=("zeros", "replicate"),
        group="terms",
    )


@settings
class FastStyleSettings(ObjectiveSettings):
    """Everything that a preset of fast style's training sets.

    Balanced weights are found for each style, so that a new style needs no search.
    """

    smoothness: float = 0.0
    stability: float = option(
        0.0, "How little small shifts of the photo and noise may matter, against flicker.", least=0
    )
    style_size: int = option(
        512,
        "Long side in pixels of the styles: larger strokes by larger. None is enlarged.",
        least=32,
    )
    size: int = option(256, "Side in pixels of the squares that photos are cut to.", least=32)
    batch_size: int = option(4, "Photos in a step.", least=1)
    steps: int = option(4000, "Steps of training.", least=1)
    learning_rate: float = option(1e-3, "Adam's learning rate at the start.", more_than=0)
    final_rate: float = option(
        1.0, "What of it is left at the end, along half a cosine; 1 keeps it.", least=0, most=1
    )
