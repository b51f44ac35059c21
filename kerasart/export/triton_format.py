"""`export_triton`: exports networks and generators for Triton Inference Server, as ONNX."""

import json
from os import PathLike
from pathlib import Path

from kerasart.export.onnx_format import make_onnx
from kerasart.export.onnx_generator import make_generator_onnx
from kerasart.export.requirements import check_onnx
from kerasart.export.versions import add_version
from kerasart.image.atomic_files import make_folder, write_file
from kerasart.networks import StyleGenerator, StyleNetwork

_CONFIG, _MODEL = "config.pbtxt", "model.onnx"  # As Triton names them.
_BATCH = "batch"  # The name of the first dimension of what is painted many at once.
_MOST_AT_ONCE = 8
_SIDE = 128  # Pixels of the images of the warm-up.


def export_triton(
    network: StyleNetwork | StyleGenerator, folder: str | PathLike[str], taken: str = "refuse"
) -> Path:
    """Exports a network or a generator as the next version of a model in Triton's repository.

    The folder above is the repository, `tritonserver --model-repository`. The model is the ONNX
    file that `export_onnx` or `export_generator_onnx` writes, and takes what that takes, for
    Triton's ONNX Runtime backend. Beside it `config.pbtxt` names its tensors, has a request for the
    warm-up, and names the styles, in JSON, as the parameter "styles". A network's picture is of any
    size, so that requests are not put into batches; a generator's are, up to 8.

    Args:
        network: The network, or the generator in float32.
        folder: The model's folder, whose name is the model's on the server.
        taken: What to do if there is a `config.pbtxt` that is of another model: "refuse" or
            "replace". One with the same inputs, outputs and styles is left as it is, since much can
            be added to it.

    Returns:
        The path of the new version.

    Raises:
        ImportError: If onnx or onnxruntime is missing; for a generator also tf2onnx.
        ValueError: If the file's output differs from the network's by more than 1/255.
        FileExistsError: If there is a `config.pbtxt` of another model, and it is not to be
            replaced.
        OSError: If the folder cannot be written.
    """
    check_onnx()
    folder = Path(folder)
    is_generator = isinstance(network, StyleGenerator)
    data = make_generator_onnx(network) if is_generator else make_onnx(network)
    own, rest = _describe(data)
    config = folder / _CONFIG
    is_kept = taken == "refuse" and config.exists()
    if is_kept and not all(each in config.read_text() for each in own):
        raise FileExistsError(
            f"`output` must be a new folder, or hold a {_CONFIG} with the same inputs, outputs and "
            f"styles; or `overwrite` must be given. Received: '{config}', which has others"
        )

    def write(version):
        version.mkdir()
        write_file(version / _MODEL, lambda file: file.write(data))

    make_folder(folder)
    if not is_kept:  # Before the model, which a server may look at as soon as it is there.
        text = f'name: "{folder.resolve().name}"\n{"".join([*own, rest])}'
        write_file(config, lambda file: file.write(text.encode()))
    return add_version(folder, write)


def _describe(data):
    """Writes the configuration of an ONNX file.

    Returns:
        A list of texts, of the inputs, the outputs and the styles; and the text of all else.
    """
    import onnx

    model = onnx.load_from_string(data)
    shapes = [
        (kind, each.name, _read_shape(each))
        for kind, values in (("input", model.graph.input), ("output", model.graph.output))
        for each in values
    ]
    is_batched = all(shape[0] == _BATCH for _, _, shape in shapes)
    own = [_write_tensor(*each, is_batched) for each in shapes]
    for each in model.metadata_props:
        key, value = json.dumps(each.key), json.dumps(each.value)
        own.append(f"parameters {{ key: {key} value {{ string_value: {value} }} }}\n")
    inputs = [each for each in shapes if each[0] == "input"]
    parts = [
        'backend: "onnxruntime"\n',
        f"max_batch_size: {_MOST_AT_ONCE if is_batched else 0}\n",
        "dynamic_batching { }\n" if is_batched else "",
        "version_policy { latest { num_versions: 1 } }\n",
        _write_warmup(inputs, is_batched),
    ]
    return own, "".join(parts)


def _read_shape(value):
    """Reads the shape of an input or output: numbers, and names of what is free, or ""."""
    return [each.dim_value or each.dim_param for each in value.type.tensor_type.shape.dim]


def _write_tensor(kind, name, shape, is_batched):
    dims = [each if isinstance(each, int) else -1 for each in shape[is_batched:]]
    reshape = "" if dims else "\n  reshape { shape: [ ] }"  # A number, in batches.
    return (
        f'{kind} {{\n  name: "{name}"\n  data_type: TYPE_FP32\n  dims: {dims or [1]}{reshape}\n}}\n'
    )


def _write_warmup(inputs, is_batched):
    """Writes a request of zeros: a black picture, and no style."""
    lines = []
    for _, name, shape in inputs:
        sizes = {"levels": 1}  # All else that is free is a side of an image.
        dims = [each if isinstance(each, int) else sizes.get(each, _SIDE) for each in shape]
        dims = dims[is_batched:] or [1]
        lines.append(
            f'  inputs {{\n    key: "{name}"\n'
            f"    value {{ data_type: TYPE_FP32 dims: {dims} zero_data: true }}\n  }}\n"
        )
    return f'model_warmup {{\n  name: "zeros"\n  batch_size: 1\n{"".join(lines)}}}\n'
