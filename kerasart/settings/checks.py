"""Checks shared by all settings, and `check`, which raises their errors."""

import math
import numbers
from typing import Any

# The largest float32 and int32, which TensorFlow computes with.
LARGEST = 3.4028234e38
LARGEST_INTEGER = 2**31 - 1


def is_number(value: Any) -> bool:
    """Returns whether a value is a number in the range of float32."""
    is_real = isinstance(value, numbers.Real) and not isinstance(value, bool)
    return is_real and abs(value) <= LARGEST


def is_whole(value: Any) -> bool:
    """Returns whether a value is a whole number in the range of int32."""
    return is_number(value) and value % 1 == 0 and abs(value) <= LARGEST_INTEGER


def check_seed(seed: Any) -> None:
    """Checks a seed.

    Raises:
        ValueError: If it is not a whole number from 0 to 2147483647.
    """
    allowed = f"a whole number from 0 to {LARGEST_INTEGER}"
    check(is_whole(seed) and seed >= 0, "seed", allowed, seed)


def check_tiling(tile: int | str, memory: float | None) -> None:
    """Checks the tile size and memory limit (see `kerasart.optimization.choose_tile`).

    Args:
        tile: The side of a tile in pixels, "auto" or "none".
        memory: The limit in GiB, or None to ask the operating system.

    Raises:
        ValueError: If one of them is not allowed.
    """
    if memory is not None and not (is_number(memory) and memory > 0):
        raise ValueError(f"`memory` must be more than 0, in GiB. Received: {memory!r}")
    if tile not in ("auto", "none") and not (isinstance(tile, int) and tile > 0):
        raise ValueError(
            f"`tile` must be auto, none, or a number of pixels of 1 or more. Received: {tile!r}"
        )


def parse_layers(layers: Any, name: str = "layers") -> dict[str, float]:
    """Parses layers and their coefficients.

    Args:
        layers: A dict of layer name to coefficient, or a string such as "mixed4:1.0,mixed5:1.5";
            a layer without a coefficient gets 1.
        name: The setting's name in the error message.

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


def check(holds: Any, name: str, allowed: str, received: Any) -> None:
    """Raises the error of a setting unless `holds`; mentions the limit of float32 if exceeded.

    Raises:
        ValueError: "`name` must be allowed. Received: received".
    """
    if not holds:
        is_real = isinstance(received, numbers.Real)
        if is_real and LARGEST < abs(received) < math.inf:
            allowed += f", and at most {LARGEST:.1e}"
        raise ValueError(f"`{name}` must be {allowed}. Received: {received!r}")
