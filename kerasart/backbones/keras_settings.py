"""`usual_settings`: the global settings of Keras that the networks need."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras


@contextmanager
def usual_settings() -> Iterator[None]:
    """Resets Keras to float32 and channels-last inside a `with` block or a decorated function.

    These are its defaults, which a user's keras.json can override.
    """
    former = keras.config.image_data_format(), keras.config.floatx(), keras.config.dtype_policy()
    _set("channels_last", "float32", "float32")
    try:
        yield
    finally:
        _set(*former)


def _set(data_format, floatx, policy):
    keras.config.set_image_data_format(data_format)
    keras.config.set_floatx(floatx)
    keras.config.set_dtype_policy(policy)
