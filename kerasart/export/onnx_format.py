"""Trained networks as ONNX files, which many runtimes read."""

import json
from pathlib import Path

import numpy as np

from kerasart.export.parity import check_parity, input_shapes
from kerasart.image.atomic_files import write_file
from kerasart.image.files import check_place

_OPSET, _IR_VERSION = 17, 8  # Of 2022: what has been updated since then reads it.
_TOLERANCE = 1 / 255
_CHECKED_SIZES = (33, 47), (29, 38)  # Of the picture and the style.


def export_onnx(network, path, taken="replace"):
    """Writes a trained network to an ONNX file, after a look at whether it paints the same.

    The inputs are float32: `image` (1, height, width, 3) in [0, 1], as large as it may be; of a
    `TransformerNet` `style_weights` (1, styles), which add up to 1, and of an `AdaIN` `style`, a
    picture like `image`; and `strength` (1,) in [0, 1]. The output is `painted`, of the shape of
    `image`. The names of a `TransformerNet`'s styles are in the metadata as "styles", in JSON.

    Args:
        network: A `TransformerNet` or an `AdaIN`.
        path: The file.
        taken: What to do where a file of that name is, as in `write_picture`.

    Returns:
        The `pathlib.Path` of the file.

    Raises:
        ImportError: If onnx or onnxruntime is missing.
        ValueError: If the file would paint otherwise than the network, by more than 1/255.
        FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError, OSError: If the
            file cannot be written.
    """
    check_onnx()
    path = Path(path)
    check_place(path)
    from kerasart.networks import recast

    network = recast(network, "float32")
    data = _build(network).SerializeToString()
    check_parity(network, _painter(data), input_shapes(network, *_CHECKED_SIZES), _TOLERANCE)
    return write_file(path, lambda file: file.write(data), taken)


def check_onnx():
    """Refuses, before a network is loaded, to do without what an export to ONNX needs.

    Raises:
        ImportError: If onnx or onnxruntime is missing.
    """
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
    except ImportError as error:
        raise ImportError(
            '`export_onnx` needs onnx and onnxruntime, which `pip install "kerasart[onnx]"` '
            f"brings. Received: {error}"
        ) from error


def _painter(data):
    import onnxruntime

    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    return lambda inputs: session.run(["painted"], inputs)[0]


def _build(network):
    """Makes the model."""
    from onnx import TensorProto, checker, helper

    graph = _Graph()
    is_styles = hasattr(network, "styles")
    (_paint_styles if is_styles else _paint_as_style)(graph, network)
    shapes = input_shapes(network, ("height", "width"), ("style_height", "style_width"))
    inputs, outputs = (
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, each[name]) for name in each]
        for each in (shapes, {"painted": shapes["image"]})
    )
    name = type(network).__name__
    model = helper.make_model(
        helper.make_graph(graph.nodes, name, inputs, outputs, graph.constants),
        producer_name="kerasart",
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
    )
    if is_styles:
        helper.set_model_props(model, {"styles": json.dumps(network.styles)})
    checker.check_model(model)
    return model


