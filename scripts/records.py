"""The record of how a picture was made, in its PNG file."""

import hashlib
import json
import logging

import kerasart
from kerasart.image import read_picture

_log = logging.getLogger("kerasart")


def pack_record(settings):
    """Packs what makes a picture again into text chunks of a PNG."""
    record = {"version": kerasart.__version__, **settings}
    # NumPy's numbers are none that JSON knows.
    text = json.dumps(record, default=lambda number: number.item())
    return {"Software": f"kerasart {kerasart.__version__}", "kerasart": text}


def read_record(path, max_pixels=None):
    """Reads what `pack_record` packed.

    Args:
        path: A PNG file.
        max_pixels: As in `read_picture`.

    Returns:
        A dict of settings.

    Raises:
        ValueError: If there is no such record in it.
    """
    text = read_picture(path, max_pixels).text.get("kerasart", "")
    try:
        record = json.loads(text)
    except json.JSONDecodeError:
        record = None
    if not isinstance(record, dict):
        raise ValueError(
            "`reproduce` must be a PNG that kerasart wrote, with its settings in it. "
            f"Received: {path!r}"
        )
    return record


def compare_with_record(recorded, actual, names):
    """Warns where a reproduction did not start from what its record says."""
    for name in names:
        if recorded.get(name, actual[name]) != actual[name]:
            what = name.removesuffix("_hash")
            _log.warning(f"the {what} is not that of the recorded picture: this one differs.")
    if "interrupted_after" in recorded:
        _log.warning(
            f"the recorded picture was interrupted after {recorded['interrupted_after']} steps; "
            "this one is whole."
        )


def hash_image(image):
    """16 hex digits that stand for an image's pixels; None for no image."""
    return None if image is None else hashlib.sha256(image.tobytes()).hexdigest()[:16]
