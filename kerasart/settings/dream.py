"""`DreamSettings`: the settings of DeepDream."""

import math
from typing import Any

from kerasart.settings.checks import check, is_number, parse_layers
from kerasart.settings.declare import option, settings

_REFERENCES = ("guide", "start")
_MOST_PIXELS = 1024  # Of a blur or a border, whose cost grows with them.

# The regularizers' pairs of settings: the strength, or instead of it the raw weight.
REGULARIZERS = (("smoothness", "tv_weight"), ("energy", "energy_weight"))


def parse_channels(channels: Any, name: str = "channel") -> dict[str, float]:
    """Parses channels and their coefficients.

    Args:
        channels: A dict of "layer:channel" to coefficient, or a string such as
            "block5_conv3:37,block5_conv1:8:-0.5"; a channel without a coefficient gets 1.
        name: The setting's name in the error message.

    Returns:
        A dict of "layer:channel" to float.

    Raises:
        ValueError: If it is neither of these, or names a channel twice.
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
    """Parses a range of octaves, numbered relative to the photo's own size, 0.

    Args:
        octaves: A number of octaves, the last of them 0; or the first and the last, as a pair or
            as a string such as "-2:2".
        name: The setting's name in the error message.

    Returns:
        (first, last).

    Raises:
        ValueError: If it is neither of these, or the range is empty.
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
    allowed = "a number from 1 to 32, or first:last, the smaller first, such as -2:2"
    check(whole and -32 < first <= last < 32, name, allowed, octaves)
    return first, last


def _parse_layers_if_any(layers, name):
    return {} if layers == {} else parse_layers(layers, name)


