"""Inference in strips: for images too large for the memory, with the same result.

Instance normalisation needs the mean of the whole image. So the statistics of each layer are summed
over all strips before the next layer starts. Features at full size do not fit into memory, so a
strip computes those of earlier layers again; features at a quarter of the size are kept.
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from kerasart.backbones import Backbone
from kerasart.networks.layers import ConvBlock, NoiseInjection
from kerasart.networks.ops import KerasOps, convolve_inner, mirror
from kerasart.networks.style_network import StyleNetwork

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf


def paint_in_strips(
    network: StyleNetwork,
    image: np.ndarray,
    style_code: Any,
    strength: Any = None,
    rows: int = 512,
    noise_offset: Any = None,
) -> np.ndarray:
    """Paints an image in strips of its rows.

    Args:
        network: The network.
        image: float32 RGB (1, height, width, 3) in [0, 1].
        style_code: As of `network.encode_style`.
        strength: (1,) in [0, 1], or None for 1.
        rows: Height of a strip in pixels, rounded up to a multiple of the network's stride.
        noise_offset: As in `StyleNetwork.forward`.

    Returns:
        A float32 array of the shape of `image`: the network's own output, up to rounding.
    """
    ops = StripOps(network.compute_dtype, rows)
    return np.asarray(network.forward(image, style_code, strength, ops, noise_offset))


class StripOps(KerasOps):
    """Computes what `KerasOps` does, strip by strip.

    Features are tensors where all of them fit into memory, and `_Rows`, which are computed when
    read, where not. An operation that needs a whole tensor concatenates the strips.

    Args:
        dtype: Of the convolutions, "float32" or "bfloat16".
        rows: Height of a strip in pixels.
    """

    def __init__(self, dtype: str, rows: int):
        super().__init__(dtype)
        self._rows = rows
        self._count = 1

    def read(self, image: np.ndarray, multiple: int) -> Any:
        """As `StyleOps.read`; sets the number of strips."""
        image = np.asarray(super().read(image, multiple))
        strip = -(-self._rows // multiple) * multiple
        self._count = -(-image.shape[1] // strip)
        return _Given(image, self._count)

    def to_image(self, x: Any, image: np.ndarray, adds: bool = False) -> np.ndarray:
        """As `StyleOps.to_image`, strip by strip."""
        painted = np.empty_like(image)
        for start, stop in x.strips():
            here = image[:, start:stop]  # Shorter than the strip where the image was padded.
            painted[:, start:stop] = super().to_image(x.read(start, stop), here, adds)
        return painted

    def cast(self, x: Any) -> Any:
        """As `StyleOps.cast`."""
        return _map(super().cast, x)

    def add(self, x: Any, y: Any) -> Any:
        """As `StyleOps.add`."""
        return _map(lambda rows: rows + y, x)

    def relu(self, x: Any) -> Any:
        """As `StyleOps.relu`."""
        return _map(super().relu, x)

    def convolve(self, x: Any, layer: keras.layers.Conv2D) -> Any:
        """As `StyleOps.convolve`."""
        if not isinstance(x, _Rows):
            return super().convolve(x, layer)
        return _Convolved(x, layer, lambda rows: convolve_inner(rows, layer))

    def conv_block(self, x: Any, block: ConvBlock, mixture: Any) -> Any:
        """As `StyleOps.conv_block`."""
        if not isinstance(x, _Rows):
            return super().conv_block(x, block, mixture)
        x = _Convolved(x, block.convolve, block.convolve)
        mean, square = x.mean_and_square()
        scale, shift = block.normalise.scale_and_shift(mean, square, mixture)
        return _map(lambda rows: rows * tf.cast(scale, rows.dtype) + tf.cast(shift, rows.dtype), x)

    def keep(self, x: Any) -> Any:
        """As `StyleOps.keep`: computes all rows."""
        return tf.concat([x.read(*strip) for strip in x.strips()], axis=1)

    def noise(self, x: Any, layer: NoiseInjection, mixture: Any, offset: Any = None) -> Any:
        """As `StyleOps.noise`, of all rows."""
        return super().noise(self.keep(x), layer, mixture, offset)

    def upsample(self, x: Any) -> Any:
        """As `StyleOps.upsample`, computed when read."""
        return _Enlarged(x if isinstance(x, _Rows) else _Given(x, self._count), super().upsample)

    def encode(self, x: Any, encoder: Backbone) -> Any:
        """As `StyleOps.encode`, of all rows: each strip is read with its receptive field."""
        stride = encoder.strides[encoder.layers[0]]
        halo = -(-encoder.reach // stride)
        height = x.height // stride
        parts = []
        for start, stop in _split(height, x.count):
            first, last = max(0, start - halo), min(height, stop + halo)
            part = super().encode(x.read(first * stride, last * stride), encoder)
            parts.append(part[:, start - first : stop - first])
        return tf.concat(parts, axis=1)


class _Rows:
    """Features whose rows are computed when read, in `count` strips."""

    def __init__(self, height: int, count: int):
        self.height = height
        self.count = count

    def strips(self):
        """The strips, as pairs (start, stop) of rows."""
        return _split(self.height, self.count)

    def read(self, start, stop):
        """The rows from `start` to before `stop`."""
        raise NotImplementedError


class _Given(_Rows):
    """Features that are held in memory."""

    def __init__(self, features, count):
        super().__init__(features.shape[1], count)
        self._features = features

    def read(self, start, stop):
        return self._features[:, start:stop]


class _Mapped(_Rows):
    """A function of each position of other rows."""

    def __init__(self, function, source):
        super().__init__(source.height, source.count)
        self._function = function
        self._source = source

    def read(self, start, stop):
        return self._function(self._source.read(start, stop))


class _Enlarged(_Rows):
    """Other rows, upsampled by 2."""

    def __init__(self, source, upsample):
        super().__init__(2 * source.height, source.count)
        self._source = source
        self._upsample = upsample

    def read(self, start, stop):
        large = self._upsample(self._source.read(start // 2, (stop + 1) // 2))
        return large[:, start % 2 : start % 2 + stop - start]


class _Convolved(_Rows):
    """Other rows, padded by reflection and convolved with the kernel of a layer."""

    def __init__(self, source, layer, convolve):
        self._margin = layer.kernel_size[0] // 2
        self._stride = layer.strides[0]
        super().__init__(source.height // self._stride, source.count)
        self._source = source
        self._convolve = convolve

    def read(self, start, stop):
        margin, stride = self._margin, self._stride
        rows = _mirrored(self._source, start * stride - margin, (stop - 1) * stride + margin + 1)
        return self._convolve(mirror(rows, 0, margin))

    def mean_and_square(self):
        """Means over all positions of the features and of their squares."""
        sums, positions = 0.0, 0
        for strip in self.strips():
            features = tf.cast(self.read(*strip), tf.float32)
            both = tf.stack([features, features**2])
            sums = sums + tf.cast(tf.reduce_sum(both, [2, 3], keepdims=True), tf.float64)
            positions += features.shape[1] * features.shape[2]
        return tf.unstack(tf.cast(sums / positions, tf.float32))


def _map(function: Callable, x):
    return _Mapped(function, x) if isinstance(x, _Rows) else function(x)


def _split(height, count):
    """Splits rows into strips of equal height; the last may be shorter."""
    step = -(-height // count)
    return [(start, min(start + step, height)) for start in range(0, height, step)]


def _mirrored(source, start, stop):
    """Reads rows, reflected where they lie outside the image."""
    last = source.height - 1
    wanted = np.abs(np.arange(start, stop))
    wanted = np.where(wanted > last, 2 * last - wanted, wanted)
    first = wanted.min()
    rows = source.read(first, wanted.max() + 1)
    return rows if 0 <= start and stop <= last + 1 else tf.gather(rows, wanted - first, axis=1)
