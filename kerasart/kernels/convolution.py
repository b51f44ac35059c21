"""Faster convolutions on CPUs: minimal filtering, transposed convolution; and mirrored borders."""

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasart.kernels import precision
from kerasart.kernels.custom_gradient import compile_once, custom_gradient

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

# Minimal filtering saves time in proportion to the product of input and output channels, and costs
# time in proportion to their sum. It pays above this ratio: with 128 and 256 channels it does.
_LEAST_GAIN = 80

# Interpolation points of the Cook-Toom algorithm, besides infinity. With Lavin and Gray's (0, 1,
# -1, 2 and -2) the products that cancel are twice as large, too much for bfloat16.
_POINTS = (0, 3 / 4, -3 / 4, 3 / 2, -3 / 2)


def speed_up(layer: Any) -> None:
    """Accelerates a frozen convolution and its gradient on a CPU.

    With 3x3 kernels and many channels, tiles of 4x4 positions are computed by minimal filtering
    (Winograd convolution), with a quarter of the multiplications, as a matrix product for each of
    the 36 elements of a tile. Values differ from the plain convolution's by about 1e-5 of the
    largest; in bfloat16 by 1/100, where the plain convolution itself is off by 1/300. The
    transformed kernels, for the convolution and its gradient, take eight times the layer's memory.

    With fewer channels, and without AVX-512, both are computed by the faster of TensorFlow's two
    operations, convolution and transposed convolution; only rounding differs. The gradient of a
    convolution is the convolution with its kernel rotated by 180 degrees. With AVX-512 they stay as
    they are; but no gradient of the kernel is computed, as TensorFlow does outside of graphs.

    Source: F(4x4, 3x3) of Lavin and Gray 2015 (arXiv 1509.09308, section 4.3), with other points.

    Args:
        layer: A Keras layer with its final weights. It is left alone if it is not such a
            convolution, or if there is a GPU or another backend.
    """
    if not _is_supported(layer):
        return
    # Transformed in float32, so that in bfloat16 only the transformed kernels are rounded.
    kernel = tf.cast(layer.kernel, "float32")
    (compute, prepare), (compute_gradient, prepare_gradient) = _choose_ways(layer)
    forwards = tf.cast(prepare(kernel), layer.compute_dtype)
    backwards = tf.cast(prepare_gradient(_rotate(kernel)), layer.compute_dtype)
    bias = tf.cast(layer.bias, layer.compute_dtype) if layer.use_bias else None

    @custom_gradient
    def convolution(inputs):
        features = compute(inputs, forwards)
        if bias is not None:
            features = tf.nn.bias_add(features, bias)
        return features, lambda upstream: compute_gradient(upstream, backwards)

    # Keras's hook for custom convolutions. Added by Keras, the bias would have a gradient, too.
    layer.convolution_op = lambda inputs, kernel: convolution(inputs)
    layer.use_bias = False


