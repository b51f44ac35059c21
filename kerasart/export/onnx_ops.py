"""`OnnxOps`, which builds an ONNX graph of what a style network computes."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from kerasart.levels import LEVELS
from kerasart.networks.layers import ConvBlock, NoiseInjection
from kerasart.networks.ops import LEAST_LIGHT, StyleOps

_MANY = 64  # Numbers of a constant that is worth the node which widens it.


class OnnxOps(StyleOps):
    """Builds an ONNX graph that computes what `KerasOps` does, for a batch of one.

    Tensors are represented by their names in the graph; features are (1, channels, height, width).

    Attributes:
        nodes: The nodes, each with one output.
        constants: The initialisers.
    """

    def __init__(self):
        self.nodes = []
        self.constants = []
        self._sizes = {}  # Image name to the name of its size.

    def node(
        self, operator: str, *inputs: Any, output: str | None = None, **attributes: Any
    ) -> str:
        """Adds a node, whose inputs are names or constants, and returns its output's name."""
        from onnx import helper

        names = [each if isinstance(each, str) else self._constant(each) for each in inputs]
        output = output or f"{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, names, [output], **attributes))
        return output

    def _constant(self, value):
        """Adds a constant; many numbers that float16 holds exactly are stored in it."""
        from onnx import numpy_helper

        array = np.asarray(value)
        if array.dtype == np.float64:
            array = array.astype(np.float32)
        kind = array.dtype
        if kind == np.float32 and array.size >= _MANY and (array == array.astype(np.float16)).all():
            array = array.astype(np.float16)
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(array, name))
        return name if array.dtype == kind else self.to_float32(name)

    def to_float32(self, x: Any) -> str:
        """Casts to float32: of a constant, a runtime does so once, when it opens the file."""
        from onnx import TensorProto

        return self.node("Cast", x, to=TensorProto.FLOAT)

    def read(self, image: str, multiple: int) -> str:
        """As `StyleOps.read`."""
        x = self.node("Transpose", image, perm=[0, 3, 1, 2])
        self._sizes[image] = self.node("Shape", x, start=2, end=4)
        margins = self.node("Mod", self.node("Neg", self._sizes[image]), [multiple])
        margins = self.node("Concat", [0] * 6, margins, axis=0)
        return self.node("Pad", x, margins, mode="reflect")

    def to_image(self, x: str, image: str, adds: bool = False) -> str:
        """As `StyleOps.to_image`."""
        x = self.node("Slice", x, [0, 0], self._sizes[image], [2, 3])
        x = self.node("Transpose", x, perm=[0, 2, 3, 1])
        return self.node("Sigmoid", self.add(x, self._logits(image)) if adds else x)

    def _logits(self, image):
        image = self.node("Clip", image, np.float32(LEAST_LIGHT), np.float32(1 - LEAST_LIGHT))
        odds = self.node("Div", image, self.node("Sub", 1.0, image))
        return self.node("Log", odds)

    def cast(self, x: str) -> str:
        """Does nothing: all tensors are float32."""
        return x

    def uncast(self, x: str) -> str:
        """Does nothing: all tensors are float32."""
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

    def apply(self, x: str, layer: keras.layers.Layer) -> str:
        """As `StyleOps.apply`."""
        # Of whole numbers and scales, as they are saved: a runtime multiplies them once.
        kernel, scale = layer.packed()
        is_depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
        order = (2, 3, 0, 1) if is_depthwise else (3, 2, 0, 1)
        numbers = self.to_float32(kernel.transpose(order))
        x = self.node(
            "Conv",
            x,
            self.node("Mul", numbers, scale.transpose(order)),
            keras.ops.convert_to_numpy(layer.bias),
            strides=layer.strides,
            group=kernel.shape[2] if is_depthwise else 1,
            auto_pad="SAME_UPPER",
        )
        return self.node("Clip", x, 0.0, 6.0) if layer.activation.__name__ == "relu6" else x

    def conv_block(self, x: str, block: ConvBlock, mixture: str) -> str:
        """As `StyleOps.conv_block`."""
        norm = block.normalise
        gamma, beta = (self._mix(mixture, table, [-1]) for table in (norm.gamma, norm.beta))
        x = self.convolve(x, block.convolve)
        return self.node("InstanceNormalization", x, gamma, beta, epsilon=norm.epsilon)

    def noise(self, x: str, layer: NoiseInjection, mixture: str, offset: None = None) -> str:
        """As `StyleOps.noise`, without an offset."""
        pattern = layer.pattern.transpose(2, 0, 1)
        noise = self.to_float32(pattern)
        for axis, period in enumerate(pattern.shape[1:], start=1):
            count = self.node("Squeeze", self.node("Shape", x, start=axis + 1, end=axis + 2), [0])
            indices = self.node("Mod", self.node("Range", 0, count, 1), period)
            noise = self.node("Gather", noise, indices, axis=axis)
        fields = layer.spread(np.arange(len(pattern))[None, None]).numpy().ravel()
        noise = self.node("Gather", noise, fields, axis=0)  # Of each channel.
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
        """As `StyleOps.preprocess`, for an affine function of the channels."""
        # Its values for black and the primaries determine it.
        black, *primaries = np.asarray(function(255 * np.eye(4, 3, -1, dtype=np.float32)))
        matrix = (np.stack(primaries) - black).T
        return self.node("Conv", x, matrix[:, :, None, None], black)

    def mixture(self, style_weights: str) -> str:
        """As `StyleOps.mixture`, of one row for all levels, or one for each."""
        rows = self.node("Expand", style_weights, [len(LEVELS), 1])
        return self.node("Unsqueeze", self.node("Pad", rows, [0, 1, 0, 0]), [0])

    def unstack(self, x: str) -> list[str]:
        """As `StyleOps.unstack`."""
        return [self.node("Gather", x, i, axis=1) for i in range(len(LEVELS))]

    def average(self, features: str, mask: None = None) -> str:
        """As `StyleOps.average`, without a mask."""
        return self.node("ReduceMean", features, axes=[2, 3], keepdims=0)

    def moments(self, features: str, epsilon: float, mask: None = None) -> str:
        """As `StyleOps.moments`, without a mask."""
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

    def blend(self, weak: Any, strong: str, strength: str | None) -> str:
        """As `StyleOps.blend`."""
        if strength is None:
            return strong
        change = self.node("Mul", strength, self.node("Sub", strong, weak))
        return self.node("Add", weak, change)
