"""Has photos painted by a model on a TensorFlow Serving server; needs no TensorFlow itself.

    python scripts/serve_client.py --model=medium --input=photo.jpg
    python scripts/serve_client.py --model=medium --input=photo.jpg --style=mosaic --strength=0.7
    python scripts/serve_client.py --model=medium --input=DIR --output=painted \\
        --style=mosaic:0.6,ink_hatching:0.4 --server=paint.example.org:8500
    python scripts/serve_client.py --model=medium --input=photo.jpg \\
        --style=coarse:mosaic,fine:starry_night
    python scripts/serve_client.py --model=any_style --input='holiday/*.jpg' --style=painting.jpg
    python scripts/serve_client.py --model=dream --input=photo.jpg --output=dream.jpg \\
        --steps=10 --step_size=0.006 --octaves=4 --protocol=rest

The output's suffix, .png or .jpg, is the format that is asked for; a .png keeps transparency. In a
folder, photos that are painted already are skipped, so that the same command continues where it was
stopped; photos that the server refuses, or answers without a whole picture of the right size, are
left out. gRPC needs `pip install "kerasart[serving]"`, REST needs nothing more.
"""

from kerasart.scripts import cli, common_flags
from kerasart.scripts.batch_files import (
    looks_like_file,
    plan_jobs,
    report_failures,
    skip_painted,
    warn_of_failure,
)

import contextlib
import io
import math
import os
import signal
import time
from pathlib import Path

import numpy as np
from absl import flags
from PIL import ExifTags, Image
from tqdm import tqdm

from kerasart.client.client import Client, ServerError, in_parallel
from kerasart.image.arrays import quantise
from kerasart.image.atomic_files import make_folder, write_file
from kerasart.image.encoding import add_metadata, encode
from kerasart.image.files import open_regular
from kerasart.image.formats import pillow_setting
from kerasart.image.metadata import read_metadata
from kerasart.image.samples import SAMPLES
from kerasart.levels import fill_levels, split_levels

# Must be set before gRPC is imported; silences its log of lost connections.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

_KINDS = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg"}

_INPUT = flags.DEFINE_string(
    "input",
    "coffee",
    f"A photo, a folder, or a pattern such as 'DIR/*.jpg'; or one of the bundled "
    f"{', '.join(SAMPLES)}.",
)
_OUTPUT = flags.DEFINE_string(
    "output",
    None,
    "Where to write: a .png or .jpg, whose name gets a number if it is taken, unless --overwrite; "
    "for several photos a folder, in which they keep their names. (default: painted.png, or "
    "painted)",
)
_STYLE = flags.DEFINE_string(
    "style",
    None,
    "A style that the model has, or several, as NAME:WEIGHT,NAME:WEIGHT; or one for each level of "
    "detail, as coarse:NAME,middle:NAME,fine:NAME (see stylize.py); or, for a model that paints in "
    "any style, the file of a painting, or of one for each level. (default: the model's own)",
)
_STRENGTH = flags.DEFINE_float(
    "strength",
    None,
    "With --style, from 0, the photo itself, to 1, the full style. (default: 1)",
    lower_bound=0,
    upper_bound=1,
)
_STEPS = flags.DEFINE_integer(
    "steps",
    None,
    "Of a model that dreams, the steps in each octave; goes with --step_size and --octaves. "
    "(default: the model's own)",
    lower_bound=1,
)
_STEP_SIZE = flags.DEFINE_float(
    "step_size",
    None,
    "What an average step changes a value by, for pictures in [0, 1]. (default: the model's own)",
    lower_bound=0,
)
_OCTAVES = flags.DEFINE_integer(
    "octaves", None, "How many sizes to dream at. (default: the model's own)", lower_bound=1
)
_SERVER = flags.DEFINE_string(
    "server", None, "HOST:PORT. (default: localhost:8500 for grpc, localhost:8501 for rest)"
)
_PROTOCOL = flags.DEFINE_enum("protocol", "grpc", ["grpc", "rest"], "How to talk to the server.")
_MODEL = flags.DEFINE_string("model", None, "The model's name on the server; it must be given.")
_VERSION = flags.DEFINE_integer(
    "version", None, "The model's version. (default: the latest)", lower_bound=0
)
_TIMEOUT = flags.DEFINE_float(
    "timeout", 60.0, "Seconds that each request may take.", lower_bound=0.001
)
_CONCURRENCY = flags.DEFINE_integer(
    "concurrency", 4, "The most requests at once, of several photos.", lower_bound=1
)
_RETRIES = flags.DEFINE_integer(
    "retries",
    5,
    "How often to ask again where the server is not available: after half a second at first, then "
    "after twice as long each time, up to 8 seconds.",
    lower_bound=0,
)
GROUPS = {
    "Pictures": [_INPUT, _OUTPUT, common_flags.MAX_PIXELS, common_flags.STRIP_METADATA],
    "Style and dream": [_STYLE, _STRENGTH, _STEPS, _STEP_SIZE, _OCTAVES],
    "Server": [_SERVER, _PROTOCOL, _MODEL, _VERSION, _TIMEOUT, _CONCURRENCY, _RETRIES],
    "Run": [common_flags.OVERWRITE, common_flags.QUIET, common_flags.DEBUG],
}


