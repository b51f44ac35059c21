"""The levels of detail at which a style may differ: coarse, middle and fine.

Style mixing takes the coarse layers' style from one source and the fine layers' from another. Where
a network paints in one pass, coarse is the form of the strokes and fine the palette.

Source: Karras et al. 2018, "A Style-Based Generator Architecture for Generative Adversarial
Networks" (arXiv 1812.04948, section 3.1 and figure 3).
"""

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any, TypeVar

LEVELS = ("coarse", "middle", "fine")

_Value = TypeVar("_Value")


def fill_levels(named: Mapping[str, _Value]) -> dict[str, _Value]:
    """Gives every level a value: its own, else the next coarser level's, else the next finer's.

    Args:
        named: Dict of at least one level to its value.

    Returns:
        A dict of all levels, from coarse to fine.
    """
    value = next(named[level] for level in LEVELS if level in named)
    return {level: (value := named.get(level, value)) for level in LEVELS}


def styles_by_level(style: Any) -> dict[str, Any]:
    """Says which style each level has.

    Args:
        style: A dict of levels to styles, of which each is a name, a dict of names to weights, a
            picture, or a list of pairs of picture and weight; or any other style, such as a dict of
            names to weights, which all levels have.

    Returns:
        A dict of all levels, from coarse to fine.

    Raises:
        ValueError: If something is named that is no level.
    """
    if not isinstance(style, dict) or all(isinstance(each, Real) for each in style.values()):
        return dict.fromkeys(LEVELS, style)
    for name in style:
        if name not in LEVELS:
            raise ValueError(
                f"`style` must have {', '.join(LEVELS)} as its levels. Received: {name!r}"
            )
    return fill_levels(style)


def split_levels(text: str) -> dict[str, str]:
    """Splits a style's text, such as "coarse:mosaic,fine:mosaic:0.6+ink:0.4", into its levels.

    Args:
        text: LEVEL:STYLE,LEVEL:STYLE, with + between the styles of a level; or a style without
            levels, NAME:WEIGHT,NAME:WEIGHT.

    Returns:
        A dict of the levels that are named to their styles, each spelt as one without levels; empty
        where none is named.

    Raises:
        ValueError: If a level is named twice, or only a part of the text has one.
    """
    parts = [part.strip().partition(":") for part in text.split(",")]
    named = [(level, style) for level, _, style in parts if level in LEVELS and _is_style(style)]
    if named and (len(named) < len(parts) or len(dict(named)) < len(named)):
        raise ValueError(
            "`style` must be LEVEL:NAME+NAME,LEVEL:NAME, with each of the levels "
            f"{', '.join(LEVELS)} at most once. Received: {text!r}"
        )
    return {level: style.replace("+", ",") for level, style in named}


def _is_style(text):
    """Whether a text is a style's, and not the weight of a style that has a level's name."""
    try:
        float(text)
    except ValueError:
        return bool(text)
    return False


def level_of(layer: str, layers: Sequence[str]) -> str:
    """Says which level a layer of a backbone is of, in proportion to the layers in use.

    Of five, the deepest two are coarse, the next is middle, and the shallowest two are fine; of
    two, one is coarse and one fine.

    Args:
        layer: One of `layers`.
        layers: The layers in use, from shallow to deep.
    """
    depth = len(layers) - 1 - layers.index(layer)
    return LEVELS[len(LEVELS) * (2 * depth + 1) // (2 * len(layers))]
