import zipfile

import h5py
import numpy as np
import pytest
from network_checks import make_picture

from kerasart import Manner, Stylizer
from kerasart.image.resizing import resize
from kerasart.image.samples import read_sample
from kerasart.networks import MannerNet, load_network, save_network, shipped_models
from kerasart.networks.ops import KerasOps
from kerasart.networks.style_network import copy_network

PHOTO = make_picture(32, 40)
STYLE, OTHER = make_picture(64, 96, 1), make_picture(64, 96, 2)


@pytest.fixture(scope="module")
def any_style():
    return load_network("any_style")


# --- Codes


def test_a_code_says_which_affine_functions_of_it_normalise(manner):
    style_code = manner.encode_style(STYLE).numpy()
    assert style_code.shape == (1, 3, 6) and np.ptp(style_code, axis=1).max() == 0
    style_code = style_code[:, 0]
    assert style_code[0, 0] == 1 and np.abs(style_code[0, 1:]).min() > 1e-3
    features = np.random.default_rng(0).normal(2, 3, (1, 8, 9, 3)).astype(np.float32)
    norm = manner.to_rgb.normalise
    mean, deviation = features.mean((0, 1, 2)), features.std((0, 1, 2))
    gamma, beta = (
        table.numpy()[0] + style_code[0, 1:] @ table.numpy()[1:]
        for table in (norm.gamma, norm.beta)
    )
    expected = gamma * (features - mean) / deviation + beta
    np.testing.assert_allclose(norm(features, style_code), expected, rtol=1e-4, atol=1e-4)


def test_codes_can_be_blended(manner):
    codes = [manner.encode_style(style) for style in (STYLE, OTHER)]
    ends = [manner.forward(PHOTO, style_code).numpy() for style_code in codes]
    np.testing.assert_array_equal(ends[0], manner(PHOTO, STYLE))
    middle = manner.forward(PHOTO, (codes[0] + codes[1]) / 2).numpy()
    assert all(np.abs(middle - end).max() > 1e-3 for end in ends)


def test_each_level_has_a_code_of_its_own(manner):
    code, other = (manner.encode_style(style).numpy() for style in (STYLE, OTHER))
    painted = manner.forward(PHOTO, code).numpy()
    for level in range(3):
        mixed = code.copy()
        mixed[:, level] = other[:, level]
        assert np.abs(manner.forward(PHOTO, mixed) - painted).max() > 1e-2


@pytest.mark.parametrize(("level", "first"), [(0, 0), (1, 2), (2, 4)])
def test_a_level_changes_nothing_before_it(manner, level, first):
    class Watched(KerasOps):
        def conv_block(self, x, block, mixture):
            seen.append(super().conv_block(x, block, mixture))
            return seen[-1]

    codes, found = [manner.encode_style(style).numpy() for style in (STYLE, OTHER)], []
    mixed = codes[0].copy()
    mixed[:, level] = codes[1][:, level]
    for code in (codes[0], mixed):
        seen = []
        manner.forward(PHOTO, code, ops=Watched())
        found.append(seen)
    assert len(found[0]) == 4 + 2 + 1
    for i, (before, after) in enumerate(zip(*found, strict=True)):
        assert np.array_equal(before, after) == (i < first), i


def test_less_strength_is_more_of_the_photo(manner):
    style_code, strength = manner.encode_style(STYLE), np.float32([0.25])
    expected = 0.75 * PHOTO + 0.25 * manner.forward(PHOTO, style_code).numpy()
    np.testing.assert_allclose(manner.forward(PHOTO, style_code, strength), expected, atol=1e-5)


def test_a_mask_weighs_the_positions_of_a_style(manner):
    style, mask, seen = make_picture(64, 192, 1), np.zeros((1, 64, 192, 1), np.float32), []

    class Spy(KerasOps):
        def average(self, features, mask=None):
            seen.append(features.numpy())
            return super().average(features, mask)

    whole = manner.encode_style(style, ops=Spy()).numpy()
    np.testing.assert_allclose(manner.encode_style(style, mask + 0.3), whole, rtol=1e-4, atol=1e-4)
    mask[:, :, :96] = 1
    # Its edge is smoothed over twice the 32 pixels of a position.
    weights = np.float32([1, 1, 7 / 8, 1 / 8, 0, 0])
    expected = (seen[0] * weights[:, None]).mean((1, 2)) / weights.mean()
    assert np.abs(whole[:, 0, 1:] - expected).max() > 0.05
    code = manner.encode_style(style, mask).numpy()[:, 0, 1:]
    np.testing.assert_allclose(code, expected, rtol=1e-3, atol=1e-3)


# --- Random manners


@pytest.fixture(scope="module")
def random_manners(manner):
    generator = np.random.default_rng(0)
    codes = generator.normal(size=(400, 5)) @ generator.normal(size=(5, 5)) + np.arange(5)
    return codes, manner.with_manners(codes)


def test_random_manners_are_distributed_as_codes_are(manner, random_manners):
    codes, network = random_manners
    drawn = network.map(np.random.default_rng(1).normal(size=(20_000, 5)).astype("f")).numpy()
    assert drawn.shape == (20_000, 3, 6) and np.ptp(drawn, axis=1).max() == 0
    assert (drawn[:, 0, 0] == 1).all()
    scale = np.abs(np.cov(codes, rowvar=False)).max()
    np.testing.assert_allclose(drawn[:, 0, 1:].mean(0), codes.mean(0), atol=0.05 * scale**0.5)
    found, expected = (np.cov(each, rowvar=False) for each in (drawn[:, 0, 1:], codes))
    np.testing.assert_allclose(found, expected, atol=0.05 * scale)
    # It paints in styles of pictures as before.
    np.testing.assert_array_equal(network(PHOTO, STYLE), manner(PHOTO, STYLE))


