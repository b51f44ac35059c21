"""Keras's global settings, as our networks are made for them."""

from contextlib import contextmanager


@contextmanager
def usual_settings():
    """Within it Keras has the settings that it comes with; a user's keras.json may have others.

    They are float32, and channels in the last axis. Also a decorator.
    """
    import keras

    former = keras.config.image_data_format(), keras.config.floatx(), keras.config.dtype_policy()
    _set("channels_last", "float32", "float32")
    try:
        yield
    finally:
        _set(*former)


def _set(data_format, floatx, policy):
    import keras

    keras.config.set_image_data_format(data_format)
    keras.config.set_floatx(floatx)
    keras.config.set_dtype_policy(policy)
