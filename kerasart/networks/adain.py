"""`AdaIN`, a feed-forward network whose style is any image."""

from collections.abc import Sequence
from os import PathLike
from typing import Any

import keras

from kerasart.backbones import load_backbone
from kerasart.image.masks import split_picture
from kerasart.image.resizing import shrink
from kerasart.networks.adain_trainer import AdaINTrainer
from kerasart.networks.ops import StyleOps
from kerasart.networks.style_network import (
    StyleNetwork,
    StylePart,
    dtype_policy,
    normalise_shares,
)
from kerasart.networks.training_styles import StylePictures
from kerasart.settings.style import FastStyleSettings

_CHANNELS = 512  # Of the encoder's features.
# About their mean: without it, the decoder starts in the saturated parts of the sigmoid.
_SCALE = 100.0
# Channels of the decoder's convolutions, the encoder's in reverse; each None enlarges by 2.
_DECODER = (256, None, 256, 256, 256, 128, None, 128, 64, None, 64)
_OVERHEAD = 3  # Features and work space at full size, over one layer's features there.
_EPSILON = 1e-5  # Under the root of a variance.


@keras.saving.register_keras_serializable("kerasart")
class AdaIN(StyleNetwork):
    """Paints an image of any size in the style of another, one that it was not trained on too.

    The encoder's features of the photo are given, channel by channel, the mean and the standard
    deviation of the style's; the decoder turns them into an image.

    Source: Huang and Belongie 2017, "Arbitrary Style Transfer in Real-time with Adaptive Instance
    Normalization" (arXiv 1703.06868). As in its code, convolutions pad by reflection. Where we
    depart from it: the encoder is the bundled VGG16 up to block4_conv1 unless
    another is named, and a sigmoid keeps pixels in [0, 1].

    Args:
        encoder: "vgg16" or "vgg19".
        weights: The encoder's weights, as in `load_backbone`. They are not saved with the network.
        weights_hash: The hash that the encoder's weights must have; None for any. Saved networks
            have it.

    Attributes:
        encoder: The encoder, a `Backbone` cut at `layer`.
        decoder: Its convolutions; None where it upsamples by 2.
        to_rgb: The last convolution.
        padding: The encoder's padding, as in `Backbone.cut`.
        layer: The encoder's last layer.
        style_size: The long side of styles: larger for larger strokes.

    Raises:
        ValueError: If the encoder's weights are not those that it was trained with.
    """

    style_input = "style"
    code_shape = (2, None)
    stride = 8  # Of the encoder's layer.
    least_size = 9  # So that an image can be mirrored up to the next multiple of the stride.
    exported_dtype = "float16"  # Half as large, and as exact as the bundled encoder's weights.
    kind = "adain"
    names = (kind,)
    description = "An `AdaIN` network: it paints in the style of any picture."
    trainer_class = AdaINTrainer
    padding = "reflect"
    layer = "block4_conv1"
    style_size = 512

    def __init__(
        self,
        encoder: str = "vgg16",
        weights: str = "auto",
        weights_hash: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        backbone = load_backbone(encoder, weights)
        if weights_hash not in (None, backbone.weights_hash):
            raise ValueError(
                "`weights` must be those of the encoder that the network was trained with, "
                f"{weights_hash}. Received: {backbone.weights_hash}"
            )
        self.weights_hash = backbone.weights_hash
        precision = "bfloat16" if self.compute_dtype == "bfloat16" else "float32"
        # A `Backbone` is no layer: Keras neither trains nor saves it.
        self.encoder = backbone.cut([self.layer], precision, padding=self.padding)
        same = {"data_format": "channels_last", "dtype": self.dtype_policy}
        self.decoder = [
            channels
            and keras.layers.Conv2D(
                channels, 3, activation="relu", kernel_initializer="he_normal", **same
            )
            for channels in _DECODER
        ]
        # Starts at grey, where the sigmoid's gradient is largest.
        grey = keras.initializers.VarianceScaling(0.01)
        self.to_rgb = keras.layers.Conv2D(3, 3, kernel_initializer=grey, **same)
        self.build()

    def build(self, input_shape: Any = None) -> None:
        """Creates all weights; none depends on the size of images."""
        if self.built:
            return
        shape = (None, None, None, _CHANNELS)
        for layer in filter(None, (*self.decoder, self.to_rgb)):
            layer.build(shape)
            shape = (*shape[:-1], layer.filters)

    def call(self, image: Any, style: Any, strength: Any = None) -> Any:
        """Paints.

        Args:
            image: float RGB (batch, height, width, 3) in [0, 1], each side at least 9 pixels.
            style: As many such images, of any size.
            strength: (batch,) in [0, 1], from the photo itself to the full style. By default 1.

        Returns:
            float32 of the shape of `image`, in [0, 1].

        Raises:
            ValueError: If an image is too small.
        """
        image = keras.ops.cast(image, "float32")
        self.check_size(image)
        self.check_size(style, "style")
        return self.forward(image, self.encode_style(style), strength)

    def transform(
        self, x: Any, style_code: Any, strength: Any, ops: StyleOps, noise_offset: Any = None
    ) -> Any:
        """Takes an image to features before the sigmoid; see `StyleNetwork.forward`."""
        features = ops.encode(x, self.encoder)
        target_features = self.transfer(features, style_code, ops)
        return self.decode(ops.blend(features, target_features, strength), ops)  # Equation 14.

    def encode_style(self, style: Any, mask: Any = None, ops: StyleOps | None = None) -> Any:
        """Computes mean and standard deviation of a style's features: (batch, 2, channels)."""
        ops = ops or self.ops
        return self.moments(self.encode(style, ops), mask, ops)

    def encode(self, image: Any, ops: StyleOps | None = None) -> Any:
        """Computes an image's features: float32 (batch, height / 8, width / 8, 512), rounded up."""
        ops = ops or self.ops
        return ops.encode(ops.read(image, self.stride), self.encoder)

    def moments(self, features: Any, mask: Any = None, ops: StyleOps | None = None) -> Any:
        """Computes the style code of features (see `encode_style`)."""
        return (ops or self.ops).moments(features, _EPSILON, mask)

    def transfer(self, features: Any, style_code: Any, ops: StyleOps | None = None) -> Any:
        """Gives features the mean and deviation of a style's (equation 8)."""
        return (ops or self.ops).adain(features, style_code, _EPSILON)

    def decode(self, features: Any, ops: StyleOps | None = None) -> Any:
        """Decodes features, to eight times their height and width, up to the sigmoid."""
        ops = ops or self.ops
        x = ops.cast(ops.divide(features, _SCALE))
        for layer in self.decoder:
            x = ops.convolve(x, layer) if layer else ops.upsample(x)
        return ops.convolve(x, self.to_rgb)

    def parse_style(self, style: Any) -> list[StylePart]:
        """Reads a style: an image, or a list of pairs of image and weight."""
        pairs = style if isinstance(style, list) else [(style, 1.0)]
        if (
            style is None
            or isinstance(style, str | dict)
            or not all(isinstance(pair, tuple | list) and len(pair) == 2 for pair in pairs)
        ):
            received = [type(each).__name__ for each in style] if pairs is style else repr(style)
            raise ValueError(
                "`style` must be a picture, or a list of pairs of picture and weight, for a "
                f"network that paints in any style. Received: {received}"
            )
        parts = []
        shares = normalise_shares([weight for _, weight in pairs])
        for (picture, _), share in zip(pairs, shares, strict=True):
            image, mask = split_picture(picture, "style")
            image = shrink(image, self.style_size)
            self.check_size(image, "style")
            parts.append((image, share, mask))
        return parts

    @classmethod
    def create(cls, name: str, styles: Sequence[str | PathLike[str]], precision: str) -> "AdaIN":
        """Makes a network to be trained."""
        return cls(dtype=dtype_policy(precision))

    def read_styles(
        self,
        styles: Sequence[str | PathLike[str]],
        settings: FastStyleSettings,
        seed: int = 0,
        left_out: set[str] | None = None,
        max_pixels: int | None = None,
    ) -> StylePictures:
        """Reads styles from files."""
        return StylePictures(styles, settings, seed, left_out, max_pixels)

    @property
    def bytes_per_pixel(self) -> float:
        """About the memory that painting takes for each pixel."""
        return _OVERHEAD * 64 * 4

    @property
    def all_variables(self) -> list:
        """The variables of the decoder and of the encoder, which `variables` leaves out."""
        _, layers = self.encoder.parts
        return [*self.variables, *(each for layer in layers for each in layer.variables)]

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {
            **super().get_config(),
            "encoder": self.encoder.name,
            "weights_hash": self.weights_hash,
        }
