"""Paints a photo in the style of a picture.

    python scripts/style_transfer.py --content=photo.jpg --style=painting.jpg
    python scripts/style_transfer.py --content=photo.jpg --style=a.jpg:0.7 --style=b.jpg:0.3
    python scripts/style_transfer.py --content=photo.jpg --style=a.jpg@coarse --style=b.jpg@fine
    python scripts/style_transfer.py --content=photo.jpg --style=painting.jpg --size=1024
    python scripts/style_transfer.py --content=photo.jpg --style=painting.jpg \\
        --sweep=style_strength:0.25,0.5,1,2,4
    python scripts/style_transfer.py --content=DIR --style=painting.jpg --output=painted
    python scripts/style_transfer.py --content=clip.mp4 --style=painting.jpg
    python scripts/style_transfer.py --preset=help
    python scripts/style_transfer.py --preset=best --show
    python scripts/style_transfer.py --preset=./mine.json --content=photo.jpg --style=a.jpg
    python scripts/style_transfer.py --reproduce=painted.png --content=photo.jpg --style=a.jpg

A PNG also records its settings. Ctrl-C saves the picture so far, and --resume continues it. In a
folder, photos that are painted already are skipped, so that the same command continues. A film
keeps its sound and its times, and does not flicker.
"""

from kerasart.scripts import (
    cli,
    common_flags,
    film_flags,
    options,
    style_pictures,
    sweep_sheet,
)
from kerasart.scripts.batch_files import (
    are_several,
    name_picture,
    paint_each,
    plan_jobs,
    skip_painted,
)
from kerasart.scripts.layer_table import layer_table
from kerasart.scripts.make_film import make_films
from kerasart.scripts.make_picture import make_picture
from kerasart.scripts.style_flag import parse_file
from kerasart.scripts.sweep_sheet import SWEEP
from kerasart.scripts.unfinished import RESUME, find_state, forget_finished

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from absl import flags

from kerasart.film.writer import SLOW_SEGMENT
from kerasart.image import check_output, write_picture
from kerasart.image.arrays import fit_size
from kerasart.image.contact_sheet import contact_sheet
from kerasart.image.fingerprint import hash_image
from kerasart.image.loss_plot import check_plot, plot_losses
from kerasart.image.samples import SAMPLES
from kerasart.records import compare_with_record, read_record
from kerasart.settings.choices import choose_network, choose_style_settings
from kerasart.settings.declare import names_of
from kerasart.settings.presets import find_preset, preset_name
from kerasart.settings.style import StyleSettings

_CONTENT = flags.DEFINE_string(
    "content",
    "coffee",
    "The photo: a file, a film, a folder, or a pattern such as 'DIR/*.jpg'; or one of the bundled "
    f"{', '.join(SAMPLES)}.",
)
_OUTPUT = flags.DEFINE_string(
    "output",
    None,
    "Where to write the picture: .png, .jpg, .webp, .tif, .bmp, .gif or .avif. A name that is "
    "taken gets a number, unless --overwrite. For several photos, or films, a folder, in which "
    "they keep their names; for a film .mp4, .mov, .mkv, .webm, .gif or .webp. (default: "
    "painted.png, painted, or painted.mp4)",
)
REPRODUCE = flags.DEFINE_string(
    "reproduce", None, "A PNG that this script wrote: use its settings. Flags given override them."
)
_PRESET = options.define_preset("best")
_LIST_LAYERS = flags.DEFINE_bool(
    "list_layers", False, "Print the network's layers and what they see, and stop."
)
_PLOT = flags.DEFINE_string(
    "plot", None, "Draw each term's loss at every step here: .png, .svg or .pdf. Needs matplotlib."
)
_CONTACT_SHEET = flags.DEFINE_string(
    "contact_sheet", None, "Write the photo, the styles and the result side by side here."
)

_INIT = flags.DEFINE_string("init", None, "Where to start: content, noise, or a picture file.")
_SETTINGS = options.define_flags(
    StyleSettings, names=[name for name in names_of(StyleSettings) if name != "init"]
)
GROUPS = {
    "Pictures": [
        _CONTENT,
        style_pictures.STYLE,
        _OUTPUT,
        style_pictures.CONTENT_MASK,
        style_pictures.STYLE_MASK,
        REPRODUCE,
        common_flags.STRIP_METADATA,
    ],
    "Style (defaults: the preset's)": [_PRESET, options.SHOW, *_SETTINGS["look"], _INIT],
    "Network": [*common_flags.NETWORK_FLAGS, _LIST_LAYERS],
    "Loss terms (defaults: the preset's)": _SETTINGS["terms"],
    "Optimization (defaults: the preset's)": _SETTINGS["descent"],
    "Contact sheet, sweep and plot": [_CONTACT_SHEET, SWEEP, _PLOT],
    "Run": [RESUME, *common_flags.RUN_FLAGS],
}


