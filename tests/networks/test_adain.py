import numpy as np
import pytest

from kerasart.networks import AdaIN


def random(*shape, seed=0):
    return np.random.default_rng(seed).random(shape, np.float32)


PHOTO = random(1, 32, 40, 3)
STYLE = random(1, 24, 35, 3, seed=1) ** 2
OTHER = np.tile(random(1, 1, 32, 3, seed=2), (1, 24, 1, 1))


def test_the_encoder_sees_no_frame(adain):
    features = adain.encode(np.full((1, 32, 41, 3), 0.6, np.float32)).numpy()
    assert features.shape == (1, 4, 6, 512)
    assert np.ptp(features, axis=(1, 2)).max() < 1e-3 < features.max()


# --- Styles


def test_a_style_code_is_mean_and_deviation(adain, vgg16):
    evaluator = vgg16.cut(["block4_conv1"], padding="reflect")
    mirrored = np.pad(STYLE, [(0, 0), (0, 0), (0, 5), (0, 0)], mode="reflect")  # To 24x40.
    features = evaluator(mirrored)["block4_conv1"].numpy().astype(np.float64)
    mean, deviation = adain.encode_style(STYLE).numpy()[0]
    np.testing.assert_allclose(mean, features.mean(axis=(0, 1, 2)), rtol=1e-4, atol=1e-3)
    expected = np.sqrt(features.var(axis=(0, 1, 2)) + 1e-5)
    np.testing.assert_allclose(deviation, expected, rtol=1e-4, atol=1e-3)


def test_a_mask_says_which_part_of_a_style_counts(adain):
    left, right = random(1, 64, 64, 3, seed=3) ** 3, 1 - random(1, 64, 64, 3, seed=4) ** 3
    both, mask = np.concatenate([left, right], axis=2), np.zeros((1, 64, 128, 1), np.float32)
    whole = adain.encode_style(both).numpy()
    np.testing.assert_allclose(adain.encode_style(both, mask + 0.3), whole, rtol=1e-3, atol=1e-2)
    mask[:, :, :64] = 1
    left_features = adain.encode(both)[:, :, :8]  # The stride is 8.
    expected = adain.moments(left_features).numpy()
    seen = adain.encode_style(both, mask).numpy()
    assert np.abs(seen - expected).mean() < 0.15 * np.abs(whole - expected).mean()


def test_features_get_the_moments_of_the_style(adain):
    style_code = adain.encode_style(STYLE)
    features = adain.transfer(adain.encode(PHOTO), style_code).numpy().astype(np.float64)
    mean, deviation = style_code.numpy()[0]
    np.testing.assert_allclose(features.mean(axis=(0, 1, 2)), mean, rtol=1e-4, atol=1e-2)
    has_contrast = adain.encode_style(PHOTO).numpy()[0, 1] > 0.1
    got = features.std(axis=(0, 1, 2))
    np.testing.assert_allclose(got[has_contrast], deviation[has_contrast], rtol=1e-3, atol=1e-3)


def test_codes_can_be_blended(adain):
    codes = [adain.encode_style(style) for style in (STYLE, OTHER)]
    ends = [adain.forward(PHOTO, style_code).numpy() for style_code in codes]
    np.testing.assert_array_equal(ends[0], adain(PHOTO, STYLE))
    middle = adain.forward(PHOTO, (codes[0] + codes[1]) / 2).numpy()
    assert all(np.abs(middle - end).max() > 1e-3 for end in ends)


# --- What it is made of


def test_only_the_decoder_is_trained_and_saved(adain, tmp_path):
    assert len(adain.weights) == len(adain.trainable_weights) == 2 * 9
    adain.save(tmp_path / "net.keras")
    # The encoder comes with the package: 5 MB of its own would not do.
    assert (tmp_path / "net.keras").stat().st_size < 4.2 * adain.count_params() + 1e5


def test_another_encoder_is_refused():
    with pytest.raises(ValueError, match="`weights` must be those .* 0123. Received: [0-9a-f]{16}"):
        AdaIN(weights_hash="0123")
