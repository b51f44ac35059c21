"""At which sizes a picture is moved, and how long at each."""

import numpy as np

from kerasart.image.resize import fit_size

# Long side of a picture in which all scales get equal shares of steps.
_LARGE = 1024


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


def scale_sizes(size, smallest, factor):
    """Lists the sizes of a picture from coarse to fine.

    Source: Crowson's style-transfer-pytorch, which goes down from the largest by the factor.

    Args:
        size: (height, width) of the last scale.
        smallest: Long side below which there is no scale; the last is there at any rate.
        factor: How much larger each scale is than the one before.

    Returns:
        A list of (height, width).
    """
    sides = [max(size)]
    # To 6 digits first: two steps by the root of two may not be exactly a half.
    while (side := round(round(max(size) / factor ** len(sides), 6))) >= smallest:
        sides.append(side)
    return [fit_size(size, side) for side in reversed(sides[1:])] + [tuple(size)]


def share_steps(steps, sizes):
    """Shares out steps among scales.

    The first, which finds the composition, gets a double share; those whose long side is above
    1024, which have but detail to add, get less in proportion to it: so the time of a large picture
    grows about as its side does, not as its pixels.

    Args:
        steps: How many in all.
        sizes: A list of (height, width), from coarse to fine.

    Returns:
        A list of numbers of steps, each at least 1, that add up to `steps` where it reaches.
    """
    shares = np.minimum(1.0, _LARGE / np.max(sizes, axis=1))
    shares[0] *= 2
    bounds = np.rint(steps * np.cumsum(shares) / np.sum(shares)).astype(int)
    return np.maximum(np.diff(bounds, prepend=0), 1).tolist()


def share_done(taken, steps, sizes):
    """Tells the share of the work that is done, in which a step takes as long as it has pixels.

    Args:
        taken: How many steps are taken.
        steps: A list of numbers of steps, one for each size.
        sizes: A list of (height, width), from coarse to fine.

    Returns:
        A number in [0, 1].
    """
    pixels = [height * width for height, width in sizes]
    starts = np.cumsum([0, *steps[:-1]])
    done = sum(
        each * min(max(taken - start, 0), count)
        for each, start, count in zip(pixels, starts, steps, strict=True)
    )
    return float(done / np.dot(pixels, steps))
