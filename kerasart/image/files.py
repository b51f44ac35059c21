"""Reads and writes image files."""

import io
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import ArrayLike

from kerasart.image.arrays import as_array, as_image, as_pixels, quantise
from kerasart.image.atomic_files import check_path, next_free_path, replace_file, write_file
from kerasart.image.decoding import decode
from kerasart.image.encoding import encode
from kerasart.image.formats import FORMATS, WITH_16_BITS, WITH_ALPHA
from kerasart.image.metadata import Metadata

__all__ = [
    "Picture",
    "check_format",
    "check_output",
    "check_place",
    "decode_picture",
    "encode_picture",
    "next_free_path",
    "open_regular",
    "read_picture",
    "replace_file",
    "write_picture",
]


@dataclass(frozen=True)
class Picture:
    """The content of an image file.

    Attributes:
        image: float32 sRGB of shape (1, height, width, 3) in [0, 1].
        alpha: float32 of shape (1, height, width, 1) in [0, 1], or None if the file has none.
        text: The text chunks of a PNG file; empty for other formats.
        metadata: The EXIF data and pixel density that `write_picture` can write again.
    """

    image: np.ndarray
    alpha: np.ndarray | None = None
    text: dict[str, str] = field(default_factory=dict)
    metadata: Metadata = Metadata()

    def _repr_png_(self) -> bytes:
        """Encodes the picture for notebooks."""
        pixels = self.image if self.alpha is None else np.concatenate([self.image, self.alpha], -1)
        return encode(quantise(pixels[0], bits=8), "PNG", text={}, quality=None)


def read_picture(path: str | os.PathLike[str], max_pixels: int | None = None) -> Picture:
    """Reads an image file: JPEG, PNG, WebP, TIFF, BMP, GIF, HEIC, or AVIF if Pillow supports it.

    The EXIF orientation is applied, and the ICC profile converted to sRGB; if either is damaged, it
    is ignored with a warning on the logger "kerasart". PNG and TIFF keep all of their 16 bits,
    except where a profile is converted, which is done at 8 bits. If there are several frames or
    pages, the first is read, with a warning. Colours under full transparency are replaced by a
    smooth continuation of the visible ones. Peak memory is three times the image's.

    Args:
        path: The file.
        max_pixels: The largest number of pixels to accept, instead of Pillow's own limit
            (`PIL.Image.MAX_IMAGE_PIXELS`).

    Returns:
        A `Picture`.

    Raises:
        FileNotFoundError, IsADirectoryError, PermissionError: If the file cannot be read.
        ValueError: If it is not a regular file, is empty, is not an image, is truncated or damaged,
            has too many pixels or floating-point samples outside [0, 1], or is HEIC and
            pillow-heif is not installed.
        MemoryError: If the image does not fit into memory.
    """
    with open_regular(path) as file:
        return Picture(*decode(file, path, max_pixels))


def decode_picture(data: bytes, name: str, max_pixels: int | None = None) -> Picture:
    """Decodes the bytes of an image file, as `read_picture` reads it.

    Args:
        data: All of the file.
        name: Its name in messages.
        max_pixels: As in `read_picture`.

    Returns:
        A `Picture`.

    Raises:
        ValueError, MemoryError: As in `read_picture`.
    """
    if not data:
        raise ValueError(_explain_empty(name))
    return Picture(*decode(io.BytesIO(data), name, max_pixels))


def write_picture(
    path: str | os.PathLike[str],
    image: ArrayLike,
    *,
    alpha: ArrayLike | None = None,
    text: dict[str, str] | None = None,
    metadata: Metadata | None = None,
    bits: int = 8,
    quality: int = 95,
    taken: str = "replace",
) -> Path:
    """Writes an image file atomically, in the format of its suffix.

    Floating-point values are clipped to [0, 1] and rounded to the nearest level.

    Args:
        path: The file: .png, .jpg, .jpeg, .webp, .tif, .tiff, .bmp, .gif, or .avif if Pillow
            supports it.
        image: RGB of shape (height, width, 3) or (1, height, width, 3), floating point or uint8.
        alpha: Opacity of the same height and width with one channel. PNG, WebP, TIFF and AVIF
            keep it; other formats drop it.
        text: The text chunks of PNG, with keys of 1 to 79 Latin-1 characters; other formats ignore
            them.
        metadata: The `Metadata` of the photo that this was made from, written as far as the format
            supports it.
        bits: Bits per channel: 8, or in PNG and TIFF also 16.
        quality: The quality of JPEG, WebP and AVIF, from 1 to 100.
        taken: What to do if the file exists: "replace" it, give this one a "number" (see
            `next_free_path`), or "refuse" to write.

    Returns:
        The `pathlib.Path` of the file.

    Raises:
        OSError: If the file cannot be written.
        FileExistsError: If the file exists and `taken` is "refuse".
        ValueError: If the suffix, `bits`, `taken`, `text`, or the shape, data type or values (NaN)
            of `image` or `alpha` are not allowed.
    """
    check_output(path, bits)
    data = encode_picture(
        path, image, alpha=alpha, text=text, metadata=metadata, bits=bits, quality=quality
    )
    return write_file(path, lambda file: file.write(data), taken)


