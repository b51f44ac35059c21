"""Other sizes of a picture."""

import numpy as np

from kerasart.image.arrays import fit_size


def resize(image, size, antialias=False, method="bilinear"):
    """Resizes a picture.

    Args:
        image: float32 (batch, height, width, channels).
        size: (height, width) in pixels.
        antialias: Whether to average what a smaller picture cannot show, rather than sample it.
        method: "bilinear"; or "bicubic" or "lanczos3", which are sharper but pass the picture's own
            values.

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


def resize_photo(image, size):
    """Brings a picture that somebody gave to a size, as sharp as it can be there: by Lanczos.

    Args:
        image: float32 (1, height, width, channels) in [0, 1].
        size: (height, width) in pixels.

    Returns:
        A float32 array (1, *size, channels) in [0, 1]; the picture itself if it is of that size.
    """
    if image.shape[1:3] == tuple(size):
        return image
    return np.clip(resize(image, size, antialias=True, method="lanczos3"), 0.0, 1.0)


def resize_cut_out(image, alpha, size):
    """Resizes a picture with transparency: the less of a pixel is seen, the less it counts.

    Args:
        image, size: As in `resize_photo`.
        alpha: float32 (1, height, width, 1) in [0, 1].

    Returns:
        The resized picture and its alpha.
    """
    if image.shape[1:3] == tuple(size):
        return image, alpha

    def sharp(pixels):
        return resize(pixels, size, antialias=True, method="lanczos3")

    # Where little is seen, the colours come from all pixels around.
    resized = sharp(image * alpha) + (1 - sharp(alpha)) * sharp(image)
    return np.clip(resized, 0.0, 1.0), np.clip(resize(alpha, size, antialias=True), 0.0, 1.0)


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
    return resize_photo(cropped, size)


def shrink(image, long_side):
    """Brings a picture to a long side; a smaller one stays as it is.

    Args:
        image: float32 (1, height, width, channels) in [0, 1].
        long_side: Its long side in pixels, at most.

    Returns:
        A float32 array in [0, 1].
    """
    own = image.shape[1:3]
    return image if max(own) <= long_side else resize_photo(image, fit_size(own, long_side))
