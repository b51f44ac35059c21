"""The network that paints in the manner of any picture."""

from typing import Any

import keras
from keras import layers, ops

from kerasart.backbones import load_backbone
from kerasart.networks.layers import Pixels, ReflectionPadding2D, check_size
from kerasart.networks.transformer_net import keep

_LAYER = "block4_conv1"
_STRIDE = 8  # Of that layer.
_CHANNELS = 512  # Likewise.
# About the mean of its features: without it, the decoder starts where a sigmoid has no slope.
_SCALE = 100.0
_LEAST_SIZE = 9  # So that a picture can be mirrored up to the next multiple of the stride.
# Channels of the decoder's convolutions, the encoder's in reverse; each None enlarges by 2.
_DECODER = (256, None, 256, 256, 256, 128, None, 128, 64, None, 64)
_OVERHEAD = 3  # Features and work space at full size, over one layer's features there.
_EPSILON = 1e-5  # Under the root of a variance.


@keras.saving.register_keras_serializable("kerasart")
class AdaIN(keras.Model):
    """Paints a picture of any size in the manner of another, one that it was not trained on too.

    The encoder's features of the photo get, channel by channel, the mean and the deviation that
    the style's have; the decoder makes a picture of them.

    Source: Huang and Belongie 2017, "Arbitrary Style Transfer in Real-time with Adaptive Instance
    Normalization" (arXiv 1703.06868). As in its code, convolutions see the mirrored picture beyond
    its edge. Where we depart from it: the encoder is the bundled VGG16 up to block4_conv1 unless
    another is named, and a sigmoid keeps pixels in [0, 1].

    Args:
        encoder: "vgg16" or "vgg19".
        weights: The encoder's weights, as in `load_backbone`. They are not saved with the network.
        weights_hash: What the encoder's weights must be, if it matters; a saved network knows.

    Attributes:
        looks: The encoder, a `Backbone` cut at `layer`.
        decoder: The convolutions that make a picture of features; None where it gets larger by 2.
        to_rgb: The last convolution.
        padding: How the encoder sees what is beyond the picture's edge, as in `Backbone.cut`.
        layer: The encoder's layer whose features are given the style's moments.
        least_size: The least height and width of a picture.
        style_size: The long side at which styles are to be shown to it: larger for larger strokes.
        scale: What the decoder divides features by.
        stride: Pixels between two positions of the features.
        halo: Positions beyond which neither encoder nor decoder sees.
        epsilon: Added to a variance before its root is taken.

    Raises:
        ValueError: If the encoder's weights are others than those it was trained with.
    """

    padding = "reflect"
    layer = _LAYER
    least_size = _LEAST_SIZE
    style_size = 512
    stride = _STRIDE
    scale = _SCALE
    halo = 6
    epsilon = _EPSILON

    def __init__(
        self,
        encoder: str = "vgg16",
        weights: str = "auto",
        weights_hash: str | None = None,
        **kwargs: Any,
    ):
        kwargs.setdefault("dtype", "float32")
        super().__init__(autocast=False, **kwargs)  # Strength 0 is the photo, to the bit.
        backbone = load_backbone(encoder, weights)
        if weights_hash not in (None, backbone.weights_hash):
            raise ValueError(
                "`weights` must be those of the encoder that the network was trained with, "
                f"{weights_hash}. Received: {backbone.weights_hash}"
            )
        self.encoder = encoder
        self.weights_hash = backbone.weights_hash
        precision = "bfloat16" if self.compute_dtype == "bfloat16" else "float32"
        # A `Backbone` is no layer: Keras neither trains nor saves it.
        self.looks = backbone.cut([_LAYER], precision, padding=self.padding)
        same = {"data_format": "channels_last", "dtype": self.dtype_policy}
        self._pad = ReflectionPadding2D(((1, 1), (1, 1)), dtype=self.dtype_policy)
        self._enlarge = layers.UpSampling2D(2, **same)
        self.decoder = [
            channels
            and layers.Conv2D(
                channels, 3, activation="relu", kernel_initializer="he_normal", **same
            )
            for channels in _DECODER
        ]
        self._to_pixels = Pixels(dtype="float32")
        # Begins at grey, in the middle of the sigmoid, whose ends teach little.
        grey = keras.initializers.VarianceScaling(0.01)
        self.to_rgb = layers.Conv2D(3, 3, kernel_initializer=grey, **same)
        self.build()

    def build(self, input_shape=None):
        """Makes all weights, which depend on no picture's size."""
        if self.built:
            return
        shape = (None, None, None, _CHANNELS)
        for layer in filter(None, (*self.decoder, self.to_rgb)):
            layer.build(shape)
            shape = (*shape[:-1], layer.filters)

    def call(self, image, style, strength=None):
        """Paints.

        Args:
            image: float RGB (batch, height, width, 3) in [0, 1], each side at least 9 pixels.
            style: As many such pictures, of any size.
            strength: (batch,) in [0, 1], from the photo itself to the full style. By default 1.

        Returns:
            float32 of the shape of `image`, in [0, 1].

        Raises:
            ValueError: If a picture is too small.
        """
        return self.paint(image, self.describe(style), strength)

    def describe(self, style, mask=None):
        """Says what a picture's manner is.

        Those of several styles can be blended: their weighted mean is that of a style in between.

        Args:
            style: float RGB (batch, height, width, 3) in [0, 1].
            mask: How much each place of it counts, float32 (batch, height, width, 1) in [0, 1];
                None is all of it.

        Returns:
            float32 (batch, 2, channels): mean and deviation of the encoder's features.
        """
        self.check_size(style, "style")
        return self.describe_features(self.encode(style), mask)

    def describe_features(self, features, mask=None):
        """Says what the manner of a picture of some features is; else as `describe`."""
        weights = None
        if mask is not None:
            size = ops.shape(features)[1:3]
            weights = ops.image.resize(mask, size, antialias=True, data_format="channels_last")
            weights /= ops.maximum(ops.mean(weights, axis=(1, 2), keepdims=True), _EPSILON)
        mean, deviation = _moments(features, weights)
        return ops.concatenate([mean, deviation], axis=1)[:, :, 0]

    def paint(self, image, style_code, strength=None):
        """Paints in a manner.

        Args:
            image: As for `call`.
            manner: (batch, 2, channels), as `describe` says it.
            strength: As for `call`.

        Returns:
            float32 of the shape of `image`, in [0, 1].
        """
        self.check_size(image)
        image = ops.cast(image, "float32")
        height, width = ops.shape(image)[1:3]
        painted = self.decode(self.target_features(self.encode(image), style_code, strength))[
            :, :height, :width
        ]
        return painted if strength is None else keep(image, painted, strength)

    def check_size(self, image, name="image"):
        """Refuses a picture that is too small, as far as its size is known.

        Args:
            image: (batch, height, width, 3).
            name: What the error message calls it.

        Raises:
            ValueError: If it is.
        """
        check_size(name, image, _LEAST_SIZE)

    @property
    def bytes_per_pixel(self):
        """About the memory that painting takes for each pixel."""
        return _OVERHEAD * 64 * 4

    def target_features(self, features, style_code, strength=None):
        """Says which features the painted picture should have (equation 14).

        Args:
            features: Those of the photo, as `encode` gives them.
            manner: (batch, 2, channels).
            strength: (batch,) in [0, 1], or None for 1.

        Returns:
            A tensor of the shape of `features`.
        """
        target_features = self.transfer(features, style_code)
        if strength is None:
            return target_features
        strength = ops.reshape(ops.cast(strength, "float32"), (-1, 1, 1, 1))
        return features + strength * (target_features - features)

    def encode(self, image):
        """Looks at a picture: float32 features (batch, height / 8, width / 8, 512), rounded up."""
        return ops.cast(self.looks(self.extend(image))[_LAYER], "float32")

    def extend(self, image):
        """Mirrors a picture at the bottom and the right, up to multiples of the stride."""
        height, width = ops.shape(image)[1:3]
        margins = [(0, 0), (0, -height % _STRIDE), (0, -width % _STRIDE), (0, 0)]
        return ops.pad(image, margins, mode="reflect")

    def transfer(self, features, style_code):
        """Gives features the mean and deviation of a style's (equation 8)."""
        mean, deviation = _moments(features)
        style_mean, style_deviation = ops.split(style_code[:, :, None], 2, axis=1)
        return (features - mean) / deviation * style_deviation + style_mean

    def decode(self, features):
        """Makes a picture of features, eight times as high and wide, in [0, 1]."""
        x = ops.cast(features / self.scale, self.compute_dtype)
        for convolve in self.decoder:
            x = convolve(self._pad(x)) if convolve else self._enlarge(x)
        return self._to_pixels(self.to_rgb(self._pad(x)))

    def get_config(self):
        """The arguments."""
        return {
            **super().get_config(),
            "encoder": self.encoder,
            "weights_hash": self.weights_hash,
        }


def _moments(features, weights=None):
    """Mean and deviation over all positions, each (batch, 1, 1, channels); weights average 1."""

    def average(values):
        values = values if weights is None else weights * values
        return ops.mean(values, axis=(1, 2), keepdims=True)

    mean = average(features)
    return mean, ops.sqrt(average((features - mean) ** 2) + _EPSILON)
