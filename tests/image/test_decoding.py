"""Every kind of pixel, every orientation, and colour profiles."""

import io
import struct
import subprocess
import sys
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms, features
from PIL.PngImagePlugin import putchunk
from profiles import LINE, LINEAR_RGB, WHITE, fixed, profile

from kerasart.image import formats, read_picture

RGB = np.random.default_rng(0).integers(0, 256, (6, 5, 3)).astype(np.uint8)
GREY, ALPHA = RGB[..., 0], RGB[..., 1]


def as_float(array, levels=255):
    return np.divide(array, levels, dtype=np.float32)


def in_rgb(grey):
    return np.stack([grey] * 3, axis=-1)


def read(picture, path, **options):
    picture.save(path, **options)
    return read_picture(path)


def deep_png(pixels, colour_type, *chunks):
    """A PNG file with 16 bits a channel, made by hand."""
    height, width = pixels.shape[:2]
    rows = pixels.astype(">u2").reshape(height, -1)
    out = io.BytesIO(b"\x89PNG\r\n\x1a\n")
    out.seek(0, io.SEEK_END)
    putchunk(out, b"IHDR", struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0))
    for kind, content in chunks:
        putchunk(out, kind, content)
    putchunk(out, b"IDAT", zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows)))
    putchunk(out, b"IEND", b"")
    return out.getvalue()


def read_deep_png(path, *png):
    path.write_bytes(deep_png(*png))
    return read_picture(path)


def check(picture, image, alpha=None):
    """`image` and `alpha` are arrays of shape (height, width, 3) and (height, width).

    Where nothing is to be seen, the colour may be any.
    """
    assert picture.image.dtype == np.float32
    assert picture.image.shape == (1, *image.shape)
    seen = np.ones(image.shape[:2], bool) if alpha is None else alpha > 0
    np.testing.assert_array_equal(picture.image[0][seen], image[seen])
    if alpha is None:
        assert picture.alpha is None
    else:
        assert picture.alpha.dtype == np.float32
        np.testing.assert_array_equal(picture.alpha, alpha[np.newaxis, ..., np.newaxis])


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".webp"])
def test_rgb_is_exact(tmp_path, suffix):
    options = {"lossless": True} if suffix == ".webp" else {}
    check(read(Image.fromarray(RGB), tmp_path / f"a{suffix}", **options), as_float(RGB))


@pytest.mark.parametrize(
    "suffix",
    [
        ".jpg",
        ".webp",
        pytest.param(
            ".avif", marks=pytest.mark.skipif(not features.check("avif"), reason="no AVIF")
        ),
    ],
)
def test_lossy_formats_come_close(tmp_path, suffix):
    image = np.full((16, 16, 3), (200, 100, 50), np.uint8)
    picture = read(Image.fromarray(image), tmp_path / f"a{suffix}", quality=95)
    np.testing.assert_allclose(picture.image[0], as_float(image), atol=4 / 255)


@pytest.mark.parametrize("suffix", [".gif", ".png", ".webp", ".tif"])
def test_of_several_pictures_the_first_is_read_and_that_is_told(tmp_path, caplog, suffix):
    frames = [Image.new("RGB", (5, 6), colour) for colour in ("red", "blue")]
    options = {"lossless": True} if suffix == ".webp" else {}
    path = tmp_path / f"a{suffix}"
    picture = read(frames[0], path, save_all=True, append_images=frames[1:], **options)
    check(picture, np.full((6, 5, 3), (1, 0, 0), np.float32))
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert record.getMessage() == f"'{path}' holds several pictures, of which the first is taken."


def test_a_camera_s_second_picture_is_no_animation(tmp_path, caplog):
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=frames[1:])
    assert read_picture(tmp_path / "a.jpg").image[0, 8, 8, 0] > 0.9
    assert not caplog.records


def test_heic(tmp_path):
    heif = pytest.importorskip("pillow_heif")
    pixels = np.full((32, 48, 3), (200, 100, 50), np.uint8)
    heif.from_pillow(Image.fromarray(pixels)).save(tmp_path / "a.heic", quality=95)
    (tmp_path / "a.jpg").write_bytes((tmp_path / "a.heic").read_bytes())
    for name in ("a.heic", "a.jpg"):  # Telephones give it other names, too.
        image = read_picture(tmp_path / name).image
        np.testing.assert_allclose(image, as_float(pixels)[np.newaxis], atol=6 / 255)


