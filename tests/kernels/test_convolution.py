import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasart.kernels import convolution as ways
from kerasart.kernels import precision
from kerasart.kernels.convolution import convolve, faster_operation, mirror_border, speed_up
from kerasart.kernels.precision import choose_precision

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

    @tf.function
    def look_and_lead_back(image):
        with tf.GradientTape() as tape:
            tape.watch(image)
            features = layer(image)
        return features, tape.gradient(features, image)

    graph = look_and_lead_back.get_concrete_function(picture).graph
    return {operation.type for operation in graph.get_operations()}


def evaluator(layer, image, upstream):
    """Returns a layer's features and their gradient, in float32."""
    image = tf.cast(image, layer.compute_dtype)
    with tf.GradientTape() as tape:
        tape.watch(image)
        features = layer(image)
    gradient = tape.gradient(features, image, tf.cast(upstream, layer.compute_dtype))
    return tf.cast(features, tf.float32), tf.cast(gradient, tf.float32)


def draw(shape, channels=128, filters=256):
    generator = np.random.default_rng(0)
    shapes = (*shape, channels), (*shape, filters)
    return [tf.constant(generator.normal(size=shape), tf.float32) for shape in shapes]


def choose(monkeypatch, operation):
    monkeypatch.setattr(ways, "faster_operation", lambda: operation)


@pytest.mark.parametrize("shape", [(1, 9, 12), (2, 1, 5), (1, 2, 1), (2, 4, 8), (3, 16, 7)])
def test_the_convolution_and_its_gradient_stay_the_same(shape):
    keras.utils.set_random_seed(0)
    layer = convolution()
    image, upstream = draw(shape)
    expected = evaluator(layer, image, upstream)
    speed_up(layer)
    assert "Conv2D" not in operations(layer)
    for fast, plain in zip(evaluator(layer, image, upstream), expected, strict=True):
        assert fast.shape == plain.shape
        # Minimal filtering subtracts large numbers: small values are as exact as the largest.
        np.testing.assert_allclose(fast, plain, atol=1e-5 * np.abs(plain).max())


@pytest.mark.skipif(choose_precision() == "float32", reason="bfloat16 is slow here")
def test_bfloat16_is_little_less_exact_than_without(monkeypatch):
    monkeypatch.setattr(precision, "processor_flags", lambda: "avx512f avx512_bf16")
    keras.utils.set_random_seed(0)
    exact = convolution(activation="linear")
    rounded = convolution(activation="linear", dtype="bfloat16")
    rounded.set_weights(exact.get_weights())
    image, upstream = draw((1, 16, 24))
    expected = evaluator(exact, image, upstream)
    speed_up(rounded)
    assert "Conv2D" not in operations(rounded)
    for seen, wanted in zip(evaluator(rounded, image, upstream), expected, strict=True):
        error = np.sqrt(np.mean((seen - wanted) ** 2) / np.mean(np.square(wanted)))
        assert 1e-3 < error < 0.02  # Plain ones: 0.003. With Lavin and Gray's points: 0.03.


@pytest.mark.parametrize(
    ("operation", "name", "slow"),
    [
        ("transposed", "Conv2DBackpropInput", "Conv2D"),
        ("convolution", "Conv2D", "Conv2DBackpropInput"),
    ],
)
@pytest.mark.parametrize("size", [3, 5, (1, 7)])
@pytest.mark.parametrize("shape", [(1, 9, 12), (2, 1, 5)])
def test_few_channels_take_the_faster_operation_both_ways(
    monkeypatch, operation, name, slow, size, shape
):
    choose(monkeypatch, operation)
    keras.utils.set_random_seed(0)
    layer = convolution(6, 5, size, activation="linear")
    image, upstream = draw(shape, 6, 5)
    expected = evaluator(layer, image, upstream)
    assert slow in operations(layer)
    speed_up(layer)
    assert name in operations(layer)
    assert slow not in operations(layer)
    for fast, plain in zip(evaluator(layer, image, upstream), expected, strict=True):
        assert fast.shape == plain.shape
        np.testing.assert_allclose(fast, plain, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (3, 3), (4, 4), (5, 2), (9, 9)])
