"""Layers of StyleGAN2: equalised dense layers, modulated convolutions, the [1, 3, 3, 1] filter.

They use only `keras.ops`, so they also run on Keras's JAX backend. Weights are drawn with a
standard deviation of 1, and scaled where they are used: the equalised learning rate of Karras et
al. 2017, "Progressive Growing of GANs" (arXiv 1710.10196, section 4.1).
"""

import math
from typing import Any

import keras
import numpy as np
from keras import ops

Shape = tuple[Any, ...]

SLOPE = 0.2  # Of the leaky ReLU where it is negative.
_EPSILON = 1e-8
_TAPS = np.array([1, 3, 3, 1], np.float32)
FILTER = np.outer(_TAPS, _TAPS) / _TAPS.sum() ** 2
_SAMPLES = 4  # Enlarging leaves but one pixel of four its value: the filter makes up for it.


def leaky_relu(x: Any) -> Any:
    """Applies a leaky ReLU of slope 0.2, times √2, which keeps the deviation near that of `x`."""
    return ops.leaky_relu(x, SLOPE) * math.sqrt(2)


def normalise(z: Any) -> Any:
    """Divides each row of (batch, channels) by its root mean square ("pixel norm")."""
    return z * ops.rsqrt(ops.mean(z**2, axis=-1, keepdims=True) + _EPSILON)


def upsample(image: Any) -> Any:
    """Doubles an image (batch, height, width, channels) by the filter [1, 3, 3, 1]."""
    kernel = _SAMPLES * FILTER[:, :, None, None] * np.eye(image.shape[-1])
    kernel = ops.cast(kernel, image.dtype)
    return ops.conv_transpose(image, kernel, 2, "same", data_format="channels_last")


class EqualisedDense(keras.layers.Layer):
    """A dense layer with an equalised learning rate, computed in float32.

    Args:
        units: The number of outputs.
        bias: What the bias is at first.
        rate: The learning rate relative to that of other layers.
    """

    def __init__(self, units: int, bias: float = 0.0, rate: float = 1.0, **kwargs: Any):
        super().__init__(autocast=False, **kwargs)
        self._config = {"units": units, "bias": bias, "rate": rate}

    def build(self, shape: Shape) -> None:
        """Makes the kernel, (inputs, units), and the bias."""
        units, bias, rate = self._config.values()
        self._gain = rate / math.sqrt(shape[-1])
        kernel = keras.initializers.RandomNormal(stddev=1 / rate)
        self.kernel = self.add_weight(shape=(shape[-1], units), initializer=kernel, name="kernel")
        start = keras.initializers.Constant(bias / rate)
        self.bias = self.add_weight(shape=(units,), initializer=start, name="bias")
        self.built = True

    def call(self, x: Any) -> Any:
        """Computes float32 (batch, units) of (batch, inputs)."""
        x, kernel, bias = (ops.cast(each, "float32") for each in (x, self.kernel, self.bias))
        return ops.matmul(x, kernel * self._gain) + bias * self._config["rate"]

    def compute_output_shape(self, shape: Shape) -> Shape:
        """The shape of the outputs."""
        return (*shape[:-1], self._config["units"])

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {**super().get_config(), **self._config}