def test_heic_without_its_library_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    formats.enable_heif.cache_clear()
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x1cftypheic\0\0\0\0mif1heic" + bytes(100))
    with pytest.raises(ValueError, match=r"a\.heic.*pip install 'kerasart\[heif\]'. Received: a"):
        read_picture(tmp_path / "a.heic")


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif"])
def test_grey(tmp_path, suffix):
    check(read(Image.fromarray(GREY), tmp_path / f"a{suffix}"), as_float(in_rgb(GREY)))


def test_one_bit(tmp_path):
    bits = GREY > 127
    picture = read(Image.fromarray(bits), tmp_path / "a.png")
    check(picture, in_rgb(bits).astype(np.float32))


def test_grey_with_alpha(tmp_path):
    pixels = Image.merge("LA", [Image.fromarray(GREY), Image.fromarray(ALPHA)])
    check(read(pixels, tmp_path / "a.png"), as_float(in_rgb(GREY)), as_float(ALPHA))


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_rgb_with_alpha(tmp_path, suffix):
    pixels = Image.fromarray(np.dstack([RGB, ALPHA]))
    check(read(pixels, tmp_path / f"a{suffix}"), as_float(RGB), as_float(ALPHA))


@pytest.mark.parametrize("transparency", [None, 1, b"\xff\x40\x80"])
def test_palette(tmp_path, transparency):
    index = np.array([[0, 1, 2], [2, 1, 0]], np.uint8)
    colours = np.array([[10, 20, 30], [200, 100, 0], [255, 0, 7]], np.uint8)
    pixels = Image.fromarray(index)
    pixels.putpalette(colours.tobytes())
    options = {} if transparency is None else {"transparency": transparency}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        picture = read(pixels, tmp_path / "a.png", **options)
    opacity = {1: [255, 0, 255], b"\xff\x40\x80": [255, 64, 128]}.get(transparency)
    alpha = None if opacity is None else as_float(np.array(opacity, np.uint8)[index])
    check(picture, as_float(colours[index]), alpha)


@pytest.mark.parametrize("mode", ["1", "L", "RGB"])
def test_key_colour_is_transparent(tmp_path, mode):
    pixels = Image.new(mode, (3, 2), "black")
    pixels.putpixel((1, 0), 1 if mode == "1" else 255 if mode == "L" else (255, 255, 255))
    key = {"1": 1, "L": 255, "RGB": (255, 255, 255)}[mode]
    picture = read(pixels, tmp_path / "a.png", transparency=key)
    white = np.zeros((2, 3), np.float32)
    white[0, 1] = 1
    check(picture, in_rgb(white), 1 - white)


@pytest.mark.parametrize("suffix", [".tif", ".jpg"])
def test_cmyk_without_profile(tmp_path, suffix):
    inks = np.zeros((16, 64, 4), np.uint8)
    for number, ink in enumerate([(0, 0, 0, 0), (255, 0, 0, 0), (0, 0, 0, 255), (0, 51, 102, 51)]):
        inks[:, 16 * number : 16 * number + 16] = ink
    pixels = Image.frombytes("CMYK", (64, 16), inks.tobytes())
    image = read(pixels, tmp_path / f"a{suffix}").image
    expected = [(1, 1, 1), (0, 1, 1), (0, 0, 0), (0.8, 0.64, 0.48)]
    np.testing.assert_allclose(image[0, 8, 8::16], expected, atol=2 / 255)


@pytest.mark.parametrize("dtype", [np.uint16, np.int32])
def test_deep_grey_tiff(tmp_path, dtype):
    grey = np.array([[0, 1, 1000], [40000, 65534, 65535]], dtype)
    picture = read(Image.fromarray(grey), tmp_path / "a.tif")
    check(picture, in_rgb((grey / 65535).astype(np.float32)))


