"""The flags that scripts share, and what is read by them."""

from pathlib import Path
from typing import Any

from absl import flags

from kerasart.image import Picture, formats, read_picture
from kerasart.image.metadata import Metadata
from kerasart.image.samples import SAMPLES, read_sample
from kerasart.settings.checks import LARGEST_INTEGER, check_tiling

BACKBONE = flags.DEFINE_string(
    "backbone",
    None,
    "The feature network: auto, squeezenet, or any of keras.applications (inception_v3, vgg16, "
    "vgg19, resnet50, mobilenet_v2, ...). auto takes the one whose layers or channels are "
    "named, else the preset's, of VGG16, InceptionV3 and SqueezeNet: these are bundled, others are "
    "downloaded. (default: auto)",
)
WEIGHTS = flags.DEFINE_string(
    "weights",
    None,
    "imagenet (downloaded by Keras), bundled (vgg16, squeezenet, and inception_v3 up to mixed5), "
    "random, or a path to a .weights.h5 or legacy .h5 file. (default: bundled where there are "
    "such, else imagenet)",
)
PRECISION = flags.DEFINE_enum(
    "precision",
    None,
    ["auto", "float32", "bfloat16"],
    "Number format of the convolutions; auto takes what this machine is fast at. (default: auto)",
)
SEED = flags.DEFINE_integer(
    "seed",
    None,
    "Same seed, same machine, same picture. (default: 0)",
    lower_bound=0,
    upper_bound=LARGEST_INTEGER,
)
PREVIEW_EVERY = flags.DEFINE_integer(
    "preview_every",
    0,
    "Write the picture as it grows beside the output, as NAME.preview.png, every so many steps; 0 "
    "for never.",
    lower_bound=0,
)
TILE = flags.DEFINE_string(
    "tile",
    "auto",
    "Look at large pictures part by part, in less memory and more time: the side of a tile in "
    "pixels (where a trained network paints, the rows of a strip), none, or auto, for the largest "
    "that fit. The picture is the same, but for dreams of networks that see far, like InceptionV3.",
)
MEMORY = flags.DEFINE_float(
    "memory",
    None,
    "What --tile=auto may use, in GiB. (default: most of what is free)",
)
BITS = flags.DEFINE_enum(
    "bits", None, ["8", "16"], "Bits a channel; 16 for PNG and TIFF. (default: 8)"
)
MAX_PIXELS = flags.DEFINE_integer(
    "max_pixels",
    None,
    "The most pixels a picture of yours may have. (default: Pillow's limit, 89 million)",
    lower_bound=1,
)
STRIP_METADATA = flags.DEFINE_bool(
    "strip_metadata",
    False,
    "Leave out what the photo's file says of it, such as date, place, copyright and density.",
)
OVERWRITE = flags.DEFINE_bool(
    "overwrite", False, "Replace an output that exists, rather than number the new one."
)
QUIET = flags.DEFINE_bool("quiet", False, "Print nothing but warnings and errors.")
DEBUG = flags.DEFINE_bool("debug", False, "Show where in the code an error arose.")

NETWORK_FLAGS = [BACKBONE, WEIGHTS, PRECISION]
RUN_FLAGS = [SEED, TILE, MEMORY, PREVIEW_EVERY, BITS, MAX_PIXELS, OVERWRITE, QUIET, DEBUG]


def read_tiling() -> dict[str, Any]:
    """Reads --tile and --memory: a dict of the arguments of that name.

    Raises:
        ValueError: If there is no such tile or memory.
    """
    tile = int(TILE.value) if TILE.value.isdecimal() else TILE.value
    check_tiling(tile, MEMORY.value)
    return {"tile": tile, "memory": MEMORY.value}


def if_taken(otherwise: str = "number") -> str:
    """What `write_picture` is to do where a name is taken: --overwrite replaces what is there."""
    return "replace" if OVERWRITE.value else otherwise


def metadata_of(photo: Picture | None) -> Metadata | None:
    """What of a photo's metadata goes into what is made of it: all, or with --strip_metadata none.

    Args:
        photo: The `Picture`, or None.
    """
    return None if photo is None or STRIP_METADATA.value else photo.metadata


def read_file_options() -> dict[str, Any]:
    """Reads --bits, --max_pixels and --strip_metadata: a dict of what `PhotoPainter` calls them."""
    bits, keeps = int(BITS.value or 8), not STRIP_METADATA.value
    return {"bits": bits, "max_pixels": MAX_PIXELS.value, "keeps_metadata": keeps}


def read_photo(name: str) -> Picture:
    """Reads a picture file, or a bundled sample where there is no file of its name.

    --max_pixels is for files: a sample is read whatever it is.
    """
    if name in SAMPLES and not Path(name).exists():
        return read_sample(name)
    return read_picture(name, MAX_PIXELS.value)


def check_pixels(size: tuple[int, int], flag: str = "size") -> None:
    """Refuses a (height, width) that a flag would make larger than pictures may be."""
    formats.check_pixels(size, MAX_PIXELS.value, flag)
