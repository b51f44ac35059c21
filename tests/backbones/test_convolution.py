import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasart.backbones.convolution import speed_up

pytestmark = pytest.mark.skipif(
    bool(tf.config.list_physical_devices("GPU")), reason="it is for processors"
)


def convolution(channels=256, size=3, **options):
    options = {"padding": "same", "activation": "relu", "bias_initializer": "ones"} | options
    layer = keras.layers.Conv2D(8, size, **options)
    layer.build((None, None, None, channels))
    return layer


def operations(layer, channels=256):
    picture = tf.TensorSpec([1, None, None, channels], tf.float32)
    graph = tf.function(layer).get_concrete_function(picture).graph
    return {operation.type for operation in graph.get_operations()}


@pytest.mark.parametrize("shape", [(1, 9, 12), (2, 1, 5), (1, 2, 1), (2, 4, 8), (3, 16, 7)])
def test_the_convolution_and_its_gradient_stay_the_same(shape):
    keras.utils.set_random_seed(0)
    layer = convolution()
    generator = np.random.default_rng(0)
    image = tf.constant(generator.normal(size=(*shape, 256)), tf.float32)
    upstream = tf.constant(generator.normal(size=(*shape, 8)), tf.float32)
    results = []
    for change in (lambda layer: None, speed_up):
        change(layer)
        with tf.GradientTape() as tape:
            tape.watch(image)
            features = layer(image)
        results.append((features, tape.gradient(features, image, upstream)))
    assert "Conv2D" not in operations(layer)
    for plain, fast in zip(*results, strict=True):
        assert fast.shape == plain.shape
        # Minimal filtering subtracts large numbers: small values are as exact as the largest.
        np.testing.assert_allclose(fast, plain, atol=1e-5 * np.abs(plain).max())


@pytest.mark.parametrize(
    "options",
    [
        {"channels": 64},
        {"strides": 2},
        {"dilation_rate": 2},
        {"groups": 2},
        {"padding": "valid"},
        {"size": 1},
        {"size": (1, 3)},
        {"size": 5},
        {"dtype": "bfloat16"},
    ],
)
def test_others_are_left_alone(options):
    layer = convolution(**options)
    speed_up(layer)
    assert layer.convolution_op.__func__ is keras.layers.Conv2D.convolution_op


def test_layers_of_other_kinds_are_left_alone():
    speed_up(keras.layers.ReLU())
