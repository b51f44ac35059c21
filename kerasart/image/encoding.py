"""Encodes pixels as image files, and adds metadata to encoded files."""

import io
import logging
import struct
from collections.abc import Mapping

import numpy as np
from PIL import Image, ImageFile
from PIL.PngImagePlugin import PngInfo

from kerasart.image.formats import WITH_DENSITY, WITH_EXIF, pillow_setting
from kerasart.image.metadata import Metadata
from kerasart.image.sixteen_bit import add_chunks, encode_png, encode_tiff

_logger = logging.getLogger("kerasart")

_MOST_EXIF = 65527  # Bytes of EXIF data that fit into a JPEG segment.


def encode(
    pixels: np.ndarray,
    kind: str,
    text: Mapping[str, str],
    quality: int | None,
    metadata: Metadata = Metadata(),  # noqa: B008
) -> bytes:
    """Encodes pixels as an image file.

    Args:
        pixels: A uint8 or, for PNG and TIFF, uint16 array of shape (height, width, 3 or 4).
        kind: Pillow's name of the format.
        text: The text chunks of PNG; other formats ignore them.
        quality: The quality of JPEG, WebP and AVIF, from 1 to 100.
        metadata: Written as far as the format supports it.

    Returns:
        The bytes of the file.

    Raises:
        ValueError: If `text` is not allowed in PNG.
    """
    exif, dpi = _exif_for(kind, metadata), metadata.dpi
    deep = pixels.dtype == "uint16"
    if deep and kind == "PNG":
        return encode_png(pixels, text_chunks(text), exif, dpi)
    if deep:
        return encode_tiff(pixels, exif, dpi)
    options = {"exif": exif} if exif and kind in WITH_EXIF else {}
    options |= {"dpi": dpi} if dpi and kind in WITH_DENSITY else {}
    if kind == "PNG":
        return _by_pillow(pixels, kind, pnginfo=text_chunks(text), **options)
    if kind == "JPEG":
        # Optimised JPEG must fit into one buffer, and Pillow's own size is too small for noisy
        # images without chroma subsampling, which need up to 5 bytes per pixel.
        with pillow_setting(ImageFile, "MAXBLOCK", 2**16 + 2 * pixels.size):
            options |= {"quality": quality, "subsampling": 0, "optimize": True}
            return _by_pillow(pixels, "JPEG", **options)
    if kind == "WEBP":
        return _by_pillow(pixels, kind, quality=quality, **options)
    if kind == "AVIF":
        return _by_pillow(pixels, kind, quality=quality, subsampling="4:4:4", **options)
    return _by_pillow(pixels, kind, **options)


def add_metadata(data: bytes, kind: str, metadata: Metadata) -> bytes:
    """Adds metadata to an encoded image that has none, without encoding it again.

    Args:
        data: The bytes of a JPEG or PNG file.
        kind: "JPEG" or "PNG".
        metadata: The `Metadata`.

    Returns:
        The bytes of the new file.
    """
    exif, dpi = _exif_for(kind, metadata), metadata.dpi
    if kind == "PNG":
        return add_chunks(data, PngInfo(), exif, dpi)
    # A JPEG file begins with a marker and, optionally, a JFIF segment, which holds the density.
    end = 4 + int.from_bytes(data[4:6]) if data[6:11] == b"JFIF\0" else 2
    head = data[:end]
    if dpi and end > 2:
        per_inch = (min(round(number), 2**16 - 1) for number in dpi)
        head = head[:13] + struct.pack(">B2H", 1, *per_inch) + head[18:]
    if exif:
        head += b"\xff\xe1" + struct.pack(">H", 2 + len(exif)) + exif
    return head + data[end:]


def _exif_for(kind, metadata):
    """Returns the EXIF data, or empty bytes if they are too long for the format."""
    if kind == "JPEG" and len(metadata.exif) > _MOST_EXIF:
        _logger.warning(
            "%d bytes of EXIF data are left out: JPEG cannot hold them.", len(metadata.exif)
        )
        return b""
    return metadata.exif


def _by_pillow(pixels, kind, **options):
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind, **options)
    return out.getvalue()


def text_chunks(text: Mapping[str, str]) -> PngInfo:
    """Makes PNG text chunks.

    Raises:
        ValueError: If it is no mapping, a key is not 1 to 79 Latin-1 characters, or a value is not
            a string.
    """
    if not isinstance(text, Mapping):
        raise ValueError(f"`text` must be a dict of strings. Received: {text!r}")
    chunks = PngInfo()
    for key, value in text.items():
        try:
            if not 1 <= len(key.encode("latin-1")) <= 79 or "\0" in key:
                raise ValueError("the length is not allowed")
            chunks.add_text(key, value)
        except (AttributeError, TypeError, ValueError) as error:
            raise ValueError(
                "`text` must map keys of 1 to 79 Latin-1 characters to strings. "
                f"Received: {key!r}: {value!r}"
            ) from error
    return chunks
