"""Dreams on a photo: what a network faintly sees in it grows until everyone can see it.

    python scripts/deep_dream.py
    python scripts/deep_dream.py --image=photo.jpg --preset=gentle --output=dream.png
    python scripts/deep_dream.py --image=photo.jpg --layers=mixed3:1.0,mixed4:1.5 --octaves=5
    python scripts/deep_dream.py --image=photo.jpg --class=jellyfish
    python scripts/deep_dream.py --image=photo.jpg --guide=flowers.jpg
    python scripts/deep_dream.py --preset=visualization --channel=mixed5:37
    python scripts/deep_dream.py --image=DIR --output=dreams
    python scripts/deep_dream.py --image=photo.jpg --animate=zoom --output=dream.gif
    python scripts/deep_dream.py --preset=help
    python scripts/deep_dream.py --preset=gentle --show
    python scripts/deep_dream.py --preset=./mine.json --image=photo.jpg
    python scripts/deep_dream.py --list_layers
    python scripts/deep_dream.py --reproduce=dream.png --image=photo.jpg

The output has the photo's size. A PNG also records its settings. Ctrl-C saves the picture so far.
Of a folder, what is dreamed already is left alone, so that the same command goes on.
"""

from kerasart.scripts import animation_flags, options
from kerasart.scripts import app as cli
from kerasart.scripts.batch_files import are_several, leave_out_painted, name_works, paint_each
from kerasart.scripts.png_metadata import compare_with_record, hash_image, read_record

import functools

from absl import flags

from kerasart.backbones import find_class, imagenet_labels
from kerasart.image import check_output
from kerasart.image.arrays import fit_size
from kerasart.image.masks import read_mask
from kerasart.image.samples import SAMPLES
from kerasart.settings.dream import DreamSettings, read_recorded
from kerasart.settings.presets import find_preset, preset_name, suitable_preset

_IMAGE = flags.DEFINE_string(
    "image",
    None,
    "The photo: a file, a folder of them, or a pattern such as 'DIR/*.jpg'; or one of the bundled "
    f"{', '.join(SAMPLES)}. (default: coffee)",
)
_GUIDE = flags.DEFINE_string(
    "guide", None, "Another picture, whose features the dream takes on (see --similarity)."
)
_MASK = flags.DEFINE_string(
    "mask", None, "Where to dream: a picture, white for yes; elsewhere the photo stays."
)
_OUTPUT = flags.DEFINE_string(
    "output",
    None,
    "Where to write the picture: .png, .jpg, .webp, .tif, .bmp, .gif or .avif; or the animation: "
    ".gif, .webp, .png, .mp4 or .webm. A name that is taken gets a number, unless --overwrite. For "
    "several photos a folder, in which they keep their names. (default: dream.png, dream.gif, or "
    "painted)",
)
_SIZE = flags.DEFINE_integer(
    "size",
    None,
    "Long side in pixels. (default: the photo's own; 512 from nothing)",
    lower_bound=1,
)
_REPRODUCE = flags.DEFINE_string(
    "reproduce", None, "A PNG that this script wrote: use its settings. Flags given override them."
)
_PRESET = options.define_preset(
    "what suits the other flags: guided, class, channel, zoom or animals"
)
_LIST_LAYERS = flags.DEFINE_bool(
    "list_layers", False, "Print the network's layers and what they see, and stop."
)
_SETTINGS = options.define_flags(DreamSettings)
_GROUPS = {
    "Pictures": [_IMAGE, _GUIDE, _MASK, _OUTPUT, _SIZE, _REPRODUCE, cli.STRIP_METADATA],
    "The network": [*cli.NETWORK_FLAGS, _LIST_LAYERS],
    "What is dreamed of (defaults: the preset's)": [
        _PRESET,
        options.SHOW,
        *_SETTINGS["objective"],
    ],
    "How (defaults: the preset's)": _SETTINGS["ascent"],
    "Dreams that move": animation_flags.FLAGS,
    "The run": cli.RUN_FLAGS,
}