def _paint_styles(graph, network):
    """What a `TransformerNet` does."""
    from kerasart.networks.transformer_net import pairs

    weights = graph.add("Squeeze", "style_weights", [0])
    photo = graph.add("Sub", [1.0], "strength")
    mixture = graph.add("Concat", photo, graph.add("Mul", "strength", weights), axis=0)

    def stage(x, layer):
        x = graph.convolve(graph.mirror(x, layer.convolve.kernel_size[0] // 2), layer.convolve)
        norm = layer.normalise
        tables = (norm.gamma.numpy(), norm.beta.numpy())
        gamma, beta = (graph.add("MatMul", mixture, table) for table in tables)
        return graph.add("InstanceNormalization", x, gamma, beta, epsilon=norm.epsilon)

    x, size = graph.read("image", multiple=4)
    x = graph.add("Sub", x, 0.5)
    for layer in network.down:
        x = graph.add("Relu", stage(x, layer))
    gain = graph.add("MatMul", mixture, network.canvas.gain.numpy())
    grain = network.canvas.spread(network.canvas.grain.astype(np.float32)).numpy()
    grain = graph.repeat(grain.transpose(2, 0, 1), x)
    x = graph.add("Add", x, graph.add("Mul", graph.add("Reshape", gain, [-1, 1, 1]), grain))
    for first, second in pairs(network.residual):
        x = graph.add("Add", x, stage(graph.add("Relu", stage(x, first)), second))
    for layer in network.up:
        x = graph.add("Relu", stage(graph.enlarge(x), layer))
    graph.finish(graph.convolve(graph.mirror(x, 4), network.to_rgb), size)


def _paint_as_style(graph, network):
    """What an `AdaIN` does."""
    image, size = graph.read("image", network.stride)
    style, _ = graph.read("style", network.stride)
    features, style_code = (_encode(graph, network, each) for each in (image, style))
    mean = graph.add("ReduceMean", style_code, axes=[2, 3])
    centred = graph.add("Sub", style_code, mean)
    variance = graph.add("ReduceMean", graph.add("Mul", centred, centred), axes=[2, 3])
    deviation = graph.add("Sqrt", graph.add("Add", variance, network.epsilon))
    deviation, mean = (graph.add("Reshape", each, [-1]) for each in (deviation, mean))
    target_features = graph.add(
        "InstanceNormalization", features, deviation, mean, epsilon=network.epsilon
    )
    x = graph.add("Div", graph.blend(features, target_features), network.scale)
    for layer in network.decoder:
        x = graph.convolve(graph.mirror(x, 1), layer) if layer else graph.enlarge(x)
    graph.finish(graph.convolve(graph.mirror(x, 1), network.to_rgb), size)


def _encode(graph, network, x):
    preprocess, layers = network.looks.parts
    # It exchanges channels and subtracts their means: black and the primaries say all about it.
    black, *primaries = np.asarray(preprocess(255 * np.eye(4, 3, -1, dtype=np.float32)))
    matrix = (np.stack(primaries) - black).T
    x = graph.add("Conv", x, matrix[:, :, None, None], black)
    for layer in layers:
        if hasattr(layer, "kernel"):
            x = graph.convolve(graph.mirror(x, 1), layer)
        else:
            x = graph.add("MaxPool", x, kernel_shape=layer.pool_size, strides=layer.strides)
    return x


class _Graph:
    """A graph as it grows; tensors are known by their names, and features are (1, c, h, w).

    Attributes:
        nodes: The nodes, each of one output.
        constants: The tensors that are given.
    """

    def __init__(self):
        self.nodes = []
        self.constants = []

    def add(self, operator, *inputs, output=None, **attributes):
        """Adds a node, whose inputs are names or values, and returns the name of its output."""
        from onnx import helper

        output = output or f"{operator}_{len(self.nodes)}"
        names = [each if isinstance(each, str) else self._hold(each) for each in inputs]
        self.nodes.append(helper.make_node(operator, names, [output], **attributes))
        return output

    def _hold(self, value):
        from onnx import numpy_helper

        array = np.asarray(value)
        if array.dtype == np.float64:
            array = array.astype(np.float32)
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def read(self, picture, multiple=1):
        """Mirrors a picture up to a multiple of pixels; returns the features and the old size."""
        x = self.add("Transpose", picture, perm=[0, 3, 1, 2])
        size = self.add("Shape", x, start=2, end=4)
        if multiple > 1:
            margins = self.add("Mod", self.add("Neg", size), [multiple])
            margins = self.add("Concat", [0] * 6, margins, axis=0)
            x = self.add("Pad", x, margins, mode="reflect")
        return x, size

    def finish(self, x, size):
        """Makes the output of what is before the sigmoid."""
        x = self.add("Slice", self.add("Sigmoid", x), [0, 0], size, [2, 3])
        x = self.add("Transpose", x, perm=[0, 2, 3, 1])
        self.blend("image", x, output="painted")

    def blend(self, weak, strong, output=None):
        """Says what is between two tensors, as `strength` asks."""
        change = self.add("Mul", "strength", self.add("Sub", strong, weak))
        return self.add("Add", weak, change, output=output)

    def convolve(self, x, layer):
        """What a Keras convolution does with a picture whose border is there already."""
        kernel, *bias = layer.get_weights()
        x = self.add("Conv", x, kernel.transpose(3, 2, 0, 1), *bias, strides=layer.strides)
        return self.add("Relu", x) if layer.activation.__name__ == "relu" else x

    def mirror(self, x, margin):
        """Mirrors the border."""
        return self.add("Pad", x, [0, 0, margin, margin] * 2, mode="reflect")

    def repeat(self, pattern, x):
        """Repeats a pattern (c, h, w) until it is as large as features are."""
        for axis, period in enumerate(pattern.shape[1:], start=1):
            count = self.add("Squeeze", self.add("Shape", x, start=axis + 1, end=axis + 2), [0])
            places = self.add("Mod", self.add("Range", 0, count, 1), period)
            pattern = self.add("Gather", pattern, places, axis=axis)
        return pattern

    def enlarge(self, x):
        """Repeats each position twice in height and width."""
        return self.add(
            "Resize",
            x,
            "",
            [1.0, 1.0, 2.0, 2.0],
            mode="nearest",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        )
