import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasart.networks.adaptive_augmentation import AdaptiveAugmentation

# No two pixels are alike, and none is mid-grey.
PICTURES = np.linspace(0, 0.4, 6 * 16 * 16 * 3, dtype=np.float32).reshape(6, 16, 16, 3)


def augmented(probability, seed=0, pictures=PICTURES):
    layer = AdaptiveAugmentation()
    layer.probability.assign(probability)
    return layer(tf.constant(pictures), seed=keras.random.SeedGenerator(seed))


def test_at_a_probability_of_0_pictures_stay_as_they_are():
    np.testing.assert_allclose(augmented(0.0), PICTURES, atol=1e-6)


def test_colours_are_those_of_the_picture_and_the_grey_of_cuts():
    for seed in range(5):
        for before, after in zip(PICTURES, augmented(1.0, seed).numpy(), strict=True):
            own = {tuple(np.round(pixel, 4)) for pixel in before.reshape(-1, 3)}
            seen = {tuple(np.round(pixel, 4)) for pixel in after.reshape(-1, 3)}
            assert seen - own == {(0.5, 0.5, 0.5)}  # At this probability each picture is cut.
            share = (after == 0.5).all(axis=-1).mean()
            assert 0 < share <= 0.3


def test_half_of_the_changes_are_made_at_a_half():
    changed = [
        np.abs(augmented(0.5, seed) - PICTURES).max(axis=(1, 2, 3)) > 1e-3 for seed in range(40)
    ]
    assert np.mean(changed) == pytest.approx(1 - 0.5**3, abs=0.06)  # Any of three.


def test_shifts_and_flips_keep_rows_and_mirror_the_border():
    ramp = np.tile(np.arange(16, dtype=np.float32)[None, :, None, None] / 40, (6, 1, 16, 3))
    numbers = np.arange(16)
    shifted = {shift: 15 - np.abs(15 - np.abs(numbers + shift)) for shift in range(-2, 3)}
    found = set()
    for seed in range(5):
        for picture in augmented(1.0, seed, ramp).numpy():
            seen = np.where(picture == 0.5, np.nan, picture * 40)  # Without what is cut.
            (shift,) = (
                s for s, rows in shifted.items() if np.allclose(np.nanmin(seen, (1, 2)), rows)
            )
            np.testing.assert_allclose(np.nanmax(seen, (1, 2)), shifted[shift], atol=1e-5)
            found.add(shift)
    assert len(found) > 2
    sideways = np.swapaxes(ramp, 1, 2)
    flipped = augmented(1.0, 3, sideways).numpy()
    whole = flipped[:, :, :, 0][(flipped[..., 0] != 0.5).all(axis=2)]
    assert len(whole) and np.all(whole[:, 2] > whole[:, -3])  # At this probability all are.


def test_gradients_reach_what_is_seen():
    pictures = tf.constant(PICTURES)
    layer = AdaptiveAugmentation()
    layer.probability.assign(1.0)
    with tf.GradientTape() as tape:
        tape.watch(pictures)
        after = layer(pictures, seed=keras.random.SeedGenerator(0))
        total = tf.reduce_sum(tf.where(after == 0.5, 0.0, after))
    gradient = tape.gradient(total, pictures).numpy()
    assert set(np.unique(gradient)) <= {0, 1, 2, 4}  # Pixels near a border are seen twice.
    assert gradient.sum() == (after != 0.5).numpy().sum()


def test_the_probability_follows_the_accuracy():
    layer = AdaptiveAugmentation(accuracy=0.8, pictures=1000)
    for accuracy, expected in ((0.9, 0.1), (0.9, 0.2), (0.7, 0.1), (0.1, 0.0), (0.1, 0.0)):
        layer.adapt(accuracy, 100)
        assert float(layer.probability) == pytest.approx(expected, abs=1e-6)
    for _ in range(20):
        layer.adapt(1.0, 100)
    assert float(layer.probability) == pytest.approx(0.8)
