"""`Result`, a finished image, and the errors that carry one: `Interrupted`, `DivergedError`."""

from dataclasses import asdict, dataclass
from os import PathLike
from typing import Any

import numpy as np

from kerasart.backbones import Backbone
from kerasart.image import Picture
from kerasart.objectives import Objective
from kerasart.optimization.run import Run
from kerasart.settings.presets import preset_name


@dataclass(frozen=True)
class Result:
    """A finished image.

    Attributes:
        image: float32 RGB (1, height, width, 3) in [0, 1].
        history: Dict of term name to its weighted value at each step, a float32 array; the sum
            over terms was minimised.
        settings: Dict of all settings, those of the preset too, that reproduce the image.
    """

    image: np.ndarray
    history: dict[str, np.ndarray]
    settings: dict[str, Any]

    def _repr_png_(self) -> bytes:
        """Returns the PNG that notebooks display."""
        return Picture(self.image)._repr_png_()


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during an optimisation.

    Attributes:
        result: A `Result` with the image so far.
    """

    def __init__(self, result: Result):
        super().__init__("interrupted")
        self.result = result


class DivergedError(FloatingPointError):
    """A loss that is not finite.

    Attributes:
        result: A `Result` with the last good image.
    """

    def __init__(self, message: str, result: Result):
        super().__init__(message)
        self.result = result


def make_record(
    preset: str | PathLike[str] | dict, backbone: Backbone, seed: int, settings: Any, **more: Any
) -> dict[str, Any]:
    """Makes the dict of all settings for `Result.settings`.

    Args:
        preset: The preset.
        backbone: The `Backbone`, cut at the layers of the objective.
        seed: The seed.
        settings: `DreamSettings` or `StyleSettings`.
        **more: Further entries.
    """
    return {
        "preset": preset_name(preset),
        "backbone": backbone.name,
        "weights": backbone.weights,
        "weights_hash": backbone.weights_hash,
        "precision": backbone.precision,
        "seed": seed,
        **more,
        **asdict(settings),
    }


def finish(run: Run, objective: Objective, record: dict[str, Any]) -> Result:
    """Makes the result of a run, or raises it with the error that ended the run early.

    Args:
        run: The `Run`.
        objective: The `Objective` that it minimised.
        record: Dict of all settings (see `make_record`).

    Returns:
        A `Result`.

    Raises:
        Interrupted: On Ctrl-C.
        DivergedError: If a loss was not finite.
    """
    result = Result(np.asarray(run.image), objective.by_name(run.losses.T), record)
    if isinstance(run.error, KeyboardInterrupt):
        raise Interrupted(result) from run.error
    if run.error:
        raise DivergedError(str(run.error), result) from run.error
    return result
