import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasart.networks import AdaIN


def random(*shape, seed=0):
    return np.random.default_rng(seed).random(shape, np.float32)


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    return AdaIN()


PHOTO = random(1, 32, 40, 3)
STYLE = random(1, 24, 35, 3, seed=1) ** 2
OTHER = np.tile(random(1, 1, 32, 3, seed=2), (1, 24, 1, 1))


# --- Sizes


@pytest.mark.parametrize("size", [(9, 9), (9, 64), (17, 10), (33, 47), (64, 48)])
def test_any_size_comes_back(network, size):
    painted = network(random(1, *size, 3), STYLE).numpy()
    assert painted.shape == (1, *size, 3) and painted.dtype == np.float32
    assert 0 <= painted.min() < painted.max() <= 1


def test_one_compiled_function_serves_all_sizes(network):
    any_size = tf.TensorSpec([None, None, None, 3])
    compiled = tf.function(network, input_signature=[any_size, any_size])
    for size in ((9, 9), (33, 47)):
        photo = random(1, *size, 3)
        np.testing.assert_allclose(compiled(photo, STYLE), network(photo, STYLE), atol=1e-4)


@pytest.mark.parametrize("size", [(8, 64), (64, 8)])
def test_too_small_pictures_are_refused(network, size):
    small, received = random(1, *size, 3), f"{size[1]}x{size[0]}"
    with pytest.raises(ValueError, match=rf"`image` must be at least 9x9 .*Received: {received}"):
        network(small, STYLE)
    with pytest.raises(ValueError, match=rf"`style` must be at least 9x9 .*Received: {received}"):
        network(PHOTO, small)


def test_the_encoder_sees_no_frame(network):
    features = network.encode(np.full((1, 32, 41, 3), 0.6, np.float32)).numpy()
    assert features.shape == (1, 4, 6, 512)
    assert np.ptp(features, axis=(1, 2)).max() < 1e-3 < features.max()


# --- Manners


def test_a_manner_is_mean_and_deviation(network, vgg16):
    evaluator = vgg16.cut(["block4_conv1"], padding="reflect")
    mirrored = np.pad(STYLE, [(0, 0), (0, 0), (0, 5), (0, 0)], mode="reflect")  # To 24x40.
    features = evaluator(mirrored)["block4_conv1"].numpy().astype(np.float64)
    mean, deviation = network.encode_style(STYLE).numpy()[0]
    np.testing.assert_allclose(mean, features.mean(axis=(0, 1, 2)), rtol=1e-4, atol=1e-3)
    expected = np.sqrt(features.var(axis=(0, 1, 2)) + 1e-5)
    np.testing.assert_allclose(deviation, expected, rtol=1e-4, atol=1e-3)


def test_a_mask_says_which_part_of_a_style_counts(network):
    left, right = random(1, 64, 64, 3, seed=3) ** 3, 1 - random(1, 64, 64, 3, seed=4) ** 3
    both, mask = np.concatenate([left, right], axis=2), np.zeros((1, 64, 128, 1), np.float32)
    whole = network.encode_style(both).numpy()
    np.testing.assert_allclose(network.encode_style(both, mask + 0.3), whole, rtol=1e-3, atol=1e-2)
    mask[:, :, :64] = 1
    left_features = network.encode(both)[:, :, :8]  # The stride is 8.
    expected = network.moments(left_features).numpy()
    seen = network.encode_style(both, mask).numpy()
    assert np.abs(seen - expected).mean() < 0.15 * np.abs(whole - expected).mean()


def test_features_get_the_moments_of_the_style(network):
    style_code = network.encode_style(STYLE)
    features = network.transfer(network.encode(PHOTO), style_code).numpy().astype(np.float64)
    mean, deviation = style_code.numpy()[0]
    np.testing.assert_allclose(features.mean(axis=(0, 1, 2)), mean, rtol=1e-4, atol=1e-2)
    has_contrast = network.encode_style(PHOTO).numpy()[0, 1] > 0.1
    got = features.std(axis=(0, 1, 2))
    np.testing.assert_allclose(got[has_contrast], deviation[has_contrast], rtol=1e-3, atol=1e-3)


def test_manners_can_be_blended(network):
    manners = [network.encode_style(style) for style in (STYLE, OTHER)]
    ends = [network.forward(PHOTO, style_code).numpy() for style_code in manners]
    np.testing.assert_array_equal(ends[0], network(PHOTO, STYLE))
    middle = network.forward(PHOTO, (manners[0] + manners[1]) / 2).numpy()
    assert all(np.abs(middle - end).max() > 1e-3 for end in ends)


def test_each_picture_of_a_batch_is_painted_as_if_alone(network):
    photos = random(2, 16, 24, 3)
    together = network(photos, np.concatenate([STYLE[:, :, :32], OTHER]))
    for photo, style, painted in zip(photos, (STYLE[:, :, :32], OTHER), together, strict=True):
        np.testing.assert_allclose(network(photo[None], style)[0], painted, atol=1e-5)


def test_strength_goes_from_the_photo_to_the_full_style(network):
    np.testing.assert_array_equal(network(PHOTO, STYLE, strength=np.float32([0.0])), PHOTO)
    full = network(PHOTO, STYLE)
    np.testing.assert_allclose(network(PHOTO, STYLE, strength=np.float32([1.0])), full, atol=1e-5)
    half = network(PHOTO, STYLE, strength=np.float32([0.5])).numpy()
    assert 0 <= half.min() and half.max() <= 1
    assert 0.01 < np.abs(half - PHOTO).mean() < np.abs(full - PHOTO).mean()


def test_bfloat16_is_close(network):
    # Convolutions only: of the encoder, where bfloat16 is not to be had on every machine, too.
    try:
        coarse = AdaIN(dtype="mixed_bfloat16")
    except ValueError:
        pytest.skip("no fast bfloat16 here")
    coarse.set_weights(network.get_weights())
    painted = coarse(PHOTO, STYLE)
    assert painted.dtype == tf.float32
    np.testing.assert_allclose(painted, network(PHOTO, STYLE), atol=0.05)
    np.testing.assert_array_equal(coarse(PHOTO, STYLE, strength=np.float32([0.0])), PHOTO)


# --- What it is made of


def test_only_the_decoder_is_trained_and_saved(network):
    assert len(network.weights) == len(network.trainable_weights) == 2 * 9


def test_saved_and_loaded_it_paints_the_same(network, tmp_path):
    network.save(tmp_path / "net.keras")
    again = keras.saving.load_model(tmp_path / "net.keras")
    assert again.get_config() == network.get_config()
    np.testing.assert_array_equal(again(PHOTO, STYLE), network(PHOTO, STYLE))
    # The encoder comes with the package: 5 MB of its own would not do.
    assert (tmp_path / "net.keras").stat().st_size < 4.2 * network.count_params() + 1e5


def test_another_encoder_is_refused():
    with pytest.raises(ValueError, match="`weights` must be those .* 0123. Received: [0-9a-f]{16}"):
        AdaIN(weights_hash="0123")
