"""`export_web`: exports a network as a page that paints in the browser, a folder of files."""

import hashlib
import json
import os
import re
import shutil
import uuid
from collections.abc import Mapping
from importlib.resources import files
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from kerasart.applications.fast_style import Stylizer
from kerasart.export.onnx_format import make_onnx, make_onnx_parts
from kerasart.export.requirements import check_onnx
from kerasart.export.web_runtime import ARCHIVE, read_runtime
from kerasart.image.arrays import quantise
from kerasart.image.atomic_files import make_folder, numbered, replace_file
from kerasart.image.encoding import encode
from kerasart.image.resizing import fill_size, resize_photo
from kerasart.image.samples import read_sample
from kerasart.networks import StyleNetwork, recast
from kerasart.networks.any_style_network import AnyStyleNetwork
from kerasart.saved_models import in_words
from kerasart.settings.checks import check
from kerasart.settings.manner import Manner

_SAMPLE = "coffee"
_STYLE_SIDE = 192
_ICONS = {"icon-192.png": (192, "PNG"), "icon-512.webp": (512, "WEBP")}  # As PNG it would be large.
_MOST_MEMORY = 1.5e9  # Bytes that painting may take; a page has 4e9 at most, on phones less.
_LISTED = "files.js"
# Random manners that a page offers where no pictures are given, chosen by looking.
MANNERS = (24, 26, 5, 3, 16, 30, 7, 17)
_LICENCES = "LICENSE", "ThirdPartyNotices.txt"


def export_web(
    network: StyleNetwork,
    folder: str | PathLike[str],
    runtime: str | PathLike[str] = ARCHIVE,
    taken: str = "number",
    styles: Mapping[str, Any] | None = None,
) -> Path:
    """Exports a trained network as a page that paints photos in the browser.

    Any host of static files serves the folder. It holds all that the page needs, so that nothing is
    fetched from elsewhere, and small pictures of the styles, painted by the network.

    Args:
        network: A `StyleNetwork`.
        folder: The folder to write.
        runtime: The npm package onnxruntime-web, as in `read_runtime`.
        taken: What to do if the folder exists: "number" writes another, "replace" replaces the
            files of an earlier export, and leaves others as they are.
        styles: Dict of name to style, as in `Stylizer.__call__`, that the page offers besides the
            paintings of its visitors, for a network of any style. None are `MANNERS` of its own,
            called by numbers from 1.

    Returns:
        The path of the folder.

    Raises:
        ImportError: If onnx or onnxruntime is missing.
        ValueError: If `styles` are given for a network of named ones, or none for one that has no
            manners, `runtime` is not that package, or the exported network's output differs by
            more than 1/255.
        FileExistsError: If a file to replace is none of an earlier export's.
        OSError: If the folder cannot be written.
    """
    check_onnx()
    folder = Path(folder)
    network = recast(network, "float32")
    codes = _encode_styles(network, styles)
    content = {
        **_page_files(),
        **{f"runtime/{name}": data for name, data in read_runtime(runtime).items()},
        **_licences(),
        **_paint_samples(network, codes),
        **_make_models(network),
        "styles.json": _describe(network, codes),
    }
    content = {_LISTED: _list_files(content), **content}
    if taken == "replace" and folder.exists():
        return _replace(folder, content)
    return _write_new(folder, content)


def _encode_styles(network, styles):
    """The style codes of what the page offers, by their names."""
    if network.styles:
        check(styles is None, "styles", "None for a network of named styles", styles)
        names, weights = network.styles, np.eye(len(network.styles), dtype=np.float32)
        return {name: network.encode_style(weights[i : i + 1]) for i, name in enumerate(names)}
    if styles is None and network.has_manners:
        styles = {f"manner_{number}": Manner(seed) for number, seed in enumerate(MANNERS, 1)}
    check(styles, "styles", "given, for a network without manners of its own", styles)
    stylizer = Stylizer(network, "float32")
    return {name: stylizer.encode_style(style) for name, style in styles.items()}


def _make_models(network):
    if network.styles:
        return {"model.onnx": make_onnx(network)}
    encoder, painter = make_onnx_parts(network)
    return {"encoder.onnx": encoder, "model.onnx": painter}


def _page_files():
    """The page as it lies in the package."""
    return {each.name: each.read_bytes() for each in (files(__package__) / "web").iterdir()}


def _licences():
    """Whose work the runtime is; its npm package does not say, that for Python does."""
    import onnxruntime

    place = Path(onnxruntime.__file__).parent
    return {f"runtime/{name}": (place / name).read_bytes() for name in _LICENCES}


def _paint_samples(network, codes):
    """A photo to begin with, the same in each style, and the first of these as an icon."""
    photo = read_sample(_SAMPLE).image

    small = fill_size(photo, (_STYLE_SIDE, _STYLE_SIDE))
    painted = [np.asarray(network.forward(small, code)) for code in codes.values()]
    pictures = {"sample.jpg": _encode(photo, "JPEG")}
    for number, each in enumerate(painted):
        pictures[f"styles/{number}.jpg"] = _encode(each, "JPEG")
    icon = painted[0]
    for name, (side, kind) in _ICONS.items():
        pictures[name] = _encode(resize_photo(icon, (side, side)), kind)
    return pictures


def _encode(image, kind):
    return encode(quantise(image[0], 8), kind, {}, 85)


def _describe(network, codes):
    """What the page has to know of the network."""
    known = {
        "styles": [in_words(name) for name in codes],
        "least_size": network.least_size,
        "most_pixels": int(_MOST_MEMORY / network.bytes_per_pixel),
        "has_levels": True,
    }
    if isinstance(network, AnyStyleNetwork):
        known |= {"has_levels": network.has_levels, "style_size": network.style_size}
        arrays = [np.asarray(code) for code in codes.values()]
        known |= {
            "code_shape": arrays[0].shape,
            "codes": [each.ravel().tolist() for each in arrays],
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
    make_folder(folder.parent)
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
