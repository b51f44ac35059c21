"""`custom_gradient`: gives a function a gradient other than the one that the backend derives."""

import functools
from collections.abc import Callable
from typing import Any

import keras

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

_NAME = "kerasart.custom_gradient"


def custom_gradient(
    function: Callable[..., tuple[Any, Callable[[Any], Any]]],
) -> Callable[..., Any]:
    """Gives a function a gradient of its own, as `keras.ops.custom_gradient` does.

    TensorFlow's `tf.custom_gradient` keeps for ever what a function called in a graph closes over:
    the whole graph with all weights in it. This one keeps it as long as the tape. Where a compiled
    function is differentiated as a whole, from outside, TensorFlow derives a gradient itself.

    Args:
        function: `function(*inputs)` of tensors returns a tensor and `gradient(upstream)`, which
            maps the gradient of that tensor to the gradient of the input, or of each input.

    Returns:
        The function that returns the tensor alone.
    """
    if keras.backend.backend() != "tensorflow":
        return keras.ops.custom_gradient(function)
    _register()

    @functools.wraps(function)
    def differentiable(*inputs):
        inputs = [tf.convert_to_tensor(each) for each in inputs]
        output, gradient = function(*inputs)
        result = tf.identity(output)  # A tape knows another gradient of the output itself.
        tf.__internal__.record_gradient(_NAME, inputs, ("gradient", gradient), [result])
        return result

    return differentiable


@functools.cache
def _register():
    @tf.RegisterGradient(_NAME)
    def call(operation, upstream):
        _, gradient = operation.attrs
        return tf.nest.flatten(gradient(upstream))
