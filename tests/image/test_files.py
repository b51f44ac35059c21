"""Writing, what is read back, and the errors of both."""

import errno
import os
import warnings
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageFile, features

from kerasart.image import check_output, read_picture, write_picture
from kerasart.image.animation import write_animation

RANDOM = np.random.default_rng(0)
IMAGE = RANDOM.random((1, 16, 24, 3), np.float32)
ALPHA = RANDOM.random((1, 16, 24, 1), np.float32)
SMOOTH = np.linspace(0.2, 0.8, 24, dtype=np.float32)[:, np.newaxis] * np.ones((1, 16, 1, 3), "f4")
TEXT = {"Title": "naïve", "Comment": "夢 🐶\nsecond line", "settings": '{"a": 1}', "empty": ""}

needs_avif = pytest.mark.skipif(not features.check("avif"), reason="Pillow without AVIF")
AVIF = pytest.param(".avif", marks=needs_avif)
SUFFIXES = [".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".gif", AVIF, ".PNG"]


def sentence(error):
    """The message, which must be one sentence and what was received."""
    message = str(error.value)
    assert message.count(". Received: ") == 1
    assert "[Errno" not in message
    assert "\n" not in message
    return message


# Reading


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError) as error:
        read_picture(tmp_path / "no.jpg")
    assert "no.jpg" in sentence(error)


def test_folder_is_no_picture(tmp_path):
    with pytest.raises(IsADirectoryError) as error:
        read_picture(tmp_path)
    assert str(tmp_path) in sentence(error)


def test_path_below_a_file(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(NotADirectoryError) as error:
        read_picture(tmp_path / "file" / "a.png")
    assert "a.png" in sentence(error)


def test_file_that_may_not_be_read(tmp_path, monkeypatch):
    def refuse(path, *flags):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(PermissionError) as error:
        read_picture(tmp_path / "a.png")
    assert "a.png" in sentence(error)


def test_empty_file(tmp_path):
    (tmp_path / "a.png").touch()
    with pytest.raises(ValueError, match=r"a\.png.*empty") as error:
        read_picture(tmp_path / "a.png")
    sentence(error)


def test_a_pipe_named_png_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    for path in (tmp_path / "a.png", "/dev/zero"):
        with pytest.raises(ValueError, match="must be a regular file") as error:
            read_picture(path)
        sentence(error)


def test_text_named_jpg(tmp_path):
    (tmp_path / "a.jpg").write_text("not a picture at all")
    with pytest.raises(ValueError, match=r"a\.jpg.*not a picture.*JPEG") as error:
        read_picture(tmp_path / "a.jpg")
    assert "not a pi" in sentence(error).split("Received: ")[1]


def test_other_format_of_pillow(tmp_path):
    Image.new("RGB", (2, 2)).save(tmp_path / "a.ppm")
    with pytest.raises(ValueError, match=r"a\.ppm.*not a picture"):
        read_picture(tmp_path / "a.ppm")


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_truncated_png(tmp_path, share, bits):
    path = tmp_path / "a.png"
    write_picture(path, IMAGE, bits=bits)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(ValueError, match=r"a\.png.*truncated or damaged") as error:
        read_picture(path)
    sentence(error)


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".tif", ".bmp", ".gif", AVIF])
def test_truncated_file_of_another_format(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    write_picture(path, IMAGE)
    data = path.read_bytes()
    path.write_bytes(data[: int(0.9 * len(data))])
    with pytest.raises(ValueError, match="truncated or damaged|damaged from its start") as error:
        read_picture(path)
    assert path.name in sentence(error)


def test_truncated_jpeg_is_called_so(tmp_path):
    path = tmp_path / "a.jpg"
    write_picture(path, IMAGE)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(ValueError, match=r"a\.jpg.*truncated or damaged"):
        read_picture(path)


def test_max_pixels_refuses(tmp_path):
    write_picture(tmp_path / "a.png", IMAGE)
    before = Image.MAX_IMAGE_PIXELS
    with pytest.raises(ValueError, match=r"a\.png.*384 pixels.*383.*`max_pixels`") as error:
        read_picture(tmp_path / "a.png", max_pixels=383)
    sentence(error)
    assert Image.MAX_IMAGE_PIXELS == before


@pytest.mark.parametrize("limit", [100, 383])  # Pillow alone would only warn of the second
def test_limit_of_pillow_refuses(tmp_path, monkeypatch, limit):
    write_picture(tmp_path / "a.png", IMAGE)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    with pytest.raises(ValueError, match=f"384 pixels.*{limit}.*`max_pixels`"):
        read_picture(tmp_path / "a.png")
    assert Image.MAX_IMAGE_PIXELS == limit


def test_max_pixels_replaces_the_limit_of_pillow(tmp_path, monkeypatch):
    write_picture(tmp_path / "a.png", IMAGE)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        picture = read_picture(tmp_path / "a.png", max_pixels=384)
    assert picture.image.shape == IMAGE.shape
    assert Image.MAX_IMAGE_PIXELS == 10


def test_path_may_be_a_string(tmp_path):
    path = str(tmp_path / "a.png")
    write_picture(path, IMAGE)
    assert read_picture(path).image.shape == IMAGE.shape


# Writing


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_format(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    write_picture(path, SMOOTH, alpha=ALPHA, text=TEXT)
    picture = read_picture(path)
    np.testing.assert_allclose(picture.image, SMOOTH, atol=0.03)
    assert (picture.alpha is not None) == (
        suffix.lower() in (".png", ".webp", ".tif", ".tiff", ".avif")
    )
    assert picture.text == (TEXT if suffix.lower() == ".png" else {})
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp"])
def test_8_bits_are_exact(tmp_path, suffix):
    levels = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 16, 16, 3)
    image = np.divide(levels, 255, dtype=np.float32)
    write_picture(tmp_path / f"a{suffix}", image)
    np.testing.assert_array_equal(read_picture(tmp_path / f"a{suffix}").image, image)


def test_bytes_are_written_as_they_are(tmp_path):
    levels = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    write_picture(tmp_path / "a.png", levels)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "a.png")), levels)


