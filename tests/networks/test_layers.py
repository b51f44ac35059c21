import numpy as np
import pytest
import tensorflow as tf

from kerasart.networks.layers import (
    BoundedSigmoid,
    ConditionalInstanceNormalization,
    ConvBlock,
    NoiseInjection,
    ReflectionPadding2D,
)

EPSILON = 1e-5
MIXTURE = np.array([[0.2, 0.5, 0.3], [0.0, 1.0, 0.0]], np.float32)


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


FEATURES = random(2, 5, 7, 4) * [1, 3, 0.1, 1] + [0, 1, 0.2, -1]
FEATURES = FEATURES.astype(np.float32)


def normalised(features, gamma, beta, mixture):
    """What the layer should give, in float64."""
    features, gamma, beta, mixture = (
        np.asarray(x, np.float64) for x in (features, gamma, beta, mixture)
    )
    mean = features.mean(axis=(1, 2), keepdims=True)
    variance = features.var(axis=(1, 2), keepdims=True)
    scale, shift = ((mixture @ table)[:, None, None] for table in (gamma, beta))
    return scale * (features - mean) / np.sqrt(variance + EPSILON) + shift


@pytest.fixture
def norm():
    """A normalisation of three styles that differ."""
    layer = ConditionalInstanceNormalization(3)
    layer.build((None, None, None, 4))
    layer.gamma.assign(random(3, 4, seed=1))
    layer.beta.assign(random(3, 4, seed=2))
    return layer


# --- Padding


@pytest.mark.parametrize("padding", [((1, 1), (1, 1)), ((4, 4), (4, 4)), ((0, 3), (2, 1))])
def test_padding_mirrors_the_border(padding):
    expected = np.pad(FEATURES, [(0, 0), *padding, (0, 0)], mode="reflect")
    layer = ReflectionPadding2D(padding)
    np.testing.assert_array_equal(layer(FEATURES), expected)
    assert layer.compute_output_shape(FEATURES.shape) == expected.shape
    assert layer.compute_output_shape((None, None, 7, 4)) == (None, None, expected.shape[2], 4)


def test_configs_come_back():
    padding = ReflectionPadding2D.from_config(ReflectionPadding2D([[1, 2], [3, 0]]).get_config())
    assert padding.padding == ((1, 2), (3, 0))
    norm = ConditionalInstanceNormalization(3, epsilon=0.1)
    norm = ConditionalInstanceNormalization.from_config(norm.get_config())
    assert (norm.styles, norm.epsilon) == (3, 0.1)
    stage = ConvBlock.from_config(ConvBlock(6, 3, 2, strides=2).get_config())
    assert stage(FEATURES, MIXTURE[:, :2]).shape == (2, 3, 4, 6)


# --- Normalisation


def test_normalisation_against_numpy(norm):
    expected = normalised(FEATURES, norm.gamma, norm.beta, MIXTURE)
    np.testing.assert_allclose(norm(FEATURES, MIXTURE), expected, rtol=1e-5, atol=1e-5)


def test_it_starts_as_plain_normalisation():
    got = ConditionalInstanceNormalization(3)(tf.constant(FEATURES), tf.constant(MIXTURE))
    expected = normalised(FEATURES, np.ones((3, 4)), np.zeros((3, 4)), MIXTURE)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)


def test_one_style_takes_its_own_row_only(norm):
    alone = np.eye(3, dtype=np.float32)[[2, 2]]
    expected = normalised(FEATURES, norm.gamma[2:], norm.beta[2:], np.ones((2, 1)))
    np.testing.assert_allclose(norm(FEATURES, alone), expected, rtol=1e-5, atol=1e-5)


def test_mixtures_are_linear(norm):
    sharp = [norm(FEATURES, np.eye(3, dtype=np.float32)[[i, i]]).numpy() for i in range(3)]
    blend = sum(MIXTURE[:, i, None, None, None] * sharp[i] for i in range(3))
    np.testing.assert_allclose(norm(FEATURES, MIXTURE), blend, rtol=1e-5, atol=1e-5)


def test_a_channel_without_contrast_becomes_its_shift(norm):
    plain = np.full((2, 5, 7, 4), 3.0, np.float32)
    expected = np.broadcast_to((MIXTURE @ norm.beta.numpy())[:, None, None], plain.shape)
    np.testing.assert_allclose(norm(plain, MIXTURE), expected, atol=1e-3)


def test_normalisation_in_bfloat16_is_close(norm):
    coarse = ConditionalInstanceNormalization(3, dtype="mixed_bfloat16")
    coarse.build((None, None, None, 4))
    coarse.set_weights(norm.get_weights())
    got = coarse(FEATURES, MIXTURE)
    assert got.dtype == tf.bfloat16
    np.testing.assert_allclose(
        tf.cast(got, tf.float32), norm(FEATURES, MIXTURE), rtol=0.03, atol=0.1
    )


