"""`StyleEncoder`, a small network that makes a style code of a painting."""

from typing import Any

import keras
import numpy as np

from kerasart.networks.ops import StyleOps

# MobileNetV2's blocks: expansion, channels, how many in a row, and the stride of the first.
_BLOCKS = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
_FIRST, _LAST = 32, 1280
_MOST = 127  # Of the whole numbers that a kernel of 8 bits has.


class _EightBits:
    """A convolution whose kernel is saved in 8 bits and a scale for each channel, if it fits."""

    kernel: Any
    bias: Any
    summed_axes: tuple[int, ...]  # Of the kernel: all but that of the channels that go out.

    def packed(self) -> tuple[np.ndarray, np.ndarray]:
        """Splits the kernel: whole numbers, int8, and a scale for each channel.

        Returns:
            Both; if the kernel has other values, itself and ones. Their product is the kernel.
        """
        kernel = keras.ops.convert_to_numpy(self.kernel)
        largest = np.abs(kernel).max(self.summed_axes, keepdims=True)
        scale = np.where(largest > 0, largest.astype(np.float64) / _MOST, 1).astype(np.float32)
        numbers = np.rint(kernel / scale)
        rounding = 2 * np.finfo(kernel.dtype).eps
        if np.allclose(numbers * scale, kernel, rtol=rounding, atol=0):
            return numbers.astype(np.int8), scale
        return kernel, np.ones_like(scale)

    def save_own_variables(self, store: Any) -> None:
        """Saves the kernel, in 8 bits where that loses nothing, and the bias."""
        store["kernel"], store["scale"] = self.packed()
        store["bias"] = keras.ops.convert_to_numpy(self.bias)

    def load_own_variables(self, store: Any) -> None:
        """Loads what `save_own_variables` saved."""
        kernel = np.asarray(store["kernel"], np.float32) * np.asarray(store["scale"])
        self.kernel.assign(kernel)
        self.bias.assign(store["bias"])


class EncoderConv2D(_EightBits, keras.layers.Conv2D):
    summed_axes = (0, 1, 2)


class EncoderDepthwiseConv2D(_EightBits, keras.layers.DepthwiseConv2D):
    summed_axes = (0, 1, 3)


class InvertedResidual(keras.layers.Layer):
    """MobileNetV2's block: more channels, a convolution of each alone, and fewer channels again."""

    def __init__(self, filters: int, channels: int, strides: int, is_residual: bool, **kwargs: Any):
        super().__init__(**kwargs)
        self.is_residual = is_residual
        same = _same(self.dtype_policy)
        # The first block has as many channels as come in.
        self.expand = None if channels == _FIRST else EncoderConv2D(channels, 1, **same)
        self.depthwise = EncoderDepthwiseConv2D(3, strides, **same)
        self.project = EncoderConv2D(filters, 1, **same | {"activation": None})

    @property
    def convolutions(self) -> list[keras.layers.Layer]:
        """All of them, in their order."""
        return [each for each in (self.expand, self.depthwise, self.project) if each]

    def encode(self, x: Any, ops: StyleOps) -> Any:
        """Applies the block by the operations of a `StyleOps`."""
        y = x
        for layer in self.convolutions:
            y = ops.apply(y, layer)
        return ops.add(x, y) if self.is_residual else y


class StyleEncoder(keras.layers.Layer):
    """MobileNetV2 without its classifier; its last convolution makes a style code at each position.

    Source: Sandler et al. 2018, "MobileNetV2: Inverted Residuals and Linear Bottlenecks" (arXiv
    1801.04381). Its batch normalisations are part of the convolutions, as in inference. It computes
    in float32 always: a code is small work, and all of a painting hangs on it.

    Args:
        code_size: The length of a style code.

    Attributes:
        convolutions: All of them, in their order.
    """

    def __init__(self, code_size: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.code_size = code_size
        policy = self.variable_dtype
        same = _same(policy)
        self.first = EncoderConv2D(_FIRST, 3, 2, **same)
        self.blocks, entering = [], _FIRST
        for expansion, filters, count, strides in _BLOCKS:
            for number in range(count):
                block = filters, expansion * entering, 1 if number else strides, number > 0
                self.blocks.append(InvertedResidual(*block, dtype=policy))
                entering = filters
        self.last = EncoderConv2D(_LAST, 1, **same)
        self.to_code = EncoderConv2D(code_size, 1, **same | {"activation": None})

    @property
    def convolutions(self) -> list[keras.layers.Layer]:
        """All of them, in their order."""
        blocks = (layer for block in self.blocks for layer in block.convolutions)
        return [self.first, *blocks, self.last, self.to_code]

    def build(self, input_shape: Any = None) -> None:
        """Creates all weights; none depends on the size of pictures."""
        shape = (None, None, None, 3)
        for layer in self.convolutions:
            layer.build(shape)
            shape = layer.compute_output_shape(shape)

    def encode(self, picture: Any, ops: StyleOps, mask: Any = None) -> Any:
        """Computes the codes of pictures.

        Args:
            picture: float32 RGB (batch, height, width, 3) in [0, 1].
            ops: The operations.
            mask: float32 (batch, height, width, 1) in [0, 1]: the weight of each pixel.

        Returns:
            float32 (batch, code_size): the mean over all positions.
        """
        x = ops.apply(ops.read(picture, 1), self.first)
        for block in self.blocks:
            x = block.encode(x, ops)
        return ops.average(ops.apply(ops.apply(x, self.last), self.to_code), mask)

    @staticmethod
    def count_weights(code_size: int) -> int:
        """Counts the weights of an encoder, without making it."""
        total, entering = 28 * _FIRST, _FIRST
        for expansion, filters, count, _ in _BLOCKS:
            for _ in range(count):
                channels = expansion * entering
                expanding = (entering + 1) * channels if expansion > 1 else 0
                total += expanding + 10 * channels + (channels + 1) * filters
                entering = filters
        return total + (entering + 1) * _LAST + (_LAST + 1) * code_size

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {**super().get_config(), "code_size": self.code_size}


def _same(policy):
    return {"activation": "relu6", "padding": "same", "data_format": "channels_last"} | {
        "dtype": policy
    }
