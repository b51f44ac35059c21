"""`Latent`, a parameterization: the code from which a network paints an image."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import keras
import numpy as np
from numpy.typing import ArrayLike

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf


class Latent:
    """Represents an image by the code that a network paints it from.

    What a descent moves is the code, such as a style's or that of a generator (projection into a
    latent space, Abdal et al. 2019, "Image2StyleGAN", arXiv 1904.03189); all else of it works on
    the image. The image has one size.

    Args:
        paint: `paint(code) -> image`, float32 RGB (1, height, width, 3) in [0, 1], of tensors that
            TensorFlow can differentiate.
        code: The code to start from, of any shape.
        size: (height, width) of the image.
    """

    any_size: ClassVar[bool] = False

    def __init__(
        self, paint: Callable[[tf.Tensor], tf.Tensor], code: ArrayLike, size: tuple[int, int]
    ):
        self._paint = paint
        height, width = size
        self._size = height, width
        self.code = np.asarray(code, np.float32)

    def encode(self, image: tf.Tensor) -> tf.Tensor:
        """Returns the code to start from, whatever the image: a network has no inverse.

        Args:
            image: float32 RGB (1, height, width, 3).

        Raises:
            ValueError: If the image has another size.
        """
        height, width = self._size
        if tuple(image.shape[1:3]) != self._size:
            raise ValueError(
                f"`image` must be of the size that is painted, {width}x{height}. "
                f"Received: {image.shape[2]}x{image.shape[1]}"
            )
        return tf.convert_to_tensor(self.code)

    def decode(self, code: tf.Tensor) -> tf.Tensor:
        """Paints the image of a code."""
        return self._paint(code)

    def image_size(self, code: tf.Tensor) -> tuple[int, int]:
        """Returns the (height, width) of the image of a code."""
        return self._size

    def carry(self, gradient: tf.Tensor, warp: Callable[[np.ndarray], np.ndarray]) -> tf.Tensor:
        """Returns the gradient by the code as it is: codes have no places that move."""
        return gradient
