import keras
import numpy as np
import pytest
import stylegan_equations as equations
import tensorflow as tf
from generators import make_generator

from kerasart.networks import (
    StyleGenerator,
    draw_latent,
    load_generator,
    load_network,
    save_network,
)

Z = np.random.default_rng(1).normal(size=(3, 6)).astype(np.float32)


@pytest.fixture(scope="module")
def generator():
    return make_generator()


def as_pixels(image):
    return np.clip((image + 1) / 2, 0, 1)


def assert_close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)


# --- Against the papers' equations


@pytest.mark.parametrize("clamp", [None, 1.0])
def test_it_paints_what_the_equations_say(clamp):
    generator = make_generator(clamp=clamp)
    w = [equations.map_latent(generator, z) for z in Z.astype(np.float64)]
    assert_close(generator.map(Z)[:, 0], w)
    pictures = [equations.paint(generator, [each] * 8) for each in w]
    assert 0.05 < np.mean(np.abs(pictures) < 1) < 0.99  # Few are clipped, and some.
    got = generator(Z)
    assert got.dtype == "float32" and got.shape == (3, 32, 32, 3)
    assert_close(got, as_pixels(np.stack(pictures)))
    if clamp:
        assert np.abs(got - make_generator()(Z)).max() > 0.05


def test_each_place_has_its_own_style_and_noise(generator):
    w = np.random.default_rng(2).normal(size=(2, 8, 7)).astype(np.float32)
    noise = generator.draw_noise(2, 5)
    expected = [
        equations.paint(generator, w[i], [each[i] for each in noise]) for i in range(len(w))
    ]
    assert_close(generator.paint(w, noise), as_pixels(np.stack(expected)))
    # Any of the eight matters.
    plain = generator.paint(w)
    for place in range(8):
        other = w.copy()
        other[:, place] += 1
        assert np.abs(generator.paint(other) - plain).max() > 1e-3


def test_one_size_and_many_layers_of_mapping():
    small = make_generator([4], mapping=3)
    w = [equations.map_latent(small, z) for z in Z.astype(np.float64)]
    expected = np.stack([equations.paint(small, [each] * 2) for each in w])
    assert_close(small(Z), as_pixels(expected))


def test_classes_are_mapped_as_the_equations_say():
    generator, labels = make_generator(classes=3), np.eye(3)[[2, 0, 1]]
    pairs = zip(Z.astype(np.float64), labels, strict=True)
    w = generator.map(Z, label=labels)
    assert_close(w[:, 0], [equations.map_latent(generator, z, label) for z, label in pairs])
    expected = generator.paint(generator.map(Z, 0.5, labels))
    assert_close(generator(Z, truncation=0.5, label=labels), expected)
    with pytest.raises(ValueError, match="`label` must be of 3 classes. Received: None"):
        generator.map(Z)
    with pytest.raises(ValueError, match="`label` must be None without classes. Received: "):
        make_generator().map(Z, label=labels)


def test_gradients_reach_all_that_is_trained(generator):
    with tf.GradientTape() as tape:
        value = tf.reduce_sum(generator(Z) ** 2)
    gradients = tape.gradient(value, generator.trainable_variables)
    assert all(np.abs(each).max() > 0 for each in gradients)
    assert not any("noise" in each.path for each in generator.trainable_variables)


# --- Truncation, mixing, noise


