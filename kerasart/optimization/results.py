"""`Result`, a finished picture, and the errors that bring one: `Interrupted`, `DivergedError`."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasart.image import Picture


@dataclass(frozen=True)
class Result:
    """A finished picture.

    Attributes:
        image: float32 RGB (1, height, width, 3) in [0, 1].
        history: Dict of term name to the weighted values that it had at each step, a float32
            array; their sum was minimised.
        settings: Dict of all that was set, by preset or by hand, to make the picture again.
    """

    image: np.ndarray
    history: dict[str, np.ndarray]
    settings: dict[str, Any]

    def _repr_png_(self) -> bytes:
        """The picture as a notebook shows it."""
        return Picture(self.image)._repr_png_()


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during an optimisation.

    Attributes:
        result: A `Result` with the picture so far.
    """

    def __init__(self, result: Result):
        super().__init__("interrupted")
        self.result = result


class DivergedError(FloatingPointError):
    """A loss that is not finite.

    Attributes:
        result: A `Result` with the last good picture.
    """

    def __init__(self, message: str, result: Result):
        super().__init__(message)
        self.result = result


def finish(result: Result, error: BaseException | None) -> Result:
    """Gives back a result, or raises it with what ended the run before its time.

    Args:
        result: A `Result`.
        error: A `Run`'s: None, a KeyboardInterrupt or a FloatingPointError.

    Returns:
        The result.

    Raises:
        Interrupted: On Ctrl-C.
        DivergedError: If a loss was not finite.
    """
    if isinstance(error, KeyboardInterrupt):
        raise Interrupted(result) from error
    if error:
        raise DivergedError(str(error), result) from error
    return result