def test_rounding_and_clipping(tmp_path):
    row = np.array([-1, -0.001, 0.4 / 255, 0.6 / 255, 254.4 / 255, 254.6 / 255, 1.001, 7])
    write_picture(tmp_path / "a.png", np.stack([row] * 3, axis=-1)[np.newaxis])
    written = np.asarray(Image.open(tmp_path / "a.png"))[0, :, 0]
    np.testing.assert_array_equal(written, [0, 0, 0, 1, 254, 255, 255, 255])


@pytest.mark.parametrize("with_alpha", [False, True])
def test_16_bit_png_is_exact(tmp_path, with_alpha):
    levels = RANDOM.integers(0, 65536, (1, 16, 24, 4))
    pixels = np.divide(levels, 65535, dtype=np.float64).astype(np.float32)
    alpha = pixels[..., 3:] if with_alpha else None
    write_picture(tmp_path / "a.png", pixels[..., :3], alpha=alpha, text=TEXT, bits=16)
    picture = read_picture(tmp_path / "a.png")
    np.testing.assert_array_equal(np.round(picture.image * 65535.0), levels[..., :3])
    np.testing.assert_array_equal(picture.image, pixels[..., :3])
    if with_alpha:
        np.testing.assert_array_equal(picture.alpha, alpha)
    else:
        assert picture.alpha is None
    assert picture.text == TEXT
    with Image.open(tmp_path / "a.png") as png:
        png.verify()  # the checksums


@pytest.mark.parametrize("channels", [3, 4])
def test_16_bit_tiff(tmp_path, channels):
    levels = RANDOM.integers(0, 65536, (16, 24, channels)).astype(np.uint16)
    pixels = (levels / 65535)[np.newaxis]
    path = tmp_path / "a.tif"
    alpha = pixels[..., 3:] if channels == 4 else None
    write_picture(path, pixels[..., :3], alpha=alpha, bits=16)

    with Image.open(path) as tiff:
        np.testing.assert_array_equal(np.asarray(tiff), levels >> 8)
        tags = tiff.tag_v2
    assert tags[258] == (16,) * channels
    (offset,), (size,) = tags[273], tags[279]
    data = path.read_bytes()
    assert data[:2] == b"II"
    assert len(data) == offset + size
    samples = np.frombuffer(data, "<u2", offset=offset).reshape(levels.shape)
    np.testing.assert_array_equal(samples, levels)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_alpha_is_exact(tmp_path, suffix):
    alpha = np.divide(RANDOM.integers(1, 256, (1, 16, 24, 1)), 255).astype(np.float32)
    write_picture(tmp_path / f"a{suffix}", IMAGE, alpha=alpha)
    picture = read_picture(tmp_path / f"a{suffix}")
    np.testing.assert_array_equal(picture.alpha, alpha)
    np.testing.assert_allclose(picture.image, IMAGE, atol=0.5001 / 255)


