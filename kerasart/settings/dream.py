"""What can be set of a dream, and what makes no sense."""

import math
from dataclasses import dataclass, field, fields

from kerasart.settings.checks import check, check_types, is_number, is_whole, parse_layers

CHOICES = {
    "activation": ("squared", "mean"),
    "similarity": (None, "dot", "l1", "l2", "cosine", "match"),
    "reference": ("guide", "start"),
    "pixel_loss": (None, "l1", "l2"),
    "pixel_reference": ("guide", "start"),
    "init": ("photo", "noise", "grey"),
    "parameterization": ("pixels", "fourier"),
    "optimizer": ("ascent", "adam", "lbfgs"),
    "norm": ("mean", "std", "unit"),
    "detail": ("before", "after", "none"),
}

# What holds a dream back: the setting of its strength, and that of a raw weight in its place.
REGULARIZERS = (("smoothness", "tv_weight"), ("energy", "energy_weight"))


@dataclass(frozen=True)
class DreamSettings:
    """Everything that a preset of DeepDream sets.

    Attributes:
        layers: Dict of layer name to coefficient: whose activations are raised, and how much. With
            `similarity`, whose features become like another picture's, or unlike where the
            coefficient is negative. Empty where only channels or a class are wanted.
        channel: Dict of "layer:channel" to coefficient: which channels are raised, or lowered
            where the coefficient is negative.
        neuron: Whether channels are raised at the picture's centre only. There must be something
            there that excites them a little, as in a photo.
        class_name: An ImageNet class to raise: its name, a part of it, or its number; None for
            none. The network needs its classification head.
        activation: "squared" raises the mean of squares, "mean" the mean.
        border: Rows and columns at a layer's border whose activations do not count.
        similarity: How features are compared: "dot", "l1", "l2", "cosine" or "match" (see
            `kerasart.objectives.Similarity`); None raises activations instead.
        reference: Whose features they are compared with: the "guide"'s, or at the "start".
        pixel_loss: "l1" or "l2": how the pixels are compared with those of `pixel_reference`; None
            if they are not.
        pixel_weight: Weight of that: negative drives the picture away from it.
        pixel_reference: "start" or "guide".
        smoothness: Strength of the total variation; it goes against high-frequency noise. At 1 it
            pulls at noise of deviation 0.1 as hard as all that is wanted of the network's layers
            pulls at each step, so a value means the same for all networks, layers and photos.
        tv_weight: Raw weight of the total variation, in units of the activations, in place of
            `smoothness`; it fits one network and one layer only.
        tv_beta: Exponent of the total variation.
        tv_isotropic: Whether it takes both directions together (see `TotalVariation`).
        energy: Strength of the pixels' squared distance from the mean colour, as `smoothness`.
        energy_weight: Its raw weight, in place of `energy`.
        octaves: (first, last): octave 0 is the picture's own size, -2 two octaves smaller, 1 one
            larger. A number n stands for (1 - n, 0).
        octave_scale: How much larger each octave is than the one before.
        steps: Steps in each octave.
        optimizer: "ascent" divides the gradient by its magnitude; "adam"; "lbfgs".
        step_size: What an average step changes a value by, for pictures in [0, 1]: of Adam, the
            learning rate. L-BFGS finds its own.
        max_loss: The loss that ends an octave; None for none.
        norm: For ascent, the gradient is divided by its "mean" absolute value, its "std", or
            its "unit", the root mean square.
        floor: The least magnitude to divide by, in the gradient's own units.
        blur: Deviation in pixels of the Gaussians that smooth the gradient; 0 for none.
        pyramid: Levels of the Laplacian pyramid in which the gradient is normalised, so that
            coarse and fine forms grow alike; 0 for none.
        init: What is dreamed on: the "photo", or nothing: "noise" or "grey".
        init_noise: Deviation of the noise that is added at the start.
        parameterization: What is moved: "pixels", or "fourier" coefficients of decorrelated
            colours.
        pad: Grey pixels around the picture while the network looks.
        jitter: Largest random shift at each step, in pixels.
        scaling: Largest random change of scale at each step: 0.1 for 0.9 to 1.1.
        rotation: Largest random rotation at each step, in degrees.
        final_jitter: Largest random shift after those.
        detail: When the photo's detail that a smaller octave could not show comes back: "before"
            the ascent, so that the dream grows on it, "after" it as in the Keras example, or
            "none".
        clip: Whether the picture is held in [0, 1] after each step, or only at the end.
        antialias: Whether octaves are shrunk with antialiasing.
    """

    layers: dict = field(default_factory=dict)
    channel: dict = field(default_factory=dict)
    neuron: bool = False
    class_name: str | int | None = None
    activation: str = "squared"
    border: int = 0
    similarity: str | None = None
    reference: str = "guide"
    pixel_loss: str | None = None
    pixel_weight: float = 1.0
    pixel_reference: str = "start"
    smoothness: float = 0.0
    tv_weight: float = 0.0
    tv_beta: float = 2.0
    tv_isotropic: bool = False
    energy: float = 0.0
    energy_weight: float = 0.0
    octaves: tuple = (-4, 0)
    octave_scale: float = 1.4
    steps: int = 10
    optimizer: str = "ascent"
    step_size: float = 0.01
    max_loss: float | None = None
    norm: str = "mean"
    floor: float = 1e-12
    blur: float = 0.0
    pyramid: int = 0
    init: str = "photo"
    init_noise: float = 0.0
    parameterization: str = "pixels"
    pad: int = 0
    jitter: int = 32
    scaling: float = 0.0
    rotation: float = 0.0
    final_jitter: int = 0
    detail: str = "before"
    clip: bool = True
    antialias: bool = True

    def __post_init__(self):
        for name, allowed in CHOICES.items():
            named = [str(each).lower() for each in allowed]
            check(getattr(self, name) in allowed, name, _listed(named), getattr(self, name))
        object.__setattr__(self, "channel", parse_channels(self.channel))
        if self.layers or not (self.channel or self.class_name is not None):
            object.__setattr__(self, "layers", parse_layers(self.layers))
        object.__setattr__(self, "octaves", parse_octaves(self.octaves))
        check(is_whole(self.steps) and self.steps >= 1, "steps", "at least 1", self.steps)
        for name in ("border", "pyramid", "pad", "jitter", "final_jitter"):
            value = getattr(self, name)
            check(is_whole(value) and value >= 0, name, "0 or more", value)
        for strength, raw in REGULARIZERS:
            self._check_regularizer(strength, raw)
        for name in ("blur", "init_noise"):
            value = getattr(self, name)
            check(is_number(value) and value >= 0, name, "0 or more", value)
        for name in ("step_size", "pixel_weight"):
            value = getattr(self, name)
            check(is_number(value), name, "a finite number", value)
        for name in ("floor", "tv_beta"):
            value = getattr(self, name)
            check(is_number(value) and value > 0, name, "more than 0", value)
        check(
            not (self.pad and self.compares_positions),
            "pad",
            "0 where features are compared position by position (similarity dot, l1, l2 or cosine)",
            self.pad,
        )
        check(
            not (self.border and self.similarity),
            "border",
            "0 where features are compared (similarity)",
            self.border,
        )
        shaped = self.blur or self.pyramid
        check(
            not (shaped and self.parameterization == "fourier"),
            "parameterization",
            "pixels where the gradient is shaped (blur, pyramid): coefficients have no neighbours",
            self.parameterization,
        )
        value = self.scaling
        check(is_number(value) and 0 <= value < 1, "scaling", "from 0 to less than 1", value)
        value = self.rotation
        check(is_number(value) and 0 <= value <= 180, "rotation", "from 0 to 180 degrees", value)
        value = self.octave_scale
        check(is_number(value) and value > 1, "octave_scale", "more than 1", value)
        check_types(self)

    def _check_regularizer(self, strength, raw):
        for name in (strength, raw):
            value = getattr(self, name)
            check(is_number(value) and value >= 0, name, "0 or more", value)
        both = getattr(self, strength) and getattr(self, raw)
        check(not both, raw, f"0 where {strength} is more", getattr(self, raw))
        changes = getattr(self, strength) and self.optimizer == "lbfgs"
        check(
            not changes,
            strength,
            f"0 for lbfgs, whose loss stays what it is ({raw} is for it)",
            getattr(self, strength),
        )

    @property
    def compares_positions(self):
        """Whether features are compared position by position: only "match" does not ask where."""
        return bool(self.layers) and self.similarity not in (None, "match")

    @property
    def needs_guide(self):
        """Whether something is compared with a guide."""
        by_features = self.similarity and self.reference == "guide"
        return bool(by_features or (self.pixel_loss and self.pixel_reference == "guide"))


