"""Thousands of damaged pictures of every format: each is read, or refused in one sentence."""

import io
import re
import resource
import signal
import time

import numpy as np
import pytest
from damage import damage
from PIL import Image, features
from test_decoding import DEEP_RANDOM, LINEAR_RGB, deep_png, deep_tiff

from kerasart.image import Picture, read_picture

_SIZE = (12, 16)
_SECONDS = 5  # For one picture, on a machine that is busy with other things.
_SENTENCE = re.compile(r"Cannot read '[^\n]*': [^\n]{1,600}\. Received: [^\n]{1,200}")


def encoded(picture, kind, **options):
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def originals():
    """Small pictures, by suffix: a list of the bytes of files of different kinds."""
    pixels = np.random.default_rng(0).integers(0, 256, (*_SIZE, 4)).astype(np.uint8)
    rgba, rgb, grey = (Image.fromarray(each) for each in (pixels, pixels[..., :3], pixels[..., 0]))
    cmyk, palette = Image.frombytes("CMYK", _SIZE[::-1], pixels.tobytes()), rgb.quantize(16)
    exif = Image.Exif()
    exif[0x0112], exif[0x0132] = 6, "2024:06:01 12:34:56"
    told = {"exif": exif.tobytes(), "icc_profile": LINEAR_RGB, "dpi": (300, 300)}
    more = {"save_all": True, "append_images": [rgba.rotate(180)]}
    files = {
        ".png": [
            encoded(rgb, "PNG", **told),
            encoded(rgba, "PNG", **more),
            encoded(palette, "PNG", transparency=3),
            encoded(Image.fromarray(pixels[..., 0].astype(np.uint16) * 257), "PNG"),
            deep_png(DEEP_RANDOM, 6),
            deep_png(DEEP_RANDOM[..., :2], 4),
        ],
        ".jpg": [
            encoded(rgb, "JPEG", **told),
            encoded(grey, "JPEG", progressive=True),
            encoded(cmyk, "JPEG"),
        ],
        ".webp": [encoded(rgb, "WEBP", **told), encoded(rgba, "WEBP", lossless=True, **more)],
        ".tif": [
            encoded(rgb, "TIFF", **told),
            encoded(rgba, "TIFF", compression="tiff_lzw"),
            encoded(rgb, "TIFF", compression="jpeg"),
            encoded(Image.fromarray(pixels[..., 0] / np.float32(255)), "TIFF"),
            deep_tiff(DEEP_RANDOM, compression=8, extra=1),
            deep_tiff(DEEP_RANDOM, photometric=5),
        ],
        ".bmp": [encoded(rgb, "BMP"), encoded(palette, "BMP")],
        ".gif": [encoded(palette, "GIF", transparency=3), encoded(rgba, "GIF", **more)],
    }
    if features.check("avif"):
        files[".avif"] = [encoded(rgba, "AVIF", exif=exif.tobytes())]
    return files


ORIGINALS = originals()


def read_all(suffix, count, path):
    """Reads so many damaged files; returns how many of them could be."""
    random = np.random.default_rng(sum(suffix.encode()))
    whole = 0
    for number in range(count):
        data = damage(ORIGINALS[suffix][number % len(ORIGINALS[suffix])], random)
        path.write_bytes(data)
        start = time.perf_counter()
        try:
            picture = read_picture(path, max_pixels=100_000)
        except (ValueError, OSError, MemoryError) as error:
            assert _SENTENCE.fullmatch(str(error)), (number, error)
        else:
            assert isinstance(picture, Picture)
            assert picture.image.dtype == np.float32 and picture.image.shape[3] == 3
            assert 0 <= picture.image.min() and picture.image.max() <= 1
            whole += 1
        assert time.perf_counter() - start < _SECONDS, number
    return whole


@pytest.fixture
def bounded():
    """Ends a test that hangs, and fails one that takes memory."""

    def hang(*signal):
        pytest.fail("A picture was read for longer than it may take.")

    former = signal.signal(signal.SIGALRM, hang)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    signal.alarm(1800)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, former)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # KiB


@pytest.mark.parametrize("suffix", ORIGINALS)
def test_the_originals_are_read(tmp_path, suffix):
    for data in ORIGINALS[suffix]:
        (tmp_path / f"a{suffix}").write_bytes(data)
        assert read_picture(tmp_path / f"a{suffix}").image.size > 0


@pytest.mark.parametrize("suffix", ORIGINALS)
def test_damaged_pictures_are_read_or_refused(tmp_path, bounded, capfd, suffix):
    count = 2000 // len(ORIGINALS)
    assert 0 < read_all(suffix, count, tmp_path / f"a{suffix}") < count
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ORIGINALS)
def test_many_damaged_pictures_are_read_or_refused(tmp_path, bounded, capfd, suffix):
    read_all(suffix, 50_000 // len(ORIGINALS), tmp_path / f"a{suffix}")
    assert capfd.readouterr() == ("", "")


def test_damaged_heic_is_read_or_refused(tmp_path, bounded, capfd, monkeypatch):
    heif = pytest.importorskip("pillow_heif")
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    out = io.BytesIO()
    heif.from_pillow(Image.fromarray(pixels)).save(out, quality=50)
    monkeypatch.setitem(ORIGINALS, ".heic", [out.getvalue()])
    assert 0 < read_all(".heic", 200, tmp_path / "a.heic") < 200
    assert capfd.readouterr() == ("", "")
