"""Pictures too large for the memory, painted band by band, exactly as if whole.

A normalisation looks at the whole picture. So the statistics of each layer are summed over all
bands before the next layer is begun; what a band needs of the layers before is computed anew, since
at full size it is they that do not fit into memory. At a quarter of the size they do.
"""

import numpy as np

from kerasart.networks.transformer_net import keep, pairs


def paint_in_strips(network, image, style_weights, strength=None, rows=512):
    """Paints a picture with a `TransformerNet` in bands of its rows.

    Args:
        network: The `TransformerNet`.
        image: float32 RGB (1, height, width, 3) in [0, 1].
        style_weights: (1, styles), adding up to 1.
        strength: (1,) in [0, 1], or None for 1.
        rows: Height of a band in pixels; it is rounded up to a multiple of 4.

    Returns:
        A float32 array of the shape of `image`: what the network itself gives, but for rounding.
    """
    import tensorflow as tf

    quarter = -(-rows // 4)
    height, width = image.shape[1:3]
    mixture = network.mix(style_weights, strength)
    margins = [(0, 0), (0, -height % 4), (0, -width % 4), (0, 0)]
    source = _Picture(np.pad(image, margins, "reflect") - np.float32(0.5))
    for stage, band in zip(network.down, (4 * quarter, 2 * quarter, quarter), strict=True):
        source = _Layer(source, stage, mixture, band)
    x = tf.concat([source.read(*band) for band in source.bands()], axis=1)
    x = network.canvas(x, mixture)
    for first, second in pairs(network.residual):
        x = x + second(tf.nn.relu(first(x, mixture)), mixture)
    source = _Picture(x)
    for stage, band in zip(network.up, (2 * quarter, 4 * quarter), strict=True):
        source = _Layer(_Enlarged(source), stage, mixture, band)
    painted = np.empty_like(image)
    for start, stop in source.bands():
        band = _mirrored(source, start - 4, stop + 4)
        band = network.to_rgb(tf.pad(band, [[0, 0], [0, 0], [4, 4], [0, 0]], "REFLECT"))
        # Sizes that are no multiple of 4 were padded.
        band = tf.sigmoid(tf.cast(band, tf.float32))[:, : height - start, :width]
        painted[:, start:stop] = band
    return painted if strength is None else np.asarray(keep(image, painted, strength))


class _Picture:
    """Features that are all at hand."""

    def __init__(self, features):
        self._features = features
        self.height = features.shape[1]

    def read(self, start, stop):
        """The rows from `start` to before `stop`."""
        return self._features[:, start:stop]


class _Enlarged:
    """Another source's rows, enlarged by 2."""

    def __init__(self, source):
        self._source = source
        self.height = 2 * source.height

    def read(self, start, stop):
        import tensorflow as tf

        small = self._source.read(start // 2, (stop + 1) // 2)
        large = tf.repeat(tf.repeat(small, 2, axis=1), 2, axis=2)
        return large[:, start % 2 : start % 2 + stop - start]


class _Layer:
    """What a stage and a ReLU make of another source's rows."""

    def __init__(self, source, stage, mixture, band):
        self._source = source
        self._convolve = stage.convolve
        self._margin = stage.convolve.kernel_size[0] // 2
        self._stride = stage.convolve.strides[0]
        self._band = band
        self.height = source.height // self._stride
        self._scale, self._shift = stage.normalise.scale_and_shift(*self._moments(), mixture)

    def bands(self):
        """The bands, as pairs of their first row and the one after their last."""
        return [
            (start, min(start + self._band, self.height))
            for start in range(0, self.height, self._band)
        ]

    def read(self, start, stop):
        import tensorflow as tf

        features = self._convolved(start, stop)
        scale, shift = (tf.cast(each, features.dtype) for each in (self._scale, self._shift))
        return tf.nn.relu(features * scale + shift)

    def _convolved(self, start, stop):
        import tensorflow as tf

        margin, stride = self._margin, self._stride
        rows = _mirrored(self._source, start * stride - margin, (stop - 1) * stride + margin + 1)
        return self._convolve(tf.pad(rows, [[0, 0], [0, 0], [margin, margin], [0, 0]], "REFLECT"))

    def _moments(self):
        """The mean of the convolved features over all bands, and of their squares."""
        import tensorflow as tf

        sums, positions = 0.0, 0
        for band in self.bands():
            features = tf.cast(self._convolved(*band), tf.float32)
            both = tf.stack([features, features**2])
            sums = sums + tf.cast(tf.reduce_sum(both, [2, 3], keepdims=True), tf.float64)
            positions += features.shape[1] * features.shape[2]
        return tf.unstack(tf.cast(sums / positions, tf.float32))


def _mirrored(source, start, stop):
    """Reads rows some of which may lie beyond the first and the last, mirrored there."""
    import tensorflow as tf

    last = source.height - 1
    wanted = np.abs(np.arange(start, stop))
    wanted = np.where(wanted > last, 2 * last - wanted, wanted)
    first = wanted.min()
    rows = source.read(first, wanted.max() + 1)
    return rows if 0 <= start and stop <= last + 1 else tf.gather(rows, wanted - first, axis=1)


def paint_adain_in_strips(network, image, style_code, strength=None, rows=512):
    """Paints a picture with an `AdaIN` in bands of its rows.

    Args:
        network: The `AdaIN`.
        image: float32 RGB (1, height, width, 3) in [0, 1].
        manner: (1, 2, channels), as `network.describe` says it.
        strength: (1,) in [0, 1], or None for 1.
        rows: Height of a band in pixels; it is rounded up to a multiple of 8.

    Returns:
        A float32 array of the shape of `image`: what the network itself gives, but for rounding.
    """
    import tensorflow as tf

    stride, halo = network.stride, network.halo
    band = -(-rows // stride)
    height, width = image.shape[1:3]
    extended = network.extend(image)
    blocks = extended.shape[1] // stride
    bands = [(start, min(start + band, blocks)) for start in range(0, blocks, band)]

    def with_halo(start, stop):
        """A band with what is around it, and how much that is before it."""
        first = max(0, start - halo)
        return first, min(blocks, stop + halo), start - first

    parts = []
    for start, stop in bands:
        first, last, before = with_halo(start, stop)
        features = network.encode(extended[:, first * stride : last * stride])
        parts.append(features[:, before : before + stop - start])
    features = tf.concat(parts, axis=1)
    target_features = network.target_features(features, style_code, strength)
    painted = np.empty_like(image)
    for start, stop in bands:
        first, last, before = with_halo(start, stop)
        part = network.decode(target_features[:, first:last])[:, before * stride :, :width]
        there = painted[:, start * stride : stop * stride]
        there[:] = part[:, : there.shape[1]]
    return painted if strength is None else np.asarray(keep(image, painted, strength))