@settings
class DreamSettings:
    """The settings of a DeepDream preset."""

    layers: dict = option(
        {},
        "Layers whose activations to maximise, with coefficients: mixed4:1.0,mixed5:1.5. With "
        "similarity, the layers whose features to match to the reference's, or for a negative "
        "coefficient to drive away from them.",
        parse=_parse_layers_if_any,
        group="objective",
    )
    channel: dict = option(
        {},
        "Channels to maximise instead of whole layers, with coefficients: mixed5:37 or "
        "mixed5:37:1.0,mixed4:8:-0.5. scripts/feature_atlas.py shows what they respond to.",
        parse=parse_channels,
    )
    neuron: bool = option(
        False,
        "Maximise these channels at the image's centre only. Something there, as in a photo, must "
        "activate them a little from the start.",
        needs=("channel",),
    )
    class_name: str | int | None = option(
        None,
        "An ImageNet class to maximise: its name, part of it, or its number, such as jellyfish. "
        "Needs a backbone with a classifier: squeezenet, or another with weights imagenet.",
        flag="class",
    )
    activation: str = option(
        "squared",
        "Maximise the mean of the squared activations, or their mean.",
        choices=("squared", "mean"),
    )
    border: int = option(0, "Rows and columns to ignore at the border of each layer.", least=0)
    similarity: str | None = option(
        None,
        "Match features to the reference's instead of maximising activations: by dot product, l1 "
        "or l2 distance, or cosine similarity at the same position; or match: by dot product with "
        "the most similar position.",
        choices=("dot", "l1", "l2", "cosine", "match"),
    )
    reference: str = option(
        "guide",
        "Whose features to match: the guide's or the start image's.",
        choices=_REFERENCES,
        needs=("similarity",),
    )
    pixel_loss: str | None = option(
        None, "Also compare pixels with a reference, by this distance.", choices=("l1", "l2")
    )
    pixel_weight: float = option(
        1.0,
        "Weight of pixel_loss; if negative, the distance is maximised.",
        needs=("pixel_loss",),
    )
    pixel_reference: str = option(
        "start",
        "The reference of pixel_loss: the guide or the start image.",
        choices=_REFERENCES,
        needs=("pixel_loss",),
    )
    smoothness: float = option(
        0.0,
        "Strength of the total variation loss, against high-frequency noise. At 1, its gradient on "
        "noise of standard deviation 0.1 is as large at each step as that of all layers, so that a "
        "value means the same for every backbone, layer and photo. Not for lbfgs.",
        least=0,
    )
    tv_weight: float = option(
        0.0,
        "Raw weight of the total variation loss, instead of smoothness, in units of the "
        "activations: it suits one backbone and layer only.",
        least=0,
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
    energy: float = option(
        0.0,
        "Strength of the squared distance of pixels from the mean colour; scaled as smoothness.",
        least=0,
    )
    energy_weight: float = option(0.0, "Raw weight of that loss, instead of energy.", least=0)
    octaves: tuple = option(
        (-4, 0),
        "The number of octaves, the last of them at the photo's own size; or the first and last, "
        "such as -2:2 (from two octaves smaller to two larger).",
        parse=parse_octaves,
        group="ascent",
    )
    octave_scale: float = option(
        1.4, "Size ratio between octaves.", more_than=1, needs=("octaves!=1",)
    )
    steps: int = option(10, "Steps per octave.", least=1)
    optimizer: str = option(
        "ascent",
        "ascent normalises the gradient (norm); lbfgs finds its own step size.",
        choices=("ascent", "adam", "lbfgs"),
    )
    step_size: float = option(
        0.01,
        "Average change of a value per step, where black is 0 and white 1; for adam, the learning "
        "rate.",
        needs=("optimizer=ascent", "optimizer=adam"),
    )
    max_loss: float | None = option(
        None, "Ends an octave when its loss is above this.", least=-math.inf, most=math.inf
    )
    norm: str = option(
        "mean",
        "Divide the gradient by its mean absolute value, its standard deviation, or its root mean "
        "square (unit).",
        choices=("mean", "std", "unit"),
        needs=("optimizer=ascent",),
    )
    floor: float = option(
        1e-12,
        "Lower bound of the divisor in norm.",
        more_than=0,
        needs=("optimizer=ascent",),
    )
    blur: float = option(
        0.0,
        "Standard deviation in pixels of the Gaussian blur of the gradient; 0 for none.",
        least=0,
        most=_MOST_PIXELS,
    )
    pyramid: int = option(
        0,
        "Levels of the Laplacian pyramid in which the gradient is normalised, so that coarse and "
        "fine forms grow equally; 0 for none.",
        least=0,
        most=16,
    )
    init: str = option(
        "photo",
        "The start image: the photo, or without a photo noise or grey.",
        choices=("photo", "noise", "grey"),
    )
    init_noise: float = option(
        0.0, "Standard deviation of the noise added to the start image.", least=0
    )
    parameterization: str = option(
        "pixels",
        "Optimise pixels, or Fourier coefficients of decorrelated colours.",
        choices=("pixels", "fourier"),
    )
    pad: int = option(
        0, "Grey pixels of padding around the image at each step.", least=0, most=_MOST_PIXELS
    )
    jitter: int = option(32, "Largest random shift at each step, in pixels.", least=0)
    scaling: float = option(
        0.0, "Largest random scaling at each step: 0.1 for 0.9 to 1.1.", least=0, less_than=1
    )
    rotation: float = option(
        0.0, "Largest random rotation at each step, in degrees.", least=0, most=180
    )
    final_jitter: int = option(0, "As jitter, after scaling and rotation.", least=0)
    detail: str = option(
        "before",
        "When to reinject the photo's detail that was lost in the smaller octave: before an "
        "octave's steps, so that the dream grows on it; after them, as in the Keras example; or "
        "not at all.",
        choices=("before", "after", "none"),
    )
    clip: bool = option(True, "Clip the image to [0, 1] after each step, not just at the end.")
    antialias: bool = option(True, "Downsample octaves with antialiasing.")

    def __post_init__(self):
        if not (self.channel or self.class_name is not None):
            parse_layers(self.layers)  # Raises if there are none.
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
        filtered = self.blur or self.pyramid
        check(
            not (filtered and self.parameterization == "fourier"),
            "parameterization",
            "pixels with gradient filters (blur, pyramid): coefficients have no neighbours",
            self.parameterization,
        )

    def _check_regularizer(self, strength, raw):
        both = getattr(self, strength) and getattr(self, raw)
        check(not both, raw, f"0 where {strength} is more", getattr(self, raw))
        varies = getattr(self, strength) and self.optimizer == "lbfgs"
        check(
            not varies,
            strength,
            f"0 for lbfgs, which needs the same loss at each step (use {raw})",
            getattr(self, strength),
        )

    def check_film(self) -> None:
        """Raises a ValueError if one cannot dream on a film by these settings."""
        check(self.init == "photo", "init", "photo, to dream on a film", self.init)
        # In the few steps of a frame L-BFGS gathers no curvature: dreams would fade, or run away.
        allowed = "ascent or adam, to dream on a film"
        check(self.optimizer != "lbfgs", "optimizer", allowed, self.optimizer)

    @property
    def compares_positions(self) -> bool:
        """Whether features are compared position by position, as all but "match" do."""
        return bool(self.layers) and self.similarity not in (None, "match")

    @property
    def needs_guide(self) -> bool:
        """Whether something is compared with a guide."""
        by_features = self.similarity and self.reference == "guide"
        return bool(by_features or (self.pixel_loss and self.pixel_reference == "guide"))


def read_recorded(recorded: dict[str, Any]) -> dict[str, Any]:
    """Converts recorded settings of any version to today's names.

    Args:
        recorded: Dict of recorded settings. In old records the names of the strengths hold the raw
            weights, which had no names of their own.

    Returns:
        A dict of settings.
    """
    renamed = {
        strength: raw
        for strength, raw in REGULARIZERS
        if strength in recorded and raw not in recorded
    }
    return {renamed.get(name, name): value for name, value in recorded.items()}
