"""Paints photos in one pass of a trained network: a picture in a second, a folder as it streams.

    python scripts/stylize.py --input=photo.jpg
    python scripts/stylize.py --list_styles
    python scripts/stylize.py --input=photo.jpg --style=mosaic --strength=0.7
    python scripts/stylize.py --input=photo.jpg --style=mosaic:0.6,ink_hatching:0.4
    python scripts/stylize.py --input=photo.jpg --style=coarse:mosaic,fine:starry_night
    python scripts/stylize.py --input=photo.jpg --sweep_levels --output=sheet.png
    python scripts/stylize.py --input=photo.jpg --style=painting.jpg
    python scripts/stylize.py --input=photo.jpg --style=painting.jpg --refine=50
    python scripts/stylize.py --input=photo.jpg --manner=7
    python scripts/stylize.py --input=photo.jpg --walk=1,5,9,1 --frames=120 --output=walk.mp4
    python scripts/stylize.py --input=DIR --output=painted --style=starry_night
    python scripts/stylize.py --input='holiday/*.jpg' --model=small
    python scripts/stylize.py --input=clip.mp4 --style=mosaic

A painting's file as the style goes to the network that paints in any style. In a folder, photos
that are painted already are skipped, so that the same command continues where it was stopped. The
output has the photo's size. A PNG also records its settings. A film keeps its sound, its times and
its size, and does not flicker; Ctrl-C leaves a film that plays, and --resume continues it.
"""

from kerasart.scripts import (
    cli,
    common_flags,
    film_flags,
    level_sheet,
    manner_flags,
    refining,
)
from kerasart.scripts.batch_files import (
    are_several,
    plan_jobs,
    report_failures,
    skip_painted,
    warn_of_failure,
)
from kerasart.scripts.style_flag import parse_mixture
from kerasart.scripts.unfinished import RESUME

import itertools
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from absl import flags
from tqdm import tqdm

from kerasart.image.arrays import fit_size
from kerasart.image.fingerprint import hash_image
from kerasart.image.samples import SAMPLES
from kerasart.records import write_recorded
from kerasart.saved_models import default_model, shipped_models
from kerasart.saved_models import list_styles as find_styles
from kerasart.settings.checks import check_tiling
from kerasart.settings.style import COLOURS

_AHEAD = 4  # Pictures that are read before, and written after, the one that is painted.
_LEAST_ROWS = 16

_INPUT = flags.DEFINE_string(
    "input",
    "coffee",
    f"A photo, a film, a folder, or a pattern such as 'DIR/*.jpg'; or one of the bundled "
    f"{', '.join(SAMPLES)}.",
)
_OUTPUT = flags.DEFINE_string(
    "output",
    None,
    "Where to write: a picture, whose name gets a number if it is taken, unless --overwrite; for "
    "several photos a folder, in which they keep their names; for a film .mp4, .mov, .mkv, .webm, "
    ".gif or .webp. (default: painted.png, painted, or painted.mp4)",
)
_MODEL = flags.DEFINE_string(
    "model",
    None,
    "A name that --list_styles shows, or a folder or .keras file of yours. (default: medium, or "
    "any_style where the style is a file)",
)
_STYLE = flags.DEFINE_string(
    "style",
    None,
    "A name that --list_styles shows, or several, as NAME:WEIGHT,NAME:WEIGHT; or files of "
    "paintings, likewise; or some for each level of detail, as coarse:NAME,middle:NAME,fine:NAME, "
    "with + between several. Coarse is the form of the strokes, fine the palette; a level that is "
    "left out is as the next coarser one, or else the next finer. (default: the first)",
)
_STRENGTH = flags.DEFINE_float(
    "strength",
    1.0,
    "From 0, the photo itself, to 1, the full style.",
    lower_bound=0,
    upper_bound=1,
)
_PRESERVE_COLOR = flags.DEFINE_enum(
    "preserve_color",
    "none",
    COLOURS,
    "Keep the photo's colours: luminance takes only light and dark from the painting; histogram "
    "and coral recolour the painting as the photo.",
)
_SIZE = flags.DEFINE_integer(
    "size",
    None,
    f"Long side in pixels. (default: the photo's own; in a sheet at most {level_sheet.CELL})",
    lower_bound=16,
)
_BATCH_SIZE = flags.DEFINE_integer(
    "batch_size",
    1,
    "Photos of one size that are painted together: for GPUs.",
    lower_bound=1,
)
_LIST_STYLES = flags.DEFINE_bool(
    "list_styles", False, "Print each style that can be named, and the models, and stop."
)
GROUPS = {
    "Pictures": [
        _INPUT,
        _OUTPUT,
        common_flags.BITS,
        common_flags.MAX_PIXELS,
        common_flags.STRIP_METADATA,
    ],
    "Style": [
        _MODEL,
        _STYLE,
        _STRENGTH,
        _PRESERVE_COLOR,
        _SIZE,
        *refining.FLAGS,
        level_sheet.SWEEP_LEVELS,
        _LIST_STYLES,
    ],
    "Random manners": manner_flags.FLAGS,
    "Film": film_flags.FLAGS,
    "Run": [
        RESUME,
        common_flags.TILE,
        common_flags.MEMORY,
        common_flags.PREVIEW_EVERY,
        _BATCH_SIZE,
        common_flags.PRECISION,
        common_flags.OVERWRITE,
        common_flags.QUIET,
        common_flags.DEBUG,
    ],
}


