"""--refine: photos painted in one pass, and gone on with by the loop of style transfer."""

from kerasart.scripts import cli, common_flags
from kerasart.scripts.batch_files import Job, paint_each
from kerasart.scripts.make_picture import make_picture
from kerasart.scripts.unfinished import find_state, forget_finished

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from absl import flags

from kerasart.image import Picture
from kerasart.image.fingerprint import hash_image

REFINE = flags.DEFINE_integer(
    "refine",
    None,
    "Go on from the picture of one pass by so many steps of style_transfer.py's loop, at the "
    "picture's size: for --style=FILE, and minutes in place of a second.",
    lower_bound=1,
)


def check(style: Any, strength: float, *others: flags.FlagHolder) -> None:
    """Raises ValueError for a style, and for other flags, that do not go with --refine.

    Args:
        style: As `parse_mixture` returns it.
        strength: That of the style.
        *others: The flags.
    """
    by_level = style.values() if isinstance(style, dict) else [style]
    if not all(isinstance(each, list) and isinstance(each[0][0], Picture) for each in by_level):
        raise ValueError(
            "`refine` needs the painting itself, --style=FILE, since a network does not keep "
            f"those that it was trained on. Received: {style!r}"
        )
    if strength != 1:
        raise ValueError(f"`strength` must be 1 with --refine. Received: {strength:g}")
    for holder in others:
        if flags.FLAGS[holder.name].present:
            raise ValueError(f"`{holder.name}` does not go with --refine. Received: both")


def paint(
    jobs: Sequence[Job],
    is_one: bool,
    read: Callable[[str], Picture],
    arguments: dict[str, Any],
    record: dict[str, Any],
    bits: int,
) -> None:
    """Paints photos.

    Args:
        jobs: Pairs of a photo and where its painting goes.
        is_one: Whether a single photo was asked for.
        read: `read(photo) -> Picture`, in the size to paint.
        arguments: The other arguments of `refine`.
        record: Dict of what goes into the files' records.
        bits: Bits a channel of the files.
    """
    tiling = common_flags.read_tiling()

    def paint_one(photo: str, output: Path, label: str = "") -> None:
        cli.load_tensorflow()  # Reading in a size needs it.
        picture = read(photo)
        state = find_state(output, resumes=bool(label))

        def make(**run):
            from kerasart import refine

            return refine(picture.image, steps=REFINE.value, **arguments, **tiling, **run)

        own = {"refine": REFINE.value, "photo_hash": hash_image(picture.image)}
        make_picture(make, output, record | own, picture, bits, state, label)

    if is_one:
        ((photo, output),) = jobs
        paint_one(photo, output)
    else:
        forget_finished(jobs)
        paint_each(jobs, paint_one)
