"""From the bytes of a picture file to float arrays in sRGB, upright, with alpha apart."""

import io
import logging
import struct
import zlib
from contextlib import contextmanager

import numpy as np
from PIL import ExifTags, Image, ImageCms, UnidentifiedImageError

from kerasart.image.convention import quantise
from kerasart.image.formats import NAMES, pillow_setting
from kerasart.image.sixteen_bit import decode_png, is_deep_png

_logger = logging.getLogger("kerasart")

# What Pillow raises for damaged data depends on the format and on the place of the damage.
_DAMAGE = (
    OSError,
    RuntimeError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    struct.error,
    zlib.error,
)

_MODE_OF_CHANNELS = {1: "L", 3: "RGB", 4: "CMYK"}

# A profile that moves no colour by more than this many 8-bit levels is taken for sRGB itself:
# the sRGB profiles in use differ from one another by rounding.
_SRGB_TOLERANCE = 1

_UPRIGHT = {
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, k=-1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a),
}


def load(data, name, max_pixels):
    """Opens and decompresses a picture with Pillow.

    Args:
        data: The bytes of the file.
        name: What error messages call the file.
        max_pixels: The largest number of pixels to accept, or None for Pillow's own limit.

    Returns:
        The loaded `PIL.Image.Image`, and a dict of its text if it is a PNG file.

    Raises:
        ValueError: If this is no picture, or it is damaged or has too many pixels.
    """
    with pillow_setting(Image, "MAX_IMAGE_PIXELS", None) as pillow_limit:
        with _damage_explained(data, name):
            picture = Image.open(io.BytesIO(data), formats=NAMES)
        _check_pixel_count(picture, name, pillow_limit if max_pixels is None else max_pixels)
        with _damage_explained(data, name):
            picture.load()
            text = picture.text if picture.format == "PNG" else {}
    return picture, {str(key): str(value) for key, value in text.items()}


def decode(picture, data, name):
    """Turns a loaded picture into arrays.

    Args:
        picture: A `PIL.Image.Image`, loaded.
        data: The bytes of its file.
        name: What messages call the file.

    Returns:
        The image, float32 of shape (1, height, width, 3) in [0, 1], and its alpha, float32 of
        shape (1, height, width, 1) in [0, 1], or None if it has none.

    Raises:
        ValueError: If the samples have no meaning as RGB in [0, 1].
    """
    try:
        colours, alpha = _samples(picture, data)
    except ValueError as error:
        raise ValueError(
            f"Cannot read '{name}': its samples must be convertible to RGB in [0, 1] ({error}). "
            f"Received: a {picture.format} file of mode {picture.mode}"
        ) from error
    colours = _to_srgb(colours, picture.info.get("icc_profile"), name)
    orientation = _orientation(picture, name)
    image = _upright(colours, orientation)
    return image, None if alpha is None else _upright(alpha, orientation)


@contextmanager
def _damage_explained(data, name):
    try:
        yield
    except UnidentifiedImageError as error:
        raise ValueError(
            f"Cannot read '{name}': it is not a picture, or damaged from its start; "
            f"the formats are {', '.join(NAMES)}. Received: a file that begins {data[:8]}"
        ) from error
    except _DAMAGE as error:
        raise ValueError(
            f"Cannot read '{name}': the picture is truncated or damaged ({error}), "
            f"and a whole file is needed. Received: {len(data)} bytes"
        ) from error


def _check_pixel_count(picture, name, limit):
    width, height = picture.size
    if limit is not None and width * height > limit:
        raise ValueError(
            f"Cannot read '{name}': it has {width * height} pixels, and the limit is {limit}, "
            f"which `max_pixels` raises. Received: {width} x {height} pixels"
        )


def _samples(picture, data):
    """The colours (grey, RGB or CMYK in the last axis) and the alpha as floats in [0, 1]."""
    if picture.format == "PNG" and is_deep_png(data):
        pixels = decode_png(data, with_alpha="transparency" in picture.info)
        return _split_alpha(np.divide(pixels, 65535, dtype=np.float32))
    if picture.mode.startswith(("I", "F")):
        return _deep_grey(picture), None
    mode = _plain_mode(picture)
    samples = np.divide(np.asarray(picture.convert(mode)), 255, dtype=np.float32)
    return (samples, None) if mode == "CMYK" else _split_alpha(np.atleast_3d(samples))


