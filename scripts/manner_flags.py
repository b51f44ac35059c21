"""--manner, --truncation and --walk: random manners, and the way from one to the next."""

from kerasart.scripts import animation_flags, cli, common_flags
from kerasart.scripts.batch_files import looks_like_file
from kerasart.scripts.options import define_flags

from pathlib import Path
from typing import Any

from absl import flags
from tqdm import tqdm

from kerasart.image import Picture, read_picture
from kerasart.image.animation import check_animation
from kerasart.image.fingerprint import hash_image
from kerasart.levels import LEVELS
from kerasart.scale.painting import OnePass
from kerasart.settings.checks import check
from kerasart.settings.manner import Manner

MANNER = flags.DEFINE_string(
    "manner",
    None,
    "In place of --style a random manner: a number, another manner for each; or several, as "
    "NUMBER:WEIGHT,NUMBER:WEIGHT; or one for each level of detail, as coarse:NUMBER,fine:NUMBER.",
)
[TRUNCATION] = define_flags(Manner, names={"truncation"}, in_presets=False)["manner"]
WALK = flags.DEFINE_string(
    "walk",
    None,
    "In place of --style an animation: numbers of manners, or files of paintings, from one to the "
    "next of which the manner changes, as 1,5,painting.jpg,1; --output is .webp, .gif, .png, .mp4 "
    "or .webm. (default output: walk.webp)",
)
FLAGS = [
    MANNER,
    TRUNCATION,
    WALK,
    animation_flags.FRAMES,
    animation_flags.FPS,
    animation_flags.LOOP,
    animation_flags.KEEP_FRAMES,
]


def check_flags(*others: flags.FlagHolder) -> None:
    """Raises ValueError for flags that do not go together.

    Args:
        *others: Flags that go with no walk.
    """
    given = [name for name in ("style", "manner", "walk") if flags.FLAGS[name].present]
    if len(given) > 1:
        raise ValueError(f"`{given[1]}` does not go with --{given[0]}. Received: both")
    if TRUNCATION.present and given in ([], ["style"]):
        raise ValueError("`truncation` goes with --manner or --walk. Received: --truncation alone")
    for holder in FLAGS[3:]:
        if holder.present and WALK.value is None:
            raise ValueError(f"`{holder.name}` goes with --walk. Received: --{holder.name} alone")
    for holder in others:
        if holder.present and WALK.value is not None:
            raise ValueError(f"`{holder.name}` does not go with --walk. Received: both")


def parse_manner(text: str) -> tuple[Any, dict[str, Any]]:
    """Reads --manner.

    Returns:
        A list of pairs of `Manner` and weight, or a dict of levels to such; and a record of it.

    Raises:
        ValueError: If it is neither of these.
    """
    parts = [part.strip() for part in text.split(",")]
    named = [part.split(":", 1) for part in parts if part.partition(":")[0] in LEVELS]
    levels: dict[str | None, str] = {level: each for level, each in named}
    allowed = "NUMBER, NUMBER:WEIGHT,NUMBER:WEIGHT or LEVEL:NUMBER+NUMBER,LEVEL:NUMBER"
    check(not named or len(levels) == len(parts), "manner", allowed, text)
    style: dict[str | None, Any] = {}
    record: dict[str | None, Any] = {}
    for level, each in (levels or {None: text.replace(",", "+")}).items():
        pairs = [part.strip().partition(":")[::2] for part in each.split("+")]
        check(all(number.isdecimal() for number, _ in pairs), "manner", allowed, text)
        try:
            weights = [float(weight or 1) for _, weight in pairs]
        except ValueError:
            raise ValueError(f"`manner` must be {allowed}. Received: {text!r}") from None
        manners = [_manner(number) for number, _ in pairs]
        style[level] = list(zip(manners, weights, strict=True))
        names = [f"manner {manner.seed}" for manner in manners]
        record[level] = dict(zip(names, weights, strict=True))
    own = {"truncation": TRUNCATION.value}
    if levels:
        return style, {"style": record} | own
    return style[None], {"style": record[None]} | own


def _manner(number):
    return Manner(int(number), TRUNCATION.value)


def _read_stop(name):
    """Reads a manner's number, or a painting."""
    if name.isdecimal():
        return _manner(name)
    is_file = Path(name).is_file() or looks_like_file(name)
    check(is_file, "walk", "numbers of manners, or files of paintings", name)
    return read_picture(name, common_flags.MAX_PIXELS.value)


def walk(output: str | None, photo: str, painting: OnePass) -> None:
    """Makes the animation that --walk asks for.

    Args:
        output: Where to write, or None.
        photo: The photo.
        painting: How to paint it, but for the style.
    """
    output = output or "walk.webp"
    check_animation(output, animation_flags.FPS.value, animation_flags.LOOP.value)
    names = [name.strip() for name in (WALK.value or "").split(",")]
    check(len(names) > 1, "walk", "at least two manners or paintings", WALK.value)
    count = animation_flags.FRAMES.value
    check(count >= len(names), "frames", f"at least {len(names)}, the number of stops", count)
    known = {name: _read_stop(name) for name in names}
    cli.load_tensorflow()  # Reading in a size needs it.
    stops = [known[name] for name in names]
    image = painting.prepare(common_flags.read_photo(photo)).image
    hashes = {
        Path(name).name: hash_image(each.image)
        for name, each in known.items()
        if isinstance(each, Picture)
    }
    record: dict[str, Any] = {
        "model": painting.model,
        "precision": painting.precision,
        "size": painting.size,
    }
    record |= {"strength": painting.strength, "preserve_color": painting.preserve_color}
    record |= {"walk": names, "frames": count, "truncation": TRUNCATION.value}
    record |= {"style_hash": hashes, "photo_hash": hash_image(image)}

    def make_frames(frames):
        from kerasart.applications.manner_walk import walk_manners

        stylizer = painting.stylizer
        first = len(frames.paths)
        disable = common_flags.QUIET.value or None
        with tqdm(total=count, initial=first, unit="frame", disable=disable, leave=False) as bar:
            for frame in walk_manners(stylizer, image, stops, count, first, **painting.options):
                frames.add(frame)
                bar.update()
        return {"precision": stylizer.precision}

    animation_flags.write_frames(make_frames, output, record)
