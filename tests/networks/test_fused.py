import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasart.kernels.precision import choose_precision
from kerasart.networks import AdaIN, TransformerNet
from kerasart.networks.fused import FusedNetwork


def random(*shape, seed=0):
    return np.random.default_rng(seed).random(shape, np.float32)


def make(width, styles=2, blocks=1):
    """A network whose styles differ, and differ from the photo."""
    keras.utils.set_random_seed(0)
    network = TransformerNet(styles, width, blocks)
    generator = np.random.default_rng(1)
    for weight in network.weights:
        if weight.name in ("gamma", "beta", "bias"):
            weight.assign(weight + generator.normal(0, 0.5, weight.shape))
    return network


@pytest.fixture(scope="module")
def network():
    return make(1 / 8)


@pytest.fixture(scope="module")
def painter(network):
    return FusedNetwork(network, "float32")


MIXTURE = np.float32([[0.3, 0.7]])
SIZES = [(5, 5), (5, 30), (8, 8), (9, 6), (17, 5), (33, 47), (34, 46), (35, 45), (64, 48)]


@pytest.mark.parametrize("size", SIZES)
def test_it_paints_as_its_network(network, painter, size):
    photo = random(1, *size, 3)
    painted = painter(photo, MIXTURE).numpy()
    assert painted.shape == photo.shape and painted.dtype == np.float32
    np.testing.assert_allclose(painted, network(photo, MIXTURE), atol=1e-5)
    assert np.std(painted) > 0.05


@pytest.mark.parametrize(("width", "blocks"), [(1 / 32, 2), (0.25, 0), (0.3, 2), (1.0, 1)])
def test_any_width_and_depth(width, blocks):
    network = make(width, blocks=blocks)
    photo = random(1, 21, 30, 3)
    painted = FusedNetwork(network, "float32")(photo, MIXTURE)
    np.testing.assert_allclose(painted, network(photo, MIXTURE), atol=1e-5)


@pytest.mark.parametrize("strength", [0.0, 0.25, 1.0])
@pytest.mark.parametrize("mixture", [[1, 0], [0, 1], [0.5, 0.5]])
def test_mixtures_and_strengths(network, painter, mixture, strength):
    photo, mixture, strength = random(1, 23, 18, 3), np.float32([mixture]), np.float32([strength])
    painted = painter(photo, mixture, strength)
    np.testing.assert_allclose(painted, network(photo, mixture, strength), atol=1e-5)
    if strength == 0:
        np.testing.assert_array_equal(painted, photo)


def test_one_trace_paints_all_sizes(network, painter):
    specs = [tf.TensorSpec([1, None, None, 3]), tf.TensorSpec([1, 2]), tf.TensorSpec([1])]
    compiled = tf.function(painter, input_signature=specs)
    strength = np.float32([0.8])
    for size in SIZES:
        photo = random(1, *size, 3)
        expected = network(photo, MIXTURE, strength)
        np.testing.assert_allclose(compiled(photo, MIXTURE, strength), expected, atol=1e-5)
    assert compiled.experimental_get_tracing_count() == 1


def test_a_picture_without_contrast(network, painter):
    # Where variances are 0, the epsilon under the root decides, and magnifies what was rounded.
    photo = np.full((1, 20, 20, 3), 0.5, np.float32)
    np.testing.assert_allclose(painter(photo, MIXTURE), network(photo, MIXTURE), atol=0.02)


def test_later_changes_of_the_network_do_not_reach_it(network):
    other = make(1 / 8)
    painter, photo = FusedNetwork(other, "float32"), random(1, 16, 16, 3)
    for weight in other.weights:
        weight.assign(weight * 0)
    np.testing.assert_allclose(painter(photo, MIXTURE), network(photo, MIXTURE), atol=1e-5)


def test_styles_are_those_of_the_network():
    assert FusedNetwork(make(1 / 32, ["a", "b"]), "float32").styles == ("a", "b")


@pytest.mark.skipif(choose_precision("auto") != "bfloat16", reason="no fast bfloat16 here")
def test_bfloat16_is_near():
    network = make(1 / 4)
    photo = random(1, 40, 52, 3)
    painted = FusedNetwork(network, "bfloat16")(photo, MIXTURE).numpy()
    assert painted.dtype == np.float32
    difference = np.abs(painted - network(photo, MIXTURE))
    assert 0 < difference.mean() < 0.02


@pytest.mark.parametrize("portable", [False, True])
@pytest.mark.parametrize("size", [(9, 9), (33, 47)])
def test_adain_too(portable, size):
    keras.utils.set_random_seed(0)
    network = AdaIN()
    photo, style, strength = random(1, *size, 3), random(1, 25, 38, 3, seed=1), np.float32([0.6])
    painted = FusedNetwork(network, "float32", portable)(photo, style, strength)
    # A portable one keeps its kernels in float16.
    atol = 2e-3 if portable else 1e-4
    np.testing.assert_allclose(painted, network(photo, style, strength), atol=atol)
    assert np.std(painted) > 0.01
