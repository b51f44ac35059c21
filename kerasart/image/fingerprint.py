"""Fingerprints of runs: the settings and image hashes that a resumed run must share."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np


def fingerprint(values: Mapping[str, Any]) -> dict[str, Any]:
    """Converts settings and hashes as a round trip through JSON does, NumPy's numbers included.

    Raises:
        ValueError: If JSON cannot hold them.
    """
    try:
        return json.loads(json.dumps(values, default=lambda number: number.item()))
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(
            f"`fingerprint` must be a dict of what JSON can hold. Received: {values!r}"
        ) from error


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Returns the names of the values that differ between two fingerprints.

    Order within a value matters: it numbers the styles, and it is the order of a walk's layers.
    """
    names = dict.fromkeys([*one, *other])
    return [name for name in names if json.dumps(one.get(name)) != json.dumps(other.get(name))]


def hash_image(image: np.ndarray | None, with_shape: bool = False) -> str | None:
    """Returns the first 16 hex digits of an image's SHA-256; None for no image.

    Args:
        image: The image.
        with_shape: Whether to hash its shape too, as checkpoints do; records of pictures do not.
    """
    if image is None:
        return None
    image = np.ascontiguousarray(image)
    digest = hashlib.sha256(f"{image.shape}".encode() if with_shape else b"")
    digest.update(image.tobytes())
    return digest.hexdigest()[:16]
