"""Other ways to compute convolutions than Keras's own."""

import math

import numpy as np

from kerasart.backbones import precision

# What it saves grows with the product of channels in and out, what taking tiles apart costs with
# their sum: with less of the one over the other nothing is gained. 128 in and 256 out gain.
_LEAST_GAIN = 80

# Where Cook and Toom's polynomials are evaluated, besides at infinity. With Lavin and Gray's (0, 1,
# -1, 2 and -2) products that cancel are twice as large, which bfloat16 would not bear.
_POINTS = (0, 3 / 4, -3 / 4, 3 / 2, -3 / 2)


def speed_up(layer):
    """Lets a frozen 3x3 convolution take a quarter of the multiplications, where that is faster.

    It computes tiles of 4x4 positions by minimal filtering, as one product of matrices for each of
    a tile's 36 numbers; so does its gradient, which is the convolution with the kernel turned by
    180 degrees. Values differ from plain ones by about 1e-5 of the largest, in bfloat16 by a
    hundredth, where plain ones are a three-hundredth off themselves. It keeps both kernels in
    their larger form, eight times the memory of the layer's own.

    Source: F(4x4, 3x3) of Lavin and Gray 2015 (arXiv 1509.09308, section 4.3), with other points.

    Args:
        layer: A Keras layer with its weights, which may not change any more. If it is no such
            convolution, or has few channels, or a GPU is there, or what multiplies matrices of
            bfloat16 faster than they can be taken apart (AMX), nothing is done, nor on Keras's
            other backends.
    """
    if not _gains(layer):
        return
    import tensorflow as tf

    kernel = layer.kernel.numpy().astype(np.float32)
    forwards = _transform_kernel(kernel, layer.compute_dtype)
    backwards = _transform_kernel(kernel[::-1, ::-1].swapaxes(2, 3), layer.compute_dtype)

    @tf.custom_gradient
    def convolution(inputs):
        return _filter(inputs, forwards), lambda upstream: _filter(upstream, backwards)

    # The place that Keras has for other ways to convolve.
    layer.convolution_op = lambda inputs, kernel: convolution(inputs)


def mirror_border(layer):
    """Lets a convolution see the mirrored picture beyond its edge, where "same" would put zeros.

    Args:
        layer: A `keras.layers.Conv2D` of stride 1. Sides of what it gets must be more than half
            its kernel's.
    """
    from keras import ops

    margins = [(0, 0), *((side // 2, side // 2) for side in layer.kernel_size), (0, 0)]

    def convolve(inputs, kernel):
        return ops.conv(ops.pad(inputs, margins, mode="reflect"), kernel, padding="valid")

    layer.convolution_op = convolve


def _minimal_filtering():
    """Makes the matrices that take a row apart: of a tile of 6 pixels, of a kernel of 3, and of the
    4 positions that they give."""

    def evaluate(degree):
        # At infinity a polynomial is its highest coefficient.
        return np.vstack([np.vander(_POINTS, degree, increasing=True), np.eye(degree)[-1]])

    return np.linalg.inv(evaluate(6)).T, evaluate(3), evaluate(4).T


_OF_TILE, _OF_KERNEL, _OF_POSITIONS = (np.kron(rows, rows) for rows in _minimal_filtering())


def _transform_kernel(kernel, dtype):
    """Makes what `_filter` needs of a kernel (3, 3, in, out): a tensor (36, in, out)."""
    import tensorflow as tf

    transformed = _OF_KERNEL @ kernel.reshape(9, -1)
    return tf.cast(transformed.reshape(36, *kernel.shape[2:]), dtype)


def _filter(image, kernel):
    """Convolves an image (batch, height, width, in) in tiles, with zeros beyond its edge."""
    import tensorflow as tf

    batch, height, width, _ = tf.unstack(tf.shape(image))
    _, before, after = kernel.shape
    rows, columns = -(-height // 4), -(-width // 4)
    margins = [[0, 0], [1, 4 * rows + 1 - height], [1, 4 * columns + 1 - width], [0, 0]]
    pixels = tf.reshape(tf.pad(image, margins), [-1, before])
    i, j, number, row, column = _count(6, 6, batch, rows, columns)
    places = (number * (4 * rows + 2) + 4 * row + i) * (4 * columns + 2) + 4 * column + j
    tiles = _combine(_OF_TILE, tf.gather(pixels, places))
    tiles = tf.matmul(tf.reshape(tiles, [36, -1, before]), kernel)
    pixels = tf.reshape(_combine(_OF_POSITIONS, tiles), [-1, after])
    number, i, j = _count(batch, height, width)
    places = (((i % 4 * 4 + j % 4) * batch + number) * rows + i // 4) * columns + j // 4
    return tf.ensure_shape(tf.gather(pixels, places), [*image.shape[:3], after])


def _count(*sizes):
    """Makes the indices along each axis of a tensor, to be combined by broadcasting."""
    import tensorflow as tf

    last = len(sizes) - 1
    return [tf.reshape(tf.range(size), [-1] + [1] * (last - i)) for i, size in enumerate(sizes)]


def _combine(matrix, tiles):
    """Transforms 36 numbers of each tile, in rows and columns."""
    import tensorflow as tf

    return tf.matmul(tf.constant(matrix, tiles.dtype), tf.reshape(tiles, [36, -1]))


def _gains(layer):
    import keras

    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    return (
        type(layer) is keras.layers.Conv2D
        and layer.compute_dtype in _formats()
        and not tf.config.list_physical_devices("GPU")
        and (layer.padding, layer.groups, layer.data_format) == ("same", 1, "channels_last")
        and set(layer.strides) == set(layer.dilation_rate) == {1}
        and tuple(layer.kernel_size) == (3, 3)
        and math.prod(layer.kernel.shape[2:]) >= _LEAST_GAIN * sum(layer.kernel.shape[2:])
    )


def _formats():
    """Names the number formats in which there is something to gain."""
    return ("float32",) if "amx_bf16" in precision.processor_flags() else ("float32", "bfloat16")