def test_deep_grey_tiff_where_white_is_zero(tmp_path):
    grey = np.array([[0, 1000, 65535]], np.uint16)
    picture = read(Image.fromarray(grey), tmp_path / "a.tif", tiffinfo={262: 0})
    check(picture, in_rgb((1 - grey / 65535).astype(np.float32)))


def test_float_grey_tiff(tmp_path):
    grey = np.array([[0, 0.123456789, 1]], np.float32)
    check(read(Image.fromarray(grey), tmp_path / "a.tif"), in_rgb(grey))


@pytest.mark.parametrize("value", [-0.5, 1.5, np.nan])
def test_float_grey_on_another_scale_is_refused(tmp_path, value):
    with pytest.raises(ValueError, match=r"a\.tif.* from .* Received: a TIFF file of mode F$"):
        read(Image.fromarray(np.array([[0, value]], np.float32)), tmp_path / "a.tif")


def deep_tiff(pixels, order="<", compression=1, planar=False, extra=None, photometric=2):
    """A TIFF file with 16 bits a channel, made by hand."""
    height, width, channels = pixels.shape
    planes = pixels.transpose(2, 0, 1) if planar else pixels[np.newaxis]
    strips = [plane.astype(f"{order}u2").tobytes() for plane in planes]
    strips = [zlib.compress(strip) if compression == 8 else strip for strip in strips]
    start = 500
    places = [start + sum(map(len, strips[:i])) for i in range(len(strips))]
    tags = {
        256: ("I", width),
        257: ("I", height),
        258: ("H", *[16] * channels),
        259: ("H", compression),
        262: ("H", photometric),
        273: ("I", *places),
        277: ("H", channels),
        278: ("I", height),
        279: ("I", *map(len, strips)),
        284: ("H", 2 if planar else 1),
    }
    tags |= {} if extra is None else {338: ("H", extra)}
    table, contents = struct.pack(f"{order}H", len(tags)), b""
    free = 8 + 2 + 12 * len(tags) + 4
    for tag, (kind, *values) in tags.items():
        packed = struct.pack(f"{order}{len(values)}{kind}", *values)
        if len(packed) > 4:
            packed, contents = struct.pack(f"{order}I", free + len(contents)), contents + packed
        table += struct.pack(f"{order}HHI", tag, {"H": 3, "I": 4}[kind], len(values))
        table += packed.ljust(4, b"\0")
    head = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}I", 8)
    return (head + table + bytes(4) + contents).ljust(start, b"\0") + b"".join(strips)


DEEP_RANDOM = np.random.default_rng(1).integers(1, 65536, (5, 7, 4)).astype(np.uint16)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", [1, 8])
@pytest.mark.parametrize(("channels", "extra"), [(3, None), (4, 2), (4, 0), (4, 1)])
def test_deep_tiff_keeps_all_its_bits(tmp_path, order, compression, channels, extra):
    pixels = DEEP_RANDOM[..., :channels].copy()
    image = as_float(pixels[..., :3], 65535)
    alpha = as_float(pixels[..., 3], 65535) if extra in (1, 2) else None
    if extra == 1:  # multiplied into the colours
        pixels[..., :3] = np.round(image * pixels[..., 3:])
    (tmp_path / "a.tif").write_bytes(deep_tiff(pixels, order, compression, extra=extra))
    picture = read_picture(tmp_path / "a.tif")
    if extra == 1:
        visible = alpha > 0.1
        np.testing.assert_allclose(picture.image[0][visible], image[visible], atol=1e-4)
        np.testing.assert_array_equal(picture.alpha[0, ..., 0], alpha)
    else:
        check(picture, image, alpha)


def test_deep_cmyk_tiff_keeps_all_its_bits(tmp_path):
    (tmp_path / "a.tif").write_bytes(deep_tiff(DEEP_RANDOM, photometric=5))
    inks = as_float(DEEP_RANDOM, 65535)
    expected = (1 - inks[..., :3]) * (1 - inks[..., 3:])
    np.testing.assert_array_equal(read_picture(tmp_path / "a.tif").image[0], expected)


