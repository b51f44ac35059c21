import numpy as np
import pytest
import tensorflow as tf

from kerasart.objectives import Content, Energy, Gram, Objective, Target, Term, TotalVariation
from kerasart.optimization import Evaluator, balance, measure_gradient, style_targets
from kerasart.optimization.gradient_magnitude import gradient_magnitude, magnitude_at_noise

PHOTO = np.random.default_rng(0).uniform(0.2, 0.8, (1, 12, 10, 3)).astype(np.float32)


class Slope(Term):
    """A value per pixel, the same everywhere: its magnitude is the steepness over the pixels."""

    def __init__(self, name, steepness, weight=1.0, balanced=True):
        super().__init__("image", name, weight)
        self.steepness = steepness
        self.balanced = balanced

    def statistic(self, features):
        return tf.reduce_sum(features)

    def distance(self, mean):
        return self.steepness * mean


def see(image):
    return {"image": image}


def weights_of(*terms, photo=PHOTO, seed=0):
    objective = Objective(terms)
    targets = [Target()] * len(terms)
    return balance(Evaluator(see, objective), photo, targets, seed)


def balanced(term):
    term.balanced = True
    return term


def test_weights_make_up_for_the_steepness():
    weights = weights_of(Slope("a", 2.0), Slope("b", -0.05), Slope("c", 1e6))
    np.testing.assert_allclose(weights, [0.5, 20.0, 1e-6], rtol=1e-5)


def test_the_gradient_of_the_whole_objective_is_measured():
    objective = Objective([Slope("a", 2.0), Slope("b", -0.5)])
    targets, weights = [Target()] * 2, np.array([3.0, 4.0])
    measured = measure_gradient(Evaluator(see, objective), PHOTO, targets, weights)
    assert measured == pytest.approx(3 * 2.0 - 4 * 0.5, rel=1e-5)


def test_own_weights_are_multiplied():
    weights = weights_of(Slope("a", 2.0, weight=3.0), 0.5 * Slope("b", 4.0, weight=8.0))
    np.testing.assert_allclose(weights, [1.5, 1.0], rtol=1e-5)


def test_raw_weights_are_left_alone():
    weights = weights_of(Slope("a", 2.0), Slope("b", 7.0, 0.1, balanced=False))
    np.testing.assert_allclose(weights, [0.5, 0.1], rtol=1e-5)
    weights = weights_of(Slope("a", 2.0, 3.0, balanced=False), TotalVariation(5.0))
    np.testing.assert_array_equal(weights, np.float32([3.0, 5.0]))


def test_weights_do_not_depend_on_the_size():
    larger = np.tile(PHOTO, (1, 3, 4, 1))
    np.testing.assert_allclose(weights_of(Slope("a", 2.0), photo=larger), [0.5], rtol=1e-5)
    small, large = (weights_of(balanced(TotalVariation()), photo=p) for p in (PHOTO, larger))
    np.testing.assert_allclose(large, small, rtol=0.2)


def test_a_term_that_does_not_pull_gets_nothing():
    weights = weights_of(Slope("a", 0.0), Slope("b", 4.0))
    np.testing.assert_allclose(weights, [0.0, 0.25], rtol=1e-5)


def test_weights_come_from_the_seed():
    first, again, other = (weights_of(balanced(TotalVariation()), seed=s) for s in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert first != other
    np.testing.assert_allclose(first, other, rtol=0.2)


def test_weights_are_a_vector_as_the_objectives():
    weights = weights_of(Slope("a", 2.0), TotalVariation())
    assert weights.shape == (2,) and np.issubdtype(weights.dtype, np.floating)


@pytest.fixture(scope="module")
def transfer(squeezenet, cat, face):
    """A style transfer's objective, with what it needs: network, photo and targets."""
    terms = [Content("fire5"), Gram("conv1"), Gram("fire4"), 1e3 * Gram("fire8"), TotalVariation()]
    objective = Objective([balanced(term) for term in terms])
    backbone = squeezenet.cut(objective.layers)
    photo, style = face[:, :64, :56], cat[:, 200:264, 300:364]
    targets = style_targets(Evaluator(backbone, objective), photo, [style], [1.0])
    return backbone, objective, photo, targets


def test_every_term_of_a_style_transfer_pulls_alike(transfer):
    backbone, objective, photo, targets = transfer
    weights = balance(Evaluator(backbone, objective), photo, targets)
    # Looked at with other noise of the same deviation.
    noise = np.random.default_rng(77).normal(0, 0.1, photo.shape)
    image = tf.constant(np.clip(photo + noise, 0, 1), tf.float32)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(image)
        values = tf.unstack(objective(backbone(image), targets, weights.astype(np.float32)))
    upstream_gradients = [
        np.sqrt(np.mean(np.square(tape.gradient(value, image)))) for value in values
    ]
    own = objective.weights
    np.testing.assert_allclose(np.array(upstream_gradients) * 64 * 56, own, rtol=0.2)
    # The content too, which is met at the photo itself, and without balance they differ widely.
    assert weights[0] > 0
    assert (weights / own).max() > 100 * (weights / own).min()


def test_magnitude_is_the_same_at_every_size():
    gradient = np.random.default_rng(0).normal(0, 3, (1, 8, 10, 3)).astype(np.float32)
    root_mean_square = np.sqrt((gradient**2).mean())
    assert float(gradient_magnitude(gradient)) == pytest.approx(80 * root_mean_square, rel=1e-5)
    # Of a mean over positions.
    larger = np.tile(gradient / 4, (1, 2, 2, 1))
    assert float(gradient_magnitude(larger)) == pytest.approx(
        float(gradient_magnitude(gradient)), rel=1e-5
    )


def test_magnitude_at_noise_by_hand():
    # Of each pixel's differences to four neighbours, twice their sum: of variance (16 + 4) s^2.
    assert magnitude_at_noise(TotalVariation(7.0)) == pytest.approx(2 * 0.1 * 20**0.5, rel=0.05)
    # The distance from the mean colour is as great as the noise, nearly, and has a third's weight.
    assert magnitude_at_noise(Energy()) == pytest.approx(2 / 3 * 0.1, rel=0.3)
    assert magnitude_at_noise(Slope("a", -5.0)) == pytest.approx(5.0)
