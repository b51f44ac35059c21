"""Fingerprints: all that makes a run what it is, by which it is known when it is resumed."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np


def fingerprint(values: Mapping[str, Any]) -> dict[str, Any]:
    """Makes of settings and hashes what JSON gives back of them; NumPy's numbers become plain."""
    return json.loads(json.dumps(values, default=lambda number: number.item()))


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Names what differs between two fingerprints.

    The order within a value counts: of styles it is their numbers, of layers the way of a walk.
    """
    names = dict.fromkeys([*one, *other])
    return [name for name in names if json.dumps(one.get(name)) != json.dumps(other.get(name))]


def hash_image(image: np.ndarray | None, with_shape: bool = False) -> str | None:
    """Makes 16 hex digits that stand for an image's values; None for no image.

    Args:
        image: The image.
        with_shape: Whether they stand for its shape too: in checkpoints they do, in records of
            pictures not.
    """
    if image is None:
        return None
    image = np.ascontiguousarray(image)
    digest = hashlib.sha256(f"{image.shape}".encode() if with_shape else b"")
    digest.update(image.tobytes())
    return digest.hexdigest()[:16]
