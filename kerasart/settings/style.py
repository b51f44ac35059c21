"""What can be set of a style transfer, and what makes no sense."""

import math
from dataclasses import dataclass, fields

from kerasart.settings.checks import check, check_types, is_number, is_whole
from kerasart.settings.objective import ObjectiveSettings

COLOURS = ("none", "luminance", "histogram", "coral")
INTERPOLATIONS = ("lanczos", "area", "bilinear", "nearest")


@dataclass(frozen=True)
class StyleSettings(ObjectiveSettings):
    """Everything that a preset of style transfer sets.

    Attributes:
        (all of `ObjectiveSettings`)
        size: Long side in pixels of the picture; a preset's does not enlarge a smaller photo. None
            is the photo's own.
        rows: Height in pixels, in place of `size`.
        smallest: Least long side of a scale; None, or one above the size, makes one scale only.
        scale_factor: How much larger each scale is than the one before, about.
        steps: Steps at all scales together, as `share_steps` shares them out; or a number for
            each scale.
        optimizer: "adam", "lbfgs", "sgd", or the name of a Keras optimizer.
        learning_rate: Its rate, for pictures in [0, 1]; not for lbfgs.
        beta_1: Adam's decay of the mean gradient.
        beta_2: Adam's decay of the mean squared gradient.
        epsilon: Adam's epsilon.
        decay: What the rate of sgd is multiplied by every 100 steps.
        average: Decay of the running mean of the pictures, which is the result; 0 for none. Where
            they are few, it is of about the last quarter.
        init: Where to start: "content" or "noise".
        padding: "zeros" or "replicate" at the first convolution.
        style_size: Long side of the style pictures over the picture's: larger strokes by larger.
            They are never enlarged beyond their own pixels.
        stretch_style: Whether style pictures get the picture's own height and width instead.
        interpolation: How pictures are resized: "lanczos" keeps them sharp; "area" averages what a
            smaller one cannot show.
        preserve_color: "none"; "luminance": the photo's own colours on the painting's light and
            dark; "histogram" or "coral": the styles are recoloured as the photo first.
        clip: Whether the picture is held in [0, 1] at each step, or only at the end.
    """

    size: int | None = None
    rows: int | None = None
    smallest: int | None = None
    scale_factor: float = math.sqrt(2)
    steps: int | tuple = 500
    optimizer: str = "adam"
    learning_rate: float = 0.02
    beta_1: float = 0.9
    beta_2: float = 0.99
    epsilon: float = 1e-8
    decay: float = 1.0
    average: float = 0.0
    init: str = "content"
    padding: str = "zeros"
    style_size: float = 1.0
    stretch_style: bool = False
    interpolation: str = "lanczos"
    preserve_color: str = "none"
    clip: bool = True

    def __post_init__(self):
        super().__post_init__()
        object.__setattr__(self, "steps", parse_steps(self.steps))
        for name in ("size", "rows", "smallest"):
            value = getattr(self, name)
            whole = value is None or (is_whole(value) and value >= 1)
            check(whole, name, "at least 1, and whole", value)
        for name in ("learning_rate", "epsilon", "decay", "style_size"):
            value = getattr(self, name)
            check(is_number(value) and value > 0, name, "more than 0", value)
        for name in ("beta_1", "beta_2", "average"):
            value = getattr(self, name)
            check(is_number(value) and 0 <= value < 1, name, "from 0 to less than 1", value)
        value = self.scale_factor
        check(is_number(value) and value > 1, "scale_factor", "more than 1", value)
        for name, allowed in (
            ("init", ("content", "noise")),
            ("padding", ("zeros", "replicate")),
            ("interpolation", INTERPOLATIONS),
            ("preserve_color", COLOURS),
        ):
            self._check_choice(name, allowed)
        check_types(self)


SETTING_NAMES = tuple(field.name for field in fields(StyleSettings))


def parse_steps(steps):
    """Reads numbers of steps.

    Args:
        steps: One number for all scales together, or one for each scale, as a list or as such as
            "200,100,100".

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
    check(whole and numbers and min(numbers) >= 1, "steps", allowed, steps)
    return numbers if len(numbers) > 1 or isinstance(steps, list | tuple) else numbers[0]