def main():
    """Reads flags and pictures, dreams, and writes the picture or the animation."""
    backbone = cli.BACKBONE.value or "auto"
    default = suitable_preset(options.read_flags(DreamSettings), _GUIDE.value)
    if options.tell_of_presets("deep_dream", _PRESET.value, default, backbone):
        return
    if _LIST_LAYERS.value:
        preset = find_preset("deep_dream", _PRESET.value or default)
        cli.show(cli.layer_table(preset, "inception_v3"))
    else:
        dream()


def dream():
    """Makes the picture, or the animation, that the flags describe."""
    recorded = {}
    if _REPRODUCE.value:
        recorded = read_recorded(read_record(_REPRODUCE.value, cli.MAX_PIXELS.value))
    bits = int(cli.BITS.value or recorded.get("bits", 8))
    several = bool(_IMAGE.value) and are_several(_IMAGE.value)
    output = _OUTPUT.value or ("dream.gif" if animation_flags.ANIMATE.value else "dream.png")
    if animation_flags.ANIMATE.value and several:
        raise ValueError(f"`image` must be one photo to animate. Received: {_IMAGE.value!r}")
    if animation_flags.ANIMATE.value:
        animation_flags.check(output)
    else:
        animation_flags.refuse_flags()
    if several:
        works, _ = name_works(_IMAGE.value, _OUTPUT.value, bits, flag="image")
        works = leave_out_painted(works)
    elif not animation_flags.ANIMATE.value:
        check_output(output, bits)
    zooms = animation_flags.ANIMATE.value == "zoom" and not (_PRESET.value or recorded)
    changes = {"preset": "zoom"} if zooms else {}
    settings = options.read_settings("deep_dream", recorded, changes)
    told = {}
    if settings.get("class_name") is not None:
        number = find_class(settings["class_name"])
        told = {"class": f"{number}: {imagenet_labels()[number]}"}
    init = options.check_dream(settings, _GUIDE.value).init
    limit = cli.MAX_PIXELS.value
    guide = cli.read_photo(_GUIDE.value).image if _GUIDE.value else None
    mask = read_mask(_MASK.value, limit) if _MASK.value else None
    where = {"mask": mask, "size": settings.get("size")}
    tiling = cli.read_tiling()

    @functools.cache
    def dreamer():
        from kerasart.applications.deep_dream import Dreamer

        ready = Dreamer(guide=guide, **_without(settings, "size"), **tiling)
        if told:
            cli.say(f"Dreaming of class {told['class']}.")
        return ready

    def describe(photo):
        return told | {
            "size": settings.get("size"),
            "bits": bits,
            "photo_hash": hash_image(photo.image if photo else None),
            "guide_hash": hash_image(guide),
            "mask_hash": hash_image(mask),
        }

    def paint(photo, output, label=""):
        identity = describe(photo)

        def make(**listeners):
            return dreamer().dream(photo.image if photo else None, **where, **listeners)

        result = cli.make_picture(make, output, identity, photo, bits, label=label)
        names = ["photo_hash", "guide_hash", "mask_hash", "weights_hash"]
        compare_with_record(recorded, identity | result.settings, names)

    if several:
        paint_each(
            works, lambda name, *rest: paint(_read_photo(name, settings, init), *rest), flag="image"
        )
        return
    photo = _read_photo(_IMAGE.value, settings, init)
    if animation_flags.ANIMATE.value:
        image = photo.image if photo else None
        identity = settings | describe(photo)
        if "preset" in settings:
            identity["preset"] = preset_name(settings["preset"])
        animation_flags.animate(dreamer, where | {"image": image}, output, identity)
    else:
        paint(photo, output)


def _read_photo(name, settings, init):
    """Reads the photo, or a sample if none is named; None for a dream from nothing."""
    # From nothing, a photo only tells the size, and only if one is given.
    name = name or ("coffee" if init == "photo" else None)
    photo = cli.read_photo(name) if name else None
    size = settings.get("size")
    if size:
        cli.check_pixels(fit_size(photo.image.shape[1:3], size) if photo else (size, size))
    return photo


def _without(settings, name):
    return {key: value for key, value in settings.items() if key != name}


def run():
    """Runs the script; the installed command enters here."""
    cli.run(main, __doc__, _GROUPS)


if __name__ == "__main__":
    run()
