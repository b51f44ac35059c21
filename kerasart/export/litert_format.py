"""`export_litert`: exports a network to LiteRT (TensorFlow Lite), for phones."""

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
from kerasart.levels import LEVELS
from kerasart.networks import StyleNetwork, recast
from kerasart.networks.ops import KerasOps, StyleOps

_TOLERANCE = 2 / 255  # Weights are rounded to float16.
_SIGNATURE = "serving_default"


def export_litert(
    network: StyleNetwork,
    path: str | PathLike[str],
    size: tuple[int, int],
    taken: str = "replace",
) -> Path:
    """Exports a trained network to a LiteRT file, and checks that its output is the same.

    The signature `serving_default` has float32 inputs: `image` (1, height, width, 3) in [0, 1]; for
    a `TransformerNet` `style_weights` (1, styles) with the sum 1, or (3, styles), a row for each of
    the levels coarse, middle and fine; for a network of any style `style`, an image like
    `image`; and `strength` (1,) in [0, 1]. The output is `image`, the painting.

    Args:
        network: The `StyleNetwork`.
        path: The file.
        size: (height, width) of all images. Below about 24 pixels, normalisation over few
            positions may amplify the rounding to float16 beyond what is allowed.
        taken: What to do if the file exists, as in `write_picture`.

    Returns:
        The `pathlib.Path` of the file.

    Raises:
        ValueError: If the size is too small, or the file's output differs from the network's by
            more than 2/255.
        OSError: If the file cannot be written.
    """
    path = Path(path)
    check_place(path)
    shapes = network.input_shapes(size)
    specs = {name: tf.TensorSpec(shape, name=name) for name, shape in shapes.items()}
    if network.styles:
        specs["style_weights"] = tf.TensorSpec([None, len(network.styles)], name="style_weights")
    network.check_size(specs["image"], "size")
    network = recast(network, "float32")
    with _quiet():
        data = _convert(network, specs)
        check_parity(network, _run_file(data), shapes, _TOLERANCE)
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
    """As `KerasOps`, but with an encoder's plain convolutions, which LiteRT supports."""

    encode = StyleOps.encode

    def mixture(self, style_weights: tf.Tensor) -> tf.Tensor:
        """As `StyleOps.mixture`, of one row for all levels, or one for each."""
        rows = tf.broadcast_to(style_weights, [len(LEVELS), style_weights.shape[-1]])
        return super().mixture(rows[tf.newaxis])


def _paint_from_constants(network: StyleNetwork) -> Callable:
    """Returns a function that paints as the network does, without variables in its graph."""
    constants = [(variable, tf.constant(variable.numpy())) for variable in network.all_variables]
    ops = _Ops()

    def paint(image, style, strength):
        with keras.StatelessScope(constants):
            return network.forward(image, network.encode_style(style, ops=ops), strength, ops)

    return paint


def _run_file(data):
    runner = tf.lite.Interpreter(model_content=data).get_signature_runner(_SIGNATURE)
    return lambda inputs: runner(**inputs)["image"]


@contextlib.contextmanager
def _quiet():
    """Discards warnings and what C++ code writes to standard error."""
    sys.stderr.flush()
    stderr = os.dup(2)
    with open(os.devnull, "w") as null, warnings.catch_warnings(action="ignore"):
        os.dup2(null.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
