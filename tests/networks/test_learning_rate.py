"""The rate of a training: along half a cosine, and lower where it diverged."""

import math

import keras
import numpy as np
import pytest

from kerasart.networks.learning_rate import CosineDecay


def test_the_rate_falls_along_half_a_cosine():
    decay = CosineDecay(0.2, 100, final=0.1)
    for step in (0, 1, 25, 50, 99, 100, 250):
        progress = min(step / 100, 1)
        expected = 0.2 * (0.1 + 0.9 * (1 + math.cos(math.pi * progress)) / 2)
        assert float(decay(step)) == pytest.approx(expected, rel=1e-5)
    assert float(decay(0)) == pytest.approx(0.2)
    assert float(decay(100)) == pytest.approx(0.02)


def test_a_rate_can_stay_and_can_fall_to_nothing():
    assert float(CosineDecay(0.2, 100, final=1.0)(70)) == pytest.approx(0.2)
    assert float(CosineDecay(0.2, 100)(100)) == pytest.approx(0, abs=1e-8)


def test_a_rate_can_be_lowered_on_the_way():
    decay = CosineDecay(0.2, 100)
    before = float(decay(30))
    decay.factor.assign(0.5)
    assert float(decay(30)) == pytest.approx(before / 2)
    assert float(CosineDecay.from_config(decay.get_config())(30)) == pytest.approx(before)


def test_a_compiled_step_sees_the_lowered_rate():
    decay = CosineDecay(0.1, 12, 0.1)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(decay), loss="mse", jit_compile=False)
    x = np.random.default_rng(1).normal(size=(2, 3))
    data = x, x.sum(axis=-1, keepdims=True)
    decay.factor.assign(0.0)
    before = model.get_weights()
    model.fit(*data, verbose=0)
    np.testing.assert_array_equal(before[0], model.get_weights()[0])
    decay.factor.assign(1.0)
    model.fit(*data, verbose=0)
    assert np.abs(before[0] - model.get_weights()[0]).max() > 1e-3