def encode_picture(
    name: str | os.PathLike[str],
    image: ArrayLike,
    *,
    alpha: ArrayLike | None = None,
    text: dict[str, str] | None = None,
    metadata: Metadata | None = None,
    bits: int = 8,
    quality: int = 95,
) -> bytes:
    """Encodes the bytes of the image file that `write_picture` would write.

    Args:
        name: The file's name: its suffix is that of the format.
        image, alpha, text, metadata, bits, quality: As in `write_picture`.

    Returns:
        All of the file.

    Raises:
        ValueError: As in `write_picture`.
    """
    check_format(name, bits)
    if not isinstance(metadata, Metadata | None):
        raise ValueError(f"`metadata` must be a picture's `Metadata`. Received: {metadata!r}")
    kind = _format_of(name)
    pixels = as_image(_clipped(image, "image"))
    if alpha is not None:
        alpha = as_pixels(_clipped(alpha, "alpha"), channels=1, name="alpha")
        _check_same_size(pixels, alpha)
        if kind in WITH_ALPHA:
            pixels = np.concatenate([pixels, alpha], axis=-1)
    return encode(quantise(pixels[0], bits), kind, text or {}, quality, metadata or Metadata())


def check_output(path: str | os.PathLike[str], bits: int = 8) -> None:
    """Checks that `write_picture` will accept a path: to be called before a long run.

    Args:
        path: The file to be written later.
        bits: Bits per channel, 8 or 16.

    Raises:
        ValueError: If the suffix names no format, or the format does not support `bits`.
        IsADirectoryError: If the path is a folder.
        FileNotFoundError, NotADirectoryError: If its parent does not exist or is not a folder.
        PermissionError: If the folder, or a file already there, is read-only.
    """
    check_format(path, bits)
    check_place(Path(path))


def check_format(path: str | os.PathLike[str], bits: int = 8) -> None:
    """Checks that a path's suffix names a format that can be written with `bits` per channel.

    Raises:
        ValueError: If the suffix names no format, or the format does not support `bits`.
    """
    kind = _format_of(path)
    if bits not in (8, 16):
        raise ValueError(f"`bits` must be 8 or 16. Received: bits={bits}")
    if bits == 16 and kind not in WITH_16_BITS:
        raise ValueError(
            f"Cannot write '{path}' with 16 bits: only {' and '.join(WITH_16_BITS)} have them. "
            f"Received: bits={bits} for {kind}"
        )


def open_regular(path: str | os.PathLike[str]) -> BinaryIO:
    """Opens a regular file for reading; pipes and devices are refused, since they may never end.

    Raises:
        FileNotFoundError, IsADirectoryError, PermissionError: If it cannot be opened.
        ValueError: If it is not a regular file, or is empty.
    """
    check_path(path)
    try:
        file = open(path, "rb", opener=_open_at_once)
    except IsADirectoryError as error:
        raise IsADirectoryError(
            f"Cannot read '{path}': a picture file is needed, not a folder. Received: a folder"
        ) from error
    except OSError as error:
        # The same exception class, with a sentence instead of "[Errno 2] ...".
        raise type(error)(
            f"Cannot read '{path}': the path must be that of a picture file that may be read. "
            f"Received: {error.strerror}"
        ) from error
    status = os.fstat(file.fileno())
    if stat.S_ISREG(status.st_mode) and status.st_size:
        return file
    file.close()
    if not stat.S_ISREG(status.st_mode):
        raise ValueError(
            f"Cannot read '{path}': it must be a regular file. Received: a pipe or a device"
        )
    raise ValueError(_explain_empty(path))


def _explain_empty(name):
    return f"Cannot read '{name}': the file is empty, and a picture is needed. Received: 0 bytes"


def _open_at_once(path, flags):
    # A pipe without a writer would block.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _format_of(path):
    check_path(path)
    suffix = Path(path).suffix
    if suffix.lower() not in FORMATS:
        raise ValueError(
            f"Cannot write '{path}': its suffix must be one of {', '.join(FORMATS)}. "
            f"Received: '{suffix}'"
        )
    return FORMATS[suffix.lower()]


def check_place(path: Path) -> None:
    """Checks that a file can be written at a path.

    Raises:
        IsADirectoryError, FileNotFoundError, NotADirectoryError, PermissionError: As for
            `check_output`.
    """
    folder = path.parent
    if path.is_dir():
        raise IsADirectoryError(
            f"Cannot write '{path}': the path must be that of a file. Received: a folder"
        )
    if not folder.exists():
        raise FileNotFoundError(
            f"Cannot write '{path}': its folder must exist. Received: folder '{folder}'"
        )
    if not folder.is_dir():
        raise NotADirectoryError(
            f"Cannot write '{path}': it must be in a folder. Received: file '{folder}'"
        )
    for place in (folder, path):
        if place.exists() and not os.access(place, os.W_OK):
            raise PermissionError(
                f"Cannot write '{path}': writing must be permitted. Received: read-only '{place}'"
            )


def _clipped(array, name):
    array = as_array(array, name)
    return np.clip(array, 0, 1) if np.issubdtype(array.dtype, np.floating) else array


def _check_same_size(image, alpha):
    if alpha.shape[:3] != image.shape[:3]:
        raise ValueError(
            f"`alpha` must have the height and width of `image`, {image.shape[1:3]}. "
            f"Received: {alpha.shape[1:3]}"
        )
