"""Trained networks made fast for painting."""

import numpy as np

from kerasart.kernels.convolution import convolve
from kerasart.kernels.precision import choose_precision
from kerasart.networks.transformer_net import keep, pairs


class FusedTransformerNet:
    """Paints as a `TransformerNet` does, one picture at a time, in less time.

    On a CPU the layers at full size, which have few channels, cost the most. Here there are none:
    their features lie unshuffled, the 2x2 pixels of a block one behind the other as channels, at
    half the size, and their kernels are rearranged to give the same values (as in the sub-pixel
    convolution of Shi et al. 2016, arXiv 1609.05158). An enlargement and the 3x3 convolution after
    it become one convolution on the small features likewise.

    Args:
        network: The `TransformerNet`; later changes of its weights do not reach the painter.
        precision: "float32", "bfloat16" or "auto", of the convolutions.
        hold: What holds kernels: `tf.constant`, which makes a graph the fastest, or `tf.Variable`,
            which several graphs in one file share.

    Attributes:
        styles: The styles' names.
    """

    def __init__(self, network, precision="auto", hold=None):
        self.styles = network.styles
        self._hold = hold
        self._mix = network.mix
        self._dtype = choose_precision(precision)
        self._convolve = _choose_convolution(hold)
        kinds = (_to_unshuffled, _from_unshuffled, None)
        self._down = [self._stage(*each) for each in zip(network.down, kinds, strict=True)]
        self._canvas, self._gains = network.canvas, network.canvas.gain.numpy()
        self._residual = [self._stage(stage) for stage in network.residual]
        self._up = [self._stage(stage, _enlarging) for stage in network.up]
        self._to_rgb = self._constant(_on_unshuffled(network.to_rgb.kernel.numpy()))
        self._bias = network.to_rgb.bias.numpy()

    def __call__(self, image, style_weights, strength=None):
        """Paints; it can be traced with unknown height and width.

        Args:
            image: float32 RGB (1, height, width, 3) in [0, 1], each side at least 5 pixels.
            style_weights: (1, styles), adding up to 1: how much of each style.
            strength: (1,) in [0, 1], from the photo itself to the full style. None is 1.

        Returns:
            float32 of the shape of `image`, in [0, 1].
        """
        import tensorflow as tf

        height, width = tf.unstack(tf.shape(image)[1:3])
        mixture = self._mix(style_weights, strength)
        x = tf.pad(image, [[0, 0], [0, -height % 4], [0, -width % 4], [0, 0]], "REFLECT")
        x = tf.cast(_pad(x, 4, 4, "REFLECT") - 0.5, self._dtype)
        x = self._through(self._down[0], x, mixture, strides=2, phases=4)
        x = self._through(self._down[1], _pad(x, 1, 0, "SYMMETRIC"), mixture)
        x = self._through(self._down[2], _pad(x, 1, 1, "REFLECT"), mixture, strides=2)
        x = self._canvas.lay(x, tf.matmul(mixture, self._gains))
        for first, second in pairs(self._residual):
            y = self._through(first, _pad(x, 1, 1, "REFLECT"), mixture)
            y = self._through(second, _pad(y, 1, 1, "REFLECT"), mixture, activate=False)
            x = x + y
        x = self._through(self._up[0], _pad(x, 1, 1, "SYMMETRIC"), mixture, phases=4)
        x = tf.nn.depth_to_space(x, 2)
        x = self._through(self._up[1], _pad(x, 1, 1, "SYMMETRIC"), mixture, phases=4)
        x = self._convolve(_pad_unshuffled(x), self._to_rgb)
        x = tf.cast(tf.nn.depth_to_space(x, 2), tf.float32) + self._bias
        painted = tf.sigmoid(x)[:, :height, :width]
        return painted if strength is None else keep(image, painted, strength)

    def _stage(self, stage, rearrange=None):
        kernel = stage.convolve.kernel.numpy()
        kernel = self._constant(rearrange(kernel) if rearrange else kernel)
        norm = stage.normalise
        return kernel, norm.gamma.numpy(), norm.beta.numpy(), norm.epsilon

    def _constant(self, kernel):
        import tensorflow as tf

        return (self._hold or tf.constant)(tf.cast(kernel, self._dtype))

    @property
    def held(self):
        """All kernels, as `hold` holds them."""
        stages = [*self._down, *self._residual, *self._up]
        return [self._to_rgb, *(kernel for kernel, *_ in stages)]

    def _through(self, stage, x, mixture, strides=1, phases=1, activate=True):
        """Convolves and normalises."""
        import tensorflow as tf

        kernel, gammas, betas, epsilon = stage
        if strides == 1:
            x = self._convolve(x, kernel)
        else:
            x = tf.nn.conv2d(x, kernel, strides, "VALID")
        gamma, beta = (tf.matmul(mixture, table)[0] for table in (gammas, betas))
        if phases > 1:
            x = _normalise_phases(x, gamma, beta, epsilon, phases)
        else:
            # Batch normalisation of a batch of one, in training, is instance normalisation.
            x = tf.compat.v1.nn.fused_batch_norm(x, gamma, beta, epsilon=epsilon)[0]
        return tf.nn.relu(x) if activate else x


