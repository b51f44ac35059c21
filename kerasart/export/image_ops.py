"""Decodes and encodes image files inside a graph, by TensorFlow operations.

The bytes come from clients, so they are validated before they are decoded. Refused, in one
sentence, are files that are not images, are too small or too large, are damaged, would be decoded
differently than by `kerasart.image`, or have a format that not all servers can decode. A refusal is
a scalar string, "" if there is none: a signature may raise it as an error, or return it.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import tensorflow as tf

FORMATS = ("png", "jpeg")

_JPEG, _PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
_HEAD = 26  # Bytes of a PNG up to its size and colour type.
# JPEG segments or PNG chunks to search: a colour profile alone takes up to 255.
_MOST_SEGMENTS = 1000
_ORIENTATION, _LONG = 0x0112, 4  # EXIF's orientation tag, and its type of 32-bit integers.


def decode_picture(
    data: tf.Tensor, least: int, most: int, name: str = "image_bytes"
) -> tuple[tf.Tensor, tf.Tensor]:
    """Decodes an image file and applies its EXIF orientation, but no colour profile.

    The graph raises no error, whatever the bytes.

    Args:
        data: A scalar string: a JPEG (grey, RGB or CMYK) or opaque PNG file (of any kind, also
            with a palette or 16 bits).
        least: The least height and width in pixels.
        most: The most pixels.
        name: The input's name in refusals.

    Returns:
        uint8 RGB (height, width, 3), and the refusal: why there is no such picture, or "". The
        picture of a refused file is black, `least` by `least`.
    """
    nothing = tf.zeros([least, least, 3], tf.uint8)
    length = tf.strings.as_string(tf.strings.length(data))

    def decode(data):
        head = _bytes_at(data, 0, _HEAD)
        is_jpeg, is_png = _begins(head, _JPEG), _begins(head, _PNG)
        allowed = (
            f"`{name}` must be a JPEG or PNG file (serve_client.py makes a PNG of other kinds)"
        )
        received = tf.strings.join([length, " bytes of another kind"])
        refusal = refuse_unless(is_jpeg | is_png, allowed, received)
        return _unless_refused(refusal, lambda: decode_known(data, head, is_png), nothing)

    def decode_known(data, head, is_png):
        height, width = tf.cond(
            is_png,
            lambda: [_number(head[20:24], big=True), _number(head[16:20], big=True)],
            lambda: tf.unstack(tf.image.extract_jpeg_shape(data))[:2],
        )
        sides = [tf.strings.as_string(side) for side in (width, height)]
        received = tf.strings.join([sides[0], "x", sides[1], " pixels"])
        pixels = tf.cast(height, tf.int64) * tf.cast(width, tf.int64)
        exif, is_searched = tf.cond(
            is_png, lambda: _find_chunk(data, b"eXIf"), lambda: _find_exif(data)
        )
        refusal = first_refusal(
            refuse_unless(
                tf.minimum(height, width) >= least,
                f"`{name}` must be at least {least}x{least} pixels",
                received,
            ),
            refuse_unless(pixels <= most, f"`{name}` must have at most {most} pixels", received),
            _refuse_unless_searched(is_searched, name),
        )

        def decode_pixels():
            picture, refusal = tf.cond(
                is_png,
                lambda: _decode_png(data, head, name, received),
                # The same inverse DCT as in Pillow.
                lambda: (tf.io.decode_jpeg(data, 3, dct_method="INTEGER_ACCURATE"), ""),
            )
            picture = tf.ensure_shape(picture, [None, None, 3])
            return _apply_orientation(picture, _orientation(data, exif)), refusal

        return _unless_refused(refusal, decode_pixels, nothing)

    # What decoders find damaged is an error in the graph.
    allowed, received = f"`{name}` must be a whole file", [length, " bytes, which are damaged"]
    damaged = refuse_unless(False, allowed, tf.strings.join(received))
    picture, refusal = _attempt(decode, data, (nothing, damaged))
    return tf.cond(refusal == "", lambda: picture, lambda: nothing), refusal


def _attempt(function, data, otherwise):
    """Returns what a function makes of a tensor, or `otherwise` if one of its operations fails."""
    made = tf.data.Dataset.from_tensors(data).map(function).ignore_errors()
    return made.concatenate(tf.data.Dataset.from_tensors(otherwise)).take(1).get_single_element()


def _unless_refused(refusal, function, nothing):
    """Calls a function that returns a picture and a refusal, or else returns these two."""
    return tf.cond(refusal == "", function, lambda: (nothing, refusal))


def _decode_png(data, head, name, received):
    hole, is_searched = _find_chunk(data, b"tRNS")
    has_alpha = (head[25] == 4) | (head[25] == 6) | (hole > 0)

    def decode_transparent():
        picture = tf.io.decode_png(data, channels=4)
        allowed = f"`{name}` must be opaque (serve_client.py fills what is transparent)"
        is_opaque = tf.reduce_all(picture[..., 3] == 255)
        some = tf.strings.join([received, ", some transparent"])
        return picture[..., :3], refuse_unless(is_opaque, allowed, some)

    picture, refusal = tf.cond(
        has_alpha, decode_transparent, lambda: (tf.io.decode_png(data, channels=3), "")
    )
    return picture, first_refusal(_refuse_unless_searched(is_searched, name), refusal)


def encode_picture(image: tf.Tensor, format: tf.Tensor) -> tf.Tensor:
    """Encodes an image file.

    Args:
        image: float RGB (height, width, 3) in [0, 1].
        format: A scalar string, "png" or "jpeg", as `check_format` allows.

    Returns:
        A scalar string, the file's bytes.
    """
    pixels = to_pixels(image)
    return tf.cond(
        format == "png",
        lambda: tf.io.encode_png(pixels),
        lambda: tf.io.encode_jpeg(pixels, quality=95, chroma_downsampling=False),
    )


def check_format(format: tf.Tensor) -> tf.Tensor:
    """Returns the refusal of a format that is not in `FORMATS`, or ""."""
    return refuse_unless(
        tf.reduce_any(format == list(FORMATS)), "`format` must be png or jpeg", format
    )


def to_pixels(image: tf.Tensor) -> tf.Tensor:
    """Clips floats to [0, 1] and rounds them to uint8."""
    return tf.cast(tf.clip_by_value(image, 0.0, 1.0) * 255.0 + 0.5, tf.uint8)


def refuse_unless(condition: tf.Tensor | bool, allowed: str, received: Any) -> tf.Tensor:
    """Returns a refusal, "`allowed`. Received: `received`", or "" if a condition holds.

    Args:
        condition: A boolean scalar.
        allowed: What is allowed, a string.
        received: What was received, a string tensor.
    """
    return tf.where(condition, "", tf.strings.join([allowed, ". Received: ", received]))


def first_refusal(*refusals: tf.Tensor) -> tf.Tensor:
    """Returns the first refusal of several that is not "", or ""."""
    first = refusals[-1]
    for refusal in refusals[-2::-1]:
        first = tf.where(refusal == "", first, refusal)
    return first


def accepted(refusal: tf.Tensor) -> AbstractContextManager:
    """Returns a context manager whose operations run only if nothing is refused.

    Else the graph raises InvalidArgumentError, with the refusal as its message.
    """
    return tf.control_dependencies([tf.debugging.Assert(refusal == "", [refusal])])


def _bytes_at(data, offset, count):
    """Reads bytes as int32 (count,), padded with zeros beyond the end."""
    offset = tf.clip_by_value(offset, 0, tf.strings.length(data))
    values = tf.io.decode_raw(tf.strings.substr(data, offset, count), tf.uint8)
    values = tf.pad(values, [[0, count - tf.shape(values)[0]]])
    return tf.cast(tf.ensure_shape(values, [count] if isinstance(count, int) else [None]), tf.int32)


def _begins(head, mark):
    return tf.reduce_all(head[: len(mark)] == list(mark))


def _number(values, big):
    """Combines bytes in the last axis to integers, big-endian or little-endian."""
    powers = [256**i for i in range(values.shape[-1])]
    powers = [power - 2**32 if power >= 2**31 else power for power in powers]
    lowest_first, highest_first = tf.constant(powers), tf.constant(powers[::-1])
    return tf.reduce_sum(values * tf.where(big, highest_first, lowest_first), axis=-1)


def _orientation(data, start):
    """Reads the orientation, 1 to 8 (EXIF, JEITA CP-3451, tag 274); 1 if there is none.

    Args:
        data: The file.
        start: The offset of its EXIF data, or 0 if it has none.
    """
    is_big = _bytes_at(data, start, 1)[0] == ord("M")
    directory = start + _number(_bytes_at(data, start + 4, 4), is_big)
    count = _number(_bytes_at(data, directory, 2), is_big)
    entries = tf.reshape(_bytes_at(data, directory + 2, 12 * count), [-1, 12])
    tag, type_, short = (_number(entries[:, i : i + 2], is_big) for i in (0, 2, 8))
    values = tf.where(type_ == _LONG, _number(entries[:, 8:], is_big), short)
    value = tf.reduce_max(tf.where(tag == _ORIENTATION, values, 0))
    return tf.where((start > 0) & (value >= 1) & (value <= 8), value, 1)


def _find_chunk(data, kind):
    """Searches a PNG's chunks before its pixels for the first of a kind; see `_find`."""

    def read_chunk(offset):
        head = _bytes_at(data, offset, 8)
        length = _number(head[:4], big=True)
        is_last = _begins(head[4:], b"IDAT") | (length < 0)
        found = tf.where(_begins(head[4:], kind), offset + 8, 0)
        return found, tf.where(is_last, -1, offset + 12 + length)

    return _find(data, read_chunk, len(_PNG))


