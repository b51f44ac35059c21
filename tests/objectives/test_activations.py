import numpy as np
import pytest
from term_checks import (
    check_adds_over_tiles,
    check_bfloat16_is_cast,
    check_gradient,
    features,
    value,
)

from kerasart.objectives import Activation, Channel

CHANNELS = [Channel("a", 1), Channel("a", 2, neuron=True)]

# --- Layers


@pytest.mark.parametrize("border", [0, 1, 2])
@pytest.mark.parametrize("power", [1, 2])
def test_activation_against_numpy(power, border):
    array = features(9, 7, 3)
    inner = array[:, border : 9 - border, border : 7 - border].astype(np.float64)
    # The border still counts in the denominator.
    expected = -(inner**power).sum() / array.size
    assert value(Activation("mixed4", power, border), array) == pytest.approx(expected, rel=1e-5)


def test_values_do_not_depend_on_the_size():
    array = np.full((1, 6, 5, 4), 1.5, np.float32)
    larger = np.full((1, 60, 50, 4), 1.5, np.float32)
    for term in (Activation("a"), Activation("a", power=1)):
        assert value(term, array) == pytest.approx(value(term, larger), rel=1e-5)


@pytest.mark.parametrize(
    "term", [Activation("a", 2), Activation("a", 2, border=1), Activation("a", 1, border=1)]
)
def test_gradient_against_finite_differences(term):
    check_gradient(term, features(5, 6, 2))


@pytest.mark.parametrize("term", [Activation("a", 2), Activation("a", 1)])
def test_statistic_adds_over_tiles(term):
    check_adds_over_tiles(term, features(10, 8, 3), rtol=1e-5, atol=0)


# --- Channels


@pytest.mark.parametrize("channel", [0, 3])
def test_channel_against_numpy(channel):
    array = features()
    term = Channel("a", channel)
    expected = -array[..., channel].astype(np.float64).mean()
    assert value(term, array, term.target(4)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (4, 4), (5, 6), (7, 3)])
def test_neuron_is_the_position_at_the_centre(size):
    array = features(*size)
    term = Channel("a", 2, neuron=True)
    expected = -float(array[0, size[0] // 2, size[1] // 2, 2])
    assert value(term, array, term.target(4)) == pytest.approx(expected, rel=1e-5)


def test_neuron_does_not_shrink_with_the_picture():
    array = np.zeros((1, 9, 9, 2), np.float32)
    array[0, 4, 4, 1] = 3.0
    for neuron, expected in ((True, -3.0), (False, -3.0 / 81)):
        term = Channel("a", 1, neuron)
        assert value(term, array, term.target(2)) == pytest.approx(expected, rel=1e-6)


def test_which_channel_is_in_the_target_only():
    # So that one compiled step serves all channels of a layer.
    array = features()
    term = Channel("a", 0)
    for channel in range(4):
        target = Channel("a", channel).target(4)
        assert value(term, array, target) == pytest.approx(-array[..., channel].mean(), rel=1e-5)


@pytest.mark.parametrize("channel", [-1, 4, 1000])
def test_channel_out_of_range(channel):
    with pytest.raises(ValueError) as caught:
        Channel("fire8", channel).target(4)
    assert str(caught.value) == (f"`channel` must be from 0 to 3 in fire8. Received: {channel}")


def test_names_of_channels():
    assert Channel("a", 3).name == "channel a:3"
    assert Channel("a", 3, neuron=True).name == "neuron a:3"
    assert Channel("a", 3, name="class cat").name == "class cat"


@pytest.mark.parametrize("term", CHANNELS, ids=lambda term: term.name)
def test_gradient_of_a_channel_against_finite_differences(term):
    check_gradient(term, features(3, 4), lambda dtype: term.target(4))


def test_statistic_of_a_channel_adds_over_tiles():
    check_adds_over_tiles(Channel("a", 1), features(10, 8))


@pytest.mark.parametrize("term", CHANNELS, ids=lambda term: term.name)
def test_bfloat16_features_are_excited_in_float32(term):
    check_bfloat16_is_cast(term, term.target(4))
