"""`FeatureFile`, the features of an image evaluated in tiles, on disk."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import DTypeLike

if TYPE_CHECKING:
    import tensorflow as tf


class FeatureFile:
    """Features of a large image, in a temporary file that lives as long as this object.

    Args:
        shape: (height, width, channels).
        dtype: The dtype in the file.
    """

    def __init__(self, shape: tuple[int, int, int], dtype: DTypeLike):
        self.shape = tuple(shape)
        self._dtype = np.dtype(dtype)
        self._file = tempfile.TemporaryFile()

    def write(self, features: tf.Tensor, region: tuple[slice, slice]) -> None:
        """Writes features (h, w, channels) to a region: slices of rows and of columns."""
        rows, columns = region
        for row, numbers in zip(range(rows.start, rows.stop), np.asarray(features), strict=True):
            self._seek(row, columns)
            self._file.write(np.ascontiguousarray(numbers).tobytes())

    def read(self, region: tuple[slice, slice]) -> np.ndarray:
        """Reads the features of a region: a float32 array (1, h, w, channels)."""
        height, width, channels = self.shape
        rows, columns = (
            slice(*each.indices(n)) for each, n in zip(region, (height, width), strict=True)
        )
        width = columns.stop - columns.start
        features = np.empty((1, rows.stop - rows.start, width, channels), np.float32)
        for i in range(features.shape[1]):
            self._seek(rows.start + i, columns)
            numbers = self._file.read(width * channels * self._dtype.itemsize)
            features[0, i] = np.frombuffer(numbers, self._dtype).reshape(width, channels)
        return features

    def _seek(self, row, columns):
        _, width, channels = self.shape
        self._file.seek((row * width + columns.start) * channels * self._dtype.itemsize)
