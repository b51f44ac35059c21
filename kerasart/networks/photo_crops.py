"""`Photos`, a dataset of random square crops of photos, for training."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterable
from os import PathLike

import keras
import numpy as np

from kerasart.image.files import read_picture

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

_log = logging.getLogger("kerasart")


class Photos:
    """Random square crops of photos of any sizes.

    A photo that cannot be read, or is smaller than half a crop, is skipped, with one warning on the
    logger "kerasart".

    Args:
        paths: The files.
        size: Side of a crop in pixels.
        seed: Seeds the order of the photos, and position, size and flip of the crops.
        skipped: A set of paths known to be unusable; it is added to, and may be shared.
        exposes: Whether half of the crops are changed in brightness, and in contrast by up to
            3 times, so that large areas of black and white occur too.
        max_pixels: The most pixels a photo may have, as in `read_picture`.
        name: What the photos are called in the error message.

    Attributes:
        skipped: The set of the paths skipped so far.
    """

    def __init__(
        self,
        paths: Iterable[str | PathLike[str]],
        size: int,
        seed: int = 0,
        skipped: set[str] | None = None,
        exposes: bool = False,
        max_pixels: int | None = None,
        name: str = "photos",
    ):
        self._name = name
        self._paths = [str(path) for path in paths]
        self._size = size
        # Crops are enlarged up to 2x: large images have wide smooth areas, small photos do not.
        self._least = size // 2
        self._seed = seed
        self._max_pixels = max_pixels
        self._share_exposed = 0.5 if exposes else 0.0
        self._lock = threading.Lock()
        self.skipped = set() if skipped is None else skipped

    def first(self, count: int) -> list[np.ndarray]:
        """Returns the first crops, float32 (1, size, size, 3) in [0, 1].

        Raises:
            ValueError: If no photo can be used.
        """
        try:
            return [square.numpy() for square in self.squares().batch(1).take(count)]
        except tf.errors.InvalidArgumentError:
            # TensorFlow wraps an error of Python code in its own, many lines long.
            self._check()
            raise

    def squares(self) -> tf.data.Dataset:
        """Makes an endless dataset of crops.

        A crop's position is random, as is its side, from half of `size` to the photo's shorter
        side; it is then resized to `size`. Half of the crops are flipped.

        Returns:
            Elements are float32 RGB (size, size, 3) in [0, 1].

        Raises:
            tf.errors.InvalidArgumentError: While iterating, if no photo can be used.
        """
        size, least = self._size, self._least

        def read(path):
            photo = tf.numpy_function(self._read, [path], tf.float32, stateful=False)
            return tf.ensure_shape(photo, [None, None, 3])

        def cut(photo, seed):
            shape = tf.shape(photo)
            most = tf.minimum(shape[0], shape[1])
            random = tf.random.stateless_uniform([7], seed)
            side, top, left, mirrored, exposed, contrast, grey = tf.unstack(random)
            side = least + tf.cast(side * tf.cast(most - least + 1, tf.float32), tf.int32)
            top = tf.cast(top * tf.cast(shape[0] - side + 1, tf.float32), tf.int32)
            left = tf.cast(left * tf.cast(shape[1] - side + 1, tf.float32), tf.int32)
            square = photo[top : top + side, left : left + side]
            square = tf.image.resize(square, [size, size], antialias=True)
            square = square[:, ::-1] if mirrored < 0.5 else square
            if exposed < self._share_exposed:
                square = (square - grey) * (1 + 2 * contrast) + grey
            return tf.ensure_shape(tf.clip_by_value(square, 0.0, 1.0), [size, size, 3])

        dataset = tf.data.Dataset.from_tensor_slices([os.fsencode(path) for path in self._paths])
        dataset = dataset.shuffle(len(self._paths), self._seed).repeat()
        dataset = dataset.map(read, tf.data.AUTOTUNE, deterministic=True)
        dataset = dataset.filter(lambda photo: tf.size(photo) > 0)
        randomness = tf.data.Dataset.random(self._seed).batch(2)
        return tf.data.Dataset.zip(dataset, randomness).map(cut, tf.data.AUTOTUNE)

    def _read(self, path):
        path = os.fsdecode(path)
        nothing = np.zeros((0, 0, 3), np.float32)
        if path in self.skipped:
            return nothing
        try:
            photo = read_picture(path, self._max_pixels).image[0]
        except (ValueError, OSError, MemoryError) as error:
            self._skip(path, str(error))
            return nothing
        height, width = photo.shape[:2]
        if min(height, width) < self._least:
            self._skip(path, f"'{path}' is {width}x{height}, less than {self._least} pixels")
            return nothing
        return photo

    def _skip(self, path, reason):
        with self._lock:
            is_known = path in self.skipped
            self.skipped.add(path)
        if not is_known:
            _log.warning("a photo is skipped: %s", reason)
        self._check()

    def _check(self):
        if self.skipped.issuperset(self._paths):
            raise ValueError(
                f"`{self._name}` must hold at least one picture of {self._least} pixels or more "
                f"that can be read. Received: {len(self._paths)} that cannot be used"
            )