def main() -> None:
    """Reads flags and pictures, paints, and writes what was painted."""

    def make(content, **arguments):
        from kerasart import style_transfer

        return style_transfer(content, **arguments)

    recorded = read_reproduced("style_layers")
    if "dream" in recorded:
        raise ValueError(
            "`reproduce` must be a painting of a photo as it is; one of a dream is made again by "
            f"dream_style. Received: {REPRODUCE.value!r}"
        )
    act(make, recorded)


def read_reproduced(needed: str) -> dict[str, Any]:
    """Reads the record of the picture that --reproduce names, if it does (see `read_record`)."""
    if not REPRODUCE.value:
        return {}
    return read_record(REPRODUCE.value, common_flags.MAX_PIXELS.value, needed)


def act(make: Callable[..., Any], recorded: dict[str, Any]) -> None:
    """Does what the flags ask for.

    Args:
        make: `make(content, **arguments) -> Result`.
        recorded: As of `read_reproduced`.
    """
    if show_presets():
        return
    is_film = film_flags.is_film(_CONTENT.value, _OUTPUT.value)
    if not is_film:
        film_flags.refuse_flags()
    if _LIST_LAYERS.value:
        preset = find_preset("style_transfer", _PRESET.value or "best")
        cli.show(layer_table(preset, "vgg16"))
    elif is_film:
        paint_film()
    elif are_several(_CONTENT.value):
        paint_folder(make, recorded)
    elif SWEEP.value:
        sweep(make, recorded)
    else:
        output = _name_output(int(common_flags.BITS.value or 8))
        paint(make, read_request(recorded), _CONTENT.value, output)


def _name_output(bits=8):
    return name_picture(_CONTENT.value, _OUTPUT.value or "painted.png", bits, flag="content")


def show_presets() -> bool:
    """Prints what --preset=help or --show asks for, and returns whether either was."""
    backbone = common_flags.BACKBONE.value or "auto"
    return options.show_presets("style_transfer", _PRESET.value, "best", backbone)


def paint_folder(make: Callable[..., Any], recorded: dict[str, Any]) -> None:
    """Paints each of several photos, with arguments as of `act`."""
    if SWEEP.value:
        raise ValueError(f"`content` must be one photo to sweep. Received: {_CONTENT.value!r}")
    request = read_request(recorded)
    jobs, _ = plan_jobs(_CONTENT.value, _OUTPUT.value, request.bits, flag="content")
    forget_finished(jobs)
    paint_each(skip_painted(jobs), lambda *job: paint(make, request, *job), flag="content")


def paint_film() -> None:
    """Paints the film that --content names."""
    of_pictures = style_pictures.CONTENT_MASK, SWEEP, _PLOT, _CONTACT_SHEET, REPRODUCE
    film_flags.check(*of_pictures, common_flags.PREVIEW_EVERY)
    _, settings, chosen, pictures, _ = read_request({})
    styles, masks = pictures["styles"], pictures["style_masks"]

    def make_painter(on_step):
        from kerasart.applications.film_style_transfer import FilmStyleTransfer

        return FilmStyleTransfer(
            styles,
            style_weights=pictures["style_weights"],
            style_levels=pictures["style_levels"],
            style_masks=masks,
            on_step=on_step,
            **tiling,
            **options,
            **settings,
        )

    tiling, options = common_flags.read_tiling(), film_flags.painter_options()
    identity = settings | options
    identity |= {name: pictures[name] for name in ("style_weights", "style_levels")}
    identity |= {
        "styles_hash": style_pictures.hash_all(styles),
        "style_masks_hash": style_pictures.hash_all(masks),
    }
    if "preset" in identity:
        identity["preset"] = preset_name(identity["preset"])
    make_films(
        _CONTENT.value,
        _OUTPUT.value,
        make_painter,
        identity,
        on_film=lambda film: _check_size(film.size, chosen, is_given="size" in settings),
        flag="content",
        segment=SLOW_SEGMENT,
    )


class Request(NamedTuple):
    """What the flags ask for, whatever the photo.

    Attributes:
        recorded: Dict of what --reproduce names, or an empty one.
        settings: Dict of settings.
        chosen: `StyleSettings`: these and the preset's, as far as they are known without a network.
        pictures: Dict of the styles, their weights, levels and masks, and the picture to start
            from.
        bits: Bits a channel of the output.
    """

    recorded: dict
    settings: dict
    chosen: StyleSettings
    pictures: dict
    bits: int


