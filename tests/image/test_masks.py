import logging

import numpy as np
import pytest
from PIL import Image

from kerasart.image import Picture
from kerasart.image.masks import combine_masks, fit_mask, read_mask, split_picture

GREY = np.array([[0, 51, 102], [153, 204, 255]], np.uint8)
SOFT = (GREY / 255).astype(np.float32)


@pytest.fixture(autouse=True)
def warnings(caplog):
    """The warnings so far, as strings."""
    caplog.set_level(logging.INFO, logger="kerasart")
    return lambda: [record.getMessage() for record in caplog.records]


# --- Reading


def test_grey_file(tmp_path):
    Image.fromarray(GREY).save(tmp_path / "a.png")
    mask = read_mask(tmp_path / "a.png")
    assert mask.dtype == np.float32
    assert mask.shape == (1, 2, 3, 1)
    np.testing.assert_allclose(mask[0, ..., 0], SOFT, atol=1e-6)
    assert mask.max() <= 1


def test_colours_count_by_their_luminance(tmp_path):
    Image.new("RGB", (2, 1), (0, 255, 0)).save(tmp_path / "a.png")
    np.testing.assert_allclose(read_mask(tmp_path / "a.png"), 0.587, atol=1e-6)


@pytest.mark.parametrize("opacity", [0, 51, 255])
def test_what_is_transparent_counts_less(tmp_path, opacity):
    pixels = np.dstack([GREY, np.full_like(GREY, 255)])
    pixels[1, :, 1] = opacity
    Image.fromarray(pixels, "LA").save(tmp_path / "a.png")
    expected = SOFT * np.array([[1], [opacity / 255]])
    np.testing.assert_allclose(read_mask(tmp_path / "a.png")[0, ..., 0], expected, atol=1e-6)


def test_too_many_pixels(tmp_path):
    Image.fromarray(GREY).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"a\.png.*6 pixels.*5"):
        read_mask(tmp_path / "a.png", max_pixels=5)


# --- Fitting


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 1), (1, 2, 3, 1)])
@pytest.mark.parametrize("array", [SOFT, SOFT.astype(np.float64), GREY], ids=lambda a: a.dtype.name)
def test_a_mask_of_the_right_size_keeps_its_values(array, shape, warnings):
    mask = fit_mask(array.reshape(shape), (2, 3), "mask")
    assert mask.dtype == np.float32
    assert mask.shape == (1, 2, 3, 1)
    np.testing.assert_allclose(mask[0, ..., 0], SOFT, atol=1e-7)
    assert not warnings()


def test_bool():
    mask = fit_mask(GREY > 100, (2, 3), "mask")
    assert mask.dtype == np.float32
    np.testing.assert_array_equal(mask[0, ..., 0], [[0, 0, 1], [1, 1, 1]])


def test_a_smaller_mask_averages(warnings):
    stripes = np.zeros((48, 64), np.uint8)
    stripes[:, ::8] = 255  # one column in eight, which sampling would miss
    mask = fit_mask(stripes, (6, 8), "style_mask")
    assert mask.shape == (1, 6, 8, 1)
    np.testing.assert_allclose(mask[:, 1:-1, 1:-1], 1 / 8, atol=0.01)
    assert not warnings()


def test_another_aspect_is_stretched(warnings):
    left = np.zeros((4, 4, 1), bool)
    left[:, :2] = True
    mask = fit_mask(left, (6, 16), "mask")
    assert mask.shape == (1, 6, 16, 1)
    assert (mask[:, :, :6] == 1).all()
    assert (mask[:, :, 10:] == 0).all()
    assert (np.diff(mask, axis=2) <= 0).all()
    assert warnings() == [
        "`mask` of 4 x 4 pixels (height x width) is resized to the picture's 6 x 16, "
        "which changes its proportions."
    ]


def test_the_rounding_of_a_side_is_no_other_aspect(warnings):
    fit_mask(np.ones((683, 1024), np.float32), (100, 150), "mask")
    fit_mask(np.ones((683, 1024), np.float32), (101, 150), "mask")
    assert not warnings()
    fit_mask(np.ones((683, 1024), np.float32), (102, 150), "mask")
    assert len(warnings()) == 1


@pytest.mark.parametrize("size", [(7, 11), (3, 5), (400, 10)])
def test_a_resized_mask_stays_in_range(size):
    mask = fit_mask(np.ones((19, 23), np.float32), size, "mask")
    np.testing.assert_allclose(mask, 1, atol=1e-6)
    assert mask.max() <= 1


def test_one_pixel():
    np.testing.assert_allclose(fit_mask(np.full((1, 1), 0.5), (3, 2), "mask"), 0.5)
    assert fit_mask(SOFT, (1, 1), "mask").shape == (1, 1, 1, 1)


@pytest.mark.parametrize("dtype", [np.float32, np.uint8, bool])
def test_empty_masks_are_refused(dtype, warnings):
    with pytest.raises(ValueError) as error:
        fit_mask(np.zeros((4, 5), dtype), (8, 10), "style_mask")
    assert str(error.value) == (
        "`style_mask` must mark something with values above 0. Received: only zeros, of size (4, 5)"
    )
    assert not warnings()


@pytest.mark.parametrize("shape", [(3,), (0, 4), (2, 3, 3), (2, 2, 3, 1), (1, 2, 3, 3)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"^`sky` must have shape .* Received: shape \("):
        fit_mask(np.ones(shape, np.float32), (2, 3), "sky")


@pytest.mark.parametrize("value", [-0.1, 1.1, np.nan, np.inf])
def test_other_values_are_refused(value):
    with pytest.raises(ValueError, match="^`sky` must hold .* Received: values from"):
        fit_mask(np.array([[0.5, value]]), (1, 2), "sky")


@pytest.mark.parametrize("dtype", [np.int64, np.uint16, complex])
def test_other_types_are_refused(dtype):
    with pytest.raises(ValueError, match="^`sky` must be uint8 .* Received: dtype"):
        fit_mask(np.ones((2, 3), dtype), (2, 3), "sky")


# --- What is seen


def test_of_a_picture_what_is_transparent_is_masked():
    image, alpha = np.full((1, 2, 3, 3), 0.5, np.float32), SOFT[np.newaxis, ..., np.newaxis]
    for picture in (image, image[0], Picture(image)):
        got, mask = split_picture(picture, "style")
        np.testing.assert_array_equal(got, image)
        assert mask is None
    got, mask = split_picture(Picture(image, alpha), "style")
    np.testing.assert_array_equal(mask, alpha)
    with pytest.raises(ValueError, match="^`style` must be opaque somewhere. Received: "):
        split_picture(Picture(image, np.zeros_like(alpha)), "style")


def test_a_mask_and_what_is_seen_both_count():
    alpha = SOFT[np.newaxis, ..., np.newaxis]
    assert combine_masks(None, None, "mask") is None
    assert combine_masks(None, np.ones_like(alpha), "mask") is None
    assert combine_masks(alpha, None, "mask") is alpha
    assert combine_masks(None, alpha, "mask") is alpha
    left = np.array([[1, 0, 0], [1, 0, 0]], np.float32)
    both = combine_masks(left, alpha, "mask")
    np.testing.assert_allclose(both[0, ..., 0], left * SOFT, atol=1e-6)
