"""Dreams on a photo first, and then paints the dream in the manner of a picture.

    python scripts/dream_style.py --content=photo.jpg --style=painting.jpg
    python scripts/dream_style.py --content=photo.jpg --style=painting.jpg --dream_preset=gentle

All flags of style_transfer.py paint; those that begin with dream_ dream.
"""

from kerasart.scripts import app as cli
from kerasart.scripts import style_transfer
from kerasart.scripts.png_metadata import read_record

from absl import flags

from kerasart.settings.checks import parse_layers
from kerasart.settings.dream import SETTING_NAMES, read_recorded
from kerasart.settings.presets import find_preset

_DREAM = [
    flags.DEFINE_string(
        "dream_preset", None, "The dream's preset, as in deep_dream.py. (default: animals)"
    ),
    flags.DEFINE_string(
        "dream_backbone", None, "The network that dreams, as in deep_dream.py. (default: auto)"
    ),
    flags.DEFINE_string("dream_layers", None, "Whose activations to raise: LAYER:COEFFICIENT,..."),
    flags.DEFINE_string("dream_octaves", None, "How many sizes to dream at, or first:last."),
    flags.DEFINE_integer("dream_steps", None, "Steps in each octave.", lower_bound=1),
    flags.DEFINE_float("dream_step_size", None, "What an average step changes a value by."),
]


def main():
    """Reads flags and pictures, dreams, paints, and writes what was painted."""
    dream = {
        flag.name.removeprefix("dream_"): flag.value for flag in _DREAM if flag.value is not None
    }
    if "preset" in dream:
        find_preset("deep_dream", dream["preset"])
    elif style_transfer.REPRODUCE.value:
        record = read_record(style_transfer.REPRODUCE.value, cli.MAX_PIXELS.value)
        record = read_recorded(record.get("dream", {}))
        names = ("preset", "backbone", "weights", "precision", *SETTING_NAMES)
        dream = {name: record[name] for name in names if name in record} | dream
    if "layers" in dream:
        dream["layers"] = parse_layers(dream["layers"], "dream_layers")

    def make(content, **arguments):
        from kerasart import dream_style

        size = arguments.get("size")
        return dream_style(content, dream=dream | {"size": size}, **arguments)

    style_transfer.act(make)


def run():
    """Runs the script; the installed command enters here."""
    cli.run(main, __doc__, {"The dream": _DREAM, **style_transfer.GROUPS})


if __name__ == "__main__":
    run()
