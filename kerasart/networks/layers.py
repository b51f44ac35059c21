"""Layers of style networks: padding, normalisation, noise, and a sigmoid.

They use only `keras.ops`, so they also run on Keras's JAX backend, and accept images of any height
and width.
"""

from typing import Any

import keras
import numpy as np
from keras import ops

from kerasart.kernels.custom_gradient import custom_gradient

Shape = tuple[int | None, ...]

_SLIGHT = keras.initializers.Constant(0.1)


class ReflectionPadding2D(keras.layers.Layer):
    """Pads images by reflection, so that the network sees no border of zeros.

    Args:
        padding: ((top, bottom), (left, right)) in pixels, each less than the image's side.
    """

    def __init__(self, padding: tuple[tuple[int, int], tuple[int, int]], **kwargs: Any):
        super().__init__(**kwargs)
        self.padding = tuple(tuple(pair) for pair in padding)

    def call(self, features: Any) -> Any:
        """Pads (batch, height, width, channels)."""
        return ops.pad(features, [(0, 0), *self.padding, (0, 0)], mode="reflect")

    def compute_output_shape(self, shape: Shape) -> Shape:
        """The shape after padding."""
        height, width = (
            None if side is None else side + sum(pair)
            for side, pair in zip(shape[1:3], self.padding, strict=True)
        )
        return (shape[0], height, width, shape[3])

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {**super().get_config(), "padding": self.padding}


class ConditionalInstanceNormalization(keras.layers.Layer):
    """Instance normalisation whose scale and shift are mixed from those of several styles.

    `y = gamma (x - mean) / deviation + beta`, with mean and deviation over the positions of each
    image and channel; gamma and beta are weighted sums of those of the styles.

    Source: Ulyanov et al. 2016, "Instance Normalization" (arXiv 1607.08022); Dumoulin et al. 2017,
    "A Learned Representation for Artistic Style" (arXiv 1610.07629, equation 5).

    Args:
        styles: The number of styles.
        epsilon: Added to the variance.
    """

    def __init__(self, styles: int, epsilon: float = 1e-5, **kwargs: Any):
        super().__init__(**kwargs)
        self.styles = styles
        self.epsilon = epsilon

    def build(self, features_shape: Shape, mixture_shape: Shape | None = None) -> None:
        """Makes a gamma and a beta for each style and channel."""
        shape = (self.styles, features_shape[-1])
        self.gamma = self.add_weight(shape=shape, initializer="ones", name="gamma")
        self.beta = self.add_weight(shape=shape, initializer="zeros", name="beta")

    def call(self, features: Any, mixture: Any) -> Any:
        """Normalises.

        Args:
            features: (batch, height, width, channels).
            mixture: (batch, styles): the weight of each style; each row adds up to 1.

        Returns:
            A tensor of the shape and type of `features`.
        """
        # In float32: a mean of many bfloat16 numbers has too few digits.
        exact = ops.cast(features, "float32")
        mean = ops.mean(exact, axis=(1, 2), keepdims=True)
        square = ops.mean(exact**2, axis=(1, 2), keepdims=True)
        scale, shift = self.scale_and_shift(mean, square, mixture)
        return features * ops.cast(scale, features.dtype) + ops.cast(shift, features.dtype)

    def scale_and_shift(self, mean: Any, square: Any, mixture: Any) -> tuple[Any, Any]:
        """Computes normalisation and affine transform as one scale and one shift.

        Args:
            mean: float32 (batch, 1, 1, channels): the mean of the features.
            square: float32 of that shape: the mean of their squares.
            mixture: As for `call`.

        Returns:
            The factor and the summand of the features, each of the shape of `mean`.
        """
        variance = ops.maximum(square - mean**2, 0.0)
        gamma, beta = (
            ops.matmul(ops.cast(mixture, "float32"), ops.cast(table, "float32"))[:, None, None]
            for table in (self.gamma, self.beta)
        )
        scale = gamma * ops.rsqrt(variance + self.epsilon)
        return scale, beta - mean * scale

    def compute_output_shape(
        self, features_shape: Shape, mixture_shape: Shape | None = None
    ) -> Shape:
        """The shape of the features."""
        return features_shape

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {**super().get_config(), "styles": self.styles, "epsilon": self.epsilon}


