"""Picture files inside a graph: from bytes to pixels and back, by TensorFlow's own operations.

A server hands a client's bytes to these, so they look before they decode: what is no picture, or is
too small or too large, is refused in a sentence.
"""

FORMATS = ("png", "jpeg")

_HEAD = 32  # Bytes that hold the size of all kinds but JPEG.
# Where a JPEG's EXIF data begins, how many bytes its first directory lies in, and which of its
# entries says how the camera was held.
_EXIF, _EXIF_BYTES, _ENTRIES, _ORIENTATION = b"Exif\0\0", 8192, 64, 0x0112


def decode_picture(data, least, most, name="image_bytes"):
    """Decodes a picture file.

    Of a GIF it is the first frame, of what is transparent the colours beneath. A JPEG is
    turned upright as its EXIF orientation says. Colour profiles are not applied.

    Args:
        data: A scalar string: JPEG (grey, RGB or CMYK), PNG (also palettes and 16 bits), WebP
            that does not move, GIF or BMP.
        least: The least height and width in pixels.
        most: The most pixels.
        name: What messages call the input.

    Returns:
        uint8 RGB (height, width, 3). What is refused raises an InvalidArgumentError when the graph
        runs.
    """
    import tensorflow as tf

    length = tf.strings.length(data)
    head = tf.io.decode_raw(tf.strings.substr(data, 0, _HEAD), tf.uint8)
    head = tf.ensure_shape(tf.pad(head, [[0, _HEAD - tf.shape(head)[0]]]), [_HEAD])
    head = tf.cast(head, tf.int32)
    is_jpeg, is_png, is_gif, is_bmp = (
        _begins(head, mark) for mark in (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"BM")
    )
    is_webp = _begins(head, b"RIFF") & _begins(head[8:], b"WEBP")
    known = is_jpeg | is_png | is_gif | is_bmp | is_webp
    received = tf.strings.join([tf.strings.as_string(length), " bytes of another kind"])
    with required(known, f"`{name}` must be a JPEG, PNG, WebP, GIF or BMP file", received):
        height, width = tf.case(
            [
                (is_jpeg, lambda: tf.unstack(tf.image.extract_jpeg_shape(data))[:2]),
                (is_png, lambda: [_number(head[20:24], big=True), _number(head[16:20], big=True)]),
                (is_gif, lambda: [_number(head[8:10]), _number(head[6:8])]),
                (is_bmp, lambda: [tf.abs(_number(head[22:26])), _number(head[18:22])]),
            ],
            default=lambda: _webp_size(head),
        )
    # TensorFlow's decoder corrupts memory on these.
    moves = is_webp & _begins(head[12:], b"VP8X") & (tf.bitwise.bitwise_and(head[20], 2) > 0)
    sides = [tf.strings.as_string(side) for side in (width, height)]
    received = tf.strings.join([sides[0], "x", sides[1], " pixels"])
    pixels = tf.cast(height, tf.int64) * tf.cast(width, tf.int64)
    with (
        required(~moves, f"`{name}` must not be an animated WebP", received),
        required(
            tf.minimum(height, width) >= least,
            f"`{name}` must be at least {least}x{least} pixels",
            received,
        ),
        required(pixels <= most, f"`{name}` must have at most {most} pixels", received),
    ):
        picture = tf.case(
            [
                # Else its levels are some other than those that Pillow reads.
                (is_jpeg, lambda: tf.io.decode_jpeg(data, 3, dct_method="INTEGER_ACCURATE")),
                # Asked for three channels, it refuses a file with four.
                (is_webp, lambda: tf.io.decode_webp(data, channels=0)[0, :, :, :3]),
            ],
            default=lambda: tf.io.decode_image(data, channels=3, expand_animations=False),
        )
    picture = tf.ensure_shape(picture, [None, None, 3])
    return tf.cond(is_jpeg, lambda: _turn(picture, _orientation(data)), lambda: picture)


