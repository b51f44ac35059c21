import numpy as np
import pytest
import scipy.ndimage
import tensorflow as tf

from kerasart.optimization import normalize_pyramid, scale_by_area, smooth
from kerasart.optimization.gradient_filters import merge_pyramid, split_pyramid

SIZES = [(1, 1), (7, 9), (16, 24), (33, 20), (2, 31)]


def normal(height, width, seed=0):
    return np.random.default_rng(seed).normal(size=(1, height, width, 3)).astype(np.float32)


def rms(array):
    return np.sqrt(np.mean(np.square(array, dtype=np.float64)))


@pytest.mark.parametrize(
    "shape",
    [
        lambda gradient: smooth(gradient, 1.5),
        lambda gradient: scale_by_area(gradient, (16, 24)),
        normalize_pyramid,
    ],
)
def test_one_graph_serves_all_sizes(shape):
    @tf.function(input_signature=[tf.TensorSpec([1, None, None, 3])])
    def compiled(gradient):
        shaped = shape(gradient)
        # What a loop in the graph hands on must keep its shape.
        assert shaped.shape.as_list() == [1, None, None, 3]
        return shaped

    for size in SIZES:
        gradient = tf.constant(normal(*size))
        shaped = compiled(gradient)
        assert shaped.shape == gradient.shape
        np.testing.assert_allclose(shaped, shape(gradient), atol=1e-5)
    assert compiled.experimental_get_tracing_count() == 1


# --- By area


def test_gradients_of_a_mean_are_alike_at_all_sizes():
    def gradient(size):
        image = tf.fill([1, *size, 3], 0.5)
        with tf.GradientTape() as tape:
            tape.watch(image)
            loss = tf.reduce_mean(image**2)
        return scale_by_area(tape.gradient(loss, image), (7, 9))

    first = gradient((7, 9))
    np.testing.assert_allclose(first, np.full((1, 7, 9, 3), 1.0 / (7 * 9 * 3)), rtol=1e-5)
    np.testing.assert_allclose(
        gradient((33, 20)), np.full((1, 33, 20, 3), first[0, 0, 0, 0]), rtol=1e-5
    )


# --- Smoothing


def blur(array, deviation):
    """SciPy's Gaussian blur, renormalised at the edges."""

    def fold(array):
        sigma = (0, deviation, deviation, 0)
        return scipy.ndimage.gaussian_filter(array, sigma, mode="constant", truncate=3)

    array = array.astype(np.float64)
    return fold(array) / fold(np.ones_like(array))


@pytest.mark.parametrize("deviation", [0.1, 0.7, 1.0, 3.0, 12.0])
@pytest.mark.parametrize("size", SIZES)
def test_smooth_against_scipy(size, deviation):
    gradient = normal(*size)
    expected = sum(blur(gradient, factor * deviation) for factor in (0.5, 1, 2)) / 3
    np.testing.assert_allclose(smooth(tf.constant(gradient), deviation), expected, atol=1e-5)


@pytest.mark.parametrize("deviation", [0.5, 2.0, 20.0])
def test_smooth_leaves_a_constant_as_it_is(deviation):
    constant = np.full((1, 12, 17, 3), [0.3, -2.0, 1e-6], np.float32)
    np.testing.assert_allclose(smooth(tf.constant(constant), deviation), constant, rtol=1e-5)


def test_smooth_mixes_no_colours():
    red = normal(9, 11) * np.float32([1, 0, 0])
    smoothed = smooth(tf.constant(red), 2.0).numpy()
    assert np.abs(smoothed[..., 0]).max() > 0
    np.testing.assert_array_equal(smoothed[..., 1:], 0)


def test_a_larger_deviation_smooths_more():
    gradient = tf.constant(normal(60, 60))
    roughness = [rms(np.diff(smooth(gradient, deviation), axis=1)) for deviation in (0.5, 1, 2, 4)]
    assert roughness == sorted(roughness, reverse=True)


# --- The pyramid


def halving(count):
    """The matrix that blurs and halves a row of pixels, zeros around it, as TensorFlow aligns it.

    A row of odd length has a pixel of its half at both ends, one of even length begins between.
    """
    first = -2 if count % 2 else -1
    matrix = np.zeros(((count + 1) // 2, count))
    for i, row in enumerate(matrix):
        for j, weight in enumerate([1, 4, 6, 4, 1]):
            if 0 <= 2 * i + first + j < count:
                row[2 * i + first + j] = weight / 16
    return matrix


def split(array, levels):
    """The notebook's pyramid, in float64."""
    details = []
    for _ in range(levels):
        rows, columns = (halving(count) for count in array.shape[1:3])
        smaller = np.einsum("yh,xw,bhwc->byxc", rows, columns, array)
        details.append(array - 4 * np.einsum("yh,xw,byxc->bhwc", rows, columns, smaller))
        array = smaller
    return [*details, array]


def merge(levels):
    *details, array = levels
    for detail in reversed(details):
        rows, columns = (halving(count) for count in detail.shape[1:3])
        array = detail + 4 * np.einsum("yh,xw,byxc->bhwc", rows, columns, array)
    return array


@pytest.mark.parametrize("levels", [0, 1, 4])
@pytest.mark.parametrize("size", SIZES)
def test_pyramid_against_numpy(size, levels):
    gradient = normal(*size)
    expected = split(gradient.astype(np.float64), levels)
    got = split_pyramid(tf.constant(gradient), levels)
    assert len(got) == levels + 1
    for ours, theirs in zip(got, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    expected = merge([level / max(rms(level), 1e-10) for level in expected])
    got = normalize_pyramid(tf.constant(gradient), levels)
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("levels", [0, 1, 4, 7])
@pytest.mark.parametrize("size", SIZES)
def test_nothing_is_lost_in_a_pyramid(size, levels):
    gradient = normal(*size)
    merged = merge_pyramid(split_pyramid(tf.constant(gradient), levels))
    np.testing.assert_allclose(merged, gradient, atol=1e-5)


def test_all_sizes_of_forms_get_the_same_strength():
    def strengths(gradient):
        return np.array([rms(level) for level in split_pyramid(tf.constant(gradient), 4)])

    clouds = 1000 * scipy.ndimage.gaussian_filter(normal(96, 128), (0, 8, 8, 0), mode="wrap")
    gradient = clouds + 0.1 * normal(96, 128, seed=1)
    before, after = strengths(gradient), strengths(normalize_pyramid(tf.constant(gradient)))
    assert before.max() > 4 * before.min()
    # Levels overlap: each has a part of its neighbours'.
    assert after.max() < 2 * after.min()


@pytest.mark.parametrize("scale", [1e-5, 1e5])
def test_pyramid_does_not_depend_on_the_gradients_scale(scale):
    gradient = normal(33, 20)
    expected = normalize_pyramid(tf.constant(gradient))
    got = normalize_pyramid(tf.constant(gradient * np.float32(scale)))
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)


def test_no_gradient_stays_none():
    nothing = np.zeros((1, 33, 20, 3), np.float32)
    np.testing.assert_array_equal(normalize_pyramid(tf.constant(nothing)), nothing)
    np.testing.assert_array_equal(smooth(tf.constant(nothing), 2.0), nothing)
