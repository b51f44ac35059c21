import numpy as np
import pytest
from scipy.ndimage import spline_filter

from kerasart.image.warp import zoom_warp

NEARLY_1 = 1 + 1e-9


def smooth_picture(height=40, width=56, seed=0):
    coarse = np.random.default_rng(seed).random((1, 5, 7, 3))
    picture = coarse.repeat(8, axis=1).repeat(8, axis=2)
    for axis in (1, 2):
        for _ in range(6):
            picture = (np.roll(picture, 1, axis) + picture + np.roll(picture, -1, axis)) / 3
    return np.float32(0.2 + 0.6 * picture)[:, :height, :width]


def spot(row, column, size=(81, 101)):
    """A soft spot on black."""
    rows, columns = np.indices(size)
    bell = np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / (2 * 2.0**2))
    return np.float32(np.stack([bell] * 3, axis=-1))[np.newaxis]


def place_of(image):
    """Where the spot is: (row, column)."""
    weights = image[0, ..., 0].astype(np.float64)
    rows, columns = np.indices(weights.shape)
    return (rows * weights).sum() / weights.sum(), (columns * weights).sum() / weights.sum()


def test_without_motion_it_is_the_same():
    image = smooth_picture()
    same = zoom_warp(image, NEARLY_1)
    assert same.shape == image.shape and same.dtype == np.float32
    np.testing.assert_allclose(same, image, atol=1e-6)


@pytest.mark.parametrize(
    ("motion", "expected"),
    [
        # From 5 rows above and 10 columns to the right of the centre (40, 50).
        ({"zoom": 2.0}, (30, 70)),
        ({"zoom": 1.2}, (34, 62)),
        ({"zoom": NEARLY_1, "degrees": 90}, (30, 45)),
        ({"zoom": NEARLY_1, "degrees": -90}, (50, 55)),
        ({"zoom": NEARLY_1, "degrees": 180}, (45, 40)),
        ({"zoom": NEARLY_1, "shift": (0.1, 0.0)}, (35 + 8.1, 60)),
        ({"zoom": NEARLY_1, "shift": (0.0, -0.1)}, (35, 60 - 10.1)),
        ({"zoom": 1.2, "shift": (0.1, 0.1)}, (34 + 8.1, 62 + 10.1)),
        ({"zoom": 1.2, "degrees": 90}, (40 - 12, 50 - 6)),
    ],
)
def test_things_go_where_they_should(motion, expected):
    assert place_of(zoom_warp(spot(35, 60), **motion)) == pytest.approx(expected, abs=0.02)


def test_the_centre_stays():
    assert place_of(zoom_warp(spot(40, 50), 1.3, 33.0)) == pytest.approx((40, 50), abs=1e-3)


def test_things_grow():
    before, after = (np.sum(image) for image in (spot(40, 50), zoom_warp(spot(40, 50), 1.5)))
    assert after == pytest.approx(1.5**2 * before, rel=0.01)


def test_a_quarter_turn_of_a_square_is_numpys():
    image = smooth_picture(40, 40)
    turned = zoom_warp(image, NEARLY_1, 90.0)
    np.testing.assert_allclose(turned, np.rot90(image, axes=(1, 2)), atol=1e-4)


def test_a_shift_by_whole_pixels_against_a_hand_made_one():
    image = smooth_picture(40, 50)
    shifted = zoom_warp(image, NEARLY_1, shift=(0.1, -0.04))  # 4 down, 2 to the left.
    np.testing.assert_allclose(shifted[:, 4:, :-2], image[:, :-4, 2:], atol=1e-4)
    # What comes into view mirrors the picture, about its outermost pixels.
    np.testing.assert_allclose(shifted[:, 3::-1, :-2], image[:, 1:5, 2:], atol=1e-4)


def test_a_doubling_against_a_spline_by_hand():
    image = smooth_picture(9, 9)
    got = zoom_warp(image, 2.0)
    # The pixels at even distances from the centre are the picture's own.
    np.testing.assert_allclose(got[:, ::2, ::2], image[:, 2:7, 2:7], atol=1e-5)
    # Between two of them the cubic B-spline weighs its four coefficients 1, 23, 23 and 1.
    coefficients = spline_filter(image[0, ..., 0], order=3, mode="mirror")
    on_rows = np.array([1, 4, 1]) / 6
    halfway = np.array([1, 23, 23, 1]) / 48
    expected = on_rows @ coefficients[3:6, 3:7] @ halfway
    assert got[0, 4, 5, 0] == pytest.approx(expected, abs=1e-5)


def test_it_stays_in_range_and_nothing_is_missing():
    # A spline swings past sharp edges.
    image = np.float32(np.random.default_rng(0).integers(0, 2, (1, 24, 32, 3)))
    seen = zoom_warp(image, 1.3, 30.0, (0.1, 0.2))
    assert seen.min() >= 0 and seen.max() <= 1
    flat = np.full((1, 24, 32, 3), 0.4, np.float32)
    np.testing.assert_allclose(zoom_warp(flat, 1.05, 45.0, (0.3, -0.3)), flat, atol=1e-6)


def test_falling_does_not_blur():
    image = smooth_picture()
    view = image
    for _ in range(10):
        view = zoom_warp(view, NEARLY_1, shift=(0.5 / 40, 0.0))
    # Five pixels down, in ten halves.
    np.testing.assert_allclose(view[:, 10:-10], image[:, 5:-15], atol=0.01)