def read_request(recorded: dict[str, Any], **changes: Any) -> Request:
    """Reads flags, styles and masks.

    Args:
        recorded: As of `read_reproduced`.
        **changes: Settings over those of the flags.

    Returns:
        `Request`.
    """
    if _PLOT.value:
        check_plot(_PLOT.value)
    if _CONTACT_SHEET.value:
        check_output(_CONTACT_SHEET.value)
    settings, chosen, start = _read_settings(recorded, changes)
    pictures = style_pictures.read_pictures(recorded, start)
    bits = int(common_flags.BITS.value or recorded.get("bits", 8))
    return Request(recorded, settings, chosen, pictures, bits)


def _read_settings(recorded, changes):
    """Reads the settings, and refuses what makes no sense before a network is loaded.

    Returns:
        A dict of arguments of `style_transfer`, the `StyleSettings`, and the path of a picture to
        start from, or None.
    """
    changes = {"init": _INIT.value} | changes
    settings, start = options.read_settings("style_transfer", recorded, changes), None
    if changes["init"] not in (None, "content", "noise"):  # A record names no picture.
        start = settings.pop("init")
    preset = find_preset("style_transfer", settings.get("preset", "best"))
    asked = settings.get("backbone", "auto"), settings.get("weights", "auto")
    backbone, _ = choose_network(preset, *asked)
    given = options.only_settings("style_transfer", settings)
    chosen = choose_style_settings(preset, backbone, given)
    options.refuse_idle(chosen)
    return settings, chosen, start


def paint(
    make: Callable[..., Any], request: Request, content: str, output: str | Path, label: str = ""
) -> Any:
    """Makes a picture.

    Args:
        make: See `act`.
        request: `Request`.
        content: The photo's name.
        output: Where to write it.
        label: Which of several photos it is.

    Returns:
        The `Result`.
    """
    recorded, settings, chosen, pictures, bits = request
    check_output(output, bits)
    photo = common_flags.read_photo(content)
    _check_size(photo.image.shape[1:3], chosen, is_given="size" in settings)
    state = None if SWEEP.value else find_state(output, resumes=bool(label))
    sizes, tiling = [], common_flags.read_tiling()

    def make_it(on_step, **run):
        def note(progress):
            sizes.append(progress.size)
            on_step(progress)

        return make(photo.image, on_step=note, **run, **tiling, **pictures, **settings)

    inputs = {"bits": bits, "photo_hash": hash_image(photo.image)}
    inputs |= {
        f"{name}_hash": style_pictures.hash_all(pictures[name])
        for name in ("styles", "content_masks", "style_masks", "start")
    }
    result = make_picture(make_it, output, inputs, photo, bits, state, label)
    compare_with_record(recorded, inputs | result.settings, [*inputs, "weights_hash"])
    if _PLOT.value:
        starts = [i for i in range(1, len(sizes)) if sizes[i] != sizes[i - 1]]
        path = plot_losses(result.history, _PLOT.value, starts, taken=common_flags.if_taken())
        cli.say(f"Wrote {path}.")
    if _CONTACT_SHEET.value:
        images = [photo.image, *pictures["styles"], result.image]
        names = [content, *(parse_file(style)[0] for style in style_pictures.STYLE.value), output]
        sheet = contact_sheet(images, [Path(name).name for name in names])
        path = write_picture(_CONTACT_SHEET.value, sheet, taken=common_flags.if_taken())
        cli.say(f"Wrote {path}.")
    return result


def _check_size(size, settings, is_given):
    """Refuses more pixels than pictures may have, and says where a preset leaves some out."""
    height, width = size
    most = settings.size
    if settings.rows:
        common_flags.check_pixels((settings.rows, width * settings.rows // height))
    elif most and is_given:
        common_flags.check_pixels(fit_size(size, most))
    elif most and most < max(size):
        small = fit_size(size, most)
        cli.say(
            f"Painting at {small[1]}x{small[0]}; the photo is {width}x{height} "
            f"(--size={max(size)} paints all of it)."
        )


def sweep(make: Callable[..., Any], recorded: dict[str, Any]) -> None:
    """Paints with each of several values of a flag (see `sweep_sheet`), arguments as of `act`."""

    def paint_one(output, **changes):
        return paint(make, read_request(recorded, **changes), _CONTENT.value, output)

    def check_settings(**changes):
        _read_settings({}, changes)

    sweep_sheet.paint(paint_one, check_settings, _name_output())


def run() -> None:
    """Runs the script; the installed command enters here."""
    groups = {**GROUPS, "Film": film_flags.FLAGS_WITH_STEPS}
    cli.run(main, __doc__, groups, style_pictures.ARGUMENTS)


if __name__ == "__main__":
    run()
