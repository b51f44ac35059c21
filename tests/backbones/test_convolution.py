import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasart.backbones import precision
from kerasart.backbones.convolution import speed_up
from kerasart.backbones.precision import choose_precision

pytestmark = pytest.mark.skipif(
    bool(tf.config.list_physical_devices("GPU")), reason="it is for processors"
)


def convolution(channels=128, filters=256, size=3, **options):
    options = {"padding": "same", "activation": "relu", "bias_initializer": "ones"} | options
    layer = keras.layers.Conv2D(filters, size, **options)
    layer.build((None, None, None, channels))
    return layer


def operations(layer):
    picture = tf.TensorSpec([1, None, None, layer.kernel.shape[2]], layer.compute_dtype)
    graph = tf.function(layer).get_concrete_function(picture).graph
    return {operation.type for operation in graph.get_operations()}


def look(layer, image, upstream):
    """Returns a layer's features and their gradient, in float32."""
    image = tf.cast(image, layer.compute_dtype)
    with tf.GradientTape() as tape:
        tape.watch(image)
        features = layer(image)
    gradient = tape.gradient(features, image, tf.cast(upstream, layer.compute_dtype))
    return tf.cast(features, tf.float32), tf.cast(gradient, tf.float32)


def draw(shape, seed=0):
    generator = np.random.default_rng(seed)
    shapes = (*shape, 128), (*shape, 256)
    return [tf.constant(generator.normal(size=shape), tf.float32) for shape in shapes]


@pytest.mark.parametrize("shape", [(1, 9, 12), (2, 1, 5), (1, 2, 1), (2, 4, 8), (3, 16, 7)])
def test_the_convolution_and_its_gradient_stay_the_same(shape):
    keras.utils.set_random_seed(0)
    layer = convolution()
    image, upstream = draw(shape)
    expected = look(layer, image, upstream)
    speed_up(layer)
    assert "Conv2D" not in operations(layer)
    for fast, plain in zip(look(layer, image, upstream), expected, strict=True):
        assert fast.shape == plain.shape
        # Minimal filtering subtracts large numbers: small values are as exact as the largest.
        np.testing.assert_allclose(fast, plain, atol=1e-5 * np.abs(plain).max())


@pytest.mark.skipif(choose_precision() == "float32", reason="bfloat16 is slow here")
def test_bfloat16_is_little_less_exact_than_without(monkeypatch):
    monkeypatch.setattr(precision, "processor_flags", lambda: "avx512_bf16")
    keras.utils.set_random_seed(0)
    exact = convolution(activation="linear")
    rounded = convolution(activation="linear", dtype="bfloat16")
    rounded.set_weights(exact.get_weights())
    image, upstream = draw((1, 16, 24))
    expected = look(exact, image, upstream)
    speed_up(rounded)
    assert "Conv2D" not in operations(rounded)
    for seen, wanted in zip(look(rounded, image, upstream), expected, strict=True):
        error = np.sqrt(np.mean((seen - wanted) ** 2) / np.mean(np.square(wanted)))
        assert 1e-3 < error < 0.02  # Plain ones: 0.003. With Lavin and Gray's points: 0.03.


def test_bfloat16_is_left_alone_where_matrices_are_faster_than_tiles(monkeypatch):
    monkeypatch.setattr(precision, "processor_flags", lambda: "avx512_bf16 amx_bf16")
    layer = convolution(dtype="bfloat16")
    speed_up(layer)
    assert layer.convolution_op.__func__ is keras.layers.Conv2D.convolution_op


@pytest.mark.parametrize(
    "options",
    [
        {"channels": 64},
        {"filters": 128},
        {"strides": 2},
        {"dilation_rate": 2},
        {"groups": 2},
        {"padding": "valid"},
        {"size": 1},
        {"size": (1, 3)},
        {"size": 5},
        {"dtype": "float16"},
    ],
)
def test_others_are_left_alone(options):
    layer = convolution(**options)
    speed_up(layer)
    assert layer.convolution_op.__func__ is keras.layers.Conv2D.convolution_op


def test_layers_of_other_kinds_are_left_alone():
    speed_up(keras.layers.ReLU())
