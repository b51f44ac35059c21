"""`cut_and_fold`: cuts networks at layers, folds batch normalisation, freezes and accelerates."""

import re
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from kerasart.cluster import read_cluster
from kerasart.kernels.convolution import mirror_border, speed_up
from kerasart.kernels.custom_gradient import custom_gradient

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

POOLINGS = ("max", "average")
PADDINGS = ("zeros", "replicate", "reflect")

_NORMALISERS = ("Rescaling", "Normalization")
_FOLDABLE = ("Conv2D", "DepthwiseConv2D")


def rename_layers(model: Any) -> None:
    """Gives automatically named layers the names of a fresh session.

    Keras numbers layers over the whole process, so `conv2d_7` would be another layer each time.

    Args:
        model: A functional `keras.Model`, whose automatically named layers are renamed in place.
    """
    families = {}
    for layer in model.layers:
        stem = _snake_case(type(layer).__name__)
        if match := re.fullmatch(rf"{stem}(?:_(\d+))?", layer.name):
            families.setdefault(stem, []).append((int(match[1] or 0), layer))
    for stem, family in families.items():
        for i, (_, layer) in enumerate(sorted(family, key=lambda member: member[0])):
            layer.name = stem if i == 0 else f"{stem}_{i}"


def cut_and_fold(
    model: Any,
    layers: Sequence[str],
    precision: str,
    pooling: str = "max",
    padding: str = "zeros",
) -> Any:
    """Copies the part of a network that `layers` need, accelerated and equal but for rounding.

    A batch normalisation that follows a convolution is, in inference mode, a scale and a shift of
    each channel, which are folded into the convolution's kernel and bias. A convolution that is
    itself among `layers` is not changed.

    Args:
        model: A functional `keras.Model` with weights.
        layers: Names of the output layers.
        precision: "float32" or "bfloat16", of weights and features.
        pooling: "average" replaces max pooling by average pooling.
        padding: "replicate" removes the zero padding of the first convolution: the image must come
            with a border of one pixel. "reflect" pads convolutions of stride 1 by mirroring.

    Returns:
        A frozen `keras.Model` from an image to a dict of layer name to features.

    Raises:
        ValueError: If there is no such pooling or padding, or "replicate" finds no padding.
    """
    for name, value, allowed in (("pooling", pooling, POOLINGS), ("padding", padding, PADDINGS)):
        if value not in allowed:
            raise ValueError(f"`{name}` must be one of {', '.join(allowed)}. Received: {value!r}")
    first = _first_padded_convolution(model) if padding == "replicate" else None
    cut = keras.Model(model.inputs[0], [model.get_layer(name).output for name in layers])
    norms = _foldable_norms(cut, layers)
    folded = {convolution.name: cut.get_layer(name) for name, convolution in norms.items()}

    def copy_layer(layer):
        if layer.name in norms:
            return keras.layers.Identity(name=layer.name, dtype=precision)
        config = _config_in(layer, precision)
        if layer.name in folded:
            config["use_bias"] = True
        if layer.name == first:
            config["padding"] = "valid"
        return _with_fast_relu(_kind_of(layer, pooling).from_config(config), precision)

    copy = keras.models.clone_model(cut, clone_function=copy_layer, call_function=_call_layer)
    _copy_weights(cut, copy, norms, folded)
    for layer in copy.layers:
        _accelerate(layer, precision, padding)
    copy.trainable = False
    outputs = {name: copy.get_layer(name).output for name in layers}
    return keras.Model(copy.inputs[0], outputs, trainable=False)


def _config_in(layer, precision):
    """Returns a layer's configuration in a precision, with zeros for the weights to be assigned."""
    config = layer.get_config()
    is_layer = isinstance(layer, keras.Layer)  # Some networks add and multiply by plain operations.
    if is_layer and type(layer).__name__ not in _NORMALISERS:
        # Workers that train together cannot send each other bfloat16; it is cast at each step.
        is_sent = precision == "bfloat16" and read_cluster()
        config["dtype"] = "mixed_bfloat16" if is_sent else precision
    # Drawing random weights would take longer.
    zeros = {key: "zeros" for key in config if key.endswith("kernel_initializer")}
    return config | zeros


