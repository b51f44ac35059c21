"""Other ways to compute convolutions than Keras's own."""

import math

# With fewer, fusing bias and ReLU with the convolution, which TensorFlow then does, saves as much.
_LEAST_CHANNELS = 256


def speed_up(layer):
    """Lets a frozen convolution compute itself as the gradient of another, where that is faster.

    A convolution of stride 1 is also the gradient, with respect to its input, of a convolution
    with the kernel turned by 180 degrees. For gradients TensorFlow's oneDNN first puts the kernel
    in blocks that suit the cache; for convolutions in float32 it does not, and with many channels
    takes twice as long. The values are the same.

    Args:
        layer: A Keras layer with its weights, which may not change any more. If it is no such
            convolution, nothing is done, nor on Keras's other backends.
    """
    if not _gains(layer):
        return
    import tensorflow as tf

    turned = tf.transpose(layer.kernel.value[::-1, ::-1], [0, 1, 3, 2])

    def differentiate(shape, kernel, upstream):
        return tf.compat.v1.nn.conv2d_backprop_input(shape, kernel, upstream, [1, 1, 1, 1], "SAME")

    def convolve(inputs, kernel):
        @tf.custom_gradient
        def convolution(inputs):
            shape = tf.shape(inputs)
            output_shape = tf.concat([shape[:3], [layer.filters]], axis=0)
            features = differentiate(output_shape, turned, inputs)
            return features, lambda upstream: differentiate(shape, kernel, upstream)

        return convolution(inputs)

    layer.convolution_op = convolve  # The place that Keras has for other ways to convolve.


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


def _gains(layer):
    import keras

    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    return (
        type(layer) is keras.layers.Conv2D
        and layer.compute_dtype == "float32"
        and not tf.config.list_physical_devices("GPU")
        and (layer.padding, layer.groups, layer.data_format) == ("same", 1, "channels_last")
        and set(layer.strides) == set(layer.dilation_rate) == {1}
        and all(length % 2 for length in layer.kernel_size)
        and math.prod(layer.kernel_size) > 1
        and layer.kernel.shape[2] >= _LEAST_CHANNELS
    )
