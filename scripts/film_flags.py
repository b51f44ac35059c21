"""The flags of films, and which films a command names."""

from kerasart.scripts import cli, cluster_flags, common_flags, options
from kerasart.scripts.batch_files import are_several

import glob
import logging
import math
import re
from pathlib import Path
from typing import Any

from absl import flags

from kerasart.film import Film
from kerasart.film.animated_picture import is_animated, is_picture
from kerasart.film.segments import is_of_segments
from kerasart.film.writer import LOWEST_QUALITY, SOUNDS
from kerasart.image.photos import is_readable, leave_out_forks, walk_files
from kerasart.settings.film import FilmPaintingSettings

_log = logging.getLogger("kerasart")

VIDEOS = (
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts"),
    *(".wmv", ".flv", ".ogv", ".3gp"),
)
ANIMATED = (".gif", ".webp", ".png", ".apng")
PREVIEWED = 6  # Frames of a preview.

_STEADINESS, _FILM_STEPS = options.define_flags(FilmPaintingSettings)["film"]
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
FILM_QUALITY = flags.DEFINE_integer(
    "film_quality",
    None,
    "Constant rate factor of the video, from 0; lower is better and larger. (default: one at "
    "which no loss is seen)",
    lower_bound=0,
    upper_bound=LOWEST_QUALITY,
)
SOUND = flags.DEFINE_enum("sound", "copy", SOUNDS, "Copy the sound, or leave it out.")
PREVIEW = flags.DEFINE_bool(
    "preview",
    False,
    f"Paint {PREVIEWED} frames spread over the film into a sheet, NAME.preview.png, say how long "
    "the film will take, and stop.",
)
FLAGS = [_STEADINESS, _FROM, _TO, _EVERY, _CUTS, FILM_QUALITY, SOUND, PREVIEW]
FLAGS += cluster_flags.FLAGS
FLAGS_WITH_STEPS = [*FLAGS, _FILM_STEPS]


def is_film(name: str, output: str | None) -> bool:
    """Whether a flag names a film: a video, or an animated picture that is to move again.

    What is in a file counts, not its name. A folder or a pattern may name several (`find_films`).
    """
    if are_several(name):
        return bool(find_films(name))
    path = Path(name)
    suffix = path.suffix.lower()
    if not path.is_file():
        return suffix in VIDEOS
    if not is_picture(path):
        return suffix in VIDEOS or _is_video(path)
    wanted = Path(output).suffix.lower() if output and not Path(output).is_dir() else suffix
    # A .png of another picture is a photo of its first frame.
    moves = wanted == suffix if wanted == ".png" else wanted in (*VIDEOS, *ANIMATED)
    return moves and is_animated(path)


def _is_video(path):
    _log.disabled = True  # It is warned of where it is painted.
    try:
        Film(path)
    except (ImportError, OSError, ValueError):
        return False
    finally:
        _log.disabled = False
    return True


def find_films(name: str) -> list[Path]:
    """Lists the videos that a folder or a pattern names; none if there are photos among them."""
    paths = walk_files(name) if Path(name).is_dir() else map(Path, glob.glob(name, recursive=True))
    paths = sorted(path for path in paths if not is_of_segments(path))
    videos = [path for path in paths if path.suffix.lower() in VIDEOS and path.is_file()]
    films = leave_out_forks(videos)
    if films and any(map(is_readable, paths)):
        _log.warning(
            "left out, for there are photos among them: %s, such as '%s'; a pattern such as "
            "'*%s' names films",
            *(cli.counted(len(films), "film"), films[0], films[0].suffix),
        )
        return []
    return films


def painter_options() -> dict[str, Any]:
    """Reads --steadiness and --film_steps: a dict of those that are given."""
    return options.read_flags(FilmPaintingSettings)


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


def read_span() -> tuple[float | None, float | None, int]:
    """Reads --from, --to and --every."""
    start, stop = _read_time(_FROM), _read_time(_TO)
    if stop is not None and stop <= (start or 0):
        raise ValueError(f"`to` must be after `from`. Received: --to={_TO.value}")
    return start, stop, _EVERY.value


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


def read_cuts() -> list[float] | None:
    """Reads --cuts: times in seconds; None finds them."""
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
