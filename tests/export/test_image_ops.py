import io
import re

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps

from kerasart.export.image_ops import (
    FORMATS,
    accepted,
    check_format,
    decode_picture,
    encode_picture,
    to_pixels,
)

LEAST, MOST = 8, 20_000
ORIENTATION = 0x0112


@pytest.fixture(scope="module")
def decode_or_refuse():
    """Decodes in one graph, traced once, as a server has it."""
    return tf.function(
        lambda data: decode_picture(data, LEAST, MOST),
        input_signature=[tf.TensorSpec([], tf.string)],
    )


@pytest.fixture(scope="module")
def decode(decode_or_refuse):
    """The same, which raises what is refused."""

    def decode(data):
        picture, refusal = decode_or_refuse(data)
        with accepted(refusal):
            return picture.numpy().astype(int)

    return decode


@pytest.fixture(scope="module")
def picture():
    pixels = np.random.default_rng(0).random((10, 13, 3))
    return Image.fromarray((pixels * 255).astype(np.uint8)).resize((130, 100), Image.BICUBIC)


def save(picture, kind, **options):
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


@pytest.mark.parametrize(
    ("mode", "kind", "options", "tolerance"),
    [
        ("RGB", "JPEG", {}, 0),
        ("RGB", "JPEG", {"progressive": True}, 0),
        ("L", "JPEG", {}, 0),
        ("CMYK", "JPEG", {}, 5),
        ("RGB", "PNG", {}, 0),
        ("RGBA", "PNG", {}, 0),
        ("LA", "PNG", {}, 0),
        ("L", "PNG", {}, 0),
        ("1", "PNG", {}, 0),
        ("P", "PNG", {}, 0),
        ("P", "PNG", {"bits": 4}, 0),
        ("P", "PNG", {"transparency": 255}, 0),  # which no pixel has
    ],
)
def test_decodes_as_pillow_does(decode, picture, mode, kind, options, tolerance):
    picture = picture.quantize(16) if mode == "P" else picture.convert(mode)
    data = save(picture, kind, **options)
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), int)
    decoded = decode(data)
    assert decoded.shape == expected.shape
    assert np.abs(decoded - expected).max() <= tolerance


def test_16_bits_become_8(decode):
    pixels = np.linspace(0, 65535, 30 * 20).reshape(30, 20).astype(np.uint16)
    decoded = decode(save(Image.fromarray(pixels), "PNG"))
    assert np.abs(decoded[..., 0] - pixels / 257).max() <= 1


@pytest.mark.parametrize(
    ("mode", "kind"), [("RGB", "WEBP"), ("P", "GIF"), ("P", "BMP"), ("RGB", "BMP"), ("RGB", "TIFF")]
)
def test_other_kinds_are_refused(decode, picture, mode, kind):
    data = save(picture.convert(mode), kind)
    allowed = "must be a JPEG or PNG file .serve_client.py makes a PNG of other kinds."
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"{allowed}. Received: {len(data)} b"):
        decode(data)


def with_a_hole(mode, **options):
    pixels = np.full((20, 30, 4), 255, np.uint8)
    pixels[5:9, 5:9] = 255, 0, 255, 0
    return save(Image.fromarray(pixels).convert(mode), "PNG", **options)


@pytest.mark.parametrize(
    "data",
    [
        with_a_hole("RGBA"),
        with_a_hole("LA"),
        with_a_hole("P", transparency=0),
        with_a_hole("RGB", transparency=(255, 0, 255)),
    ],
    ids=["RGBA", "LA", "P", "RGB"],
)
def test_what_lies_under_transparency_is_not_painted(decode, data):
    match = "must be opaque .* Received: 30x20 pixels, some transparent"
    with pytest.raises(tf.errors.InvalidArgumentError, match=match):
        decode(data)


def exif_of(orientation, endian="<"):
    exif = Image.Exif()
    exif.endian = endian
    exif[0x010F] = "A camera"  # An entry before the one that counts.
    exif[ORIENTATION] = orientation
    return exif


def assert_turned_upright(decode, data):
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))), int)
    decoded = decode(data)
    assert decoded.shape == expected.shape
    assert np.abs(decoded - expected).max() <= 5


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("endian", ["<", ">"])
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_turned_upright(decode, picture, orientation, endian, kind):
    assert_turned_upright(decode, save(picture, kind, exif=exif_of(orientation, endian)))


def segment(marker, payload):
    return b"\xff" + bytes([marker]) + (len(payload) + 2).to_bytes(2, "big") + payload


@pytest.mark.parametrize(
    "before",
    [
        segment(0xED, bytes(20_000)),
        segment(0xE2, b"ICC_PROFILE\0" + bytes(60_000)) * 5,
        segment(0xFE, b"Exif\0\0II*\0" + bytes(500)),  # A comment that looks like what it is not.
        segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + bytes(9_000)),
        b"\xff\xff\xff",  # Padding, which any marker may have.
    ],
    ids=["large", "several", "comment", "xmp", "padding"],
)
def test_turned_upright_wherever_the_exif_data_are(decode, picture, before):
    data = save(picture, "JPEG", exif=exif_of(6))
    assert_turned_upright(decode, data[:2] + before + data[2:])


def test_turned_upright_by_a_long_number(decode, picture):
    entry = b"MM\0*\0\0\0\x08\0\x01" + b"\x01\x12\0\x04\0\0\0\x01\0\0\0\x06" + bytes(4)
    assert_turned_upright(decode, save(picture, "JPEG", exif=b"Exif\0\0" + entry))


