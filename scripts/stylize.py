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
    one_pass_flags,
    refining,
)
from kerasart.scripts.batch_files import (
    are_several,
    make_first_folder,
    plan_jobs,
    report_failures,
    skip_painted,
    warn_of_failure,
)
from kerasart.scripts.make_film import make_films
from kerasart.scripts.one_pass_flags import BATCH_SIZE
from kerasart.scripts.unfinished import RESUME

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from absl import flags
from tqdm import tqdm

from kerasart.image.samples import SAMPLES
from kerasart.saved_models import list_styles as find_styles
from kerasart.saved_models import shipped_models
from kerasart.scale.painting import write_painted
from kerasart.scale.streaming import stream

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
    "several photos, or films, a folder, in which they keep their names; for a film .mp4, .mov, "
    ".mkv, .webm, .gif or .webp. (default: painted.png, painted, or painted.mp4)",
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
        *one_pass_flags.FLAGS,
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
        BATCH_SIZE,
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
    manner_flags.check_flags(
        BATCH_SIZE, level_sheet.SWEEP_LEVELS, *refining.FLAGS, common_flags.BITS
    )
    painting = one_pass_flags.read_painting()
    if manner_flags.WALK.value is not None:
        _walk(painting)
        return
    if film_flags.is_film(_INPUT.value, _OUTPUT.value):
        _paint_film(painting)
        return
    refines = refining.is_asked()
    if refines:
        refining.check(painting.style, painting.strength, BATCH_SIZE, level_sheet.SWEEP_LEVELS)
    else:
        refining.refuse_flags()
    film_flags.refuse_flags(*([] if refines else [RESUME]))
    jobs, is_one = plan_jobs(_INPUT.value, _OUTPUT.value, painting.bits)
    if is_one and BATCH_SIZE.present:
        raise ValueError(
            "`batch_size` goes with a folder of photos, or a pattern. "
            f"Received: {BATCH_SIZE.value} and one photo"
        )
    if level_sheet.SWEEP_LEVELS.value:
        level_sheet.paint(jobs, is_one, painting)
        return
    jobs = jobs if is_one else skip_painted(jobs)
    if not jobs:
        return
    if refines:
        refining.paint(jobs, is_one, painting)
        return
    cli.load_tensorflow()
    painting.load()
    if is_one:
        ((photo, output),) = jobs
        start = time.perf_counter()
        picture = painting.prepare(common_flags.read_photo(photo))
        (painted,) = painting.paint([picture])
        output = write_painted(painting, output, picture, painted, common_flags.if_taken())
        height, width = picture.image.shape[1:3]
        cli.say(f"Wrote {output}: {width}x{height}, {time.perf_counter() - start:.1f} s.")
    else:
        _paint_all(jobs, painting)


def _paint_film(painting):
    """Paints the film that --input names."""

    def make_painter(_):  # One pass has no steps to show.
        from kerasart.applications.film_stylizer import FilmStylizer

        return FilmStylizer(painting.stylizer, painting.style, **options, **painting.options)

    film_flags.check(
        BATCH_SIZE,
        level_sheet.SWEEP_LEVELS,
        *refining.FLAGS,
        common_flags.PREVIEW_EVERY,
    )
    options = film_flags.painter_options()
    identity = {"model": painting.model, **options, **painting.named}
    identity |= {"strength": painting.strength, "preserve_color": painting.preserve_color}
    identity |= {"precision": painting.precision}
    make_films(_INPUT.value, _OUTPUT.value, make_painter, identity, painting.size)


def _walk(painting):
    """Paints the photo that --input names into an animation."""
    film_flags.refuse_flags()
    if are_several(_INPUT.value):
        raise ValueError(f"`input` must be one photo to walk. Received: {_INPUT.value!r}")
    painting = replace(painting, model=one_pass_flags.MODEL.value or "any_style")
    manner_flags.walk(_OUTPUT.value, _INPUT.value, painting)


def list_styles() -> None:
    """Prints each style that can be named, its model beside it, and the models that take files."""
    styles = {}
    for model in [one_pass_flags.MODEL.value] if one_pass_flags.MODEL.value else shipped_models():
        for style in find_styles(model) or ["FILE"]:
            styles.setdefault(style, []).append(model)
    width = max(map(len, styles), default=0)
    for style, knowing in styles.items():
        cli.show(f"{style:{width}}  --model={' or '.join(knowing)}")


def _paint_all(jobs, painting):
    """Paints many pictures, and goes past what cannot be read."""
    failed = []
    make_first_folder(jobs)

    def read(job):
        return painting.prepare(common_flags.read_photo(job[0]))

    def write(job, photo, painted):
        # What another run has painted meanwhile stays.
        return write_painted(painting, job[1], photo, painted, common_flags.if_taken("refuse"))

    with (
        ThreadPoolExecutor(2) as pool,
        tqdm(total=len(jobs), unit="picture", disable=common_flags.QUIET.value or None) as bar,
    ):
        size = BATCH_SIZE.value
        for (photo, _), outcome in stream(jobs, read, painting.paint, write, pool, size):
            if isinstance(outcome, Exception):
                failed.append(photo)
                warn_of_failure(photo, outcome)
            bar.update()
    report_failures(jobs, failed)


def run() -> None:
    """Runs the script; the installed command enters here."""
    cli.run(main, __doc__, GROUPS, {"image": "input", "images": "input", "path": "output"})


if __name__ == "__main__":
    run()
