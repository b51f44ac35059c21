"""`AdaIN`, a feed-forward network whose style is any image."""

from typing import Any

import keras

from kerasart.backbones import load_backbone
from kerasart.networks.adain_trainer import AdaINTrainer
from kerasart.networks.any_style_network import AnyStyleNetwork
from kerasart.networks.ops import StyleOps

_CHANNELS = 512  # Of the encoder's features.
# About their mean: without it, the decoder starts in the saturated parts of the sigmoid.
_SCALE = 100.0
# Channels of the decoder's convolutions, the encoder's in reverse; each None enlarges by 2.
_DECODER = (256, None, 256, 256, 256, 128, None, 128, 64, None, 64)
_OVERHEAD = 3  # Features and work space at full size, over one layer's features there.
_EPSILON = 1e-5  # Under the root of a variance.


@keras.saving.register_keras_serializable("kerasart")
class AdaIN(AnyStyleNetwork):
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
    has_levels = False
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
