"""What settings of every kind share: how they are read, and how they are refused."""

import math
import numbers
from dataclasses import fields
from typing import get_args

# What TensorFlow computes and counts with: float32 and int32.
LARGEST = 3.4028234e38
LARGEST_INTEGER = 2**31 - 1


def check_types(settings):
    """Checks the attributes of a dataclass whose type is int, float, bool or str, or None besides.

    It is for what has no bounds of its own, by which a better sentence can be said.

    Raises:
        ValueError: If one is of another type, or a number that TensorFlow does not know.
    """
    for each in fields(settings):
        value, kinds = getattr(settings, each.name), get_args(each.type) or (each.type,)
        if value is None and type(None) in kinds:
            continue
        plain = [kind for kind in kinds if kind in _PLAIN]
        if plain and len(plain) == len(set(kinds) - {type(None)}):
            allowed = " or ".join(_PLAIN[kind][0] for kind in plain)
            check(any(_PLAIN[kind][1](value) for kind in plain), each.name, allowed, value)


def is_number(value):
    """Whether a value is a number that float32 can hold."""
    is_real = isinstance(value, numbers.Real) and not isinstance(value, bool)
    return is_real and abs(value) <= LARGEST


def is_whole(value):
    """Whether a value is a whole number that int32 can hold."""
    return is_number(value) and value % 1 == 0 and abs(value) <= LARGEST_INTEGER


def check_seed(seed):
    """Refuses what is no whole number from 0 to 2147483647.

    Raises:
        ValueError: If it is none.
    """
    allowed = f"a whole number from 0 to {LARGEST_INTEGER}"
    check(is_whole(seed) and seed >= 0, "seed", allowed, seed)


def check_tiling(tile: int | str, memory: float | None) -> None:
    """Checks how a large image is computed in parts (see `kerasart.optimization.choose_tile`).

    Args:
        tile: The tiles' side in pixels, "auto", or "none".
        memory: What may be used, in GiB; None asks the operating system.

    Raises:
        ValueError: If there is no such tile or memory.
    """
    if memory is not None and not 0 < memory < math.inf:
        raise ValueError(f"`memory` must be more than 0, in GiB. Received: {memory}")
    if tile not in ("auto", "none") and not (isinstance(tile, int) and tile > 0):
        raise ValueError(
            f"`tile` must be auto, none, or a number of pixels of 1 or more. Received: {tile!r}"
        )


def _is_endless(value):
    return isinstance(value, float) and math.isinf(value)


_PLAIN = {
    int: (f"a whole number of at most {LARGEST_INTEGER}", is_whole),
    float: ("a number of at most 3.4e38", lambda value: is_number(value) or _is_endless(value)),
    bool: ("True or False", lambda value: isinstance(value, bool)),
    str: ("a text", lambda value: isinstance(value, str)),
}


def parse_layers(layers, name="layers"):
    """Reads layers and their coefficients.

    Args:
        layers: A dict of layer name to coefficient, or such as "mixed4:1.0,mixed5:1.5"; a layer
            without a coefficient gets 1.
        name: What the setting is called where it is refused.

    Returns:
        A dict of layer name to float.

    Raises:
        ValueError: If there is no layer, or a coefficient is not a finite number.
    """
    if isinstance(layers, str):
        pairs = [part.strip().partition(":") for part in layers.split(",")]
        pairs = [(layer.strip(), value if colon else 1.0) for layer, colon, value in pairs]
    else:
        pairs = list(layers.items()) if isinstance(layers, dict) else []
    try:
        parsed = {layer: float(value) for layer, value in pairs}
    except (OverflowError, TypeError, ValueError):
        parsed = {}
    check(
        parsed
        and all(parsed)
        and all(map(is_number, parsed.values()))
        and len(parsed) == len(pairs),
        name,
        "different layers with finite coefficients, such as mixed4:1.0,mixed5:1.5",
        layers,
    )
    return parsed


def check(holds, name, allowed, received):
    """Refuses a setting, unless it `holds`. Of a number beyond float32 that is said too.

    Raises:
        ValueError: "`name` must be allowed. Received: received".
    """
    if not holds:
        if isinstance(received, numbers.Real) and LARGEST < abs(received) < math.inf:
            allowed += f", and at most {LARGEST:.1e}"
        raise ValueError(f"`{name}` must be {allowed}. Received: {received!r}")
