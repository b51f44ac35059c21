"""`DreamSettings`: the settings of DeepDream."""

import math
from typing import Any

from kerasart.settings.checks import check, is_number, parse_layers
from kerasart.settings.declare import option, settings

_OTHERS = ("guide", "start")  # Pictures to compare with.

# Regularizers: the setting of the strength, and that of a raw weight in its place.
REGULARIZERS = (("smoothness", "tv_weight"), ("energy", "energy_weight"))


def parse_channels(channels: Any, name: str = "channel") -> dict[str, float]:
    """Reads channels and their coefficients.

    Args:
        channels: A dict of "layer:channel" to coefficient, or such as
            "block5_conv3:37,block5_conv1:8:-0.5"; a channel without a coefficient gets 1.
        name: What the setting is called where it is refused.

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
        name,
        "different LAYER:CHANNEL or LAYER:CHANNEL:COEFFICIENT, such as block5_conv3:37",
        channels,
    )
    return parsed


def _channel(name):
    layer, _, number = name.rpartition(":")
    if not layer.strip() or int(number) < 0:
        raise ValueError
    return f"{layer.strip()}:{int(number)}"


def parse_octaves(octaves: Any, name: str = "octaves") -> tuple[int, int]:
    """Reads which octaves there are.

    Args:
        octaves: A number of octaves, of which the last has the picture's size; or the first and
            the last, as a pair or as "-2:2".
        name: What the setting is called where it is refused.

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
    check(whole and -32 < first <= last < 32, name, allowed, octaves)
    return first, last


def _parse_layers_if_any(layers, name):
    return {} if layers == {} else parse_layers(layers, name)


