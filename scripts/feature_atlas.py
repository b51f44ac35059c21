"""Shows what each channel of a layer wants to see, on one labelled sheet.

    python scripts/feature_atlas.py --layer=mixed4 --channels=0:24
    python scripts/feature_atlas.py --backbone=squeezenet --layer=fire7 --channels=3,14,15
    python scripts/deep_dream.py --list_layers

A channel that you like is a dream of its own:
    python scripts/deep_dream.py --image=photo.jpg --channel=mixed4:7
"""

from kerasart.scripts import cli, common_flags

import sys

from absl import flags

from kerasart.image import check_output, write_picture
from kerasart.image.contact_sheet import contact_sheet
from kerasart.progress import ProgressBar
from kerasart.records import pack_record

_LAYER = flags.DEFINE_string("layer", None, "The layer.")
_CHANNELS = flags.DEFINE_string(
    "channels", "0:24", "Which of its channels: FIRST:END (without the end), a list, or all."
)
_OUTPUT = flags.DEFINE_string("output", "atlas.png", "Where to write the sheet.")
_SIZE = flags.DEFINE_integer("size", 128, "Side of each picture in pixels.", lower_bound=32)
_STEPS = flags.DEFINE_integer(
    "steps", None, "Steps for each channel. (default: the preset's)", lower_bound=1
)
_COLUMNS = flags.DEFINE_integer("columns", 6, "Pictures in a row.", lower_bound=1)
_PRESET = flags.DEFINE_string(
    "preset", "visualization", "How a channel is shown; deep_dream.py --preset=help lists them."
)
_GROUPS = {
    "Channels": [_LAYER, _CHANNELS, _SIZE, _STEPS, _PRESET],
    "Sheet": [_OUTPUT, _COLUMNS],
    "Network": common_flags.NETWORK_FLAGS,
    "Run": [common_flags.SEED, common_flags.OVERWRITE, common_flags.QUIET, common_flags.DEBUG],
}


def main() -> None:
    """Reads flags, dreams of each channel, and writes the sheet."""
    if not _LAYER.value:
        raise ValueError(
            "`layer` must be given: --layer=mixed4; deep_dream.py --list_layers shows them "
            "all. Received: none"
        )
    check_output(_OUTPUT.value)
    channels = parse_range(_CHANNELS.value)
    given = {"steps": _STEPS.value} | {
        flag.name: flag.value
        for flag in (*common_flags.NETWORK_FLAGS, common_flags.SEED)
        if flag.value is not None
    }
    pictures, stopped = _show_channels(channels, given)
    sheet = contact_sheet(pictures.values(), map(str, pictures), _COLUMNS.value, _SIZE.value)
    record = given | {flag.name: flag.value for flag in (_LAYER, _SIZE, _PRESET)}
    record["channels"] = list(pictures)
    path = write_picture(
        _OUTPUT.value, sheet, text=pack_record(record), taken=common_flags.if_taken()
    )
    cli.say(
        f"Wrote {'the channels so far to ' if stopped else ''}{path}: {len(pictures)} channels of "
        f"{_LAYER.value}."
    )
    if isinstance(stopped, KeyboardInterrupt):
        sys.exit(130)
    if stopped:
        raise stopped


def _show_channels(channels, given):
    """Dreams of channels: a dict of channel to picture, and what ended it before its time."""
    pictures = {}
    with ProgressBar(disable=common_flags.QUIET.value or None) as bar:
        cli.load_tensorflow()
        from kerasart import visualize_channels

        wanted = {"preset": _PRESET.value, "size": _SIZE.value, **given}
        try:
            for channel, picture in visualize_channels(
                _LAYER.value, channels, on_step=bar, **wanted
            ):
                pictures[channel] = picture
        except (KeyboardInterrupt, FloatingPointError) as error:
            if not pictures:
                raise
            return pictures, error
    return pictures, None


def parse_range(text: str) -> slice | list[int]:
    """Reads --channels: "FIRST:END" or "all" as a slice, or a list such as "3,14,15".

    Raises:
        ValueError: If it reads as none of these, or names no channel.
    """
    if text == "all":
        return slice(None)
    first, colon, end = text.partition(":")
    try:
        numbers = [int(part) for part in ((first or "0", end) if colon else text.split(","))]
    except ValueError:
        numbers = [-1]
    if min(numbers) < 0 or (colon and numbers[0] >= numbers[1]):
        raise ValueError(
            f"`channels` must be FIRST:END, a list such as 3,14,15, or all. Received: {text!r}"
        )
    return slice(*numbers) if colon else numbers


def run() -> None:
    """Runs the script; the installed command enters here."""
    cli.run(main, __doc__, _GROUPS)


if __name__ == "__main__":
    run()
