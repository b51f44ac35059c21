"""Tiny generators all of whose weights are random, for tests."""

import keras
import numpy as np

from kerasart.networks.style_generator import StyleGenerator


def make_generator(channels=(8, 8, 6, 4), dtype="float32", **config):
    """A generator of 4 * 2**(len(channels) - 1) pixels, whose noise, biases and means do something.

    Every kernel keeps the features near 1, as those of a trained generator do.
    """
    config = {"z_size": 6, "w_size": 7, "mapping": 2, **config}
    generator = StyleGenerator(channels, **config, dtype=dtype)
    random = np.random.default_rng(0)
    for weight in generator.weights:
        scale = 0.2 if weight.name in ("bias", "strength", "mean_w") else 1.0
        start = keras.ops.convert_to_numpy(keras.ops.cast(weight, "float32"))
        is_start = weight.name == "bias" and start.any()  # Of an affine map, or not.
        weight.assign(is_start * start + scale * random.normal(size=weight.shape))
    for layer in generator.mapping:
        layer.kernel.assign(layer.kernel / generator.rate)
        layer.bias.assign(layer.bias / generator.rate)
    for layer in generator.to_rgb:  # So that few pixels are beyond black or white.
        layer.convolve.kernel.assign(0.3 * layer.convolve.kernel)
    return generator
