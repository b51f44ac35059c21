"""Export to LiteRT (TensorFlow Lite) files, for phones: `export_litert`."""

import contextlib
import os
import sys
import warnings
from collections.abc import Callable
from os import PathLike
from pathlib import Path

import keras
import tensorflow as tf

from kerasart.export.parity import check_parity
from kerasart.image.atomic_files import write_file
from kerasart.image.files import check_place
from kerasart.networks import StyleNetwork, recast
from kerasart.networks.ops import KerasOps, StyleOps

_TOLERANCE = 2 / 255  # Its weights are rounded to float16.
_SIGNATURE = "serving_default"


def export_litert(
    network: StyleNetwork,
    path: str | PathLike[str],
    size: tuple[int, int],
    taken: str = "replace",
) -> Path:
    """Writes a trained network to a LiteRT file, after a look at whether it paints the same.

    The signature `serving_default` has float32 inputs: `image` (1, height, width, 3) in [0, 1]; of
    a `TransformerNet` `style_weights` (1, styles), which add up to 1, and of an `AdaIN` `style`, a
    picture like `image`; and `strength` (1,) in [0, 1]. The output is `image`, painted.

    Args:
        network: A `TransformerNet` or an `AdaIN`.
        path: The file.
        size: (height, width) of all its pictures. Below some 24 pixels, normalisations over few
            positions may enlarge what float16 rounds by more than is allowed.
        taken: What to do where a file of that name is, as in `write_picture`.

    Returns:
        The `pathlib.Path` of the file.

    Raises:
        ValueError: If the size is too small, or the file would paint otherwise than the network,
            by more than 2/255.
        FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError, OSError: If the
            file cannot be written.
    """
    path = Path(path)
    check_place(path)
    shapes = network.input_shapes(size)
    specs = {name: tf.TensorSpec(shape, name=name) for name, shape in shapes.items()}
    network.check_size(specs["image"], "size")
    network = recast(network, "float32")
    with _quiet():
        data = _convert(network, specs)
        check_parity(network, _painter(data), shapes, _TOLERANCE)
    return write_file(path, lambda file: file.write(data), taken)


def _convert(network, specs):
    paint = _paint_from_constants(network)

    @tf.function(autograph=False)
    def serve(**inputs):
        return {"image": paint(*(inputs[name] for name in specs))}

    function = serve.get_concrete_function(**specs)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], tf.Module())
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]
    return converter.convert()


class _Ops(KerasOps):
    """As `KerasOps`; an encoder's convolutions are plain ones, which LiteRT has."""

    encode = StyleOps.encode


def _paint_from_constants(network: StyleNetwork) -> Callable:
    """Makes a function that paints as a network does, whose graph holds no variables."""
    constants = [(variable, tf.constant(variable.numpy())) for variable in network.all_variables]
    ops = _Ops()

    def paint(image, style, strength):
        with keras.StatelessScope(constants):
            return network.forward(image, network.encode_style(style, ops=ops), strength, ops)

    return paint


def _painter(data):
    runner = tf.lite.Interpreter(model_content=data).get_signature_runner(_SIGNATURE)
    return lambda inputs: runner(**inputs)["image"]


@contextlib.contextmanager
def _quiet():
    """Keeps what is written in Python and in C++ to the standard error from being seen."""
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "w") as nowhere, warnings.catch_warnings(action="ignore"):
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
