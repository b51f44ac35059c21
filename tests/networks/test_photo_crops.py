import logging
import os

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, TiffImagePlugin

from kerasart.image.photos import find_photos
from kerasart.networks.photo_crops import Photos


def write(path, width, height, value=None):
    """Writes a picture of one value, or whose red tells the column and green the row."""
    data = np.zeros((height, width, 3), np.uint8)
    if value is None:
        data[..., 0], data[..., 1] = np.arange(width), np.arange(height)[:, None]
    else:
        data[:] = value
    Image.fromarray(data).save(path)
    return path


def take(photos, count):
    return [square.numpy() for square in photos.squares().take(count)]


# --- Squares


def test_squares_are_of_one_size_in_range(tmp_path):
    paths = [write(tmp_path / "a.png", 50, 40), write(tmp_path / "b.png", 32, 90)]
    for square in take(Photos(paths, 32), 6):
        assert square.shape == (32, 32, 3) and square.dtype == np.float32
        assert 0 <= square.min() < square.max() <= 1


def test_a_photo_of_half_the_size_comes_whole_enlarged_or_mirrored(tmp_path):
    path = write(tmp_path / "a.png", 16, 16)
    whole = tf.image.resize(np.asarray(Image.open(path), np.float32) / 255, (32, 32)).numpy()
    seen = set()
    for square in take(Photos([path], 32), 16):
        mirrored = square[0, 0, 0] > square[0, -1, 0]
        np.testing.assert_allclose(square, whole[:, ::-1] if mirrored else whole, atol=1e-6)
        seen.add(bool(mirrored))
    assert seen == {False, True}


def test_half_can_be_exposed_otherwise(tmp_path):
    path = tmp_path / "a.png"
    grey = np.random.default_rng(0).integers(60, 190, (32, 32, 3), np.uint8)
    Image.fromarray(grey).save(path)
    plain, exposed = (
        np.array([np.ptp(square) for square in take(Photos([path], 32, exposes=exposes), 40)])
        for exposes in (False, True)
    )
    assert plain.max() <= 130 / 255
    assert 10 < (exposed > plain + 1e-3).sum() < 30
    assert exposed.max() <= 1


def test_cuts_differ_in_place_and_size_and_stay_inside(tmp_path):
    path = write(tmp_path / "a.png", 200, 120)
    lefts, tops, sides = [], [], []
    for square in take(Photos([path], 32), 40):
        columns, rows = 255 * square[16, :, 0], 255 * square[:, 16, 1]
        side = (rows[-1] - rows[0]) * 32 / 31
        sides.append(side)
        lefts.append(columns.min())
        tops.append(rows.min())
        np.testing.assert_allclose(np.ptp(columns), np.ptp(rows), atol=2)  # not distorted
        assert columns.max() < 200 and rows.max() < 120
    assert 15 < min(sides) < 40 and 90 < max(sides) < 122
    assert np.std(lefts) > 10 and np.std(tops) > 5


def test_each_photo_is_seen_once_before_any_again(tmp_path):
    values = [20, 60, 100, 140, 180]
    paths = [write(tmp_path / f"{value}.png", 32, 32, value) for value in values]
    seen = [round(255 * float(square.mean())) for square in take(Photos(paths, 32), 15)]
    rounds = [seen[start : start + 5] for start in (0, 5, 10)]
    assert all(sorted(each) == values for each in rounds)
    assert len({tuple(each) for each in rounds}) > 1


def test_a_seed_says_all(tmp_path):
    paths = [write(tmp_path / f"{i}.png", 60 + i, 50) for i in range(3)]
    first, same, other = (np.stack(take(Photos(paths, 32, seed), 6)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)


# --- What cannot be used


def test_pipes_are_found_but_not_waited_for(tmp_path, caplog):
    os.mkfifo(tmp_path / "a.png")
    os.mkfifo(tmp_path / "._b.png")
    write(tmp_path / "c.png", 40, 40, 0)
    paths = find_photos(tmp_path)
    assert len(paths) == 3
    take(Photos(paths, 32), 4)
    assert caplog.text.count("must be a regular file") == 2


@pytest.fixture
def mixed(tmp_path):
    """Two good photos between bad ones of all kinds."""
    (tmp_path / "corrupt.jpg").write_bytes(b"\xff\xd8\xff nothing")
    (tmp_path / "empty.png").touch()
    whole = write(tmp_path / "good.png", 40, 40, 100).read_bytes()
    (tmp_path / "half.png").write_bytes(whole[: len(whole) // 2])
    write(tmp_path / "good2.png", 40, 40, 100)
    write(tmp_path / "tiny.png", 100, 15, 7)
    return [*find_photos(tmp_path), tmp_path / "gone.png"]


BAD = {"corrupt.jpg", "empty.png", "half.png", "tiny.png", "gone.png"}


def test_bad_photos_are_left_out_and_told_of_once(mixed, caplog):
    photos = Photos(mixed, 32)
    with caplog.at_level(logging.WARNING, "kerasart"):
        squares = take(photos, 30)
    np.testing.assert_allclose(squares, 100 / 255, atol=1e-6)
    assert {path.rsplit("/", 1)[1] for path in photos.skipped} == BAD
    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == len(BAD)
    assert all(message.startswith("a photo is skipped: ") for message in messages)
    assert any("tiny.png' is 100x15, less than 16 pixels" in message for message in messages)


def test_what_is_known_to_be_bad_is_told_of_no_more(mixed, caplog):
    skipped = set()
    take(Photos(mixed, 32, 0, skipped), 30)
    caplog.clear()
    take(Photos(mixed, 32, 1, skipped), 30)
    assert len(skipped) == len(BAD)
    assert not caplog.records


def test_only_bad_photos_are_an_error(mixed):
    bad = [path for path in mixed if path.name in BAD]
    photos = Photos(bad, 32)
    with pytest.raises(ValueError, match="`photos` must hold .* 16 pixels .*Received: 5 that"):
        photos.first(2)
    with pytest.raises(tf.errors.InvalidArgumentError):
        take(Photos(bad[:1], 32), 1)


def test_the_first_squares_are_batches_of_one(mixed):
    first = Photos(mixed, 32).first(3)
    assert [square.shape for square in first] == [(1, 32, 32, 3)] * 3


def test_names_may_be_of_any_bytes(tmp_path):
    path = write(tmp_path / "naïve 夢.png", 32, 32, 100)
    odd = tmp_path / b"\xff.png".decode("utf-8", "surrogateescape")
    try:
        odd.write_bytes(path.read_bytes())
    except OSError:
        pytest.skip("a file system of Unicode names")
    assert len(take(Photos([path, odd], 32), 4)) == 4


def test_photos_with_too_many_pixels_are_left_out(tmp_path, caplog):
    paths = [write(tmp_path / "a.png", 40, 40, 100), write(tmp_path / "b.png", 40, 50, 200)]
    squares = take(Photos(paths, 32, max_pixels=1600), 6)
    np.testing.assert_allclose(squares, 100 / 255, atol=1e-6)
    assert "b.png': it has 2000 pixels, and the limit is 1600" in caplog.text


def test_a_damaged_tag_does_not_end_a_training(tmp_path, monkeypatch, caplog):
    paths = [write(tmp_path / "a.tif", 40, 40, 100), write(tmp_path / "b.png", 40, 40, 200)]

    def fail(self):
        raise TypeError("a bytes-like object is required, not 'int'")

    monkeypatch.setattr(TiffImagePlugin.TiffImageFile, "load", fail)
    np.testing.assert_allclose(take(Photos(paths, 32), 4), 200 / 255, atol=1e-6)
    assert "a.tif" in caplog.text
