"""The operations of style networks: `StyleOps`, the interface, and `KerasOps`.

A network's forward pass (`StyleNetwork.forward`) is written once, against this interface. Training
(`KerasOps`), fast inference (`FusedOps`), inference in strips (`StripOps`) and ONNX export
(`OnnxOps`) each implement the same operations, and may represent features in a form of their own.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from kerasart.backbones import Backbone
from kerasart.levels import LEVELS
from kerasart.networks.layers import BoundedSigmoid, ConvBlock, NoiseInjection

Features = Any

_LEAST_SHARE = 1e-5  # Of a mask: less is none of the picture.
LEAST_LIGHT = 1 / 255  # Of an image whose logits are taken.


class StyleOps:
    """The operations of a forward pass.

    Features are tensors (batch, height, width, channels), or the implementation's own form of them.
    """

    def read(self, image: Any, multiple: int) -> Features:
        """Pads an image by reflection, at the bottom and the right, to a multiple of a size."""
        raise NotImplementedError

    def to_image(self, x: Features, image: Any, adds: bool = False) -> Any:
        """Applies a sigmoid to features and crops them to the size of an image: float32.

        With `adds`, features are added to the image's logits first (see `logits`).
        """
        raise NotImplementedError

    def cast(self, x: Features) -> Features:
        """Casts features to the dtype of convolutions."""
        raise NotImplementedError

    def uncast(self, x: Features) -> Features:
        """Casts features to float32."""
        raise NotImplementedError

    def add(self, x: Features, y: Features | float) -> Features:
        """Adds other features, or a number."""
        raise NotImplementedError

    def divide(self, x: Features, divisor: float) -> Features:
        """Divides features by a number."""
        raise NotImplementedError

    def relu(self, x: Features) -> Features:
        """Applies ReLU."""
        raise NotImplementedError

    def convolve(self, x: Features, layer: keras.layers.Conv2D) -> Features:
        """Pads by reflection, convolves, and applies the layer's bias and activation."""
        raise NotImplementedError

    def apply(self, x: Features, layer: keras.layers.Layer) -> Features:
        """Applies a convolution with zero padding, depthwise or not, with its bias and activation.

        Args:
            x: Features.
            layer: One of the `convolutions` of a `StyleEncoder`.
        """
        raise NotImplementedError

    def conv_block(self, x: Features, block: ConvBlock, mixture: Any) -> Features:
        """Pads by reflection, convolves, and normalises for a mixture of styles."""
        raise NotImplementedError

    def noise(
        self, x: Features, layer: NoiseInjection, mixture: Any, offset: Any = None
    ) -> Features:
        """Adds noise to features, scaled for a mixture of styles; see `NoiseInjection.inject`."""
        raise NotImplementedError

    def keep(self, x: Features) -> Features:
        """Returns features that are to be kept in memory, being small and read more than once."""
        return x

    def upsample(self, x: Features) -> Features:
        """Repeats each position twice in height and width."""
        raise NotImplementedError

    def max_pool(self, x: Features) -> Features:
        """Takes the maximum of each 2x2 positions."""
        raise NotImplementedError

    def preprocess(self, x: Features, function: Callable) -> Features:
        """Applies an encoder's preprocessing, a function of [0, 255], to an image in [0, 1]."""
        raise NotImplementedError

    def mixture(self, style_weights: Any) -> Any:
        """Makes mixtures: the weights of the photo itself, 0, and of the styles, at each level.

        Args:
            style_weights: (batch, levels, styles); or (batch, styles), for all levels.

        Returns:
            float32 (batch, levels, 1 + styles).
        """
        raise NotImplementedError

    def unstack(self, x: Any) -> Sequence[Any]:
        """Splits a tensor (batch, levels, ...) into one of each level."""
        raise NotImplementedError

    def average(self, features: Features, mask: Any = None) -> Any:
        """Computes the mean of features over all positions: float32 (batch, channels).

        Args:
            features: float32 features.
            mask: As for `moments`.
        """
        raise NotImplementedError

    def moments(self, features: Features, epsilon: float, mask: Any = None) -> Any:
        """Computes mean and standard deviation of features over all positions.

        Args:
            features: float32 features, as of `encode`.
            epsilon: Added to the variance.
            mask: float32 (batch, height, width, 1) in [0, 1]: the weight of each pixel.

        Returns:
            float32 (batch, 2, channels).
        """
        raise NotImplementedError

    def adain(self, features: Features, style_code: Any, epsilon: float) -> Features:
        """Adaptive instance normalisation: features take on the mean and deviation of a style."""
        raise NotImplementedError

    def blend(self, weak: Any, strong: Any, strength: Any) -> Any:
        """Interpolates linearly, from exactly `weak` at strength 0 to `strong` at 1.

        Args:
            weak: A tensor.
            strong: A tensor of as many dimensions.
            strength: (batch,) in [0, 1], or None for 1.

        Returns:
            A tensor of their shape.
        """
        raise NotImplementedError

    def encode(self, x: Features, encoder: Backbone) -> Features:
        """Computes an encoder's features of an image.

        Args:
            x: The image, as returned by `read`.
            encoder: A `Backbone` of convolutions with reflection padding, and max pooling.

        Returns:
            float32 features of its last layer, as one tensor.
        """
        preprocess, layers = encoder.parts
        x = self.cast(self.preprocess(x, preprocess))
        for layer in layers:
            is_pooling = isinstance(layer, keras.layers.MaxPooling2D)
            x = self.max_pool(x) if is_pooling else self.convolve(x, layer)
        return self.uncast(x)


