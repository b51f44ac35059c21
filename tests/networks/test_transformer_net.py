import keras
import numpy as np
import pytest

from kerasart.levels import LEVELS
from kerasart.networks import TransformerNet
from kerasart.networks.ops import KerasOps, repeat_for_levels


def tiny(styles=("a", "b"), blocks=1):
    """A network whose styles differ."""
    keras.utils.set_random_seed(0)
    network = TransformerNet(styles, width=1 / 8, blocks=blocks)
    generator = np.random.default_rng(1)
    for weight in network.weights:
        if weight.name in ("gamma", "beta", "gain"):
            weight.assign(weight + generator.normal(0, 0.5, weight.shape))
    return network


@pytest.fixture(scope="module")
def network():
    return tiny()


PHOTO = np.random.default_rng(0).random((1, 32, 40, 3), np.float32)
A = np.float32([[1, 0]])


# --- Styles


def test_one_style_needs_no_weights():
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
    painted = network.forward(PHOTO, repeat_for_levels(np.float32([mixture])))
    np.testing.assert_allclose(painted, expected, atol=1e-5)


def test_new_styles_leave_the_old_ones_as_they_are(network):
    more = network.with_styles(["c"])
    assert more.styles == ("a", "b", "c")
    np.testing.assert_allclose(more(PHOTO, np.float32([[1, 0, 0]])), network(PHOTO, A), atol=1e-6)
    middle = network.forward(PHOTO, repeat_for_levels(np.float32([[0, 0.5, 0.5]])))
    np.testing.assert_allclose(more(PHOTO, np.float32([[0, 0, 1]])), middle, atol=1e-5)
    assert {weight.name for weight in more.trainable_weights} == {"gamma", "beta", "gain"}


# --- Levels


class Watched(KerasOps):
    """Keeps what each layer with styles makes."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def conv_block(self, x, block, mixture):
        self.seen.append(super().conv_block(x, block, mixture))
        return self.seen[-1]

    def noise(self, x, layer, mixture, offset=None):
        self.seen.append(super().noise(x, layer, mixture, offset))
        return self.seen[-1]


def seen(network, coarse, middle, fine):
    ops = Watched()
    weights = np.float32([[coarse, middle, fine]])
    painted = network.forward(PHOTO, network.encode_style(weights), ops=ops)
    return [*map(np.asarray, ops.seen), np.asarray(painted)]


def test_equal_levels_are_one_mixture_to_the_bit(network):
    for mixture in ([1, 0], [0.3, 0.7]):
        one = np.float32([mixture])
        np.testing.assert_array_equal(network(PHOTO, np.stack([one] * 3, 1)), network(PHOTO, one))


@pytest.mark.parametrize(
    ("level", "first"), [("coarse", 0), ("middle", 3 + 1 + 5), ("fine", 3 + 1 + 10)]
)
def test_a_level_changes_nothing_before_it(level, first):
    network = tiny(blocks=5)
    a, b = [1, 0], [0, 1]
    plain, mixed = (seen(network, *([c] * 3)) for c in (a, b))
    changed = seen(network, *(b if each == level else a for each in LEVELS))
    assert len(changed) == 3 + 1 + 10 + 2 + 1
    for i, (before, after) in enumerate(zip(plain, changed, strict=True)):
        assert np.array_equal(before, after) == (i < first), i
    # Of the whole change from one style to the other.
    share = np.abs(changed[-1] - plain[-1]).mean() / np.abs(mixed[-1] - plain[-1]).mean()
    assert share > 0.2


def test_any_levels_at_strength_0_are_the_photo(network):
    weights = np.float32([[[1, 0], [0.5, 0.5], [0, 1]]])
    np.testing.assert_array_equal(network(PHOTO, weights, np.float32([0])), PHOTO)


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
