import numpy as np
import pytest
from PIL import Image

from kerasart.image.resize import fit_size, pick_nearest


def pillow_nearest(image, size):
    pixels = Image.fromarray(image[0]).resize(size[::-1], Image.Resampling.NEAREST)
    return np.asarray(pixels)[np.newaxis]


@pytest.mark.parametrize("old", [(1, 1), (7, 5), (64, 48), (37, 101), (300, 451)])
@pytest.mark.parametrize("new", [(1, 1), (3, 2), (7, 5), (64, 85), (99, 33), (400, 601)])
def test_nearest_is_pillows(old, new):
    image = np.random.default_rng(0).integers(0, 256, (1, *old, 3), np.uint8)
    np.testing.assert_array_equal(pick_nearest(image, new), pillow_nearest(image, new))


def test_nearest_is_pillows_where_it_falls_between_two_pixels():
    # Of 2 pixels in 7, the fourth lies right between both: Pillow's rounding decides.
    differing = []
    for old in range(1, 40):
        numbers = np.arange(old, dtype=np.int32)[np.newaxis, np.newaxis]
        for new in range(1, 80):
            expected = pillow_nearest(numbers, (1, new))
            if not np.array_equal(
                pick_nearest(numbers[..., np.newaxis], (1, new))[..., 0], expected
            ):
                differing.append((old, new))
    assert differing == []


def test_nearest_invents_no_value():
    image = np.float32([[[[0.0, 0.25, 1.0]], [[0.5, 0.125, 0.75]]]])
    for size in ((1, 1), (5, 3), (2, 1)):
        picked = pick_nearest(image, size)
        assert picked.shape == (1, *size, 3) and picked.dtype == np.float32
        assert {tuple(p) for p in picked.reshape(-1, 3)} <= {tuple(p) for p in image.reshape(-1, 3)}
    np.testing.assert_array_equal(pick_nearest(image, (2, 1)), image)


def test_fit_size():
    assert fit_size((300, 451), 128) == (85, 128)
    assert fit_size((451, 300), 902) == (902, 600)
    assert fit_size((1, 1000), 10) == (1, 10)  # Never nothing.