def test_truncation_leads_to_the_mean(generator):
    whole, none, half = (generator.map(Z, each).numpy() for each in (1.0, 0.0, 0.5))
    np.testing.assert_allclose(half, (whole + none) / 2, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(none, np.broadcast_to(generator.mean_w, none.shape))
    pictures = generator(Z, truncation=0.0).numpy()
    np.testing.assert_allclose(pictures, pictures[:1].repeat(3, axis=0), rtol=0, atol=1e-6)
    spread = [generator(Z, truncation=each).numpy().std(axis=0).mean() for each in (0.0, 0.5, 1.0)]
    assert spread[0] < 0.3 * spread[1] and spread[1] < spread[2]


def test_mixing_changes_its_level_only():
    generator = make_generator([4, 4, 4, 4, 4])
    assert generator.levels == ("coarse",) * 4 + ("middle",) * 4 + ("fine",) * 2
    a, b = generator.map(Z[:1]), generator.map(Z[1:2])
    for level in ("coarse", "middle", "fine"):
        others = {name: a for name in ("coarse", "middle", "fine") if name != level}
        mixed = generator.mix({level: b, **others}).numpy()
        own = np.array(generator.levels) == level
        np.testing.assert_array_equal(mixed[:, own], b.numpy()[:, own])
        np.testing.assert_array_equal(mixed[:, ~own], a.numpy()[:, ~own])
        assert np.abs(generator.paint(mixed) - generator.paint(a)).mean() > 0.01
    # A level that is left out is as the next coarser one.
    whole = generator.mix({"coarse": a, "middle": a, "fine": b})
    np.testing.assert_array_equal(generator.mix({"coarse": a, "fine": b}), whole)


@pytest.mark.parametrize("levels", [["coarse", "fine"], ["broad"], []])
def test_a_level_without_places_is_refused(generator, levels):
    received = ", ".join(levels) or "none"
    sentence = f"`styles` must be a dict .* coarse, middle, which .* Received: {received}"
    with pytest.raises(ValueError, match=sentence):
        generator.mix(dict.fromkeys(levels, generator.map(Z)))


def test_noise_is_fixed_or_fresh(generator):
    w = generator.map(Z)
    np.testing.assert_array_equal(generator.paint(w), generator.paint(w))
    fresh = [generator.paint(w, generator.draw_noise(3, seed)).numpy() for seed in (1, 1, 2)]
    np.testing.assert_array_equal(fresh[0], fresh[1])
    assert np.abs(fresh[0] - fresh[2]).mean() > 1e-3
    seeds = keras.random.SeedGenerator(1)
    first, second = (generator.draw_noise(2, seeds) for _ in range(2))
    assert np.abs(first[-1] - second[-1]).max() > 1


def test_a_seed_is_the_z_that_others_draw():
    # RandomState(7).randn, whose stream NumPy keeps as it is.
    np.testing.assert_allclose(draw_latent(7, 3), [[1.6905257, -0.4659373, 0.0328201]], rtol=1e-5)


# --- Forms


def test_bfloat16_paints_nearly_the_same(generator):
    exact = generator(Z)
    coarse = make_generator(dtype="mixed_bfloat16")(Z)
    assert coarse.dtype == "float32"
    assert 0 < np.abs(coarse - exact).mean() < 0.01


def test_exported_it_paints_the_same(tmp_path):
    generator = make_generator([4, 3])
    archive = keras.export.ExportArchive()
    archive.track(generator)
    z, truncation = tf.TensorSpec([None, 6]), tf.TensorSpec([])
    w = tf.TensorSpec([None, len(generator.levels), 7])
    archive.add_endpoint("map", generator.map, [z, truncation])
    archive.add_endpoint("paint", generator.paint, [w])
    archive.write_out(tmp_path / "served", verbose=False)
    served = tf.saved_model.load(str(tmp_path / "served"))
    got = served.paint(served.map(tf.constant(Z), tf.constant(0.7)))
    np.testing.assert_allclose(got, generator(Z, truncation=0.7), rtol=0, atol=1e-5)


def test_config_and_count(generator):
    for config in (
        generator.get_config(),
        {**generator.get_config(), "channels": [5], "mapping": 0, "w_size": 6},
        {**generator.get_config(), "mapping": 3, "z_size": 9},
        {**generator.get_config(), "classes": 3},
    ):
        again = StyleGenerator.from_config(config)
        assert again.get_config() == config
        assert StyleGenerator.count_weights(config) == again.count_params()


@pytest.mark.parametrize("channels", [[], [4, 0]])
def test_it_has_channels(channels):
    with pytest.raises(ValueError, match="`channels` must be at least one number .* Received"):
        StyleGenerator(channels)


# --- Files


def test_saved_and_loaded_it_paints_the_same(generator, tmp_path, any_precision):
    path = tmp_path / "generator.keras"
    save_network(generator, path)
    assert path.stat().st_size < 4 * generator.count_params() + 2**17
    again = load_generator(path)
    assert again.get_config() == generator.get_config()
    np.testing.assert_allclose(again(Z), generator(Z), rtol=0, atol=1 / 255)
    assert load_generator(path, "bfloat16").compute_dtype == "bfloat16"
    with pytest.raises(ValueError, match="and a StyleGenerator is not"):
        load_network(path)


def test_a_generator_of_classes_is_saved_and_loaded(tmp_path):
    generator, labels = make_generator([4, 3], classes=2), np.eye(2)[[0, 1, 1]]
    save_network(generator, tmp_path / "generator.keras")
    again = load_generator(tmp_path / "generator.keras")
    painted = generator(Z, label=labels)
    np.testing.assert_allclose(again(Z, label=labels), painted, rtol=0, atol=1 / 255)


def test_a_file_of_another_network_is_refused(tiny_network, tmp_path):
    save_network(tiny_network, tmp_path / "model.keras")
    with pytest.raises(ValueError, match="StyleGenerator are such networks, and a TransformerNet"):
        load_generator(tmp_path)
