"""`KINDS`: the classes of networks that can be trained, and how each reads what it learns from."""

from kerasart.scripts import common_flags

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from kerasart.image import read_picture
from kerasart.image.photos import find_photos


def _as_style(path):
    """Names a style, as `stylize.py --style` takes it, where a colon and a comma divide things."""
    return re.sub("[:,]", "_", path.stem).strip()


def _read_pictures(names):
    """Reads a few styles by name."""
    styles = {}
    for name in names:
        style = _as_style(Path(name))
        if style in styles:
            raise ValueError(f"`style` must name files of different names. Received: two {style!r}")
        styles[style] = read_picture(name, common_flags.MAX_PIXELS.value)
    return styles


def _list_pictures(names):
    """Lists the files of many styles, those in folders too."""
    paths = []
    for name in names:
        if Path(name).is_dir():
            paths += find_photos(name, "style")
        else:
            read_picture(name, common_flags.MAX_PIXELS.value)  # Says what is wrong with it.
            paths.append(Path(name))
    return paths


def _list_collections(names):
    """Lists the files of each collection, by the name of its folder."""
    collections = {}
    for name in names:
        folder = Path(name)
        if not folder.is_dir():
            raise ValueError(f"`collection` must be a folder of pictures. Received: {name!r}")
        title = _as_style(folder.resolve())
        if title in collections:
            raise ValueError(
                f"`collection` must name folders of different names. Received: two {title!r}"
            )
        collections[title] = find_photos(folder, "collection")
    return collections


class Kind(NamedTuple):
    """What is known of a class of networks before TensorFlow loads."""

    names: tuple[str, ...]  # Of new ones.
    preset: str
    read_styles: Callable  # Takes what the flag names to what `plan_training` takes.
    flag: str = "style"


KINDS = {
    "TransformerNet": Kind(("small", "medium", "large"), "best", _read_pictures),
    "MannerNet": Kind(("manner",), "manner_best", _list_pictures),
    "AdaIN": Kind(("adain",), "adain_best", _list_pictures),
    "CollectionNet": Kind(("collection",), "collection", _list_collections, "collection"),
}
