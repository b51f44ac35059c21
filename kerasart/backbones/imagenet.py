"""ImageNet weights: those in the package, and those that Keras downloads."""

import difflib
import json
import os
import threading
import urllib.error
import urllib.request
from contextlib import contextmanager
from importlib.resources import as_file, files

import numpy as np

BUNDLED = ("vgg16", "squeezenet")

_STORE = "https://storage.googleapis.com/tensorflow/keras-applications"
_FILE = "{}_weights_tf_dim_ordering_tf_kernels{}.h5"


def load_bundled(model, name):
    """Assigns the bundled ImageNet weights, stored as float16.

    Args:
        model: The network that `name` stands for, without a dense head.
        name: One of `BUNDLED`.

    Raises:
        ValueError: If the arrays and the model's layers differ in names or shapes.
    """
    with (
        as_file(files("kerasart.backbones") / "data" / f"{name}.npz") as path,
        np.load(path) as archive,
    ):
        arrays = {key: archive[key].astype(np.float32) for key in archive.files}
    weights = {f"{layer.name}/{v.name}": v for layer in model.layers for v in layer.weights}
    if {key: tuple(variable.shape) for key, variable in weights.items()} != {
        key: array.shape for key, array in arrays.items()
    }:
        raise ValueError(f"The bundled weights of {name} do not fit its layers.")
    for key, variable in weights.items():
        variable.assign(arrays[key])


def imagenet_labels():
    """Returns the names of ImageNet's 1000 classes, in the order of a network's outputs."""
    return json.loads((files("kerasart.backbones") / "data" / "imagenet_labels.json").read_text())


def find_class(text):
    """Finds a class of ImageNet.

    Args:
        text: Its number, one of its names, or a part of one that no other class has.

    Returns:
        The class's number, from 0 to 999.

    Raises:
        ValueError: If there is no such class, or several; the message lists what was near.
    """
    labels = imagenet_labels()
    wanted = " ".join(str(text).lower().split())
    if wanted.isdecimal() and int(wanted) < len(labels):
        return int(wanted)
    names = [label.lower().split(", ") for label in labels]
    whole = [i for i, each in enumerate(names) if wanted in each]
    words = [i for i, each in enumerate(names) if any(f" {wanted} " in f" {n} " for n in each)]
    parts = [i for i, each in enumerate(names) if wanted and any(wanted in name for name in each)]
    found = whole or words or parts
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


def weights_are_at_hand(name, head=False, seconds=3.0):
    """Tells whether a network's ImageNet weights are in Keras's cache or can be downloaded.

    Args:
        name: "inception_v3" or "vgg19".
        head: Whether those with the classification head are asked for.
        seconds: How long the server may take to answer.
    """
    file = _FILE.format(name, "" if head else "_notop")
    home = os.environ.get("KERAS_HOME", os.path.join(os.path.expanduser("~"), ".keras"))
    if os.path.isfile(os.path.join(home, "models", file)):
        return True
    try:
        with impatient_downloads(seconds):
            request = urllib.request.Request(f"{_STORE}/{name}/{file}", method="HEAD")
            with urllib.request.urlopen(request) as answer:
                return answer.status == 200
    except OSError:
        return False


@contextmanager
def impatient_downloads(seconds=10.0):
    """Makes `urllib`, with which Keras downloads, give up on a server that does not answer.

    A socket's own time-out does not cover the look-up of a name, which can hang for minutes
    without a network, so the connection is made in a thread that can be left behind.

    Args:
        seconds: How long a server may take to answer, and to send each next piece.
    """
    opener = urllib.request.build_opener()
    connect = opener.open

    def connect_in_time(url, data=None, timeout=None):
        outcome = []

        def attempt():
            try:
                outcome.append(connect(url, data, timeout=seconds))
            except Exception as error:
                outcome.append(error)

        thread = threading.Thread(target=attempt, daemon=True)
        thread.start()
        thread.join(seconds)
        if not outcome:
            raise urllib.error.URLError(f"no answer within {seconds:g} s")
        if isinstance(outcome[0], Exception):
            raise outcome[0]
        return outcome[0]

    opener.open = connect_in_time
    before = urllib.request._opener
    urllib.request.install_opener(opener)
    try:
        yield
    finally:
        urllib.request.install_opener(before)
