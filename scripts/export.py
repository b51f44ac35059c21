"""Exports a network, a dream or a generator: for servers, ONNX Runtime, LiteRT, or browsers.

    python scripts/export.py --model=medium
    python scripts/export.py --model=mine --output=saved_models/mine
    python scripts/export.py --model=dream --preset=animals --backbone=squeezenet
    python scripts/export.py --model=medium --format=onnx --output=medium.onnx
    python scripts/export.py --model=any_style --format=onnx --parts
    python scripts/export.py --model=generator --format=onnx
    python scripts/export.py --model=medium --format=triton --output=triton/medium
    python scripts/export.py --model=small --format=litert --size=512x512 --output=small.tflite
    npm pack onnxruntime-web@1.30.0 && python scripts/export.py --model=small --format=web
    python scripts/export.py --model=any_style --format=web --style=a.jpg --style=b.jpg

A SavedModel, for TensorFlow Serving, goes to the next version, a numbered folder in the output,
where the server finds it; what is there already stays. So does a model for Triton, an ONNX file,
with a config.pbtxt beside it; `tritonserver --model-repository=triton` serves it. A SavedModel is
asked for a picture before it is put in place, and other formats are compared with the network.
saved_models/README.md says how to start a server. A page that paints in the browser is a folder for
any web host; `python -m http.server --directory=small_web` is one.
"""

from kerasart.scripts import cli, common_flags

from functools import partial
from pathlib import Path

from absl import flags

from kerasart.export.requirements import check_onnx
from kerasart.export.web_runtime import ARCHIVE, read_runtime
from kerasart.image import read_picture
from kerasart.image.files import check_place
from kerasart.saved_models import NVIDIA_SUFFIXES, is_generator, list_styles

_OF_FORMAT = {
    "size": "litert",
    "most_pixels": "savedmodel",
    "precision": "savedmodel",
    "runtime": "web",
    "style": "web",
    "parts": "onnx",
}
_FORMATS = ("savedmodel", "triton", "onnx", "litert", "web")
_SUFFIXES = {"onnx": ".onnx", "litert": ".tflite"}
_DREAM = "dream"

_MODEL = flags.DEFINE_string(
    "model",
    "medium",
    "A trained network: a name that stylize.py --list_styles shows, a folder or a .keras file; a "
    f"generator, as for generate.py --model; or {_DREAM}, which dreams.",
)
_OUTPUT = flags.DEFINE_string(
    "output",
    None,
    "Where to write: a served model's folder, whose name is the model's on the server, a file, "
    "or a page's folder. (default: saved_models/NAME, triton/NAME, NAME.onnx, NAME.tflite, or "
    "NAME_web)",
)
_FORMAT = flags.DEFINE_enum(
    "format",
    "savedmodel",
    _FORMATS,
    "savedmodel for TensorFlow Serving; triton for Triton Inference Server; onnx; litert, in "
    "float16 and for one size; or web, a page that paints in the browser.",
)
_SIZE = flags.DEFINE_string("size", "512x512", "Height x width of the pictures, for litert.")
_MOST_PIXELS = flags.DEFINE_integer(
    "most_pixels",
    16_000_000,
    "The most pixels of a picture that a server accepts.",
    lower_bound=1,
)
_RUNTIME = flags.DEFINE_string(
    "runtime",
    ARCHIVE,
    "For web, the npm package onnxruntime-web: an archive that npm pack fetches, or its folder.",
)
_STYLE = flags.DEFINE_multi_string(
    "style",
    None,
    "For web and a network of any style, a painting that the page offers, by its file's name, "
    "besides those of its visitors. (default: manners of the network's own)",
)
_PARTS = flags.DEFINE_bool(
    "parts",
    False,
    "For onnx and a network of any style: NAME.encoder.onnx, which encodes a painting, and "
    "NAME.painter.onnx, which paints by codes, also by mixtures of them and by level.",
)
_PRESET = flags.DEFINE_string(
    "preset", None, "The dream's settings (deep_dream.py --preset=help). (default: animals)"
)
GROUPS = {
    "Model": [_MODEL, _OUTPUT, _FORMAT, _SIZE, _MOST_PIXELS, _RUNTIME, _STYLE, _PARTS],
    "Network": [common_flags.PRECISION],
    "Dream": [_PRESET, common_flags.BACKBONE, common_flags.WEIGHTS],
    "Run": [common_flags.OVERWRITE, common_flags.QUIET, common_flags.DEBUG],
}


