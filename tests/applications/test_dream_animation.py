"""Dreams that move: `kerasart.applications.dream_animation`."""

import numpy as np
import pytest

from kerasart import Dreamer
from kerasart.applications.dream_animation import (
    animate_evolution,
    animate_layers,
    animate_zoom,
)
from kerasart.image.warp import zoom_warp
from kerasart.settings.animation import ANIMATIONS, AnimationSettings

SETTINGS = {"octaves": 1, "steps": 2, "step_size": 0.01, "jitter": 4, "precision": "float32"}


@pytest.fixture(scope="module")
def photo(face):
    return np.ascontiguousarray(face[:, 20:68, 20:84])


@pytest.fixture(scope="module")
def zooming(toy):
    return Dreamer("zoom", toy, layers="conv3", **SETTINGS | {"step_size": 0.05})


@pytest.fixture(scope="module")
def growing(toy):
    """Two octaves of four steps, whose lost detail comes back after the last of them."""
    settings = SETTINGS | {"octaves": 2, "steps": 4, "detail": "after"}
    return Dreamer("animals", toy, layers="conv3", **settings)


@pytest.fixture(scope="module")
def walking(toy):
    layers = {"conv2": 1.0, "conv3": 1.0, "conv4": 1.0}
    return Dreamer("animals", toy, layers=layers, smoothness=1.0, **SETTINGS)


def levels(frame):
    return np.asarray(frame) * 255


def assert_frame(frame, shape=(1, 48, 64, 3)):
    assert frame.shape == shape and frame.dtype == np.float32
    assert frame.min() >= 0 and frame.max() <= 1
    np.testing.assert_allclose(levels(frame), np.round(levels(frame)), atol=1e-4)  # 8 bits


def test_a_checkpoint_of_many_dreams_is_refused(toy, photo):
    dreamer = Dreamer("animals", toy, layers="conv2,conv3", checkpoint="run.npz", **SETTINGS)
    for animate in (animate_zoom, animate_layers):
        with pytest.raises(ValueError, match="`checkpoint` must be None, .*Received: 'run.npz'"):
            next(animate(dreamer, photo))


# --- Evolution


@pytest.mark.parametrize(("frames", "made"), [(1, 1), (3, 3), (8, 8), (60, 8)])
def test_evolution_ends_with_the_dream(growing, photo, frames, made):
    shown, told = [], []
    result = animate_evolution(
        growing, photo, frames=frames, on_frame=shown.append, on_step=told.append
    )
    assert len(shown) == made  # No more than there are steps.
    assert [progress.step for progress in told] == list(range(1, 9))
    for frame in shown:
        assert_frame(frame)
    np.testing.assert_allclose(levels(shown[-1]), levels(result.image), atol=0.51)
    np.testing.assert_array_equal(result.image, growing.dream(photo).image)
    changes = [np.abs(frame - photo).mean() for frame in shown]
    if made > 1:
        assert changes[0] < changes[-1]
        assert all(np.abs(a - b).max() > 0 for a, b in zip(shown, shown[1:], strict=False))


def test_evolution_shows_the_end_of_a_dream_that_ends_early(toy, photo):
    free = Dreamer("animals", toy, layers="conv3", **SETTINGS | {"steps": 6, "jitter": 0})
    losses = free.dream(photo).history["conv3"]
    limit = -(losses[2] + losses[3]) / 2
    settings = SETTINGS | {"steps": 6, "jitter": 0, "max_loss": float(limit)}
    early = Dreamer("animals", toy, layers="conv3", smoothness=0.0, **settings)
    for frames in (1, 6):
        shown = []
        result = animate_evolution(early, photo, frames=frames, on_frame=shown.append)
        assert 1 <= len(result.history["conv3"]) < 6
        assert 1 <= len(shown) <= frames
        np.testing.assert_allclose(levels(shown[-1]), levels(result.image), atol=0.51)