class FusedAdaIN:
    """Paints as an `AdaIN` does, one image at a time, faster, from weights half as large.

    An enlargement and the 3x3 convolution after it are one, as in `FusedTransformerNet`.

    Args:
        network: The `AdaIN`; later changes of its weights do not reach the painter.
        precision: "float32", "bfloat16" or "auto", of the convolutions.
        hold: As for `FusedTransformerNet`.
    """

    def __init__(self, network, precision="auto", hold=None):
        self._network = network
        self._hold = hold
        self._dtype = choose_precision(precision)
        self._preprocess, layers = network.looks.parts
        self._encoder = [
            self._convolution(layer) if hasattr(layer, "kernel") else None for layer in layers
        ]
        self._decoder, enlarges = [], False
        for layer in network.decoder:
            if layer is not None:
                self._decoder.append((enlarges, self._convolution(layer, enlarges)))
            enlarges = layer is None
        self._to_rgb = self._convolution(network.to_rgb)

    def __call__(self, image, style_code, strength=None):
        """Paints; it can be traced with unknown height and width.

        Args:
            image: float32 RGB (1, height, width, 3) in [0, 1], each side at least 9 pixels.
            manner: (1, 2, channels), as `describe` says it.
            strength: (1,) in [0, 1], from the photo itself to the full style. None is 1.

        Returns:
            float32 of the shape of `image`, in [0, 1].
        """
        import tensorflow as tf

        height, width = tf.unstack(tf.shape(image)[1:3])
        target_features = self._network.target_features(self.encode(image), style_code, strength)
        x = tf.cast(target_features / self._network.scale, self._dtype)
        for enlarges, convolution in self._decoder:
            x = tf.nn.relu(self._convolve(x, convolution, enlarges))
            x = tf.nn.depth_to_space(x, 2) if enlarges else x
        x = tf.cast(self._convolve(x, self._to_rgb), tf.float32)
        painted = tf.sigmoid(x)[:, :height, :width]
        return painted if strength is None else keep(image, painted, strength)

    def describe(self, style):
        """Says what a picture's manner is, as `AdaIN.describe`."""
        return self._network.describe_features(self.encode(style))

    def encode(self, image):
        """Looks at a picture, as `AdaIN.encode`."""
        import tensorflow as tf

        x = self._network.extend(image)
        x = tf.cast(self._preprocess(x * 255.0), self._dtype)
        for convolution in self._encoder:
            if convolution is None:
                x = tf.nn.max_pool2d(x, 2, 2, "VALID")
            else:
                x = tf.nn.relu(self._convolve(x, convolution))
        return tf.cast(x, tf.float32)

    def _convolution(self, layer, enlarges=False):
        kernel, bias = layer.kernel.numpy(), layer.bias.numpy()
        if enlarges:
            kernel, bias = _enlarging(kernel), np.tile(bias, 4)
        import tensorflow as tf

        # Half as large in a saved graph, and as exact as the bundled encoder's weights are.
        return (self._hold or tf.constant)(tf.cast(kernel, tf.float16)), bias

    @property
    def held(self):
        """All kernels, as `hold` holds them."""
        convolutions = [*self._encoder, *(each for _, each in self._decoder), self._to_rgb]
        return [each[0] for each in convolutions if each]

    def _convolve(self, x, convolution, enlarges=False):
        import tensorflow as tf

        kernel, bias = (tf.cast(each, self._dtype) for each in convolution)
        mode = "SYMMETRIC" if enlarges else "REFLECT"
        return tf.nn.conv2d(_pad(x, 1, 1, mode), kernel, 1, "VALID") + bias


