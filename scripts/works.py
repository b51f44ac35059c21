"""Which photos a command names, and where what is painted of each goes."""

from kerasart.scripts import command_line as cli

import glob
import os
from pathlib import Path

from kerasart.image import check_output
from kerasart.image.files import check_format
from kerasart.image.formats import FORMATS
from kerasart.image.photos import find_photos
from kerasart.image.samples import SAMPLES


def name_works(photos, output, bits=8, suffixes=tuple(FORMATS)):
    """Pairs each photo with where its painting goes.

    Args:
        photos: What --input says: a photo, a folder, a pattern, or a bundled sample.
        output: What --output says, or None.
        bits: Bits a channel of the paintings.
        suffixes: Those of paintings in a folder; a photo with another one gives a .png.

    Returns:
        A list of pairs of a photo and an output, and whether --input is a single photo.
    """
    found = _find(photos)
    if len(found) == 1 and not Path(photos).is_dir():
        return [_name_one(found[0], output, bits, suffixes)], True
    return _name_several(found, output, bits, suffixes), False


def leave_out_painted(works):
    """Keeps the works whose output is not there, and says how many are; --overwrite keeps all."""
    left = [work for work in works if cli.OVERWRITE.value or not work[1].exists()]
    if len(left) < len(works):
        cli.say(f"{len(works) - len(left)} of {len(works)} are painted already.")
    return left


def looks_like_file(name):
    """Whether a name has the suffix of a picture."""
    return Path(name).suffix.lower() in FORMATS


def _find(name):
    if Path(name).is_dir():
        return find_photos(name, "input")
    if Path(name).exists() or name in SAMPLES or not glob.has_magic(name):
        return [name]
    found = sorted(filter(Path.is_file, map(Path, glob.glob(name, recursive=True))))
    if not found:
        raise ValueError(f"`input` must be a photo, a folder or a pattern. Received: {name!r}")
    return found


def _name_one(photo, output, bits, suffixes):
    output = Path(output or "painted.png")
    if output.is_dir():
        output = output / _named_like(photo, suffixes).name
    check_output(output, bits)
    return photo, cli.choose_path(output)


def _name_several(photos, output, bits, suffixes):
    folder = Path(output or "painted")
    if not folder.is_dir() and (folder.exists() or looks_like_file(folder)):
        raise NotADirectoryError(
            f"`output` must be a folder for several photos. Received: the file '{folder}'"
        )
    root = os.path.commonpath([photo.parent for photo in photos])
    if Path(root).resolve() in folder.resolve().parents:
        # What is painted already lies among the photos, and is none of them.
        photos = [photo for photo in photos if folder.resolve() not in photo.resolve().parents]
    works = [(photo, folder / _named_like(photo.relative_to(root), suffixes)) for photo in photos]
    # A photo must not be painted over, nor taken for what was painted of it.
    if any(output.exists() and output.samefile(photo) for photo, output in works):
        raise ValueError(f"`output` must be another folder than the photos'. Received: '{folder}'")
    for _, output in works:
        check_format(output, bits)
    return works


def _named_like(photo, suffixes):
    """A photo's name, as a format that can be written."""
    path = Path(photo)
    if path.suffix.lower() in suffixes:
        return path
    # Beside photo.webp there may be a photo.png.
    return path.with_name(f"{path.name}.png") if looks_like_file(path) else path.with_suffix(".png")
