"""--sweep: a picture for each of several values of a flag, and a labelled sheet of them."""

from kerasart.scripts import cli, common_flags
from kerasart.scripts.unfinished import RESUME

from collections.abc import Callable
from pathlib import Path
from typing import Any

from absl import flags

from kerasart.image import check_output, write_picture
from kerasart.image.contact_sheet import contact_sheet
from kerasart.settings.declare import names_of
from kerasart.settings.style import StyleSettings

SWEEP = flags.DEFINE_string(
    "sweep",
    None,
    "NAME:VALUE,VALUE,...: paint with each value of a flag, such as "
    "style_strength:0.25,0.5,1,2,4; --output becomes a labelled sheet of the pictures, which lie "
    "beside it.",
)


def paint(
    paint_one: Callable[..., Any], check_settings: Callable[..., object], output: str | Path
) -> None:
    """Paints with each value, and writes the sheet.

    Args:
        paint_one: `paint_one(output, **changes) -> Result`, by the settings with these changes.
        check_settings: `check_settings(**changes)`, which raises a ValueError if such settings make
            no sense: better before the first picture than after it.
        output: Where to write the sheet.
    """
    name, values = _read_values()
    for value in values:
        check_settings(**{name: value})
    if RESUME.value:
        raise ValueError("`resume` must not be given with `sweep`. Received: both")
    sheet = Path(output)
    check_output(sheet)
    images, labels = [], []
    for value in values:
        label = str(value).replace("/", "_")  # Of a file's path.
        beside = sheet.with_name(f"{sheet.stem}.{name}-{label}{sheet.suffix}")
        images.append(paint_one(beside, **{name: value}).image)
        labels.append(f"{name} {value}")
    path = write_picture(sheet, contact_sheet(images, labels), taken=common_flags.if_taken())
    cli.say(f"Wrote {path}: a sheet of {cli.counted(len(images), 'picture')}.")


def _read_values():
    """The name of the flag that --sweep gives, and its values."""
    name, _, values = (SWEEP.value or "").partition(":")
    if name not in (*names_of(StyleSettings), "preset", "backbone", "seed") or not values:
        raise ValueError(
            "`sweep` must be a flag and its values, such as style_strength:0.5,1,2. "
            f"Received: {SWEEP.value!r}"
        )
    try:
        return name, [flags.FLAGS[name].parser.parse(value) for value in values.split(",")]
    except ValueError as error:
        raise ValueError(
            f"`sweep` must give values that --{name} can take; {error}. Received: {values!r}"
        ) from None