def test_deep_tiff_whose_channels_lie_apart_is_told_of(tmp_path, caplog):
    pixels = DEEP_RANDOM[..., :3]
    (tmp_path / "a.tif").write_bytes(deep_tiff(pixels, compression=8, planar=True))
    image = read_picture(tmp_path / "a.tif").image[0]
    np.testing.assert_array_equal(image, as_float(pixels >> 8))
    (record,) = caplog.records
    assert "a.tif' is read with 8 of its 16 bits" in record.getMessage()


def test_deep_tiff_whose_channels_lie_apart_uncompressed_is_refused(tmp_path):
    pixels = DEEP_RANDOM[..., :3]
    (tmp_path / "a.tif").write_bytes(deep_tiff(pixels, compression=1, planar=True))
    message = "a.tif': channels of more .* Received: channels of 16 bits that lie apart$"
    with pytest.raises(ValueError, match=message):
        read_picture(tmp_path / "a.tif")


def test_lab(tmp_path):
    pixels = Image.new("LAB", (2, 1), (0, 128, 128))
    pixels.putpixel((1, 0), (136, 208, 195))  # the red of sRGB
    picture = read(pixels, tmp_path / "a.tif")
    np.testing.assert_allclose(picture.image[0, 0], [(0, 0, 0), (1, 0, 0)], atol=0.05)


DEEP = np.array([[[0, 1, 65535, 7], [258, 40000, 40001, 65534]]], np.uint16)


@pytest.mark.parametrize(("colour_type", "channels"), [(0, [0]), (2, [0, 1, 2])])
def test_deep_png(tmp_path, colour_type, channels):
    picture = read_deep_png(tmp_path / "a.png", DEEP[..., channels], colour_type)
    check(picture, as_float(np.broadcast_to(DEEP[..., channels], (1, 2, 3)), 65535))


@pytest.mark.parametrize(("colour_type", "channels"), [(4, [0, 3]), (6, [0, 1, 2, 3])])
def test_deep_png_with_alpha(tmp_path, colour_type, channels):
    picture = read_deep_png(tmp_path / "a.png", DEEP[..., channels], colour_type)
    colours = np.broadcast_to(DEEP[..., channels[:-1]], (1, 2, 3))
    check(picture, as_float(colours, 65535), as_float(DEEP[..., 3], 65535))


@pytest.mark.parametrize(("colour_type", "channels"), [(0, [0]), (2, [0, 1, 2])])
def test_deep_png_with_key_colour(tmp_path, colour_type, channels):
    pixels = DEEP[..., channels]
    key = pixels[0, 1].astype(">u2").tobytes()
    picture = read_deep_png(tmp_path / "a.png", pixels, colour_type, (b"tRNS", key))
    colours = as_float(np.broadcast_to(pixels, (1, 2, 3)), 65535)
    check(picture, colours, np.array([[1, 0]], np.float32))


STORED = np.array([[1, 2, 3], [4, 5, 6]])
UPRIGHT = {
    1: [[1, 2, 3], [4, 5, 6]],
    2: [[3, 2, 1], [6, 5, 4]],
    3: [[6, 5, 4], [3, 2, 1]],
    4: [[4, 5, 6], [1, 2, 3]],
    5: [[1, 4], [2, 5], [3, 6]],
    6: [[4, 1], [5, 2], [6, 3]],
    7: [[6, 3], [5, 2], [4, 1]],
    8: [[3, 6], [2, 5], [1, 4]],
}