class KerasOps(StyleOps):
    """Implements the operations in Keras, for any batch, with gradients.

    Args:
        dtype: Of the convolutions, "float32" or "bfloat16".
    """

    def __init__(self, dtype: str = "float32"):
        self.dtype = dtype
        self._sigmoid = BoundedSigmoid(dtype="float32")

    def read(self, image: Any, multiple: int) -> Features:
        """As `StyleOps.read`."""
        height, width = ops.shape(image)[1:3]
        margins = [(0, 0), (0, -height % multiple), (0, -width % multiple), (0, 0)]
        return ops.pad(image, margins, mode="reflect")

    def to_image(self, x: Features, image: Any, adds: bool = False) -> Any:
        """As `StyleOps.to_image`."""
        height, width = ops.shape(image)[1:3]
        x = self.uncast(x)[:, :height, :width]
        return self._sigmoid(x + logits(image) if adds else x)

    def cast(self, x: Features) -> Features:
        """As `StyleOps.cast`."""
        return ops.cast(x, self.dtype)

    def uncast(self, x: Features) -> Features:
        """As `StyleOps.uncast`."""
        return ops.cast(x, "float32")

    def add(self, x: Features, y: Features | float) -> Features:
        """As `StyleOps.add`."""
        return x + y

    def divide(self, x: Features, divisor: float) -> Features:
        """As `StyleOps.divide`."""
        return x / divisor

    def relu(self, x: Features) -> Features:
        """As `StyleOps.relu`."""
        return ops.relu(x)

    def convolve(self, x: Features, layer: keras.layers.Conv2D) -> Features:
        """As `StyleOps.convolve`."""
        margin = layer.kernel_size[0] // 2
        return convolve_inner(mirror(x, margin, margin), layer)

    def apply(self, x: Features, layer: keras.layers.Layer) -> Features:
        """As `StyleOps.apply`."""
        return layer(x)

    def conv_block(self, x: Features, block: ConvBlock, mixture: Any) -> Features:
        """As `StyleOps.conv_block`."""
        return block(x, mixture)

    def noise(
        self, x: Features, layer: NoiseInjection, mixture: Any, offset: Any = None
    ) -> Features:
        """As `StyleOps.noise`."""
        return layer(x, mixture, offset)

    def upsample(self, x: Features) -> Features:
        """As `StyleOps.upsample`."""
        return ops.repeat(ops.repeat(x, 2, axis=1), 2, axis=2)

    def max_pool(self, x: Features) -> Features:
        """As `StyleOps.max_pool`."""
        return ops.max_pool(x, 2, 2, "valid", "channels_last")

    def preprocess(self, x: Features, function: Callable) -> Features:
        """As `StyleOps.preprocess`."""
        return function(x * 255.0)

    def encode(self, x: Features, encoder: Backbone) -> Features:
        """As `StyleOps.encode`, by calling the encoder itself, which is faster."""
        return self.uncast(encoder(x)[encoder.layers[0]])

    def mixture(self, style_weights: Any) -> Any:
        """As `StyleOps.mixture`."""
        weights = ops.cast(style_weights, "float32")
        if len(weights.shape) == 2:
            weights = repeat_for_levels(weights)
        return ops.pad(weights, [(0, 0), (0, 0), (1, 0)])

    def unstack(self, x: Any) -> Sequence[Any]:
        """As `StyleOps.unstack`."""
        return ops.unstack(x, axis=1)

    def average(self, features: Features, mask: Any = None) -> Any:
        """As `StyleOps.average`."""
        return _average(features, _weights(mask, features))[:, 0, 0]

    def moments(self, features: Features, epsilon: float, mask: Any = None) -> Any:
        """As `StyleOps.moments`."""
        mean, deviation = _moments(features, epsilon, _weights(mask, features))
        return ops.concatenate([mean, deviation], axis=1)[:, :, 0]

    def adain(self, features: Features, style_code: Any, epsilon: float) -> Features:
        """As `StyleOps.adain`."""
        mean, deviation = _moments(features, epsilon)
        style_mean, style_deviation = ops.split(style_code[:, :, None], 2, axis=1)
        return (features - mean) / deviation * style_deviation + style_mean

    def blend(self, weak: Any, strong: Any, strength: Any) -> Any:
        """As `StyleOps.blend`."""
        if strength is None:
            return strong
        strength = ops.reshape(ops.cast(strength, "float32"), (-1, *[1] * (len(strong.shape) - 1)))
        return weak + strength * (strong - weak)


