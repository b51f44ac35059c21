"""`FilmStylizer`: blending along the motion, and the place of the scene."""

import numpy as np
import pytest
from network_checks import make_picture
from scipy.ndimage import gaussian_filter

from kerasart import Stylizer
from kerasart.applications.film_stylizer import FilmStylizer
from kerasart.film.motion import Motion

FRAME, BEFORE = make_picture(32, 40), make_picture(32, 40)[:, ::-1]


@pytest.fixture(scope="module")
def stylizer(tiny_network):
    return Stylizer(tiny_network, "float32")


def motion(x=0.0, y=0.0, trust=1.0, shift=(0.0, 0.0)):
    flow = np.zeros((32, 40, 2), np.float32) + np.array([x, y], np.float32)
    return Motion(flow, np.full((1, 32, 40, 1), trust, np.float32), shift)


def test_the_first_frame_of_a_shot_is_painted_as_a_photo(stylizer):
    paint = FilmStylizer(stylizer, "b", steadiness=0.8)
    expected = stylizer(FRAME, "b")
    first, state = paint(FRAME, None, None)
    np.testing.assert_array_equal(first, expected)
    after_a_cut, _ = paint(FRAME, None, {"painted": BEFORE, "place": np.ones(2)})
    np.testing.assert_array_equal(after_a_cut, expected)
    np.testing.assert_array_equal(state["painted"], first)


def test_what_was_painted_before_is_blended_in_where_motion_is_trusted(stylizer):
    paint = FilmStylizer(stylizer, "b", steadiness=0.8)
    state = {"painted": BEFORE, "place": np.zeros(2)}
    alone = stylizer(FRAME, "b")
    blended, _ = paint(FRAME, motion(x=3, trust=0.5), state)
    warped = np.concatenate([BEFORE[:, :, 3:], np.repeat(BEFORE[:, :, -1:], 3, axis=2)], axis=2)
    plain = alone + 0.4 * (warped - alone)
    fine, wanted = (
        each - gaussian_filter(each, (0, 0.8, 0.8, 0), mode="mirror", radius=3)
        for each in (plain, alone)
    )
    gain = np.sqrt((wanted**2).sum() / (fine**2).sum())
    assert gain > 1.05
    expected = np.clip(plain + 0.5 * (gain - 1) * fine, 0.0, 1.0)
    np.testing.assert_allclose(blended, expected, atol=1e-5)
    untrusted, _ = paint(FRAME, motion(trust=0.0), state)
    np.testing.assert_array_equal(untrusted, alone)


def test_what_stands_still_stays_as_it_was_painted(stylizer):
    paint = FilmStylizer(stylizer, "b", steadiness=0.8)
    painted, state = first, _ = paint(FRAME, None, None)
    for _ in range(10):
        painted, state = paint(FRAME, motion(), state)
    np.testing.assert_allclose(painted, first, atol=1e-5)


def test_a_frame_without_detail_stays_as_it_is(stylizer, monkeypatch):
    flat = np.full((1, 32, 40, 3), 0.5, np.float32)
    paint = FilmStylizer(stylizer, "b", steadiness=0.8)
    monkeypatch.setattr(paint, "_stylizer", lambda *_, **__: flat)
    painted, _ = paint(FRAME, motion(), {"painted": flat, "place": np.zeros(2)})
    np.testing.assert_array_equal(painted, flat)


def test_the_place_adds_up_over_a_shot(stylizer):
    paint = FilmStylizer(stylizer, "b", steadiness=0.5)
    _, state = paint(BEFORE, None, None)
    _, state = paint(FRAME, motion(shift=(1.5, -2.0)), state)
    painted, state = paint(FRAME, motion(shift=(0.25, 0.5), trust=0.0), state)
    np.testing.assert_allclose(state["place"], (1.75, -1.5))
    np.testing.assert_array_equal(painted, stylizer(FRAME, "b", place=(1.75, -1.5)))


def test_without_steadiness_frames_are_photos(stylizer):
    paint = FilmStylizer(stylizer, "b", steadiness=0.0)
    painted, _ = paint(FRAME, motion(shift=(1.0, 0.0)), {"painted": BEFORE, "place": np.ones(2)})
    np.testing.assert_array_equal(painted, stylizer(FRAME, "b"))


def test_a_steadiness_out_of_range_is_refused(stylizer):
    with pytest.raises(ValueError, match="`steadiness` must be from 0 to 1. Received: 1.5"):
        FilmStylizer(stylizer, steadiness=1.5)
