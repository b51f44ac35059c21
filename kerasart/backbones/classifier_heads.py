"""`make_convolutional`: classifiers for images of any size."""

from typing import Any

import keras


def make_convolutional(model: Any) -> Any:
    """Copies a classifier so that it takes images of any size.

    Source: Long, Shelhamer and Darrell 2015 (arXiv 1411.4038): a dense layer on a flattened map is
    a convolution as large as the map. On larger images it gives a map of logits, or a single one
    where the network pools over all positions first.

    Args:
        model: A `keras.Model` from an image of fixed size to logits (batch, classes), with
            weights, as `keras.applications` builds it with `include_top=True`.

    Returns:
        A `keras.Model` with the same layers' names and weights, from (batch, height, width, 3) to
        (batch, h, w, classes).
    """
    flattened = {
        id(layer.output): tuple(layer.input.shape[1:3])
        for layer in model.layers
        if type(layer).__name__ == "Flatten" and len(layer.input.shape) == 4
    }

    def copy_layer(layer):
        kind, config = type(layer).__name__, layer.get_config()
        if kind == "GlobalAveragePooling2D":
            config["keepdims"] = True
        elif kind in ("Flatten", "Reshape") and len(layer.output.shape) == 2:
            return keras.layers.Identity(name=layer.name)
        elif kind == "Dense" and len(layer.input.shape) == 2:
            window = flattened.get(id(layer.input), (1, 1))
            return keras.layers.Conv2D(
                layer.units,
                window,
                activation=layer.activation,
                use_bias=layer.use_bias,
                name=layer.name,
            )
        return type(layer).from_config(config)

    image = keras.Input((None, None, 3))
    copy = keras.models.clone_model(model, input_tensors=image, clone_function=copy_layer)
    for layer in model.layers:
        if not layer.weights:
            continue
        copied = copy.get_layer(layer.name)
        values = zip(layer.get_weights(), copied.weights, strict=True)
        copied.set_weights([value.reshape(tuple(to.shape)) for value, to in values])
        if hasattr(copied, "finalize_state"):
            copied.finalize_state()
    return copy
