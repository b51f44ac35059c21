"""Functions compiled as they are called."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import keras

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf


class Compiled:
    """Calls functions compiled, each traced once for pictures of all sizes.

    In a graph that is being traced a function is called as it is, and becomes a part of the graph.
    Several objects may share it if their methods compute the same.

    Args:
        any_size: Whether tensors of four axes, pictures and features, may have any height and
            width; if not, each size is another trace.
    """

    def __init__(self, any_size: bool = True):
        self._any_size = any_size
        self._functions = {}

    def __call__(self, function: Callable, *arguments: Any, static: tuple = ()) -> Any:
        """Calls `function(*static, *arguments)`.

        Args:
            function: A function or a method, of tensors.
            *arguments: Nested tuples, lists and dicts of tensors, arrays and numbers.
            static: A tuple of further arguments that are no tensors, each of which is compiled for.

        Returns:
            What the function returns.
        """
        if tf.inside_function():
            return function(*static, *arguments)
        arguments = tf.nest.map_structure(tf.convert_to_tensor, arguments)
        signature = tf.nest.map_structure(self._describe, arguments)
        structure = tf.nest.map_structure(lambda spec: None, signature)
        # A method of whichever object: those that share this are alike.
        which = getattr(function, "__func__", function)
        key = which, static, str(structure), *tf.nest.flatten(signature)
        if key not in self._functions:
            self._functions[key] = tf.function(
                functools.partial(function, *static), input_signature=signature, autograph=False
            )
        return self._functions[key](*arguments)

    @property
    def traces(self) -> int:
        """How often anything was traced so far; each costs about a second."""
        traced = self._functions.values()
        return sum(function.experimental_get_tracing_count() for function in traced)

    def _describe(self, tensor):
        is_picture = self._any_size and len(tensor.shape) == 4
        shape = [1, None, None, tensor.shape[-1]] if is_picture else tensor.shape
        return tf.TensorSpec(shape, tensor.dtype)
