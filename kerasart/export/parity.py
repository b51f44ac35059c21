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
    weights = inputs.get("style_weights")
    if weights is not None:
        weights /= weights.sum(axis=-1, keepdims=True)
    expected = network(*inputs.values())
    if weights is not None:
        (inputs["style_weights"],) = weights  # Exported networks paint one image.
    difference = np.abs(paint(inputs) - expected).max()
    if not difference <= tolerance:  # also true for NaN
        raise ValueError(
            f"The exported network must paint as before, to {255 * tolerance:.0f}/255. "
            f"Received: a picture that differs by {255 * difference:.1f}/255"
        )
