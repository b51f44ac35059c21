"""Whether a network in another format paints as it did."""

import numpy as np


def input_shapes(network, size, style_size=None):
    """Says what a network takes, in the order of its call.

    Args:
        network: A `TransformerNet` or an `AdaIN`.
        size: (height, width) of the picture.
        style_size: Those of the style's picture, if another.

    Returns:
        A dict of name to shape, for a batch of one.
    """
    if hasattr(network, "styles"):
        second = {"style_weights": (1, len(network.styles))}
    else:
        second = {"style": (1, *(style_size or size), 3)}
    return {"image": (1, *size, 3), **second, "strength": (1,)}


def check_parity(network, paint, shapes, tolerance):
    """Refuses what paints a random picture otherwise than a network does.

    Args:
        network: A `TransformerNet` or an `AdaIN`.
        paint: A function of a dict of name to array that gives the picture.
        shapes: The arrays' shapes, as of `input_shapes`.
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
