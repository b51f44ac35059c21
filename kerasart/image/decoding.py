"""Decodes image files to upright sRGB arrays and separate alpha."""

import os
import sys
import tempfile
import warnings
from contextlib import contextmanager
from numbers import Integral
from typing import BinaryIO

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from kerasart.image.colour_profiles import conversion_to_srgb, warn_of_codes
from kerasart.image.file_warnings import warn_of_file
from kerasart.image.formats import NAMES, enable_heif, is_heif, pillow_setting
from kerasart.image.metadata import Metadata, read_metadata, read_orientation
from kerasart.image.transparency import fill_hidden

_UPRIGHT = {
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, k=-1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a),
}

# Formats whose files can hold several frames or pages.
_SEQUENCES = ("GIF", "PNG", "WEBP", "TIFF", "AVIF")

_TIFF_STARTS = (b"II*\0", b"MM\0*")

_PIXELS_AT_ONCE = 2**20  # Converted at a time, to bound memory.
_MOST_LETTERS = 200  # Quoted of a decoder's message.


class TooManyPixelsError(ValueError):
    """A picture has more pixels than are allowed."""


def decode(
    file: BinaryIO, name: str | os.PathLike[str], max_pixels: int | None
) -> tuple[np.ndarray, np.ndarray | None, dict[str, str], Metadata]:
    """Decodes an image file.

    Args:
        file: The open file, seekable.
        name: Its name in messages.
        max_pixels: The largest number of pixels to accept, or None for Pillow's own limit.

    Returns:
        The image, float32 of shape (1, height, width, 3) in [0, 1]; its alpha, float32 of shape
        (1, height, width, 1) in [0, 1], or None; a dict of the text chunks of a PNG file, else
        empty; and its `Metadata`.

    Raises:
        ValueError: If this is not an image, or it is damaged, has too many pixels, or samples that
            cannot be converted to RGB in [0, 1].
        MemoryError: If it does not fit into memory.
    """
    if not (max_pixels is None or isinstance(max_pixels, Integral) and max_pixels > 0):
        raise ValueError(f"`max_pixels` must be 1 or more, and whole. Received: {max_pixels!r}")
    # In one block, since the pixel limit, Python's warnings and libtiff's stderr are all global.
    with pillow_setting(Image, "MAX_IMAGE_PIXELS", None) as pillow_limit, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with _explained(file, name):
            picture = _open(file)
        check_pixel_count(picture, name, pillow_limit if max_pixels is None else max_pixels)
        with _explained(file, name):
            samples, levels, alpha_kind = _samples(picture, file, name)
            profile, text = picture.info.get("icc_profile"), getattr(picture, "text", {})
            orientation, metadata = read_orientation(picture, name), read_metadata(picture, name)
            if not profile:
                warn_of_codes(file, picture.format, name)
            del picture  # Frees its pixels, which `samples` holds too.
            if _has_more_frames(file):
                warn_of_file("'%s' holds several pictures, of which the first is taken.", name)
    with _explained(file, name):
        image, alpha = _to_floats(samples, levels, alpha_kind, profile, orientation, name)
        del samples
        if alpha is not None:
            fill_hidden(image, alpha)
    alpha = None if alpha is None else alpha[np.newaxis]
    return image[np.newaxis], alpha, {str(key): str(text[key]) for key in text}, metadata


def _open(file):
    file.seek(0)
    try:
        return Image.open(file, formats=NAMES)
    except UnidentifiedImageError:
        file.seek(0)
        if not is_heif(file.read(12)):
            raise
    try:
        enable_heif()
    except ImportError:
        raise _RefusedError(
            "HEIC needs pillow-heif: pip install 'kerasart[heif]'. Received: a HEIC picture"
        ) from None
    file.seek(0)
    return Image.open(file, formats=["HEIF"])


def _has_more_frames(file):
    """Returns whether there are further frames or pages, other than a JPEG's previews."""
    try:
        picture = _open(file)
        return picture.format in _SEQUENCES and picture.is_animated
    except Exception:  # Damage after the first image does not matter.
        return False


