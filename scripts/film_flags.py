"""The flags of films, and `paint`, which paints the film that they describe."""

from kerasart.scripts import cli, cluster_flags, common_flags
from kerasart.scripts.unfinished import RESUME

import math
import re
import sys
import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from absl import flags
from tqdm import tqdm

from kerasart.film import Film, FilmWriter
from kerasart.film.animated_picture import is_animated, is_picture
from kerasart.film.flow import opencv
from kerasart.film.segments import delete_segments, folder_of
from kerasart.film.writer import LOWEST_QUALITY, SOUNDS
from kerasart.image import next_free_path, write_picture
from kerasart.image.arrays import fit_size
from kerasart.image.atomic_files import claim
from kerasart.image.contact_sheet import contact_sheet
from kerasart.progress import Progress, ProgressBar
from kerasart.scale.requirements import ray

VIDEOS = (
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts"),
    *(".wmv", ".flv", ".ogv", ".3gp"),
)
_ANIMATED = (".gif", ".webp", ".png", ".apng")
_PREVIEWED = 6  # Frames of a preview.

_STEADINESS = flags.DEFINE_float(
    "steadiness",
    None,
    "From 0, where the film flickers, to 1: how much is kept of the painted frame before, moved "
    "along the motion. (default: 0.8 in one pass, 0.7 of a painting, 0.9 of a dream)",
    lower_bound=0,
    upper_bound=1,
)
_FROM = flags.DEFINE_string("from", None, "Where to begin: seconds, or MINUTES:SECONDS.")
_TO = flags.DEFINE_string("to", None, "Where to end: seconds, or MINUTES:SECONDS.")
_EVERY = flags.DEFINE_integer(
    "every", 1, "Paint every frame, every second one, ...: 2 takes half the time.", lower_bound=1
)
_CUTS = flags.DEFINE_string(
    "cuts",
    "auto",
    "Where shots begin, so that nothing is carried over from the shot before: auto finds them, "
    "none has no cuts, or times in seconds, as 12.4,31.",
)
_FILM_QUALITY = flags.DEFINE_integer(
    "film_quality",
    None,
    "Constant rate factor of the video, from 0; lower is better and larger. (default: one at "
    "which no loss is seen)",
    lower_bound=0,
    upper_bound=LOWEST_QUALITY,
)
_SOUND = flags.DEFINE_enum("sound", "copy", SOUNDS, "Copy the sound, or leave it out.")
_PREVIEW = flags.DEFINE_bool(
    "preview",
    False,
    f"Paint {_PREVIEWED} frames spread over the film into a sheet, NAME.preview.png, say how long "
    "the film will take, and stop.",
)
_FILM_STEPS = flags.DEFINE_integer(
    "film_steps",
    None,
    "Steps for each frame but the first of a shot. (default: 20; of a dream 3)",
    lower_bound=1,
)
FLAGS = [_STEADINESS, _FROM, _TO, _EVERY, _CUTS, _FILM_QUALITY, _SOUND, _PREVIEW]
FLAGS += cluster_flags.FLAGS
FLAGS_WITH_STEPS = [*FLAGS, _FILM_STEPS]


def is_film(name: str, output: str | None) -> bool:
    """Whether a flag names a film: a video, or an animated picture that is to move again.

    What is in a file counts, not its name.
    """
    path = Path(name)
    suffix = path.suffix.lower()
    if not path.is_file():
        return suffix in VIDEOS
    if not is_picture(path):
        return suffix in VIDEOS or _is_video(path)
    wanted = Path(output).suffix.lower() if output else suffix
    # A .png of another picture is a photo of its first frame.
    moves = wanted == suffix if wanted == ".png" else wanted in (*VIDEOS, *_ANIMATED)
    return moves and is_animated(path)


def _is_video(path):
    try:
        Film(path)
    except (ImportError, OSError, ValueError):
        return False
    return True


def painter_options() -> dict[str, Any]:
    """Reads --steadiness and --film_steps: a dict of those that are given."""
    given = {holder.name: holder.value for holder in (_STEADINESS, _FILM_STEPS)}
    return {name: value for name, value in given.items() if value is not None}


