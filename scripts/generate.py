"""Paints pictures of random numbers with a trained StyleGAN2 generator, a file of yours.

    python scripts/generate.py --model=mine.keras --seeds=0-7 --output=sheet.png
    python scripts/generate.py --model=network.pkl --seeds=0-99 --output=DIR
    python scripts/generate.py --model=network.pkl --seeds=5 --truncation=0.5
    python scripts/generate.py --model=network.pkl --seeds=5 --mix=coarse:3,fine:9
    python scripts/generate.py --model=network.pkl --seeds=0-7 --label=3
    python scripts/generate.py --model=network.pkl --walk=1,5,9,1 --frames=120 --output=walk.mp4
    python scripts/generate.py --model=network.pkl --project=photo.jpg --output=found.png
    python scripts/generate.py --model=network.pkl --seeds=found.png --mix=fine:9
    python scripts/generate.py --model=network.pkl --seeds=5 --layers=mixed4
    python scripts/generate.py --model=network.pkl --seeds=5 --style=painting.jpg

The model is a .keras file, or one of NVIDIA's programs for StyleGAN2, in which nothing is run. What
its weights may be used for, their owner says: NVIDIA's own are for non-commercial use. A PNG that
this script wrote is a seed, too: it holds its style.
"""

from kerasart.scripts import animation_flags, cli, common_flags, options
from kerasart.scripts.batch_files import skip_painted
from kerasart.scripts.make_picture import make_picture
from kerasart.scripts.seed_flags import (
    LABEL,
    MIX,
    SEEDS,
    TRUNCATION,
    WALK,
    check_label,
    parse_mix,
    parse_seeds,
    parse_walk,
)
from kerasart.scripts.unfinished import RESUME, find_state

from pathlib import Path
from typing import Any

import numpy as np
from absl import flags
from tqdm import tqdm

from kerasart.image import Picture, check_output, write_picture
from kerasart.image.animation import check_animation
from kerasart.image.atomic_files import make_folder
from kerasart.image.contact_sheet import contact_sheet
from kerasart.image.fingerprint import hash_image
from kerasart.image.formats import FORMATS
from kerasart.records import pack_record
from kerasart.settings.dream import DreamSettings
from kerasart.settings.generator import SearchSettings

_CELL = 320  # Side of a picture in a sheet.

_MODEL = flags.DEFINE_string(
    "model",
    None,
    "The generator: a .keras file, a folder with a model.keras, or a .pkl, .pt or .pth file of "
    "StyleGAN2 or StyleGAN2-ADA.",
)
_OUTPUT = flags.DEFINE_string(
    "output",
    None,
    "Where to write: a picture, or for several seeds a sheet of them all, whose name gets a number "
    "if it is taken, unless --overwrite; or a folder, a picture for each seed; with --walk .gif, "
    ".webp, .png, .mp4 or .webm. (default: generated.png, or walk.gif)",
)
_PROJECT = flags.DEFINE_string(
    "project", None, "A photo: look for the picture that is nearest to it."
)
_STYLE = flags.DEFINE_string(
    "style", None, "A painting: look for the seed's picture in its manner."
)
_OBJECTIVE = options.define_flags(DreamSettings, names={"layers", "channel", "class_name"})[
    "objective"
]
_MOVING = options.define_flags(SearchSettings, names={"steps", "rate"}, in_presets=False)["search"]
_SPACE = flags.DEFINE_enum(
    "space",
    "w+" if SearchSettings.per_place else "w",
    ["w", "w+"],
    "Where to search: w+ has a style for each place of the network, w one for all, which is closer "
    "to what it has learned.",
)
_OF_WALK = [
    animation_flags.FRAMES,
    animation_flags.FPS,
    animation_flags.LOOP,
    animation_flags.KEEP_FRAMES,
]
_SEARCHES = [_PROJECT, _STYLE, *_OBJECTIVE]
GROUPS = {
    "Pictures": [_MODEL, SEEDS, _OUTPUT, TRUNCATION, MIX, LABEL, common_flags.BITS],
    "Walk": [WALK, *_OF_WALK],
    "Search": [*_SEARCHES, *_MOVING, _SPACE, common_flags.BACKBONE, common_flags.WEIGHTS],
    "Run": [
        RESUME,
        common_flags.SEED,
        common_flags.TILE,
        common_flags.MEMORY,
        common_flags.PREVIEW_EVERY,
        common_flags.PRECISION,
        common_flags.MAX_PIXELS,
        common_flags.OVERWRITE,
        common_flags.QUIET,
        common_flags.DEBUG,
    ],
}


