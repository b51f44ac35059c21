"""Loads weight files into networks without classification head, and hashes weights.

Keras itself silently loads a deeper network's file into a shallower model, so every tensor is
paired here by layer and position, and checked, before the first variable is assigned.
"""

import hashlib
import re
from collections import Counter
from contextlib import contextmanager
from itertools import count, takewhile
from os import PathLike
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from kerasart.backbones.hdf5 import check_hdf5

_ALLOWED = (
    "what can be loaded is a Keras 3 *.weights.h5 or a legacy Keras *.h5 "
    "of the same network, with or without its dense classification head"
)


def load_weights(model: Any, path: str | PathLike[str]) -> None:
    """Loads a weight file into a network without classification head: all of it, or nothing.

    A dense head in the file (`fc1`, `predictions`, ...) is skipped; all else must fit the model
    exactly. On an error, the model keeps its weights.

    Args:
        model: Functional `keras.Model`, as `keras.applications` builds it with
            `include_top=False`.
        path: A file in one of two layouts: `*.weights.h5` as Keras 3 saves it, or the legacy
            `*.h5` in which `keras.applications` publishes its weights.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file cannot be read, is in neither layout, has missing, extra,
            misshapen or non-finite tensors, or its layer names differ from the model's.
    """
    path = Path(path)
    with _opened(path) as file:
        expected, stored, dense = _layout(file, model, path)
        for key in _head(expected, stored, dense, model.outputs[-1].shape[-1]):
            del stored[key]
        _check_fit(expected, stored, model, path)
        values = [_read(stored[key], variable) for key, variable in expected.items()]
        _check_finite(values, [stored[key].name for key in expected], path)
    for variable, value in zip(expected.values(), values, strict=True):
        variable.assign(value)
    for layer in model.layers:
        # A Normalization layer computes with constants that it derives from its variables.
        if hasattr(layer, "finalize_state"):
            layer.finalize_state()


def hash_weights(model: Any) -> str:
    """Hashes the weights of a model, independently of its layers' names.

    Args:
        model: Any `keras.Model` that has been built.

    Returns:
        The first 16 hexadecimal digits of a SHA-256 over shape and float32 bytes of all weights.
    """
    digest = hashlib.sha256()
    for weight in model.weights:
        values = weight.numpy()
        digest.update(repr(values.shape).encode())
        digest.update(np.ascontiguousarray(values, "<f4").data)
    return digest.hexdigest()[:16]


def _refusal(path, problem, received, kind=ValueError):
    return kind(f"The weights file '{path}' {problem}; {_ALLOWED}. Received: {received}")


@contextmanager
def _opened(path):
    if not path.exists():
        raise _refusal(path, "does not exist", f"path '{path}'", FileNotFoundError)
    if path.is_dir():
        raise _refusal(path, "is a folder", f"path '{path}'")
    if path.suffix.lower() not in (".h5", ".hdf5"):
        raise _refusal(path, "has no name that ends in .h5", f"the ending '{path.suffix}'")
    if path.stat().st_size == 0:
        raise _refusal(path, "is empty", "0 bytes")
    if not h5py.is_hdf5(path):
        with path.open("rb") as file:
            raise _refusal(path, "is not an HDF5 file", f"a file that begins {file.read(8)}")
    try:
        check_hdf5(path)
    except ValueError as error:
        raise _refusal(path, "is a damaged HDF5 file", error) from error
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, RuntimeError, KeyError, TypeError, UnicodeError) as error:  # by h5py
        raise _refusal(path, "is a truncated or damaged HDF5 file", error) from error


def _layout(file, model, path):
    """Returns {(layer, position): variable}, the same of datasets, and a possible head's layers."""
    legacy = file.get("model_weights", file)  # a whole saved model keeps its weights in a group
    if names := _names(legacy, "layer_names"):
        return _legacy_layout(legacy, names, model)
    if "layers" in file:
        return _keras3_layout(file, model)
    raise _refusal(path, "is not laid out as Keras does it", f"the entries {list(file)[:5]}")


def _keras3_layout(file, model):
    """Reads `layers/<class>_<number>/vars/<position>`, where a number counts the layers of a class.

    Newer files also hold the layer's name; then a name that was given counts, not the number.
    """
    stored, dense = {}, []
    for name, dataset in _datasets(file).items():
        match = re.fullmatch(r"layers/(\w+?)(?:_(\d+))?/vars/(\d+)", name)
        if match:
            class_name, number, position = match.groups()
            class_name = class_name.replace("_", "")
            layer = _keras3_layer(class_name, number or 0, dataset.parent.attrs.get("name"))
            stored[layer, int(position)] = dataset
            if class_name == "dense":
                dense.append(layer)
        # The state of an optimizer or of a random generator is not a weight.
        elif not re.match(r"optimizer/|.*/seed_generator/", name):
            stored[name, 0] = dataset
    named = any("name" in dataset.parent.attrs for dataset in stored.values())
    expected, numbers = {}, Counter()
    for layer in model.layers:
        class_name = type(layer).__name__.lower()
        key = _keras3_layer(class_name, numbers[class_name], layer.name if named else None)
        numbers[class_name] += 1
        expected |= _by_position([key], [layer.weights])
    return expected, stored, dense