def check(*others: flags.FlagHolder) -> None:
    """Raises ValueError for other flags that do not go with a film."""
    for holder in (common_flags.BITS, common_flags.STRIP_METADATA, *others):
        if flags.FLAGS[holder.name].present:
            raise ValueError(
                f"`{holder.name}` does not go with a film. Received: {holder.value!r} and a film"
            )


def refuse_flags(*others: flags.FlagHolder) -> None:
    """Raises ValueError for flags of films, and others, without a film."""
    for holder in (*FLAGS_WITH_STEPS, *others):
        if flags.FLAGS[holder.name].present:
            raise ValueError(
                f"`{holder.name}` goes with a film. Received: --{holder.name} and no film"
            )


def paint(
    name: str,
    output: str | None,
    make_painter: Callable[[Callable[[Progress], object]], Callable[..., Any]],
    fingerprint: Mapping[str, Any],
    size: int | None = None,
    **options: Any,
) -> None:
    """Paints a film with a progress bar, or previews it.

    Frames lie in a folder beside the output until all are there. On Ctrl-C the frames so far become
    a film, the folder stays, and --resume continues from it.

    Args:
        name: The film.
        output: Where to write; None is painted.mp4, or with the suffix of an animated picture. A
            name that is taken gets a number, unless --overwrite or --resume.
        make_painter: `make_painter(on_step)` makes the painter, of `paint_film`; called once
            TensorFlow is loaded. `on_step` is to be called with a `Progress` after each step. With
            flags of a cluster it is called in other processes, where no flags are read.
        fingerprint: Dict of what determines how it paints.
        size: Long side of the frames; None is the film's own.
        **options: Further arguments of `FilmWriter`.
    """
    opencv()  # Better missed before TensorFlow is loaded.
    start, stop = _read_time(_FROM), _read_time(_TO)
    if stop is not None and stop <= (start or 0):
        raise ValueError(f"`to` must be after `from`. Received: --to={_TO.value}")
    film = Film(name, start, stop, _EVERY.value)
    common_flags.check_pixels(fit_size(film.size, size or max(film.size)))
    suffix = Path(name).suffix.lower()
    output = output or f"painted{suffix if suffix in _ANIMATED else '.mp4'}"
    if _PREVIEW.value:
        _preview(film, output, make_painter, size)
        return
    cuts = _read_cuts()
    if cluster_flags.is_given():
        ray()  # Better missed before shots are looked for.
    path = _find_place(output)
    options |= {"quality": _FILM_QUALITY.value, "sound": _SOUND.value}
    options["fingerprint"] = {**fingerprint, "size": size, "cuts": cuts}
    # Another run may have taken the name meanwhile.
    writer = FilmWriter(path, film, **options, taken="replace" if _replaces() else "number")
    if writer.done:
        cli.say(f"Going on after {cli.counted(writer.done, 'frame')}.")
    elif RESUME.value:
        cli.say("No part was finished: beginning with the first frame.")
    begin = time.perf_counter()
    if cluster_flags.is_given():
        try:
            _paint_shots(film, path, options, make_painter, size, cuts)
        except KeyboardInterrupt:
            _keep_shots(writer, path)
            raise
    seconds = time.perf_counter() - begin
    result = _paint_frames(film, writer, make_painter, size, cuts)
    cli.say(
        f"Wrote {'' if result.is_whole else 'the frames so far to '}{result.path}: "
        f"{cli.counted(result.frames, 'frame')}, {seconds + result.seconds:.0f} s."
    )
    if not result.is_whole:
        cli.say(f"The same command with --resume --output={path} continues it.")
        sys.exit(130)


def _paint_frames(film, writer, make_painter, size, cuts):
    """Paints what a film's writer has not yet, with a progress bar; returns as `paint_film`."""
    with tqdm(
        total=film.frame_count,
        initial=writer.done,
        unit="frame",
        disable=common_flags.QUIET.value or None,
        leave=False,
    ) as bar:
        cli.load_tensorflow()
        from kerasart import paint_film

        @cache
        def painter():
            return make_painter(lambda now: bar.set_postfix_str(f"step {now.step}/{now.steps}"))

        return paint_film(
            film,
            writer,
            lambda *frame: painter()(*frame),
            size=size,
            cuts=cuts,
            on_frame=lambda frame, painted: bar.update(),
        )


