"""A network made ready to look: cut, batch normalisation folded, precision chosen, frozen."""

import re

import numpy as np

from kerasart.kernels.convolution import mirror_border, speed_up
from kerasart.kernels.custom_gradient import custom_gradient

_NORMALISERS = ("Rescaling", "Normalization")
_FOLDABLE = ("Conv2D", "DepthwiseConv2D")


def rename_layers(model):
    """Gives automatically named layers the names of a fresh session.

    Keras numbers layers by what was built before in the process, so `conv2d_7` would mean
    another layer each time.

    Args:
        model: A functional `keras.Model`; its automatically named layers are renamed in place.
    """
    families = {}
    for layer in model.layers:
        stem = _snake_case(type(layer).__name__)
        if match := re.fullmatch(rf"{stem}(?:_(\d+))?", layer.name):
            families.setdefault(stem, []).append((int(match[1] or 0), layer))
    for stem, family in families.items():
        for i, (_, layer) in enumerate(sorted(family, key=lambda member: member[0])):
            layer.name = stem if i == 0 else f"{stem}_{i}"


POOLINGS = ("max", "average")
PADDINGS = ("zeros", "replicate", "reflect")


def cut_and_fold(model, layers, precision, pooling="max", padding="zeros"):
    """Copies the part of a network that `layers` need, faster and as exact.

    A batch normalisation that follows a convolution in inference mode is a scale and a shift of
    each channel; they go into the convolution's kernel and bias. A convolution that is itself
    among `layers` is left as it is.

    Args:
        model: A functional `keras.Model` with weights.
        layers: Names of the layers to give out.
        precision: "float32" or "bfloat16", for weights and features.
        pooling: "average" puts average pooling in the place of max pooling.
        padding: "replicate" leaves the first convolution without its border of zeros: the picture
            then has to come with a border of one pixel. "reflect" shows the convolutions of stride
            1 the mirrored picture beyond its edge.

    Returns:
        A frozen `keras.Model` from a picture to a dict of features by layer name.

    Raises:
        ValueError: If there is no such pooling or padding, or no border to leave out.
    """
    import keras

    for name, value, allowed in (("pooling", pooling, POOLINGS), ("padding", padding, PADDINGS)):
        if value not in allowed:
            raise ValueError(f"`{name}` must be one of {', '.join(allowed)}. Received: {value!r}")
    first = _first_padded_convolution(model) if padding == "replicate" else None
    cut = keras.Model(model.inputs[0], [model.get_layer(name).output for name in layers])
    norms = _foldable_norms(cut, layers)
    norm_after = {convolution.name: name for name, convolution in norms.items()}

    def copy_layer(layer):
        config = layer.get_config()
        if layer.name in norms:
            return keras.layers.Identity(name=layer.name, dtype=precision)
        if layer.name in norm_after:
            config["use_bias"] = True
        is_layer = isinstance(layer, keras.Layer)  # Some networks add and multiply without one.
        if is_layer and type(layer).__name__ not in _NORMALISERS:
            config["dtype"] = precision
        if layer.name == first:
            config["padding"] = "valid"
        if pooling == "average" and type(layer).__name__ == "MaxPooling2D":
            return keras.layers.AveragePooling2D.from_config(config)
        for key in config:
            # Every weight is about to be assigned; drawing random ones first would take longer.
            if key.endswith("kernel_initializer"):
                config[key] = "zeros"
        copied = type(layer).from_config(config)
        is_relu = getattr(copied, "activation", None) is keras.activations.relu
        if is_relu and precision == "bfloat16" and keras.backend.backend() == "tensorflow":
            copied.activation = _relu_with_fast_gradient
        return copied

    def call_layer(layer, *inputs, mask=None, **options):
        # Batch normalisation is called with a mask; the identity in its place takes none.
        return layer(*inputs, **options)

    copy = keras.models.clone_model(cut, clone_function=copy_layer, call_function=call_layer)
    for layer in cut.layers:
        if layer.name in norms or not layer.weights:
            continue
        weights = layer.get_weights()
        if layer.name in norm_after:
            weights = _fold(layer, cut.get_layer(norm_after[layer.name]))
        copied = copy.get_layer(layer.name)
        copied.set_weights(weights)
        if hasattr(copied, "finalize_state"):
            copied.finalize_state()  # Normalization computes with what it derives from its weights.
        mirrors = padding == "reflect" and _has_border(copied)
        if not (mirrors and precision == "bfloat16"):
            # A decoder is to get what it learned from, which bfloat16 in tiles is a hundredth off.
            speed_up(copied)
        if mirrors:
            mirror_border(copied)
    copy.trainable = False
    return keras.Model(
        copy.inputs[0], {name: copy.get_layer(name).output for name in layers}, trainable=False
    )


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
    """ReLU as it is, but for TensorFlow's own gradient, which is slow in bfloat16 on a CPU."""
    import tensorflow as tf

    @custom_gradient
    def relu(features):
        activations = tf.nn.relu(features)
        zero = tf.zeros([], features.dtype)
        return activations, lambda gradient: tf.where(activations > 0, gradient, zero)

    return relu(features)


def _foldable_norms(model, layers):
    """Finds the batch normalisations that are all that follows a linear convolution."""
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
