"""Picture files inside a graph: from bytes to pixels and back, by TensorFlow's own operations.

A server hands a client's bytes to these, so they look before they decode. What is no picture, is
too small or too large, or would be read otherwise than `kerasart.image` reads it, is refused in a
sentence; so is what not all servers have decoders for.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

FORMATS = ("png", "jpeg")

_JPEG, _PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
_HEAD = 26  # Bytes that hold the size and kind of a PNG.
# Segments of a JPEG, or chunks of a PNG, to look through: a colour profile takes up to 255.
_MOST_SEGMENTS = 1000
# Which entry of EXIF data says how the camera was held, and the type of a number of 4 bytes.
_ORIENTATION, _LONG = 0x0112, 4


def decode_picture(data: tf.Tensor, least: int, most: int, name: str = "image_bytes") -> tf.Tensor:
    """Decodes a picture file.

    It is turned upright as its EXIF orientation says. Colour profiles are not applied.

    Args:
        data: A scalar string: a JPEG (grey, RGB or CMYK), or a PNG (also of palettes and 16 bits)
            whose pixels are all opaque.
        least: The least height and width in pixels.
        most: The most pixels.
        name: What messages call the input.

    Returns:
        uint8 RGB (height, width, 3). What is refused raises an InvalidArgumentError when the graph
        runs.
    """
    head = _bytes_at(data, 0, _HEAD)
    is_jpeg, is_png = _begins(head, _JPEG), _begins(head, _PNG)
    allowed = f"`{name}` must be a JPEG or PNG file (serve_client.py makes a PNG of other kinds)"
    length = tf.strings.as_string(tf.strings.length(data))
    received = tf.strings.join([length, " bytes of another kind"])
    with required(is_jpeg | is_png, allowed, received):
        height, width = tf.cond(
            is_png,
            lambda: [_number(head[20:24], big=True), _number(head[16:20], big=True)],
            lambda: tf.unstack(tf.image.extract_jpeg_shape(data))[:2],
        )
    sides = [tf.strings.as_string(side) for side in (width, height)]
    received = tf.strings.join([sides[0], "x", sides[1], " pixels"])
    pixels = tf.cast(height, tf.int64) * tf.cast(width, tf.int64)
    with (
        required(
            tf.minimum(height, width) >= least,
            f"`{name}` must be at least {least}x{least} pixels",
            received,
        ),
        required(pixels <= most, f"`{name}` must have at most {most} pixels", received),
    ):
        picture = tf.cond(
            is_png,
            lambda: _decode_png(data, head, name, received),
            # Else its levels are some other than those that Pillow reads.
            lambda: tf.io.decode_jpeg(data, 3, dct_method="INTEGER_ACCURATE"),
        )
    picture = tf.ensure_shape(picture, [None, None, 3])
    exif = tf.cond(is_png, lambda: _find_chunk(data, b"eXIf", name), lambda: _find_exif(data, name))
    return _turn(picture, _orientation(data, exif))


def _decode_png(data, head, name, received):
    def decode_transparent():
        picture = tf.io.decode_png(data, channels=4)
        allowed = f"`{name}` must be opaque (serve_client.py fills what is transparent)"
        is_opaque = tf.reduce_all(picture[..., 3] == 255)
        with required(is_opaque, allowed, tf.strings.join([received, ", some transparent"])):
            return tf.identity(picture[..., :3])

    has_alpha = (head[25] == 4) | (head[25] == 6) | (_find_chunk(data, b"tRNS", name) > 0)
    return tf.cond(has_alpha, decode_transparent, lambda: tf.io.decode_png(data, channels=3))


def encode_picture(image: tf.Tensor, format: tf.Tensor) -> tf.Tensor:
    """Encodes a picture.

    Args:
        image: float RGB (height, width, 3) in [0, 1].
        format: A scalar string, "png" or "jpeg".

    Returns:
        A scalar string, the file.
    """
    pixels = to_pixels(image)
    is_png = tf.equal(format, "png")
    known = is_png | tf.equal(format, "jpeg")
    with required(known, "`format` must be png or jpeg", format):
        return tf.cond(
            is_png,
            lambda: tf.io.encode_png(pixels),
            lambda: tf.io.encode_jpeg(pixels, quality=95, chroma_downsampling=False),
        )


def to_pixels(image: tf.Tensor) -> tf.Tensor:
    """Rounds floats in [0, 1] to the nearest of 256 levels, uint8."""
    return tf.cast(tf.clip_by_value(image, 0.0, 1.0) * 255.0 + 0.5, tf.uint8)


def required(condition: tf.Tensor, allowed: str, received: Any) -> Any:
    """What is built within is run only if a condition holds; else a sentence is the error.

    Args:
        condition: A boolean scalar.
        allowed: What is allowed, a string.
        received: What was received, a string tensor.

    Returns:
        A context manager.
    """
    sentence = tf.strings.join([allowed, ". Received: ", received])
    return tf.control_dependencies([tf.debugging.Assert(condition, [sentence])])


def _bytes_at(data, place, count):
    """Reads bytes as int32 (count,); beyond the end they are 0."""
    place = tf.clip_by_value(place, 0, tf.strings.length(data))
    found = tf.io.decode_raw(tf.strings.substr(data, place, count), tf.uint8)
    found = tf.pad(found, [[0, count - tf.shape(found)[0]]])
    return tf.cast(tf.ensure_shape(found, [count] if isinstance(count, int) else [None]), tf.int32)


def _begins(head, mark):
    return tf.reduce_all(head[: len(mark)] == list(mark))


def _number(values, big):
    """Reads numbers of a few bytes in the last axis, the highest first or the lowest."""
    powers = [256**i for i in range(values.shape[-1])]
    powers = [power - 2**32 if power >= 2**31 else power for power in powers]
    lowest_first, highest_first = tf.constant(powers), tf.constant(powers[::-1])
    return tf.reduce_sum(values * tf.where(big, highest_first, lowest_first), axis=-1)


def _orientation(data, start):
    """Reads how a camera was held: 1 to 8, as EXIF (JEITA CP-3451, tag 274) has it.

    Args:
        data: The file.
        start: Where its EXIF data begin, or 0 if it has none.
    """
    is_big = _bytes_at(data, start, 1)[0] == ord("M")
    directory = start + _number(_bytes_at(data, start + 4, 4), is_big)
    count = _number(_bytes_at(data, directory, 2), is_big)
    entries = tf.reshape(_bytes_at(data, directory + 2, 12 * count), [-1, 12])
    tag, type_, short = (_number(entries[:, i : i + 2], is_big) for i in (0, 2, 8))
    values = tf.where(type_ == _LONG, _number(entries[:, 8:], is_big), short)
    value = tf.reduce_max(tf.where(tag == _ORIENTATION, values, 0))
    return tf.where((start > 0) & (value >= 1) & (value <= 8), value, 1)


def _find_chunk(data, kind, name):
    """Finds what is in a PNG's first chunk of a kind before its pixels; 0 if there is none."""

    def look(place):
        head = _bytes_at(data, place, 8)
        length = _number(head[:4], big=True)
        is_last = _begins(head[4:], b"IDAT") | (length < 0)
        found = tf.where(_begins(head[4:], kind), place + 8, 0)
        return found, tf.where(is_last, -1, place + 12 + length)

    return _find(data, look, len(_PNG), name)


