import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps

from kerasart.serving.pictures import decode_picture, encode_picture, to_pixels

LEAST, MOST = 8, 20_000


@pytest.fixture(scope="module")
def decode():
    """Decodes in one graph, traced once, as a server has it."""
    function = tf.function(
        lambda data: decode_picture(data, LEAST, MOST),
        input_signature=[tf.TensorSpec([], tf.string)],
    )
    return lambda data: function(data).numpy().astype(int)


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
        ("RGB", "WEBP", {}, 0),
        ("RGB", "WEBP", {"lossless": True}, 0),
        ("RGBA", "WEBP", {"lossless": True, "exact": True}, 0),
        ("P", "GIF", {}, 0),
        ("RGB", "BMP", {}, 0),
    ],
)
def test_decodes_as_pillow_does(decode, picture, mode, kind, options, tolerance):
    data = save(picture.convert(mode), kind, **options)
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), int)
    decoded = decode(data)
    assert decoded.shape == expected.shape
    assert np.abs(decoded - expected).max() <= tolerance


def test_16_bits_become_8(decode):
    pixels = np.linspace(0, 65535, 30 * 20).reshape(30, 20).astype(np.uint16)
    decoded = decode(save(Image.fromarray(pixels), "PNG"))
    assert np.abs(decoded[..., 0] - pixels / 257).max() <= 1


def test_first_frame_of_a_gif(decode, picture):
    frames = [picture.convert("P"), picture.rotate(90, expand=True).convert("P")]
    data = save(frames[0], "GIF", save_all=True, append_images=frames[1:])
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), int)
    assert (decode(data) == expected).all()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("endian", ["<", ">"])
def test_turned_upright(decode, picture, orientation, endian):
    exif = Image.Exif()
    exif.endian = endian
    exif[0x010F] = "A camera"  # An entry before the one that counts.
    exif[0x0112] = orientation
    data = save(picture, "JPEG", exif=exif)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))), int)
    decoded = decode(data)
    assert decoded.shape == expected.shape
    assert np.abs(decoded - expected).max() <= 5


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_orientations_that_do_not_exist(decode, picture, value):
    exif = Image.Exif()
    exif[0x0112] = value
    assert decode(save(picture, "JPEG", exif=exif)).shape == (100, 130, 3)


def test_damaged_exif(decode, picture):
    data = save(picture, "JPEG")
    segment = b"Exif\0\0II*\0\xff\xff\xff\xff"
    length = (len(segment) + 2).to_bytes(2, "big")
    assert decode(data[:2] + b"\xff\xe1" + length + segment + data[2:]).shape == (100, 130, 3)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "must be a JPEG, PNG, WebP, GIF or BMP file. Received: 0 bytes"),
        (b"hello", "must be a JPEG, PNG, WebP, GIF or BMP file. Received: 5 bytes"),
        (save(Image.new("L", (7, 50)), "PNG"), "must be at least 8x8 pixels. Received: 7x50"),
        (save(Image.new("L", (7, 50)), "WEBP"), "must be at least 8x8 pixels. Received: 7x50"),
        *(
            (save(Image.new("L", (200, 101)), kind), "at most 20000 pixels. Received: 200x101")
            for kind in ("PNG", "JPEG", "GIF", "BMP", "WEBP")
        ),
        (
            save(Image.new("L", (200, 101)), "WEBP", lossless=True),
            "at most 20000 pixels. Received: 200x101",
        ),
        (
            save(Image.new("RGBA", (200, 101), (9, 9, 9, 9)), "WEBP"),
            "at most 20000 pixels. Received: 200x101",
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


def test_animated_webp_is_refused(decode, picture):
    data = save(picture, "WEBP", save_all=True, append_images=[picture.rotate(9)])
    with pytest.raises(tf.errors.InvalidArgumentError, match="must not be an animated WebP"):
        decode(data)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "WEBP"])
@pytest.mark.parametrize("length", [12, 30, 400])
def test_truncated(decode, picture, kind, length):
    # Some decoders show what there is of a file; none may fall over.
    try:
        assert decode(save(picture, kind)[:length]).shape[-1] == 3
    except tf.errors.InvalidArgumentError:
        pass


def test_encodes():
    image = np.random.default_rng(0).random((9, 11, 3), np.float32)
    expected = np.floor(image * 255 + 0.5).astype(np.uint8)
    png = encode_picture(tf.constant(image), tf.constant("png")).numpy()
    assert (np.asarray(Image.open(io.BytesIO(png))) == expected).all()
    jpeg = encode_picture(tf.constant(image), tf.constant("jpeg")).numpy()
    assert Image.open(io.BytesIO(jpeg)).format == "JPEG"
    with pytest.raises(tf.errors.InvalidArgumentError, match="must be png or jpeg. Received: x"):
        encode_picture(tf.constant(image), tf.constant("x"))


def test_levels():
    levels = to_pixels(tf.constant([-1.0, 0.0, 0.49 / 255, 0.51 / 255, 1.0, 2.0])).numpy()
    assert levels.tolist() == [0, 0, 0, 1, 255, 255]