def _kind_of(layer, pooling):
    """Returns the class of a layer's copy."""
    if pooling == "average" and type(layer).__name__ == "MaxPooling2D":
        return keras.layers.AveragePooling2D
    return type(layer)


def _call_layer(layer, *inputs, mask=None, **options):
    # Batch normalisation is called with a mask; the identity in its place takes none.
    return layer(*inputs, **options)


def _copy_weights(model, copy, norms, folded):
    """Assigns a network's weights to its copy, with batch normalisations folded."""
    for layer in model.layers:
        if layer.name in norms or not layer.weights:
            continue
        norm, copied = folded.get(layer.name), copy.get_layer(layer.name)
        copied.set_weights(_fold(layer, norm) if norm else layer.get_weights())
        if hasattr(copied, "finalize_state"):
            copied.finalize_state()  # Normalization derives constants from its weights.


def _accelerate(layer, precision, padding):
    """Speeds up a convolution, and mirrors its border if the padding is "reflect"."""
    mirrors = padding == "reflect" and _has_border(layer)
    if not (mirrors and precision == "bfloat16"):
        # Minimal filtering in bfloat16 is off by 1/100, too much for the decoder of AdaIN.
        speed_up(layer)
    if mirrors:
        mirror_border(layer)


def _with_fast_relu(layer, precision):
    """Replaces a layer's ReLU in bfloat16, whose gradient in TensorFlow is slow on a CPU."""
    is_relu = getattr(layer, "activation", None) is keras.activations.relu
    if is_relu and precision == "bfloat16" and keras.backend.backend() == "tensorflow":
        layer.activation = _relu_with_fast_gradient
    return layer


def _has_border(layer):
    is_convolution = type(layer).__name__ == "Conv2D"
    return is_convolution and (layer.padding, layer.strides) == ("same", (1, 1))


def _first_padded_convolution(model):
    convolution = next(layer for layer in model.layers if type(layer).__name__ == "Conv2D")
    config = convolution.get_config()
    if (config["padding"], config["strides"], config["kernel_size"]) != ("same", (1, 1), (3, 3)):
        raise ValueError(
            "`padding` must be zeros for networks whose first convolution is not 3x3 with a border "
            f"of its own, as in vgg16 and vgg19. Received: 'replicate' for {model.name}"
        )
    return convolution.name


def _relu_with_fast_gradient(features):
    """Computes ReLU with a gradient that is fast in bfloat16 on a CPU."""

    @custom_gradient
    def relu(features):
        activations = tf.nn.relu(features)
        zero = tf.zeros([], features.dtype)
        return activations, lambda gradient: tf.where(activations > 0, gradient, zero)

    return relu(features)


def _foldable_norms(model, layers):
    """Finds batch normalisations that alone use a linear convolution: {name: convolution}."""
    producers = {id(layer.output): layer for layer in model.layers}
    uses = {}
    for operation in model.operations:
        sources = operation.input if isinstance(operation.input, list) else [operation.input]
        for source in sources:
            uses[id(source)] = uses.get(id(source), 0) + 1
    norms = {}
    for layer in model.layers:
        if type(layer).__name__ != "BatchNormalization":
            continue
        convolution = producers.get(id(layer.input))
        if (
            type(convolution).__name__ in _FOLDABLE
            and convolution.activation.__name__ == "linear"
            and convolution.name not in layers
            and uses[id(layer.input)] == 1
        ):
            norms[layer.name] = convolution
    return norms


def _fold(convolution, norm):
    """Returns a convolution's kernel and bias with a batch normalisation folded in."""
    kernel, *bias = convolution.get_weights()
    mean, variance = np.asarray(norm.moving_mean), np.asarray(norm.moving_variance)
    gamma = np.asarray(norm.gamma) if norm.scale else 1.0
    beta = np.asarray(norm.beta) if norm.center else 0.0
    scale = gamma / np.sqrt(variance + norm.epsilon)
    bias = (bias[0] if bias else 0.0) - mean
    if type(convolution).__name__ == "DepthwiseConv2D":
        kernel = kernel * scale.reshape(kernel.shape[2:])
    else:
        kernel = kernel * scale
    return [kernel, beta + bias * scale]


def _snake_case(name):
    name = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
