"""Networks by name: every feature network of `keras.applications`, and SqueezeNet."""

import difflib
import sys
from collections.abc import Callable
from typing import NamedTuple

from kerasart.backbones.squeezenet import SqueezeNet


class Architecture(NamedTuple):
    """A network that can be built.

    Attributes:
        name: Its name in lower case with underscores, as Keras's documentation has its module's.
        build: `build(weights, head=False)` builds it, where `weights` is None or "imagenet". With
            its classification head it takes pictures of one size and gives logits.
        preprocess: Takes pictures in [0, 255] to what the network was trained on.
    """

    name: str
    build: Callable
    preprocess: Callable


def find_architecture(name):
    """Resolves a network's name.

    Args:
        name: "squeezenet", or any network of `keras.applications`, in its spelling there
            ("InceptionV3") or in lower case with or without underscores ("inception_v3").

    Returns:
        An `Architecture`.

    Raises:
        ValueError: If there is no such network.
    """
    from keras import applications

    known = {_plain(key): key for key in dir(applications) if key[0].isupper()}
    if _plain(name) == "squeezenet":
        # SqueezeNet's authors trained on what Caffe's models see, as VGG's did.
        return Architecture(
            "squeezenet",
            lambda weights, head=False: SqueezeNet(),
            applications.vgg16.preprocess_input,
        )
    if _plain(name) not in known:
        near = difflib.get_close_matches(_plain(name), [*known, "squeezenet"], n=3)
        hint = f" Nearest: {', '.join(near)}." if near else ""
        raise ValueError(
            "`backbone` must be auto, squeezenet or a network of keras.applications, such as "
            f"inception_v3, vgg16 or resnet50.{hint} Received: {name!r}"
        )
    function = getattr(applications, known[_plain(name)])
    # The module that defines a network also defines its preprocessing; it has underscores where
    # the function's name has none (inception_v3, InceptionV3).
    module = sys.modules[function.__module__]

    def build(weights, head=False):
        if head:
            return function(weights=weights, classifier_activation=None)
        return function(weights=weights, include_top=False, input_shape=(None, None, 3))

    stem = module.__name__.rpartition(".")[2]
    plain = _plain(known[_plain(name)])
    return Architecture(stem if _plain(stem) == plain else plain, build, module.preprocess_input)


def _plain(name):
    return name.lower().replace("_", "").replace("-", "")
