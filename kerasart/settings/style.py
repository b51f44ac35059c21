"""`StyleSettings` of style transfer, and `FastStyleSettings` of training style networks."""

import math
from dataclasses import MISSING
from typing import Any

from kerasart.settings.checks import check, is_whole, parse_layers
from kerasart.settings.declare import option, settings

COLOURS = ("none", "luminance", "histogram", "coral")
SUMMABLE = ("content", "total_variation")


def parse_steps(steps: Any, name: str = "steps") -> int | tuple[int, ...]:
    """Parses numbers of steps.

    Args:
        steps: The total of all scales, or one number for each scale, as a list or as a string such
            as "200,100,100".
        name: The setting's name in the error message.

    Returns:
        An int, or a tuple of ints.

    Raises:
        ValueError: If it is neither of these, or a number is less than 1.
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


def _parse_weights(layers, name):
    parsed = parse_layers(layers, name)
    weights = parsed.values()
    check(min(weights) >= 0 < max(weights), name, "weights of 0 or more, not all 0", parsed)
    return parsed


def _parse_summed(summed, name):
    names = summed.split(",") if isinstance(summed, str) else summed
    known = isinstance(names, list | tuple) and all(each in SUMMABLE for each in names)
    check(known, name, f"any of {', '.join(SUMMABLE)}", summed)
    return tuple(names)


@settings
class ObjectiveSettings:
    """The loss terms of style transfer.

    A term's weight is its group's strength, times its layer's weight, times the group's weight. The
    group's weight is raw if given; else it is balanced, so that the gradients of all terms have the
    same norm at the start, and strengths mean the same for every image and backbone.
    """

    content_layers: dict = option(
        MISSING,
        "Layers of the content loss, with weights: LAYER:WEIGHT,...",
        parse=_parse_weights,
        group="terms",
    )
    style_layers: dict = option(
        MISSING, "Layers of the style loss, with weights: LAYER:WEIGHT,...", parse=_parse_weights
    )
    style_loss: str = option(
        "gram",
        "Compare styles by Gram matrices, by means and standard deviations of channels (moments), "
        "or by Wasserstein distance.",
        choices=("gram", "moments", "wasserstein"),
    )
    content_weight: float | None = option(
        None, "Raw weight of the content loss, instead of a balanced one.", least=0
    )
    style_weight: float | None = option(
        None, "Raw weight of the style loss, instead of a balanced one.", least=0
    )
    tv_weight: float | None = option(
        None, "Raw weight of the total variation loss, instead of a balanced one.", least=0
    )
    summed: tuple = option(
        (),
        "Which of content,total_variation to sum over positions, as some published settings do, "
        "instead of averaging. This scales raw weights by the number of positions.",
        parse=_parse_summed,
    )
    tv_beta: float = option(
        2.0,
        "Exponent of the total variation.",
        more_than=0,
        needs=("smoothness", "tv_weight"),
    )
    tv_isotropic: bool = option(
        False,
        "Combine vertical and horizontal differences in the total variation (isotropic).",
        needs=("smoothness", "tv_weight"),
    )
    pooling: str = option("max", "The backbone's pooling layers.", choices=("max", "average"))
    style_strength: float = option(1.0, "Strength of the style.", least=0, group="look")
    content_strength: float = option(1.0, "Strength of the content: the photo.", least=0)
    smoothness: float = option(1.0, "Strength of the total variation loss, against noise.", least=0)


@settings
class StyleSettings(ObjectiveSettings):
    """The settings of a style transfer preset."""

    size: int | None = option(
        None,
        "Long side of the output in pixels. (default: the photo's, but at most the preset's)",
        least=1,
    )
    style_size: float = option(
        1.0,
        "Long side of the style images relative to the output's: a larger one gives larger "
        "strokes. They are never enlarged beyond their own pixels.",
        more_than=0,
    )
    preserve_color: str = option(
        "none",
        "Keep the photo's colours: luminance takes only the luminance of the painting; histogram "
        "and coral first recolour the style image to match the photo.",
        choices=COLOURS,
    )
    init: str = option("content", "The start image.", choices=("content", "noise"))
    steps: int | tuple = option(
        500,
        "Total number of steps, or a list with a number for each scale.",
        parse=parse_steps,
        group="descent",
    )
    optimizer: str = option("adam", "adam, lbfgs, sgd, or a Keras optimizer, such as rmsprop.")
    learning_rate: float = option(
        0.02,
        "The learning rate, for images in [0, 1]; not for lbfgs.",
        more_than=0,
        needs=("optimizer!=lbfgs",),
    )
    beta_1: float = option(
        0.9,
        "Adam's decay of the mean gradient.",
        least=0,
        less_than=1,
        needs=("optimizer=adam",),
    )
    beta_2: float = option(
        0.99,
        "Adam's decay of the mean squared gradient.",
        least=0,
        less_than=1,
        needs=("optimizer=adam",),
    )
    epsilon: float = option(1e-8, "Adam's epsilon.", more_than=0, needs=("optimizer=adam",))
    decay: float = option(
        1.0,
        "Factor on sgd's learning rate every 100 steps.",
        more_than=0,
        needs=("optimizer=sgd",),
    )
    average: float = option(
        0.0,
        "Decay of the running mean of the images, which is the result; 0 for none. With few steps, "
        "it averages about the last quarter. Not for lbfgs.",
        least=0,
        less_than=1,
        needs=("optimizer!=lbfgs",),
    )
    smallest: int | None = option(
        None, "Minimum long side of a scale in pixels. (default: only one scale)", least=1
    )
    scale_factor: float = option(
        math.sqrt(2),
        "Approximate size ratio between scales.",
        more_than=1,
        needs=("smallest",),
    )
    rows: int | None = option(None, "Height in pixels, instead of size.", least=1)
    stretch_style: bool = option(
        False, "Resize the style images to the output's size, ignoring their aspect ratio."
    )
    interpolation: str = option(
        "lanczos",
        "How to resize images: lanczos is the sharpest; area averages when downsampling.",
        choices=("lanczos", "area", "bilinear", "nearest"),
    )
    clip: bool = option(True, "Clip the image to [0, 1] after each step, not just at the end.")
    padding: str = option(
        "zeros",
        "Padding of the backbone's first convolution.",
        choices=("zeros", "replicate"),
        group="terms",
    )

    def __post_init__(self):
        check(not (self.size and self.rows), "rows", "left out where `size` is given", self.rows)


@settings
class FastStyleSettings(ObjectiveSettings):
    """The settings of a preset for training style networks.

    Weights are balanced for each style, so that new styles need no tuning.
    """

    smoothness: float = 0.0
    stability: float = option(
        0.0,
        "Weight of the stability loss, against flicker: how much a small shift of the photo and a "
        "little noise change the result.",
        least=0,
    )
    content_bound: float | None = option(
        None,
        "Of collections: the content loss of each, relative to the photo's own features, that its "
        "strength adapts to. (default: the strength stays)",
        more_than=0,
    )
    style_size: int = option(
        512,
        "Long side of the style images in pixels: a larger one gives larger strokes. They are "
        "never enlarged.",
        least=32,
    )
    size: int = option(256, "Side in pixels of the square crops of photos.", least=32)
    batch_size: int = option(4, "Photos per step.", least=1)
    steps: int = option(4000, "Training steps.", least=1)
    learning_rate: float = option(1e-3, "Adam's initial learning rate.", more_than=0)
    final_rate: float = option(
        1.0,
        "The final learning rate as a fraction of the initial one (cosine decay); 1 keeps it "
        "constant.",
        least=0,
        most=1,
    )
