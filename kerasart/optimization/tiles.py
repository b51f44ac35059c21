"""Plans of tiles: how an image is cut, and how far tiles overlap."""

import math
from typing import NamedTuple

from kerasart.backbones import Backbone

# Pixels that a tile sees beyond its own at most. Networks that see farther differ a little at
# seams; a random roll of the picture from step to step keeps those from settling.
_MOST_HALO = 128


class Span(NamedTuple):
    """Rows, or columns, of a tile.

    Attributes:
        start: The first that is the tile's own.
        stop: The one after its last.
        seen_start: The first that is looked at, at most `start`.
        seen_stop: The one after the last that is looked at.
    """

    start: int
    stop: int
    seen_start: int
    seen_stop: int

    @property
    def seen(self) -> slice:
        """What is looked at, as a slice."""
        return slice(self.seen_start, self.seen_stop)


def measure_halo(backbone: Backbone) -> tuple[int, int]:
    """Finds what tiles for a `Backbone` must see beyond their own, and where they can begin.

    Returns:
        The halo in pixels, and the number of which it and the tiles' places are multiples.
    """
    stride = max(backbone.strides.values())
    return math.ceil(min(backbone.reach, _MOST_HALO) / stride) * stride, stride


def plan_tiles(size: tuple[int, int], side: int, halo: int, stride: int) -> list[tuple[Span, Span]]:
    """Cuts a picture into tiles that overlap by what the network's layers see beyond their own.

    Args:
        size: (height, width) of the picture.
        side: What a tile may measure at most with its halo, in pixels.
        halo: How far it must see beyond its own pixels, a multiple of `stride`.
        stride: The network's; tiles begin at multiples of it.

    Returns:
        A list of pairs of `Span`s, rows and columns. Each pixel is one tile's own.

    Raises:
        ValueError: If `side` leaves a tile in the midst of others nothing of its own.
    """
    least = 2 * halo + stride
    if side < min(least, max(size)):
        raise ValueError(
            f"`tile` must be at least {least} pixels, since these layers see {halo} pixels beyond "
            f"their own. Received: {side}"
        )
    rows, columns = (_cut(length, side, halo, stride) for length in size)
    return [(row, column) for row in rows for column in columns]


def _cut(length, side, halo, stride):
    """Cuts a side into spans as equal as strides allow."""
    for count in range(1, length + 1):
        own = math.ceil(length / count / stride) * stride
        # The first and the last have but one neighbour.
        if (length if count == 1 else own + halo * min(count - 1, 2)) <= side:
            break
    return [
        Span(start, min(start + own, length), max(start - halo, 0), min(start + own + halo, length))
        for start in range(0, length, own)
    ]
