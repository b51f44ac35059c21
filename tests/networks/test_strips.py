import keras
import numpy as np
import pytest

from kerasart.kernels.precision import choose_precision
from kerasart.networks import AdaIN, TransformerNet
from kerasart.networks.strips import paint_in_strips


def random(*shape, seed=0):
    return np.random.default_rng(seed).random(shape, np.float32)


def make(dtype="float32"):
    keras.utils.set_random_seed(0)
    network = TransformerNet(2, 1 / 8, blocks=1, dtype=dtype)
    generator = np.random.default_rng(1)
    for weight in network.weights:
        if weight.name in ("gamma", "beta", "bias"):
            weight.assign(weight + generator.normal(0, 0.5, weight.shape))
    return network


@pytest.fixture(scope="module")
def network():
    return make()


@pytest.fixture(scope="module")
def adain():
    keras.utils.set_random_seed(0)
    return AdaIN()


@pytest.fixture(scope="module")
def style_code(adain):
    return adain.encode_style(random(1, 40, 32, 3, seed=1) ** 2).numpy()


MIXTURE = np.float32([[0.3, 0.7]])
CODE = np.float32([[0, 0.3, 0.7]])
# Brighter and rougher below: a band by itself would have another mean and deviation.
PHOTO = random(1, 131, 39, 3) * np.linspace(0, 1, 131, dtype=np.float32)[:, None, None]


def test_bands_are_not_what_each_would_be_alone(network):
    whole = network(PHOTO, MIXTURE).numpy()
    alone = network(PHOTO[:, :64], MIXTURE).numpy()
    assert np.abs(whole[:, :64] - alone).max() > 0.05


@pytest.mark.parametrize("rows", [4, 16, 30, 128, 132, 1000])
def test_bands_equal_the_whole(network, rows):
    painted = paint_in_strips(network, PHOTO, CODE, rows=rows)
    assert isinstance(painted, np.ndarray) and painted.dtype == np.float32
    np.testing.assert_allclose(painted, network(PHOTO, MIXTURE), atol=5e-5)


@pytest.mark.parametrize("size", [(5, 5), (5, 40), (40, 5), (41, 18), (42, 19), (43, 17), (64, 64)])
@pytest.mark.parametrize("rows", [8, 24])
def test_bands_of_any_size(network, size, rows):
    photo = random(1, *size, 3)
    painted = paint_in_strips(network, photo, CODE, rows=rows)
    np.testing.assert_allclose(painted, network(photo, MIXTURE), atol=5e-5)


@pytest.mark.parametrize("strength", [0.0, 0.4, 1.0])
def test_strength_in_bands(network, adain, style_code, strength):
    photo, strength = PHOTO[:, :50], np.float32([strength])
    painted = paint_in_strips(network, photo, CODE, strength, rows=16)
    np.testing.assert_allclose(painted, network(photo, MIXTURE, strength), atol=5e-5)
    in_any = paint_in_strips(adain, photo, style_code, strength, rows=16)
    np.testing.assert_allclose(in_any, adain.forward(photo, style_code, strength), atol=1e-4)
    if strength == 0:
        np.testing.assert_array_equal(painted, photo)
        np.testing.assert_array_equal(in_any, photo)


@pytest.mark.skipif(choose_precision("auto") != "bfloat16", reason="no fast bfloat16 here")
def test_bfloat16_in_bands_is_near():
    network = make("mixed_bfloat16")
    painted = paint_in_strips(network, PHOTO, CODE, rows=32)
    assert np.abs(painted - network(PHOTO, MIXTURE)).mean() < 0.01


# --- AdaIN


@pytest.mark.parametrize("rows", [8, 20, 64, 1000])
def test_adain_in_bands_equals_the_whole(adain, style_code, rows):
    # Inner strips of 8 rows do not see all the rest.
    assert PHOTO.shape[1] > 8 + 2 * adain.encoder.reach
    painted = paint_in_strips(adain, PHOTO, style_code, rows=rows)
    assert painted.dtype == np.float32
    np.testing.assert_allclose(painted, adain.forward(PHOTO, style_code), atol=1e-4)
    assert np.std(painted) > 0.02


@pytest.mark.parametrize("size", [(9, 9), (9, 20), (20, 9), (57, 18), (63, 15)])
def test_adain_in_bands_of_any_size(adain, style_code, size):
    photo = random(1, *size, 3)
    painted = paint_in_strips(adain, photo, style_code, rows=8)
    np.testing.assert_allclose(painted, adain.forward(photo, style_code), atol=1e-4)


def test_nothing_beyond_the_reach_of_the_encoder_is_seen(adain):
    # What makes strips of an encoder right at all.
    halo, photo = -(-adain.encoder.reach // adain.stride), random(1, 160, 16, 3)
    cut = adain.encode(photo[:, 8 * (10 - halo) :]).numpy()
    expected = adain.encode(photo).numpy()[:, 10:]
    np.testing.assert_allclose(cut[:, halo:], expected, rtol=1e-4, atol=1e-2)
