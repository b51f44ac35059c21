"""What settings of every kind share: how they are read, and how they are refused."""

import math


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
    except (TypeError, ValueError):
        parsed = {}
    check(
        parsed
        and all(parsed)
        and all(map(math.isfinite, parsed.values()))
        and len(parsed) == len(pairs),
        name,
        "different layers with finite coefficients, such as mixed4:1.0,mixed5:1.5",
        layers,
    )
    return parsed


def check(holds, name, allowed, received):
    """Refuses a setting, unless it `holds`.

    Raises:
        ValueError: "`name` must be allowed. Received: received".
    """
    if not holds:
        raise ValueError(f"`{name}` must be {allowed}. Received: {received!r}")
