"""Other sizes of a picture."""


def resize(image, size, antialias=False):
    """Resizes a picture bilinearly.

    Args:
        image: float32 (batch, height, width, channels).
        size: (height, width) in pixels.
        antialias: Whether to average what a smaller picture cannot show, rather than sample it.

    Returns:
        A float32 tensor (batch, *size, channels).
    """
    import tensorflow as tf

    return tf.image.resize(image, size, antialias=antialias)


def fit_size(size, long_side):
    """Scales (height, width) so that the longer side is `long_side`, and the shorter at least 1."""
    scale = long_side / max(size)
    return tuple(max(1, round(side * scale)) for side in size)