def test_truncation_takes_manners_to_the_mean(random_manners):
    codes, network = random_manners
    mean, near, far = (
        [network.encode_manner(Manner(seed, psi)).numpy() for seed in (1, 2)] for psi in (0, 0.5, 1)
    )
    np.testing.assert_array_equal(*mean)
    np.testing.assert_allclose(mean[0][0, 2, 1:], codes.mean(0), rtol=1e-5)
    for i in range(2):
        np.testing.assert_allclose(near[i], (mean[i] + far[i]) / 2, atol=1e-5)
    assert np.abs(far[0] - far[1]).max() > 1
    np.testing.assert_array_equal(network.encode_manner(Manner(1)), far[0])


def test_manners_mix_with_each_other_and_with_paintings(random_manners):
    _, network = random_manners
    stylizer = Stylizer(network, "float32")
    one, two = (network.encode_manner(Manner(seed)).numpy() for seed in (1, 2))
    painting = network.encode_style(STYLE).numpy()
    code = np.stack([0.25 * one[:, 0] + 0.75 * two[:, 0], painting[:, 1], painting[:, 2]], axis=1)
    style = {"coarse": [(Manner(1), 1), (Manner(2), 3)], "middle": STYLE}
    np.testing.assert_allclose(stylizer(PHOTO, style), network.forward(PHOTO, code), atol=1e-5)


def test_a_network_keeps_its_manners(random_manners, tmp_path, any_precision):
    _, network = random_manners
    save_network(network, tmp_path / "net.keras")
    for same in (load_network(tmp_path / "net.keras"), copy_network(network, "bfloat16")):
        assert same.has_manners
        expected = network.encode_manner(Manner(3))
        np.testing.assert_allclose(same.encode_manner(Manner(3)), expected, rtol=0.01, atol=0.01)


def test_a_network_without_manners_says_so(manner):
    with pytest.raises(ValueError, match="a network without manners of its own. .*seed=3"):
        Stylizer(manner, "float32")(PHOTO, Manner(3))


# --- The bundled one


def test_the_bundled_one_has_manners_as_different_as_those_of_paintings(any_style):
    photo = resize(read_sample("coffee").image, (48, 72), antialias=True)
    codes = [any_style.encode_manner(Manner(seed)) for seed in range(8)]
    painted = np.concatenate([any_style.forward(photo, code) for code in codes])
    pairs = [np.abs(a - b).mean() for i, a in enumerate(painted) for b in painted[:i]]
    # Half of the mean distance of what it paints in the manners of real paintings, 0.18.
    assert 0.09 < np.mean(pairs) and min(pairs) > 0.03


def test_it_paints_as_the_published_network(any_style):
    def square(name, side, size):
        return resize(read_sample(name).image[:, :side, :side], (size, size), True)

    painted = np.clip(any_style(square("cat", 300, 384), square("coffee", 256, 256)), 0, 1)
    # Means of quarters of what the ONNX files paint whose activations are not rounded to 8 bits.
    expected = [
        [[0.6990, 0.3620, 0.2277], [0.6540, 0.3555, 0.2365]],
        [[0.7062, 0.3143, 0.1638], [0.6964, 0.3534, 0.2147]],
    ]
    quarters = painted.reshape(2, 192, 2, 192, 3).mean((1, 3))
    np.testing.assert_allclose(quarters, expected, atol=0.002)


# --- Files


def test_kernels_of_eight_bits_are_saved_as_they_are(manner, tmp_path):
    network = MannerNet.from_config(manner.get_config())
    network.set_weights(manner.get_weights())
    generator, layer = np.random.default_rng(0), network.encoder.blocks[3].depthwise
    numbers = generator.integers(-127, 128, layer.kernel.shape)
    numbers[0, 0] = 127
    scale = generator.uniform(0.001, 0.1, (*layer.kernel.shape[2:3], 1))
    layer.kernel.assign((numbers * scale).astype(np.float32))
    network.save(tmp_path / "net.keras")
    assert "int8" in _dtypes(tmp_path / "net.keras") and "float32" in _dtypes(
        tmp_path / "net.keras"
    )
    again = MannerNet.from_config(manner.get_config())
    again.load_weights(tmp_path / "net.keras")
    for old, new in zip(network.weights, again.weights, strict=True):
        np.testing.assert_allclose(new, old, rtol=1e-6)


def test_the_bundled_one_has_eight_bits(any_style):
    path = shipped_models()["any_style"] / "model.keras"
    assert path.stat().st_size < 1.3 * any_style.count_params()
    assert _dtypes(path).count("int8") == len(any_style.encoder.convolutions) == 53
    for layer in any_style.encoder.convolutions:
        kernel = layer.kernel.numpy()
        largest = np.abs(kernel).max(layer.summed_axes, keepdims=True)
        numbers = 127 * kernel / np.where(largest > 0, largest, 1)  # Few channels are dead.
        assert np.abs(numbers - np.rint(numbers)).max() < 0.01


def _dtypes(path):
    """The types of kernels in a file."""
    found = []
    with zipfile.ZipFile(path) as archive, archive.open("model.weights.h5") as file:
        h5py.File(file).visititems(
            lambda name, item: found.append(item.dtype.name) if name.endswith("/kernel") else None
        )
    return found