def main() -> None:
    """Reads flags and pictures, paints, and writes what was painted."""
    if _LIST_STYLES.value:
        list_styles()
        return
    rows = _parse_tile(common_flags.TILE.value)
    check_tiling("auto", common_flags.MEMORY.value)
    manner_flags.check_flags(
        _BATCH_SIZE, level_sheet.SWEEP_LEVELS, *refining.FLAGS, common_flags.BITS
    )
    manner = manner_flags.MANNER.value
    style, record = manner_flags.parse_manner(manner) if manner else parse_mixture(_STYLE.value)
    model = _MODEL.value or default_model(style)
    options: dict[str, Any] = {"strength": _STRENGTH.value, "preserve_color": _PRESERVE_COLOR.value}
    options |= {"rows": rows, "memory": common_flags.MEMORY.value}
    if manner_flags.WALK.value is not None:
        _walk(options)
        return
    if film_flags.is_film(_INPUT.value, _OUTPUT.value):
        _paint_film(model, style, options, record)
        return
    refines = refining.is_asked()
    if refines:
        refining.check(style, _STRENGTH.value, _BATCH_SIZE, level_sheet.SWEEP_LEVELS)
    film_flags.refuse_flags(*([] if refines else [RESUME, common_flags.PREVIEW_EVERY]))
    jobs, is_one = plan_jobs(_INPUT.value, _OUTPUT.value, _bits())
    if level_sheet.SWEEP_LEVELS.value:
        level_sheet.paint(jobs, is_one, _read, model, style, options, record["style"], _bits())
        return
    jobs = jobs if is_one else skip_painted(jobs)
    if not jobs:
        return
    record |= {"model": model}
    if refines:
        arguments = {"style": style, "model": model, "preserve_color": _PRESERVE_COLOR.value}
        arguments |= {"precision": common_flags.PRECISION.value or "auto"}
        refining.paint(jobs, is_one, _read, arguments, record, _bits())
        return
    cli.load_tensorflow()
    from kerasart import Stylizer

    painter = Stylizer(model, common_flags.PRECISION.value or "auto")
    record |= {"strength": _STRENGTH.value, "size": _SIZE.value}
    record |= {"preserve_color": _PRESERVE_COLOR.value, "precision": painter.precision}
    if is_one:
        ((photo, output),) = jobs
        start = time.perf_counter()
        picture = _read(photo)
        output = _write(output, painter(picture.image, style, **options), picture, record)
        height, width = picture.image.shape[1:3]
        cli.say(f"Wrote {output}: {width}x{height}, {time.perf_counter() - start:.1f} s.")
    else:
        _paint_all(jobs, lambda images: painter.paint_all(images, style, **options), record)


def _paint_film(model, style, options, record):
    """Paints the film that --input names."""

    def make_painter(_):  # One pass has no steps to show.
        from kerasart import Stylizer
        from kerasart.applications.film_stylizer import FilmStylizer

        stylizer = Stylizer(model, common_flags.PRECISION.value or "auto")
        return FilmStylizer(stylizer, style, **film_flags.painter_options(), **options)

    film_flags.check(
        _BATCH_SIZE, level_sheet.SWEEP_LEVELS, *refining.FLAGS, common_flags.PREVIEW_EVERY
    )
    identity = {"model": model, **film_flags.painter_options(), **record}
    identity |= {name: options[name] for name in ("strength", "preserve_color")}
    identity |= {"precision": common_flags.PRECISION.value or "auto"}
    film_flags.paint(_INPUT.value, _OUTPUT.value, make_painter, identity, _SIZE.value)