def test_jpeg_has_no_subsampling_and_follows_quality(tmp_path):
    for quality in (60, 95):
        write_picture(tmp_path / f"{quality}.jpg", IMAGE, quality=quality)
    with Image.open(tmp_path / "95.jpg") as jpeg:
        assert {layer[1:3] for layer in jpeg.layer} == {(1, 1)}
    assert (tmp_path / "60.jpg").stat().st_size < (tmp_path / "95.jpg").stat().st_size


def test_noise_fits_into_the_buffer_of_the_jpeg_encoder(tmp_path, monkeypatch):
    monkeypatch.setattr(ImageFile, "MAXBLOCK", 1024)  # as a far larger picture would meet it
    write_picture(tmp_path / "a.jpg", RANDOM.integers(0, 2, (64, 64, 3)).astype("f4"), quality=100)
    assert read_picture(tmp_path / "a.jpg").image.shape == (1, 64, 64, 3)
    assert ImageFile.MAXBLOCK == 1024


@pytest.mark.parametrize("suffix", [".webp", AVIF])
def test_quality_of_other_lossy_formats(tmp_path, suffix):
    for quality in (30, 95):
        write_picture(tmp_path / f"{quality}{suffix}", IMAGE, quality=quality)
    sizes = [(tmp_path / f"{quality}{suffix}").stat().st_size for quality in (30, 95)]
    assert sizes[0] < sizes[1]


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize(
    "text", [{"": "a"}, {"k" * 80: "a"}, {"夢": "a"}, {"a\0b": "c"}, {1: "a"}, {"a": 1}]
)
def test_text_that_png_cannot_hold(tmp_path, text, bits):
    with pytest.raises(ValueError, match="`text` must map .* Received: "):
        write_picture(tmp_path / "a.png", IMAGE, text=text, bits=bits)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", ["image", "alpha"])
def test_nan_is_refused(tmp_path, name):
    arrays = {"image": IMAGE.copy(), "alpha": ALPHA.copy()}
    arrays[name][0, 3, 4, 0] = np.nan
    with pytest.raises(ValueError, match=f"`{name}` .* no NaN"):
        write_picture(tmp_path / "a.png", **arrays)
    assert os.listdir(tmp_path) == []


def test_metadata_of_another_kind_is_refused(tmp_path):
    with pytest.raises(ValueError, match="`metadata` must be .* Received: 3"):
        write_picture(tmp_path / "a.jpg", IMAGE, metadata=3)
    assert not os.listdir(tmp_path)


def test_alpha_of_another_size_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"`alpha` must .* Received: \(16, 23\)"):
        write_picture(tmp_path / "a.jpg", IMAGE, alpha=ALPHA[:, :, 1:])


def test_permissions_are_the_ordinary_ones(tmp_path):
    former = os.umask(0o027)
    try:
        write_picture(tmp_path / "a.png", IMAGE)
    finally:
        os.umask(former)
    assert (tmp_path / "a.png").stat().st_mode & 0o777 == 0o640


# Half-written files


def fill(*args):
    raise OSError(errno.ENOSPC, "No space left on device")


def fail(*args, **kwargs):
    raise OSError(errno.EIO, "Input/output error")