def _find_exif(data, name):
    """Finds the EXIF data of a JPEG; 0 if there are none."""

    def look(place):
        head = _bytes_at(data, place, 10)
        marker = head[1]
        # What is no marker is padding, or is to be ignored; some markers have no segment.
        is_none = (head[0] != 0xFF) | (marker == 0xFF) | (marker == 0)
        is_alone = (marker == 0x01) | (marker >= 0xD0) & (marker <= 0xD8)
        is_last = ~is_none & ((marker == 0xD9) | (marker == 0xDA))
        is_exif = ~is_none & (marker == 0xE1) & _begins(head[4:], b"Exif\0\0")
        length = tf.where(is_alone, 2, 2 + _number(head[2:4], big=True))
        following = tf.where(is_last, -1, place + tf.where(is_none, 1, length))
        return tf.where(is_exif, place + 10, 0), following

    return _find(data, look, 2, name)


def _find(data, look, first, name):
    """Goes from segment to segment.

    Args:
        data: The file.
        look: A function of the place where a segment begins, that gives the place of what is looked
            for, or 0, and that of the next segment, or -1.
        first: Where the first begins.
        name: What messages call the file.

    Returns:
        The place of what is looked for, or 0.
    """

    def goes_on(found, place):
        return (found == 0) & (place >= 0) & (place < tf.strings.length(data))

    found, place = tf.while_loop(
        goes_on, lambda _, place: look(place), (0, first), maximum_iterations=_MOST_SEGMENTS
    )
    allowed = f"`{name}` must have at most {_MOST_SEGMENTS} segments before its pixels"
    with required(~goes_on(found, place), allowed, "more"):
        return tf.identity(found)


def _turn(picture, orientation):
    """Turns a picture upright."""
    # Of 5 to 8, rows are columns; then each of four is some mirroring.
    lies = orientation >= 5
    picture = tf.cond(lies, lambda: tf.transpose(picture, [1, 0, 2]), lambda: picture)

    def is_one_of(*values):
        return tf.reduce_any(orientation == list(values))

    picture = tf.cond(is_one_of(2, 3, 6, 7), lambda: picture[:, ::-1], lambda: picture)
    return tf.cond(is_one_of(3, 4, 7, 8), lambda: picture[::-1], lambda: picture)
