"""The file formats, and Pillow's global settings."""

import threading
from contextlib import contextmanager

from PIL import Image, features

FORMATS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".bmp": "BMP",
    ".gif": "GIF",
}
if features.check("avif"):
    FORMATS[".avif"] = "AVIF"

NAMES = tuple(dict.fromkeys(FORMATS.values()))  # each format once
WITH_ALPHA = ("PNG", "WEBP", "TIFF", "AVIF")
WITH_16_BITS = ("PNG", "TIFF")

_lock = threading.Lock()


@contextmanager
def pillow_setting(module, name, value):
    """Sets a global of Pillow's for the length of a `with` block, which gets the former value.

    Only one thread at a time is inside such a block.
    """
    with _lock:
        former = getattr(module, name)
        setattr(module, name, value)
        try:
            yield former
        finally:
            setattr(module, name, former)


def most_pixels():
    """Pillow's own limit of a picture's pixels, or None, also while another thread reads one."""
    with _lock:
        return Image.MAX_IMAGE_PIXELS
