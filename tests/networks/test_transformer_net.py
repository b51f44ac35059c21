import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasart.networks import TransformerNet


def random(*shape, seed=0):
    return np.random.default_rng(seed).random(shape, np.float32)


def tiny(styles=("a", "b"), **options):
    """A network whose styles differ."""
    keras.utils.set_random_seed(0)
    network = TransformerNet(styles, width=1 / 8, blocks=1, **options)
    generator = np.random.default_rng(1)
    for weight in network.weights:
        if weight.name in ("gamma", "beta", "gain"):
            weight.assign(weight + generator.normal(0, 0.5, weight.shape))
    return network


@pytest.fixture(scope="module")
def network():
    return tiny()


PHOTO = random(1, 32, 40, 3)
A, B, HALF = np.float32([[[1, 0]], [[0, 1]], [[0.5, 0.5]]])


# --- Sizes


@pytest.mark.parametrize(
    "size", [(5, 5), (5, 64), (64, 5), (6, 7), (8, 8), (9, 10), (33, 47), (63, 61), (64, 48)]
)
def test_any_size_comes_back(network, size):
    painted = network(random(1, *size, 3), A).numpy()
    assert painted.shape == (1, *size, 3) and painted.dtype == np.float32
    assert 0 <= painted.min() < painted.max() <= 1


def test_one_compiled_function_serves_all_sizes(network):
    compiled = tf.function(
        network,
        input_signature=[tf.TensorSpec([None, None, None, 3]), tf.TensorSpec([None, 2])],
    )
    for size in ((5, 5), (33, 47), (64, 48)):
        photos, styles = random(2, *size, 3), np.concatenate([A, HALF])
        np.testing.assert_allclose(compiled(photos, styles), network(photos, styles), atol=1e-5)


@pytest.mark.parametrize("size", [(4, 64), (64, 4), (1, 1)])
def test_too_small_pictures_are_refused(network, size):
    with pytest.raises(ValueError, match=f"`image` must be .* 5x5 .*Received: {size[1]}x{size[0]}"):
        network(random(1, *size, 3), A)


def test_each_picture_of_a_batch_is_painted_as_if_alone(network):
    photos = random(3, 20, 24, 3)
    together = network(photos, np.concatenate([A, B, HALF]))
    for photo, style, painted in zip(photos, (A, B, HALF), together, strict=True):
        np.testing.assert_allclose(network(photo[None], style)[0], painted, atol=1e-5)


# --- Styles


def test_styles_differ_and_one_needs_no_weights(network):
    assert np.abs(network(PHOTO, A) - network(PHOTO, B)).max() > 0.05
    alone = tiny(1)
    assert alone.styles == ("style 1",)
    np.testing.assert_array_equal(alone(PHOTO), alone(PHOTO, np.float32([[1]])))


def test_several_styles_need_weights(network):
    with pytest.raises(ValueError, match="`style_weights` must weigh the 2 styles. Received: None"):
        network(PHOTO)


@pytest.mark.parametrize("mixture", [[0.0, 0.25, 0.75], [0.4, 0.6, 0.0], [0.2, 1.1, -0.3]])
def test_a_mixture_is_one_of_scales_and_shifts(network, mixture):
    """It paints as a network would whose only style has the mixture's gammas and betas."""
    mixed = tiny(1)
    for weight, theirs in zip(mixed.weights, network.weights, strict=True):
        values = theirs.numpy()
        if weight.name in ("gamma", "beta", "gain"):
            values = np.stack([values[0], np.float32(mixture) @ values])
        weight.assign(values)
    expected = mixed(PHOTO)
    np.testing.assert_allclose(network.forward(PHOTO, np.float32([mixture])), expected, atol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_strength_goes_from_the_photo_to_the_full_style(dtype):
    network = tiny(dtype=dtype)
    np.testing.assert_array_equal(network(PHOTO, A, strength=np.float32([0.0])), PHOTO)
    full = network(PHOTO, A)
    np.testing.assert_allclose(network(PHOTO, A, strength=np.float32([1.0])), full, atol=1e-6)
    half = network(PHOTO, A, strength=np.float32([0.5])).numpy()
    assert 0 <= half.min() and half.max() <= 1
    assert 0.01 < np.abs(half - PHOTO).mean() < np.abs(full - PHOTO).mean()


def test_bfloat16_is_close(network):
    coarse = tiny(dtype="mixed_bfloat16")
    coarse.set_weights(network.get_weights())
    painted = coarse(PHOTO, HALF)
    assert painted.dtype == tf.float32
    assert {weight.dtype for weight in coarse.weights} == {"float32"}
    np.testing.assert_allclose(painted, network(PHOTO, HALF), atol=0.05)


def test_new_styles_leave_the_old_ones_as_they_are(network):
    more = network.with_styles(["c"])
    assert more.styles == ("a", "b", "c")
    np.testing.assert_allclose(more(PHOTO, np.float32([[1, 0, 0]])), network(PHOTO, A), atol=1e-6)
    middle = network.forward(PHOTO, np.float32([[0, 0.5, 0.5]]))
    np.testing.assert_allclose(more(PHOTO, np.float32([[0, 0, 1]])), middle, atol=1e-5)
    assert {weight.name for weight in more.trainable_weights} == {"gamma", "beta", "gain"}


# --- What it is made of


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"styles": 0}, "`styles` must be at least one name"),
        ({"styles": []}, "`styles` must be at least one name"),
        ({"styles": ["a", "a"]}, "`styles` must .*Received: .'a', 'a'.$"),
        ({"width": 0.01}, "`width` must be at least 1/32. Received: width=0.01"),
        ({"width": float("nan")}, "`width` must be at least 1/32"),
    ],
)
def test_what_cannot_be_built_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        TransformerNet(**options)


def test_config_comes_back(network):
    again = TransformerNet.from_config(network.get_config())
    assert again.get_config() == network.get_config()
    assert (again.styles, again.width, again.blocks) == (("a", "b"), 1 / 8, 1)
    shapes = [weight.shape for weight in again.weights]
    assert shapes == [weight.shape for weight in network.weights]


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_saved_and_loaded_it_paints_the_same(tmp_path, dtype):
    network = tiny(dtype=dtype)
    network.save(tmp_path / "net.keras")
    again = keras.saving.load_model(tmp_path / "net.keras")
    assert again.styles == network.styles and again.dtype_policy.name == dtype
    np.testing.assert_array_equal(again(PHOTO, HALF), network(PHOTO, HALF))
    network.save_weights(tmp_path / "net.weights.h5")
    fresh = TransformerNet(["x", "y"], 1 / 8, 1, dtype=dtype)
    fresh.load_weights(tmp_path / "net.weights.h5")
    np.testing.assert_array_equal(fresh(PHOTO, HALF), network(PHOTO, HALF))
