"""ImageNet weights: those in the package, and those that Keras downloads."""

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
_FILES = {
    "inception_v3": "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "vgg19": "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5",
}


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


def weights_are_at_hand(name, seconds=3.0):
    """Tells whether a network's ImageNet weights are in Keras's cache or can be downloaded.

    Args:
        name: "inception_v3" or "vgg19".
        seconds: How long the server may take to answer.
    """
    home = os.environ.get("KERAS_HOME", os.path.join(os.path.expanduser("~"), ".keras"))
    if os.path.isfile(os.path.join(home, "models", _FILES[name])):
        return True
    try:
        with impatient_downloads(seconds):
            request = urllib.request.Request(f"{_STORE}/{name}/{_FILES[name]}", method="HEAD")
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