def exif(orientation):
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags.tobytes()


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
def test_orientation_of_image_and_alpha(tmp_path, suffix, orientation):
    pixels = np.stack([STORED, STORED + 10, STORED + 20, STORED + 100], axis=-1).astype(np.uint8)
    options = {"lossless": True} if suffix == ".webp" else {}
    path = tmp_path / f"a{suffix}"
    picture = read(Image.fromarray(pixels), path, exif=exif(orientation), **options)
    upright = np.array(UPRIGHT[orientation])
    image = np.stack([upright, upright + 10, upright + 20], axis=-1)
    check(picture, as_float(image), as_float(upright + 100))


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_orientation_of_jpeg(tmp_path, orientation):
    grey = np.kron(STORED * 40, np.ones((8, 8))).astype(np.uint8)
    picture = read(Image.fromarray(grey), tmp_path / "a.jpg", exif=exif(orientation), quality=100)
    upright = as_float(np.array(UPRIGHT[orientation]) * 40)
    np.testing.assert_allclose(picture.image[0, ::8, ::8, 0], upright, atol=2 / 255)


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_orientation_of_deep_png(tmp_path, orientation):
    pixels = np.stack([STORED, STORED * 9, STORED, STORED * 10000], axis=-1)
    chunk = (b"eXIf", exif(orientation).removeprefix(b"Exif\0\0"))
    picture = read_deep_png(tmp_path / "a.png", pixels, 6, chunk)
    upright = np.array(UPRIGHT[orientation])
    image = np.stack([upright, upright * 9, upright], axis=-1)
    check(picture, as_float(image, 65535), as_float(upright * 10000, 65535))


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_orientation_of_deep_tiff(tmp_path, orientation):
    pixels = Image.fromarray((STORED * 1000).astype(np.uint16))
    picture = read(pixels, tmp_path / "a.tif", tiffinfo={274: orientation})
    check(picture, in_rgb((np.array(UPRIGHT[orientation]) / 65.535).astype(np.float32)))


@pytest.mark.parametrize("suffix", [".png", ".webp"])
@pytest.mark.parametrize("data", [b"Exif\0\0garbage", b"MM\0*"])
def test_unusable_exif_is_ignored_with_a_warning(tmp_path, caplog, suffix, data):
    picture = read(Image.fromarray(RGB), tmp_path / f"a{suffix}", exif=data)
    assert picture.image.shape == (1, *RGB.shape)
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("kerasart", "WARNING")
    assert f"a{suffix}" in record.getMessage()


LINEAR_GREY = profile(b"GRAY", b"XYZ ", {b"wtpt": WHITE, b"kTRC": LINE})
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

RAMP = bytes(range(256))
# From ink to lightness: no ink is white, full black is black, the colours do nothing.
BLACK_INK_ONLY = profile(
    b"CMYK",
    b"Lab ",
    {
        b"wtpt": WHITE,
        b"A2B0": b"mft1\0\0\0\0\x04\x03\x02\0"
        + fixed(1, 0, 0, 0, 1, 0, 0, 0, 1)
        + RAMP * 4
        + bytes([255, 128, 128, 0, 128, 128]) * 8
        + RAMP * 3,
    },
)


def bent(linear):
    """The transfer curve of sRGB."""
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def test_profile_is_converted(tmp_path):
    picture = read(Image.fromarray(RGB), tmp_path / "a.png", icc_profile=LINEAR_RGB)
    np.testing.assert_allclose(picture.image[0], bent(RGB / 255), atol=2 / 255)


def code_points(kind, primaries, transfer):
    """Bytes in which a file of a format says what its colours are (ITU-T H.273)."""
    if kind == "PNG":
        file = io.BytesIO()
        putchunk(file, b"cICP", bytes([primaries, transfer, 0, 1]))
        return file.getvalue()
    return struct.pack(">4s4s3HB", b"colr", b"nclx", primaries, transfer, 1, 128)


@pytest.mark.parametrize("kind", ["PNG", "AVIF"])
@pytest.mark.parametrize(
    ("codes", "words"),
    [
        ((9, 16), "HDR"),
        ((9, 18), "HDR"),
        ((12, 13), "Display P3"),
        ((9, 1), "BT.2020"),
        ((1, 13), ""),
    ],
)
def test_colours_by_code_points_are_told_of(tmp_path, caplog, kind, codes, words):
    if kind == "AVIF" and not features.check("avif"):
        pytest.skip("Pillow is without AVIF")
    path = tmp_path / f"a.{kind.lower()}"
    Image.fromarray(RGB).save(path)
    content = path.read_bytes()
    if kind == "PNG":
        content = content[:33] + code_points(kind, *codes) + content[33:]
    else:
        place = content.index(b"colrnclx")
        content = content[:place] + code_points(kind, *codes)[:12] + content[place + 12 :]
    path.write_bytes(content)
    read_picture(path)
    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == bool(words) and all(words in message for message in messages)


