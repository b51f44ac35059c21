"""What the tests of all terms share: features, values, and checks of gradients and sums."""

import numpy as np
import tensorflow as tf

from kerasart.objectives import Objective, Target


def features(height=5, width=6, channels=4, seed=0):
    return np.random.default_rng(seed).normal(size=(1, height, width, channels)).astype(np.float32)


def value(term, array, target=None):
    maps = {term.layer: tf.constant(array)}
    return float(Objective([term])(maps, [target or Target()])[0])


def check_gradient(term, array, target_in=lambda dtype: Target()):
    """Compares a term's gradient with central differences in float64, and an objective's with it.

    Args:
        term: The term.
        array: Features.
        target_in: Makes the term's target of tensors of a data type.
    """
    array = array.astype(np.float64)
    count = 1 if term.summed else array.shape[1] * array.shape[2]
    target = target_in(tf.float64)

    def loss(array):
        # `mean` casts to float32; differences need more.
        statistic = term.statistic(tf.cast(array, tf.float64), *target.guide)
        return term.distance(statistic / count, *target.value)

    tensor = tf.constant(array)
    with tf.GradientTape() as tape:
        tape.watch(tensor)
        distance = loss(tensor)
    gradient = tf.convert_to_tensor(tape.gradient(distance, tensor)).numpy().ravel()
    steps = 1e-6 * np.eye(array.size).reshape(-1, *array.shape)
    differences = [(float(loss(array + s)) - float(loss(array - s))) / 2e-6 for s in steps]
    assert np.abs(gradient).max() > 0
    np.testing.assert_allclose(gradient, differences, atol=1e-6 * np.abs(gradient).max() + 1e-9)
    # And the whole, as a descent sees it, is the same in float32.
    tensor = tf.constant(array.astype(np.float32))
    with tf.GradientTape() as tape:
        tape.watch(tensor)
        loss = Objective([-3.0 * term])({term.layer: tensor}, [target_in(tf.float32)])[0]
    single = tf.convert_to_tensor(tape.gradient(loss, tensor)).numpy().ravel()
    np.testing.assert_allclose(single, -3 * gradient, atol=1e-5 * np.abs(gradient).max())


def check_adds_over_tiles(term, array, *guide, rtol=1e-4, atol=1e-5):
    """Compares the sum of a statistic over four tiles of 5x4 positions with that of all 10x8."""

    def statistic(part):
        return term.statistic(*(tf.constant(each[part]) for each in (array, *guide))).numpy()

    tiles = [np.s_[:, y : y + 5, x : x + 4] for y in (0, 5) for x in (0, 4)]
    whole = statistic(np.s_[:])
    np.testing.assert_allclose(sum(map(statistic, tiles)), whole, rtol=rtol, atol=atol)


def check_bfloat16_is_cast(term, target):
    """Checks that bfloat16 features are compared in float32."""
    array = tf.cast(features(), tf.bfloat16)
    exact = tf.cast(array, tf.float32).numpy()
    np.testing.assert_allclose(value(term, array, target), value(term, exact, target), rtol=1e-6)
