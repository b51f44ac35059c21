"""Networks in files."""

import difflib
import json
import zipfile
from importlib.resources import files
from os import PathLike
from pathlib import Path

import keras

from kerasart.backbones.precision import choose_precision
from kerasart.networks.adain import AdaIN
from kerasart.networks.transformer_net import TransformerNet

_FILE = "model.keras"


def shipped_models() -> dict[str, Path]:
    """Lists the trained networks that come with the package: a dict of name to folder."""
    folder = Path(str(files("kerasart.saved_models")))
    return {path.parent.name: path.parent for path in sorted(folder.glob(f"*/{_FILE}"))}


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
    if not zipfile.is_zipfile(path):
        raise ValueError(
            "`model` must be a Keras file of a network that kerasart trained. "
            f"Received: '{path}', which is none, or not whole"
        )
    try:
        with zipfile.ZipFile(path) as archive:
            config = json.loads(archive.read("config.json"))
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


def find_network(model):
    """Finds the file of a trained network, by any name that `load_network` knows."""
    path = Path(model)
    for candidate in (path, path / _FILE):
        if candidate.is_file():
            return candidate
    shipped = shipped_models()
    if str(model) in shipped:
        return shipped[str(model)] / _FILE
    near = difflib.get_close_matches(str(model), shipped, n=1)
    raise FileNotFoundError(
        f"`model` must be a .keras file, a folder with a {_FILE}, or one of "
        f"{', '.join(shipped)}{f'; nearest: {near[0]}' if near else ''}. Received: '{model}'"
    )