@contextmanager
def _explained(file, name):
    """Turns whatever Pillow raises for damaged data into an error of one sentence."""
    try:
        yield
    except UnidentifiedImageError as error:
        file.seek(0)
        start = file.read(8)
        if start[:4] in _TIFF_STARTS:  # Pillow opens no floating-point colour, for one.
            raise ValueError(
                f"Cannot read '{name}': a TIFF must have samples of 8 or 16 bits, or grey ones of "
                "32. Received: a TIFF with others, or a damaged one"
            ) from error
        raise ValueError(
            f"Cannot read '{name}': it is not a picture, or damaged from its start; "
            f"the formats are {', '.join(NAMES)} and HEIC. Received: a file that begins {start!r}"
        ) from error
    except MemoryError as error:
        raise MemoryError(
            f"Cannot read '{name}': the picture must fit into memory. "
            f"Received: {_length(file)} bytes that need more"
        ) from error
    except _RefusedError as error:
        raise ValueError(f"Cannot read '{name}': {error}") from error
    except Exception as error:
        why = " ".join(str(error).split())[:_MOST_LETTERS] or type(error).__name__
        raise ValueError(
            f"Cannot read '{name}': the picture is truncated or damaged ({why}), "
            f"and a whole file is needed. Received: {_length(file)} bytes"
        ) from error


def turn_upright(pixels: np.ndarray, orientation: int | None) -> np.ndarray:
    """Turns (height, width, ...) as an EXIF orientation says."""
    return _UPRIGHT.get(orientation or 1, lambda same: same)(pixels)


class _RefusedError(Exception):
    """An undamaged image that cannot be read; its message completes "Cannot read NAME: "."""


def _length(file):
    return file.seek(0, os.SEEK_END)


def check_pixel_count(
    picture: Image.Image,
    name: str | os.PathLike[str],
    limit: int | None,
    raised_by: str = "`max_pixels` raises",
) -> None:
    """Refuses a picture of more pixels than a limit; `raised_by` says what the limit depends on.

    Raises:
        TooManyPixelsError: If it has more.
    """
    width, height = picture.size
    if limit is not None and width * height > limit:
        raise TooManyPixelsError(
            f"Cannot read '{name}': it has {width * height} pixels, and the limit is {limit}, "
            f"which {raised_by}. Received: {width} x {height} pixels"
        )


def _samples(picture, file, name):
    """Decompresses an image.

    Returns:
        An array (height, width, channels) of grey, RGB or CMYK, with alpha as the last channel if
        there is one; the sample value of full intensity; and the kind of alpha: "straight",
        "premultiplied" or None.
    """
    deep = _deep_layout(picture, name)
    with _libtiff_stderr_captured(picture):
        if deep:
            return _deep_samples(picture, file, name, deep)
        picture.load()
    if picture.mode.startswith(("I", "F")):
        return _deep_grey(picture)
    mode = _plain_mode(picture)
    samples = np.asarray(picture if picture.mode == mode else picture.convert(mode))
    samples = samples if samples.ndim == 3 else samples[..., np.newaxis]
    return samples, 255, "straight" if mode in ("LA", "RGBA") else None


@contextmanager
def _libtiff_stderr_captured(picture):
    """Appends what libtiff writes to standard error to the exception instead."""
    # In a process started without standard error, file descriptor 2 may be any other file.
    if picture.format != "TIFF" or sys.stderr is None:
        yield
        return
    sys.stderr.flush()
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as lines:
        os.dup2(lines.fileno(), 2)
        try:
            yield
        except OSError as error:
            lines.seek(0)
            said = lines.read(_MOST_LETTERS).decode(errors="replace")
            raise OSError(f"{error}; {said}" if said else str(error)) from error
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)


def _deep_layout(picture, name):
    """Returns Pillow's raw modes for the high and low bytes of 16-bit samples; None if 8 bits.

    Pillow on its own reads only the high bytes.
    """
    if picture.format not in ("PNG", "TIFF") or not picture.tile:
        return None
    if picture.format == "TIFF" and picture.tile[0].codec_name == "raw" and _lie_apart(picture):
        bits = picture.tag_v2.get(ExifTags.Base.BitsPerSample, (8,))
        if max(bits) > 8:  # Pillow takes bytes for samples.
            raise _RefusedError(
                "channels of more than 8 bits must lie together, or be compressed. Received: "
                f"channels of {max(bits)} bits that lie apart"
            )
    arguments = picture.tile[0].args
    layout = arguments if isinstance(arguments, str) else arguments[0]
    channels, _, depth = layout.partition(";")
    if depth not in ("16B", "16L", "16N") or channels == "I":
        return None
    if picture.format == "TIFF" and _lie_apart(picture):
        warn_of_file("'%s' is read with 8 of its 16 bits: its channels lie apart.", name)
        return None
    is_big = depth == "16B" or depth == "16N" and sys.byteorder == "big"
    channels = channels.replace("a", "A")  # Kept premultiplied: `_to_floats` divides by alpha.
    high, low = ("B", "L") if is_big else ("L", "B")
    return f"{channels};16{high}", f"{channels};16{low}"