def _keras3_layer(class_name, number, name):
    given = name is not None and _unnumbered(name) != class_name
    return name if given else f"{class_name} {number}"


def _legacy_layout(group, names, model):
    """Reads the groups that `layer_names` lists, in the order of `model.layers`."""
    names += [name for name in ["top_level_model_weights"] if name in group]
    weights = {name: _names(group[name], "weight_names") for name in names}
    weights = {name: tensors for name, tensors in weights.items() if tensors}
    layers = [layer for layer in model.layers if layer.weights]
    classes = {type(layer).__name__.lower() for layer in layers}

    datasets = _datasets(group)
    stored_layers = _legacy_layers(weights, classes)
    tensors = [[datasets[f"{layer}/{name}"] for name in weights[layer]] for layer in weights]
    expected_layers = _legacy_layers([layer.name for layer in layers], classes)
    known = set(expected_layers)
    last = max((i for i, layer in enumerate(stored_layers) if layer in known), default=-1)
    return (
        _by_position(expected_layers, [layer.weights for layer in layers]),
        _by_position(stored_layers, tensors),
        stored_layers[last + 1 :],
    )


def _legacy_layers(names, classes):
    """Keeps given names, and renumbers the automatic ones of each class in their order."""
    numbers, layers = Counter(), []
    for name in names:
        class_name = _unnumbered(name)
        if class_name in classes:
            layers.append(f"{class_name} {numbers[class_name]}")
            numbers[class_name] += 1
        else:
            layers.append(name.replace("/", "_"))  # Keras 3 no longer allows the slash
    return layers


def _by_position(layers, tensors):
    pairs = zip(layers, tensors, strict=True)
    return {(layer, i): tensor for layer, group in pairs for i, tensor in enumerate(group)}


def _unnumbered(name):
    """`batch_normalization_7`, or `batchnormalization_7` by Keras 1, to the class in lower case."""
    return re.sub(r"_\d+$", "", name).replace("_", "").replace("convolution", "conv")


def _names(group, key):
    """Reads a list of names, which Keras splits into numbered attributes where it is long."""
    chunks = takewhile(group.attrs.__contains__, (f"{key}{number}" for number in count()))
    keys = [key] if key in group.attrs else chunks
    names = [name for key in keys for name in group.attrs[key]]
    return [name.decode() if isinstance(name, bytes) else str(name) for name in names]


def _datasets(group):
    """Lists all datasets by their path, in natural order: dense, dense_1, dense_2, dense_10."""
    found = []
    group.visititems(lambda name, item: found.append((name, item)))
    found.sort(key=lambda item: [int(s) if s.isdigit() else s for s in re.split(r"(\d+)", item[0])])
    return {name: item for name, item in found if isinstance(item, h5py.Dataset)}


def _head(expected, stored, dense, channels):
    """Finds dense layers, each fed by the one before, the first by the model's own output."""
    if any(len(variable.shape) == 2 for variable in expected.values()):
        return []  # the base has dense layers of its own, and these could be a deeper base's
    known = {layer for layer, _ in expected}
    keys = [key for key in stored if key[0] in set(dense) - known]
    width = None
    for layer in dict.fromkeys(layer for layer, _ in keys):
        kernel, *bias = [stored[key].shape for key in keys if key[0] == layer]
        fed = len(kernel) == 2 and (kernel[0] == width if width else kernel[0] % channels == 0)
        if not fed or bias not in ([], [kernel[1:]]):
            return []
        width = kernel[1]
    return keys


def _check_fit(expected, stored, model, path):
    missing = [variable.path for key, variable in expected.items() if key not in stored]
    extra = [dataset.name for key, dataset in stored.items() if key not in expected]
    misshapen = [
        f"{stored[key].name} with {stored[key].dtype} {stored[key].shape} "
        f"for {variable.path} {tuple(variable.shape)}"
        for key, variable in expected.items()
        if key in stored and not _fits(stored[key], variable)
    ]
    kinds = {"missing": missing, "extra": extra, "misshapen": misshapen}
    received = [_listing(kind, names) for kind, names in kinds.items() if names]
    if received:
        raise _refusal(path, f"does not fit the model {model.name}", "; ".join(received))


def _fits(dataset, variable):
    return dataset.shape == tuple(variable.shape) and dataset.dtype.kind in "fiu"


def _read(dataset, variable):
    with np.errstate(over="ignore"):  # what is too large for float32 is refused as infinite
        return dataset[()].astype(variable.dtype)


def _check_finite(values, names, path):
    bad = [name for name, value in zip(names, values, strict=True) if not np.isfinite(value).all()]
    if bad:
        raise _refusal(path, "holds NaN or infinity", _listing("non-finite", bad))


def _listing(kind, names):
    return f"{len(names)} {kind} ({', '.join(names[:5])}{', ...' if len(names) > 5 else ''})"
