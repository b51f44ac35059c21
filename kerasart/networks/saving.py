"""Making, saving and loading of networks: the table of the classes of style networks."""

import zipfile
from os import PathLike
from pathlib import Path
from typing import Any

from kerasart.image.atomic_files import sync
from kerasart.networks.adain import AdaIN
from kerasart.networks.collection_net import CollectionNet
from kerasart.networks.manner_net import MannerNet
from kerasart.networks.nvidia_files import read_nvidia_file
from kerasart.networks.style_generator import StyleGenerator
from kerasart.networks.style_network import StyleNetwork, copy_with_dtype, dtype_policy
from kerasart.networks.transformer_net import TransformerNet
from kerasart.saved_models import find_network, is_nvidia_file, read_config

_CLASSES: dict[str, Any] = {
    each.__name__: each for each in (TransformerNet, CollectionNet, MannerNet, AdaIN)
}
_MOST_EXPANSION = 8  # Times a file's size; weights are packed hardly at all.
_MOST_LETTERS = 200  # Of what is wrong with a file.


def prepare_network(network: str | StyleNetwork, styles: Any, precision: str) -> StyleNetwork:
    """Makes a network that is to be trained.

    Args:
        network: One of the `names` of a class of ours; or a network, a copy of which continues
            to learn.
        styles: The styles to learn, as in `StyleNetwork.read_styles`.
        precision: "float32", "bfloat16" or "auto", of its convolutions.

    Raises:
        ValueError: If there is no such network, or it cannot learn these styles.
    """
    if isinstance(network, StyleNetwork):
        return network.continued(styles, precision)
    named = {name: each for each in _CLASSES.values() for name in each.names}
    if network in named:
        return named[network].create(network, styles, precision)
    raise ValueError(
        f"`network` must be {', '.join(named)}, or a network of ours. Received: "
        + (repr(network) if isinstance(network, str) else f"a {type(network).__name__}")
    )


def load_network(model: str | PathLike[str], precision: str = "float32") -> StyleNetwork:
    """Loads a trained network.

    Args:
        model: A `.keras` file, a folder that holds a `model.keras`, or the name of one that comes
            with the package (see `shipped_models`).
        precision: "float32", "bfloat16" or "auto", of its convolutions.

    Returns:
        A `StyleNetwork` of ours.

    Raises:
        FileNotFoundError: If there is no such model.
        ValueError: If the file holds no network, or one of another kind.
    """
    return _load(find_network(model), _CLASSES, precision)


def load_generator(path: str | PathLike[str], precision: str = "float32") -> StyleGenerator:
    """Loads a generator.

    Args:
        path: A `.keras` file, or a folder that holds a `model.keras`; or a file of NVIDIA's
            programs (see `read_nvidia_file`), whose name ends in .pkl, .pt or .pth.
        precision: "float32", "bfloat16" or "auto", of its convolutions.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it holds no generator.
    """
    if is_nvidia_file(path):
        return read_nvidia_file(path, dtype_policy(precision))
    return _load(find_network(path), {StyleGenerator.__name__: StyleGenerator}, precision)


def _load(path, classes, precision):
    policy = dtype_policy(precision)
    saved = read_config(path)
    try:
        kind = _check(path, saved, classes)
        # Files hold float16; `keras.saving.load_model` would make a network that computes in it.
        network = kind.from_config({**saved["config"], "dtype": policy})
        network.load_weights(path)
    except Exception as error:  # Whatever Keras and HDF5 meet in damaged files.
        why = " ".join(str(error).split())[:_MOST_LETTERS] or type(error).__name__
        raise ValueError(
            f"`model` must be a Keras file of a network that kerasart trained ({why}). "
            f"Received: '{path}'"
        ) from error
    return network


def _check(path, saved, classes):
    """Refuses a file that is damaged, or asks for more memory than it can need.

    Returns:
        The network's class.
    """
    size = path.stat().st_size
    with zipfile.ZipFile(path) as archive:
        if sum(member.file_size for member in archive.infolist()) > _MOST_EXPANSION * size:
            raise ValueError("it unpacks to many times its size")
        if damaged := archive.testzip():  # Keras does not look.
            raise ValueError(f"{damaged} is damaged")
    kind = saved["class_name"]
    if kind not in classes:
        raise ValueError(f"{', '.join(classes)} are such networks, and a {kind} is not")
    count = classes[kind].count_weights(saved["config"])
    if not 0 < count <= size:  # Each takes one or two bytes, though packing may save some.
        raise ValueError(f"it has not the {count} weights that it says it has")
    return classes[kind]


def save_network(network: StyleNetwork | StyleGenerator, path: str | PathLike[str]) -> None:
    """Writes a network to a `.keras` file, whole or not at all.

    Its weights become float16: the file is half as large, and pictures hardly change.

    Args:
        network: A `StyleNetwork` of ours, or a `StyleGenerator`.
        path: The file.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.keras")  # Replaces what a kill left.
    try:
        copy_with_dtype(network, "float16").save(temporary)
        sync(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
