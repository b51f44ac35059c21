"""`conversion_to_srgb`: from the colours that a file's ICC profile describes."""

import io
import os
import re
from collections.abc import Callable
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageCms

from kerasart.image.arrays import quantise
from kerasart.image.file_warnings import warn_of_file
from kerasart.image.video import BT2020, HDR_TRANSFERS

_MODE_OF_CHANNELS = {1: "L", 3: "RGB", 4: "CMYK"}

# How HEIC and AVIF, and PNG, give the code points of primaries and transfer (ITU-T H.273).
_NCLX = re.compile(rb"colrnclx(..)(..)", re.DOTALL)
_CODES = {"HEIF": _NCLX, "AVIF": _NCLX, "PNG": re.compile(rb"cICP(.)(.)", re.DOTALL)}
_WIDE_PRIMARIES = {BT2020: "BT.2020", 11: "DCI-P3", 12: "Display P3"}
_HEAD = 2**16  # Bytes in which they are.

# A profile that changes no colour by more than this many 8-bit levels is taken for sRGB: the sRGB
# profiles in use differ by rounding.
_SRGB_TOLERANCE = 1


def conversion_to_srgb(
    profile: bytes | None, channels: int, name: str
) -> Callable[[np.ndarray], np.ndarray]:
    """Makes the conversion of a file's colours to sRGB.

    Args:
        profile: The ICC profile; None or an empty one is sRGB. One that is damaged is ignored,
            with a warning.
        channels: 1 for grey, 3 for RGB, 4 for CMYK.
        name: The file's, for the warning.

    Returns:
        A function from float32 (height, width, channels) in [0, 1] to RGB of the same size.
    """
    if not profile:
        return _to_rgb
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        is_rgb = source.profile.xcolor_space.strip() == "RGB"
        # Images converted to grey often keep an RGB profile.
        mode = "RGB" if is_rgb else _MODE_OF_CHANNELS[channels]
        target = ImageCms.createProfile("sRGB")
        # LittleCMS's optimised lookup tables are too coarse for dark greys.
        flags = ImageCms.Flags.NOOPTIMIZE
        transform = ImageCms.buildTransform(source, target, mode, "RGB", flags=flags)
        if _keeps_colours(transform, mode):
            return _to_rgb
    except Exception as error:  # A damaged profile may raise anything.
        warn_of_file("The colour profile of '%s' is ignored: %s", name, error)
        return _to_rgb

    def convert(colours):
        colours = _to_rgb(colours) if is_rgb else colours
        height, width, _ = colours.shape
        data = quantise(colours, bits=8).tobytes()
        converted = ImageCms.applyTransform(Image.frombytes(mode, (width, height), data), transform)
        return np.divide(np.asarray(converted), 255, dtype=np.float32)

    return convert


def warn_of_codes(file: BinaryIO, kind: str | None, name: str | os.PathLike[str]) -> None:
    """Warns of colours that a file gives by code points, which are not converted to sRGB.

    Args:
        file: The open file, seekable, without an ICC profile.
        kind: Pillow's name of its format.
        name: Its name in the warning.
    """
    if kind not in _CODES:
        return
    file.seek(0)
    found = _CODES[kind].search(file.read(_HEAD))
    if not found:
        return
    primaries, transfer = (int.from_bytes(code, "big") for code in found.groups())
    if transfer in HDR_TRANSFERS:
        warn_of_file("'%s' is HDR (PQ or HLG): its values are taken as they are coded", name)
    elif primaries in _WIDE_PRIMARIES:
        wide = _WIDE_PRIMARIES[primaries]
        warn_of_file("'%s' has the primaries of %s: its values are taken for sRGB", name, wide)


def _keeps_colours(transform, mode):
    steps = np.arange(0, 256, 17, dtype=np.uint8)
    cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(64, 64, 3)
    probe = Image.fromarray(cube).convert(mode)
    before = np.asarray(probe.convert("RGB"), dtype=int)
    after = np.asarray(ImageCms.applyTransform(probe, transform), dtype=int)
    return np.abs(after - before).max() <= _SRGB_TOLERANCE


def _to_rgb(colours):
    channels = colours.shape[-1]
    if channels == 4:  # CMYK: black dims what the coloured inks let through
        return (1 - colours[..., :3]) * (1 - colours[..., 3:])
    return colours if channels == 3 else np.repeat(colours, 3, axis=-1)