def test_profile_leaves_alpha_alone(tmp_path):
    pixels = Image.fromarray(np.dstack([RGB, ALPHA]))
    picture = read(pixels, tmp_path / "a.png", icc_profile=LINEAR_RGB)
    np.testing.assert_allclose(picture.image[0], bent(RGB / 255), atol=2 / 255)
    np.testing.assert_array_equal(picture.alpha[0, ..., 0], as_float(ALPHA))


@pytest.mark.parametrize("icc_profile", [LINEAR_GREY, LINEAR_RGB])
def test_profile_of_grey(tmp_path, icc_profile):
    pixels = Image.merge("LA", [Image.fromarray(GREY), Image.fromarray(ALPHA)])
    picture = read(pixels, tmp_path / "a.png", icc_profile=icc_profile)
    np.testing.assert_allclose(picture.image[0], in_rgb(bent(GREY / 255)), atol=2 / 255)


def test_profile_of_deep_png(tmp_path):
    chunk = (b"iCCP", b"linear\0\0" + zlib.compress(LINEAR_RGB))
    picture = read_deep_png(tmp_path / "a.png", DEEP, 6, chunk)
    np.testing.assert_allclose(picture.image[0], bent(DEEP[..., :3] / 65535), atol=4 / 255)
    np.testing.assert_array_equal(picture.alpha[0, ..., 0], as_float(DEEP[..., 3], 65535))


@pytest.mark.parametrize("suffix", [".tif", ".jpg"])
def test_profile_of_cmyk(tmp_path, suffix):
    inks = np.zeros((16, 48, 4), np.uint8)
    inks[:, 16:32] = (255, 0, 0, 0)
    inks[:, 32:] = (0, 255, 0, 255)
    pixels = Image.frombytes("CMYK", (48, 16), inks.tobytes())
    picture = read(pixels, tmp_path / f"a{suffix}", icc_profile=BLACK_INK_ONLY)
    expected = [(1, 1, 1), (1, 1, 1), (0, 0, 0)]  # cyan shows as white with this profile
    np.testing.assert_allclose(picture.image[0, 8, 8::16], expected, atol=3 / 255)


def test_srgb_profile_changes_nothing(tmp_path, caplog):
    check(read(Image.fromarray(RGB), tmp_path / "a.png", icc_profile=SRGB), as_float(RGB))
    assert not caplog.records


def test_srgb_profile_of_deep_png_costs_no_precision(tmp_path):
    chunk = (b"iCCP", b"sRGB\0\0" + zlib.compress(SRGB))
    picture = read_deep_png(tmp_path / "a.png", DEEP[..., :3], 2, chunk)
    check(picture, as_float(DEEP[..., :3], 65535))


@pytest.mark.parametrize(
    "icc_profile",
    [b"nonsense", LINEAR_RGB[:200], LINEAR_RGB.replace(b"RGB ", b"RGB\xff"), BLACK_INK_ONLY],
)
def test_unusable_profile_is_ignored_with_a_warning(tmp_path, caplog, icc_profile):
    check(read(Image.fromarray(RGB), tmp_path / "a.png", icc_profile=icc_profile), as_float(RGB))
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("kerasart", "WARNING")
    assert "a.png" in record.getMessage()


def spoil_tag(path, tag, kind):
    """Says in a TIFF that a tag has another type."""
    data = bytearray(path.read_bytes())
    (start,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, start)
    places = range(start + 2, start + 2 + 12 * count, 12)
    (place,) = [i for i in places if struct.unpack_from("<H", data, i)[0] == tag]
    struct.pack_into("<H", data, place + 2, kind)
    path.write_bytes(data)


def test_a_profile_of_another_type_is_ignored_with_a_warning(tmp_path, caplog):
    Image.fromarray(RGB).save(tmp_path / "a.tif", icc_profile=SRGB)
    spoil_tag(tmp_path / "a.tif", 34675, 4)  # LONG, where bytes are expected
    with open(tmp_path / "a.tif", "ab") as file:
        file.write(bytes(4 * len(SRGB)))
    check(read_picture(tmp_path / "a.tif"), as_float(RGB))
    assert "The colour profile of" in caplog.records[0].getMessage()


