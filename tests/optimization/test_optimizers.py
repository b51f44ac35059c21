import numpy as np
import pytest
import tensorflow as tf

from kerasart.optimization import NormalizedGradient

GRADIENT = np.random.default_rng(0).normal(0.3, 1e-4, (1, 6, 5, 3)).astype(np.float32)
IMAGE = np.random.default_rng(1).uniform(size=(1, 6, 5, 3)).astype(np.float32)


def update(optimizer, gradient):
    """The picture after one step."""
    image = tf.constant(IMAGE)
    return optimizer.update(image, tf.constant(gradient), optimizer.start(image))[0]


@pytest.mark.parametrize(
    ("norm", "magnitude"), [("mean", lambda g: np.abs(g).mean()), ("std", lambda g: g.std())]
)
def test_update_against_numpy(norm, magnitude):
    gradient = GRADIENT * np.float32(1e-3)
    moved = update(NormalizedGradient(0.02, norm), gradient)
    expected = IMAGE - 0.02 * gradient.astype(np.float64) / magnitude(gradient.astype(np.float64))
    # float32's standard deviation of numbers far from 0 loses three digits.
    np.testing.assert_allclose(moved, expected, rtol=1e-5 if norm == "mean" else 1e-3)


@pytest.mark.parametrize("norm", ["mean", "std"])
def test_step_does_not_depend_on_the_gradients_scale(norm):
    gradient = GRADIENT - 0.3
    optimizer = NormalizedGradient(0.02, norm)
    moved = [update(optimizer, gradient * np.float32(s)) for s in (1.0, 1e-4, 1e4)]
    np.testing.assert_allclose(moved[1], moved[0], atol=1e-6)
    np.testing.assert_allclose(moved[2], moved[0], atol=1e-6)


def test_vanishing_gradient_moves_little():
    gradient = np.full_like(IMAGE, 1e-6)
    moved = update(NormalizedGradient(0.02, floor=1e-3), gradient)
    np.testing.assert_allclose(IMAGE - moved, 0.02 * 1e-6 / 1e-3, atol=1e-7)
    still = update(NormalizedGradient(0.02), np.zeros_like(IMAGE))
    np.testing.assert_array_equal(still, IMAGE)


def test_unknown_norm():
    with pytest.raises(ValueError, match="mean, std. Received: 'max'"):
        NormalizedGradient(0.1, "max")
