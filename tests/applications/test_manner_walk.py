import numpy as np
import pytest
from network_checks import make_picture

from kerasart import Manner, Stylizer, walk_manners

PHOTO = make_picture(24, 32)
A, B, PAINTING = Manner(1), Manner(2), make_picture(40, 48, 1)


@pytest.fixture(scope="module")
def stylizer(manner):
    codes = np.random.default_rng(0).normal(0, 2, (50, 5))
    return Stylizer(manner.with_manners(codes), "float32")


def test_a_walk_is_even_and_goes_through_all_stops(stylizer):
    frames = list(walk_manners(stylizer, PHOTO, [A, PAINTING, B], 30))
    assert len(frames) == 30
    for stop, place in ((A, 0), (B, -1)):
        np.testing.assert_allclose(frames[place], stylizer(PHOTO, stop), atol=1e-5)
    painted = stylizer(PHOTO, PAINTING)
    assert min(np.abs(frame - painted).max() for frame in frames) < 1e-5
    steps = [np.abs(b - a).mean() for a, b in zip(frames, frames[1:], strict=False)]
    assert 0 < max(steps) < 3 * min(steps)


def test_a_round_walk_does_not_repeat_its_first_frame(stylizer):
    frames = list(walk_manners(stylizer, PHOTO, [A, B, Manner(1)], 12))
    steps = [np.abs(b - a).mean() for a, b in zip(frames, frames[1:] + frames[:1], strict=True)]
    assert 0 < max(steps) < 3 * min(steps)
    # A picture is the same as its copy.
    frames, copied = (
        list(walk_manners(stylizer, PHOTO, [PAINTING, B, last], 4))
        for last in (PAINTING, PAINTING.copy())
    )
    np.testing.assert_array_equal(frames, copied)


def test_a_walk_that_is_resumed_is_the_same(stylizer):
    frames = list(walk_manners(stylizer, PHOTO, [A, B], 6, strength=0.5))
    rest = list(walk_manners(stylizer, PHOTO, [A, B], 6, first=4, strength=0.5))
    np.testing.assert_array_equal(rest, frames[4:])


def test_a_walk_that_stands_still(stylizer):
    frames = list(walk_manners(stylizer, PHOTO, [A, A], 3))
    assert np.ptp(frames, axis=0).max() < 1e-5


@pytest.mark.parametrize(
    ("stops", "frames", "message"),
    [
        ([A], 5, "`stops` must be at least two. Received: 1"),
        ([A, B, A], 2, "`frames` must be at least 3, the number of stops. Received: 2"),
        ([A, B], "9", "`frames` must be at least 2, the number of stops. Received: '9'"),
    ],
)
def test_too_few_are_refused(stylizer, stops, frames, message):
    with pytest.raises(ValueError, match=message):
        next(walk_manners(stylizer, PHOTO, stops, frames))
