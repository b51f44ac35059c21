"""At which sizes a picture is moved."""


def octave_sizes(size, first, last, scale):
    """Lists the sizes of a pyramid from small to large.

    Args:
        size: (height, width) of octave 0, the picture's own.
        first: The number of the first octave: -2 is two octaves smaller than the picture.
        last: The number of the last.
        scale: How much larger each octave is than the one before.

    Returns:
        A list of (height, width), rounded down as in the Keras example; the
        TensorFlow tutorial, which multiplies in float32, differs by a pixel here and there.
    """
    return [
        tuple(int(side / scale**-octave if octave < 0 else side * scale**octave) for side in size)
        for octave in range(first, last + 1)
    ]