class NoiseInjection(keras.layers.Layer):
    """Adds fixed noise to features, scaled by style and channel.

    In flat regions of a photo a convolutional network sees the same everywhere, and so can only
    paint a flat region. The noise gives it something to start strokes from. It is the same for
    every image, and repeats every 127 rows and 131 columns.

    Source: noise as an input, Ulyanov et al. 2016, "Texture Networks" (arXiv 1603.03417); noise
    added to features, StyleGAN (Karras et al. 2018, arXiv 1812.04948, section 2).

    Args:
        styles: The number of styles.
    """

    _SIZE = 127, 131  # Primes, so that rows and columns do not repeat together.
    _FIELDS = 4  # Distinct patterns, assigned to the channels in turn.

    def __init__(self, styles: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.styles = styles

    def build(self, features_shape: Shape, mixture_shape: Shape | None = None) -> None:
        """Makes a gain for each style and channel."""
        shape = (self.styles, features_shape[-1])
        self.gain = self.add_weight(shape=shape, initializer=_SLIGHT, name="gain")
        self.built = True

    @property
    def pattern(self) -> np.ndarray:
        """The noise: int8 (127, 131, 4), each value -1 or 1."""
        return np.random.default_rng(0).choice(
            np.array([-1, 1], np.int8), (*self._SIZE, self._FIELDS)
        )

    def spread(self, pattern: Any) -> Any:
        """Assigns the pattern's fields to the channels in turn: (height, width, channels)."""
        channels = self.gain.shape[-1]
        return ops.tile(pattern, (1, 1, -(-channels // self._FIELDS)))[..., :channels]

    def call(self, features: Any, mixture: Any, offset: Any = None) -> Any:
        """Adds noise to (batch, height, width, channels); `mixture` is (batch, styles)."""
        gain = ops.matmul(ops.cast(mixture, "float32"), ops.cast(self.gain, "float32"))
        return self.inject(features, gain, offset)

    def inject(self, features: Any, gain: Any, offset: Any = None) -> Any:
        """Adds noise to features.

        Args:
            features: (batch, height, width, channels).
            gain: The factor of the noise, (batch, channels).
            offset: int32 (2,): the row and the column of the noise at the first position; None is
                (0, 0). In a film it moves with the scene, so that the noise does.

        Returns:
            A tensor of the shape of `features`.
        """
        rows, columns = map(ops.arange, ops.shape(features)[1:3])
        if offset is not None:
            rows, columns = rows + offset[0], columns + offset[1]
        noise = ops.take(self.pattern, rows % self._SIZE[0], axis=0)
        noise = ops.take(noise, columns % self._SIZE[1], axis=1)
        noise = ops.cast(self.spread(noise), "float32")
        return features + ops.cast(gain[:, None, None] * noise, features.dtype)

    def compute_output_shape(
        self, features_shape: Shape, mixture_shape: Shape | None = None
    ) -> Shape:
        """The shape of the features."""
        return features_shape

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {**super().get_config(), "styles": self.styles}


class ConvBlock(keras.layers.Layer):
    """Reflection padding, convolution and normalisation: the block of a transformer net.

    Args:
        filters: The number of output channels.
        kernel_size: Side of the kernel, odd.
        styles: The number of styles of the normalisation.
        strides: The strides.

    Attributes:
        convolve: The convolution, without a bias, which the normalisation would cancel.
        normalise: The normalisation.
    """

    def __init__(
        self, filters: int, kernel_size: int, styles: int, strides: int = 1, **kwargs: Any
    ):
        super().__init__(**kwargs)
        margin = kernel_size // 2
        dtype = self.dtype_policy
        self._config = {
            "filters": filters,
            "kernel_size": kernel_size,
            "styles": styles,
            "strides": strides,
        }
        self._pad = ReflectionPadding2D(((margin, margin), (margin, margin)), dtype=dtype)
        self.convolve = keras.layers.Conv2D(
            filters,
            kernel_size,
            strides,
            use_bias=False,
            data_format="channels_last",
            dtype=dtype,
        )
        self.normalise = ConditionalInstanceNormalization(styles, dtype=dtype)

    def build(self, features_shape: Shape, mixture_shape: Shape | None = None) -> None:
        """Creates the weights of both layers."""
        self.convolve.build(features_shape)
        self.normalise.build((*features_shape[:-1], self.convolve.filters))

    def call(self, features: Any, mixture: Any) -> Any:
        """Applies the block to (batch, height, width, channels); `mixture` is (batch, styles)."""
        return self.normalise(self.convolve(self._pad(features)), mixture)

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {**super().get_config(), **self._config}


# Keras names weights of layers in a list by their class; files use this earlier name.
ConvBlock.__name__ = "Stage"


class BoundedSigmoid(keras.layers.Layer):
    """Sigmoid whose gradient has a floor, so that saturated pixels keep learning.

    Where a pixel is almost 0 or 1 the slope of a sigmoid vanishes, so a network that once painted
    large areas black could hardly learn to do otherwise. Here a gradient that moves a pixel back
    towards 0.5 is multiplied by a slope of at least 0.05 (a sigmoid's is at most 0.25).
    """

    _LEAST_SLOPE = 0.05

    def call(self, features: Any) -> Any:
        """Applies the sigmoid to features of any shape; returns float32 of that shape."""

        @custom_gradient
        def sigmoid(x):
            y = ops.sigmoid(x)

            def gradient(upstream):
                slope = y * (1 - y)
                leads_back = (y - 0.5) * upstream > 0
                return upstream * ops.where(
                    leads_back, ops.maximum(slope, self._LEAST_SLOPE), slope
                )

            return y, gradient

        return sigmoid(ops.cast(features, "float32"))

    def compute_output_shape(self, features_shape: Shape) -> Shape:
        """The shape of the features."""
        return features_shape