def main() -> None:
    """Reads flags, paints, and writes what was painted."""
    if not _MODEL.value:
        raise ValueError("`model` must be the file of a generator. Received: none")
    if not any(path.is_file() for path in (Path(_MODEL.value), Path(_MODEL.value, "model.keras"))):
        raise FileNotFoundError(
            f"`model` must be a file, or a folder with a model.keras. Received: '{_MODEL.value}'"
        )
    asked = [flag.name for flag in (WALK, *_SEARCHES) if flag.value]
    if len(asked) > 1:
        raise ValueError(f"`{asked[1]}` does not go with --{asked[0]}. Received: both")
    _refuse_flags(asked)
    mix = parse_mix(MIX.value)
    if WALK.value:
        _paint_walk(mix)
    elif asked:
        _search(mix)
    else:
        _paint_seeds(mix)


def _refuse_flags(asked):
    """Refuses flags of walks and searches where there is none."""
    of_walk = _OF_WALK
    of_search = [*_MOVING, _SPACE, common_flags.BACKBONE, common_flags.WEIGHTS]
    of_search += [common_flags.SEED, common_flags.PREVIEW_EVERY]
    of_search += [common_flags.TILE, common_flags.MEMORY]
    for what, own, is_there in (
        ("--walk", of_walk, bool(WALK.value)),
        ("a search, such as --project", of_search, bool(asked) and not WALK.value),
        ("--walk, or a search, such as --project", [RESUME], bool(asked)),
    ):
        for flag in own:
            if flags.FLAGS[flag.name].present and not is_there:
                raise ValueError(f"`{flag.name}` goes with {what}. Received: no such flag")
    for flag in (SEEDS, common_flags.BITS):
        if WALK.value and flag.value:
            raise ValueError(f"`{flag.name}` does not go with --walk. Received: {flag.value!r}")


def _load():
    cli.load_tensorflow()
    from kerasart.applications.generation import Generator

    return Generator(_MODEL.value, common_flags.PRECISION.value or "auto")


def _record(generator):
    """What makes the pictures again, but for their seeds."""
    return generator.record | {
        "model": _MODEL.value,
        "truncation": TRUNCATION.value,
        "mix": MIX.value,
        "label": LABEL.value,
        "precision": generator.network.compute_dtype,
    }


def _rows(w):
    """A style as a record holds it: a list for each place, or one where all are the same."""
    same = (w[0] == w[0, :1]).all()
    return (w[0, :1] if same else w[0]).tolist()


def _paint_seeds(mix):
    """Paints a picture for each seed."""
    text = SEEDS.value or (None if mix else "0-7")
    seeds = parse_seeds(text) if text else {"mixed": None}
    check_label([*seeds.values(), *mix.values()])
    bits = int(common_flags.BITS.value or 8)
    output = Path(_OUTPUT.value or "generated.png")
    jobs = []
    if output.suffix.lower() in FORMATS:
        check_output(output, bits)
    else:
        of_class = "" if LABEL.value is None else f"_label{LABEL.value}"
        jobs = skip_painted([(seed, output / f"seed{seed:>04}{of_class}.png") for seed in seeds])
        seeds = {seed: seeds[seed] for seed, _ in jobs}
        if not jobs:
            return
        make_folder(output)
    paths, generator, images = dict(jobs), _load(), []

    def write(path, image, **more):
        text = pack_record(_record(generator) | more)
        return write_picture(path, image, text=text, bits=bits, taken=common_flags.if_taken())

    for name, seed in tqdm(seeds.items(), unit="picture", disable=common_flags.QUIET.value or None):
        w = generator.style(seed, TRUNCATION.value, mix, LABEL.value)
        images.append(generator.paint(w))
        if name in paths or len(seeds) == 1:
            path = write(paths.get(name, output), images.pop(), seeds=[name], w=_rows(w))
    if images:
        labels = [f"seed {name}" for name in seeds]
        sheet = contact_sheet(images, labels, cell=max(32, min(generator.size, _CELL)))
        output = write(output, sheet, seeds=list(seeds))
    what = f"{output}: {len(seeds)} pictures" if len(seeds) > 1 else str(path)
    cli.say(f"Wrote {what} of {generator.size}x{generator.size}.")


