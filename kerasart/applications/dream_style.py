"""The old recipe of dreaming first and painting the dream."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from numpy.typing import ArrayLike

from kerasart.applications.deep_dream import deep_dream
from kerasart.applications.style_transfer import style_transfer
from kerasart.optimization import DivergedError, Interrupted, Result
from kerasart.progress import Progress


def dream_style(
    content: ArrayLike,
    styles: ArrayLike | Sequence[ArrayLike],
    dream: dict[str, Any] | None = None,
    *,
    seed: int = 0,
    tile: int | str = "auto",
    memory: float | None = None,
    on_step: Callable[[Progress], object] | None = None,
    on_tile: Callable[[int, int], object] | None = None,
    **style: Any,
) -> Result:
    """Dreams on a photo, and paints the dream in the manner of other pictures.

    Args:
        content: The photo, as for `deep_dream`.
        styles: As for `style_transfer`.
        dream: Dict of arguments of `deep_dream`, such as its preset; None for its defaults.
        seed: Seeds both.
        tile, memory: As for both.
        on_step: Called with a `Progress` after each step, of the dream first.
        on_tile: `on_tile(done, count)`, called after each evaluation of a tile of a step.
        **style: Arguments of `style_transfer`.

    Returns:
        A `Result`; its settings hold those of the dream under "dream".

    Raises:
        ValueError, MemoryError, DivergedError, Interrupted: As `deep_dream` and `style_transfer`.
    """
    shared: dict[str, Any] = {
        "seed": seed,
        "tile": tile,
        "memory": memory,
        "on_step": on_step,
        "on_tile": on_tile,
    }
    dreamt = deep_dream(content, **shared, **dream or {})

    def add_dream(painted):
        return replace(painted, settings=painted.settings | {"dream": dreamt.settings})

    try:
        return add_dream(style_transfer(dreamt.image, styles, **shared, **style))
    except (Interrupted, DivergedError) as error:
        error.result = add_dream(error.result)
        raise
