"""`Execution`: how a run is carried out, whatever image it makes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from os import PathLike
from typing import Any

from kerasart.progress import Progress
from kerasart.settings.checks import check_seed, check_tiling
from kerasart.settings.declare import names_of


@dataclass(frozen=True)
class Execution:
    """How a run is carried out, whatever image it makes.

    Each attribute is a keyword of `deep_dream`, `style_transfer` and all that is built on them.

    Attributes:
        seed: Seeds all that is random, also random weights: same seed, same machine, same picture.
        precision: "float32", "bfloat16", or "auto": what is fast on this machine.
        tile: Side in pixels of the tiles in which larger pictures are evaluated, in less memory:
            dreams of networks with a large receptive field then differ a little, paintings by
            rounding only. "auto" chooses the largest that fit, "none" evaluates all as a whole.
        memory: What may be used, in GiB; None is what the machine has free.
        checkpoint: A path at which the state of the run is kept. If there is one, of a run with
            the same pictures and settings, this run resumes from it and ends in the same picture.
            It is yours to delete.
        on_step: Called with a `Progress` after each step; on a GPU, after each block of steps.
        on_tile: `on_tile(done, count)`, called after each evaluation of a tile of a step.

    Raises:
        ValueError: If there is no such seed, tile or memory.
    """

    seed: int = 0
    precision: str = "auto"
    tile: int | str = "auto"
    memory: float | None = None
    checkpoint: str | PathLike[str] | None = None
    on_step: Callable[[Progress], object] | None = None
    on_tile: Callable[[int, int], object] | None = None

    def __post_init__(self):
        check_seed(self.seed)
        check_tiling(self.tile, self.memory)


def split_options(options: Mapping[str, Any]) -> tuple[Execution, dict[str, Any]]:
    """Splits keywords into an `Execution` and the others, which are settings."""
    names = names_of(Execution)
    execution = {name: value for name, value in options.items() if name in names}
    settings = {name: value for name, value in options.items() if name not in names}
    return Execution(**execution), settings
