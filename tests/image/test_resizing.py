import numpy as np
import pytest
from PIL import Image

from kerasart.image.arrays import fit_size
from kerasart.image.resizing import (
    fill_size,
    pick_nearest,
    resize,
    resize_cut_out,
    resize_photo,
    shrink,
)


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


@pytest.mark.parametrize("method", ["bilinear", "bicubic"])
@pytest.mark.parametrize("new", [(7, 5), (10, 7), (33, 40)])
def test_enlarging_is_pillows(method, new):
    image = np.random.default_rng(0).random((1, 7, 5, 3), np.float32)
    enlarged = resize(image, new, method=method)
    kind = Image.Resampling[method.upper()]
    channels = [Image.fromarray(image[0, ..., i]).resize(new[::-1], kind) for i in range(3)]
    # TensorFlow takes bicubic weights from a table of 1024 places between two pixels.
    tolerance = {"bilinear": 1e-5, "bicubic": 1e-3}[method]
    np.testing.assert_allclose(enlarged[0], np.stack(channels, axis=-1), atol=tolerance)


# --- Photos


def print_of_lines(size=256):
    """A print: black lines of two pixels on paper, at all angles."""
    rows, columns = np.indices((size, size)) - (size - 1) / 2
    angle = np.arctan2(rows, columns)
    lines = np.minimum(1, np.abs(np.sin(angle * 24)) * np.hypot(rows, columns) / 24)
    return np.repeat(np.float32(lines)[np.newaxis, ..., np.newaxis], 3, axis=-1)


@pytest.mark.parametrize("new", [(40, 60), (64, 31), (99, 150), (120, 200)])
def test_photos_are_resized_as_pillow_does_by_lanczos(new):
    image = np.random.default_rng(0).random((1, 80, 120, 3), np.float32)
    kind = Image.Resampling.LANCZOS
    channels = [Image.fromarray(image[0, ..., i]).resize(new[::-1], kind) for i in range(3)]
    expected = np.clip(np.stack(channels, axis=-1), 0, 1)
    np.testing.assert_allclose(resize_photo(image, new)[0], expected, atol=1e-4)


def test_a_print_stays_sharp():
    drawing = print_of_lines()
    smaller = resize_photo(drawing, (128, 128))
    averaged = resize(drawing, (128, 128), antialias=True).numpy()

    def contrast(image):
        return np.abs(np.diff(image, axis=1)).mean()

    assert contrast(smaller) > 1.2 * contrast(averaged)
    # Sharp, but not jagged: enlarged again, it is nearer to the print.
    back = resize(smaller, (256, 256), method="bicubic") - drawing
    of_averaged = resize(averaged, (256, 256), method="bicubic") - drawing
    assert np.square(back).mean() < 0.9 * np.square(of_averaged).mean()


def test_a_photo_of_the_size_is_the_photo():
    image = np.random.default_rng(0).random((1, 8, 12, 3), np.float32)
    assert resize_photo(image, (8, 12)) is image and shrink(image, 12) is image
    assert shrink(image, 6).shape == (1, 4, 6, 3)


@pytest.mark.parametrize("new", [(7, 9), (90, 33)])
def test_a_resized_photo_stays_in_range(new):
    image = np.random.default_rng(0).integers(0, 2, (1, 30, 20, 3)).astype(np.float32)
    resized = resize_photo(image, new)
    assert resized.shape == (1, *new, 3) and resized.dtype == np.float32
    assert isinstance(resized, np.ndarray) and 0 <= resized.min() < resized.max() <= 1


def cut_out(hidden):
    """A green disc, with soft edges, on a ground of another colour that is not to be seen."""
    rows, columns = np.indices((80, 100)) - np.array([39.5, 49.5])[:, np.newaxis, np.newaxis]
    alpha = np.clip(30.5 - np.hypot(rows, columns), 0, 1).astype(np.float32)[np.newaxis, ..., None]
    image = np.where(alpha > 0.5, np.float32([0.1, 0.8, 0.1]), np.float32(hidden))
    return image.astype(np.float32), alpha


