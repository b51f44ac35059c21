"""`SqueezeNet` 1.1, the small bundled network."""

from typing import Any

from keras import Input, Model, layers


def SqueezeNet() -> Any:  # noqa: N802 (a network's name, as in keras.applications)
    """Builds SqueezeNet 1.1 with its 1000 ImageNet classes, fully convolutional.

    Source: Iandola et al. 2016, "SqueezeNet", arXiv 1602.07360, in the authors' version 1.1. The
    logits are the mean of the last layer over all positions, for images of any size from 17 pixels.
    Its ReLU is a separate layer, because a class at 0 has a gradient only before it, in `conv10`.

    Returns:
        A `keras.Model` with fresh weights from a BGR image in [0, 255] less ImageNet's mean,
        (batch, height, width, 3), to (batch, h, w, 1000).
    """

    def squeeze_and_expand(x, name, squeezed, expanded):
        x = layers.Conv2D(squeezed, 1, activation="relu", name=f"{name}_squeeze1x1")(x)
        one = layers.Conv2D(expanded, 1, activation="relu", name=f"{name}_expand1x1")(x)
        three = layers.Conv2D(
            expanded, 3, padding="same", activation="relu", name=f"{name}_expand3x3"
        )(x)
        return layers.Concatenate(name=name)([one, three])

    image = Input((None, None, 3), name="image")
    x = layers.Conv2D(64, 3, strides=2, activation="relu", name="conv1")(image)
    x = layers.MaxPooling2D(3, 2, name="pool1")(x)
    x = squeeze_and_expand(x, "fire2", 16, 64)
    x = squeeze_and_expand(x, "fire3", 16, 64)
    x = layers.MaxPooling2D(3, 2, name="pool3")(x)
    x = squeeze_and_expand(x, "fire4", 32, 128)
    x = squeeze_and_expand(x, "fire5", 32, 128)
    x = layers.MaxPooling2D(3, 2, name="pool5")(x)
    x = squeeze_and_expand(x, "fire6", 48, 192)
    x = squeeze_and_expand(x, "fire7", 48, 192)
    x = squeeze_and_expand(x, "fire8", 64, 256)
    x = squeeze_and_expand(x, "fire9", 64, 256)
    x = layers.Conv2D(1000, 1, name="conv10")(x)
    x = layers.ReLU(name="relu_conv10")(x)
    return Model(image, x, name="squeezenet")
