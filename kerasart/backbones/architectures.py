"""`find_architecture`: the networks of `keras.applications`, and SqueezeNet, by name."""

import difflib
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from keras import applications

from kerasart.backbones.squeezenet import SqueezeNet


class Architecture(NamedTuple):
    """A network that can be built.

    Attributes:
        name: Its name in lower case with underscores, as its module in Keras.
        build: `build(weights, head=False)` builds a `keras.Model`; `weights` is None or
            "imagenet". With its classification head it takes images of one size to logits.
        preprocess: Maps images in [0, 255] to the network's input.
    """

    name: str
    build: Callable[..., Any]
    preprocess: Callable[[Any], Any]


def find_architecture(name: str) -> Architecture:
    """Resolves a network's name.

    Args:
        name: "squeezenet", or any network of `keras.applications`, in its spelling there
            ("InceptionV3") or in lower case with or without underscores ("inception_v3").

    Returns:
        An `Architecture`.

    Raises:
        ValueError: If there is no such network.
    """
    known = {_plain(key): key for key in dir(applications) if key[0].isupper()}
    plain = _plain(name) if isinstance(name, str) else ""
    if plain == "squeezenet":
        # Like VGG, SqueezeNet was trained in Caffe, on BGR less the mean.
        return Architecture(
            "squeezenet",
            lambda weights, head=False: SqueezeNet(),
            applications.vgg16.preprocess_input,
        )
    if plain not in known:
        near = difflib.get_close_matches(plain, [*known, "squeezenet"], n=3)
        hint = f" Nearest: {', '.join(near)}." if near else ""
        raise ValueError(
            "`backbone` must be auto, squeezenet or a network of keras.applications, such as "
            f"inception_v3, vgg16 or resnet50.{hint} Received: {name!r}"
        )
    function = getattr(applications, known[plain])
    # The module that defines a network also defines its preprocessing; its name has underscores
    # (inception_v3, InceptionV3).
    module = sys.modules[function.__module__]

    def build(weights, head=False):
        if head:
            return function(weights=weights, classifier_activation=None)
        return function(weights=weights, include_top=False, input_shape=(None, None, 3))

    stem = module.__name__.rpartition(".")[2]
    plain = _plain(known[plain])
    return Architecture(stem if _plain(stem) == plain else plain, build, module.preprocess_input)


def _plain(name):
    return name.lower().replace("_", "").replace("-", "")
