import keras
import numpy as np
import pytest
import stylegan_equations as equations
import tensorflow as tf

from kerasart.networks.modulation import (
    EqualisedDense,
    ModulatedConv2D,
    leaky_relu,
    normalise,
    upsample,
)


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


FEATURES, W = random(2, 5, 6, 4), random(2, 7, seed=1)
KINDS = [{}, {"up": True}, {"kernel_size": 1, "demodulate": False}, {"kernel_size": 5}]


def make(dtype="float32", filters=3, **kind):
    """A layer all of whose weights are random."""
    layer = ModulatedConv2D(filters, **kind, dtype=dtype)
    layer.build(FEATURES.shape, W.shape)
    layer.set_weights([random(*each.shape, seed=2 + i) for i, each in enumerate(layer.weights)])
    return layer


def expected_of(layer, up=False, demodulate=True, kernel_size=3):
    kernel, weights = map(equations.array, (layer.kernel, layer.affine.kernel))
    styles = [equations.dense(w, weights, equations.array(layer.affine.bias)) for w in W]
    images = zip(FEATURES.astype(np.float64), styles, strict=True)
    return np.stack([equations.modulate(*each, kernel, up, demodulate) for each in images])


def assert_close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("kind", KINDS)
def test_modulated_convolution_against_the_equations(kind):
    layer = make(**kind)
    got, expected = layer(FEATURES, W), expected_of(layer, **kind)
    assert_close(got, expected)
    assert layer.compute_output_shape(FEATURES.shape, W.shape) == expected.shape
    again = ModulatedConv2D.from_config(layer.get_config())
    again.build(FEATURES.shape, W.shape)
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(again(FEATURES, W), got)


@pytest.mark.parametrize("kind", KINDS[:3])
def test_modulated_convolution_in_bfloat16_is_close(kind):
    got = make("mixed_bfloat16", **kind)(FEATURES, W)
    assert got.dtype == tf.bfloat16
    expected = expected_of(make(**kind), **kind)
    assert np.abs(tf.cast(got, tf.float32) - expected).max() < 0.02 * np.abs(expected).max()


@pytest.mark.parametrize("kind", KINDS[:3])
def test_gradients_against_finite_differences(kind):
    layer = make(**kind)

    def value(features, w, kernel):
        layer.kernel.assign(kernel)
        return tf.reduce_sum(tf.sin(layer(features, w)))

    arguments = [tf.constant(FEATURES), tf.constant(W), tf.constant(layer.kernel.numpy())]
    with tf.GradientTape() as tape:
        tape.watch(arguments[:2])
        result = value(*arguments)
    step = 3e-3
    for i, gradient in enumerate(tape.gradient(result, [*arguments[:2], layer.kernel.value])):
        direction, ends = random(*arguments[i].shape, seed=9), []
        for sign in (1, -1):
            moved = arguments.copy()
            moved[i] = moved[i] + sign * step * direction
            ends.append(value(*moved))
        slope = (ends[0] - ends[1]) / (2 * step)
        np.testing.assert_allclose(tf.reduce_sum(gradient * direction), slope, rtol=1e-2)


@pytest.mark.parametrize("up", [False, True])
def test_demodulated_features_have_the_deviation_of_what_goes_in(up):
    keras.utils.set_random_seed(0)
    layer = ModulatedConv2D(32, up=up)
    features, w = random(2, 32, 32, 64), 5 * random(2, 8, seed=1)
    inner = layer(features, w)[:, 2:-2, 2:-2]
    # Enlarging spreads a kernel over four times as many pixels, and the squares of the filter add
    # up to 1.25 in each direction: it keeps what is plain as it was, not what is noise.
    assert np.std(inner) == pytest.approx(1.25 / 2 if up else 1.0, abs=0.05)
    plain = ModulatedConv2D(32, up=up, demodulate=False)(features, w)[:, 2:-2, 2:-2]
    assert np.std(plain) > 1.8


def test_a_style_is_of_its_own_image():
    layer = make()
    both = layer(FEATURES, W)
    alone = layer(FEATURES[1:], W[1:])
    np.testing.assert_allclose(both[1:], alone, rtol=1e-6, atol=1e-6)
    swapped = layer(FEATURES, W[::-1])
    assert np.abs(swapped - both).min(axis=(1, 2, 3)).max() > 0 and np.abs(swapped - both).max() > 1


@pytest.mark.parametrize("rate", [1.0, 0.01])
def test_equalised_dense_against_the_equations(rate):
    layer = EqualisedDense(5, bias=1.0, rate=rate)
    got = layer(W)
    kernel, bias = map(equations.array, (layer.kernel, layer.bias))
    assert_close(got, equations.dense(W.astype(np.float64), kernel, bias, rate))
    np.testing.assert_allclose(bias * rate, 1.0, rtol=1e-6)
    again = EqualisedDense.from_config(layer.get_config())
    again.build(W.shape)
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(again(W), got)
    assert layer.compute_output_shape((None, 7)) == (None, 5)


def test_equalised_layers_start_with_outputs_of_deviation_1():
    keras.utils.set_random_seed(0)
    got = EqualisedDense(256, rate=0.01)(random(64, 128))
    assert np.std(got) == pytest.approx(1.0, abs=0.05)


def test_enlarging_against_the_filter():
    assert_close(upsample(tf.constant(FEATURES))[0], equations.enlarge(FEATURES[0]))
    # A plain picture stays as bright as it was; beyond the border is nothing.
    plain = upsample(tf.ones((1, 5, 5, 3)))
    np.testing.assert_allclose(plain[:, 1:-1, 1:-1], 1.0, rtol=1e-6)


def test_leaky_relu_and_normalisation():
    np.testing.assert_allclose(leaky_relu(tf.constant(W)), equations.leaky_relu(W), rtol=1e-6)
    np.testing.assert_allclose(np.mean(normalise(tf.constant(W)) ** 2, axis=-1), 1.0, rtol=1e-5)
