import numpy as np
import pytest
import scipy.linalg
import tensorflow as tf

from kerasart.objectives import (
    STYLE_LOSSES,
    Gram,
    Moments,
    Objective,
    Target,
    Wasserstein,
)
from kerasart.objectives.style_losses import sum_products, trace_of_root

TERMS = [Gram("a"), Moments("a"), Wasserstein("a")]
IDS = list(STYLE_LOSSES)


def features(height=9, width=7, channels=4, seed=0):
    """Features with a mean, a spread and correlations of their own for each seed."""
    generator = np.random.default_rng(seed)
    mix = np.eye(channels) + 0.3 * generator.normal(size=(channels, channels))
    mean = generator.normal(size=channels)
    array = generator.normal(size=(1, height, width, channels)) @ mix + mean
    return array.astype(np.float32)


def binary_mask(height=9, width=7, seed=5):
    """Marks about half of all positions; its mean is 1."""
    inside = np.random.default_rng(seed).uniform(size=(1, height, width, 1)) < 0.5
    return inside[..., 0], (inside / inside.mean()).astype(np.float32)


def soft_mask(height=9, width=7, seed=6):
    mask = np.random.default_rng(seed).uniform(size=(1, height, width, 1))
    return (mask / mask.mean()).astype(np.float32)


def style_value(term, array, style, mask=None, style_mask=None):
    """What a term says of features when it wants those of a style."""
    guide, style_guide = (() if m is None else (tf.constant(m),) for m in (mask, style_mask))
    target = Target(guide, term.prepare(term.mean(tf.constant(style), *style_guide)))
    return float(Objective([term])({"a": tf.constant(array)}, [target])[0])


# --- The same in NumPy, in float64


def positions(array, mask=None):
    """Features by position, and weights of the positions that add up to 1."""
    rows = np.asarray(array, np.float64).reshape(-1, array.shape[-1])
    weights = np.ones(len(rows)) if mask is None else np.asarray(mask, np.float64).ravel()
    return rows, weights / len(rows)


def numpy_gram(array, style, mask=None, style_mask=None):
    grams = []
    for each, weights in ((array, mask), (style, style_mask)):
        rows, weights = positions(each, weights)
        grams.append(np.einsum("p,pi,pj->ij", weights, rows, rows))
    return ((grams[0] - grams[1]) ** 2).mean()


def numpy_moments(array, style, mask=None, style_mask=None):
    moments = []
    for each, weights in ((array, mask), (style, style_mask)):
        rows, weights = positions(each, weights)
        mean = weights @ rows
        moments.append((mean, np.sqrt(weights @ (rows - mean) ** 2 + 1e-5)))
    (mean, deviation), (style_mean, style_deviation) = moments
    return ((mean - style_mean) ** 2 + (deviation - style_deviation) ** 2).mean()


def numpy_wasserstein(array, style, mask=None, style_mask=None):
    gaussians = []
    for each, weights in ((array, mask), (style, style_mask)):
        rows, weights = positions(each, weights)
        mean = weights @ rows
        covariance = np.einsum("p,pi,pj->ij", weights, rows - mean, rows - mean)
        gaussians.append((mean, covariance + 1e-4 * np.eye(len(mean))))
    (mean, covariance), (style_mean, style_covariance) = gaussians
    root = scipy.linalg.sqrtm(style_covariance)
    overlap = scipy.linalg.sqrtm(root @ covariance @ root).real
    spread = np.trace(covariance + style_covariance - 2 * overlap)
    return (((mean - style_mean) ** 2).sum() + spread) / len(mean)


REFERENCES = [numpy_gram, numpy_moments, numpy_wasserstein]
BOTH = list(zip(TERMS, REFERENCES, strict=True))


# --- Values


@pytest.mark.parametrize(("term", "reference"), BOTH, ids=IDS)
def test_value_against_numpy(term, reference):
    array, style = features(seed=1), features(11, 5, seed=2)
    assert style_value(term, array, style) == pytest.approx(reference(array, style), rel=1e-5)


