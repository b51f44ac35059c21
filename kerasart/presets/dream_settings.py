"""What can be set of a dream, and what makes no sense."""

import math
from dataclasses import dataclass, fields

from kerasart.presets.checks import check, parse_layers

DETAILS = ("before", "after", "none")
ACTIVATIONS = ("squared", "mean")


@dataclass(frozen=True)
class DreamSettings:
    """Everything that a preset of DeepDream sets.

    Attributes:
        layers: Dict of layer name to coefficient: whose activations are raised, and how much.
        activation: "squared" raises the mean of squares, "mean" the mean.
        border: Rows and columns at a layer's border whose activations do not count.
        smoothness: Weight of the total variation; it goes against high-frequency noise. In units
            of the activations, so a value fits one network only.
        octaves: (first, last): octave 0 is the picture's own size, -2 two octaves smaller, 1 one
            larger. A number n stands for (1 - n, 0).
        octave_scale: How much larger each octave is than the one before.
        steps: Steps of ascent in each octave.
        step_size: What an average step changes a value by, for pictures in [0, 1].
        max_loss: The loss that ends an octave; None for none.
        norm: The gradient is divided by its "mean" absolute value or its "std".
        floor: The least magnitude to divide by, in the gradient's own units.
        jitter: Largest random shift at each step, in pixels.
        detail: When the photo's detail that a smaller octave could not show comes back: "before"
            the ascent, so that the dream grows on it, "after" it as in the Keras example, or
            "none".
        clip: Whether the picture is held in [0, 1] after each step, or only at the end.
        antialias: Whether octaves are shrunk with antialiasing.
    """

    layers: dict
    activation: str = "squared"
    border: int = 0
    smoothness: float = 0.0
    octaves: tuple = (-4, 0)
    octave_scale: float = 1.4
    steps: int = 10
    step_size: float = 0.01
    max_loss: float | None = None
    norm: str = "mean"
    floor: float = 1e-12
    jitter: int = 32
    detail: str = "before"
    clip: bool = True
    antialias: bool = True

    def __post_init__(self):
        object.__setattr__(self, "layers", parse_layers(self.layers))
        object.__setattr__(self, "octaves", parse_octaves(self.octaves))
        check(self.activation in ACTIVATIONS, "activation", "squared or mean", self.activation)
        check(self.detail in DETAILS, "detail", "before, after or none", self.detail)
        check(self.norm in ("mean", "std"), "norm", "mean or std", self.norm)
        check(self.steps >= 1, "steps", "at least 1", self.steps)
        check(self.border >= 0, "border", "0 or more", self.border)
        check(self.jitter >= 0, "jitter", "0 or more", self.jitter)
        check(0 <= self.smoothness < math.inf, "smoothness", "0 or more", self.smoothness)
        check(math.isfinite(self.step_size), "step_size", "a finite number", self.step_size)
        check(0 < self.floor < math.inf, "floor", "more than 0", self.floor)
        check(1 < self.octave_scale < math.inf, "octave_scale", "more than 1", self.octave_scale)
        if self.max_loss is not None:
            check(not math.isnan(self.max_loss), "max_loss", "a number", self.max_loss)


SETTING_NAMES = tuple(field.name for field in fields(DreamSettings))


def parse_octaves(octaves):
    """Reads which octaves there are.

    Args:
        octaves: A number of octaves, of which the last has the picture's size; or the first and
            the last, as a pair or as "-2:2".

    Returns:
        (first, last).

    Raises:
        ValueError: If it reads as neither, or has no octave in it.
    """
    parts = octaves.split(":") if isinstance(octaves, str) else octaves
    parts = list(parts) if isinstance(parts, list | tuple) else [parts]
    try:
        numbers = [int(part) for part in parts]
        is_count = len(parts) == 1 and not isinstance(octaves, list | tuple)
        first, last = (1 - numbers[0], 0) if is_count else numbers
        whole = all(float(part) == number for part, number in zip(parts, numbers, strict=True))
    except (TypeError, ValueError):
        first, last, whole = 0, 0, False
    allowed = "a number from 1 to 32, or first:last such as -2:2"
    check(whole and -32 < first <= last < 32, "octaves", allowed, octaves)
    return first, last
