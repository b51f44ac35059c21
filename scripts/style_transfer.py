"""Paints a photo in the manner of a picture.

    python scripts/style_transfer.py --content=photo.jpg --style=painting.jpg
    python scripts/style_transfer.py --content=photo.jpg --style=a.jpg:0.7 --style=b.jpg:0.3
    python scripts/style_transfer.py --content=photo.jpg --style=painting.jpg --size=1024
    python scripts/style_transfer.py --content=photo.jpg --style=painting.jpg \\
        --sweep=style_strength:0.25,0.5,1,2,4
    python scripts/style_transfer.py --content=DIR --style=painting.jpg --output=painted
    python scripts/style_transfer.py --preset=help
    python scripts/style_transfer.py --reproduce=painted.png --content=photo.jpg --style=a.jpg

A PNG also records its settings. Ctrl-C saves the picture so far, and --resume goes on with it. Of a
folder, what is painted already is left alone, so that the same command goes on.
"""

from kerasart.scripts import app as cli
from kerasart.scripts.batch_files import are_several, leave_out_painted, name_works, paint_each
from kerasart.scripts.png_metadata import compare_with_record, hash_image, read_record

import math
from pathlib import Path
from typing import NamedTuple

from absl import flags

from kerasart.image import check_output, read_picture, write_picture
from kerasart.image.arrays import fit_size
from kerasart.image.contact_sheet import contact_sheet
from kerasart.image.loss_plot import check_plot, plot_losses
from kerasart.image.masks import combine_masks, read_mask
from kerasart.image.samples import SAMPLES
from kerasart.settings.presets import find_preset
from kerasart.settings.style import SETTING_NAMES, StyleSettings

_CONTENT = flags.DEFINE_string(
    "content",
    "coffee",
    "The photo: a file, a folder of them, or a pattern such as 'DIR/*.jpg'; or one of the bundled "
    f"{', '.join(SAMPLES)}.",
)
_STYLE = flags.DEFINE_multi_string(
    "style",
    [],
    "A picture whose manner to paint in; several are blended. FILE:WEIGHT says how much of each.",
)
_OUTPUT = flags.DEFINE_string(
    "output",
    None,
    "Where to write the picture: .png, .jpg, .webp, .tif, .bmp, .gif or .avif. A name that is "
    "taken gets a number, unless --overwrite. For several photos a folder, in which they keep "
    "their names. (default: painted.png, or painted)",
)
REPRODUCE = flags.DEFINE_string(
    "reproduce", None, "A PNG that this script wrote: use its settings. Flags given override them."
)
_CONTENT_MASK = flags.DEFINE_multi_string(
    "content_mask",
    None,
    "Where in the photo a style paints: a picture, white for yes; one for each --style, in their "
    "order; `all` is everywhere. What no style paints stays the photo.",
)
_STYLE_MASK = flags.DEFINE_multi_string(
    "style_mask",
    None,
    "Which part of a style counts, likewise; `all` is all of it. What is transparent never does.",
)
_PRESET = flags.DEFINE_string(
    "preset",
    None,
    "Settings that make a good picture, or a published one; help lists them. (default: best)",
)
_LIST_LAYERS = flags.DEFINE_bool(
    "list_layers", False, "Print the network's layers and what they see, and stop."
)
_RESUME = flags.DEFINE_bool(
    "resume", False, "Go on with the unfinished run whose state lies beside the output."
)
_PLOT = flags.DEFINE_string(
    "plot", None, "Draw each term's loss at every step here: .png, .svg or .pdf. Needs matplotlib."
)
_CONTACT_SHEET = flags.DEFINE_string(
    "contact_sheet", None, "Write the photo, the styles and the result side by side here."
)
_SWEEP = flags.DEFINE_string(
    "sweep",
    None,
    "NAME:VALUE,VALUE,...: paint with each value of a flag, such as "
    "style_strength:0.25,0.5,1,2,4; --output becomes a labelled sheet of the pictures, which lie "
    "beside it.",
)


def _float(name, text, **bounds):
    return flags.DEFINE_float(name, None, text, **bounds)


def _text(name, text):
    return flags.DEFINE_string(name, None, text)


def _choice(name, values, text):
    return flags.DEFINE_enum(name, None, values, text)


