"""Dreams on a photo first, and then paints the dream in the style of a picture.

    python scripts/dream_style.py --content=photo.jpg --style=painting.jpg
    python scripts/dream_style.py --content=photo.jpg --style=painting.jpg --dream_preset=gentle

All flags of style_transfer.py paint; those that begin with dream_ dream. Photos only: of a film,
deep_dream.py makes another, which style_transfer.py paints.
"""

from kerasart.scripts import cli, film_flags, options, style_pictures, style_transfer

import itertools

from absl import flags

from kerasart.settings.dream import DreamSettings, read_recorded

_PRESET = flags.DEFINE_string(
    "dream_preset", None, "The dream's preset, as in deep_dream.py. (default: animals)"
)
_BACKBONE = flags.DEFINE_string(
    "dream_backbone", None, "The network that dreams, as in deep_dream.py. (default: auto)"
)
_SETTINGS = options.define_flags(
    DreamSettings, prefix="dream_", names=("layers", "octaves", "steps", "step_size")
)
_GROUPS = {"Dream": [_PRESET, _BACKBONE, *itertools.chain(*_SETTINGS.values())]}


def main() -> None:
    """Reads flags and pictures, dreams, paints, and writes what was painted."""
    backbone = _BACKBONE.value or "auto"
    shown = options.show_presets("deep_dream", _PRESET.value, "animals", backbone)
    if style_transfer.show_presets() or shown:
        return
    if film_flags.is_film(flags.FLAGS["content"].value, None):
        content = flags.FLAGS["content"].value
        raise ValueError(f"`content` must be a photo, or a folder of them. Received: {content!r}")
    record, recorded = style_transfer.read_reproduced("dream"), {}
    if record:
        recorded = read_recorded(record["dream"])
        # Those of the painting count for both.
        recorded = {name: value for name, value in recorded.items() if name not in ("seed", "size")}
    given = {"preset": _PRESET.value, "backbone": _BACKBONE.value}
    given |= options.read_flags(DreamSettings, "dream_")
    dream = options.over_record("deep_dream", recorded, given)
    options.check_dream(dream)

    def make(content, **arguments):
        from kerasart import dream_style

        size = arguments.get("size")
        return dream_style(content, dream=dream | {"size": size}, **arguments)

    style_transfer.act(make, record)


def run() -> None:
    """Runs the script; the installed command enters here."""
    groups = {**_GROUPS, **style_transfer.GROUPS}
    cli.run(main, __doc__, groups, style_pictures.ARGUMENTS)


if __name__ == "__main__":
    run()
