"""`AnimationSettings`: how the frames of an animation follow each other."""

from collections.abc import Sequence

from kerasart.settings.checks import check, is_number
from kerasart.settings.declare import option, settings

ANIMATIONS = ("evolution", "zoom", "layers")


def _parse_shift(shift: str | Sequence[float], name: str) -> tuple[float, float]:
    allowed = "DOWN,RIGHT with two fractions between -1 and 1, such as 0,0.01"
    try:
        parts = [float(part) for part in (shift.split(",") if isinstance(shift, str) else shift)]
    except (TypeError, ValueError):
        parts = []
    are_fractions = all(is_number(part) and -1 < part < 1 for part in parts)
    check(len(parts) == 2 and are_fractions, name, allowed, shift)
    return parts[0], parts[1]


@settings
class AnimationSettings:
    """How the frames of an animation follow each other."""

    frames: int = option(60, "The number of frames.", least=1, group="animation")
    zoom: float = option(1.05, "Magnification from frame to frame, above 1.", more_than=1)
    rotate: float = option(0.0, "Degrees of rotation from frame to frame, counterclockwise.")
    shift: tuple = option(
        (0.0, 0.0),
        "DOWN,RIGHT: shift from frame to frame, as shares of height and width.",
        parse=_parse_shift,
    )
    blend: float = option(
        0.0,
        "Share of the previous frame in each, from 0 to below 1, against flicker.",
        least=0,
        less_than=1,
    )