def _walk(options):
    """Paints the photo that --input names into an animation."""
    film_flags.refuse_flags()
    if are_several(_INPUT.value):
        raise ValueError(f"`input` must be one photo to walk. Received: {_INPUT.value!r}")
    model, precision = _MODEL.value or "any_style", common_flags.PRECISION.value or "auto"
    record = {"model": model, "precision": precision, "size": _SIZE.value}
    record |= {name: options[name] for name in ("strength", "preserve_color")}
    manner_flags.walk(_OUTPUT.value, lambda: _read(_INPUT.value), model, options, record)


def list_styles() -> None:
    """Prints each style that can be named, its model beside it, and the models that take files."""
    styles = {}
    for model in [_MODEL.value] if _MODEL.value else shipped_models():
        for style in find_styles(model) or ["FILE"]:
            styles.setdefault(style, []).append(model)
    width = max(map(len, styles), default=0)
    for style, knowing in styles.items():
        cli.show(f"{style:{width}}  --model={' or '.join(knowing)}")


def _paint_all(jobs, paint, record):
    """Paints many pictures: reads ahead, writes behind, and goes past what cannot be read."""
    failed = []

    def fail(photo, error):
        failed.append(photo)
        warn_of_failure(photo, error)

    with (
        ThreadPoolExecutor(2) as pool,
        tqdm(total=len(jobs), unit="picture", disable=common_flags.QUIET.value or None) as bar,
    ):
        writing = deque()
        try:
            for batch in _batches(_read_ahead(pool, jobs, fail)):
                try:
                    painted = paint([picture.image for _, _, picture in batch])
                except (ValueError, MemoryError) as error:
                    for photo, *_ in batch:
                        fail(photo, error)
                    painted = []
                for image, (photo, output, picture) in zip(painted, batch, strict=False):
                    # What another run has painted meanwhile stays.
                    future = pool.submit(_write, output, image, picture, record, "refuse")
                    writing.append((photo, future))
                while len(writing) > _AHEAD:
                    _finish(*writing.popleft(), fail)
                bar.update(len(batch))
        finally:
            for each in writing:
                _finish(*each, fail)
    report_failures(jobs, failed)


def _read_ahead(pool, jobs, fail):
    """Reads pictures a few ahead of their use: yields photo, output, and `Picture`."""
    ahead, jobs = deque(), iter(jobs)
    while True:
        for photo, output in itertools.islice(jobs, _AHEAD - len(ahead)):
            ahead.append((photo, output, pool.submit(_read, photo)))
        if not ahead:
            return
        photo, output, reading = ahead.popleft()
        try:
            yield photo, output, reading.result()
        except (ValueError, OSError, MemoryError) as error:
            fail(photo, error)


def _batches(pictures):
    """Puts pictures of one size that follow one another together, up to --batch_size."""
    batch = []
    for each in pictures:
        is_other = batch and batch[0][2].image.shape != each[2].image.shape
        if is_other or len(batch) == _BATCH_SIZE.value:
            yield batch
            batch = []
        batch.append(each)
    if batch:
        yield batch


def _finish(photo, writing, fail):
    try:
        writing.result()
    except (OSError, ValueError, MemoryError) as error:
        fail(photo, error)


def _read(photo, most=None):
    """Reads a photo, at the size of --size; without it, at most at a long side."""
    picture = common_flags.read_photo(photo)
    long_side = _SIZE.value or most and min(most, max(picture.image.shape))
    if not long_side:
        return picture
    common_flags.check_pixels(fit_size(picture.image.shape[1:3], long_side))
    from kerasart.image.resizing import resize_picture

    return resize_picture(picture, long_side)


def _write(output, image, picture, record, if_taken="number"):
    output.parent.mkdir(parents=True, exist_ok=True)
    record = {**record, "photo_hash": hash_image(picture.image)}
    metadata, taken = common_flags.metadata_of(picture), common_flags.if_taken(if_taken)
    return write_recorded(output, image, record, picture, metadata, _bits(), taken)


def _bits():
    return int(common_flags.BITS.value or 8)


def _parse_tile(text):
    if text in ("auto", "none"):
        return {"auto": None, "none": 0}[text]
    if not text.isdecimal() or int(text) < _LEAST_ROWS:
        raise ValueError(
            f"`tile` must be auto, none, or a number of at least {_LEAST_ROWS}. Received: {text!r}"
        )
    return int(text)


def run() -> None:
    """Runs the script; the installed command enters here."""
    cli.run(main, __doc__, GROUPS)


if __name__ == "__main__":
    run()
