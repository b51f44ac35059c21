"""From rounded pixels to the bytes of a picture file."""

import io

from PIL import Image, ImageFile
from PIL.PngImagePlugin import PngInfo

from kerasart.image.formats import pillow_setting
from kerasart.image.sixteen_bit import encode_png, encode_tiff


def encode(pixels, kind, text, quality):
    """Encodes pixels as a picture file.

    Args:
        pixels: A uint8 or, for PNG and TIFF, uint16 array of shape (height, width, 3 or 4).
        kind: Pillow's name of the format.
        text: A dict of strings for the text chunks of PNG; other formats ignore it.
        quality: The quality of JPEG, WebP and AVIF, from 1 to 100.

    Returns:
        The bytes of the file.

    Raises:
        ValueError: If PNG cannot hold `text`.
    """
    deep = pixels.dtype == "uint16"
    if kind == "PNG":
        chunks = text_chunks(text)
        return encode_png(pixels, chunks) if deep else _by_pillow(pixels, "PNG", pnginfo=chunks)
    if deep:
        return encode_tiff(pixels)
    if kind == "JPEG":
        # Optimised JPEG must fit into Pillow's buffer as a whole, and Pillow's own guess is too
        # small for noisy pictures without subsampling, which need up to 5 bytes a pixel.
        with pillow_setting(ImageFile, "MAXBLOCK", 2**16 + 2 * pixels.size):
            return _by_pillow(pixels, "JPEG", quality=quality, subsampling=0, optimize=True)
    if kind == "WEBP":
        return _by_pillow(pixels, kind, quality=quality)
    if kind == "AVIF":
        return _by_pillow(pixels, kind, quality=quality, subsampling="4:4:4")
    return _by_pillow(pixels, kind)


def _by_pillow(pixels, kind, **options):
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind, **options)
    return out.getvalue()


def text_chunks(text):
    """Makes PNG text chunks, a `PngInfo`, of a dict of strings; `encode` lists what it raises."""
    chunks = PngInfo()
    for key, value in text.items():
        try:
            if not 1 <= len(key.encode("latin-1")) <= 79 or "\0" in key:
                raise ValueError("the length is not allowed")
            chunks.add_text(key, value)
        except (AttributeError, TypeError, ValueError) as error:
            raise ValueError(
                "`text` must map keys of 1 to 79 Latin-1 characters to strings. "
                f"Received: {key!r}: {value!r}"
            ) from error
    return chunks