def convolve(image: Any, kernel: Any) -> Any:
    """Convolves with stride 1 and without padding by the faster operation.

    Args:
        image: (batch, height, width, in), at least as large as the kernel.
        kernel: (rows, columns, in, out).

    Returns:
        (batch, height - rows + 1, width - columns + 1, out).
    """
    if faster_operation() != "transposed":
        return tf.nn.conv2d(image, kernel, 1, "VALID")
    features = _convolve_transposed(image, _rotate(kernel))
    rows, columns = kernel.shape[:2]
    height, width = tf.unstack(tf.shape(image)[1:3])
    bottom, right = height - (rows - 1) // 2, width - (columns - 1) // 2
    return features[:, rows // 2 : bottom, columns // 2 : right]


def faster_operation() -> str | None:
    """Names the operation of TensorFlow that convolves faster on this processor.

    Without oneDNN, a transposed convolution, such as a gradient, takes longer than a convolution.
    With oneDNN, but without AVX-512, the convolution of a single image takes longer than a
    transposed one. With both, they are equally fast.

    Returns:
        "convolution", "transposed", or None if both are equally fast or the processor is unknown.
    """
    flags = precision.processor_flags()
    if not flags or precision.gpus():
        return None
    if not precision.has_onednn():
        return "convolution"
    return "transposed" if "avx2" in flags and "avx512f" not in flags else None


def mirror_border(layer: Any) -> None:
    """Makes a convolution pad its inputs by mirroring instead of zeros.

    Args:
        layer: A `keras.layers.Conv2D` of stride 1 with padding "same". The sides of its inputs must
            be more than half its kernel's.
    """
    rows, columns = (side // 2 for side in layer.kernel_size)
    margins = [(0, 0), (rows, rows), (columns, columns), (0, 0)]
    plain = layer.convolution_op

    def convolve_mirrored(inputs, kernel):
        height, width = ops.shape(inputs)[1:3]
        features = plain(ops.pad(inputs, margins, mode="reflect"), kernel)
        return features[:, rows : rows + height, columns : columns + width]

    layer.convolution_op = convolve_mirrored


def _minimal_filtering():
    """Makes the 1-D transforms of a tile of 6 pixels, of a kernel of 3, and to 4 positions."""

    def evaluate(degree):
        # At infinity a polynomial is its highest coefficient.
        return np.vstack([np.vander(_POINTS, degree, increasing=True), np.eye(degree)[-1]])

    return np.linalg.inv(evaluate(6)).T, evaluate(3), evaluate(4).T


_OF_TILE, _OF_KERNEL, _OF_POSITIONS = (np.kron(rows, rows) for rows in _minimal_filtering())


def _rotate(kernel):
    """Rotates a kernel by 180 degrees, and swaps its input and output channels."""
    return tf.transpose(tf.reverse(kernel, [0, 1]), [0, 1, 3, 2])


def _convolve(image, kernel):
    return tf.nn.conv2d(image, kernel, 1, "SAME")


def _convolve_transposed(image, rotated):
    """Convolves an image by the transposed convolution with the rotated kernel."""
    shape = tf.concat([tf.shape(image)[:3], rotated.shape[2:3]], axis=0)
    features = tf.nn.conv2d_transpose(image, rotated, shape, 1, "SAME")
    return tf.ensure_shape(features, [*image.shape[:3], rotated.shape[2]])


def _transform_kernel(kernel):
    """Transforms a kernel (3, 3, in, out) for `_filter`: (36, in, out)."""
    elements = tf.reshape(kernel, [9, -1])
    transformed = tf.matmul(tf.constant(_OF_KERNEL, kernel.dtype), elements)
    return tf.reshape(transformed, [36, *kernel.shape[2:]])


def _filter(image, kernel):
    """Convolves an image (batch, height, width, in) by minimal filtering, with zero padding."""
    features = _filter_tiles(image, kernel)
    return tf.ensure_shape(features, [*image.shape[:3], kernel.shape[2]])


@compile_once
def _filter_tiles(image, kernel):
    batch, height, width, _ = tf.unstack(tf.shape(image))
    _, channels_in, channels_out = tf.unstack(tf.shape(kernel))
    rows, columns = -(-height // 4), -(-width // 4)
    margins = [[0, 0], [1, 4 * rows + 1 - height], [1, 4 * columns + 1 - width], [0, 0]]
    pixels = tf.reshape(tf.pad(image, margins), [-1, channels_in])
    i, j, number, row, column = _grid(6, 6, batch, rows, columns)
    indices = (number * (4 * rows + 2) + 4 * row + i) * (4 * columns + 2) + 4 * column + j
    tiles = _transform(_OF_TILE, tf.gather(pixels, indices))
    tiles = tf.matmul(tf.reshape(tiles, [36, -1, channels_in]), kernel)
    pixels = tf.reshape(_transform(_OF_POSITIONS, tiles), [-1, channels_out])
    number, i, j = _grid(batch, height, width)
    indices = (((i % 4 * 4 + j % 4) * batch + number) * rows + i // 4) * columns + j // 4
    return tf.gather(pixels, indices)


def _grid(*sizes):
    """Makes the indices along each axis of a tensor, shaped to be broadcast."""
    last = len(sizes) - 1
    return [tf.reshape(tf.range(size), [-1] + [1] * (last - i)) for i, size in enumerate(sizes)]


def _transform(matrix, tiles):
    """Transforms the 36 elements of each tile."""
    return tf.matmul(tf.constant(matrix, tiles.dtype), tf.reshape(tiles, [36, -1]))


def _is_supported(layer):
    """Tells whether a layer is a convolution of stride 1 with padding "same", on a CPU."""
    return (
        keras.backend.backend() == "tensorflow"
        and type(layer) is keras.layers.Conv2D
        and not precision.gpus()
        and (layer.padding, layer.groups, layer.data_format) == ("same", 1, "channels_last")
        and set(layer.strides) == set(layer.dilation_rate) == {1}
        and all(side % 2 for side in layer.kernel_size)
        and max(layer.kernel_size) > 1
    )


def _choose_ways(layer):
    """Chooses how a convolution and its gradient are computed.

    Returns:
        For each, `compute(features, prepared)` and `prepare(kernel)`.
    """
    if _gains_by_tiles(layer):
        return [(_filter, _transform_kernel)] * 2
    plain, transposed = (_convolve, tf.identity), (_convolve_transposed, _rotate)
    choices = {"convolution": [plain] * 2, "transposed": [transposed] * 2}
    return choices.get(faster_operation(), [plain, transposed])


def _gains_by_tiles(layer):
    return (
        layer.compute_dtype in _formats()
        and tuple(layer.kernel_size) == (3, 3)
        and math.prod(layer.kernel.shape[2:]) >= _LEAST_GAIN * sum(layer.kernel.shape[2:])
    )


def _formats():
    """Lists the dtypes in which minimal filtering is faster."""
    return ("float32",) if "amx_bf16" in precision.processor_flags() else ("float32", "bfloat16")