@pytest.mark.parametrize(
    ("owner", "name", "broken", "bits"),
    [
        (Image.Image, "save", fail, 8),
        (tf.io, "encode_png", fail, 16),
        (os, "fsync", fill, 8),
        (os, "replace", fail, 8),
    ],
)
@pytest.mark.parametrize("before", [None, b"the former file"])
def test_failure_leaves_all_as_it_was(tmp_path, monkeypatch, owner, name, broken, bits, before):
    path = tmp_path / "a.png"
    if before:
        path.write_bytes(before)
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, broken)
        with pytest.raises(OSError, match="No space left|Input/output"):
            write_picture(path, IMAGE, bits=bits)
    assert os.listdir(tmp_path) == (["a.png"] if before else [])
    assert before is None or path.read_bytes() == before


def test_full_disk_is_told_in_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", fill)
    with pytest.raises(OSError, match="No space left") as error:
        write_picture(tmp_path / "a.png", IMAGE)
    assert "a.png" in sentence(error)


# Checks before a long run; `write_picture` must agree with them.


def check_by_writing(path, bits=8):
    write_picture(path, IMAGE, bits=bits)


CHECKS = pytest.mark.parametrize("check", [check_output, check_by_writing])


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_check_accepts_and_makes_nothing(tmp_path, suffix):
    check_output(tmp_path / f"a{suffix}")
    assert os.listdir(tmp_path) == []


def test_check_accepts_16_bits_and_a_bare_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    check_output("a.png", bits=16)
    check_output("a.tiff", bits=16)


@CHECKS
@pytest.mark.parametrize("name", ["a.xyz", "a", "a.pdf", ".png"])
def test_unknown_suffix(tmp_path, check, name):
    with pytest.raises(ValueError, match=r"\.png, \.jpg, \.jpeg, \.webp") as error:
        check(tmp_path / name)
    assert name in sentence(error)


@CHECKS
def test_missing_folder(tmp_path, check):
    with pytest.raises(FileNotFoundError) as error:
        check(tmp_path / "no" / "a.png")
    assert str(tmp_path / "no") in sentence(error)


@CHECKS
def test_folder_in_the_way(tmp_path, check):
    (tmp_path / "a.png").mkdir()
    with pytest.raises(IsADirectoryError) as error:
        check(tmp_path / "a.png")
    assert "a.png" in sentence(error)


@CHECKS
def test_file_in_place_of_the_folder(tmp_path, check):
    (tmp_path / "file").write_text("x")
    with pytest.raises(NotADirectoryError) as error:
        check(tmp_path / "file" / "a.png")
    assert "a.png" in sentence(error)


@CHECKS
@pytest.mark.parametrize("protected", ["folder", "file"])
def test_not_writable(tmp_path, monkeypatch, check, protected):
    path = tmp_path / "a.png"
    path.write_bytes(b"former")
    place = tmp_path if protected == "folder" else path
    monkeypatch.setattr(os, "access", lambda asked, mode: Path(asked) != place)
    with pytest.raises(PermissionError) as error:
        check(path)
    assert "a.png" in sentence(error)
    assert path.read_bytes() == b"former"


@CHECKS
@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".bmp", ".gif", AVIF])
def test_16_bits_in_a_format_without_them(tmp_path, check, suffix):
    with pytest.raises(ValueError, match="only PNG and TIFF") as error:
        check(tmp_path / f"a{suffix}", bits=16)
    sentence(error)


@CHECKS
@pytest.mark.parametrize("bits", [1, 12, 32])
def test_other_numbers_of_bits(tmp_path, check, bits):
    with pytest.raises(ValueError, match=f"must be 8 or 16. Received: bits={bits}"):
        check(tmp_path / "a.png", bits=bits)


@pytest.mark.parametrize("path", [None, 3, ["a.png"], "a\0.png"])
def test_what_is_no_path_is_refused(path):
    message = "`path` must be the path of a file. Received: "
    with pytest.raises(ValueError, match=message):
        read_picture(path)
    with pytest.raises(ValueError, match=message):
        write_picture(path, np.zeros((2, 2, 3), np.float32))
    with pytest.raises(ValueError, match=message):
        write_animation(path, [])


@pytest.mark.parametrize("most", ["9", 0, -1, 1.5])
def test_a_limit_that_is_none_is_refused(tmp_path, most):
    write_picture(tmp_path / "a.png", np.zeros((2, 2, 3), np.float32))
    with pytest.raises(ValueError, match="`max_pixels` must be 1 or more, and whole. Received: "):
        read_picture(tmp_path / "a.png", most)
