"""`check_parity`: checks that an exported network's output equals the original's."""

from collections.abc import Callable

import numpy as np


def check_parity(
    network: Callable,
    paint: Callable[[dict[str, np.ndarray]], np.ndarray],
    shapes: dict[str, tuple[int, ...]],
    tolerance: float,
) -> None:
    """Compares the outputs of a network and its exported form for random inputs.

    Args:
        network: A `StyleNetwork`.
        paint: The exported network, a function of a dict of input name to array.
        shapes: The inputs' shapes, from `StyleNetwork.input_shapes`.
        tolerance: The largest allowed difference of pixels in [0, 1].

    Raises:
        ValueError: If the outputs differ by more.
    """
    generator = np.random.default_rng(0)
    inputs = {name: generator.random(shape, np.float32) for name, shape in shapes.items()}
    if "style_weights" in inputs:
        inputs["style_weights"] /= inputs["style_weights"].sum()
    difference = np.abs(paint(inputs) - network(*inputs.values())).max()
    if not difference <= tolerance:  # also true for NaN
        raise ValueError(
            f"The exported network must paint as before, to {255 * tolerance:.0f}/255. "
            f"Received: a picture that differs by {255 * difference:.1f}/255"
        )
