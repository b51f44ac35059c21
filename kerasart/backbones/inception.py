"""`InceptionV3ToMixed5`: InceptionV3 as far as its bundled weights reach."""

from typing import Any

from keras import Input, Model, layers


def InceptionV3ToMixed5() -> Any:  # noqa: N802 (a network's name, as in keras.applications)
    """Builds InceptionV3 up to `mixed5`, in less time than Keras takes for all of it.

    Source: Szegedy et al. 2015, "Rethinking the Inception Architecture for Computer Vision" (arXiv
    1512.00567), as `keras.applications` has it: the same layers in the same order.

    Returns:
        A `keras.Model` with weights of 0 from an image in [-1, 1], (batch, height, width, 3), to
        (batch, h, w, 768).
    """

    def convolve(x, filters, rows, columns, strides=1, padding="same"):
        x = layers.Conv2D(
            filters,
            (rows, columns),
            strides=strides,
            padding=padding,
            use_bias=False,
        )(x)
        x = layers.BatchNormalization(axis=3, scale=False)(x)
        return layers.Activation("relu")(x)

    def follow(x, *convolutions):
        for each in convolutions:
            x = convolve(x, *each)
        return x

    def pool(x, filters):
        x = layers.AveragePooling2D(3, strides=1, padding="same")(x)
        return convolve(x, filters, 1, 1)

    image = Input((None, None, 3))
    x = convolve(image, 32, 3, 3, 2, "valid")
    x = convolve(x, 32, 3, 3, 1, "valid")
    x = convolve(x, 64, 3, 3)
    x = layers.MaxPooling2D(3, strides=2)(x)
    x = convolve(x, 80, 1, 1, 1, "valid")
    x = convolve(x, 192, 3, 3, 1, "valid")
    x = layers.MaxPooling2D(3, strides=2)(x)
    for number, pooled in enumerate((32, 64, 64)):
        branches = [
            convolve(x, 64, 1, 1),
            follow(x, (48, 1, 1), (64, 5, 5)),
            follow(x, (64, 1, 1), (96, 3, 3), (96, 3, 3)),
            pool(x, pooled),
        ]
        x = layers.Concatenate(axis=3, name=f"mixed{number}")(branches)
    branches = [
        convolve(x, 384, 3, 3, 2, "valid"),
        follow(x, (64, 1, 1), (96, 3, 3), (96, 3, 3, 2, "valid")),
        layers.MaxPooling2D(3, strides=2)(x),
    ]
    x = layers.Concatenate(axis=3, name="mixed3")(branches)
    for number, few in ((4, 128), (5, 160)):
        branches = [
            convolve(x, 192, 1, 1),
            follow(x, (few, 1, 1), (few, 1, 7), (192, 7, 1)),
            follow(x, (few, 1, 1), (few, 7, 1), (few, 1, 7), (few, 7, 1), (192, 1, 7)),
            pool(x, 192),
        ]
        x = layers.Concatenate(axis=3, name=f"mixed{number}")(branches)
    return Model(image, x, name="inception_v3")
