"""Export to ONNX files, which many runtimes read: `export_onnx` and `OnnxOps`."""

import json
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kerasart.export.parity import check_parity
from kerasart.export.requirements import check_onnx
from kerasart.image.atomic_files import write_file
from kerasart.image.files import check_place
from kerasart.networks import StyleNetwork, recast
from kerasart.networks.layers import ConvBlock, NoiseInjection
from kerasart.networks.ops import StyleOps

_OPSET, _IR_VERSION = 17, 8  # Of 2022: what has been updated since then reads it.
_TOLERANCE = 1 / 255
_CHECKED_SIZES = (33, 47), (29, 38)  # Of the picture and the style.


def export_onnx(network: StyleNetwork, path: str | PathLike[str], taken: str = "replace") -> Path:
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
    network = recast(network, "float32")
    data = _build(network).SerializeToString()
    check_parity(network, _painter(data), network.input_shapes(*_CHECKED_SIZES), _TOLERANCE)
    return write_file(path, lambda file: file.write(data), taken)


def _painter(data):
    import onnxruntime

    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    return lambda inputs: session.run(["painted"], inputs)[0]


def _build(network):
    """Makes the model."""
    from onnx import TensorProto, checker, helper

    ops = OnnxOps()
    style_code = network.encode_style(network.style_input, ops=ops)
    ops.node("Identity", network.forward("image", style_code, "strength", ops), output="painted")
    shapes = network.input_shapes(("height", "width"), ("style_height", "style_width"))
    inputs, outputs = (
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, each[name]) for name in each]
        for each in (shapes, {"painted": shapes["image"]})
    )
    name = type(network).__name__
    model = helper.make_model(
        helper.make_graph(ops.nodes, name, inputs, outputs, ops.constants),
        producer_name="kerasart",
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
    )
    if network.styles:
        helper.set_model_props(model, {"styles": json.dumps(network.styles)})
    checker.check_model(model)
    return model


class OnnxOps(StyleOps):
    """Writes a graph that computes what `KerasOps` does, for a batch of one.

    Tensors are their names in the graph, and features are (1, channels, height, width).

    Attributes:
        nodes: The nodes, each of one output.
        constants: The tensors that are given.
    """

    def __init__(self):
        self.nodes = []
        self.constants = []
        self._sizes = {}  # Those of images, by name.

    def node(
        self, operator: str, *inputs: Any, output: str | None = None, **attributes: Any
    ) -> str:
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

    def read(self, image: str, multiple: int) -> str:
        """As `StyleOps.read`."""
        x = self.node("Transpose", image, perm=[0, 3, 1, 2])
        self._sizes[image] = self.node("Shape", x, start=2, end=4)
        margins = self.node("Mod", self.node("Neg", self._sizes[image]), [multiple])
        margins = self.node("Concat", [0] * 6, margins, axis=0)
        return self.node("Pad", x, margins, mode="reflect")

    def to_image(self, x: str, image: str) -> str:
        """As `StyleOps.to_image`."""
        x = self.node("Slice", self.node("Sigmoid", x), [0, 0], self._sizes[image], [2, 3])
        return self.node("Transpose", x, perm=[0, 2, 3, 1])

    def cast(self, x: str) -> str:
        """Nothing: all is float32."""
        return x

    def uncast(self, x: str) -> str:
        """Nothing: all is float32."""
        return x

    def add(self, x: str, y: str | float) -> str:
        """As `StyleOps.add`."""
        return self.node("Add", x, y)

    def divide(self, x: str, divisor: float) -> str:
        """As `StyleOps.divide`."""
        return self.node("Div", x, divisor)

    def relu(self, x: str) -> str:
        """As `StyleOps.relu`."""
        return self.node("Relu", x)

    def convolve(self, x: str, layer: keras.layers.Conv2D) -> str:
        """As `StyleOps.convolve`."""
        kernel, *bias = layer.get_weights()
        margin = layer.kernel_size[0] // 2
        x = self.node("Pad", x, [0, 0, margin, margin] * 2, mode="reflect")
        x = self.node("Conv", x, kernel.transpose(3, 2, 0, 1), *bias, strides=layer.strides)
        return self.relu(x) if layer.activation.__name__ == "relu" else x

    def conv_block(self, x: str, block: ConvBlock, mixture: str) -> str:
        """As `StyleOps.conv_block`."""
        norm = block.normalise
        gamma, beta = (self._mix(mixture, table, [-1]) for table in (norm.gamma, norm.beta))
        x = self.convolve(x, block.convolve)
        return self.node("InstanceNormalization", x, gamma, beta, epsilon=norm.epsilon)

    def noise(self, x: str, layer: NoiseInjection, mixture: str) -> str:
        """As `StyleOps.noise`."""
        noise = layer.spread(layer.pattern.astype(np.float32)).numpy().transpose(2, 0, 1)
        for axis, period in enumerate(noise.shape[1:], start=1):
            count = self.node("Squeeze", self.node("Shape", x, start=axis + 1, end=axis + 2), [0])
            places = self.node("Mod", self.node("Range", 0, count, 1), period)
            noise = self.node("Gather", noise, places, axis=axis)
        gain = self._mix(mixture, layer.gain, [-1, 1, 1])
        return self.add(x, self.node("Mul", gain, noise))

    def _mix(self, mixture, table, shape):
        return self.node("Reshape", self.node("MatMul", mixture, table.numpy()), shape)

    def upsample(self, x: str) -> str:
        """As `StyleOps.upsample`."""
        return self.node(
            "Resize",
            x,
            "",
            [1.0, 1.0, 2.0, 2.0],
            mode="nearest",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        )

    def max_pool(self, x: str) -> str:
        """As `StyleOps.max_pool`."""
        return self.node("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])

    def preprocess(self, x: str, function: Callable) -> str:
        """As `StyleOps.preprocess`, of what exchanges channels and subtracts their means."""
        # Black and the primaries say all about it.
        black, *primaries = np.asarray(function(255 * np.eye(4, 3, -1, dtype=np.float32)))
        matrix = (np.stack(primaries) - black).T
        return self.node("Conv", x, matrix[:, :, None, None], black)

    def mixture(self, style_weights: str) -> str:
        """As `StyleOps.mixture`."""
        return self.node("Concat", np.zeros((1, 1), np.float32), style_weights, axis=1)

    def moments(self, features: str, epsilon: float, mask: None = None) -> str:
        """As `StyleOps.moments`, of all positions."""
        mean = self.node("ReduceMean", features, axes=[2, 3])
        centred = self.node("Sub", features, mean)
        variance = self.node("ReduceMean", self.node("Mul", centred, centred), axes=[2, 3])
        deviation = self.node("Sqrt", self.node("Add", variance, epsilon))
        each = (self.node("Reshape", value, [1, 1, -1]) for value in (mean, deviation))
        return self.node("Concat", *each, axis=1)

    def adain(self, features: str, style_code: str, epsilon: float) -> str:
        """As `StyleOps.adain`."""
        mean, deviation = (self.node("Gather", style_code, i, axis=1) for i in (0, 1))
        mean, deviation = (self.node("Reshape", each, [-1]) for each in (mean, deviation))
        return self.node("InstanceNormalization", features, deviation, mean, epsilon=epsilon)

    def blend(self, weak: Any, strong: str, strength: str) -> str:
        """As `StyleOps.blend`."""
        change = self.node("Mul", strength, self.node("Sub", strong, weak))
        return self.node("Add", weak, change)