def _lie_apart(picture):
    """Whether a TIFF holds one channel after the other."""
    return picture.tag_v2.get(ExifTags.Base.PlanarConfiguration) == 2


def _deep_samples(picture, file, name, layouts):
    """Decompresses 16-bit channels: first the high bytes, then the low ones."""
    is_premultiplied = "RGBa" in str(picture.tile[0].args)
    key = picture.info.get("transparency")
    if layouts[0].startswith("LA"):  # As four 8-bit channels, two for each sample.
        _load_as(picture, "RGBA")
        samples = np.asarray(picture).view(">u2")
        return samples, 65535, "straight"
    samples = None
    for layout, place in zip(layouts, (0, 1) if sys.byteorder == "big" else (1, 0), strict=True):
        part = picture if samples is None else _open(file)
        _load_as(part, layout)
        octets = np.asarray(part)
        if samples is None:
            samples = np.empty(octets.shape, np.uint16)
        samples.view(np.uint8)[..., place::2] = octets
    if isinstance(key, tuple):
        alpha = np.uint16(65535) * (samples != np.array(key, np.uint16)).any(axis=-1, keepdims=True)
        return np.concatenate([samples, alpha], axis=-1), 65535, "straight"
    kind = "premultiplied" if is_premultiplied else "straight" if samples.shape[-1] == 4 else None
    return samples, 65535, None if picture.mode == "CMYK" else kind


def _load_as(picture, layout):
    """Decompresses an image by another raw mode than the one that Pillow chose."""
    picture.tile = [
        tile._replace(args=layout if isinstance(tile.args, str) else (layout, *tile.args[1:]))
        for tile in picture.tile
    ]
    picture.load()


def _deep_grey(picture):
    """Scales integer and floating-point grey, which Pillow does not."""
    samples = np.asarray(picture)[..., np.newaxis]
    tags = getattr(picture, "tag_v2", {})  # of a TIFF file
    levels = 1
    if picture.mode != "F":
        bits = tags.get(ExifTags.Base.BitsPerSample, (16,))[0]
        levels = 2 ** min(16, bits) - 1
    low, high = samples.min() / levels, samples.max() / levels
    if not (low >= 0 and high <= 1):  # also true for NaN
        raise _RefusedError(
            f"its samples must be convertible to RGB in [0, 1] (they go from {low:g} to {high:g} "
            f"on a scale from 0 to 1). Received: a {picture.format} file of mode {picture.mode}"
        )
    key = picture.info.get("transparency")
    if isinstance(key, int) and picture.format == "PNG":
        alpha = (samples != key) * samples.dtype.type(levels)
        return np.concatenate([samples, alpha], axis=-1), levels, "straight"
    if tags.get(ExifTags.Base.PhotometricInterpretation) == 0:  # white is zero
        samples = levels - samples
    return samples, levels, None


def _plain_mode(picture):
    """Returns the mode without palette or colour key that loses nothing visible."""
    if picture.has_transparency_data:
        return "LA" if picture.mode in ("1", "L", "LA") else "RGBA"
    return {"1": "L", "L": "L", "CMYK": "CMYK"}.get(picture.mode, "RGB")


def _to_floats(samples, levels, alpha_kind, profile, orientation, name):
    """Converts samples to upright RGB and straight alpha, float32 in [0, 1], in bands of rows."""
    samples = turn_upright(samples, orientation)
    height, width, channels = samples.shape
    colours = channels - bool(alpha_kind)
    to_srgb = conversion_to_srgb(profile, colours, name)
    image = np.empty((height, width, 3), np.float32)
    alpha = np.empty((height, width, 1), np.float32) if alpha_kind else None
    step = max(1, _PIXELS_AT_ONCE // width)
    for top in range(0, height, step):
        rows = slice(top, top + step)
        part = np.divide(samples[rows], levels, dtype=np.float32)
        if alpha_kind:
            alpha[rows] = part[..., colours:]
        if alpha_kind == "premultiplied":
            part = np.minimum(part / np.maximum(part[..., colours:], 1 / levels), 1)
        image[rows] = to_srgb(part[..., :colours])
    return image, alpha