def _paint_walk(mix):
    """Paints the frames of a walk."""
    seeds = parse_walk(WALK.value)
    check_label([*seeds, *mix.values()])
    output = _OUTPUT.value or "walk.gif"
    check_animation(output, animation_flags.FPS.value, animation_flags.LOOP.value)
    if animation_flags.FRAMES.value < len(seeds):
        raise ValueError(
            f"`frames` must be at least {len(seeds)}, one for each seed. "
            f"Received: {animation_flags.FRAMES.value}"
        )
    generator = _load()
    styles = [generator.style(seed, TRUNCATION.value, mix, LABEL.value) for seed in seeds]
    record = _record(generator) | {"walk": WALK.value, "frames": animation_flags.FRAMES.value}
    record["styles_hash"] = hash_image(np.concatenate(styles)[..., None])

    def make(frames):
        first, count = len(frames.paths), animation_flags.FRAMES.value
        quiet = common_flags.QUIET.value or None
        with tqdm(total=count, initial=first, unit="frame", disable=quiet, leave=False) as bar:
            for frame in generator.walk(styles, count, first):
                frames.add(frame)
                bar.update()
        return {}

    animation_flags.write_frames(make, output, record)


def _search(mix):
    """Looks for a picture near a photo, in a painting's manner, or with more of something."""
    text = SEEDS.value
    if text is None and not mix and not _PROJECT.value:
        text = "0"
    seeds = list(parse_seeds(text).values()) if text else [None]
    if len(seeds) > 1:
        raise ValueError(f"`seeds` must be one to start a search from. Received: {text!r}")
    check_label([*seeds, *mix.values()])
    output, bits = _OUTPUT.value or "generated.png", int(common_flags.BITS.value or 8)
    check_output(output, bits)
    settings = options.read_flags(DreamSettings)
    picture: Picture | None = None
    if photo := _PROJECT.value or _STYLE.value:
        picture = common_flags.read_photo(photo)
    arguments = options.read_flags(SearchSettings) | {"per_place": _SPACE.value == "w+"}
    arguments |= {"seed": common_flags.SEED.value or 0, **common_flags.read_tiling()}
    arguments |= {"precision": common_flags.PRECISION.value or "auto"}
    network = {"backbone": common_flags.BACKBONE.value or "auto"}
    network |= {"weights": common_flags.WEIGHTS.value or "auto"}
    if _PROJECT.value:
        for flag in (common_flags.BACKBONE, common_flags.WEIGHTS):
            if flag.value:
                raise ValueError(f"`{flag.name}` does not go with --project. Received: both")
    state = find_state(output)
    record: dict[str, Any] = {"model": _MODEL.value, "truncation": TRUNCATION.value}
    record |= {"mix": MIX.value, "label": LABEL.value, "seeds": [text]}
    if picture:
        record["photo_hash"] = hash_image(picture.image)

    def make(**run):
        generator = _load()
        is_mean = seeds == [None] and not mix
        start = None if is_mean else generator.style(seeds[0], TRUNCATION.value, mix, LABEL.value)
        if _PROJECT.value:
            return generator.project(picture.image, start, **arguments, **run)
        if _STYLE.value:
            return generator.paint_like(start, picture.image, **network, **arguments, **run)
        return generator.dream(start, **network, **settings, **arguments, **run)

    make_picture(make, output, record, None, bits, state)


def run() -> None:
    """Runs the script; the installed command enters here."""
    cli.run(main, __doc__, GROUPS)


if __name__ == "__main__":
    run()
