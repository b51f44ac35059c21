"""`Execution`: the options of how to run, independent of what image is made."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from os import PathLike
from typing import Any

from kerasart.progress import Progress
from kerasart.settings.checks import check, check_seed, check_tiling
from kerasart.settings.declare import split


@dataclass(frozen=True)
class Execution:
    """Options of how to run, independent of what image is made.

    Each attribute is a keyword of `deep_dream`, `style_transfer` and everything built on them, but
    for `checkpoint` where many pictures are made.

    Attributes:
        seed: Seed of everything random, random weights included: the same seed gives the same image
            on the same machine.
        precision: "float32", "bfloat16", or "auto" for what is fast on this machine.
        tile: Side in pixels of the tiles in which larger images are evaluated, to save memory.
            Paintings then differ by rounding only; dreams of networks with a large receptive field
            a little more. "auto" chooses the largest that fits, "none" evaluates whole images.
        memory: Memory limit in GiB; None for what the machine has free.
        checkpoint: Path to save the state of the run to. If it exists and is of a run with the same
            images and settings, this run resumes from it, with the same result. Delete it yourself.
        on_step: Called with a `Progress` after each step; on a GPU, after each block of steps.
        on_tile: `on_tile(done, count)`, called after each tile of a step is evaluated.

    Raises:
        ValueError: If one of them is not allowed.
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
        is_path = self.checkpoint is None or isinstance(self.checkpoint, str | PathLike)
        check(is_path, "checkpoint", "a path, or None", self.checkpoint)
        for name in ("on_step", "on_tile"):
            function = getattr(self, name)
            check(function is None or callable(function), name, "a function, or None", function)

    def refuse_checkpoint(self, run: str) -> None:
        """Raises a ValueError if there is a checkpoint, which is of one run, where many are made.

        Args:
            run: What each of them makes, for the message.
        """
        allowed = f"None, as each {run} is a run of its own"
        check(self.checkpoint is None, "checkpoint", allowed, self.checkpoint)


def split_options(options: Mapping[str, Any]) -> tuple[Execution, dict[str, Any]]:
    """Splits keyword arguments into an `Execution` and settings."""
    return split(Execution, options)
