"""`usual_settings`: the global settings of Keras that the networks need."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import keras


@contextmanager
def usual_settings() -> Iterator[None]:
    """Resets Keras to float32 and channels-last inside a `with` block or a decorated function.

    These are its defaults, which a user's keras.json can override. Python's random state, which
    seeds Keras's initialisers, is left as it was: so the initial weights of a network that is made
    later do not depend on whether a backbone was built before it or is kept from earlier.
    """
    random_state = random.getstate()
    former = keras.config.image_data_format(), keras.config.floatx(), keras.config.dtype_policy()
    _set("channels_last", "float32", "float32")
    try:
        yield
    finally:
        _set(*former)
        random.setstate(random_state)


def _set(data_format, floatx, policy):
    keras.config.set_image_data_format(data_format)
    keras.config.set_floatx(floatx)
    keras.config.set_dtype_policy(policy)
