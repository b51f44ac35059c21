"""Receptive fields, strides and positions of a network's layers, and its least image size."""

import math
from typing import Any, NamedTuple


class Geometry(NamedTuple):
    """A layer's stride, receptive field and channels.

    Attributes:
        stride: Pixels of the image from one position of the layer to the next.
        receptive_field: Side in pixels of the square that one position depends on; infinite after
            a pooling over the whole image.
        channels: The layer's channels.
        reach: How many pixels the receptive field extends beyond the position's own square of
            `stride` pixels, on the side where it extends farther.
    """

    stride: int
    receptive_field: float
    channels: int
    reach: float = 0


class _Window(NamedTuple):
    """A sliding window's side, stride, and padding (the sum of both sides).

    `before` is the number of its inputs that lie before its position.
    """

    size: float
    stride: int
    padding: int | str
    before: float = 0


def measure_layers(model: Any) -> dict[str, Geometry]:
    """Measures every layer with height and width, except those that only pad.

    Args:
        model: A functional `keras.Model` of one image.

    Returns:
        Layer name to `Geometry`, from the image inwards.
    """
    names = {layer.name for layer in model.layers if type(layer).__name__ != "ZeroPadding2D"}
    extents = {}  # By tensor: its stride, and the first and last pixel that position 0 depends on.
    layers = {}
    for operation in model.operations:
        output, sources = operation.output, _sources(operation)
        if isinstance(output, list):
            continue
        before = [extents[id(source)] for source in sources if id(source) in extents]
        stride = max((stride for stride, _, _ in before), default=1)
        first = min((first for _, first, _ in before), default=0)
        last = max((last for _, _, last in before), default=0)
        window = _window(operation)
        first -= window.before * stride
        last += (window.size - 1 - window.before) * stride
        stride *= window.stride
        extents[id(output)] = (stride, first, last)
        is_map = len(output.shape) == 4 and tuple(output.shape[1:3]) != (1, 1)
        if before and is_map and operation.name in names:
            reach = max(-first, last - stride + 1, 0)
            layers[operation.name] = Geometry(stride, last - first + 1, output.shape[-1], reach)
    return layers


def least_size(model: Any, positions: int = 1) -> int:
    """Finds the least side of an image for which every output has some rows and columns.

    Args:
        model: A functional `keras.Model` of one image.
        positions: The least height and width of every output.

    Returns:
        The side in pixels.
    """

    def suffices(side):
        counts = count_positions(model, side)
        return min(counts.values()) > 0 and all(
            counts.get(name, math.inf) >= positions for name in model.output_names
        )

    # Larger images never have fewer positions, hence bisection.
    low, high = 0, 1
    while not suffices(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if suffices(middle) else (middle, high)
    return high


def count_positions(model: Any, side: int) -> dict[str, int]:
    """Counts the rows, or columns, of each operation's output.

    Args:
        model: A functional `keras.Model` of one image.
        side: The height, or width, of the image.

    Returns:
        Operation name to number, less than 1 where the image is too small.
    """
    sides = {id(tensor): side for tensor in model.inputs}
    counts = {}
    for operation in model.operations:
        known = [sides[id(source)] for source in _sources(operation) if id(source) in sides]
        if known and not isinstance(operation.output, list):
            counts[operation.name] = _slide(_window(operation), min(known))
            sides[id(operation.output)] = counts[operation.name]
    return counts


def _slide(window, side):
    if window.padding == "same":
        return math.ceil(side / window.stride)
    if window.size == math.inf:
        return side
    return (side + window.padding - window.size) // window.stride + 1


def _window(operation):
    kind = type(operation).__name__
    if kind.startswith(("GlobalAverage", "GlobalMax")):
        return _Window(math.inf, 1, 0, math.inf)
    if kind == "ZeroPadding2D":
        return _Window(1, 1, sum(operation.padding[0]), operation.padding[0][0])
    size = getattr(operation, "kernel_size", getattr(operation, "pool_size", None))
    if size is None:
        return _Window(1, 1, 0)
    dilation = getattr(operation, "dilation_rate", (1, 1))
    dilation = dilation if isinstance(dilation, int) else dilation[0]
    side, stride = (size[0] - 1) * dilation + 1, operation.strides[0]
    if operation.padding != "same":
        return _Window(side, stride, 0)
    # As on an image whose side is a multiple of the stride.
    return _Window(side, stride, "same", max(side - stride, 0) // 2)


def _sources(operation):
    # An input layer's `input` is its own output.
    sources = operation.input if isinstance(operation.input, list) else [operation.input]
    return [source for source in sources if source is not operation.output]