def _choose_convolution(hold):
    """Chooses how to convolve with stride 1; a graph that is to be saved is for any machine."""
    import tensorflow as tf

    if hold is None:
        return convolve
    return lambda image, kernel: tf.nn.conv2d(image, kernel, 1, "VALID")


def _normalise_phases(x, gamma, beta, epsilon, phases):
    """Normalises channels of which each lies in several, one for each pixel of a block."""
    import tensorflow as tf

    channels = x.shape[-1] // phases
    ones, zeros = tf.ones([x.shape[-1]]), tf.zeros([x.shape[-1]])
    # Only its statistics are wanted, which it finds faster than reductions do.
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
    import tensorflow as tf

    return tf.pad(x, [[0, 0], [before, after], [before, after], [0, 0]], mode)


def _pad_unshuffled(x):
    """Mirrors 4 pixels, which are 2 blocks, around unshuffled features."""
    import tensorflow as tf

    channels = x.shape[-1] // 4
    for axis in (1, 2):
        # Along the axis, the earlier and the later pixels of the blocks; channels are (r, s, c).
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
    """A kernel of stride 1 as one of stride 2 that gives unshuffled features."""
    size, _, inputs, outputs = kernel.shape
    new = np.zeros((size + 1, size + 1, inputs, 2, 2, outputs), kernel.dtype)
    for a in range(2):
        for b in range(2):
            new[a : a + size, b : b + size, :, a, b] = kernel
    return new.reshape(size + 1, size + 1, inputs, 4 * outputs)


def _from_unshuffled(kernel):
    """A 3x3 kernel of stride 2 as one that reads unshuffled features; they get a block before."""
    _, _, inputs, outputs = kernel.shape
    new = np.zeros((2, 2, 2, 2, inputs, outputs), kernel.dtype)
    for u in range(3):
        for v in range(3):
            # Row u is u - 1 pixels from the block's first.
            new[(u + 1) // 2, (v + 1) // 2, (u + 1) % 2, (v + 1) % 2] = kernel[u, v]
    return new.reshape(2, 2, 4 * inputs, outputs)


def _on_unshuffled(kernel):
    """A kernel of stride 1 as one from unshuffled to unshuffled features."""
    size, _, inputs, outputs = kernel.shape
    blocks = size // 2 + 1
    wide = _to_unshuffled(kernel).reshape(blocks, 2, blocks, 2, inputs, 4 * outputs)
    return wide.transpose(0, 2, 1, 3, 4, 5).reshape(blocks, blocks, 4 * inputs, 4 * outputs)


def _enlarging(kernel):
    """A 3x3 kernel on features enlarged by 2 as one from small to unshuffled large features."""
    _, _, inputs, outputs = kernel.shape
    new = np.zeros((3, 3, inputs, 2, 2, outputs), kernel.dtype)
    for a in range(2):
        for b in range(2):
            for u in range(3):
                for v in range(3):
                    # The pixel that is u - 1 rows from row a of a block lies in this block.
                    new[(a + u + 1) // 2, (b + v + 1) // 2, :, a, b] += kernel[u, v]
    return new.reshape(3, 3, inputs, 4 * outputs)
