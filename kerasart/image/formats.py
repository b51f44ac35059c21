"""The image file formats and what each supports, and access to Pillow's global settings."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import ModuleType
from typing import Any

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
    ".jpe": "JPEG",
    ".jfif": "JPEG",
}
if features.check("avif"):
    FORMATS[".avif"] = "AVIF"

NAMES = tuple(dict.fromkeys(FORMATS.values()))  # each format once
READABLE = (*FORMATS, ".heic", ".heif", ".hif", ".apng")
WITH_ALPHA = ("PNG", "WEBP", "TIFF", "AVIF")
WITH_16_BITS = ("PNG", "TIFF")
WITH_EXIF = ("PNG", "JPEG", "WEBP", "TIFF", "AVIF")
WITH_DENSITY = ("PNG", "JPEG", "TIFF", "BMP")

_lock = threading.Lock()


@contextmanager
def pillow_setting(module: ModuleType, name: str, value: Any) -> Iterator[Any]:
    """Sets a global of Pillow's for a `with` block, and yields the former value.

    Only one thread at a time can be inside such a block.
    """
    with _lock:
        former = getattr(module, name)
        setattr(module, name, value)
        try:
            yield former
        finally:
            setattr(module, name, former)


def most_pixels() -> int | None:
    """Returns Pillow's limit on an image's pixels, also while another thread has changed it."""
    with _lock:
        return Image.MAX_IMAGE_PIXELS


def check_pixels(size: tuple[int, int], most: int | None, name: str) -> None:
    """Refuses a (height, width) that a setting would make larger than pictures may be.

    Args:
        size: The (height, width).
        most: The most pixels; None is Pillow's limit.
        name: The setting's name in the error message.

    Raises:
        ValueError: If it has more pixels.
    """
    most = most or most_pixels()
    if most and size[0] * size[1] > most:
        raise ValueError(
            f"`{name}` must give at most {most} pixels (--max_pixels raises this). "
            f"Received: {size[1]}x{size[0]}"
        )


def is_heif(start: bytes) -> bool:
    """Returns whether a file is HEIF, as phones write it, from its first 12 bytes."""
    brands = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
    return start[4:8] == b"ftyp" and start[8:12] in brands


@cache
def enable_heif() -> None:
    """Enables Pillow to read HEIF.

    Raises:
        ImportError: If pillow-heif is not installed.
    """
    from pillow_heif import register_heif_opener

    register_heif_opener()
