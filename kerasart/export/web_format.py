"""`export_web`: exports a network as a page that paints in the browser, a folder of files."""

import hashlib
import json
import os
import re
import shutil
import uuid
from importlib.resources import files
from os import PathLike
from pathlib import Path

import numpy as np

from kerasart.export.onnx_format import make_onnx
from kerasart.export.requirements import check_onnx
from kerasart.export.web_runtime import ARCHIVE, read_runtime
from kerasart.image.arrays import quantise
from kerasart.image.atomic_files import numbered, replace_file
from kerasart.image.encoding import encode
from kerasart.image.resizing import fill_size, resize_photo
from kerasart.image.samples import read_sample
from kerasart.networks import StyleNetwork, recast
from kerasart.saved_models import in_words

_SAMPLE = "coffee"
_STYLE_SIDE = 192
_ICONS = {"icon-192.png": (192, "PNG"), "icon-512.webp": (512, "WEBP")}  # As PNG it would be large.
_MOST_MEMORY = 1.5e9  # Bytes that painting may take; a page has 4e9 at most, on phones less.
_LISTED = "files.js"
_LICENCES = "LICENSE", "ThirdPartyNotices.txt"


def export_web(
    network: StyleNetwork,
    folder: str | PathLike[str],
    runtime: str | PathLike[str] = ARCHIVE,
    taken: str = "number",
) -> Path:
    """Exports a trained network as a page that paints photos in the browser.

    Any host of static files serves the folder. It holds all that the page needs, so that nothing is
    fetched from elsewhere, and small pictures of the styles, painted by the network.

    Args:
        network: A `TransformerNet` or `CollectionNet`.
        folder: The folder to write.
        runtime: The npm package onnxruntime-web, as in `read_runtime`.
        taken: What to do if the folder exists: "number" writes another, "replace" replaces the
            files of an earlier export, and leaves others as they are.

    Returns:
        The path of the folder.

    Raises:
        ImportError: If onnx or onnxruntime is missing.
        ValueError: If the network takes pictures as styles, `runtime` is not that package, or the
            exported network's output differs by more than 1/255.
        FileExistsError: If a file to replace is none of an earlier export's.
        OSError: If the folder cannot be written.
    """
    check_onnx()
    folder = Path(folder)
    if not network.styles:
        raise ValueError(
            "A page needs a network of named styles, such as small or medium. "
            f"Received: a {type(network).__name__}"
        )
    network = recast(network, "float32")
    content = {
        **_page_files(),
        **{f"runtime/{name}": data for name, data in read_runtime(runtime).items()},
        **_licences(),
        **_paint_samples(network),
        "model.onnx": make_onnx(network),
        "styles.json": _describe(network),
    }
    content = {_LISTED: _list_files(content), **content}
    if taken == "replace" and folder.exists():
        return _replace(folder, content)
    return _write_new(folder, content)


def _page_files():
    """The page as it lies in the package."""
    return {each.name: each.read_bytes() for each in (files(__package__) / "web").iterdir()}


def _licences():
    """Whose work the runtime is; its npm package does not say, that for Python does."""
    import onnxruntime

    place = Path(onnxruntime.__file__).parent
    return {f"runtime/{name}": (place / name).read_bytes() for name in _LICENCES}


def _paint_samples(network):
    """A photo to begin with, the same in each style, and the first of these as an icon."""
    photo = read_sample(_SAMPLE).image

    def paint(side, style):
        weights = np.eye(1, len(network.styles), style, dtype=np.float32)
        return np.asarray(network(fill_size(photo, (side, side)), weights, np.ones(1, np.float32)))

    pictures = {"sample.jpg": _encode(photo, "JPEG")}
    for number in range(len(network.styles)):
        pictures[f"styles/{number}.jpg"] = _encode(paint(_STYLE_SIDE, number), "JPEG")
    icon = paint(_STYLE_SIDE, 0)
    for name, (side, kind) in _ICONS.items():
        pictures[name] = _encode(resize_photo(icon, (side, side)), kind)
    return pictures


def _encode(image, kind):
    return encode(quantise(image[0], 8), kind, {}, 85)


def _describe(network):
    """What the page has to know of the network."""
    known = {
        "styles": [in_words(name) for name in network.styles],
        "least_size": network.least_size,
        "most_pixels": int(_MOST_MEMORY / network.bytes_per_pixel),
    }
    return json.dumps(known).encode()


def _list_files(content):
    """The names of all files, and a version that changes with any of them, for the browser."""
    version = hashlib.sha256()
    for name, data in content.items():
        version.update(name.encode() + hashlib.sha256(data).digest())
    names = json.dumps(sorted(content))
    return f'const VERSION = "{version.hexdigest()[:16]}";\nconst FILES = {names};\n'.encode()


def _write_new(folder, content):
    """Writes a folder, numbered if its name is taken, in one step."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = folder.with_name(f".{uuid.uuid4().hex}")
    try:
        _write(draft, content)
        path = next(name for name in numbered(folder) if not os.path.lexists(name))
        os.rename(draft, path)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return path


def _replace(folder, content):
    """Writes over an earlier export, file by file, and removes what it had more."""
    earlier = _read_list(folder / _LISTED)
    foreign = [name for name in content if name not in earlier and (folder / name).exists()]
    if foreign:
        raise FileExistsError(
            f"Cannot write '{folder}': files that are there must be of an earlier page, or have "
            f"other names. Received: '{foreign[0]}'"
        )
    _write(folder, content)
    for name in earlier - set(content):
        (folder / name).unlink(missing_ok=True)
    return folder


def _write(folder, content):
    for name, data in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        replace_file(folder / name, data)


def _read_list(path):
    """The files of an earlier export; none if there is none, or the list is not one of ours."""
    if not path.is_file():
        return set()
    found = re.search(r"^const FILES = (\[.*\]);$", path.read_text(), re.MULTILINE)
    names = json.loads(found[1]) if found else []
    return {_LISTED, *(name for name in names if re.fullmatch(r"(\w+/)?[\w.-]+", name))}
