"""Optical flow, warping and trust, on photos moved by known motion."""

import subprocess
import sys

import numpy as np
import pytest

from kerasart.film.flow import find_flow, find_trust, is_consistent, shift, warp
from kerasart.film.steadiness import sharpness
from kerasart.image.samples import read_sample

cv2 = pytest.importorskip("cv2")


@pytest.fixture(scope="module")
def photo():
    return np.ascontiguousarray(read_sample("cat").image[:, 20:280, 60:400])


def moved(photo, angle=0.0, zoom=1.0, rows=0.0, columns=0.0):
    """The photo, turned and zoomed around its centre and shifted; and its true backward flow."""
    height, width = photo.shape[1:3]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, zoom)
    matrix[:, 2] += columns, rows
    image = cv2.warpAffine(photo[0], matrix, (width, height), flags=cv2.INTER_CUBIC)
    y, x = np.indices((height, width), np.float32)
    inverse = cv2.invertAffineTransform(matrix)
    origin = np.stack([x, y, np.ones_like(x)], axis=-1) @ inverse.T
    flow = (origin - np.stack([x, y], axis=-1)).astype(np.float32)
    return np.clip(image, 0, 1)[np.newaxis], flow


@pytest.mark.parametrize(
    "motion", [{"rows": 3.5, "columns": -1.25}, {"columns": 25}, {"angle": 2, "zoom": 1.02}]
)
def test_known_motion_is_found(photo, motion):
    image, expected = moved(photo, **motion)
    back, forth = find_flow(image, photo), find_flow(photo, image)
    assert back.shape == (*photo.shape[1:3], 2) and back.dtype == np.float32
    trust = find_trust(back, forth, image, photo)[0, ..., 0]
    error = np.linalg.norm(back - expected, axis=-1)
    assert error[trust > 0.5].mean() < 0.4
    assert (trust > 0.5).mean() > 0.6


FINDS = """
import numpy as np
from kerasart.film.flow import find_flow

noise = np.random.default_rng(0).random((1, 160, 960, 3), np.float32)
for size in ((12, 960), (12, 40), (20, 96), (31, 300), (31, 80), (160, 12), (160, 20)):
    now = noise[:, : size[0], : size[1]]
    flow = find_flow(now, now)
    assert flow.shape == (*size, 2) and (flow == 0).all(), size
"""


def test_frames_may_be_wide_or_tall():
    # By itself: OpenCV's DIS ended the process.
    done = subprocess.run([sys.executable, "-c", FINDS], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_frame_that_stands_has_no_flow_and_full_trust(photo):
    flow = find_flow(photo, photo)
    np.testing.assert_array_equal(flow, 0)
    np.testing.assert_allclose(find_trust(flow, flow, photo, photo), 1, atol=1e-6)


def test_warping_undoes_motion(photo):
    image, flow = moved(photo, rows=2, columns=-3)
    inner = np.s_[:, 8:-8, 8:-8]
    np.testing.assert_allclose(warp(photo, flow)[inner], image[inner], atol=1e-6)


def test_what_lay_outside_the_frame_is_not_trusted(photo):
    image, flow = moved(photo, columns=20)
    _, forth = moved(photo, columns=-20)
    trust = find_trust(flow, forth, image, photo)
    assert trust[:, :, :20].max() < 0.1
    assert trust[:, 30:-30, 30:-30].mean() > 0.95


def test_the_border_of_a_frame_that_hardly_moves_is_trusted(photo):
    flow = np.full((*photo.shape[1:3], 2), 0.3, np.float32)
    assert is_consistent(flow, -flow).all()
    assert not is_consistent(flow + 1, -flow - 1)[-1].any()


def test_what_is_uncovered_is_not_trusted(photo):
    height, width = photo.shape[1:3]
    forth = np.zeros((height, width, 2), np.float32)
    back = forth.copy()
    back[100:150, 100:150] = 30, 0  # Leads to where forward flow says that nothing moved.
    assert not is_consistent(back, forth)[100:150, 100:150].any()
    assert is_consistent(back, forth)[:90].all()
    trust = find_trust(back, forth, photo, photo)[0, ..., 0]
    assert trust[100:150, 100:150].max() < 1e-6
    assert trust[125, 99] < 0.1 and trust[125, 90] > 0.999  # Widened by two pixels, and blurred.


def test_a_motion_that_bends_is_trusted():
    grey, back = np.full((1, 40, 60, 3), 0.5, np.float32), np.zeros((40, 60, 2), np.float32)
    back[:, 30:, 0] = -0.5  # Half a pixel is within what the check forgives.
    np.testing.assert_allclose(find_trust(back, -back, grey, grey), 1, atol=1e-6)


def test_a_change_of_colour_is_not_trusted(photo):
    flow = np.zeros((*photo.shape[1:3], 2), np.float32)
    other = photo.copy()
    other[:, 100:150, 100:150] = 1 - other[:, 100:150, 100:150]
    trust = find_trust(flow, flow, other, photo)[0, ..., 0]
    difference = np.abs(other - photo)[0].mean(axis=-1)[110:140, 110:140]
    assert (trust[110:140, 110:140][difference > 0.3] < 0.5).all()
    assert trust[:90].min() > 0.99


def test_a_shift_by_fractions_keeps_an_image_sharp():
    photo = read_sample("coffee").image[:, 40:300, 100:440]
    size = photo.shape[1:3]
    there = shift(photo, 0.5, 1.25, (size[0] + 4, size[1] + 4))
    assert there.shape == (1, size[0] + 4, size[1] + 4, 3)
    again = shift(there, -0.5, -1.25, size)
    inner = np.s_[:, 8:-8, 8:-8]
    assert np.abs(again - photo)[inner].mean() < 0.006
    assert 0.75 < sharpness(again[inner]) / sharpness(photo[inner]) < 1.1
    whole = shift(photo, 2, 3, size)
    np.testing.assert_allclose(whole[:, 2:, 3:], photo[:, :-2, :-3], atol=1e-6)
    np.testing.assert_allclose(whole[:, 1], shift(photo, 0, 3, size)[:, 1], atol=1e-6)
