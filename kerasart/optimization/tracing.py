"""`Compiled`, which compiles functions as they are called."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import keras

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf


class Compiled:
    """Calls functions as `tf.function`s, each traced once for images of all sizes.

    Inside a graph that is being traced, a function is called directly and becomes part of it.
    Several objects may share a `Compiled` if their methods compute the same.

    Args:
        any_size: Whether one trace serves all heights and widths of four-dimensional tensors
            (images and features); if not, each size is traced.
    """

    def __init__(self, any_size: bool = True):
        self._any_size = any_size
        self._functions = {}

    def __call__(self, function: Callable, *arguments: Any, static: tuple = ()) -> Any:
        """Calls `function(*static, *arguments)`.

        Args:
            function: A function or a method.
            *arguments: Nested tuples, lists and dicts of tensors, arrays and numbers.
            static: Hashable first arguments; each value is traced separately.

        Returns:
            The function's result.
        """
        if tf.inside_function():
            return function(*static, *arguments)
        arguments = tf.nest.map_structure(tf.convert_to_tensor, arguments)
        signature = tf.nest.map_structure(self._describe, arguments)
        structure = tf.nest.map_structure(lambda spec: None, signature)
        # Without its object: all objects that share this compute the same.
        method = getattr(function, "__func__", function)
        key = method, static, str(structure), *tf.nest.flatten(signature)
        if key not in self._functions:
            self._functions[key] = tf.function(
                functools.partial(function, *static), input_signature=signature, autograph=False
            )
        return self._functions[key](*arguments)

    @property
    def traces(self) -> int:
        """The number of traces so far; each costs about a second."""
        traced = self._functions.values()
        return sum(function.experimental_get_tracing_count() for function in traced)

    def _describe(self, tensor):
        is_resizable = self._any_size and len(tensor.shape) == 4
        shape = [1, None, None, tensor.shape[-1]] if is_resizable else tensor.shape
        return tf.TensorSpec(shape, tensor.dtype)
