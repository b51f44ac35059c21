"""`Metadata` of image files: EXIF data (date, place, author, camera) and pixel density."""

import logging
from dataclasses import dataclass
from os import PathLike

from PIL import ExifTags, Image

from kerasart.image.file_warnings import warn_of_file

_logger = logging.getLogger("kerasart")

_Tag = ExifTags.Base

# The tags below `_FIRST_FREE` that describe an image; all others there are TIFF's layout.
_DESCRIPTIVE = {
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
# Valid for the old pixels only: their profile, and Photoshop's thumbnails and layers.
_STALE = {_Tag.InterColorProfile, _Tag.ImageResources, 37724}
_SRGB = 1


@dataclass(frozen=True)
class Metadata:
    """The metadata of a photo that are copied to the images made from it.

    Attributes:
        exif: EXIF data, valid for an upright sRGB image of any size; empty if there are none.
        dpi: (horizontal, vertical) pixels per inch, or None.
    """

    exif: bytes = b""
    dpi: tuple[float, float] | None = None


def read_orientation(picture: Image.Image, name: str | PathLike[str]) -> int | None:
    """Reads the EXIF orientation; a loaded TIFF has none, since Pillow applies it itself."""
    try:
        return picture.getexif().get(_Tag.Orientation)
    except Exception as error:  # Damaged data may raise anything.
        warn_of_file("The EXIF data of '%s' are ignored: %s", name, error)
        return None


def read_metadata(picture: Image.Image, name: str | PathLike[str]) -> Metadata:
    """Reads the metadata of a loaded image; EXIF data that cannot be read are left out, logged."""
    try:
        exif = _upright(picture.getexif())
    except Exception as error:
        _logger.info("The EXIF data of '%s' are not kept: %s", name, error)
        exif = b""
    return Metadata(exif, _density(picture))


def _upright(exif):
    """Returns the part of EXIF data that is valid for any upright sRGB image."""
    kept = Image.Exif()
    for tag, value in exif.items():
        if tag in _DESCRIPTIVE or (tag >= _FIRST_FREE and tag not in _STALE):
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
    """Returns the pixels per inch, or None; files use 1 for "unknown"."""
    try:
        dpi = tuple(float(number) for number in picture.info["dpi"])
    except (KeyError, TypeError, ValueError, ArithmeticError):
        return None
    return dpi if len(dpi) == 2 and all(1 < number < 65536 for number in dpi) else None
