"""`export_generator_onnx`: exports a generator to ONNX, by tf2onnx."""

from os import PathLike
from pathlib import Path

import tensorflow as tf

from kerasart.export.generator_signatures import ServedGenerator
from kerasart.export.onnx_format import OPSET, TOLERANCE, run_file
from kerasart.export.parity import check_parity
from kerasart.export.requirements import check_onnx
from kerasart.image.atomic_files import write_file
from kerasart.image.files import check_place
from kerasart.networks import StyleGenerator

_CHECKED = 2  # Pictures that are compared.


def export_generator_onnx(
    generator: StyleGenerator, path: str | PathLike[str], taken: str = "replace"
) -> Path:
    """Exports a generator to an ONNX file, and checks that its pictures are the same.

    The inputs are float32: `z` (batch, 3, z_size), of a standard normal distribution, one for each
    of the levels coarse, middle and fine, all the same for a picture of one seed; and `truncation`
    (batch,). A generator of classes has `label` as well, (batch, classes), 1 at the class of each
    and 0 elsewhere. The output is `painted`, (batch, size, size, 3) in [0, 1]. The noise is the
    fixed one.

    Args:
        generator: The `StyleGenerator`, in float32.
        path: The file.
        taken: What to do if the file exists, as in `write_picture`.

    Returns:
        The `pathlib.Path` of the file.

    Raises:
        ImportError: If onnx, onnxruntime or tf2onnx is missing.
        ValueError: If a picture of the file differs from the generator's by more than 1/255.
        OSError: If the file cannot be written.
    """
    check_onnx("tf2onnx")
    path = Path(path)
    check_place(path)
    data = make_generator_onnx(generator)
    return write_file(path, lambda file: file.write(data), taken)


def make_generator_onnx(generator: StyleGenerator) -> bytes:
    """Makes the content of an ONNX file; see `export_generator_onnx`.

    Raises:
        ImportError: If tf2onnx is missing.
        ValueError: If a picture of the file differs from the generator's by more than 1/255.
    """
    check_onnx("tf2onnx")
    import tf2onnx

    served = ServedGenerator(generator)
    specs = list(served.specs().values())

    @tf.function(input_signature=specs, autograph=False)
    def paint(*inputs):
        return {"painted": served.paint(*inputs)}

    model, _ = tf2onnx.convert.from_function(paint, specs, opset=OPSET)
    for each in (*model.graph.input, *model.graph.output):
        each.type.tensor_type.shape.dim[0].dim_param = "batch"
    data = model.SerializeToString()
    shapes = {name: (_CHECKED, *spec.shape[1:]) for name, spec in served.specs().items()}
    check_parity(served.paint, run_file(data), shapes, TOLERANCE)
    return data
