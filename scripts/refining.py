"""--refine and --fit_manner: what is painted in one pass, refined by steps of style transfer."""

from kerasart.scripts import cli, common_flags
from kerasart.scripts.batch_files import Job, paint_each
from kerasart.scripts.make_picture import make_picture
from kerasart.scripts.unfinished import find_state, forget_finished

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from absl import flags

from kerasart.image import Picture
from kerasart.image.fingerprint import hash_image
from kerasart.scale.painting import OnePass

REFINE = flags.DEFINE_integer(
    "refine",
    None,
    "Go on from the picture of one pass by so many steps of style_transfer.py's loop, at the "
    "picture's size: for --style=FILE, and minutes in place of a second.",
    lower_bound=1,
)
FIT_MANNER = flags.DEFINE_integer(
    "fit_manner",
    None,
    "Move the code of the painting by so many steps, so that the network paints nearer to it: as "
    "--refine, but what it makes is painted by the network still.",
    lower_bound=1,
)
FLAGS = [REFINE, FIT_MANNER]


def is_asked() -> bool:
    """Whether either flag is given."""
    return any(holder.value is not None for holder in FLAGS)


def refuse_flags() -> None:
    """Raises ValueError for a flag of steps without either."""
    if common_flags.PREVIEW_EVERY.present:
        raise ValueError(
            "`preview_every` goes with --refine or --fit_manner. Received: --preview_every alone"
        )


def check(style: Any, strength: float, *others: flags.FlagHolder) -> None:
    """Raises ValueError for a style, and for other flags, that do not go with either.

    Args:
        style: As `parse_mixture` returns it.
        strength: That of the style.
        *others: The flags.
    """
    if REFINE.value is not None and FIT_MANNER.value is not None:
        raise ValueError("`refine` does not go with --fit_manner. Received: both")
    name = _asked().name
    by_level = style.values() if isinstance(style, dict) else [style]
    if not all(isinstance(each, list) and isinstance(each[0][0], Picture) for each in by_level):
        raise ValueError(
            f"`{name}` needs the painting itself, --style=FILE, since a network does not keep "
            f"those that it was trained on. Received: {style!r}"
        )
    if strength != 1:
        raise ValueError(f"`strength` must be 1 with --{name}. Received: {strength:g}")
    for holder in others:
        if flags.FLAGS[holder.name].present:
            raise ValueError(f"`{holder.name}` does not go with --{name}. Received: both")


def _asked():
    """The flag that is given."""
    return FIT_MANNER if REFINE.value is None else REFINE


def paint(jobs: Sequence[Job], is_one: bool, painting: OnePass) -> None:
    """Paints photos.

    Args:
        jobs: Pairs of a photo and where its painting goes.
        is_one: Whether a single photo was asked for.
        painting: How to paint them in one pass.
    """
    names = ("style", "model", "preserve_color", "precision")
    arguments = {name: getattr(painting, name) for name in names}
    record = painting.named | {"model": painting.model}
    tiling, steps = common_flags.read_tiling(), _asked()

    def paint_one(photo: str, output: Path, label: str = "") -> None:
        cli.load_tensorflow()  # Reading in a size needs it.
        picture = painting.prepare(common_flags.read_photo(photo))
        state = find_state(output, resumes=bool(label))

        def make(**run):
            from kerasart import fit_manner, refine

            better = refine if steps is REFINE else fit_manner
            return better(picture.image, steps=steps.value, **arguments, **tiling, **run)

        own = {steps.name: steps.value, "photo_hash": hash_image(picture.image)}
        make_picture(make, output, record | own, picture, painting.bits, state, label)

    if is_one:
        ((photo, output),) = jobs
        paint_one(photo, output)
    else:
        forget_finished(jobs)
        paint_each(jobs, paint_one)
