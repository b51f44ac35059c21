"""Encodes PNG and TIFF with 16 bits per channel; Pillow writes only 8."""

import io
import struct

import numpy as np
from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo, putchunk
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from kerasart.startup import quiet_startup

_SUBDIRECTORIES = (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo)
_AFTER_IHDR = 33  # the signature (8 bytes) and the IHDR chunk (25 bytes)


def encode_png(
    pixels: np.ndarray,
    chunks: PngInfo,
    exif: bytes = b"",
    dpi: tuple[float, float] | None = None,
) -> bytes:
    """Encodes a PNG file.

    Args:
        pixels: A uint16 array of shape (height, width, 3 or 4).
        chunks: The text chunks.
        exif: EXIF data.
        dpi: (horizontal, vertical) pixels per inch, or None.

    Returns:
        The bytes of the file.
    """
    with quiet_startup():
        import tensorflow as tf  # Here, since only 16 bits need it.

    return add_chunks(tf.io.encode_png(pixels).numpy(), chunks, exif, dpi)


def add_chunks(
    data: bytes, chunks: PngInfo, exif: bytes = b"", dpi: tuple[float, float] | None = None
) -> bytes:
    """Adds text, EXIF data and density to a PNG file that has none.

    Args:
        data: The bytes of the file.
        chunks, exif, dpi: As for `encode_png`.

    Returns:
        The bytes of the new file.
    """
    if exif:
        chunks.add(b"eXIf", exif.removeprefix(b"Exif\0\0"))
    if dpi:
        to_metre = 100 / 2.54
        chunks.add(b"pHYs", struct.pack(">2IB", *(round(each * to_metre) for each in dpi), 1))
    out = io.BytesIO()
    out.write(data[:_AFTER_IHDR])
    for kind, content, *_ in chunks.chunks:
        putchunk(out, kind, content)
    out.write(data[_AFTER_IHDR:])
    return out.getvalue()


def encode_tiff(
    pixels: np.ndarray, exif: bytes = b"", dpi: tuple[float, float] | None = None
) -> bytes:
    """Encodes an uncompressed baseline TIFF file.

    Args:
        pixels: A uint16 array of shape (height, width, 3 or 4).
        exif: EXIF data.
        dpi: (horizontal, vertical) pixels per inch, or None.

    Returns:
        The bytes of the file.
    """
    height, width, channels = pixels.shape
    samples = pixels.astype("<u2").tobytes()
    directory = ImageFileDirectory_v2(prefix=b"II")
    if exif:
        tags = Image.Exif()
        tags.load(exif)
        for tag, value in tags.items():
            directory[tag] = tags.get_ifd(tag) if tag in _SUBDIRECTORIES else value
    directory[256] = width
    directory[257] = height
    directory[258] = (16,) * channels  # BitsPerSample
    directory[259] = 1  # Compression: none
    directory[262] = 2  # PhotometricInterpretation: RGB
    directory[273] = 0  # StripOffsets: `save` adds the end of the directory
    directory.tagtype[273] = 4  # LONG, 32 bits
    directory[277] = channels  # SamplesPerPixel
    directory[278] = height  # RowsPerStrip
    directory[279] = len(samples)  # StripByteCounts
    directory[282], directory[283] = dpi or (72.0, 72.0)  # XResolution and YResolution
    directory[296] = 2  # ResolutionUnit: inch
    if channels == 4:
        directory[338] = 2  # ExtraSamples: straight alpha
    out = io.BytesIO()
    directory.save(out)
    out.write(samples)
    return out.getvalue()