@pytest.mark.parametrize(("term", "reference"), BOTH, ids=IDS)
def test_value_within_masks_against_numpy(term, reference):
    array, style = features(seed=1), features(11, 5, seed=2)
    masks = soft_mask(), soft_mask(11, 5, seed=8)
    expected = reference(array, style, *masks)
    assert style_value(term, array, style, *masks) == pytest.approx(expected, rel=1e-5)
    # The masks do something.
    assert abs(expected - reference(array, style)) > 0.01 * expected


@pytest.mark.parametrize("term", TERMS, ids=IDS)
def test_a_binary_mask_leaves_only_the_pixels_inside(term):
    array = features()
    inside, mask = binary_mask()
    masked = term.mean(tf.constant(array), tf.constant(mask))
    alone = term.mean(tf.constant(array[inside][np.newaxis, np.newaxis]))
    np.testing.assert_allclose(masked, alone, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("term", TERMS, ids=IDS)
def test_a_style_is_at_no_distance_from_itself(term):
    array, style = features(seed=1), features(seed=2)
    far = style_value(term, array, style)
    assert abs(style_value(term, style, style)) < 1e-4 * far
    # Nor does it matter where things are.
    shuffled = style[:, ::-1].transpose(0, 2, 1, 3)
    assert abs(style_value(term, shuffled, style)) < 1e-4 * far


@pytest.mark.parametrize("term", TERMS, ids=IDS)
def test_value_does_not_depend_on_the_size(term):
    array, style = features(seed=1), features(seed=2)
    larger = np.tile(array, (1, 3, 4, 1))
    expected = style_value(term, array, style)
    assert style_value(term, larger, style) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("mask", [None, soft_mask(10, 8)], ids=["all", "masked"])
@pytest.mark.parametrize("term", TERMS, ids=IDS)
def test_statistic_adds_over_tiles(term, mask):
    array = features(10, 8)

    def statistic(rows, columns):
        guide = () if mask is None else (tf.constant(mask[:, rows, columns]),)
        return term.statistic(tf.constant(array[:, rows, columns]), *guide).numpy()

    tiles = [(slice(y, y + 5), slice(x, x + 4)) for y in (0, 5) for x in (0, 4)]
    total = sum(statistic(*tile) for tile in tiles)
    whole = statistic(slice(None), slice(None))
    np.testing.assert_allclose(total, whole, rtol=1e-5, atol=1e-5 * np.abs(whole).max())


def test_gatys_loss_is_a_quarter_of_gram():
    array, style = features(seed=1), features(seed=2)
    rows, style_rows = (a.astype(np.float64).reshape(-1, 4) for a in (array, style))
    gram, wanted = rows.T @ rows, style_rows.T @ style_rows  # His sums over M positions.
    (m, n) = rows.shape
    expected = ((gram - wanted) ** 2).sum() / (4 * n**2 * m**2)
    assert style_value(Gram("a"), array, style) / 4 == pytest.approx(expected, rel=1e-5)


def test_wasserstein_of_diagonal_gaussians_is_that_of_means_and_deviations():
    # Two channels without correlation, of deviations 1 and 2 against 3 and 0.5.
    signs = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]], np.float32).reshape(1, 2, 2, 2)
    array, style = signs * [1.0, 2.0], signs * [3.0, 0.5] + [0.25, -1.0]
    got = style_value(Wasserstein("a"), array.astype(np.float32), style.astype(np.float32))
    expected = (2.0**2 + 1.5**2 + 0.25**2 + 1.0**2) / 2
    assert got == pytest.approx(expected, rel=1e-3)  # The 1e-4 on the diagonals is seen here.


def test_wasserstein_sees_a_small_distance_between_channels_much_alike():
    # As of an early layer, near the style: float32's eigenvalues alone would make it negative.
    generator = np.random.default_rng(0)
    turn = np.linalg.qr(generator.normal(size=(32, 32)))[0]
    array = generator.normal(size=(1, 20, 20, 32)) * 30 * np.logspace(0, -3, 32) @ turn
    array, style = (each.astype(np.float32) for each in (array, 1.02 * array))
    expected = numpy_wasserstein(array, style)
    assert expected < 1e-3 * array.var()
    assert style_value(Wasserstein("a"), array, style) == pytest.approx(expected, rel=0.01)


