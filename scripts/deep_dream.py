"""Dreams on a photo: what a network faintly sees in it grows until everyone can see it.

    python scripts/deep_dream.py
    python scripts/deep_dream.py --image=photo.jpg --preset=gentle --output=dream.png
    python scripts/deep_dream.py --image=photo.jpg --layers=mixed3:1.0,mixed4:1.5 --octaves=5
    python scripts/deep_dream.py --image=photo.jpg --class=jellyfish
    python scripts/deep_dream.py --image=photo.jpg --guide=flowers.jpg
    python scripts/deep_dream.py --preset=visualization --channel=mixed5:37
    python scripts/deep_dream.py --image=DIR --output=dreams
    python scripts/deep_dream.py --image=photo.jpg --animate=zoom --output=dream.gif
    python scripts/deep_dream.py --image=clip.mp4 --preset=gentle
    python scripts/deep_dream.py --preset=help
    python scripts/deep_dream.py --preset=gentle --show
    python scripts/deep_dream.py --preset=./mine.json --image=photo.jpg
    python scripts/deep_dream.py --list_layers
    python scripts/deep_dream.py --reproduce=dream.png --image=photo.jpg

The output has the photo's size. A PNG also records its settings. Ctrl-C saves the picture so far,
and --resume continues it. In a folder, photos that have their dream already are skipped, so that
the same command continues. A film keeps its sound and its times; the dream moves with what it is
on.
"""

from kerasart.scripts import animation_flags, cli, common_flags, film_flags, options
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
from kerasart.scripts.unfinished import RESUME, find_state, forget_finished

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from absl import flags

from kerasart.backbones import find_class
from kerasart.film.writer import SLOW_SEGMENT
from kerasart.image import Picture
from kerasart.image.masks import read_mask
from kerasart.image.samples import SAMPLES
from kerasart.records import compare_with_record, read_record
from kerasart.scale.painting import Dreaming
from kerasart.settings.choices import suitable_preset
from kerasart.settings.dream import DreamSettings, read_recorded
from kerasart.settings.presets import find_preset, preset_name

_IMAGE = flags.DEFINE_string(
    "image",
    None,
    "The photo: a file, a film, a folder, or a pattern such as 'DIR/*.jpg'; or one of the bundled "
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
    "several photos, or films, a folder, in which they keep their names. (default: dream.png, "
    "dream.gif, painted, or painted.mp4)",
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
    "what suits the other flags: guided, class, channel, ascent (with --pyramid or the like), zoom "
    "or animals"
)
_LIST_LAYERS = flags.DEFINE_bool(
    "list_layers", False, "Print the network's layers and what they see, and stop."
)
_SETTINGS = options.define_flags(DreamSettings)
_GROUPS = {
    "Pictures": [_IMAGE, _GUIDE, _MASK, _OUTPUT, _SIZE, _REPRODUCE, common_flags.STRIP_METADATA],
    "Network": [*common_flags.NETWORK_FLAGS, _LIST_LAYERS],
    "Objective (defaults: the preset's)": [
        _PRESET,
        options.SHOW,
        *_SETTINGS["objective"],
    ],
    "Gradient ascent (defaults: the preset's)": _SETTINGS["ascent"],
    "Animation": animation_flags.FLAGS,
    "Film": film_flags.FLAGS_WITH_STEPS,
    "Run": [RESUME, *common_flags.RUN_FLAGS],
}


def main() -> None:
    """Reads flags and pictures, dreams, and writes the picture or the animation."""
    backbone = common_flags.BACKBONE.value or "auto"
    default = suitable_preset(options.read_flags(DreamSettings), _GUIDE.value)
    if options.show_presets("deep_dream", _PRESET.value, default, backbone):
        return
    if _LIST_LAYERS.value:
        preset = find_preset("deep_dream", _PRESET.value or default)
        cli.show(layer_table(preset, "inception_v3"))
        return
    if _IMAGE.value and film_flags.is_film(_IMAGE.value, _OUTPUT.value):
        dream_film()
        return
    film_flags.refuse_flags()
    are_many = bool(_IMAGE.value) and are_several(_IMAGE.value)
    if animation_flags.ANIMATE.value:
        if are_many:
            raise ValueError(f"`image` must be one photo to animate. Received: {_IMAGE.value!r}")
        animate()
        return
    animation_flags.refuse_flags()
    recorded, bits = _read_record()
    if are_many:
        dream_folder(recorded, bits)
        return
    names = _IMAGE.value or "dream", _OUTPUT.value or "dream.png"
    output = name_picture(*names, bits, flag="image")
    request = read_request(recorded, bits)
    dream(request, request.read_photo(_IMAGE.value), output)


@dataclass(frozen=True)
class Request:
    """What the flags ask for, whatever the photo.

    Attributes:
        recorded: Dict of what --reproduce names, or an empty one.
        settings: `DreamSettings`.
        dreaming: `Dreaming`.
    """

    recorded: dict
    settings: DreamSettings
    dreaming: Dreaming

    @cached_property
    def dreamer(self) -> Any:
        """The `Dreamer`, made when it is first asked for."""
        dreamer = self.dreaming.dreamer
        self.say_class()
        return dreamer

    def say_class(self) -> None:
        """Prints the class that is dreamed of, if one is."""
        if self.dreaming.named:
            cli.say(f"Dreaming of class {self.dreaming.named['class']}.")

    def read_photo(self, name: str | None) -> Picture | None:
        """Reads the photo, or a sample if none is named; None for a dream from nothing.

        From nothing, a photo that is named tells the size.
        """
        name = name or ("coffee" if self.settings.init == "photo" else None)
        if name:
            return self.dreaming.prepare(common_flags.read_photo(name))
        if self.dreaming.size:
            common_flags.check_pixels((self.dreaming.size, self.dreaming.size))
        return None


