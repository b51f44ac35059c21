"""Dreams on a photo: what a network faintly sees in it grows until everyone can see it.

    python scripts/deep_dream.py
    python scripts/deep_dream.py --image=photo.jpg --preset=gentle --output=dream.png
    python scripts/deep_dream.py --image=photo.jpg --layers=mixed4:1.0,mixed5:1.5 --octaves=5
    python scripts/deep_dream.py --preset=help
    python scripts/deep_dream.py --backbone=vgg16 --list_layers
    python scripts/deep_dream.py --reproduce=dream.png --image=photo.jpg

The output has the photo's size. A PNG also records its settings. Ctrl-C saves the picture so far.
"""

from absl import flags

from kerasart.image import check_output
from kerasart.image.resize import fit_size
from kerasart.image.samples import SAMPLES
from kerasart.presets.checks import parse_layers
from kerasart.presets.dream_settings import SETTING_NAMES
from kerasart_scripts import command_line as cli
from kerasart_scripts.records import compare_with_record, hash_image, read_record

_IMAGE = flags.DEFINE_string(
    "image",
    "coffee",
    f"The photo: a file, or one of the bundled {', '.join(SAMPLES)}.",
)
_OUTPUT = flags.DEFINE_string(
    "output",
    "dream.png",
    "Where to write the picture: .png, .jpg, .webp, .tif, .bmp, .gif or .avif. A name that is "
    "taken gets a number, unless --overwrite.",
)
_SIZE = flags.DEFINE_integer(
    "size", None, "Long side in pixels. (default: the photo's own)", lower_bound=1
)
_REPRODUCE = flags.DEFINE_string(
    "reproduce", None, "A PNG that this script wrote: use its settings. Flags given override them."
)
_PRESET = flags.DEFINE_string(
    "preset",
    None,
    "Settings that make a good picture, or a published one; help lists them. (default: animals)",
)
_LIST_LAYERS = flags.DEFINE_bool(
    "list_layers", False, "Print the network's layers and what they see, and stop."
)
_SETTINGS = [
    flags.DEFINE_string(
        "layers", None, "Whose activations to raise, and how much: mixed4:1.0,mixed5:1.5."
    ),
    flags.DEFINE_string(
        "octaves",
        None,
        "How many sizes to dream at, the last of them the photo's own; or the first and the last, "
        "such as -2:2 (from two octaves smaller to two larger).",
    ),
    flags.DEFINE_float("octave_scale", None, "How much larger each octave is."),
    flags.DEFINE_integer("steps", None, "Steps in each octave.", lower_bound=1),
    flags.DEFINE_float(
        "step_size", None, "What an average step changes a value by, where white is 1."
    ),
    flags.DEFINE_float("max_loss", None, "End an octave when the loss passes this."),
    flags.DEFINE_integer(
        "jitter", None, "Largest random shift at each step, in pixels.", lower_bound=0
    ),
    flags.DEFINE_float(
        "smoothness",
        None,
        "Weight of the total variation, against fine noise. In units of the activations: each "
        "network has its own.",
    ),
    flags.DEFINE_enum(
        "activation", None, ["squared", "mean"], "Raise the mean of squares, or the plain mean."
    ),
    flags.DEFINE_integer(
        "border", None, "Rows and columns at a layer's border that do not count.", lower_bound=0
    ),
    flags.DEFINE_enum(
        "norm",
        None,
        ["mean", "std"],
        "Divide the gradient by its mean absolute value or by its standard deviation.",
    ),
    flags.DEFINE_float("floor", None, "The least magnitude to divide the gradient by."),
    flags.DEFINE_enum(
        "detail",
        None,
        ["before", "after", "none"],
        "When the photo's detail comes back that smaller octaves cannot show: before an octave's "
        "steps, after them, or not at all.",
    ),
    flags.DEFINE_bool("clip", None, "Hold the picture in range at each step, not just at the end."),
    flags.DEFINE_bool("antialias", None, "Shrink with antialiasing."),
]
_GROUPS = {
    "Pictures": [_IMAGE, _OUTPUT, _SIZE, _REPRODUCE],
    "The network": [*cli.NETWORK_FLAGS, _LIST_LAYERS],
    "The dream (defaults: the preset's)": [_PRESET, *_SETTINGS],
    "The run": cli.RUN_FLAGS,
}


def main():
    """Reads flags and a photo, dreams, and writes the picture."""
    if _PRESET.value == "help":
        print(cli.preset_table("deep_dream"))
    elif _LIST_LAYERS.value:
        print(cli.layer_table("inception_v3"))
    else:
        dream()


def dream():
    """Makes the picture that the flags describe."""
    recorded = read_record(_REPRODUCE.value, cli.MAX_PIXELS.value) if _REPRODUCE.value else {}
    bits = int(cli.BITS.value or recorded.get("bits", 8))
    check_output(_OUTPUT.value, bits)
    settings = cli.merge_settings("deep_dream", SETTING_NAMES, recorded)
    if "layers" in settings:
        settings["layers"] = parse_layers(settings["layers"])
    photo = cli.read_photo(_IMAGE.value)
    if settings.get("size"):
        cli.check_pixels(fit_size(photo.image.shape[1:3], settings["size"]))

    def make(on_step):
        from kerasart import deep_dream

        return deep_dream(photo.image, on_step=on_step, **settings)

    identity = {
        "size": settings.get("size"),
        "bits": bits,
        "photo_hash": hash_image(photo.image),
    }
    result = cli.make_picture(make, _OUTPUT.value, identity, photo.alpha, bits)
    compare_with_record(recorded, identity | result.settings, ["photo_hash", "weights_hash"])


def run():
    """Runs the script; the installed command enters here."""
    cli.run(main, __doc__, _GROUPS)


if __name__ == "__main__":
    run()