def _split_alpha(samples):
    if samples.shape[-1] in (2, 4):
        return samples[..., :-1], samples[..., -1:]
    return samples, None


def _deep_grey(picture):
    """Grey of 16 bits or of floats, of which Pillow knows only the bare numbers."""
    samples = np.asarray(picture)
    tags = getattr(picture, "tag_v2", {})  # those of a TIFF
    if picture.mode != "F":
        bits = min(16, tags.get(ExifTags.Base.BitsPerSample, (16,))[0])
        samples = samples / (2**bits - 1)
    low, high = samples.min(), samples.max()
    if not (low >= 0 and high <= 1):  # not even a NaN gets past this
        raise ValueError(f"its samples go from {low:g} to {high:g} on a scale from 0 to 1")
    if tags.get(ExifTags.Base.PhotometricInterpretation) == 0:  # white is zero
        samples = 1 - samples
    return samples.astype(np.float32)[..., np.newaxis]


def _plain_mode(picture):
    """The mode without palette or key colour that keeps everything the picture shows."""
    if picture.has_transparency_data:
        return "LA" if picture.mode in ("1", "L", "LA") else "RGBA"
    return {"1": "L", "L": "L", "CMYK": "CMYK"}.get(picture.mode, "RGB")


def _to_srgb(colours, profile, name):
    if profile:
        try:
            transform, source = _transform(profile, colours)
        except (ImageCms.PyCMSError, OSError, ValueError) as error:
            _logger.warning("The colour profile of '%s' is ignored: %s", name, error)
        else:
            if not _keeps_colours(transform, source.mode):
                converted = ImageCms.applyTransform(source, transform)
                return np.divide(np.asarray(converted), 255, dtype=np.float32)
    return _to_rgb(colours)


def _transform(profile, colours):
    """The way from a profile to sRGB, and the colours at 8 bits in the mode that it expects."""
    origin = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    if origin.profile.xcolor_space.strip() == "RGB":
        colours = _to_rgb(colours)  # grey pictures keep the profile of their original
    mode = _MODE_OF_CHANNELS[colours.shape[-1]]
    height, width, _ = colours.shape
    source = Image.frombytes(mode, (width, height), quantise(colours, bits=8).tobytes())
    target = ImageCms.createProfile("sRGB")
    # The tables of LittleCMS's optimiser are too coarse for dark greys.
    flags = ImageCms.Flags.NOOPTIMIZE
    return ImageCms.buildTransform(origin, target, mode, "RGB", flags=flags), source


def _keeps_colours(transform, mode):
    steps = np.arange(0, 256, 17, dtype=np.uint8)
    cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(64, 64, 3)
    probe = Image.fromarray(cube).convert(mode)
    before = np.asarray(probe.convert("RGB"), dtype=int)
    after = np.asarray(ImageCms.applyTransform(probe, transform), dtype=int)
    return np.abs(after - before).max() <= _SRGB_TOLERANCE


def _to_rgb(colours):
    channels = colours.shape[-1]
    if channels == 4:  # ink on ink: what the colour lets through, the black dims
        return (1 - colours[..., :3]) * (1 - colours[..., 3:])
    return colours if channels == 3 else np.repeat(colours, 3, axis=-1)


def _orientation(picture, name):
    """The EXIF orientation; a TIFF has none any more, for Pillow has already turned it."""
    try:
        return picture.getexif().get(ExifTags.Base.Orientation)
    except _DAMAGE as error:
        _logger.warning("The EXIF data of '%s' are ignored: %s", name, error)
        return None


def _upright(pixels, orientation):
    turn = _UPRIGHT.get(orientation)
    return np.ascontiguousarray(turn(pixels) if turn else pixels)[np.newaxis]
