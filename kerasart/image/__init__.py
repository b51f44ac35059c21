"""Image arrays and image files, without TensorFlow except in `resizing`."""

from kerasart.image.arrays import as_image
from kerasart.image.files import (
    Picture,
    check_output,
    next_free_path,
    read_picture,
    write_picture,
)

__all__ = [
    "Picture",
    "as_image",
    "check_output",
    "next_free_path",
    "read_picture",
    "write_picture",
]
