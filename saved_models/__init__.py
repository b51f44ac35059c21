"""Finds the bundled style networks and reads their configuration, without loading Keras."""

import difflib
import json
import zipfile
from importlib.resources import files
from numbers import Real
from os import PathLike
from pathlib import Path

_FILE = "model.keras"
_ANY_STYLE = ("MannerNet", "AdaIN")  # Classes of networks that take any image as style.
NVIDIA_SUFFIXES = (".pkl", ".pt", ".pth")  # Of files of StyleGAN2's programs.
_LONGEST = 2**20  # Bytes of a configuration; kerasart's own have a few thousand.


def shipped_models() -> dict[str, Path]:
    """Lists the bundled style networks: name to folder."""
    folder = Path(str(files("kerasart.saved_models")))
    return {path.parent.name: path.parent for path in sorted(folder.glob(f"*/{_FILE}"))}


def default_model(style: object = None) -> str:
    """Names the bundled style network that is used for a style unless another is asked for.

    Args:
        style: A name, a dict of names to weights, or None; or else a picture or several; or a dict
            of levels to such.
    """
    values = style.values() if isinstance(style, dict) else [style]
    has_names = all(isinstance(each, str | dict | Real | None) for each in values)
    return "medium" if has_names else "any_style"


def find_network(model: str | PathLike[str]) -> Path:
    """Finds the file of a style network.

    Args:
        model: A `.keras` file, a folder that holds a `model.keras`, or a name of `shipped_models`.

    Raises:
        FileNotFoundError: If there is no such model.
    """
    if isinstance(model, str | PathLike):
        for candidate in (Path(model), Path(model) / _FILE):
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


def read_config(path: str | PathLike[str]) -> dict:
    """Reads the configuration of a `.keras` file, from which Keras builds the network.

    Raises:
        ValueError: If it is not such a file.
    """
    if not zipfile.is_zipfile(path):
        raise ValueError(
            "`model` must be a Keras file of a network that kerasart trained. "
            f"Received: '{path}', which is none, or not whole"
        )
    try:
        with zipfile.ZipFile(path) as archive, archive.open("config.json") as file:
            text = file.read(_LONGEST + 1)
        if len(text) > _LONGEST:
            raise ValueError(f"a configuration of more than {_LONGEST} bytes")
        config = json.loads(text)
        if not isinstance(config, dict) or not isinstance(config.get("config"), dict):
            raise ValueError("a configuration that is none")
    except Exception as error:  # Damaged archives raise errors of all kinds.
        raise ValueError(
            f"`model` must be a Keras file of a network that kerasart trained ({error}). "
            f"Received: '{path}'"
        ) from error
    return config


def in_words(style: str) -> str:
    """Returns a style's name as one reads it: "Starry night", "Composition VII"."""
    words = [word.upper() if set(word) <= set("ivx") else word for word in style.split("_")]
    text = " ".join(words)
    return text[:1].upper() + text[1:]


def is_nvidia_file(model: object) -> bool:
    """Returns whether a model is named as a file of StyleGAN2's programs is."""
    return isinstance(model, str | PathLike) and Path(model).suffix in NVIDIA_SUFFIXES


def is_generator(model: str | PathLike[str]) -> bool:
    """Tells a generator from a style network.

    Args:
        model: As for `find_network`, or a file of NVIDIA's programs.

    Raises:
        FileNotFoundError: If there is no such model.
        ValueError: If it is not such a file.
    """
    if is_nvidia_file(model):
        return True
    return read_config(find_network(model)).get("class_name") == "StyleGenerator"


def list_styles(model: str | PathLike[str]) -> list[str] | None:
    """Lists the style names of a style network.

    Args:
        model: As for `find_network`.

    Returns:
        Their names; None for a network that takes any image as style.

    Raises:
        FileNotFoundError: If there is no such model.
        ValueError: If it is not a file of a style network.
    """
    config = read_config(find_network(model))
    styles = config["config"].get("styles", [])
    is_any = config.get("class_name") in _ANY_STYLE
    if not (is_any or (styles and isinstance(styles, list))):
        raise ValueError(
            f"`model` must be a TransformerNet or one of {', '.join(_ANY_STYLE)}. "
            f"Received: '{model}', which is another"
        )
    return None if is_any else [str(style) for style in styles]