def encode_picture(image, format):
    """Encodes a picture.

    Args:
        image: float RGB (height, width, 3) in [0, 1].
        format: A scalar string, "png" or "jpeg".

    Returns:
        A scalar string, the file.
    """
    import tensorflow as tf

    pixels = to_pixels(image)
    is_png = tf.equal(format, "png")
    known = is_png | tf.equal(format, "jpeg")
    with required(known, "`format` must be png or jpeg", format):
        return tf.cond(
            is_png,
            lambda: tf.io.encode_png(pixels),
            lambda: tf.io.encode_jpeg(pixels, quality=95, chroma_downsampling=False),
        )


def to_pixels(image):
    """Rounds floats in [0, 1] to the nearest of 256 levels, uint8."""
    import tensorflow as tf

    return tf.cast(tf.clip_by_value(image, 0.0, 1.0) * 255.0 + 0.5, tf.uint8)


def required(condition, allowed, received):
    """What is built within is run only if a condition holds; else a sentence is the error.

    Args:
        condition: A boolean scalar.
        allowed: What is allowed, a string.
        received: What was received, a string tensor.

    Returns:
        A context manager.
    """
    import tensorflow as tf

    sentence = tf.strings.join([allowed, ". Received: ", received])
    return tf.control_dependencies([tf.debugging.Assert(condition, [sentence])])


def _begins(head, mark):
    import tensorflow as tf

    return tf.reduce_all(head[: len(mark)] == list(mark))


def _number(values, big=False):
    """Reads a number of a few bytes, the lowest first unless `big`."""
    import tensorflow as tf

    powers = [256**i for i in range(values.shape[-1])]
    powers = [power - 2**32 if power >= 2**31 else power for power in powers]
    return tf.reduce_sum(values * tf.constant(powers[::-1] if big else powers), axis=-1)


def _webp_size(head):
    import tensorflow as tf

    bits = _number(head[21:25])
    return tf.case(
        [
            (
                _begins(head[12:], b"VP8X"),
                lambda: [1 + _number(head[27:30]), 1 + _number(head[24:27])],
            ),
            (
                _begins(head[12:], b"VP8L"),
                lambda: [1 + tf.bitwise.right_shift(bits, 14) % 2**14, 1 + bits % 2**14],
            ),
        ],
        default=lambda: [_number(head[28:30]) % 2**14, _number(head[26:28]) % 2**14],
    )


def _orientation(data):
    """Reads how a JPEG's camera was held: 1 to 8, as EXIF (JEITA CP-3451, tag 274) has it."""
    import tensorflow as tf

    raw = tf.cast(tf.io.decode_raw(tf.strings.substr(data, 0, _EXIF_BYTES), tf.uint8), tf.int32)
    raw = tf.pad(raw, [[0, 64]])
    last = tf.shape(raw)[0] - 1

    def read(places, bytes_):
        around = places[..., tf.newaxis] + tf.range(bytes_)
        values = tf.ensure_shape(
            tf.gather(raw, tf.clip_by_value(around, 0, last)), [*places.shape, bytes_]
        )
        return tf.where(is_big, _number(values, big=True), _number(values))

    windows = tf.stack([raw[i : last - len(_EXIF) + 1 + i] for i in range(len(_EXIF))], axis=-1)
    found = tf.reduce_all(windows == list(_EXIF), axis=-1)
    start = tf.cast(tf.argmax(found), tf.int32) + len(_EXIF)
    is_big = raw[start] == ord("M")
    directory = start + read(start + 4, 4)
    entries = directory + 2 + 12 * tf.range(_ENTRIES)
    is_it = (read(entries, 2) == _ORIENTATION) & (tf.range(_ENTRIES) < read(directory, 2))
    value = tf.reduce_max(tf.where(is_it, read(entries + 8, 2), 0))
    is_held = tf.reduce_any(found) & (value >= 1) & (value <= 8)
    return tf.where(is_held, value, 1)


def _turn(picture, orientation):
    """Turns a picture upright."""
    import tensorflow as tf

    # Of 5 to 8, rows are columns; then each of four is some mirroring.
    lies = orientation >= 5
    picture = tf.cond(lies, lambda: tf.transpose(picture, [1, 0, 2]), lambda: picture)

    def is_one_of(*values):
        return tf.reduce_any(orientation == list(values))

    picture = tf.cond(is_one_of(2, 3, 6, 7), lambda: picture[:, ::-1], lambda: picture)
    return tf.cond(is_one_of(3, 4, 7, 8), lambda: picture[::-1], lambda: picture)
