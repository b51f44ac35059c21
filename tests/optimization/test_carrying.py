"""`carry`: what a descent remembers, along the motion of a film."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasart.objectives import Content, Objective, Target
from kerasart.optimization import (
    LBFGS,
    Adam,
    Descent,
    Fourier,
    KerasOptimizer,
    blend_warped,
    carry,
)
from kerasart.optimization.parameterizations import hartley_transform


def see(image):
    return {"image": image}


def noise(height, width, seed=0):
    image = np.random.default_rng(seed).uniform(size=(1, height, width, 3))
    return image.astype(np.float32)


def descend(optimizer, **settings):
    """Makes a descent whose picture is drawn to another one."""
    return Descent(see, Objective([Content("image")]), optimizer, **settings)


def toward(image):
    return [Target(guide=(tf.constant(image),))]


def to_the_right(array):
    """Moves two columns to the right, beyond the range of what it moves."""
    return 1.1 * np.roll(array, 2, axis=2) - 0.05 * array.mean()


def columns_of_trust(width=8):
    return np.linspace(0, 1, width, dtype=np.float32).reshape(1, 1, width, 1)


def moved(old, trust, elsewhere=None):
    """What is carried of an array; moments become a hundredth of their mean elsewhere."""
    elsewhere = 0.01 * old.mean() if elsewhere is None else elsewhere
    return trust * np.clip(to_the_right(old), old.min(), old.max()) + (1 - trust) * elsewhere


def to_next(frame, descent, state, warp, trust):
    """Moves the picture of a state to the next frame, with its memory."""
    start = blend_warped(warp, trust, descent.to_image(state), frame)
    return carry(descent, state.memory, start, warp, trust)


@pytest.mark.parametrize("average", [0.0, 0.9])
def test_picture_and_moments_move_with_the_scene(average):
    descent = descend(Adam(0.05), average=average)
    state = descent.run(noise(6, 8), 3, targets=toward(noise(6, 8, 1))).state
    frame, trust = noise(6, 8, 2), columns_of_trust()
    carried = to_next(frame, descent, state, to_the_right, trust)

    expected = moved(descent.to_image(state).numpy(), trust, frame)
    np.testing.assert_allclose(carried.image, expected, rtol=1e-6)
    for old, new in zip(state.memory[:2], carried.memory[:2], strict=True):
        np.testing.assert_allclose(new, moved(old.numpy(), trust), rtol=1e-6)
        assert np.abs(new).max() > 0 and np.ptp(new[:, :, 0]) == 0
    assert np.min(carried.memory[1]) >= 0
    assert float(carried.memory[2]) == 3.0
    assert len(carried.average) == len(state.average) and not any(map(np.any, carried.average))
    run = descent.run(carried, 2, targets=toward(noise(6, 8, 1)))
    assert float(run.state.memory[2]) == 5.0 and descent.traces == 1


def test_carried_moments_do_not_shake_what_stands_still():
    descent, goal = descend(Adam(0.05)), toward(noise(6, 8, 1))
    state = descent.run(noise(6, 8), 200, targets=goal).state
    still, trust = (lambda array: array), np.ones((1, 6, 8, 1), np.float32)
    carried = to_next(noise(6, 8, 2), descent, state, still, trust)
    np.testing.assert_array_equal(carried.image, state.image)
    before = state.image.numpy()
    steady, shaken = (
        np.abs(descent.run(start, 3, targets=goal).image - before).mean()
        for start in (carried, before)
    )
    assert steady < 0.1 * shaken


def test_what_is_uncovered_gets_no_specks_where_it_needs_no_change():
    """By Adam's moments of 0, even the least gradient moves a pixel by the learning rate."""
    goal = noise(6, 8, 1)
    frame = goal + 1e-3 * noise(6, 8, 2)
    descent, targets = descend(Adam(0.05)), toward(goal)
    state = descent.run(noise(6, 8), 20, targets=targets).state
    nowhere = np.zeros((1, 6, 8, 1), np.float32)
    start = carry(descent, state.memory, frame, lambda array: array, nowhere)
    steps, shaken = (descent.run(each, 3, targets=targets).image for each in (start, frame))
    assert np.abs(steps - goal).max() < 0.5 * np.abs(shaken - goal).max()


@pytest.mark.parametrize("optimizer", [KerasOptimizer("adam", 0.05), LBFGS()])
def test_whatever_can_be_moved_is(optimizer):
    descent = descend(optimizer)
    state = descent.run(noise(6, 8), 3, targets=toward(noise(6, 8, 1))).state
    carried = to_next(noise(6, 8, 2), descent, state, to_the_right, columns_of_trust())
    pairs = list(zip(state.memory, carried.memory, strict=True))
    moments = [each for each in pairs if each[0].shape == state.image.shape]
    assert len(moments) == (2 if pairs else 0)
    for old, new in moments:
        np.testing.assert_allclose(new, moved(old.numpy(), columns_of_trust()), rtol=1e-6)
    assert all(old == new for old, new in pairs if old.shape == ())
    run = descent.run(carried, 3, targets=toward(noise(6, 8, 1)))
    assert run.losses[-1, 0] < run.losses[0, 0]


@pytest.mark.parametrize(
    "settings",
    [
        {"optimizer": KerasOptimizer(keras.optimizers.Adafactor(0.05))},
        {"optimizer": LBFGS(), "parameterization": Fourier()},
    ],
)
def test_of_memory_without_places_in_the_picture_none_is_kept(settings):
    descent = descend(**settings)
    state = descent.run(noise(6, 8), 3, targets=toward(noise(6, 8, 1))).state
    carried = to_next(noise(6, 8, 2), descent, state, to_the_right, columns_of_trust())
    fresh = descent.start(descent.to_image(carried))
    for got, expected in zip(carried.memory, fresh.memory, strict=True):
        np.testing.assert_array_equal(got, expected)
    old = descent.to_image(state).numpy()
    moved = to_the_right(old).clip(old.min(), old.max())[:, :, -1:]
    np.testing.assert_allclose(descent.to_image(carried)[:, :, -1:], moved, atol=0.006)


def test_adams_mean_of_fourier_coefficients_moves_along():
    descent = descend(Adam(0.05), parameterization=Fourier())
    state = descent.run(noise(6, 8), 3, targets=toward(noise(6, 8, 1))).state
    trust, start = columns_of_trust(), noise(6, 8, 2)
    carried = carry(descent, state.memory, start, to_the_right, trust)
    mean, square, count = carried.memory
    old, new = (hartley_transform(tf.constant(each)).numpy() for each in (state.memory[0], mean))
    np.testing.assert_allclose(new, trust * to_the_right(old), atol=1e-6)
    assert np.abs(new).max() > 1e-4 and count == 3
    np.testing.assert_array_equal(square, state.memory[1])
    np.testing.assert_allclose(descent.to_image(carried), start, atol=0.006)
    run = descent.run(carried, 10, targets=toward(noise(6, 8, 1)))
    assert run.losses[-1, 0] < run.losses[0, 0]


def test_without_a_memory_it_starts_afresh():
    descent = descend(Adam(0.05), parameterization=Fourier())
    fresh = carry(descent, (), noise(6, 8), to_the_right, columns_of_trust())
    assert float(fresh.memory[2]) == 0 and not np.any(fresh.memory[1])
