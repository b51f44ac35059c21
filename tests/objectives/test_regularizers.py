import numpy as np
import pytest
import tensorflow as tf
from term_checks import check_adds_over_tiles, check_gradient, features, value

from kerasart.objectives import Energy, Objective, TotalVariation

MEAN_COLOUR = np.array([123.68, 116.779, 103.939]) / 255

# --- Total variation


@pytest.mark.parametrize("beta", [1.0, 2.0, 2.5])
def test_total_variation_against_numpy(beta):
    array = features(9, 7, 3).astype(np.float64)
    expected = 0.0
    for y in range(8):
        for x in range(6):
            here = array[0, y, x]
            down, right = array[0, y + 1, x] - here, array[0, y, x + 1] - here
            expected += ((down**2 + right**2) ** (beta / 2)).sum()
    got = value(TotalVariation(beta=beta, isotropic=True), array.astype(np.float32))
    assert got == pytest.approx(expected / (9 * 7), rel=1e-5)


def test_total_variation_by_direction_is_tensorflows():
    array = features(9, 7, 3)
    expected = float(tf.image.total_variation(tf.constant(array))[0])
    got = value(TotalVariation(beta=1), array)
    assert got == pytest.approx(expected / (9 * 7), rel=1e-5)


def test_total_variation_by_direction_has_the_last_row_and_column():
    array = features(9, 7, 3).astype(np.float64)
    expected = (np.diff(array, axis=1) ** 2).sum() + (np.diff(array, axis=2) ** 2).sum()
    got = value(TotalVariation(), array.astype(np.float32))
    assert got == pytest.approx(expected / (9 * 7), rel=1e-5)


@pytest.mark.parametrize("beta", [1.0, 2.5])
def test_total_variation_of_flat_areas_has_no_gradient(beta):
    image = tf.Variable(tf.fill([1, 4, 5, 3], 0.5))
    with tf.GradientTape() as tape:
        loss = TotalVariation(beta=beta, isotropic=True).statistic(image)
    np.testing.assert_array_equal(tape.gradient(loss, image), np.zeros([1, 4, 5, 3]))


def test_summed_total_variation_is_the_sum_over_positions():
    image = tf.constant(features(9, 7, 3))
    mean, total = (
        float(Objective([TotalVariation(summed=s)])({"image": image})[0]) for s in (False, True)
    )
    assert total == pytest.approx(9 * 7 * mean, rel=1e-5)


def test_gradient_of_squared_total_variation_against_finite_differences():
    check_gradient(TotalVariation(), features(5, 6, 2))


@pytest.mark.parametrize("isotropic", [True, False])
def test_gradient_of_total_variation_against_finite_differences(isotropic):
    term = TotalVariation(beta=2.5, isotropic=isotropic)
    array = tf.constant(features(4, 5, 2).astype(np.float64))
    with tf.GradientTape() as tape:
        tape.watch(array)
        loss = term.statistic(array)
    gradient = tape.gradient(loss, array).numpy().ravel()
    differences = np.empty_like(gradient)
    for i in range(len(gradient)):
        step = 1e-6 * np.eye(1, len(gradient), i).reshape(array.shape)
        differences[i] = (term.statistic(array + step) - term.statistic(array - step)) / 2e-6
    np.testing.assert_allclose(gradient, differences, rtol=1e-5, atol=1e-7)


def test_total_variation_adds_over_tiles_that_share_an_edge():
    array = features(10, 8, 3)
    term = TotalVariation()
    upper, lower = array[:, :6], array[:, 5:]
    shared = array[:, 5:6]  # Its own differences are in both.
    parts = [float(term.statistic(tf.constant(part))) for part in (upper, lower, shared)]
    whole = float(term.statistic(tf.constant(array)))
    assert whole == pytest.approx(parts[0] + parts[1] - parts[2], rel=1e-5)


# --- Energy


def test_energy_against_numpy():
    array = features(channels=3)
    expected = ((array.astype(np.float64) - MEAN_COLOUR) ** 2).mean()
    assert value(Energy(), array) == pytest.approx(expected, rel=1e-5)
    plain = np.broadcast_to(MEAN_COLOUR, (1, 4, 5, 3)).astype(np.float32)
    assert value(Energy(), plain) == pytest.approx(0, abs=1e-12)


def test_energy_is_of_the_image():
    assert Energy().name == "energy" and Energy().layer == "image"


def test_gradient_of_energy_against_finite_differences():
    check_gradient(Energy(), features(3, 4, 3))


def test_energy_adds_over_tiles():
    check_adds_over_tiles(Energy(), features(10, 8, 3))
