"""What a file says of its picture: when, where and by whom it was taken, and its density."""

import logging
from dataclasses import dataclass

from PIL import ExifTags, Image

_logger = logging.getLogger("kerasart")

_Tag = ExifTags.Base

# The tags below `_FIRST_FREE` that tell of a picture; all others there say how a TIFF lays it out.
_TELLING = {
    _Tag.DocumentName,
    _Tag.ImageDescription,
    _Tag.Make,
    _Tag.Model,
    _Tag.Orientation,
    _Tag.XResolution,
    _Tag.YResolution,
    _Tag.ResolutionUnit,
    _Tag.Software,
    _Tag.DateTime,
    _Tag.Artist,
    _Tag.HostComputer,
}
_FIRST_FREE = 0x1000
# Of the old pixels: their profile, and what Photoshop keeps of them, small pictures and layers.
_STALE = {_Tag.InterColorProfile, _Tag.ImageResources, 37724}
_SRGB = 1


@dataclass(frozen=True)
class Metadata:
    """What is kept of a photo's file for what is made of it.

    Attributes:
        exif: The EXIF data, as of an upright picture in sRGB and of any size; empty if there are
            none.
        dpi: (horizontal, vertical) pixels per inch, or None.
    """

    exif: bytes = b""
    dpi: tuple[float, float] | None = None


def read_orientation(picture, name):
    """Reads the EXIF orientation; a loaded TIFF has none, for Pillow has turned it already."""
    try:
        return picture.getexif().get(_Tag.Orientation)
    except Exception as error:  # Whatever Pillow meets in damaged data.
        _logger.warning("The EXIF data of '%s' are ignored: %s", name, error)
        return None


def read_metadata(picture, name):
    """Collects the metadata of a loaded `PIL.Image.Image`, as a `Metadata`.

    What cannot be read is left out, with a line at level INFO on the logger "kerasart".
    """
    try:
        exif = _upright(picture.getexif())
    except Exception as error:
        _logger.info("The EXIF data of '%s' are not kept: %s", name, error)
        exif = b""
    return Metadata(exif, _density(picture))


def _upright(exif):
    """The bytes of EXIF data that fit any upright picture in sRGB."""
    kept = Image.Exif()
    for tag, value in exif.items():
        if tag in _TELLING or (tag >= _FIRST_FREE and tag not in _STALE):
            kept[tag] = value
    for group in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
        if group in kept:
            kept[group] = dict(exif.get_ifd(group))
    details = kept.get(ExifTags.IFD.Exif, {})
    for tag in (_Tag.ExifImageWidth, _Tag.ExifImageHeight, ExifTags.IFD.Interop):
        details.pop(tag, None)
    if _Tag.ColorSpace in details:
        details[_Tag.ColorSpace] = _SRGB
    if not kept:
        return b""
    kept[_Tag.Orientation] = 1
    return kept.tobytes()


def _density(picture):
    """The pixels per inch, where they are more than the "1" that stands for "nobody knows"."""
    try:
        dpi = tuple(float(number) for number in picture.info["dpi"])
    except (KeyError, TypeError, ValueError, ArithmeticError):
        return None
    return dpi if len(dpi) == 2 and all(1 < number < 65536 for number in dpi) else None
