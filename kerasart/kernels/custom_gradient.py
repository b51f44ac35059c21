"""`custom_gradient`, a gradient of one's own; `compile_once`, functions that graphs share."""

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
    """Gives a function a custom gradient, as `keras.ops.custom_gradient` does.

    TensorFlow's `tf.custom_gradient` leaks the closure of a function called in a graph, and with it
    the graph and all its weights. This one frees it with the tape. If a compiled function is
    differentiated from outside, TensorFlow ignores the custom gradient and derives one itself.

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
        result = tf.identity(output)  # The output itself has a recorded gradient already.
        tf.__internal__.record_gradient(_NAME, inputs, ("gradient", gradient), [result])
        return result

    return differentiable


def compile_once(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compiles a function once for all graphs that call it, whatever the sizes of its inputs.

    A copy of it in each graph, and for each layer, would be traced and optimised by itself. No
    gradient flows through it outside of graphs, where tapes would trace the gradient of the whole
    function: it is meant for what has a `custom_gradient`. Other backends call it as it is.

    Args:
        function: A function of a module, of tensors.

    Returns:
        The compiled function.
    """
    if keras.backend.backend() != "tensorflow":
        return function

    @functools.wraps(function)
    def call(*inputs):
        if tf.executing_eagerly():
            inputs = [tf.stop_gradient(each) for each in inputs]
        signature = [tf.TensorSpec([None] * len(each.shape), each.dtype) for each in inputs]
        return _compile(function, *signature)(*inputs)

    return call


@functools.cache
def _compile(function, *signature):
    return tf.function(
        function,
        input_signature=signature,
        autograph=False,
        experimental_attributes={"_noinline": True},
    )


@functools.cache
def _register():
    @tf.RegisterGradient(_NAME)
    def call(operation, upstream):
        _, gradient = operation.attrs
        return tf.nest.flatten(gradient(upstream))
