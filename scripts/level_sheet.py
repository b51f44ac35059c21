"""--sweep_levels: a sheet of all pairs of styles, at the coarse and at the fine levels."""

from kerasart.scripts import cli, common_flags
from kerasart.scripts.batch_files import Job

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from absl import flags
from tqdm import tqdm

from kerasart.image import Picture, write_picture
from kerasart.image.contact_sheet import contact_table

CELL = 320  # Long side of a picture in a sheet, at most.
_LEAST_CELL = 32

SWEEP_LEVELS = flags.DEFINE_bool(
    "sweep_levels",
    False,
    "Paint a labelled sheet of all pairs: the coarse and middle levels of one style in each row, "
    "the fine level of one in each column; of the names or files that --style gives, or of those "
    "that --manner does, or of all names.",
)


def paint(
    jobs: Sequence[Job],
    is_one: bool,
    read: Callable[[str, int], Picture],
    model: str,
    style: Any,
    options: dict[str, Any],
    named: dict[str, Any] | None,
    bits: int,
) -> None:
    """Paints the sheet.

    Source: the table of mixed sources, Karras et al. 2018 (arXiv 1812.04948, figure 3).

    Args:
        jobs: A pair of a photo and where its sheet goes.
        is_one: Whether a single photo was asked for.
        read: `read(photo, long_side) -> Picture`, at most of that size.
        model: The network.
        style: As `parse_mixture` returns it.
        options: Further arguments of `Stylizer.__call__`.
        named: Dict of the styles' names to weights; or None, for all.
        bits: Bits a channel of the sheet.
    """
    if not is_one:
        raise ValueError(f"`input` must be one photo to sweep. Received: {len(jobs)} photos")
    weights = named or {}
    if any(weight != 1.0 for weight in weights.values()):
        raise ValueError(
            "`style` must be NAME,NAME,... or FILE,FILE,..., without weights, to sweep. "
            f"Received: {named}"
        )
    cli.load_tensorflow()
    from kerasart import Stylizer

    painter = Stylizer(model, common_flags.PRECISION.value or "auto")
    if not (weights or painter.styles):
        raise ValueError(
            "`style` must be given to sweep a network without styles of its own. Received: none"
        )
    ((photo, output),) = jobs
    image = read(photo, CELL).image
    names = styles = list(weights or painter.styles)
    if isinstance(style, list):
        names, styles = [Path(name).stem for name in weights], [[pair] for pair in style]
    pairs = list(itertools.product(styles, styles))
    bar = tqdm(pairs, unit="picture", disable=common_flags.QUIET.value or None)
    images = [painter(image, {"coarse": row, "fine": column}, **options) for row, column in bar]
    rows, columns = ([f"{level}: {name}" for name in names] for level in ("coarse", "fine"))
    sheet = contact_table(images, rows, columns, max(_LEAST_CELL, *image.shape))
    path = write_picture(output, sheet, bits=bits, taken=common_flags.if_taken())
    cli.say(f"Wrote {path}: a sheet of {len(images)} pictures.")
