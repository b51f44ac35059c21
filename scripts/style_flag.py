"""What --style names: `parse_mixture` for one pass, `parse_file` for painting by optimisation."""

from kerasart.scripts import common_flags
from kerasart.scripts.batch_files import looks_like_file

import itertools
import math
from pathlib import Path
from typing import Any

from kerasart.image import read_picture
from kerasart.image.fingerprint import hash_image
from kerasart.levels import LEVELS, split_levels
from kerasart.settings.checks import check


def parse_mixture(text: str | None) -> tuple[Any, dict[str, Any]]:
    """Reads --style of `stylize.py`.

    Args:
        text: Names or files, with weights or without, or names for each level; or None.

    Returns:
        A dict of names to weights, a list of pairs of picture and weight, a dict of levels to such,
        or None; and a record of it.

    Raises:
        ValueError: If it is none of these, or a file cannot be read.
    """
    if text is None:
        return None, {"style": None}
    levels = {} if Path(text).is_file() else split_levels(text)
    weights = {level: _parse_weights(mixture) for level, mixture in levels.items()}
    weights = weights or _parse_weights(text)
    names = list(itertools.chain(*weights.values())) if levels else list(weights)
    files = [name for name in names if Path(name).is_file() or looks_like_file(name)]
    if not files:
        return weights, {"style": weights}
    allowed = "names, or files of paintings, of which a network takes either"
    check(len(files) == len(names), "style", allowed, text)
    pictures = {name: read_picture(name, common_flags.MAX_PIXELS.value) for name in names}

    def pairs(weights):
        return [(pictures[name], weight) for name, weight in weights.items()]

    hashes = {Path(name).name: hash_image(each.image) for name, each in pictures.items()}
    style = {level: pairs(each) for level, each in weights.items()} if levels else pairs(weights)
    return style, {"style": weights, "style_hash": hashes}


def _parse_weights(text):
    """Reads NAME:WEIGHT,NAME:WEIGHT: a dict of names to weights."""
    parts = [text] if Path(text).is_file() else text.split(",")
    weights = {}
    for part in parts:
        name, colon, weight = part.strip().rpartition(":")
        if Path(part.strip()).is_file() or not colon:
            name, weight = part.strip(), "1"
        try:
            weights[name] = weights.get(name, 0.0) + float(weight)
        except ValueError:
            raise ValueError(
                "`style` must be NAME or NAME:WEIGHT,NAME:WEIGHT, or LEVEL:NAME+NAME,LEVEL:NAME "
                f"for the levels {', '.join(LEVELS)}, with numbers for weights. Received: {text!r}"
            ) from None
    return weights


def parse_file(text: str) -> tuple[str, float | None, str | None]:
    """Reads a --style of `style_transfer.py`: FILE, FILE:WEIGHT, FILE@LEVEL or FILE:WEIGHT@LEVEL.

    Returns:
        The file's path, the weight, None if there is none, and the level, None if there is none.

    Raises:
        ValueError: If the weight is no number of 0 or more, or the level is none.
    """
    rest, at, level = text.rpartition("@")
    if not at or Path(text).exists() or level not in LEVELS:
        rest, level = text, None
    path, colon, weight = rest.rpartition(":")
    if not colon or Path(rest).exists():
        path, weight = rest, None
    try:
        number = None if weight is None else float(weight)
    except ValueError:
        number = math.nan
    is_file_at = not Path(path).exists() and Path(path.rpartition("@")[0]).is_file()
    if is_file_at or not (number is None or 0 <= number < math.inf):
        raise ValueError(
            "`style` must be FILE or FILE:WEIGHT with a weight of 0 or more, and may end in @ and "
            f"one of {', '.join(LEVELS)}. Received: {text!r}"
        )
    return path, number, level