_LOOK = [
    flags.DEFINE_integer(
        "size",
        None,
        "Long side in pixels. (default: the photo's own, but no more than the preset's: of best "
        f"{find_preset('style_transfer', 'best')['settings']['size']})",
        lower_bound=1,
    ),
    _float("style_strength", "How much painting.", lower_bound=0),
    _float("content_strength", "How much photo.", lower_bound=0),
    _float("smoothness", "How much the total variation counts, against noise.", lower_bound=0),
    _float(
        "style_size",
        "Long side of the styles over the picture's: larger strokes by larger. They are never "
        "enlarged beyond their own pixels.",
    ),
    _choice(
        "preserve_color",
        ["none", "luminance", "histogram", "coral"],
        "Keep the photo's colours: luminance takes only light and dark from the painting; "
        "histogram and coral recolour the painting as the photo first.",
    ),
    _text("init", "Where to start: content, noise, or a picture file."),
]
_TERMS = [
    _text("content_layers", "Where the picture should look like the photo: LAYER:SHARE,..."),
    _text("style_layers", "Where it should look like the painting: LAYER:SHARE,..."),
    _choice("style_loss", ["gram", "moments", "wasserstein"], "What a style is compared by."),
    _float("content_weight", "Raw weight of the content, in place of a balanced one."),
    _float("style_weight", "Raw weight of the style, in place of a balanced one."),
    _float("tv_weight", "Raw weight of the total variation, in place of a balanced one."),
    _text("summed", "Which of content,total_variation are sums over positions, not means."),
    _float("tv_beta", "Exponent of the total variation."),
    flags.DEFINE_bool("tv_isotropic", None, "Take its two directions together."),
    _choice("pooling", ["max", "average"], "How the network shrinks its features."),
    _choice("padding", ["zeros", "replicate"], "What the network sees beyond the picture's edge."),
]
_DESCENT = [
    _text("steps", "Steps at all scales together, or a list with a number for each scale."),
    _text("optimizer", "adam, lbfgs, sgd, or the name of a Keras optimizer, such as rmsprop."),
    _float("learning_rate", "Its rate, for pictures in [0, 1]."),
    _float("beta_1", "Adam's decay of the mean gradient."),
    _float("beta_2", "Adam's decay of the mean squared gradient."),
    _float("epsilon", "Adam's epsilon."),
    _float("decay", "What the rate of sgd is multiplied by every 100 steps."),
    _float("average", "Decay of the running mean of pictures that is the result; 0 for none."),
    flags.DEFINE_integer("smallest", None, "Long side of the first scale.", lower_bound=1),
    _float("scale_factor", "How much larger each scale is than the one before."),
    flags.DEFINE_integer("rows", None, "Height in pixels, in place of --size.", lower_bound=1),
    flags.DEFINE_bool("stretch_style", None, "Give the styles the picture's height and width."),
    _choice(
        "interpolation", ["lanczos", "area", "bilinear", "nearest"], "How pictures are resized."
    ),
    flags.DEFINE_bool("clip", None, "Hold the picture in range at each step, not just at the end."),
]
GROUPS = {
    "Pictures": [
        _CONTENT,
        _STYLE,
        _OUTPUT,
        _CONTENT_MASK,
        _STYLE_MASK,
        REPRODUCE,
        cli.STRIP_METADATA,
    ],
    "The look (defaults: the preset's)": [_PRESET, *_LOOK],
    "The network": [*cli.NETWORK_FLAGS, _LIST_LAYERS],
    "The terms (defaults: the preset's)": _TERMS,
    "The descent (defaults: the preset's)": _DESCENT,
    "To look at": [_CONTACT_SHEET, _SWEEP, _PLOT],
    "The run": [_RESUME, *cli.RUN_FLAGS],
}


def main():
    """Reads flags and pictures, paints, and writes what was painted."""

    def make(content, **arguments):
        from kerasart import style_transfer

        return style_transfer(content, **arguments)

    act(make)


def act(make):
    """Does what the flags ask for, with `make(content, **arguments) -> Result`."""
    if _PRESET.value == "help":
        cli.show(cli.preset_table("style_transfer"))
    elif _LIST_LAYERS.value:
        preset = find_preset("style_transfer", _PRESET.value or "best")
        cli.show(cli.layer_table(preset, "vgg16"))
    elif are_several(_CONTENT.value):
        paint_folder(make)
    elif _SWEEP.value:
        sweep(make)
    else:
        output = _OUTPUT.value or "painted.png"
        check_output(output, int(cli.BITS.value or 8))
        paint(make, read_wanted(), _CONTENT.value, output)


def paint_folder(make):
    """Paints each of several photos, with `make` as in `act`."""
    if _SWEEP.value:
        raise ValueError(f"`content` must be one photo to sweep. Received: {_CONTENT.value!r}")
    wanted = read_wanted()
    works, _ = name_works(_CONTENT.value, _OUTPUT.value, wanted.bits, flag="content")
    for _, output in works:
        if output.exists():  # A kill just after it was written leaves its state.
            _discard(_state_of(output))
    paint_each(leave_out_painted(works), lambda *work: paint(make, wanted, *work), flag="content")


