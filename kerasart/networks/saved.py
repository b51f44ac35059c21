"""Networks in files."""

import zipfile
from os import PathLike
from pathlib import Path

import keras

from kerasart.backbones.precision import choose_precision
from kerasart.image.whole_files import sync
from kerasart.networks.adain import AdaIN
from kerasart.networks.transformer_net import TransformerNet
from kerasart.saved_models import find_network, read_config


def load_network(model: str | PathLike[str], precision: str = "float32") -> TransformerNet | AdaIN:
    """Loads a trained network.

    Args:
        model: A `.keras` file, a folder that holds a `model.keras`, or the name of one that comes
            with the package (see `shipped_models`).
        precision: "float32", "bfloat16" or "auto", of its convolutions.

    Returns:
        A `TransformerNet` or an `AdaIN`.

    Raises:
        FileNotFoundError: If there is no such model.
        ValueError: If the file is none, or holds another kind of network.
    """
    path = find_network(model)
    config = read_config(path)
    try:
        # Files hold float16; `keras.saving.load_model` would make a network that computes in it.
        config["config"]["dtype"] = _policy(precision)
        network = keras.saving.deserialize_keras_object(config)
        network.load_weights(path)
    except (ValueError, TypeError, KeyError, OSError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"`model` must be a Keras file of a network that kerasart trained ({error}). "
            f"Received: '{path}'"
        ) from error
    if not isinstance(network, TransformerNet | AdaIN):
        raise ValueError(
            "`model` must be a TransformerNet or an AdaIN. "
            f"Received: '{path}', a {type(network).__name__}"
        )
    return network


def save_network(network, path):
    """Writes a network to a `.keras` file, whole or not at all.

    Its weights become float16: the file is half as large, and pictures change by less than 1/255.

    Args:
        network: A `TransformerNet` or an `AdaIN`.
        path: The file.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.keras")  # What a kill leaves, the next one replaces.
    try:
        _copy(network, "float16").save(temporary)
        sync(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def recast(network, precision):
    """Makes a network compute in a precision, as `copy_network`, but itself if it does already."""
    same = network.dtype_policy.name == _policy(precision)
    return network if same else copy_network(network, precision)


def copy_network(network, precision):
    """Copies a network, to compute in a precision: "float32", "bfloat16" or "auto"."""
    return _copy(network, _policy(precision))


def _policy(precision):
    return "mixed_bfloat16" if choose_precision(precision) == "bfloat16" else "float32"


def _copy(network, dtype):
    copy = type(network).from_config({**network.get_config(), "dtype": dtype})
    copy.set_weights(network.get_weights())
    return copy