def test_evolution_in_a_mask_at_another_size(growing, photo):
    mask = np.zeros((48, 64), np.float32)
    mask[:, 32:] = 1.0
    shown = []
    animate_evolution(growing, photo, mask, size=56, frames=2, on_frame=shown.append)
    assert [frame.shape for frame in shown] == [(1, 42, 56, 3)] * 2
    assert np.abs(shown[0] - shown[1])[:, :, :26].max() == 0
    assert np.abs(shown[0] - shown[1])[:, :, 30:].max() > 0


# --- Zoom


MOTION = {"zoom": 1.1, "rotate": 5.0, "shift": (0.02, -0.03)}


def test_zoom_falls_and_dreams_in_turn(zooming, photo):
    told = []
    frames = list(animate_zoom(zooming, photo, frames=3, **MOTION, on_step=told.append))
    assert len(frames) == 3 and len(told) == 2 * 2
    for frame in frames:
        assert_frame(frame)
    np.testing.assert_allclose(levels(frames[0]), levels(photo), atol=0.51)  # Not dreamed on.
    for before, after in zip(frames, frames[1:], strict=False):
        view = zoom_warp(before, 1.1, 5.0, (0.02, -0.03))
        expected = zooming.dream(view).image
        np.testing.assert_allclose(levels(after), levels(expected), atol=0.51)
        assert np.abs(expected - view).mean() > 0.005


@pytest.mark.parametrize("k", [1, 2, 3])
def test_zoom_goes_on_from_any_frame(zooming, photo, k):
    motion = MOTION | {"blend": 0.25, "frames": 4}
    whole = list(animate_zoom(zooming, photo, **motion))
    rest = list(animate_zoom(zooming, whole[k - 1], first=k, **motion))
    assert len(rest) == 4 - k
    for got, expected in zip(rest, whole[k:], strict=True):
        np.testing.assert_array_equal(got, expected)


def test_zoom_goes_on_at_its_size(zooming, photo):
    whole = list(animate_zoom(zooming, photo, size=40, frames=3))
    assert [frame.shape for frame in whole] == [(1, 30, 40, 3)] * 3
    rest = list(animate_zoom(zooming, whole[1], size=40, frames=3, first=2))
    np.testing.assert_array_equal(rest[0], whole[2])
    assert list(animate_zoom(zooming, whole[2], size=40, frames=3, first=3)) == []


def test_zoom_blends_with_the_view(zooming, photo):
    plain, blended = (
        list(animate_zoom(zooming, photo, frames=2, blend=blend))[1] for blend in (0.0, 0.75)
    )
    view = zoom_warp(np.round(levels(photo)).astype(np.float32) / 255, 1.05)
    expected = 0.75 * levels(view) + 0.25 * levels(plain)
    np.testing.assert_allclose(levels(blended), expected, atol=1.01)


def test_zoom_needs_a_photo(toy, zooming, photo):
    with pytest.raises(ValueError, match="`image` must be given, and `init` be photo"):
        next(animate_zoom(zooming, None))
    noise = Dreamer("zoom", toy, layers="conv3", init="noise")
    with pytest.raises(ValueError, match="`init` be photo.*Received: init='noise'"):
        next(animate_zoom(noise, photo))


def test_frames_of_all_sizes_take_one_trace(zooming, photo):
    list(animate_zoom(zooming, photo[:, :40], frames=2))
    assert zooming.descent.traces == 1


# --- Layers


def test_layers_walk_from_the_first_to_the_last(walking, photo, monkeypatch):
    given = []
    dream = walking.dream

    def record(*arguments, weights, **options):
        given.append(weights)
        return dream(*arguments, weights=weights, **options)

    monkeypatch.setattr(walking, "dream", record)
    frames = list(animate_layers(walking, photo, frames=5))
    assert len(frames) == 5
    for frame in frames:
        assert_frame(frame)
    balanced = walking.balance_terms([0, 1, 2], photo)
    parts = [[1, 0, 0], [0.5, 0.5, 0], [0, 1, 0], [0, 0.5, 0.5], [0, 0, 1]]
    # The smoothness keeps its weight all the way.
    expected = balanced * np.array([[*part, 1] for part in parts])
    np.testing.assert_allclose(given, expected, rtol=1e-6)
    # At both ends, and each on the photo: no frame grows on the one before.
    for number, weights in ((0, [1, 0, 0, 1]), (4, [0, 0, balanced[2], 1])):
        alone = dream(photo, weights=np.float32(weights)).image
        np.testing.assert_allclose(levels(frames[number]), levels(alone), atol=0.51)
    assert np.abs(frames[0] - frames[4]).max() > 0.01