@pytest.mark.parametrize(
    "error",
    [Exception("any"), TypeError(), KeyError("k"), AssertionError("a\n b"), RecursionError()],
)
def test_whatever_a_decoder_raises_is_one_sentence(tmp_path, monkeypatch, error):
    def fail(self):
        raise error

    Image.fromarray(RGB).save(tmp_path / "a.png")
    monkeypatch.setattr(Image.Image, "has_transparency_data", property(fail))
    with pytest.raises(ValueError, match=r"a\.png.*truncated or damaged \(.+\).* Received: \d+ b"):
        read_picture(tmp_path / "a.png")


def test_too_little_memory_is_a_sentence(tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise MemoryError

    Image.fromarray(RGB).save(tmp_path / "a.png")
    monkeypatch.setattr(np, "divide", fail)
    with pytest.raises(MemoryError, match=r"a\.png.* must fit into memory. Received: "):
        read_picture(tmp_path / "a.png")


def test_decoders_write_nothing_to_the_terminal(tmp_path, capfd):
    path = tmp_path / "a.tif"
    noise = np.random.default_rng(0).integers(0, 65536, (50, 70, 3))
    path.write_bytes(deep_tiff(noise, compression=8)[:4000])
    with pytest.raises(ValueError, match="TIFFFillStrip"):  # libtiff's own words
        read_picture(path)
    Image.fromarray(RGB).save(path, tiffinfo={270: "x"})
    spoil_tag(path, 270, 3)  # Pillow would warn of it
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_picture(path)
    assert capfd.readouterr() == ("", "")


def test_a_tiff_is_read_without_a_standard_error(tmp_path):
    Image.fromarray(RGB).save(tmp_path / "a.tif", compression="tiff_lzw")
    code = "from kerasart import read_picture; print(read_picture('a.tif').image.shape)"
    command = ["sh", "-c", '"$0" -c "$1" 2>&-', sys.executable, code]
    done = subprocess.run(command, cwd=tmp_path, check=True, stdout=subprocess.PIPE, text=True)
    assert done.stdout == "(1, 6, 5, 3)\n"


# --- Memory


def measure(small, large):
    """How many bytes reading a large picture takes at the most, once a small one was read."""
    code = """
import resource, sys
from kerasart.image import read_picture
read_picture(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
read_picture(sys.argv[2])
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""
    command = [sys.executable, "-c", code, str(small), str(large)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@pytest.mark.parametrize("kind", ["RGB", "turned", "RGBA", "P", "CMYK", "profile", "F", "deep"])
def test_reading_takes_at_most_three_times_the_picture(tmp_path, kind):
    suffix = ".tif" if kind in ("CMYK", "F") else ".png"
    sides = (64, 1600)
    for side in sides:
        ramp = (np.arange(side) // 16).astype(np.uint8)
        grey = ramp[:, np.newaxis] ^ ramp
        rgb, path = in_rgb(grey), tmp_path / f"{side}{suffix}"
        if kind == "deep":
            path.write_bytes(deep_png(np.dstack([rgb, grey]).astype(np.uint16) * 257, 6))
            continue
        pixels = {"RGBA": np.dstack([rgb, grey]), "P": grey, "F": grey / np.float32(255)}
        picture = Image.fromarray(pixels.get(kind, rgb))
        picture = picture.convert(kind) if kind in ("P", "CMYK") else picture
        options = {
            "turned": {"exif": exif(6)},
            "P": {"transparency": 3},
            "profile": {"icc_profile": LINEAR_RGB},
        }.get(kind, {})
        picture.save(path, **options)
    small, large = (tmp_path / f"{side}{suffix}" for side in sides)
    assert measure(small, large) < 3 * sides[1] ** 2 * 3 * 4


def test_a_tiff_of_other_samples_is_said_to_be_one(tmp_path):
    file = deep_tiff(DEEP_RANDOM[..., :3]).replace(
        struct.pack("<3H", 16, 16, 16), bytes([32, 0] * 3)
    )
    (tmp_path / "deep.tif").write_bytes(file)
    with pytest.raises(ValueError, match="deep.tif': a TIFF must have samples of 8 or 16 bits"):
        read_picture(tmp_path / "deep.tif")
