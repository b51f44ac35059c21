"""`export_onnx` and `export_onnx_parts`: export a network to ONNX, by `OnnxOps`."""

import json
from collections.abc import Callable
from functools import partial
from os import PathLike
from pathlib import Path

import numpy as np

from kerasart.export.onnx_ops import OnnxOps
from kerasart.export.parity import check_parity
from kerasart.export.requirements import check_onnx
from kerasart.image.atomic_files import write_file
from kerasart.image.files import check_place
from kerasart.networks import StyleNetwork, recast
from kerasart.networks.any_style_network import AnyStyleNetwork
from kerasart.settings.checks import check

OPSET, _IR_VERSION = 17, 8  # Of 2022: runtimes updated since then support them.
TOLERANCE = 1 / 255
_CHECKED_SIZES = (33, 47), (29, 38)  # Of the image and the style.
_FREE_SIZES = ("height", "width"), ("style_height", "style_width")
_CODE = "style_code"


def export_onnx(network: StyleNetwork, path: str | PathLike[str], taken: str = "replace") -> Path:
    """Exports a trained network to an ONNX file, and checks that its output is the same.

    The inputs are float32: `image` (1, height, width, 3) in [0, 1] of any size; for a
    `TransformerNet` `style_weights` (1, styles) with the sum 1, or (3, styles), a row for each of
    the levels coarse, middle and fine; for a network of any style `style`, an image like
    `image`; and `strength` (1,) in [0, 1]. The output is `painted`, of the shape of `image`. The
    metadata hold the names of a `TransformerNet`'s styles as "styles", in JSON.

    Args:
        network: The `StyleNetwork`.
        path: The file.
        taken: What to do if the file exists, as in `write_picture`.

    Returns:
        The `pathlib.Path` of the file.

    Raises:
        ImportError: If onnx or onnxruntime is missing.
        ValueError: If the file's output differs from the network's by more than 1/255.
        OSError: If the file cannot be written.
    """
    check_onnx()
    path = Path(path)
    check_place(path)
    data = make_onnx(network)
    return write_file(path, partial(_write, data), taken)


def make_onnx(network: StyleNetwork) -> bytes:
    """Makes the content of an ONNX file; see `export_onnx`.

    Raises:
        ValueError: If its output differs from the network's by more than 1/255.
    """
    network = recast(network, "float32")
    data = _build(network).SerializeToString()
    check_parity(network, run_file(data), network.input_shapes(*_CHECKED_SIZES), TOLERANCE)
    return data


def export_onnx_parts(
    network: StyleNetwork, path: str | PathLike[str], taken: str = "replace"
) -> list[Path]:
    """Exports a network of any style to two ONNX files, and checks that their output is the same.

    One encodes a painting, once for many photos; the other paints by codes, of which weighted means
    and mixtures by level are codes too (see `make_onnx_parts`).

    Args:
        network: The `StyleNetwork`.
        path: NAME.onnx, for NAME.encoder.onnx and NAME.painter.onnx.
        taken: What to do if a file exists, as in `write_picture`.

    Returns:
        The paths of the files.

    Raises:
        ImportError: If onnx or onnxruntime is missing.
        ValueError: If the network has named styles, or the files' output differs from the network's
            by more than 1/255.
        OSError: If a file cannot be written.
    """
    check_onnx()
    styles = ", ".join(network.styles)
    check(not styles, "network", "one of any style, to be exported in parts", styles)
    paths = [Path(path).with_suffix(f".{part}.onnx") for part in ("encoder", "painter")]
    for each in paths:
        check_place(each)
    pairs = zip(paths, make_onnx_parts(network), strict=True)
    return [write_file(each, partial(_write, data), taken) for each, data in pairs]


def _write(data, file):
    file.write(data)


def make_onnx_parts(network: AnyStyleNetwork) -> tuple[bytes, bytes]:
    """Makes two ONNX files of a network of any style, for manners between those of pictures.

    The first takes `style`, an image, and gives its `style_code`. The second takes `image`, a
    `style_code`, a weighted mean of which is one too, and `strength`, and gives what is `painted`.
    Inputs and output are otherwise those of `export_onnx`. A code of a network whose styles may
    differ by level has a row for each of the levels coarse, middle and fine.

    Raises:
        ValueError: If their output differs from the network's by more than 1/255.
    """
    network = recast(network, "float32")
    encoder, painter = (each.SerializeToString() for each in _build_parts(network))
    encode, paint = run_file(encoder, "style_code"), run_file(painter)

    def paint_both(inputs):
        style_code = encode({"style": inputs["style"]})
        return paint({name: inputs[name] for name in ("image", "strength")} | {_CODE: style_code})

    check_parity(network, paint_both, network.input_shapes(*_CHECKED_SIZES), TOLERANCE)
    return encoder, painter


def run_file(data: bytes, output: str = "painted") -> Callable[[dict[str, np.ndarray]], np.ndarray]:
    """Opens an ONNX file: a function of its inputs that returns an output."""
    import onnxruntime

    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    return lambda inputs: session.run([output], inputs)[0]


def _build(network):
    from onnx import helper

    ops, shapes = OnnxOps(), network.input_shapes(*_FREE_SIZES)
    style_code = network.encode_style(network.style_input, ops=ops)
    ops.node("Identity", network.forward("image", style_code, "strength", ops), output="painted")
    if not network.styles:
        return _make_model(network, ops, shapes, {"painted": shapes["image"]})
    shapes["style_weights"] = ("levels", len(network.styles))
    model = _make_model(network, ops, shapes, {"painted": shapes["image"]})
    helper.set_model_props(model, {"styles": json.dumps(network.styles)})
    return model


def _build_parts(network):
    shapes = network.input_shapes(*_FREE_SIZES)
    code = {_CODE: (1, *(each or "channels" for each in network.code_shape))}
    encoding, painting = OnnxOps(), OnnxOps()
    encoding.node("Identity", network.encode_style("style", ops=encoding), output=_CODE)
    painted = network.forward("image", _CODE, "strength", painting)
    painting.node("Identity", painted, output="painted")
    inputs = {"image": shapes["image"], **code, "strength": shapes["strength"]}
    return (
        _make_model(network, encoding, {"style": shapes["style"]}, code),
        _make_model(network, painting, inputs, {"painted": shapes["image"]}),
    )


def _make_model(network, ops, inputs, outputs):
    """Makes a model of a graph, whose inputs and outputs are dicts of name to shape."""
    from onnx import TensorProto, checker, helper

    values = (
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, each[name]) for name in each]
        for each in (inputs, outputs)
    )
    model = helper.make_model(
        helper.make_graph(ops.nodes, type(network).__name__, *values, ops.constants),
        producer_name="kerasart",
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=_IR_VERSION,
    )
    checker.check_model(model)
    return model
