"""The old recipe of dreaming first and painting the dream."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from numpy.typing import ArrayLike

from kerasart.applications.deep_dream import deep_dream
from kerasart.applications.style_transfer import style_transfer
from kerasart.optimization import DivergedError, Interrupted, Result

# Attributes of `Execution` that count for the dream and for the painting.
_SHARED = ("seed", "tile", "memory", "on_step", "on_tile")


def dream_style(
    content: ArrayLike,
    styles: ArrayLike | Sequence[ArrayLike],
    dream: dict[str, Any] | None = None,
    **style: Any,
) -> Result:
    """Dreams on a photo, and paints the dream in the manner of other pictures.

    Args:
        content: The photo, as for `deep_dream`.
        styles: As for `style_transfer`.
        dream: Dict of arguments of `deep_dream`, such as its preset; None for its defaults.
        **style: Arguments of `style_transfer`; `seed`, `tile`, `memory`, `on_step` and `on_tile`
            count for the dream too.

    Returns:
        A `Result`; its settings hold those of the dream under "dream".

    Raises:
        ValueError, MemoryError, DivergedError, Interrupted: As `deep_dream` and `style_transfer`.
    """
    shared = {name: value for name, value in style.items() if name in _SHARED}
    dreamt = deep_dream(content, **shared, **dream or {})

    def add_dream(painted):
        return replace(painted, settings=painted.settings | {"dream": dreamt.settings})

    try:
        return add_dream(style_transfer(dreamt.image, styles, **style))
    except (Interrupted, DivergedError) as error:
        error.result = add_dream(error.result)
        raise
