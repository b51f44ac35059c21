"""--seeds, --truncation, --mix, --label and --walk: the styles of a generator's pictures."""

from kerasart.scripts import common_flags
from kerasart.scripts.options import define_flags

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from absl import flags

from kerasart.levels import LEVELS
from kerasart.records import read_record
from kerasart.settings.generator import SeedSettings

_MOST_SEEDS = 10_000

SEEDS = flags.DEFINE_string(
    "seeds",
    None,
    "Whole numbers, such as 5, 0-7 or 1,4,20-29, a picture each; or PNGs that this script wrote. "
    "(default: 0-7; of --mix, none; of --project, the mean)",
)
[TRUNCATION] = define_flags(SeedSettings, in_presets=False)["seeds"]
MIX = flags.DEFINE_string(
    "mix",
    None,
    "Seeds for some levels of detail, such as coarse:3,fine:9; the other levels are those of the "
    "picture's own seed, or without --seeds of the next coarser level, or else the next finer.",
)
LABEL = flags.DEFINE_integer(
    "label",
    None,
    "The class of the pictures, a number from 0, for a generator that has classes.",
)
WALK = flags.DEFINE_string("walk", None, "Seeds between which an animation walks, such as 1,5,9,1.")


def parse_seeds(text: str, flag: str = "seeds") -> dict[str, Any]:
    """Reads seeds, such as "1,4,20-29", or a PNG's name among them.

    Args:
        text: The flag's value.
        flag: Its name.

    Returns:
        A dict of names to seeds: whole numbers, or a style, an array (places, w_size).

    Raises:
        ValueError: If one is none, or they are too many.
    """
    seeds: dict[str, Any] = {}
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if first.isdecimal() and (last.isdecimal() if dash else True):
            numbers = range(int(first), int(last or first) + 1)
            if not 0 < len(numbers) <= _MOST_SEEDS:
                raise ValueError(
                    f"`{flag}` must be FIRST-LAST, of at most {_MOST_SEEDS}. Received: {part!r}"
                )
            seeds |= {str(number): number for number in numbers}
        else:
            name = Path(part.strip()).stem
            if name in seeds:  # Pictures in a folder are named by it.
                raise ValueError(
                    f"`{flag}` must have names that differ but for their folders and suffixes. "
                    f"Received: {text!r}"
                )
            seeds[name] = _read_style(part.strip(), flag)
    return seeds


def _read_style(name, flag):
    """Reads the style that a PNG of this script holds."""
    if not Path(name).is_file():
        raise ValueError(
            f"`{flag}` must be whole numbers, such as 0-7, or PNGs that this script wrote. "
            f"Received: {name!r}"
        )
    try:
        with np.errstate(over="ignore"):
            w = np.array(read_record(name, common_flags.MAX_PIXELS.value)["w"], np.float32)
    except (KeyError, ValueError, TypeError, OverflowError):
        w = np.zeros(0)
    if w.ndim != 2 or not np.isfinite(w).all():
        raise ValueError(
            f"`{flag}` must be PNGs that this script wrote of one seed, or found. "
            f"Received: {name!r}"
        )
    return w


def parse_mix(text: str | None) -> dict[str, Any]:
    """Reads "coarse:3,fine:9": a dict of levels to seeds.

    Raises:
        ValueError: If a level or a seed is none, or a level is named twice.
    """
    mix: dict[str, Any] = {}
    for part in text.split(",") if text else []:
        level, _, seed = part.strip().partition(":")
        if level not in LEVELS or level in mix or not seed:
            raise ValueError(
                f"`mix` must be LEVEL:SEED,LEVEL:SEED, with each of the levels {', '.join(LEVELS)} "
                f"at most once. Received: {text!r}"
            )
        seeds = list(parse_seeds(seed, "mix").values())
        if len(seeds) > 1:
            raise ValueError(f"`mix` must have one seed for a level. Received: {part!r}")
        mix[level] = seeds[0]
    return mix


def check_label(seeds: Iterable[Any]) -> None:
    """Raises ValueError for a --label that none of the seeds has a use for: a style has its own."""
    if LABEL.value is not None and not any(isinstance(seed, int) for seed in seeds):
        raise ValueError(
            "`label` goes with a seed that is a number, in --seeds, --mix or --walk. "
            f"Received: {LABEL.value} and none"
        )


def parse_walk(text: str) -> list[Any]:
    """Reads seeds of which some may come again: a list of them, as in `parse_seeds`.

    Raises:
        ValueError: If one is none, or they are fewer than two.
    """
    seeds = [seed for part in text.split(",") for seed in parse_seeds(part, "walk").values()]
    if len(seeds) < 2:
        raise ValueError(f"`walk` must be two seeds or more. Received: {text!r}")
    return seeds
