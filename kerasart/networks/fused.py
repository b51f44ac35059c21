"""Fast inference: `FusedNetwork` runs a style network on one image at a time."""

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np

from kerasart.backbones import Backbone
from kerasart.kernels.convolution import convolve
from kerasart.kernels.precision import choose_precision
from kerasart.networks.layers import ConvBlock, NoiseInjection
from kerasart.networks.ops import KerasOps, StyleOps, logits, mirror
from kerasart.networks.style_network import StyleNetwork

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf


class FusedNetwork:
    """A `StyleNetwork` made faster, for a batch of one image; the outputs are the same.

    Args:
        network: The network; its weights are copied, so later changes have no effect.
        precision: "float32", "bfloat16" or "auto", of the convolutions.
        portable: For graphs that will be saved: kernels are variables, which several graphs in
            one file share, and only convolutions that every machine has are used.

    Attributes:
        styles: The styles' names.
        kernels: All kernels.
    """

    def __init__(self, network: StyleNetwork, precision: str = "auto", portable: bool = False):
        self.styles = network.styles
        self._network = network
        self._ops = FusedOps(choose_precision(precision), portable, network.exported_dtype)
        # The first call rearranges all kernels.
        shapes = network.input_shapes((4 * network.stride, 4 * network.stride))
        self(*map(tf.zeros, shapes.values()))
        self.kernels = self._ops.kernels

    def __call__(self, image: Any, style: Any, strength: Any = None) -> Any:
        """Same as the network's own call; can be traced with unknown height and width."""
        return self.forward(image, self.encode_style(style), strength)

    def encode_style(self, style: Any) -> Any:
        """As `StyleNetwork.encode_style`."""
        return self._network.encode_style(style, ops=self._ops)

    def forward(
        self, image: Any, style_code: Any, strength: Any = None, noise_offset: Any = None
    ) -> Any:
        """As `StyleNetwork.forward`, for a batch of one."""
        return self._network.forward(image, style_code, strength, self._ops, noise_offset)


class _Unshuffled(NamedTuple):
    """Features after space-to-depth: each 2x2 block is stacked into channels, at half size."""

    blocks: Any


class _Upsampled(NamedTuple):
    """Features whose upsampling by 2 is left to the next convolution."""

    small: Any