class Wanted(NamedTuple):
    """What the flags ask for, whatever the photo.

    Attributes:
        recorded: Dict of what --reproduce names, or an empty one.
        settings: Dict of settings.
        pictures: Dict of the styles, their weights, masks, and the picture to start from.
        bits: Bits a channel of the output.
    """

    recorded: dict
    settings: dict
    pictures: dict
    bits: int


def read_wanted(**changes):
    """Reads flags, styles and masks.

    Args:
        **changes: Settings over those of the flags.

    Returns:
        `Wanted`.
    """
    recorded = read_record(REPRODUCE.value, cli.MAX_PIXELS.value) if REPRODUCE.value else {}
    if _PLOT.value:
        check_plot(_PLOT.value)
    if _CONTACT_SHEET.value:
        check_output(_CONTACT_SHEET.value)
    settings = cli.merge_settings("style_transfer", SETTING_NAMES, recorded, changes)
    pictures = _read_pictures(settings, recorded)
    return Wanted(recorded, settings, pictures, int(cli.BITS.value or recorded.get("bits", 8)))


def paint(make, wanted, content, output, label=""):
    """Makes a picture.

    Args:
        make: See `act`.
        wanted: `Wanted`.
        content: The photo's name.
        output: Where to write it.
        label: Which of several photos it is.

    Returns:
        The `Result`.
    """
    recorded, settings, pictures, bits = wanted
    check_output(output, bits)
    photo = cli.read_photo(content)
    _check_size(photo.image.shape[1:3], settings)
    state = None if _SWEEP.value else _state_path(output, goes_on=bool(label))
    sizes, tiling = [], cli.read_tiling()

    def make_it(on_step, on_tile):
        def note(progress):
            sizes.append(progress.size)
            on_step(progress)

        listeners = {"on_step": note, "on_tile": on_tile}
        return make(photo.image, checkpoint=state, **listeners, **tiling, **pictures, **settings)

    identity = {"bits": bits, "photo_hash": hash_image(photo.image)}
    identity |= {
        f"{name}_hash": _hash_all(pictures[name])
        for name in ("styles", "content_masks", "style_masks", "start")
    }
    try:
        result = cli.make_picture(make_it, output, identity, photo, bits, state, label)
    except FloatingPointError:
        _discard(state)  # To go on from it would only end likewise.
        raise
    _discard(state)
    compare_with_record(recorded, identity | result.settings, [*identity, "weights_hash"])
    if _PLOT.value:
        starts = [i for i in range(1, len(sizes)) if sizes[i] != sizes[i - 1]]
        path = plot_losses(result.history, _PLOT.value, starts, taken=cli.if_taken())
        cli.say(f"Wrote {path}.")
    if _CONTACT_SHEET.value:
        images = [photo.image, *pictures["styles"], result.image]
        names = [content, *(parse_style(style)[0] for style in _STYLE.value), output]
        sheet = contact_sheet(images, [Path(name).name for name in names])
        path = write_picture(_CONTACT_SHEET.value, sheet, taken=cli.if_taken())
        cli.say(f"Wrote {path}.")
    return result


