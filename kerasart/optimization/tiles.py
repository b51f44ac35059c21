"""Tiling: how an image is cut into tiles, and how far they overlap."""

import math
from typing import NamedTuple

from kerasart.backbones import Backbone

# The widest halo in pixels. Networks with larger receptive fields differ a little at seams, which a
# random roll of the image at each step keeps from settling.
_MOST_HALO = 128


class Span(NamedTuple):
    """The rows, or columns, of a tile: its core, and its core padded by the halo.

    Attributes:
        start: The first row of the core.
        stop: One past the last row of the core.
        padded_start: The first row with the halo, at most `start`.
        padded_stop: One past the last row with the halo.
    """

    start: int
    stop: int
    padded_start: int
    padded_stop: int

    @property
    def padded(self) -> slice:
        """The padded rows as a slice."""
        return slice(self.padded_start, self.padded_stop)


def measure_halo(backbone: Backbone) -> tuple[int, int]:
    """Measures the halo that tiles need for the receptive fields of a `Backbone`.

    Returns:
        The halo in pixels, and the stride of which it and the tiles' starts are multiples.
    """
    stride = max(backbone.strides.values())
    return math.ceil(min(backbone.reach, _MOST_HALO) / stride) * stride, stride


def plan_tiles(size: tuple[int, int], side: int, halo: int, stride: int) -> list[tuple[Span, Span]]:
    """Cuts an image into tiles that overlap by their halos.

    Args:
        size: (height, width) of the image.
        side: The largest side of a tile with its halo, in pixels.
        halo: Width of the halo in pixels, a multiple of `stride`.
        stride: The network's largest stride; cores start at multiples of it.

    Returns:
        A list of pairs of `Span`s, rows and columns. Each pixel is in the core of one tile.

    Raises:
        ValueError: If `side` leaves no core between the halos of a tile with neighbours.
    """
    least = 2 * halo + stride
    if side < min(least, max(size)):
        raise ValueError(
            f"`tile` must be at least {least} pixels, since these layers need a halo of {halo} "
            f"pixels. Received: {side}"
        )
    rows, columns = (_cut(length, side, halo, stride) for length in size)
    return [(row, column) for row in rows for column in columns]


def _cut(length, side, halo, stride):
    """Cuts a side into spans as equal as strides allow."""
    for count in range(1, length + 1):
        core = math.ceil(length / count / stride) * stride
        # The first and the last tile have a halo on one side only.
        if (length if count == 1 else core + halo * min(count - 1, 2)) <= side:
            break
    stops = ((start, start + core) for start in range(0, length, core))
    return [
        Span(start, min(stop, length), max(start - halo, 0), min(stop + halo, length))
        for start, stop in stops
    ]