def _read_record():
    """Reads what --reproduce names, and the bits a channel of the output."""
    recorded = {}
    if _REPRODUCE.value:
        record = read_record(_REPRODUCE.value, common_flags.MAX_PIXELS.value, needed="octaves")
        recorded = read_recorded(record)
    return recorded, int(common_flags.BITS.value or recorded.get("bits", 8))


def read_request(recorded: dict, bits: int, **changes: Any) -> Request:
    """Reads flags, guide and mask.

    Args:
        recorded: Dict of what --reproduce names, or an empty one.
        bits: Bits a channel of the output.
        **changes: Settings over those of the flags.

    Returns:
        `Request`.
    """
    settings = options.read_settings("deep_dream", recorded, changes)
    if settings.get("class_name") is not None:
        find_class(settings["class_name"])
    checked = options.check_dream(settings, _GUIDE.value)
    guide = common_flags.read_photo(_GUIDE.value).image if _GUIDE.value else None
    mask = read_mask(_MASK.value, common_flags.MAX_PIXELS.value) if _MASK.value else None
    tiling = common_flags.read_tiling()  # Better refused before a network is loaded.
    size = settings.pop("size", None)
    files = common_flags.read_file_options() | {"bits": bits}
    dreaming = Dreaming(settings, tiling, guide, mask, size, **files)
    return Request(recorded, checked, dreaming)


def dream(request: Request, photo: Picture | None, output: str | Path, label: str = "") -> None:
    """Dreams on a photo, and writes the picture.

    Args:
        request: `Request`.
        photo: The `Picture`, or None.
        output: Where to write.
        label: Which of several photos it is.
    """
    state = find_state(output, resumes=bool(label))
    image, dreaming = photo.image if photo else None, request.dreaming

    def make(**run):
        return request.dreamer.dream(image, dreaming.mask, size=dreaming.size, **run)

    inputs = dreaming.describe(photo)
    init = request.settings.init
    if photo and init != "photo":
        cli.say(f"Of the photo, only the size is used: this dream starts from {init}.")
    result = make_picture(make, output, inputs, photo, dreaming.bits, state, label)
    names = ["photo_hash", "guide_hash", "mask_hash", "weights_hash"]
    compare_with_record(request.recorded, inputs | result.settings, names)


def dream_folder(recorded: dict, bits: int) -> None:
    """Dreams on each of several photos, with arguments as of `read_request`."""
    jobs, _ = plan_jobs(_IMAGE.value, _OUTPUT.value, bits, flag="image")
    forget_finished(jobs)
    jobs = skip_painted(jobs)
    request = read_request(recorded, bits)

    def dream_on(name, output, label):
        dream(request, request.read_photo(name), output, label)

    paint_each(jobs, dream_on, flag="image")


def dream_film() -> None:
    """Dreams on the film that --image names."""
    film_flags.check(animation_flags.ANIMATE, common_flags.PREVIEW_EVERY, _REPRODUCE)
    request = read_request({}, 8)
    dreaming = request.dreaming
    request.say_class()
    request.settings.check_film()

    def make_painter(on_step):
        from kerasart.applications.film_dreamer import FilmDreamer

        settings = dreaming.settings | {"on_step": on_step}
        dreamer = replace(dreaming, settings=settings).dreamer
        return FilmDreamer(dreamer, dreaming.mask, **options)

    options = film_flags.painter_options()
    identity = dreaming.settings | dreaming.describe(None) | options
    if "preset" in identity:
        identity["preset"] = preset_name(identity["preset"])
    make_films(
        _IMAGE.value,
        _OUTPUT.value,
        make_painter,
        identity,
        dreaming.size,
        flag="image",
        segment=SLOW_SEGMENT,
    )


def animate() -> None:
    """Makes the animation that the flags describe."""
    output = _OUTPUT.value or "dream.gif"
    animation_flags.check(output)
    recorded, bits = _read_record()
    has_own = _PRESET.value or recorded or animation_flags.ANIMATE.value != "zoom"
    request = read_request(recorded, bits, **({} if has_own else {"preset": "zoom"}))
    photo = request.read_photo(_IMAGE.value)
    dreaming = request.dreaming
    inputs = dreaming.settings | dreaming.describe(photo)
    if "preset" in inputs:
        inputs["preset"] = preset_name(inputs["preset"])
    image = photo.image if photo else None
    pictures = {"image": image, "mask": dreaming.mask, "size": dreaming.size}
    animation_flags.animate(lambda: request.dreamer, pictures, output, inputs)


def run() -> None:
    """Runs the script; the installed command enters here."""
    cli.run(main, __doc__, _GROUPS, {"path": "output"})


if __name__ == "__main__":
    run()
