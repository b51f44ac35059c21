import numpy as np
import pytest
import tensorflow as tf

from kerasart.objectives import Activation, Objective, Term, TotalVariation


def features(height=9, width=7, channels=3, seed=0):
    return np.random.default_rng(seed).normal(size=(1, height, width, channels)).astype(np.float32)


def value(term, array):
    return float(Objective([term])({term.layer: tf.constant(array)})[0])


# --- Values


@pytest.mark.parametrize("border", [0, 1, 2])
@pytest.mark.parametrize("power", [1, 2])
def test_activation_against_numpy(power, border):
    array = features()
    inner = array[:, border : 9 - border, border : 7 - border].astype(np.float64)
    # The border still counts in the denominator.
    expected = -(inner**power).sum() / array.size
    assert value(Activation("mixed4", power, border), array) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("beta", [1.0, 2.0, 2.5])
def test_total_variation_against_numpy(beta):
    array = features().astype(np.float64)
    expected = 0.0
    for y in range(8):
        for x in range(6):
            here = array[0, y, x]
            down, right = array[0, y + 1, x] - here, array[0, y, x + 1] - here
            expected += ((down**2 + right**2) ** (beta / 2)).sum()
    got = value(TotalVariation(beta=beta, isotropic=True), array.astype(np.float32))
    assert got == pytest.approx(expected / (9 * 7), rel=1e-5)


def test_total_variation_by_direction_is_tensorflows():
    array = features()
    expected = float(tf.image.total_variation(tf.constant(array))[0])
    got = value(TotalVariation(beta=1), array)
    assert got == pytest.approx(expected / (9 * 7), rel=1e-5)


def test_total_variation_by_direction_has_the_last_row_and_column():
    array = features().astype(np.float64)
    expected = (np.diff(array, axis=1) ** 2).sum() + (np.diff(array, axis=2) ** 2).sum()
    got = value(TotalVariation(), array.astype(np.float32))
    assert got == pytest.approx(expected / (9 * 7), rel=1e-5)


@pytest.mark.parametrize("beta", [1.0, 2.5])
def test_total_variation_of_flat_areas_has_no_gradient(beta):
    image = tf.Variable(tf.fill([1, 4, 5, 3], 0.5))
    with tf.GradientTape() as tape:
        loss = TotalVariation(beta=beta, isotropic=True).statistic(image)
    np.testing.assert_array_equal(tape.gradient(loss, image), np.zeros([1, 4, 5, 3]))


def test_values_do_not_depend_on_the_size():
    array = np.full((1, 6, 5, 4), 1.5, np.float32)
    larger = np.full((1, 60, 50, 4), 1.5, np.float32)
    for term in (Activation("a"), Activation("a", power=1)):
        assert value(term, array) == pytest.approx(value(term, larger), rel=1e-5)


TERMS = [
    Activation("a", 2),
    Activation("a", 2, border=1),
    Activation("a", 1, border=1),
    TotalVariation(),
]


@pytest.mark.parametrize("term", TERMS)
def test_gradient_against_finite_differences(term):
    array = tf.constant(features(5, 6, 2))
    with tf.GradientTape() as tape:
        tape.watch(array)
        loss = Objective([term])({term.layer: array})[0]
    gradient = tape.gradient(loss, array).numpy().ravel()
    # The terms are quadratic, so that central differences are exact at any width; a wide one
    # keeps float32's rounding small.
    eps = 0.5
    differences = np.empty_like(gradient)
    for i in range(len(gradient)):
        step = np.zeros(len(gradient), np.float32)
        step[i] = eps
        step = step.reshape(array.shape)
        differences[i] = (value(term, array + step) - value(term, array - step)) / (2 * eps)
    assert np.abs(gradient).max() > 0
    np.testing.assert_allclose(gradient, differences, atol=1e-4 * np.abs(gradient).max())


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


