"""Colours that nobody sees, and what comes in their place."""

import numpy as np
import pytest
from PIL import Image

from kerasart.image import read_picture
from kerasart.image.transparency import fill_hidden

MAGENTA = (1.0, 0.0, 1.0)


def cut_out(size=(40, 50), radius=12):
    """Green to blue on a disc, magenta beneath what is transparent around it."""
    rows, columns = np.indices(size)
    disc = np.hypot(rows - size[0] / 2, columns - size[1] / 2) < radius
    image = np.zeros((*size, 3), np.float32)
    image[..., 1], image[..., 2] = columns / size[1], 1 - columns / size[1]
    image[~disc] = MAGENTA
    return image, disc[..., np.newaxis].astype(np.float32)


@pytest.mark.parametrize("size", [(40, 50), (41, 53), (300, 30), (1, 7), (600, 600)])
def test_what_is_hidden_continues_what_is_seen(size):
    image, alpha = cut_out(size, max(size) / 4)
    before, seen = image.copy(), alpha[..., 0] > 0
    fill_hidden(image, alpha)
    np.testing.assert_array_equal(image[seen], before[seen])
    assert image[..., 0].max() < 1e-6  # No red is seen, so none is made.
    np.testing.assert_allclose(image.sum(axis=-1), 1, atol=1e-5)


def test_beside_the_edge_the_colour_is_the_edge_s():
    image, alpha = cut_out()
    fill_hidden(image, alpha)
    differences = np.abs(np.diff(image[20, :, 2]))
    assert differences.max() < 0.1  # No step where the disc ends.


def test_the_less_is_seen_of_a_pixel_the_less_it_colours_others():
    image = np.zeros((8, 8, 3), np.float32)
    image[:, 3], image[:, 4] = (0, 1, 0), MAGENTA
    alpha = np.zeros((8, 8, 1), np.float32)
    alpha[:, 3], alpha[:, 4] = 1, 2 / 255
    fill_hidden(image, alpha)
    assert (image[:, 4] == MAGENTA).all()
    assert image[:, 5:, 0].max() < 0.1


def test_where_nothing_is_seen_all_is_grey():
    image = np.full((5, 6, 3), MAGENTA, np.float32)
    fill_hidden(image, np.zeros((5, 6, 1), np.float32))
    np.testing.assert_array_equal(image, 0.5)


def test_without_holes_nothing_changes():
    image, _ = cut_out()
    before = image.copy()
    fill_hidden(image, np.full((40, 50, 1), 1 / 255, np.float32))
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("kind", ["png", "webp", "gif", "palette.png", "tif"])
def test_files_are_read_so(tmp_path, kind):
    image, alpha = cut_out()
    pixels = np.round(np.concatenate([image, alpha], axis=-1) * 255).astype(np.uint8)
    path, picture = tmp_path / f"a.{kind}", Image.fromarray(pixels)
    options = {"exact": True, "lossless": True} if kind == "webp" else {}
    if kind in ("gif", "palette.png"):
        picture = Image.fromarray(pixels[..., :3]).quantize(64)
        options = {"transparency": picture.getpixel((0, 0))}  # That of the magenta.
    picture.save(path, **options)
    got = read_picture(path)
    np.testing.assert_array_equal(got.alpha[0], alpha)
    assert got.image[..., 0].max() < 0.1