def test_no_end_of_segments_is_refused(decode, picture):
    data = save(picture, "JPEG")
    data = data[:2] + segment(0xFE, b"") * 1001 + data[2:]
    with pytest.raises(tf.errors.InvalidArgumentError, match="at most 1000 segments .* Received: "):
        decode(data)


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_orientations_that_do_not_exist(decode, picture, value):
    assert decode(save(picture, "JPEG", exif=exif_of(value))).shape == (100, 130, 3)


def test_damaged_exif(decode, picture):
    data = save(picture, "JPEG")
    damaged = segment(0xE1, b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert decode(data[:2] + damaged + data[2:]).shape == (100, 130, 3)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "must be a JPEG or PNG file .* Received: 0 bytes"),
        (b"hello", "must be a JPEG or PNG file .* Received: 5 bytes"),
        (save(Image.new("L", (7, 50)), "PNG"), "must be at least 8x8 pixels. Received: 7x50"),
        (save(Image.new("L", (7, 50)), "JPEG"), "must be at least 8x8 pixels. Received: 7x50"),
        *(
            (save(Image.new("L", (200, 101)), kind), "at most 20000 pixels. Received: 200x101")
            for kind in ("PNG", "JPEG")
        ),
    ],
)
def test_refused_in_a_sentence(decode, data, message):
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        decode(data)


def test_a_bomb_is_not_decoded(decode):
    # 4 billion pixels by its header; decoding it would end the server.
    data = bytearray(save(Image.new("L", (50, 50)), "PNG"))
    data[16:24] = (2**16).to_bytes(4, "big") * 2
    with pytest.raises(tf.errors.InvalidArgumentError, match="at most 20000 pixels"):
        decode(bytes(data))
    data[16:24] = b"\xff" * 8
    with pytest.raises(tf.errors.InvalidArgumentError, match="at least 8x8"):
        decode(bytes(data))


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("length", [12, 30, 400, -30])
def test_a_file_that_breaks_off_is_refused(decode, picture, kind, length):
    data = save(picture, kind)[:length]
    with pytest.raises(tf.errors.InvalidArgumentError, match="`image_bytes` must be"):
        decode(data)


def test_what_is_damaged_is_refused_in_a_sentence(decode, picture):
    whole = save(picture, "PNG")
    place = whole.index(b"IDAT") + 20
    data = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
    allowed = "`image_bytes` must be a whole file"
    with pytest.raises(
        tf.errors.InvalidArgumentError,
        match=f"{allowed}. Received: {len(data)} bytes, which are damaged",
    ):
        decode(data)


def damage(data, generator):
    """Changes bytes, or takes some out, repeats them, cuts the file, or exchanges its length."""
    data = bytearray(data)
    for _ in range(generator.integers(1, 4)):
        start, size = generator.integers(len(data)), generator.integers(1, 30)
        part = slice(start, start + size)
        match generator.integers(6):
            case 0:
                data[part] = generator.bytes(len(data[part]))
            case 1:
                del data[part]
            case 2:
                data[part] = data[part] * 3
            case 3:
                data[start] ^= 1 << generator.integers(8)
            case 4:
                del data[start:]
            case 5:
                data[generator.integers(min(len(data), 60))] = generator.integers(256)
        if not data:
            break
    return bytes(data)


@pytest.mark.parametrize(
    ("mode", "kind", "options"),
    [
        ("RGB", "JPEG", {}),
        ("RGB", "JPEG", {"progressive": True}),
        ("CMYK", "JPEG", {}),
        ("RGB", "PNG", {}),
        ("RGBA", "PNG", {}),
        ("P", "PNG", {"bits": 4}),
    ],
)
def test_the_graph_fails_for_no_file(decode_or_refuse, picture, mode, kind, options):
    picture = picture.quantize(16) if mode == "P" else picture.convert(mode)
    whole = save(picture, kind, exif=exif_of(6), **options)
    generator, refused = np.random.default_rng(0), 0
    for _ in range(100):
        decoded, refusal = decode_or_refuse(damage(whole, generator))
        height, width, channels = decoded.shape
        assert min(height, width) >= LEAST and height * width <= MOST and channels == 3
        sentence = refusal.numpy().decode()
        assert sentence == "" or re.fullmatch("`image_bytes` must .*[.] Received: .+", sentence)
        refused += sentence != ""
    assert refused > 20


def test_encodes():
    image = np.random.default_rng(0).random((9, 11, 3), np.float32)
    expected = np.floor(image * 255 + 0.5).astype(np.uint8)
    png = encode_picture(tf.constant(image), tf.constant("png")).numpy()
    assert (np.asarray(Image.open(io.BytesIO(png))) == expected).all()
    jpeg = encode_picture(tf.constant(image), tf.constant("jpeg")).numpy()
    assert Image.open(io.BytesIO(jpeg)).format == "JPEG"


def test_formats():
    for format in FORMATS:
        assert check_format(tf.constant(format)).numpy() == b""
    assert check_format(tf.constant("x")).numpy() == b"`format` must be png or jpeg. Received: x"


def test_levels():
    levels = to_pixels(tf.constant([-1.0, 0.0, 0.49 / 255, 0.51 / 255, 1.0, 2.0])).numpy()
    assert levels.tolist() == [0, 0, 0, 1, 255, 255]
