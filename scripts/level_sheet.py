"""--sweep_levels: a sheet of all pairs of styles, at the coarse and at the fine levels."""

from kerasart.scripts import cli, common_flags
from kerasart.scripts.batch_files import Job
from kerasart.scripts.manner_flags import MANNER

import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from absl import flags
from tqdm import tqdm

from kerasart.image import write_picture
from kerasart.image.contact_sheet import contact_table
from kerasart.scale.painting import OnePass
from kerasart.settings.checks import check

CELL = 320  # Long side of a picture in a sheet, at most.
_LEAST_CELL = 32

SWEEP_LEVELS = flags.DEFINE_bool(
    "sweep_levels",
    False,
    "Paint a labelled sheet of all pairs, each of a long side of --size, or at most "
    f"{CELL}: the coarse and middle levels of one style in each row, "
    "the fine level of one in each column; of the names or files that --style gives, or of those "
    "that --manner does, or of all names.",
)


def paint(jobs: Sequence[Job], is_one: bool, painting: OnePass) -> None:
    """Paints the sheet.

    Source: the table of mixed sources, Karras et al. 2018 (arXiv 1812.04948, figure 3).

    Args:
        jobs: A pair of a photo and where its sheet goes.
        is_one: Whether a single photo was asked for.
        painting: How to paint. Without a size, the photo is painted at most in that of a cell.
    """
    if not is_one:
        raise ValueError(f"`input` must be one photo to sweep. Received: {len(jobs)} photos")
    named = painting.named["style"]
    weights = named or {}
    flag = "manner" if MANNER.present else "style"
    are_whole = all(weight == 1.0 for weight in weights.values())
    check(are_whole, flag, "without levels and weights, to sweep", named)
    cli.load_tensorflow()
    painter = painting.stylizer
    if not (weights or painter.styles):
        raise ValueError(
            "`style` must be given to sweep a network without styles of its own. Received: none"
        )
    ((photo, output),) = jobs
    picture = common_flags.read_photo(photo)
    size = painting.size or min(CELL, max(picture.image.shape))
    image = replace(painting, size=size).prepare(picture).image
    names = styles = list(weights or painter.styles)
    if isinstance(painting.style, list):
        names, styles = [Path(name).stem for name in weights], [[pair] for pair in painting.style]
    pairs = list(itertools.product(styles, styles))
    bar = tqdm(pairs, unit="picture", disable=common_flags.QUIET.value or None)
    images = [
        painter(image, {"coarse": row, "fine": column}, **painting.options) for row, column in bar
    ]
    rows, columns = ([f"{level}: {name}" for name in names] for level in ("coarse", "fine"))
    sheet = contact_table(images, rows, columns, max(_LEAST_CELL, *image.shape))
    path = write_picture(output, sheet, bits=painting.bits, taken=common_flags.if_taken())
    cli.say(f"Wrote {path}: a sheet of {cli.counted(len(images), 'picture')}.")