@settings
class DreamSettings:
    """Everything that a preset of DeepDream sets."""

    layers: dict = option(
        {},
        "Layers whose activations are raised, with their coefficients: mixed4:1.0,mixed5:1.5. "
        "Where features are compared (similarity), those that become like the other picture's, or "
        "unlike for a negative coefficient.",
        parse=_parse_layers_if_any,
        group="objective",
    )
    channel: dict = option(
        {},
        "Channels to raise in place of whole layers, with their coefficients: mixed5:37 or "
        "mixed5:37:1.0,mixed4:8:-0.5. scripts/feature_atlas.py shows what they see.",
        parse=parse_channels,
    )
    neuron: bool = option(
        False,
        "Raise those channels at the picture's centre only, where something must excite them a "
        "little already, as in a photo.",
    )
    class_name: str | int | None = option(
        None,
        "An ImageNet class to raise: its name, a part of it, or its number, such as jellyfish. "
        "Needs a backbone with its head: squeezenet has it, others with weights imagenet.",
        flag="class",
    )
    activation: str = option(
        "squared", "Raise the mean of squares, or the mean.", choices=("squared", "mean")
    )
    border: int = option(0, "Rows and columns at a layer's border that do not count.", least=0)
    similarity: str | None = option(
        None,
        "Compare features with the reference's, in place of raising activations: by dot product, "
        "l1 or l2 distance, or cosine at the same position; match: at the one that is most like.",
        choices=("dot", "l1", "l2", "cosine", "match"),
    )
    reference: str = option("guide", "Whose features: the guide's or the start's.", choices=_OTHERS)
    pixel_loss: str | None = option(None, "Compare the pixels by a distance.", choices=("l1", "l2"))
    pixel_weight: float = option(1.0, "Weight of it; negative drives the picture away.")
    pixel_reference: str = option("start", "Whose pixels, as reference.", choices=_OTHERS)
    smoothness: float = option(
        0.0,
        "Strength of the total variation, against high-frequency noise. At 1 it pulls at noise of "
        "deviation 0.1 as hard at each step as all that is wanted of the layers, so that a value "
        "means the same for every backbone, layer and photo. Not for lbfgs.",
        least=0,
    )
    tv_weight: float = option(
        0.0,
        "Raw weight of the total variation, in units of the activations, in place of smoothness; "
        "it fits one backbone and one layer only.",
        least=0,
    )
    tv_beta: float = option(2.0, "Exponent of the total variation.", more_than=0)
    tv_isotropic: bool = option(False, "Take the two directions of the total variation together.")
    energy: float = option(
        0.0, "Strength of the squared distance from the mean colour, as smoothness.", least=0
    )
    energy_weight: float = option(0.0, "Raw weight of it, in place of energy.", least=0)
    octaves: tuple = option(
        (-4, 0),
        "How many octaves, the last of them the photo's own size; or the first and the last, such "
        "as -2:2 (from two octaves smaller to two larger).",
        parse=parse_octaves,
        group="ascent",
    )
    octave_scale: float = option(1.4, "Size ratio between octaves.", more_than=1)
    steps: int = option(10, "Steps in each octave.", least=1)
    optimizer: str = option(
        "ascent",
        "ascent divides the gradient by its magnitude; lbfgs finds its own step size.",
        choices=("ascent", "adam", "lbfgs"),
    )
    step_size: float = option(
        0.01, "Change of a value in an average step, where white is 1; of adam, the learning rate."
    )
    max_loss: float | None = option(
        None, "The loss that ends an octave.", least=-math.inf, most=math.inf
    )
    norm: str = option(
        "mean",
        "Divide the gradient by its mean absolute value, its standard deviation, or its root mean "
        "square (unit).",
        choices=("mean", "std", "unit"),
    )
    floor: float = option(1e-12, "The least magnitude to divide the gradient by.", more_than=0)
    blur: float = option(
        0.0, "Deviation in pixels of the Gaussians that smooth the gradient; 0 for none.", least=0
    )
    pyramid: int = option(
        0,
        "Levels of the Laplacian pyramid in which the gradient is normalised, so that coarse and "
        "fine forms grow alike; 0 for none.",
        least=0,
    )
    init: str = option(
        "photo", "Dream on the photo, or on nothing.", choices=("photo", "noise", "grey")
    )
    init_noise: float = option(0.0, "Deviation of the noise that is added at the start.", least=0)
    parameterization: str = option(
        "pixels",
        "Move pixels, or Fourier coefficients of decorrelated colours.",
        choices=("pixels", "fourier"),
    )
    pad: int = option(0, "Grey pixels around the picture as the backbone sees it.", least=0)
    jitter: int = option(32, "Largest random shift at each step, in pixels.", least=0)
    scaling: float = option(
        0.0, "Largest random scaling at each step: 0.1 for 0.9 to 1.1.", least=0, less_than=1
    )
    rotation: float = option(0.0, "Largest random rotation, in degrees.", least=0, most=180)
    final_jitter: int = option(0, "Largest random shift after those, in pixels.", least=0)
    detail: str = option(
        "before",
        "When the photo's detail comes back that a smaller octave cannot show: before an octave's "
        "steps, so that the dream grows on it, after them, as in the Keras example, or not at all.",
        choices=("before", "after", "none"),
    )
    clip: bool = option(True, "Hold the picture in [0, 1] after each step, not just at the end.")
    antialias: bool = option(True, "Shrink octaves with antialiasing.")

    def __post_init__(self):
        if not (self.channel or self.class_name is not None):
            parse_layers(self.layers)  # There must be some.
        for strength, raw in REGULARIZERS:
            self._check_regularizer(strength, raw)
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

    def _check_regularizer(self, strength, raw):
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
    def compares_positions(self) -> bool:
        """Whether features are compared position by position: only "match" does not ask where."""
        return bool(self.layers) and self.similarity not in (None, "match")

    @property
    def needs_guide(self) -> bool:
        """Whether something is compared with a guide."""
        by_features = self.similarity and self.reference == "guide"
        return bool(by_features or (self.pixel_loss and self.pixel_reference == "guide"))


def read_recorded(recorded: dict[str, Any]) -> dict[str, Any]:
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