def main() -> None:
    """Reads flags, exports, and says what was written."""
    _check_flags()
    model = Path(_MODEL.value)
    name = model.stem if model.suffix in (".keras", *NVIDIA_SUFFIXES) else model.name
    usual = {
        "savedmodel": f"saved_models/{name}",
        "triton": f"triton/{name}",
        "web": f"{name}_web",
    } | {kind: f"{name}{suffix}" for kind, suffix in _SUFFIXES.items()}
    output = Path(_OUTPUT.value or usual[_FORMAT.value])
    if _FORMAT.value in ("savedmodel", "triton", "web"):
        _check_folder(output)
    else:
        suffix = _SUFFIXES[_FORMAT.value]
        if output.suffix != suffix:
            allowed = f"`output` must end with {suffix} for --format={_FORMAT.value}"
            raise ValueError(f"{allowed}. Received: {str(output)!r}")
        check_place(output)
    if _FORMAT.value == "web":
        read_runtime(_RUNTIME.value)
    if _FORMAT.value in ("triton", "onnx", "web"):
        check_onnx()
    styles = {Path(name).stem: read_picture(name) for name in _STYLE.value or ()} or None
    cli.load_tensorflow()
    exports = {"savedmodel": _export_served, "triton": _export_triton}
    export = exports.get(_FORMAT.value, partial(_export_file, styles=styles))
    cli.say(f"Wrote {export(output)}.")


def _check_flags():
    """Refuses flags that do not go with the format, and formats that the model has not."""
    dreams = [flag.name for flag in GROUPS["Dream"] if flag.value is not None]
    if dreams and _MODEL.value != _DREAM:
        raise ValueError(f"`{dreams[0]}` must go with --model={_DREAM}. Received: {_MODEL.value}")
    for name, kind in _OF_FORMAT.items():
        if flags.FLAGS[name].present and _FORMAT.value != kind:
            raise ValueError(f"`{name}` must go with --format={kind}. Received: {_FORMAT.value}")
    _parse_size(_SIZE.value)
    if _FORMAT.value == "savedmodel":
        return
    if _MODEL.value == _DREAM:
        raise ValueError(f"`format` must be savedmodel for a dream. Received: {_FORMAT.value}")
    if _FORMAT.value not in ("triton", "onnx") and is_generator(_MODEL.value):
        allowed = "`format` must be savedmodel, triton or onnx for a generator"
        raise ValueError(f"{allowed}. Received: {_FORMAT.value}")
    of_any_style = [flag.name for flag in (_STYLE, _PARTS) if flag.value]
    if of_any_style and (is_generator(_MODEL.value) or list_styles(_MODEL.value)):
        raise ValueError(
            f"`{of_any_style[0]}` must go with a network of any style, such as --model=any_style. "
            f"Received: --model={_MODEL.value}"
        )


def _export_file(output, styles):
    from kerasart.networks import load_generator, load_network

    taken = common_flags.if_taken()
    if is_generator(_MODEL.value):
        from kerasart.export.onnx_generator import export_generator_onnx

        return export_generator_onnx(load_generator(_MODEL.value), output, taken)
    network = load_network(_MODEL.value)
    if _FORMAT.value == "onnx":
        from kerasart.export.onnx_format import export_onnx, export_onnx_parts

        if _PARTS.value:
            return " and ".join(map(str, export_onnx_parts(network, output, taken)))
        return export_onnx(network, output, taken)
    if _FORMAT.value == "web":
        from kerasart.export.web_format import export_web

        return export_web(network, output, _RUNTIME.value, taken, styles)
    from kerasart.export.litert_format import export_litert

    return export_litert(network, output, _parse_size(_SIZE.value), taken)


def _export_triton(output):
    from kerasart.export.triton_format import export_triton
    from kerasart.networks import load_generator, load_network

    load = load_generator if is_generator(_MODEL.value) else load_network
    return export_triton(load(_MODEL.value), output, common_flags.if_taken("refuse"))


def _export_served(output):
    from kerasart import Dreamer
    from kerasart.export.saved_model import export_dream, export_generator, export_network
    from kerasart.networks import load_generator, load_network

    # What runs on a server is not what runs here: only asked for is bfloat16 exported.
    precision = common_flags.PRECISION.value or "float32"
    if _MODEL.value == _DREAM:
        backbone, weights = (
            flag.value or "auto" for flag in (common_flags.BACKBONE, common_flags.WEIGHTS)
        )
        dreamer = Dreamer(_PRESET.value or "animals", backbone, weights, precision=precision)
        return export_dream(dreamer, output, _MOST_PIXELS.value)
    if is_generator(_MODEL.value):
        return export_generator(load_generator(_MODEL.value, precision), output)
    return export_network(load_network(_MODEL.value), output, precision, _MOST_PIXELS.value)


def _check_folder(output):
    if output.exists() and not output.is_dir():
        raise NotADirectoryError(f"`output` must be a folder. Received: the file '{output}'")


def _parse_size(text):
    sides = text.split("x")
    if len(sides) != 2 or not all(side.isdecimal() and int(side) for side in sides):
        raise ValueError(f"`size` must be HEIGHTxWIDTH, such as 512x512. Received: {text!r}")
    return tuple(map(int, sides))


def run() -> None:
    """Runs the script; the installed command enters here."""
    cli.run(main, __doc__, GROUPS, {"styles": "style"})


if __name__ == "__main__":
    run()