def repeat_for_levels(mixture: Any) -> Any:
    """Repeats a mixture (batch, styles) for each level: (batch, levels, styles)."""
    return ops.repeat(mixture[:, None], len(LEVELS), axis=1)


def logits(image: Any) -> Any:
    """Inverts the sigmoid: float32 of an image in [0, 1], which is kept 1/255 from both ends."""
    image = ops.clip(image, LEAST_LIGHT, 1 - LEAST_LIGHT)
    return ops.log(image) - ops.log(1 - image)


def mirror(x: Any, rows: int, columns: int) -> Any:
    """Pads a tensor (batch, height, width, channels) by reflection."""
    return ops.pad(x, [(0, 0), (rows, rows), (columns, columns), (0, 0)], mode="reflect")


def convolve_inner(x: Any, layer: keras.layers.Conv2D) -> Any:
    """Applies a convolution layer, without padding, to a tensor that is padded already."""
    kernel, bias = (ops.cast(each, x.dtype) for each in (layer.kernel, layer.bias))
    return layer.activation(ops.conv(x, kernel, layer.strides, "valid", "channels_last") + bias)


def _moments(features, epsilon, weights=None):
    """Mean and deviation over positions, each (batch, 1, 1, channels); `weights` average 1."""
    mean = _average(features, weights)
    return mean, ops.sqrt(_average((features - mean) ** 2, weights) + epsilon)


def _average(features, weights):
    features = features if weights is None else weights * features
    return ops.mean(features, axis=(1, 2), keepdims=True)


def _weights(mask, features):
    """Makes a mask of pixels to weights of features' positions, which average 1."""
    if mask is None:
        return None
    size = ops.shape(features)[1:3]
    weights = ops.image.resize(mask, size, antialias=True, data_format="channels_last")
    return weights / ops.maximum(ops.mean(weights, axis=(1, 2), keepdims=True), _LEAST_SHARE)