def _find_exif(data):
    """Searches a JPEG's segments for EXIF data; see `_find`."""

    def read_segment(offset):
        head = _bytes_at(data, offset, 10)
        marker = head[1]
        # Bytes that are not a marker are padding, or to be ignored; some markers have no segment.
        is_none = (head[0] != 0xFF) | (marker == 0xFF) | (marker == 0)
        is_alone = (marker == 0x01) | (marker >= 0xD0) & (marker <= 0xD8)
        is_last = ~is_none & ((marker == 0xD9) | (marker == 0xDA))
        is_exif = ~is_none & (marker == 0xE1) & _begins(head[4:], b"Exif\0\0")
        length = tf.where(is_alone, 2, 2 + _number(head[2:4], big=True))
        following = tf.where(is_last, -1, offset + tf.where(is_none, 1, length))
        return tf.where(is_exif, offset + 10, 0), following

    return _find(data, read_segment, 2)


def _find(data, read_segment, first):
    """Searches a file segment by segment.

    Args:
        data: The file.
        read_segment: Takes a segment's offset, and returns that of the data searched for, or 0,
            and that of the next segment, or -1 after the last.
        first: The first segment's offset.

    Returns:
        The offset of the data searched for, or 0; and whether the search came to an end.
    """

    def is_unfinished(found, offset):
        return (found == 0) & (offset >= 0) & (offset < tf.strings.length(data))

    found, offset = tf.while_loop(
        is_unfinished,
        lambda _, offset: read_segment(offset),
        (0, first),
        maximum_iterations=_MOST_SEGMENTS,
    )
    return found, ~is_unfinished(found, offset)


def _refuse_unless_searched(is_searched, name):
    allowed = f"`{name}` must have at most {_MOST_SEGMENTS} segments before its pixels"
    return refuse_unless(is_searched, allowed, "more")


def _apply_orientation(picture, orientation):
    # 5 to 8 are transposed; what remains are flips.
    is_transposed = orientation >= 5
    picture = tf.cond(is_transposed, lambda: tf.transpose(picture, [1, 0, 2]), lambda: picture)

    def is_one_of(*values):
        return tf.reduce_any(orientation == list(values))

    picture = tf.cond(is_one_of(2, 3, 6, 7), lambda: picture[:, ::-1], lambda: picture)
    return tf.cond(is_one_of(3, 4, 7, 8), lambda: picture[::-1], lambda: picture)