SETTING_NAMES = tuple(field.name for field in fields(DreamSettings))


def read_recorded(recorded):
    """Reads a record of any version.

    Args:
        recorded: Dict of recorded settings. Those that know of no raw weights have them in the
            places of the strengths.

    Returns:
        A dict of settings as they are called now.
    """
    moved = {
        strength: raw
        for strength, raw in REGULARIZERS
        if strength in recorded and raw not in recorded
    }
    return {moved.get(name, name): value for name, value in recorded.items()}


def parse_channels(channels):
    """Reads channels and their coefficients.

    Args:
        channels: A dict of "layer:channel" to coefficient, or such as
            "block5_conv3:37,block5_conv1:8:-0.5"; a channel without a coefficient gets 1.

    Returns:
        Such a dict, with float coefficients.

    Raises:
        ValueError: If it reads as neither, or names a channel twice.
    """
    if isinstance(channels, str):
        parts = [part.strip().split(":") for part in channels.split(",")]
        pairs = [(":".join(part[:2]), part[2] if part[2:] else 1.0) for part in parts]
        lengths = {len(part) for part in parts} <= {2, 3}
    else:
        lengths = isinstance(channels, dict)
        pairs = list(channels.items()) if lengths else []
    try:
        parsed = {_channel(name): float(value) for name, value in pairs}
    except (AttributeError, OverflowError, TypeError, ValueError):
        parsed = {"": math.nan}
    check(
        lengths and len(parsed) == len(pairs) and all(map(is_number, parsed.values())),
        "channel",
        "different LAYER:CHANNEL or LAYER:CHANNEL:COEFFICIENT, such as block5_conv3:37",
        channels,
    )
    return parsed


def _channel(name):
    layer, _, number = name.rpartition(":")
    if not layer.strip() or int(number) < 0:
        raise ValueError
    return f"{layer.strip()}:{int(number)}"


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
    except (OverflowError, TypeError, ValueError):
        first, last, whole = 0, 0, False
    allowed = "a number from 1 to 32, or first:last such as -2:2"
    check(whole and -32 < first <= last < 32, "octaves", allowed, octaves)
    return first, last


def _listed(names):
    return f"{', '.join(names[:-1])} or {names[-1]}"