def _paint_shots(film, path, options, make_painter, size, cuts):
    """Paints the shots of a film by the workers of a cluster, into the folder beside the output."""
    from kerasart import find_shots
    from kerasart.scale.film import paint_shots

    def make_writer(film):
        return FilmWriter(path, film, **options)

    quiet = common_flags.QUIET.value or None
    with tqdm(desc="Looking for cuts", bar_format="{desc} ...", disable=quiet, leave=False):
        writer, shots = make_writer(film), find_shots(film, cuts)
        left = [shot for shot in shots if any(writer.gaps(shot.first, shot.stop))]
    cli.say(f"{cli.counted(len(left), 'shot')}.")
    frames = sum(shot.stop - shot.first for shot in left)
    with tqdm(total=frames, unit="frame", disable=quiet, leave=False) as bar:
        for shot in paint_shots(
            film,
            left,
            make_writer,
            lambda: make_painter(lambda progress: None),
            size=size,
            cuts=cuts,
            **cluster_flags.read(),
        ):
            bar.update(shot.stop - shot.first)


def _keep_shots(writer, path):
    """Joins the shots so far after Ctrl-C, and says how to go on, if there is anything."""
    with writer.claim():
        if (count := writer.done) > 1:
            cli.say(f"Wrote the frames so far to {writer.finish()}: {cli.counted(count, 'frame')}.")
    if folder_of(path).is_dir():
        cli.say(f"The same command with --resume --output={path} continues it.")


def _preview(film, output, make_painter, size):
    """Paints a few frames into a sheet."""
    cli.load_tensorflow()
    from kerasart.applications.film import preview_film

    with ProgressBar(disable=common_flags.QUIET.value or None) as bar:
        frames, seconds = preview_film(film, make_painter(bar), _PREVIEWED, size)
    labels = [f"{frame.time:.1f} s" for frame, _ in frames]
    sheet = contact_sheet([painted for _, painted in frames], labels, columns=3, cell=480)
    path = Path(output).with_suffix(".preview.png")
    written = write_picture(path, sheet, taken=common_flags.if_taken())
    if film.frame_count is None or math.isnan(seconds):
        cli.say(f"Wrote {written}.")
        return
    about = _spoken(seconds * film.frame_count)
    cli.say(f"Wrote {written}: {seconds:.2f} s a frame, about {about} for the film.")


def _spoken(seconds):
    for unit, length in (("hours", 3600), ("minutes", 60)):
        if seconds >= 1.5 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} seconds"


def _replaces():
    return RESUME.value or common_flags.OVERWRITE.value


def _find_place(output):
    """Finds where the film goes; the segments of an unfinished one must not be lost."""
    path = Path(output) if _replaces() else next_free_path(output)
    folder = folder_of(path)
    if RESUME.value and not folder.is_dir():
        raise ValueError(
            "`resume` needs the segments of an unfinished film beside the output. "
            f"Received: no {folder}"
        )
    if folder.is_dir() and not RESUME.value:
        if not common_flags.OVERWRITE.value:
            raise ValueError(
                "`output` must not be that of an unfinished film: --resume continues it, "
                f"--overwrite starts anew. Received: '{output}', beside which {folder} lies"
            )
        with claim(folder):
            delete_segments(folder)
    return path


def _read_time(flag):
    """Reads seconds, M:SS or H:MM:SS."""
    if flag.value is None:
        return None
    if not re.fullmatch(r"(\d+:){0,2}\d+(\.\d*)?", flag.value):
        raise ValueError(
            f"`{flag.name}` must be seconds, or MINUTES:SECONDS. Received: {flag.value!r}"
        )
    seconds = 0.0
    for part in flag.value.split(":"):
        seconds = 60 * seconds + float(part)
    return seconds


def _read_cuts():
    """Reads --cuts: None finds them."""
    if _CUTS.value in ("auto", "none"):
        return None if _CUTS.value == "auto" else []
    try:
        cuts = [float(each) for each in _CUTS.value.split(",")]
    except ValueError:
        cuts = [-1.0]
    if not all(map(math.isfinite, cuts)) or min(cuts) < 0:
        raise ValueError(
            f"`cuts` must be auto, none, or times in seconds. Received: {_CUTS.value!r}"
        )
    return cuts
