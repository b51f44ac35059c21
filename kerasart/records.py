"""The record of how a picture was made, in its PNG file: packed, written, read and compared."""

import json
import logging
from collections.abc import Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

import kerasart
from kerasart.image import Picture, read_picture, write_picture
from kerasart.image.files import encode_picture
from kerasart.image.metadata import Metadata
from kerasart.levels import LEVELS
from kerasart.settings.checks import is_number, is_whole
from kerasart.untrusted import parse_json

_log = logging.getLogger("kerasart")

# What a record may hold besides the settings of presets, which check themselves.
_ALLOWED = {
    "bits": lambda value: value in (8, 16),
    "seed": lambda value: is_whole(value) and value >= 0,
    "size": lambda value: value is None or is_whole(value) and value >= 1,
    "dream": lambda value: isinstance(value, dict),
    "style_weights": lambda value: isinstance(value, list) and all(map(is_number, value)),
    "style_levels": lambda value: (
        value is None or isinstance(value, list) and all(x in (None, *LEVELS) for x in value)
    ),
    **dict.fromkeys(
        ("preset", "backbone", "weights", "precision"), lambda value: isinstance(value, str)
    ),
}


def pack_record(settings: Mapping[str, Any]) -> dict[str, str]:
    """Packs what makes a picture again into text chunks of a PNG."""
    record = {"version": kerasart.__version__, **settings}
    # NumPy's numbers are none that JSON knows.
    text = json.dumps(record, default=lambda number: number.item())
    return {"Software": f"kerasart {kerasart.__version__}", "kerasart": text}


def write_recorded(
    path: str | PathLike[str],
    image: np.ndarray,
    record: Mapping[str, Any],
    photo: Picture | None,
    metadata: Metadata | None = None,
    bits: int = 8,
    taken: str = "replace",
) -> Path:
    """Writes a picture with its record, and with its photo's alpha.

    Args:
        path, image, metadata, bits, taken: See `write_picture`.
        record: Dict of what makes the picture again.
        photo: The `Picture` that it was made from, whose alpha is resized to it; or None.

    Returns:
        The `pathlib.Path` of the file.

    Raises:
        OSError, ValueError: See `write_picture`.
    """
    contents = _contents(image, record, photo)
    return write_picture(path, image, **contents, metadata=metadata, bits=bits, taken=taken)


def encode_recorded(
    name: str | PathLike[str],
    image: np.ndarray,
    record: Mapping[str, Any],
    photo: Picture | None,
    metadata: Metadata | None = None,
    bits: int = 8,
) -> bytes:
    """Encodes the bytes of the file that `write_recorded` would write.

    Args:
        name: The file's name, whose suffix is that of the format.
        image, record, photo, metadata, bits: As in `write_recorded`.

    Returns:
        All of the file.

    Raises:
        ValueError: See `write_picture`.
    """
    contents = _contents(image, record, photo)
    return encode_picture(name, image, **contents, metadata=metadata, bits=bits)


def _contents(image, record, photo):
    """Returns the alpha and the text of a file, as arguments of `encode_picture`."""
    alpha = photo.alpha if photo else None
    if alpha is not None and alpha.shape[1:3] != image.shape[1:3]:
        from kerasart.image.resizing import resize

        alpha = resize(alpha, image.shape[1:3], antialias=True).numpy().clip(0, 1)
    return {"alpha": alpha, "text": pack_record(record)}


def read_record(
    path: str | PathLike[str], max_pixels: int | None = None, needed: str | None = None
) -> dict[str, Any]:
    """Reads what `pack_record` packed.

    Args:
        path: A PNG file.
        max_pixels: As in `read_picture`.
        needed: What all records of its kind hold, and those of other kinds do not.

    Returns:
        A dict of settings.

    Raises:
        ValueError: If there is no such record in it, or one of another kind.
    """
    text = read_picture(path, max_pixels).text.get("kerasart", "")
    try:
        record = parse_json(text)
    except ValueError:
        record = None
    if not isinstance(record, dict):
        raise ValueError(
            "`reproduce` must be a PNG that kerasart wrote, with its settings in it. "
            f"Received: {path!r}"
        )
    if needed and needed not in record:
        raise ValueError(
            f"`reproduce` must be a PNG that was made by the same script, with {needed!r} in its "
            f"record. Received: {path!r}"
        )
    check_record(record, path)
    return record


def check_record(record: Any, path: str | PathLike[str]) -> None:
    """Refuses a record in which something is of another type than `pack_record` gave it.

    Raises:
        ValueError: If something is.
    """
    for name, is_allowed in _ALLOWED.items():
        if name in record and not is_allowed(record[name]):
            raise ValueError(
                f"`reproduce` must be a PNG with its settings as kerasart wrote them; {name!r} in "
                f"{path!r} is none that it writes. Received: {record[name]!r}"
            )
    if "dream" in record:
        check_record(record["dream"], path)


def compare_with_record(
    recorded: Mapping[str, Any], actual: Mapping[str, Any], names: Iterable[str]
) -> None:
    """Warns where a reproduction did not start from what its record says."""
    for name in names:
        if recorded.get(name, actual[name]) != actual[name]:
            what = name.removesuffix("_hash")
            _log.warning(f"`{what}` is not what the recorded picture was made with.")
    if "interrupted_after" in recorded:
        _log.warning(
            f"the recorded picture was interrupted after {recorded['interrupted_after']} steps; "
            "this one is whole."
        )