def main() -> None:
    """Reads flags and photos, has them painted, and writes what comes back."""
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # A server that dies must be an error only.
    if not _MODEL.value:
        raise ValueError("`model` must be the model's name on the server. Received: None")
    look = _parse_look()
    jobs, is_one = plan_jobs(_INPUT.value, _OUTPUT.value, suffixes=tuple(_KINDS))
    if is_one and jobs[0][1].suffix.lower() not in _KINDS:
        raise ValueError(f"`output` must end in {', '.join(_KINDS)}. Received: '{_OUTPUT.value}'")
    jobs = jobs if is_one else skip_painted(jobs)
    if not jobs:
        return
    with Client(
        _SERVER.value,
        _MODEL.value,
        _PROTOCOL.value,
        version=_VERSION.value,
        timeout=_TIMEOUT.value,
        retries=_RETRIES.value,
    ) as client:
        if "style" in look:
            look["style_weights"] = client.style_weights(look.pop("style"))
        if is_one:
            ((photo, output),) = jobs
            _paint_one(client, photo, output, look)
        else:
            _paint_all(client, jobs, look)


def _paint_one(client, photo, output, look):
    start = time.perf_counter()
    output = _write(output, _paint(client, photo, output, look), "number")
    cli.say(f"Wrote {output}: {_MODEL.value}, {time.perf_counter() - start:.1f} s.")


def _paint_all(client, jobs, look):
    """Paints many photos, some at once, and goes past what cannot be painted."""
    failed = []
    # Only this thread writes, so that Ctrl-C finds no file half-written.
    asking = in_parallel(lambda job: _paint(client, *job, look), jobs, _CONCURRENCY.value)
    with (
        contextlib.closing(asking),
        tqdm(total=len(jobs), unit="picture", disable=common_flags.QUIET.value or None) as bar,
    ):
        for (photo, output), painting in asking:
            try:
                _write(output, painting.result(), "refuse")
            except ServerError:
                raise
            except (ValueError, OSError, MemoryError) as error:
                failed.append(photo)
                warn_of_failure(photo, error)
            bar.update()
    report_failures(jobs, failed)


def _paint(client, photo, output, look):
    data, alpha, metadata = _load(photo)
    kind = _KINDS[output.suffix.lower()]
    painting = client.paint(data, kind, **look)
    if alpha is not None and kind == "png":
        painting = _make_transparent(painting, alpha)
    if common_flags.STRIP_METADATA.value:
        return painting
    return add_metadata(painting, kind.upper(), metadata)


def _write(output, painting, if_taken):
    make_folder(output.parent)
    return write_file(output, lambda file: file.write(painting), common_flags.if_taken(if_taken))


def _load(photo):
    """Reads the file itself if the server sees in it what we would, else makes a PNG of it.

    Returns:
        The bytes of a file, its alpha, if there is one, and the photo's `Metadata`.
    """
    metadata = _read_plain(photo)
    if metadata is not None:
        return Path(photo).read_bytes(), None, metadata
    picture = common_flags.read_photo(photo)  # Where it cannot be read, this says why.
    data = encode(quantise(picture.image[0], 8), "PNG", {}, None)
    return data, picture.alpha, picture.metadata


def _read_plain(photo):
    """Reads the metadata of an opaque JPEG or PNG in sRGB that a server turns upright as we would.

    Returns:
        The `Metadata`, or None for any other file.
    """
    with pillow_setting(Image, "MAX_IMAGE_PIXELS", None) as limit:
        try:
            with open_regular(photo) as file, Image.open(file, "r", ["JPEG", "PNG"]) as picture:
                width, height = picture.size
                if width * height > (common_flags.MAX_PIXELS.value or limit or math.inf):
                    return None
                # Pillow looks for it in other places too.
                exif = Image.Exif()
                exif.load(picture.info.get("exif", b""))
                turns = [each.get(ExifTags.Base.Orientation) for each in (exif, picture.getexif())]
                has_more = picture.has_transparency_data or "icc_profile" in picture.info
                is_plain = turns[0] == turns[1] and not has_more
                return read_metadata(picture, photo) if is_plain else None
        except Exception:  # Whatever Pillow meets in damaged data.
            return None


def _make_transparent(painting, alpha):
    with Image.open(io.BytesIO(painting)) as picture:
        pixels = np.asarray(picture.convert("RGB"))
    return encode(np.concatenate([pixels, quantise(alpha[0], 8)], axis=-1), "PNG", {}, None)


def _parse_look():
    """Reads the flags of the look.

    Returns:
        The options of `Client.paint`, though names of styles as `style`, since the server knows
        their weights.
    """
    dream = {flag.name: flag.value for flag in (_STEPS, _STEP_SIZE, _OCTAVES)}
    given = [name for name, value in dream.items() if value is not None]
    style = _STYLE.value
    if given and (style or len(given) < len(dream)):
        raise ValueError(
            "`steps`, `step_size` and `octaves` must be given together, and without `style`. "
            f"Received: {', '.join(given)}{' and style' if style else ''}"
        )
    if given:
        return dream
    if style is None:
        if _STRENGTH.value is not None:
            raise ValueError(
                f"`strength` must go with a `style`. Received: strength={_STRENGTH.value:g}"
            )
        return {}
    strength = {"strength": 1.0 if _STRENGTH.value is None else _STRENGTH.value}
    levels = {} if Path(style).is_file() else split_levels(style)
    styles = list(fill_levels(levels).values()) if levels else [style]
    if any(Path(each).is_file() or looks_like_file(each) for each in styles):
        files = [_load(each)[0] for each in styles]
        return {"style_bytes": files if levels else files[0]} | strength
    return {"style": style} | strength


def run() -> None:
    """Runs the script; the installed command enters here."""
    cli.run(main, __doc__, GROUPS)


if __name__ == "__main__":
    run()
