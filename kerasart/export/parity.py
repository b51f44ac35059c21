"""`check_parity`, whether a network in another format paints as it did."""

from collections.abc import Callable

import numpy as np


def check_parity(
    network: Callable,
    paint: Callable[[dict[str, np.ndarray]], np.ndarray],
    shapes: dict[str, tuple[int, ...]],
    tolerance: float,
) -> None:
    """Refuses what paints a random picture otherwise than a network does.

    Args:
        network: A `StyleNetwork`.
        paint: A function of a dict of name to array that gives the picture.
        shapes: The arrays' shapes, as of `StyleNetwork.input_shapes`.
        tolerance: The largest difference allowed, where pixels are in [0, 1].

    Raises:
        ValueError: If they differ by more.
    """
    generator = np.random.default_rng(0)
    inputs = {name: generator.random(shape, np.float32) for name, shape in shapes.items()}
    if "style_weights" in inputs:
        inputs["style_weights"] /= inputs["style_weights"].sum()
    difference = np.abs(paint(inputs) - network(*inputs.values())).max()
    if not difference <= tolerance:  # Nor if it is no number.
        raise ValueError(
            f"The exported network must paint as before, to {255 * tolerance:.0f}/255. "
            f"Received: a picture that differs by {255 * difference:.1f}/255"
        )
