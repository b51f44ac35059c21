"""`encode_preview`: a picture as a JPEG for the page to show."""

import io

import numpy as np
from PIL import Image

from kerasart.image.arrays import quantise

_QUALITY = 86


def encode_preview(image: np.ndarray, most: int = 1024, alpha: np.ndarray | None = None) -> bytes:
    """Encodes a picture (1, height, width, 3) in [0, 1] as a JPEG of a long side of at most `most`.

    Where it is transparent it is white: `alpha` is (1, height, width, 1) in [0, 1], of any size.
    It is made of the pixels alone: no EXIF of a photo is in it.
    """
    picture = Image.fromarray(quantise(np.clip(image[0], 0, 1), bits=8))
    picture.thumbnail((most, most))
    if alpha is not None:
        seen = Image.fromarray(quantise(alpha[0, ..., 0], bits=8)).resize(picture.size)
        picture = Image.composite(picture, Image.new("RGB", picture.size, "white"), seen)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()