def test_gradients_against_finite_differences(norm):
    pull = random(*FEATURES.shape, seed=3)
    inputs = [tf.constant(FEATURES), norm.gamma.value, norm.beta.value, tf.constant(MIXTURE)]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        value = tf.reduce_sum(norm(inputs[0], inputs[3]) * pull)
    values = [np.asarray(each, np.float64) for each in inputs]
    step = 1e-5
    for i, gradient in enumerate(tape.gradient(value, inputs)):
        numeric = np.zeros_like(values[i])
        for place in np.ndindex(numeric.shape):
            for sign in (1, -1):
                moved = [each.copy() for each in values]
                moved[i][place] += sign * step
                numeric[place] += sign * np.sum(normalised(*moved) * pull) / (2 * step)
        np.testing.assert_allclose(gradient, numeric, rtol=1e-3, atol=1e-3)


# --- Stages


@pytest.mark.parametrize(("kernel_size", "strides"), [(3, 1), (3, 2), (9, 1)])
def test_a_stage_is_mirrored_convolved_and_normalised(kernel_size, strides):
    features = random(2, 9, 11, 4)
    stage = ConvBlock(6, kernel_size, 3, strides)
    got = stage(features, MIXTURE)
    assert got.shape == (2, -(-9 // strides), -(-11 // strides), 6)
    margin = kernel_size // 2
    padded = np.pad(features, [(0, 0), (margin, margin), (margin, margin), (0, 0)], mode="reflect")
    convolved = tf.nn.conv2d(padded, stage.convolve.kernel, strides, "VALID")
    np.testing.assert_allclose(got, stage.normalise(convolved, MIXTURE), rtol=1e-4, atol=1e-5)
    assert len(stage.weights) == 3  # A kernel, gamma and beta; no bias.


# --- The canvas


def test_a_canvas_lays_its_grain_as_strong_as_the_mix_of_styles_asks():
    canvas = NoiseInjection(3)
    features = random(2, 140, 135, 6)
    canvas.build(features.shape)
    gains = random(3, 6, seed=1)
    canvas.gain.assign(gains)
    laid = canvas(features, MIXTURE) - features
    grain = laid[0] / (MIXTURE[0] @ gains)
    np.testing.assert_allclose(np.abs(grain), 1, rtol=1e-4)
    assert abs(np.mean(grain)) < 0.05  # As much light as dark.
    np.testing.assert_allclose(grain[127:], grain[:13], rtol=1e-4)
    np.testing.assert_allclose(grain[:, 131:], grain[:, :4], rtol=1e-4)
    np.testing.assert_allclose(grain[..., 4:], grain[..., :2], rtol=1e-4)
    fields = np.reshape(grain[:127, :131, :4], (-1, 4))
    assert np.abs(np.corrcoef(fields.T) - np.eye(4)).max() < 0.05
    np.testing.assert_allclose(laid[1] / gains[1], grain, rtol=1e-4)  # The same for all.


def test_noise_can_be_offset():
    canvas = NoiseInjection(1)
    canvas.build((None, None, None, 5))
    flat = np.zeros((1, 140, 140, 5), np.float32)
    noise = canvas(flat, np.ones((1, 1), np.float32)).numpy()
    moved = canvas(flat, np.ones((1, 1), np.float32), np.array([3, -4], np.int32)).numpy()
    np.testing.assert_array_equal(moved[:, :100, 4:100], noise[:, 3:103, :96])
    np.testing.assert_array_equal(moved[:, :124, :4], noise[:, 3:127, 127:131])  # Periodic.
    assert np.abs(moved - noise).max() > 0


# --- BoundedSigmoid


def test_pixels_are_a_sigmoid_whose_ends_can_be_left():
    features = tf.constant([-8.0, -1.0, 0.0, 1.0, 8.0])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(features)
        pixels = BoundedSigmoid()(features)
        pushed = {sign: sign * tf.reduce_sum(pixels) for sign in (1.0, -1.0)}
    np.testing.assert_allclose(pixels, 1 / (1 + np.exp(-features.numpy())), rtol=1e-5)
    slope = np.asarray(pixels * (1 - pixels))
    # Going down the gradient makes pixels darker, then lighter.
    darker, lighter = (tape.gradient(pushed[sign], features).numpy() for sign in (1.0, -1.0))
    np.testing.assert_allclose(darker, [*slope[:4], 0.05], rtol=1e-5)
    np.testing.assert_allclose(lighter, [-0.05, *-slope[1:]], rtol=1e-5)
