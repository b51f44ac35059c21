"""The bundled ImageNet weights and labels."""

import difflib
import json
from importlib.resources import as_file, files
from os import PathLike
from typing import Any

import numpy as np

# Networks with bundled weights, and the last layer that these cover (None: all).
BUNDLED = {"vgg16": None, "squeezenet": None, "inception_v3": "mixed5"}


def load_bundled(model: Any, name: str) -> None:
    """Assigns the bundled ImageNet weights.

    Args:
        model: The network of that name, without a dense head, up to the last layer with bundled
            weights.
        name: One of `BUNDLED`.

    Raises:
        ValueError: If the weights do not fit the network's layers.
    """
    with as_file(files("kerasart.backbones") / "data" / f"{name}.npz") as path:
        arrays = read_arrays(path)
    weights = {f"{layer.name}/{v.name}": v for layer in model.layers for v in layer.weights}
    if {key: tuple(variable.shape) for key, variable in weights.items()} != {
        key: array.shape for key, array in arrays.items()
    }:
        raise ValueError(f"The bundled weights of {name} do not fit its layers.")
    for key, variable in weights.items():
        variable.assign(arrays[key])


def read_arrays(path: str | PathLike[str]) -> dict[str, np.ndarray]:
    """Reads the arrays of an archive that `tools/convert_weights.py` wrote.

    Args:
        path: A `.npz` file of arrays NAME, either float16 or float32, or 8-bit indices into a table
            NAME/values.

    Returns:
        A dict of name to array, float16 or float32 as it is stored.
    """
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    tables = {
        name: arrays.pop(f"{name}/values") for name in list(arrays) if f"{name}/values" in arrays
    }
    return arrays | {name: table[arrays[name]] for name, table in tables.items()}


def imagenet_labels() -> list[str]:
    """Returns the names of ImageNet's 1000 classes, in the order of a network's outputs."""
    return json.loads((files("kerasart.backbones") / "data" / "imagenet_labels.json").read_text())


def find_class(text: str | int) -> int:
    """Finds a class of ImageNet.

    Args:
        text: Its number, one of its names, or part of a name that is in no other class.

    Returns:
        The class's number, from 0 to 999.

    Raises:
        ValueError: If no class matches, or several; the message lists the nearest.
    """
    labels = imagenet_labels()
    wanted = " ".join(str(text).lower().split())
    if wanted.isdecimal() and int(wanted) < len(labels):
        return int(wanted)
    names = [label.lower().split(", ") for label in labels]
    whole = [i for i, each in enumerate(names) if wanted in each]
    words = [i for i, each in enumerate(names) if any(f" {wanted} " in f" {n} " for n in each)]
    parts = [i for i, each in enumerate(names) if wanted and any(wanted in name for name in each)]
    # Not `whole or words or parts`: the one class with it as a word may not be the one meant.
    found = whole or list(dict.fromkeys([*words, *parts]))
    if len(found) == 1:
        return found[0]
    candidates = "; ".join(f"{i}: {labels[i]}" for i in found[:10])
    if not found:
        numbers = {name: i for i, each in enumerate(names) for name in each}
        near = difflib.get_close_matches(wanted, numbers, n=3)
        candidates = "; ".join(f"{numbers[name]}: {labels[numbers[name]]}" for name in near)
    more = f", and {len(found) - 10} more" if len(found) > 10 else ""
    raise ValueError(
        "`class` must be the name of one ImageNet class, a part of it, or a number from 0 to "
        f"{len(labels) - 1}"
        + (f"; {'these match' if found else 'nearest'}: {candidates}{more}" if candidates else "")
        + f". Received: {text!r}"
    )