@pytest.mark.parametrize("blend", [0.0, 0.4])
def test_layers_go_on_from_any_frame(walking, photo, blend):
    whole = list(animate_layers(walking, photo, frames=4, blend=blend))
    rest = list(animate_layers(walking, photo, frames=4, blend=blend, first=2, last=whole[1]))
    for got, expected in zip(rest, whole[2:], strict=True):
        np.testing.assert_array_equal(got, expected)


def test_layers_blend_with_the_frame_before(walking, photo):
    plain = list(animate_layers(walking, photo, frames=3))
    blended = list(animate_layers(walking, photo, frames=3, blend=0.6))
    np.testing.assert_array_equal(blended[0], plain[0])
    for number in (1, 2):
        expected = 0.6 * levels(blended[number - 1]) + 0.4 * levels(plain[number])
        np.testing.assert_allclose(levels(blended[number]), expected, atol=1.01)


def test_a_single_frame_is_the_first_layer(walking, photo):
    (frame,) = animate_layers(walking, photo, frames=1)
    np.testing.assert_array_equal(frame, next(animate_layers(walking, photo, frames=3)))


def test_channels_are_walked_too_and_a_mask_holds(toy, photo):
    dreamer = Dreamer("channel", toy, channel="conv3:3,conv3:7", **SETTINGS)
    mask = np.zeros((48, 64), np.uint8)
    mask[:20] = 255
    frames = list(animate_layers(dreamer, photo, mask, frames=2))
    assert np.abs(frames[0] - frames[1])[:, :20].max() > 0.01
    for frame in frames:
        np.testing.assert_allclose(levels(frame[:, 20:]), levels(photo[:, 20:]), atol=0.51)


@pytest.mark.parametrize("settings", [{"layers": "conv3"}, {"channel": "conv3:1", "energy": 1.0}])
def test_a_walk_needs_two_places(toy, photo, settings):
    dreamer = Dreamer("zoom", toy, **settings)
    with pytest.raises(ValueError, match="`layers`, or `channel`, must name at least two"):
        next(animate_layers(dreamer, photo))


# --- What is refused


@pytest.mark.parametrize(
    ("motion", "message"),
    [
        ({"frames": 0}, "`frames` must be at least 1, and whole. Received: 0"),
        ({"frames": -3}, "`frames` must be at least 1, and whole. Received: -3"),
        ({"zoom": 1.0}, "`zoom` must be more than 1. Received: 1.0"),
        ({"zoom": 0.9}, "`zoom` must be more than 1. Received: 0.9"),
        ({"zoom": float("nan")}, "`zoom` must be more than 1. Received: nan"),
        ({"blend": 1.0}, "`blend` must be from 0 to less than 1. Received: 1.0"),
        ({"blend": -0.1}, "`blend` must be from 0 to less than 1. Received: -0.1"),
        ({"blend": float("nan")}, "`blend` must be from 0 to less than 1. Received: nan"),
    ],
)
def test_motion_that_makes_no_sense(zooming, photo, motion, message):
    with pytest.raises(ValueError) as caught:
        AnimationSettings(**{"frames": 2, **motion})
    assert str(caught.value) == message
    with pytest.raises(ValueError) as caught:
        next(animate_zoom(zooming, photo, **motion))
    assert str(caught.value) == message


def test_no_frames_are_refused_by_all(growing, walking, photo):
    with pytest.raises(ValueError, match="`frames` must"):
        animate_evolution(growing, photo, frames=0, on_frame=print)
    with pytest.raises(ValueError, match="`frames` must"):
        next(animate_layers(walking, photo, frames=0))
    assert ANIMATIONS == ("evolution", "zoom", "layers")
