"""`FilmSettings` and its kin: how steadily a film is painted, and in how many steps; its cuts."""

from collections.abc import Collection
from typing import Any

from kerasart.settings.checks import check, is_number
from kerasart.settings.declare import option, settings

_STEADINESS = {"in one pass": 0.8, "of a painting": 0.7, "of a dream": 0.95}
_STEPS = {"of a painting": 20, "of a dream": 3}


def _listed(defaults):
    return ", ".join(f"{value} {kind}" for kind, value in defaults.items())


@settings
class FilmSettings:
    """How a film is painted in one pass."""

    steadiness: float = option(
        _STEADINESS["in one pass"],
        "From 0, where the film flickers, to 1: how much is kept of the painted frame before, "
        f"moved along the motion. (default: {_listed(_STEADINESS)})",
        least=0,
        most=1,
        group="film",
    )


@settings
class FilmPaintingSettings(FilmSettings):
    """How a film is painted by optimisation."""

    steadiness: float = _STEADINESS["of a painting"]
    film_steps: int = option(
        _STEPS["of a painting"],
        f"Steps for each frame but the first of a shot. (default: {_listed(_STEPS)})",
        least=1,
    )


@settings
class FilmDreamSettings(FilmPaintingSettings):
    """How a dream is carried along a film."""

    steadiness: float = _STEADINESS["of a dream"]
    film_steps: int = _STEPS["of a dream"]


def check_cuts(cuts: Collection[float] | None, film: Any) -> None:
    """Checks the times of a film's cuts; where its end is not known, one may be behind it.

    Args:
        cuts: Times in seconds, or None.
        film: The `Film`.

    Raises:
        ValueError: If something else is given, or a time behind the end.
    """
    are_times = isinstance(cuts, Collection) and all(is_number(cut) and cut >= 0 for cut in cuts)
    check(cuts is None or are_times, "cuts", "None, or times in seconds from 0", cuts)
    # Those of a whole film may be given for a part of it.
    if cuts is not None and film.stop is None and film.duration is not None:
        end, last = float(film.start or 0) + film.duration, max(cuts, default=0)
        check(last < end, "cuts", f"before the film's end, at {end:.2f} s", last)