# --- Gradients


@pytest.mark.parametrize("masked", [False, True], ids=["all", "masked"])
@pytest.mark.parametrize(("term", "reference"), BOTH, ids=IDS)
def test_gradient_against_finite_differences(term, reference, masked):
    array, style = features(5, 6, 3, seed=1), features(7, 4, 3, seed=2)
    mask = soft_mask(5, 6) if masked else None
    target = Target(
        () if mask is None else (tf.constant(mask),), term.prepare(term.mean(tf.constant(style)))
    )
    tensor = tf.constant(array)
    with tf.GradientTape() as tape:
        tape.watch(tensor)
        loss = Objective([term])({"a": tensor}, [target])[0]
    gradient = tape.gradient(loss, tensor).numpy().ravel()
    differences = np.empty(len(gradient))
    exact = array.astype(np.float64)
    for i in range(len(gradient)):
        step = 1e-5 * np.eye(1, len(gradient), i).reshape(array.shape)
        higher, lower = (reference(exact + s, style, mask) for s in (step, -step))
        differences[i] = (higher - lower) / 2e-5
    largest = np.abs(differences).max()
    assert largest > 1e-3
    np.testing.assert_allclose(gradient, differences, rtol=1e-4, atol=1e-4 * largest)


@pytest.mark.parametrize("term", TERMS, ids=IDS)
def test_gradient_is_finite_where_features_tell_nothing(term):
    # Dead channels, and fewer positions than channels, as a ReLU and a small picture give.
    dead = features(2, 2, 6)
    dead[..., :3] = 0.0
    target = Target((), term.prepare(term.mean(tf.constant(features(9, 7, 6, seed=2)))))
    for array in (dead, np.zeros_like(dead), np.ones_like(dead)):
        tensor = tf.constant(array)
        with tf.GradientTape() as tape:
            tape.watch(tensor)
            loss = Objective([term])({"a": tensor}, [target])[0]
        gradient = tape.gradient(loss, tensor).numpy()
        assert np.isfinite(float(loss)) and np.isfinite(gradient).all()


def positive_matrix(n, rank, seed=0):
    factors = np.random.default_rng(seed).normal(size=(n, rank))
    return factors @ factors.T


def root_and_gradient(matrix):
    trace, gradient = trace_of_root(tf.constant(matrix, tf.float32))
    return float(trace), gradient.numpy()


def test_trace_of_root_against_scipy():
    matrix = positive_matrix(5, 9)
    trace, gradient = root_and_gradient(matrix)
    root = scipy.linalg.sqrtm(matrix)
    assert trace == pytest.approx(np.trace(root), rel=1e-5)
    expected = np.linalg.inv(root) / 2
    np.testing.assert_allclose(gradient, expected, atol=1e-4 * np.abs(expected).max())


def test_gradient_of_trace_of_root_against_finite_differences():
    matrix = positive_matrix(4, 9)

    def trace(values):
        return np.sqrt(np.linalg.eigvalsh((values + values.T) / 2)).sum()

    differences = np.empty((4, 4))
    for i in range(4):
        for j in range(4):
            step = np.zeros((4, 4))
            step[i, j] = 1e-5
            differences[i, j] = (trace(matrix + step) - trace(matrix - step)) / 2e-5
    _, gradient = root_and_gradient(matrix)
    np.testing.assert_allclose(gradient, differences, atol=1e-4 * np.abs(differences).max())


def test_equal_eigenvalues_have_a_gradient():
    # Where TensorFlow's own gradient of eigenvectors divides by their differences.
    trace, gradient = root_and_gradient(4 * np.eye(5))
    assert trace == pytest.approx(10, rel=1e-6)
    np.testing.assert_allclose(gradient, np.eye(5) / 4, atol=1e-6)


@pytest.mark.parametrize("rank", [1, 3, 5])
def test_a_singular_matrix_has_a_bounded_gradient(rank):
    matrix = positive_matrix(6, rank)
    trace, gradient = root_and_gradient(matrix)
    values = np.maximum(np.linalg.eigvalsh(matrix), 0)
    # Each eigenvalue of 0 counts as 1e-7 of the largest.
    assert trace == pytest.approx(np.sqrt(values).sum(), rel=6 * 1e-3)
    assert np.isfinite(gradient).all()
    assert np.abs(gradient).max() <= 1.01 / (2 * np.sqrt(1e-7 * values.max()))


