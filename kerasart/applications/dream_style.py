"""DeepDream followed by style transfer."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from numpy.typing import ArrayLike

from kerasart.applications.deep_dream import deep_dream
from kerasart.applications.style_transfer import style_transfer
from kerasart.optimization import DivergedError, Interrupted, Result

# Attributes of `Execution` for both the dream and the style transfer.
_SHARED = ("seed", "tile", "memory", "on_step", "on_tile")


def dream_style(
    content: ArrayLike,
    styles: ArrayLike | Sequence[ArrayLike],
    dream: dict[str, Any] | None = None,
    **style: Any,
) -> Result:
    """Dreams on a photo, and paints the dream in the style of other images.

    Args:
        content: The photo (see `deep_dream`).
        styles: See `style_transfer`.
        dream: Dict of arguments of `deep_dream`, such as its preset; None for its defaults.
        **style: Arguments of `style_transfer`; `seed`, `tile`, `memory`, `on_step` and `on_tile`
            also apply to the dream, unless it has its own.

    Returns:
        A `Result`; its settings hold those of the dream under "dream".

    Raises:
        ValueError, MemoryError, DivergedError, Interrupted: See `deep_dream`, `style_transfer`.
    """
    shared = {name: value for name, value in style.items() if name in _SHARED}
    dreamed = deep_dream(content, **shared | (dream or {}))

    def add_dream(result):
        return replace(result, settings=result.settings | {"dream": dreamed.settings})

    try:
        return add_dream(style_transfer(dreamed.image, styles, **style))
    except (Interrupted, DivergedError) as error:
        error.result = add_dream(error.result)
        raise
