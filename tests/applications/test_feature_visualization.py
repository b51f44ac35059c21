import numpy as np
import pytest

from kerasart import visualize_channels
from kerasart.applications import feature_visualization

QUICK = {"size": 48, "steps": 3, "precision": "float32", "jitter": 4, "pad": 4}


@pytest.fixture
def dreamers(monkeypatch):
    """The dreamers that an atlas makes."""
    made = []

    class Recorded(feature_visualization.Dreamer):
        def __init__(self, *arguments, **settings):
            super().__init__(*arguments, **settings)
            made.append(self)

    monkeypatch.setattr(feature_visualization, "Dreamer", Recorded)
    return made


def test_channels_of_a_layer(squeezenet, dreamers):
    told = []
    # Smoothness is another term, which compares with nothing.
    pairs = list(
        visualize_channels(
            "fire3", [4, 8, 4], squeezenet, **QUICK, smoothness=0.1, on_step=told.append
        )
    )
    assert [channel for channel, _ in pairs] == [4, 8, 4]
    assert [dreamer.descent.traces for dreamer in dreamers] == [1]
    assert [progress.step for progress in told] == list(range(1, 10))
    assert {progress.steps for progress in told} == {9} and told[-1].share == 1
    pictures = [picture for _, picture in pairs]
    for picture in pictures:
        assert picture.shape == (1, 48, 48, 3) and picture.dtype == np.float32
        assert picture.min() >= 0 and picture.max() <= 1
    np.testing.assert_array_equal(pictures[0], pictures[2])
    assert np.abs(pictures[0] - pictures[1]).max() > 0.05

    # Each picture excites its own channel more than the other's does.
    part = squeezenet.cut(["fire3"])
    means = [part(p)["fire3"].numpy().mean(axis=(0, 1, 2))[[4, 8]] for p in pictures[:2]]
    assert means[0][0] > means[1][0] and means[1][1] > means[0][1]


def test_all_channels(squeezenet):
    pairs = visualize_channels("fire2_squeeze1x1", None, squeezenet, **QUICK | {"steps": 1})
    assert [channel for channel, _ in pairs] == list(range(16))


@pytest.mark.parametrize("channels", [[0, 128], [-1], [3, 1000]])
def test_channel_out_of_range_is_refused_before_the_first_picture(squeezenet, channels):
    worst = max(channels, key=abs)
    with pytest.raises(ValueError, match=f"from 0 to 127 in fire3. Received: {worst}$"):
        next(visualize_channels("fire3", channels, squeezenet, **QUICK))


def test_unknown_layer(squeezenet):
    with pytest.raises(ValueError, match="`channel` must .*fire3.*Received: 'fire33'"):
        next(visualize_channels("fire33", [0], squeezenet, **QUICK))


@pytest.mark.parametrize("channels", [[], slice(128, 130), 3, "3", [1.5]])
def test_no_channels_are_refused(squeezenet, channels):
    with pytest.raises(ValueError, match="from 0 to 127 in fire3. Received: "):
        next(visualize_channels("fire3", channels, squeezenet, **QUICK))


def test_a_checkpoint_of_several_dreams_is_refused(squeezenet):
    with pytest.raises(ValueError, match="`checkpoint` must be None, .*Received: 'run.npz'"):
        next(visualize_channels("fire3", [0, 1], squeezenet, **QUICK, checkpoint="run.npz"))
