"""What a layer sees of the picture: stride, receptive field, and the least picture for it."""

import math
from typing import NamedTuple


class Geometry(NamedTuple):
    """How a layer looks at the picture.

    Attributes:
        stride: Picture pixels from one position of the layer to the next.
        receptive_field: Side in picture pixels of the square that one position can see; infinite
            after a pooling over the whole picture.
        channels: The layer's channels.
    """

    stride: int
    receptive_field: float
    channels: int


class _Window(NamedTuple):
    """A sliding window's side and stride, and the border that it adds (in all, both sides)."""

    size: float
    stride: int
    padding: int | str


def measure_layers(model):
    """Measures every layer that keeps height and width, but for those that only pad.

    Args:
        model: A functional `keras.Model` that takes one picture.

    Returns:
        A dict of layer name to `Geometry`, from the picture inwards.
    """
    names = {layer.name for layer in model.layers if type(layer).__name__ != "ZeroPadding2D"}
    seen = {}
    layers = {}
    for operation in model.operations:
        output, sources = operation.output, _sources(operation)
        if isinstance(output, list):
            continue
        before = [seen[id(source)] for source in sources if id(source) in seen]
        stride = max((stride for stride, _ in before), default=1)
        field = max((field for _, field in before), default=1)
        window = _window(operation)
        seen[id(output)] = (stride * window.stride, field + (window.size - 1) * stride)
        is_map = len(output.shape) == 4 and tuple(output.shape[1:3]) != (1, 1)
        if before and is_map and operation.name in names:
            layers[operation.name] = Geometry(*seen[id(output)], output.shape[-1])
    return layers


def least_size(model, positions=1):
    """Finds the least height and width that leave every output of `model` some positions.

    Args:
        model: A functional `keras.Model` that takes one picture.
        positions: The least height and width of every output.

    Returns:
        The least side of a picture, in pixels.
    """
    # More picture never gives fewer positions, so the least size can be found by bisection.
    low, high = 0, 1
    while not _suffices(model, high, positions):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _suffices(model, middle, positions) else (middle, high)
    return high


def _suffices(model, side, positions):
    sides = {id(tensor): side for tensor in model.inputs}
    for operation in model.operations:
        known = [sides[id(source)] for source in _sources(operation) if id(source) in sides]
        if not known or isinstance(operation.output, list):
            continue
        side = _slide(_window(operation), min(known))
        if side < 1:
            return False
        sides[id(operation.output)] = side
    return all(sides.get(id(output), math.inf) >= positions for output in model.outputs)


def _slide(window, side):
    if window.padding == "same":
        return math.ceil(side / window.stride)
    if window.size == math.inf:
        return side
    return (side + window.padding - window.size) // window.stride + 1


def _window(operation):
    kind = type(operation).__name__
    if kind.startswith(("GlobalAverage", "GlobalMax")):
        return _Window(math.inf, 1, 0)
    if kind == "ZeroPadding2D":
        return _Window(1, 1, sum(operation.padding[0]))
    size = getattr(operation, "kernel_size", getattr(operation, "pool_size", None))
    if size is None:
        return _Window(1, 1, 0)
    dilation = getattr(operation, "dilation_rate", (1, 1))
    dilation = dilation if isinstance(dilation, int) else dilation[0]
    padding = "same" if operation.padding == "same" else 0
    return _Window((size[0] - 1) * dilation + 1, operation.strides[0], padding)


def _sources(operation):
    # An input layer's `input` is its own output.
    sources = operation.input if isinstance(operation.input, list) else [operation.input]
    return [source for source in sources if source is not operation.output]