def test_what_is_not_finite_has_no_trace_but_no_error_either():
    # A run that diverges is to end with its last good picture.
    for value in (np.nan, np.inf):
        matrix = tf.constant(positive_matrix(4, 9), tf.float32) * value
        trace, gradient = root_and_gradient(matrix)
        assert not np.isfinite(trace) and not np.isfinite(gradient).any()


def test_a_distance_takes_what_comes_after_it_into_account():
    term, mean = Wasserstein("a"), tf.constant(features(9, 7, 6))
    value = term.prepare(term.mean(tf.constant(features(9, 7, 6, seed=2))))
    mean = term.mean(mean)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(mean)
        distance = term.distance(mean, *value)
        loss = -3.0 * distance**2
    expected = -6 * distance * tape.gradient(distance, mean)
    np.testing.assert_allclose(tape.gradient(loss, mean), expected, rtol=1e-5)


# --- Names


def test_style_losses_are_named_by_layer_and_style():
    for kind in STYLE_LOSSES.values():
        blend, first, third = kind("a"), kind("a", style=0), kind("a", 2.5, style=2)
        assert [term.name for term in (blend, first, third)] == [
            "style a",
            "style 1 a",
            "style 3 a",
        ]
        assert (blend.style, first.style, third.style) == (None, 0, 2)
        assert (blend.weight, third.weight) == (1.0, 2.5)


# --- In bfloat16


def test_gram_takes_bfloat16():
    assert Gram.takes_bfloat16 and not Moments.takes_bfloat16
    # More positions than one bfloat16 number adds up, and not a multiple of them.
    array = features(30, 23, seed=1)
    rounded = tf.cast(array, tf.bfloat16)
    exact = Gram("a").mean(tf.cast(rounded, tf.float32))
    got = Gram("a").mean(rounded)
    assert got.dtype == tf.float32
    np.testing.assert_allclose(got, exact, atol=0.005 * np.abs(exact).max())


@pytest.mark.parametrize("term", TERMS, ids=IDS)
def test_bfloat16_features_have_a_gradient_much_the_same(term):
    array, style = features(30, 23, seed=1), features(seed=2)
    for mask in (None, soft_mask(30, 23)):
        gradients = []
        for dtype in (tf.float32, tf.bfloat16):
            target = Target(
                () if mask is None else (tf.constant(mask),),
                term.prepare(term.mean(tf.constant(style))),
            )
            tensor = tf.cast(tf.cast(array, tf.bfloat16), dtype)
            with tf.GradientTape() as tape:
                tape.watch(tensor)
                loss = Objective([term])({"a": tensor}, [target])[0]
            assert loss.dtype == tf.float32
            gradient = tape.gradient(loss, tensor)
            assert gradient.dtype == dtype
            gradients.append(tf.cast(gradient, tf.float32).numpy())
        difference = np.linalg.norm(gradients[1] - gradients[0])
        assert difference < 0.02 * np.linalg.norm(gradients[0])


@pytest.mark.parametrize("dtype", [tf.float32, tf.bfloat16])
def test_gradient_of_sum_products_for_any_use_of_it(dtype):
    rows = tf.cast(tf.cast(features(4, 5)[0].reshape(-1, 4), tf.bfloat16), dtype)
    # An upstream gradient that is not symmetric.
    weights = tf.constant(np.random.default_rng(1).normal(size=(4, 4)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(rows)
        loss = tf.reduce_sum(weights * sum_products(rows))
    exact = tf.cast(rows, tf.float32).numpy().astype(np.float64)
    expected = exact @ (weights.numpy() + weights.numpy().T)
    tolerance = 1e-5 if dtype == tf.float32 else 0.02
    gradient = tf.cast(tape.gradient(loss, rows), tf.float32)
    np.testing.assert_allclose(gradient, expected, atol=tolerance * np.abs(expected).max())