@pytest.mark.parametrize("size", [(40, 50), (27, 33), (60, 75), (120, 150)])
def test_what_is_hidden_leaves_no_ring_in_a_resized_cut_out(size):
    image, alpha = resize_cut_out(*cut_out((0.1, 0.8, 0.1)), size)
    plain, _ = cut_out((0.1, 0.8, 0.1))
    np.testing.assert_allclose(image, resize_photo(plain, size), atol=1e-5)
    strange, same = resize_cut_out(*cut_out((1.0, 0.0, 1.0)), size)
    np.testing.assert_array_equal(alpha, same)
    assert alpha.shape == (1, *size, 1) and 0 <= alpha.min() < alpha.max() <= 1
    # By what is seen of it; plainly resized, it would be several times as much.
    without = resize_photo(cut_out((1.0, 0.0, 1.0))[0], size)
    seen, ring = (np.abs(each - image)[alpha[..., 0] > 0.5] for each in (strange, without))
    assert seen.mean() < 0.6 * ring.mean()


def test_a_cut_out_of_even_opacity_is_resized_as_a_photo():
    image = np.random.default_rng(0).random((1, 40, 50, 3), np.float32)
    resized, alpha = resize_cut_out(image, np.full((1, 40, 50, 1), 0.25, np.float32), (20, 30))
    np.testing.assert_allclose(resized, resize_photo(image, (20, 30)), atol=1e-5)
    np.testing.assert_allclose(alpha, 0.25, atol=1e-5)
    same, _ = resize_cut_out(image, alpha, (40, 50))
    assert same is image


def test_fit_size():
    assert fit_size((300, 451), 128) == (85, 128)
    assert fit_size((451, 300), 902) == (902, 600)
    assert fit_size((1, 1000), 10) == (1, 10)  # Never nothing.


# --- Filling a size


@pytest.mark.parametrize("own", [(40, 60), (60, 40), (50, 50), (7, 90)])
@pytest.mark.parametrize("size", [(32, 48), (48, 32), (33, 33), (80, 10), (1, 1), (100, 100)])
def test_fill_size_has_the_size_and_the_range(own, size):
    image = np.random.default_rng(0).random((1, *own, 3), np.float32)
    filled = fill_size(image, size)
    assert filled.shape == (1, *size, 3) and filled.dtype == np.float32
    assert filled.min() >= 0 and filled.max() <= 1


def test_fill_size_of_the_same_size_is_the_picture():
    image = np.random.default_rng(0).random((1, 20, 30, 3), np.float32)
    np.testing.assert_allclose(fill_size(image, (20, 30)), image, atol=1e-6)
    smaller = resize_photo(image, (10, 15))
    np.testing.assert_allclose(fill_size(image, (10, 15)), smaller, atol=1e-6)


@pytest.mark.parametrize("axis", [1, 2])
def test_fill_size_crops_around_the_centre(axis):
    image = np.random.default_rng(0).random((1, 20, 32, 3), np.float32)
    image = image if axis == 2 else image.transpose(0, 2, 1, 3)
    expected = np.take(image, range(6, 26), axis)
    np.testing.assert_allclose(fill_size(image, (20, 20)), expected, atol=1e-6)


@pytest.mark.parametrize("size", [(30, 30), (60, 20), (20, 60), (90, 90)])
def test_fill_size_does_not_distort(size):
    # A disc stays one, as wide as it is high, in the middle to within half a pixel of its own.
    rows, columns = np.indices((80, 120)) - np.array([39.5, 59.5])[:, np.newaxis, np.newaxis]
    disc = np.float32(rows**2 + columns**2 < 10**2)[np.newaxis, ..., np.newaxis].repeat(3, -1)
    filled = fill_size(disc, size)[0, ..., 0]
    rows, columns = np.indices(size) - (np.array(size)[:, np.newaxis, np.newaxis] - 1) / 2
    weights = filled / filled.sum()
    assert abs((rows * weights).sum()) < 0.4 and abs((columns * weights).sum()) < 0.4
    heights, widths = (rows**2 * weights).sum(), (columns**2 * weights).sum()
    assert heights == pytest.approx(widths, rel=0.1)
    # As large as fits: the picture's whole height or width is there.
    scale = max(size[0] / 80, size[1] / 120)
    assert filled.sum() == pytest.approx(np.pi * (10 * scale) ** 2, rel=0.06)


def test_fill_size_of_a_hand_made_picture():
    # 2 x 6 to 2 x 2 keeps the two columns in the middle.
    image = np.float32([[[0, 0.1, 0.2, 0.3, 0.4, 0.5], [0.5, 0.6, 0.7, 0.8, 0.9, 1]]])[..., None]
    np.testing.assert_allclose(
        fill_size(image, (2, 2))[0, ..., 0], [[0.2, 0.3], [0.7, 0.8]], atol=1e-6
    )
