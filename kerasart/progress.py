"""`Progress`, the state of a run, and `ProgressBar`, which shows it in terminals and notebooks."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np

_FORMAT = "{desc}: {percentage:3.0f}%|{bar:10}| {elapsed}<{remaining}{postfix}"


@dataclass(frozen=True)
class Progress:
    """The state of a run after a step, as passed to `on_step`.

    Attributes:
        step: Steps taken.
        steps: Steps in all, unless the run ends earlier.
        size: (height, width) of the current scale.
        losses: Dict of term name to its last weighted value.
        picture: `picture()` returns the image so far at its full size, as `Result.image`.
        share: Fraction of the work that is done, each step weighted by its pixels; None if unknown.
    """

    step: int
    steps: int
    size: tuple[int, int]
    losses: dict[str, float]
    picture: Callable[[], np.ndarray]
    share: float | None = None


class ProgressBar:
    """A progress bar with the image's size and its losses, which closes after the last step.

    Pass one as `on_step`: `kerasart.deep_dream(photo, on_step=kerasart.ProgressBar())`.

    Args:
        waiting: The text until the first step.
        label: A prefix of the text, such as "3/20 " for the third of twenty images.
        disable: Whether to show nothing; None shows nothing without a terminal.
    """

    def __init__(
        self,
        waiting: str = "Loading TensorFlow and the network",
        label: str = "",
        disable: bool | None = False,
    ):
        from tqdm.auto import tqdm  # In a notebook, a widget; it warns if ipywidgets is missing.

        self._make = lambda **options: tqdm(disable=disable, leave=False, **options)
        self._label = label
        self._bar = self._make(desc=label + waiting, bar_format="{desc} ...")
        self._last: Progress | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.close()

    def __call__(self, progress: Progress) -> None:
        """Shows a `Progress`."""
        last, self._last = self._last, progress
        share = progress.step / progress.steps if progress.share is None else progress.share
        is_first = last is None or last.steps != progress.steps or last.step >= progress.step
        if is_first:
            self._bar.close()
            # A new bar, so that the first step, slow from tracing, is not in the time estimate.
            self._bar = self._make(total=1.0, initial=share, smoothing=0, bar_format=_FORMAT)
        height, width = progress.size
        self._bar.set_description_str(f"{self._label}{width}x{height}", refresh=False)
        self._bar.set_postfix_str(self._describe(progress), refresh=is_first)
        self._bar.update(share - self._bar.n)
        if progress.step == progress.steps:
            self._bar.close()

    def show_tile(self, done: int, count: int) -> None:
        """Shows how many tiles of the current step are done, as `on_tile`."""
        if self._last is None:
            self._bar.set_description_str(f"{self._label}The first step: tile {done} of {count}")
        elif done < count:
            size = self._bar.desc.partition(",")[0]
            self._bar.set_description_str(f"{size}, tile {done}/{count}")

    def _describe(self, progress):
        """Lists the steps, the total loss, and as many terms as fit on the line."""
        parts = [f"{progress.step}/{progress.steps}"]
        before = len(f"{self._bar.desc}: 100%|{'':10}| 00:00<0:00:00, ")
        room = shutil.get_terminal_size().columns - before - len(parts[0]) - 1
        for name, value in {"total": sum(progress.losses.values()), **progress.losses}.items():
            part = f"{name}={value:.4g}"
            room -= len(part) + 2
            if room < 0:
                break
            parts.append(part)
        return ", ".join(parts)
