"""`load_backbone`: a network by its name, with its weights."""

import os
from numbers import Real

import keras
import numpy as np

from kerasart.backbones.architectures import find_architecture
from kerasart.backbones.backbone import Backbone
from kerasart.backbones.classifier_heads import make_convolutional
from kerasart.backbones.graph_surgery import rename_layers
from kerasart.backbones.imagenet import BUNDLED, load_bundled
from kerasart.backbones.inception import InceptionV3ToMixed5
from kerasart.backbones.keras_settings import usual_settings
from kerasart.backbones.weight_files import load_weights
from kerasart.recent import Recent, file_state

_LOADED = Recent(2)


@usual_settings()
def load_backbone(
    name: str = "auto",
    weights: str = "auto",
    seed: int = 0,
    default: str = "inception_v3",
    head: bool = False,
) -> Backbone:
    """Builds a network and loads its weights.

    Args:
        name: "squeezenet", any network of `keras.applications` ("inception_v3", "vgg19", ...), or
            "auto": the default, or SqueezeNet where a head is wanted.
        weights: "bundled" (VGG16, SqueezeNet, and InceptionV3 up to mixed5), "imagenet" (downloaded
            by Keras), "random" (He's normal distribution, for experiments), a path to a
            `.weights.h5` or legacy `.h5` file with or without dense head, or "auto": bundled if
            available, else imagenet.
        seed: Seeds random weights.
        default: The network of "auto": "inception_v3" for dreams, "vgg16" for style transfer.
        head: Whether to load the classification head too, for dreams of classes.

    Returns:
        A new `Backbone`, or one of the last two if it is the same.

    Raises:
        ValueError: If the network is unknown, or its weights are unavailable or do not fit.
        FileNotFoundError: If `weights` is a path without a file.
    """
    if not isinstance(weights, str | os.PathLike):
        kinds = "bundled, imagenet, random, auto, or a path"
        raise ValueError(f"`weights` must be {kinds}. Received: {weights!r}")
    if not (isinstance(seed, Real) and seed >= 0 and seed % 1 == 0):
        raise ValueError(f"`seed` must be a whole number from 0. Received: {seed!r}")
    if name == "auto":
        name = "squeezenet" if head else default
    architecture = find_architecture(name)
    if weights == "auto":
        weights = "bundled" if architecture.name in _bundled_names(head) else "imagenet"
    drawn = seed if weights == "random" else None
    key = architecture.name, weights, file_state(weights), drawn, head
    return _LOADED(key, lambda: _load(architecture, weights, seed, head))


def _load(architecture, weights, seed, head):
    name, bundled = architecture.name, _bundled_names(head)
    if weights == "imagenet":
        model = _download(architecture, head)
    else:
        if weights == "bundled" and name not in bundled:
            what = "with their heads " if head else ""
            raise ValueError(
                f"`weights` must be imagenet, random or a path for {name}; bundled {what}are only "
                f"those of {', '.join(bundled)}. Received: 'bundled'"
            )
        # Drawing kernels that are then replaced would take longer.
        with keras.saving.custom_object_scope({"glorot_uniform": keras.initializers.Zeros}):
            if weights == "bundled" and BUNDLED[name]:
                model = InceptionV3ToMixed5()
            else:
                model = architecture.build(None, head)
        if weights == "bundled":
            rename_layers(model)
            load_bundled(model, name)
        elif weights == "random":
            _randomise(model, int(seed))
        else:
            load_weights(model, weights)
            _normalise_as_published(model)
    if head and name != "squeezenet":
        model = make_convolutional(model)
    rename_layers(model)
    logits = "conv10" if name == "squeezenet" else model.layers[-1].name if head else None
    return Backbone(name, model, architecture.preprocess, os.fspath(weights), logits)


def _bundled_names(head):
    # Only SqueezeNet is bundled with its head.
    return [name for name in BUNDLED if not head or name == "squeezenet"]


def _download(architecture, head):
    if architecture.name == "squeezenet":
        raise ValueError(
            "`weights` must be bundled, random or a path for squeezenet. Received: 'imagenet'"
        )
    try:
        return architecture.build("imagenet", head)
    except Exception as error:
        # Keras raises a plain Exception when a download fails.
        bundled = " or ".join(
            f"{name} (up to {BUNDLED[name]})" if BUNDLED[name] else name
            for name in _bundled_names(head)
        )
        raise ValueError(
            f"The ImageNet weights of {architecture.name} are not in Keras's cache and could not "
            "be downloaded; give a file with --weights=PATH, or use --weights=bundled with "
            f"--backbone={bundled}. Received: {str(error).splitlines()[0]}"
        ) from error


def _normalise_as_published(model):
    """Makes EfficientNet B0 to B7 normalise its input as its ImageNet weights expect.

    Where Keras loads those itself, it divides by another square root of the standard deviation
    (tensorflow issue 49930); here that goes into the variance.
    """
    if not model.name.startswith("efficientnetb"):
        return
    (layer,) = [layer for layer in model.layers if type(layer).__name__ == "Normalization"]
    layer.adapt_variance.assign(layer.adapt_variance * np.array([0.229, 0.224, 0.225], "float32"))
    layer.finalize_state()


def _randomise(model, seed):
    generator = np.random.default_rng(seed)
    for variable in model.weights:
        shape = tuple(variable.shape)
        if len(shape) > 1:
            # He et al. 2015: keeps the features' variance from layer to layer.
            fan_in = shape[0] * shape[1] if "depthwise" in variable.path else np.prod(shape[:-1])
            deviation = np.sqrt(2 / fan_in)
            variable.assign(generator.normal(0, deviation, shape).astype(np.float32))
