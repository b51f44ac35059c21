"""`MotionTracker`: the dominant shift, and cuts."""

from itertools import pairwise

import numpy as np
import pytest

from kerasart.film.flow import find_flow
from kerasart.film.motion import Motion, MotionTracker, dominant_shift, is_cut
from kerasart.image.samples import read_sample

cv2 = pytest.importorskip("cv2")


def view(name, rows=0, columns=0):
    return np.ascontiguousarray(
        read_sample(name).image[:, 40 + rows : 200 + rows, 60 + columns : 300 + columns]
    )


def test_the_dominant_shift_is_that_of_the_scene():
    tracker = MotionTracker()
    assert tracker(view("coffee")) is None
    motion = tracker(view("coffee", rows=2, columns=-3))  # The camera goes down and to the left,
    assert motion.shift == pytest.approx((-2, 3), abs=0.02)  # the scene up and to the right.
    assert motion.flow.shape == (160, 240, 2) and motion.trust.shape == (1, 160, 240, 1)
    standing = tracker(view("coffee", rows=2, columns=-3))
    assert standing.shift == (0, 0)
    np.testing.assert_allclose(standing.trust, 1, atol=1e-6)


@pytest.mark.parametrize("long_side", [240, 900])
def test_the_dominant_shift_is_exact_to_fractions_of_a_pixel(long_side):
    before = view("rocket")
    before = cv2.resize(before[0], (long_side, long_side * 2 // 3))[np.newaxis]
    matrix = np.float32([[1, 0, 0.3], [0, 1, -1.6]])
    options = {"flags": cv2.INTER_CUBIC, "borderMode": cv2.BORDER_REFLECT_101}
    now = cv2.warpAffine(before[0], matrix, before.shape[2:0:-1], **options)[np.newaxis]
    back = find_flow(now, before)
    trust = np.ones((1, *back.shape[:2], 1), np.float32)
    assert dominant_shift(now, before, back, trust) == pytest.approx((-1.6, 0.3), abs=0.05)
    assert dominant_shift(now, before, back, 0 * trust) == (0, 0)


def test_cuts_are_found_and_motion_is_none():
    assert is_cut(view("coffee"), view("cat"))
    assert not is_cut(view("coffee"), view("coffee", rows=9, columns=12))
    assert not is_cut(np.clip(view("coffee") * 0.9, 0, 1), view("coffee"))
    frames = [view("coffee"), view("coffee", 1), view("cat"), view("cat", 1)]
    assert [is_cut(*pair) for pair in pairwise(frames)] == [False, True, False]
    tracker = MotionTracker()
    assert [tracker(each) is None for each in frames] == [True, False, False, False]


def test_motion_of_resized_frames():
    flow = np.zeros((40, 60, 2), np.float32) + np.array([3, -2], np.float32)
    trust = np.zeros((1, 40, 60, 1), np.float32)
    trust[:, :, 30:] = 1
    motion = Motion(flow, trust, (2.0, -3.0))
    half = motion.resize((20, 30))
    np.testing.assert_allclose(half.flow, np.broadcast_to([1.5, -1], (20, 30, 2)))
    np.testing.assert_array_equal(half.trust, trust[:, ::2, ::2])
    assert half.shift == (1.0, -1.5)
    assert motion.resize((40, 60)) is motion


def test_a_flow_of_ones_own_and_a_restart():
    calls = []

    def flow(now, before):
        calls.append((now, before))
        return np.full((*now.shape[1:3], 2), 1 if now is second else -1, np.float32)

    first, second = view("coffee"), view("coffee", 1, 1)
    tracker = MotionTracker(flow)
    tracker(first)
    assert tracker(second).shift == pytest.approx((-1, -1), abs=0.02)
    assert [(a is second, b is first) for a, b in calls] == [(True, True), (False, False)]
    tracker.restart()
    assert tracker(second) is None
    tracker.restart(first)
    assert tracker(second).shift == pytest.approx((-1, -1), abs=0.02)


def test_frames_too_small_for_flow_have_no_motion():
    tracker = MotionTracker()
    small = view("coffee")[:, :11]
    assert tracker(small) is None and tracker(small) is None


def test_a_flow_of_another_size_is_refused():
    tracker = MotionTracker(lambda now, before: np.zeros((*now.shape[1:3], 3)))
    tracker(view("coffee"))
    with pytest.raises(ValueError, match=r"`flow`.*\(160, 240, 2\).*Received: \(160, 240, 3\)"):
        tracker(view("coffee"))


@pytest.mark.parametrize("value", [np.nan, -np.inf])
def test_a_flow_that_is_not_finite_is_refused(value):
    tracker = MotionTracker(lambda now, before: np.full((*now.shape[1:3], 2), value))
    tracker(view("coffee"))
    with pytest.raises(ValueError, match="`flow` must return finite vectors. Received: NaN or inf"):
        tracker(view("coffee"))