@pytest.mark.parametrize("term", [Activation("a", 2), Activation("a", 1)])
def test_statistic_adds_over_tiles(term):
    array = features(10, 8)
    whole = term.statistic(tf.constant(array))
    tiles = [array[:, y : y + 5, x : x + 4] for y in (0, 5) for x in (0, 4)]
    total = sum(float(term.statistic(tf.constant(tile))) for tile in tiles)
    assert float(whole) == pytest.approx(total, rel=1e-5)


def test_total_variation_adds_over_tiles_that_share_an_edge():
    array = features(10, 8)
    term = TotalVariation()
    upper, lower = array[:, :6], array[:, 5:]
    shared = array[:, 5:6]  # Its own differences are in both.
    parts = [float(term.statistic(tf.constant(part))) for part in (upper, lower, shared)]
    whole = float(term.statistic(tf.constant(array)))
    assert whole == pytest.approx(parts[0] + parts[1] - parts[2], rel=1e-5)


# --- Adding and scaling


def test_terms_add_and_scale_like_numbers():
    maps = {name: tf.constant(features(seed=i)) for i, name in enumerate(["a", "b", "image"])}
    a, b, smooth = Activation("a"), Activation("b", power=1), TotalVariation()
    objective = 2 * a + b * 0.5 + 3 * (0.1 * smooth)
    assert objective.names == ("a", "b", "total_variation")
    assert objective.layers == ("a", "b", "image")
    single = [float(Objective([term])(maps)[0]) for term in (a, b, smooth)]
    np.testing.assert_allclose(objective(maps), np.multiply(single, [2, 0.5, 0.3]), rtol=1e-6)


def test_scaling_leaves_the_term_as_it_was():
    term = Activation("a", weight=1.5)
    assert ((2 * term).weight, (term * -2).weight, term.weight) == (3.0, -3.0, 1.5)


def test_sum_makes_an_objective():
    terms = [Activation(name) for name in "abc"]
    assert sum(terms).terms == tuple(terms)
    assert sum(terms[:1]).terms == (terms[0],)
    assert (sum(terms[:2]) + sum(terms[2:])).names == ("a", "b", "c")
    # An objective may stand at either side of a term.
    assert (terms[0] + (terms[1] + terms[2])).names == ("a", "b", "c")


def test_equal_names_are_numbered():
    twice = Activation("a") + Activation("a", power=1)
    assert (twice + Activation("b") + 2 * twice).names == ("a", "a 2", "b", "a 3", "a 4")


def test_a_term_is_an_objective():
    maps = {"a": tf.constant(features())}
    term = 3 * Activation("a")
    assert isinstance(term, Objective)
    assert (term.names, term.layers, term.terms) == (("a",), ("a",), (term,))
    np.testing.assert_array_equal(term(maps), Objective([term])(maps))
    assert float(term(maps)[0]) == pytest.approx(-3 * np.mean(maps["a"].numpy() ** 2), rel=1e-5)


@pytest.mark.parametrize("other", [1, "a", None, [Activation("a")]])
def test_only_objectives_are_added(other):
    for objective in (Activation("a"), Activation("a") + Activation("b")):
        with pytest.raises(TypeError, match="unsupported operand"):
            objective + other
        with pytest.raises(TypeError):
            objective * "2"


def test_a_layer_is_needed_once():
    class Brightness(Term):
        """As a user would write it."""

        def statistic(self, features):
            return tf.reduce_sum(features)

        def distance(self, mean):
            return -mean

    objective = TotalVariation() + 2 * Brightness("image", name="brightness")
    assert objective.layers == ("image",)
    array = features()
    got = objective({"image": tf.constant(array)})
    assert float(got[1]) == pytest.approx(-2 * array.sum() / 63, rel=1e-4)


def test_objectives_scale_like_numbers():
    objective = 2 * (Activation("a") + 3 * Activation("b"))
    assert [term.weight for term in objective.terms] == [2, 6]