class FusedOps(KerasOps):
    """Computes what `KerasOps` does, for a batch of one, with fewer and larger operations.

    On a CPU the layers at full size, which have few channels, cost the most. Here no layer runs at
    full size: the inputs and outputs of 9x9 convolutions are kept in space-to-depth form, and the
    kernels are rearranged to give the same values (as in the sub-pixel convolution of Shi et al.
    2016, arXiv 1609.05158). Upsampling and the 3x3 convolution after it become one convolution of
    the small features.

    Args:
        dtype: "float32" or "bfloat16", of the convolutions.
        portable: As for `FusedNetwork`.
        stored: The dtype of stored kernels if portable; `dtype` by default.
    """

    def __init__(self, dtype: str, portable: bool = False, stored: str | None = None):
        super().__init__(dtype)
        self._portable = portable
        self._stored = (stored or dtype) if portable else dtype
        self._known = {}  # {layer: (kernel, its other weights)}, read at the first use.

    @property
    def kernels(self) -> list:
        """All kernels of the layers used so far."""
        return [kernel for kernel, _ in self._known.values() if kernel is not None]

    def to_image(self, x: Any, image: Any, adds: bool = False) -> Any:
        """As `StyleOps.to_image`, with the plain gradient of the sigmoid."""
        height, width = tf.unstack(tf.shape(image)[1:3])
        x = self.uncast(_shuffled(x))[:, :height, :width]
        return tf.sigmoid(x + logits(image) if adds else x)

    def relu(self, x: Any) -> Any:
        """As `StyleOps.relu`."""
        return _map(tf.nn.relu, x)

    def convolve(self, x: Any, layer: keras.layers.Conv2D) -> Any:
        """As `StyleOps.convolve`."""
        x, bias = self._convolve(x, layer, lambda: layer.bias.numpy())
        is_relu = layer.activation.__name__ != "linear"

        def finish(x):
            biased = x + tf.cast(tf.tile(bias, [x.shape[-1] // len(bias)]), x.dtype)
            return tf.nn.relu(biased) if is_relu else biased

        return _map(finish, x)

    def apply(self, x: Any, layer: Any) -> Any:
        """As `StyleOps.apply`, in float32."""
        if layer not in self._known:
            numbers, scale = layer.packed()
            kernel = self._store(numbers, numbers.dtype)
            self._known[layer] = kernel, (scale, tf.constant(layer.bias.numpy()))
        kernel, (scale, bias) = self._known[layer]
        kernel = tf.cast(kernel, tf.float32) * scale
        with keras.StatelessScope([(layer.kernel, kernel), (layer.bias, bias)]):
            return super().apply(x, layer)

    def conv_block(self, x: Any, block: ConvBlock, mixture: Any) -> Any:
        """As `StyleOps.conv_block`."""
        norm = block.normalise
        x, tables = self._convolve(
            x, block.convolve, lambda: (norm.gamma.numpy(), norm.beta.numpy())
        )
        gamma, beta = (tf.matmul(mixture, table)[0] for table in tables)
        if isinstance(x, _Unshuffled):
            return _Unshuffled(_normalise_phases(x.blocks, gamma, beta, norm.epsilon, 4))
        # For a batch of one, batch normalisation in training mode is instance normalisation.
        return tf.compat.v1.nn.fused_batch_norm(x, gamma, beta, epsilon=norm.epsilon)[0]

    def noise(self, x: Any, layer: NoiseInjection, mixture: Any, offset: Any = None) -> Any:
        """As `StyleOps.noise`."""
        if layer not in self._known:
            self._known[layer] = None, layer.gain.numpy()
        _, gains = self._known[layer]
        return layer.inject(x, tf.matmul(mixture, gains), offset)

    def upsample(self, x: Any) -> Any:
        """As `StyleOps.upsample`, delayed until the next convolution."""
        return _Upsampled(_shuffled(x))

    def max_pool(self, x: Any) -> Any:
        """As `StyleOps.max_pool`."""
        return tf.nn.max_pool2d(x, 2, 2, "VALID")

    def encode(self, x: Any, encoder: Backbone) -> Any:
        """As `StyleOps.encode`; the encoder's own fast convolutions are not portable."""
        kind = StyleOps if self._portable else KerasOps
        return kind.encode(self, x, encoder)

    def _convolve(self, x, layer, read_rest):
        """Pads by reflection and convolves; returns features and the cached `read_rest()`."""
        size, stride = layer.kernel_size[0], layer.strides[0]
        rearrange, is_blocks = None, False
        if isinstance(x, _Upsampled):
            x = _pad(x.small, 1, 1, "SYMMETRIC")
            rearrange, is_blocks = _enlarging, True
        elif isinstance(x, _Unshuffled) and stride == 2:
            x = _pad(x.blocks, 1, 0, "SYMMETRIC")
            rearrange, stride = _from_unshuffled, 1
        elif isinstance(x, _Unshuffled) and size > 3:
            x = _pad_unshuffled(x.blocks)
            rearrange, is_blocks = _on_unshuffled, True
        else:
            x = mirror(_shuffled(x), size // 2, size // 2)
            if size > 3:
                rearrange, stride, is_blocks = _to_unshuffled, 2, True
        if layer not in self._known:
            kernel = layer.kernel.numpy()
            self._known[layer] = (
                self._store(rearrange(kernel) if rearrange else kernel, self._stored),
                read_rest(),
            )
        kernel, rest = self._known[layer]
        kernel = tf.cast(kernel, self.dtype)
        fast = stride == 1 and not self._portable
        x = convolve(x, kernel) if fast else tf.nn.conv2d(x, kernel, stride, "VALID")
        return (_Unshuffled(x) if is_blocks else x), rest

    def _store(self, kernel, dtype):
        kernel = tf.constant(kernel, dtype)
        return tf.Variable(kernel) if self._portable else kernel


def _shuffled(x):
    return tf.nn.depth_to_space(x.blocks, 2) if isinstance(x, _Unshuffled) else x


def _map(function: Callable, x):
    return _Unshuffled(function(x.blocks)) if isinstance(x, _Unshuffled) else function(x)


def _normalise_phases(x, gamma, beta, epsilon, phases):
    """Instance normalisation of features in space-to-depth form."""
    channels = x.shape[-1] // phases
    ones, zeros = tf.ones([x.shape[-1]]), tf.zeros([x.shape[-1]])
    # Used for its statistics only: it is faster than reductions.
    _, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=x, scale=ones, offset=zeros, mean=zeros, variance=zeros, epsilon=epsilon
    )
    positions = tf.cast(tf.shape(x)[1] * tf.shape(x)[2], tf.float32)
    mean = tf.reshape(mean, [phases, channels])
    variance = tf.reshape(variance, [phases, channels]) * (positions - 1) / positions
    total = tf.reduce_mean(mean, axis=0)
    variance = tf.reduce_mean(variance + (mean - total) ** 2, axis=0)
    scale = gamma * tf.math.rsqrt(variance + epsilon)
    shift = beta - total * scale
    scale, shift = (tf.cast(tf.tile(each, [phases]), x.dtype) for each in (scale, shift))
    return x * scale + shift


def _pad(x, before, after, mode):
    return tf.pad(x, [[0, 0], [before, after], [before, after], [0, 0]], mode)


def _pad_unshuffled(x):
    """Pads unshuffled features by reflection: 4 pixels, which are 2 blocks."""
    channels = x.shape[-1] // 4
    for axis in (1, 2):
        # The first and second pixels of blocks along the axis; channels are ordered (r, s, c).
        last = tf.shape(x)[axis] - 1

        def mirror(blocks_of_first, blocks_of_second, x=x, axis=axis):
            first = tf.gather(x, blocks_of_first, axis=axis)
            second = tf.gather(x, blocks_of_second, axis=axis)
            shape = tf.concat([tf.shape(first)[:3], [2, 2, channels]], axis=0)
            pair = [tf.reshape(each, shape) for each in (first, second)]
            if axis == 1:
                mixed = tf.stack([pair[0][:, :, :, 0], pair[1][:, :, :, 1]], axis=3)
            else:
                mixed = tf.stack([pair[0][:, :, :, :, 0], pair[1][:, :, :, :, 1]], axis=4)
            return tf.reshape(mixed, tf.shape(first))

        before = mirror([2, 1], [1, 0])
        after = mirror(last - tf.constant([0, 1]), last - tf.constant([1, 2]))
        x = tf.concat([before, x, after], axis=axis)
    return x


def _to_unshuffled(kernel):
    """Turns a kernel of stride 1 into one of stride 2 with unshuffled outputs."""
    size, _, inputs, outputs = kernel.shape
    new = np.zeros((size + 1, size + 1, inputs, 2, 2, outputs), kernel.dtype)
    for a in range(2):
        for b in range(2):
            new[a : a + size, b : b + size, :, a, b] = kernel
    return new.reshape(size + 1, size + 1, inputs, 4 * outputs)


def _from_unshuffled(kernel):
    """Turns a 3x3 kernel of stride 2 into one of unshuffled inputs, padded by a block before."""
    _, _, inputs, outputs = kernel.shape
    new = np.zeros((2, 2, 2, 2, inputs, outputs), kernel.dtype)
    for u in range(3):
        for v in range(3):
            # Row u of the kernel is u - 1 pixels from the first row of the block.
            new[(u + 1) // 2, (v + 1) // 2, (u + 1) % 2, (v + 1) % 2] = kernel[u, v]
    return new.reshape(2, 2, 4 * inputs, outputs)


def _on_unshuffled(kernel):
    """Turns a kernel of stride 1 into one of unshuffled inputs and outputs."""
    size, _, inputs, outputs = kernel.shape
    blocks = size // 2 + 1
    wide = _to_unshuffled(kernel).reshape(blocks, 2, blocks, 2, inputs, 4 * outputs)
    return wide.transpose(0, 2, 1, 3, 4, 5).reshape(blocks, blocks, 4 * inputs, 4 * outputs)


def _enlarging(kernel):
    """Merges upsampling by 2 into a 3x3 kernel; the outputs are unshuffled."""
    _, _, inputs, outputs = kernel.shape
    new = np.zeros((3, 3, inputs, 2, 2, outputs), kernel.dtype)
    for a in range(2):
        for b in range(2):
            for u in range(3):
                for v in range(3):
                    # The block of the pixel u - 1 rows away from row a of a block.
                    new[(a + u + 1) // 2, (b + v + 1) // 2, :, a, b] += kernel[u, v]
    return new.reshape(3, 3, inputs, 4 * outputs)
