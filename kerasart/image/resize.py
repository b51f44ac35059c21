"""Other sizes of a picture."""

import numpy as np


def resize(image, size, antialias=False, method="bilinear"):
    """Resizes a picture.

    Args:
        image: float32 (batch, height, width, channels).
        size: (height, width) in pixels.
        antialias: Whether to average what a smaller picture cannot show, rather than sample it.
        method: "bilinear", or "bicubic", which is sharper but passes the picture's own values.

    Returns:
        A float32 tensor (batch, *size, channels).
    """
    import keras

    if keras.backend.backend() != "tensorflow":
        options = {"antialias": antialias, "data_format": "channels_last"}
        return keras.ops.image.resize(image, size, method, **options)
    import tensorflow as tf

    # Keras's own wants a size that is known when a graph is traced.
    return tf.image.resize(image, size, method, antialias=antialias)


def pick_nearest(image, size):
    """Resizes a picture by taking, for each pixel, the nearest one, as Pillow does.

    Keras's `load_img` resizes so unless told otherwise.

    Args:
        image: An array (1, height, width, channels).
        size: (height, width) in pixels.

    Returns:
        An array (1, *size, channels).
    """
    # Summed up as Pillow does, whose rounding decides between two pixels equally near.
    rows, columns = (
        np.cumsum(np.r_[0.5, np.ones(new - 1)] * (old / new)).astype(int)
        for old, new in zip(image.shape[1:3], size, strict=True)
    )
    return image[:, rows[:, np.newaxis], columns]


def fit_size(size, long_side):
    """Scales (height, width) so that the longer side is `long_side`, and the shorter at least 1."""
    scale = long_side / max(size)
    return tuple(max(1, round(side * scale)) for side in size)


def fill_size(image, size):
    """Brings a picture to a size without distorting it: scaled, and cropped around its centre.

    Args:
        image: float32 (1, height, width, channels) in [0, 1].
        size: (height, width) in pixels.

    Returns:
        A float32 array (1, *size, channels) in [0, 1].
    """
    own = image.shape[1:3]
    scale = min(have / want for have, want in zip(own, size, strict=True))
    part = [min(have, max(1, round(want * scale))) for have, want in zip(own, size, strict=True)]
    top, left = ((have - want) // 2 for have, want in zip(own, part, strict=True))
    cropped = image[:, top : top + part[0], left : left + part[1]]
    return np.clip(resize(cropped, size, antialias=True), 0.0, 1.0)


def shrink(image, long_side):
    """Brings a picture to a long side; a smaller one stays as it is.

    Args:
        image: float32 (1, height, width, channels) in [0, 1].
        long_side: Its long side in pixels, at most.

    Returns:
        A float32 array in [0, 1].
    """
    own = image.shape[1:3]
    if max(own) <= long_side:
        return image
    return np.clip(resize(image, fit_size(own, long_side), antialias=True), 0.0, 1.0)