class ModulatedConv2D(keras.layers.Layer):
    """A convolution whose kernel is scaled by a style, and demodulated.

    With a style `s_i` for each channel that goes in, the kernel is `w'_ijk = s_i w_ijk`, divided by
    `sqrt(sum_ik w'_ijk² + 1e-8)`, so that what comes out has a standard deviation of 1 if what goes
    in has, and zero padding. To scale what goes in by `s_i`, and what comes out by that divisor, is
    the same: one convolution serves all images of a batch.

    Source: Karras et al. 2019, "Analyzing and Improving the Image Quality of StyleGAN" (arXiv
    1912.04958, equations 1 to 3, and appendix B for the filter).

    Args:
        filters: The number of output channels.
        kernel_size: Side of the kernel, odd.
        up: Whether the image is doubled: a transposed convolution, then the filter [1, 3, 3, 1].
        demodulate: Whether the kernel is demodulated.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int = 3,
        up: bool = False,
        demodulate: bool = True,
        **kwargs: Any,
    ):
        super().__init__(autocast=False, **kwargs)  # Styles need all their digits.
        self._config = {
            "filters": filters,
            "kernel_size": kernel_size,
            "up": up,
            "demodulate": demodulate,
        }

    def build(self, features_shape: Shape, w_shape: Shape) -> None:
        """Makes the kernel, (rows, columns, in, out), and the affine map of w to the style."""
        channels, side = features_shape[-1], self._config["kernel_size"]
        self.kernel = self.add_weight(
            shape=(side, side, channels, self._config["filters"]),
            initializer=keras.initializers.RandomNormal(stddev=1.0),
            name="kernel",
        )
        self._gain = 1 / math.sqrt(side * side * channels)
        self.affine = EqualisedDense(channels, bias=1.0, dtype=self.dtype_policy, name="affine")
        self.affine.build(w_shape)
        self.built = True

    def call(self, features: Any, w: Any) -> Any:
        """Convolves.

        Args:
            features: (batch, height, width, channels).
            w: float32 (batch, w_dim).

        Returns:
            (batch, height, width, filters) in the layer's compute dtype, with `up` of twice the
            height and width.
        """
        style, kernel = self.affine(w), ops.cast(self.kernel, "float32") * self._gain
        x = self._cast(features) * self._cast(style[:, None, None])
        x = self._convolve(x, self._cast(kernel))
        if not self._config["demodulate"]:
            return x
        squares = ops.matmul(style**2, ops.sum(kernel**2, axis=(0, 1)))
        return x * self._cast(ops.rsqrt(squares + _EPSILON)[:, None, None])

    def _cast(self, x):
        return ops.cast(x, self.compute_dtype)

    def _convolve(self, x, kernel):
        if not self._config["up"]:
            return ops.conv(x, kernel, 1, "same", "channels_last")
        kernel = ops.transpose(kernel, (0, 1, 3, 2))
        x = ops.conv_transpose(x, kernel, 2, "valid", data_format="channels_last")
        x = ops.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])
        every = np.tile(_SAMPLES * FILTER[:, :, None, None], (1, 1, x.shape[-1], 1))
        return ops.depthwise_conv(x, self._cast(every), 1, "valid", "channels_last")

    def compute_output_shape(self, features_shape: Shape, w_shape: Shape) -> Shape:
        """The shape of what comes out."""
        factor = 2 if self._config["up"] else 1
        sides = (None if side is None else factor * side for side in features_shape[1:3])
        return (features_shape[0], *sides, self._config["filters"])

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {**super().get_config(), **self._config}


class StyledConv(keras.layers.Layer):
    """A modulated convolution, then noise, a bias and a leaky ReLU.

    Args:
        filters: The number of output channels.
        size: Side of what comes out.
        up: Whether that is twice the side of what goes in.
        clamp: The largest magnitude of what comes out; None is no limit.

    Attributes:
        convolve: The `ModulatedConv2D`.
        noise: The fixed noise, (size, size).
        strength: The factor of the noise.
        bias: (filters,).
    """

    def __init__(
        self, filters: int, size: int, up: bool = False, clamp: float | None = None, **kwargs: Any
    ):
        super().__init__(autocast=False, **kwargs)
        self._config = {"filters": filters, "size": size, "up": up, "clamp": clamp}
        self.convolve = ModulatedConv2D(filters, up=up, dtype=self.dtype_policy)

    def build(self, features_shape: Shape, w_shape: Shape) -> None:
        """Makes the weights."""
        filters, size, *_ = self._config.values()
        self.convolve.build(features_shape, w_shape)
        normal = keras.initializers.RandomNormal(stddev=1.0)
        self.noise = self.add_weight(
            shape=(size, size), initializer=normal, trainable=False, name="noise"
        )
        self.strength = self.add_weight(shape=(), initializer="zeros", name="strength")
        self.bias = self.add_weight(shape=(filters,), initializer="zeros", name="bias")
        self.built = True

    def call(self, features: Any, w: Any, noise: Any = None) -> Any:
        """Applies all of it.

        Args:
            features: (batch, height, width, channels).
            w: float32 (batch, w_size).
            noise: (batch, size, size), of mean 0 and deviation 1; None is the fixed one.

        Returns:
            (batch, size, size, filters).
        """
        x = self.convolve(features, w)
        noise = ops.cast(self.noise if noise is None else noise, "float32")
        noise = noise * ops.cast(self.strength, "float32")
        x = x + ops.cast(noise[..., None], x.dtype) + ops.cast(self.bias, x.dtype)
        return _clamp(leaky_relu(x), self._config["clamp"])

    def compute_output_shape(
        self, features_shape: Shape, w_shape: Shape, noise_shape: Shape | None = None
    ) -> Shape:
        """The shape of what comes out."""
        return self.convolve.compute_output_shape(features_shape, w_shape)

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {**super().get_config(), **self._config}


class ToRGB(keras.layers.Layer):
    """A modulated 1x1 convolution to red, green and blue, without demodulation, and a bias.

    Args:
        clamp: The largest magnitude of what comes out; None is no limit.

    Attributes:
        convolve: The `ModulatedConv2D`.
        bias: (3,).
    """

    def __init__(self, clamp: float | None = None, **kwargs: Any):
        super().__init__(autocast=False, **kwargs)
        self.clamp = clamp
        self.convolve = ModulatedConv2D(3, 1, demodulate=False, dtype=self.dtype_policy)

    def build(self, features_shape: Shape, w_shape: Shape) -> None:
        """Makes the weights."""
        self.convolve.build(features_shape, w_shape)
        self.bias = self.add_weight(shape=(3,), initializer="zeros", name="bias")
        self.built = True

    def call(self, features: Any, w: Any) -> Any:
        """Computes float32 (batch, height, width, 3)."""
        rgb = ops.cast(self.convolve(features, w), "float32")
        return _clamp(rgb + ops.cast(self.bias, "float32"), self.clamp)

    def compute_output_shape(self, features_shape: Shape, w_shape: Shape) -> Shape:
        """The shape of what comes out."""
        return self.convolve.compute_output_shape(features_shape, w_shape)

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {**super().get_config(), "clamp": self.clamp}


def _clamp(x, most):
    return x if most is None or math.isinf(most) else ops.clip(x, -most, most)