def _check_size(size, settings):
    """Refuses more pixels than pictures may have, and says where a preset leaves some out."""
    height, width = size
    given = settings.get("size")
    if given:
        cli.check_pixels(fit_size(size, given))
    elif settings.get("rows"):
        cli.check_pixels((settings["rows"], width * settings["rows"] // height))
    else:
        recipe = find_preset("style_transfer", settings.get("preset", "best"))
        most = recipe["settings"].get("size")
        if most and most < max(size):
            small = fit_size(size, most)
            cli.say(
                f"Painting at {small[1]}x{small[0]}; the photo is {width}x{height} "
                f"(--size={max(size)} paints all of it)."
            )


def sweep(make):
    """Paints with each of several values of a flag, and writes a labelled sheet of the pictures."""
    name, _, values = _SWEEP.value.partition(":")
    if name not in (*SETTING_NAMES, "preset", "backbone", "seed") or not values:
        raise ValueError(
            "`sweep` must be a flag and its values, such as style_strength:0.5,1,2. "
            f"Received: {_SWEEP.value!r}"
        )
    try:
        parsed = [flags.FLAGS[name].parser.parse(value) for value in values.split(",")]
    except ValueError as error:
        raise ValueError(
            f"`sweep` must give values that --{name} can take; {error}. Received: {values!r}"
        ) from None
    for value in parsed:  # Better refused before the first picture than after it.
        if name == "preset":
            find_preset("style_transfer", value)
        elif name in SETTING_NAMES and name not in ("content_layers", "style_layers", "init"):
            StyleSettings({"any": 1.0}, {"any": 1.0}, **{name: value})
    if _RESUME.value:
        raise ValueError("`resume` must not be given with `sweep`. Received: both")
    sheet = Path(_OUTPUT.value or "painted.png")
    check_output(sheet)
    images, labels = [], []
    for value in parsed:
        output = sheet.with_name(f"{sheet.stem}.{name}-{value}{sheet.suffix}")
        wanted = read_wanted(**{name: value})
        images.append(paint(make, wanted, _CONTENT.value, str(output)).image)
        labels.append(f"{name} {value}")
    path = write_picture(sheet, contact_sheet(images, labels), taken=cli.if_taken())
    cli.say(f"Wrote {path}: a sheet of {len(images)} pictures.")


def parse_style(text):
    """Reads a --style: FILE or FILE:WEIGHT.

    Returns:
        The file's path and the weight, None if there is none.

    Raises:
        ValueError: If the weight is no number of 0 or more.
    """
    path, colon, weight = text.rpartition(":")
    if not colon or Path(text).exists():
        return text, None
    try:
        number = float(weight)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise ValueError(
            f"`style` must be FILE or FILE:WEIGHT with a weight of 0 or more. Received: {text!r}"
        )
    return path, number


def _read_pictures(settings, recorded):
    """Reads styles, masks and the picture to start from: arguments of `style_transfer`."""
    if not _STYLE.value:
        raise ValueError("`style` must be given: --style=painting.jpg. Received: none")
    paths, weights = zip(*map(parse_style, _STYLE.value), strict=True)
    styles = [read_picture(path, cli.MAX_PIXELS.value) for path in paths]
    if any(weight is not None for weight in weights):
        weights = [1.0 if weight is None else weight for weight in weights]
    else:
        weights = recorded.get("style_weights")
    start = None
    if settings.get("init") not in (None, "content", "noise"):
        start = read_picture(settings.pop("init"), cli.MAX_PIXELS.value).image
    return {
        "styles": [style.image for style in styles],
        "style_weights": weights,
        "content_masks": _read_masks(_CONTENT_MASK.value),
        "style_masks": _mask_styles(styles, _read_masks(_STYLE_MASK.value)),
        "start": start,
    }


def _read_masks(paths):
    if paths is None:
        return None
    return [None if path == "all" else read_mask(path, cli.MAX_PIXELS.value) for path in paths]


def _mask_styles(styles, masks):
    """Adds what of each style is opaque to the masks: a list of them, or None where all count."""
    if all(style.alpha is None for style in styles):
        return masks
    masks = masks or [None] * len(styles)
    if len(masks) != len(styles):
        return masks  # `style_transfer` says so.
    return [combine_masks(m, s.alpha, "style_mask") for m, s in zip(masks, styles, strict=True)]


def _discard(state):
    if state:
        state.unlink(missing_ok=True)


def _hash_all(images):
    if isinstance(images, list):
        return list(map(_hash_all, images))
    return hash_image(images)


def _state_of(output):
    return Path(f"{output}.state.npz")


def _state_path(output, goes_on):
    """Names the file of an unfinished run, and refuses to lose one that is there.

    Args:
        output: Where the picture is to be written.
        goes_on: Whether the same command goes on with it, also without --resume.
    """
    state = _state_of(output)
    if _is_left_over(state, output):
        state.unlink()
    if _RESUME.value and not goes_on and not state.exists():
        raise ValueError(
            f"`resume` needs the state of an unfinished run beside the output. Received: no {state}"
        )
    if state.exists() and not _RESUME.value:
        if cli.OVERWRITE.value:
            state.unlink()
        elif not goes_on:
            raise ValueError(
                f"`output` must not be that of an unfinished run: --resume goes on with it, "
                f"--overwrite starts anew. Received: {output!r}, beside which {state} lies"
            )
    return state


def _is_left_over(state, output):
    """Whether a run was killed just after it had written its whole picture, a PNG."""
    try:
        if Path(output).stat().st_mtime_ns < state.stat().st_mtime_ns:
            return False
        return "interrupted_after" not in read_record(output, cli.MAX_PIXELS.value)
    except (ValueError, OSError):  # There is none of both, or the picture tells nothing.
        return False


def run():
    """Runs the script; the installed command enters here."""
    cli.run(main, __doc__, GROUPS)


if __name__ == "__main__":
    run()