def test_without_a_border_nothing_but_the_operation_changes(monkeypatch, size):
    image, _ = draw((1, 11, 9), 6)
    kernel = tf.random.stateless_normal([*size, 6, 5], (0, 0))
    expected = tf.nn.conv2d(image, kernel, 1, "VALID")
    choose(monkeypatch, "transposed")
    compiled = tf.function(
        lambda image: convolve(image, kernel),
        input_signature=[tf.TensorSpec([None, None, None, 6])],
    )
    for painted in (convolve(image, kernel), compiled(image)):
        np.testing.assert_allclose(painted, expected, rtol=1e-5, atol=1e-5)
    choose(monkeypatch, None)
    np.testing.assert_array_equal(convolve(image, kernel), expected)


@pytest.mark.parametrize("operation", ["transposed", "convolution", None])
@pytest.mark.parametrize(("channels", "filters", "size"), [(128, 256, 3), (6, 5, 5)])
def test_a_mirrored_border_is_as_fast(monkeypatch, operation, channels, filters, size):
    keras.utils.set_random_seed(0)
    layer = convolution(channels, filters, size, activation="linear")
    image, upstream = draw((1, 9, 12), channels, filters)
    half = size // 2
    with tf.GradientTape() as tape:
        tape.watch(image)
        mirrored = tf.pad(image, [[0, 0], [half, half], [half, half], [0, 0]], "REFLECT")
        wanted = tf.nn.conv2d(mirrored, layer.kernel, 1, "VALID") + layer.bias
    expected = wanted, tape.gradient(wanted, image, upstream)
    choose(monkeypatch, operation)
    speed_up(layer)
    mirror_border(layer)
    for fast, plain in zip(evaluator(layer, image, upstream), expected, strict=True):
        assert fast.shape == plain.shape
        np.testing.assert_allclose(fast, plain, atol=1e-5 * np.abs(plain).max())


@pytest.mark.parametrize(
    ("flags", "setting", "chosen"),
    [
        ("avx2 fma", "1", "transposed"),
        ("avx2 avx_vnni", None, "transposed"),
        ("avx2 fma", None, "convolution"),  # TensorFlow leaves oneDNN off.
        ("avx2 avx_vnni", "0", "convolution"),
        ("avx2 avx512f avx512_vnni", None, None),
        ("avx2 avx512f", "true", None),
        ("avx2 avx512f", None, "convolution"),
        ("", "1", None),  # Not on Linux: nothing is known.
        ("", None, None),
    ],
)
def test_which_operation_is_faster_depends_on_the_processor(monkeypatch, flags, setting, chosen):
    monkeypatch.setattr(precision, "processor_flags", lambda: flags)
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    if setting is not None:
        monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", setting)
    assert faster_operation() == chosen


def test_bfloat16_takes_no_tiles_where_matrices_are_faster(monkeypatch):
    monkeypatch.setattr(precision, "processor_flags", lambda: "avx512f avx512_bf16 amx_bf16")
    layer = convolution(dtype="bfloat16")
    speed_up(layer)
    assert {"Conv2D", "Conv2DBackpropInput"} <= operations(layer)


@pytest.mark.parametrize(
    "options",
    [
        {"channels": 64},
        {"filters": 128},
        {"size": (1, 3)},
        {"size": 5},
        {"dtype": "float16"},
    ],
)
def test_others_stay_as_they_are_but_for_the_gradient_of_the_kernel(monkeypatch, options):
    choose(monkeypatch, None)
    layer = convolution(**options)
    image, upstream = draw((1, 5, 6), *layer.kernel.shape[2:])
    expected = evaluator(layer, image, upstream)
    assert "Conv2DBackpropFilter" in operations(layer)
    speed_up(layer)
    assert {"Conv2D", "Conv2DBackpropInput"} <= operations(layer)
    assert "Conv2DBackpropFilter" not in operations(layer)
    for seen, plain in zip(evaluator(layer, image, upstream), expected, strict=True):
        np.testing.assert_array_equal(seen, plain)


@pytest.mark.parametrize("operation", [None, "transposed"])
@pytest.mark.parametrize(
    "options",
    [
        {"strides": 2},
        {"dilation_rate": 2},
        {"groups": 2},
        {"padding": "valid"},
        {"size": 1},
        {"size": 4},
    ],
)
def test_convolutions_of_other_kinds_are_left_alone(monkeypatch, operation, options):
    choose(monkeypatch, operation)
    layer = convolution(**options)
    speed_up(layer)
    assert layer.convolution_op.__func__ is keras.layers.Conv2D.convolution_op


def test_layers_of_other_kinds_are_left_alone():
    speed_up(keras.layers.ReLU())
