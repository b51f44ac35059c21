"""`TrainingStyles`, what a style network learns: a few named pictures, or any of many files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import ArrayLike

from kerasart.image import Picture, read_picture
from kerasart.image.fingerprint import hash_image
from kerasart.image.masks import split_picture
from kerasart.image.resizing import shrink
from kerasart.networks.photo_crops import Photos
from kerasart.settings.style import FastStyleSettings

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

_SHOWN = 6  # Styles of many on a contact sheet.


class TrainingStyles:
    """The styles of a training.

    Attributes:
        shown: Dict of name to picture, (1, height, width, 3), of the styles on contact sheets.
        requests: What a `Stylizer` is asked for each of them.
        count: The number of styles.
    """

    shown: dict[str, np.ndarray]
    requests: list[Any]
    count: int

    def examples(self, count: int) -> Sequence[ArrayLike | Picture]:
        """Lists the styles by which weights are balanced, `count` if there are many."""
        raise NotImplementedError

    def dataset(self, seed: int) -> tf.data.Dataset:
        """Makes an endless data set of what a trainer's batches call "style", for one photo each.

        Args:
            seed: Seeds what is picked.
        """
        raise NotImplementedError

    def hashes(self) -> dict[str, str | None]:
        """Hashes the styles that are shown, by name."""
        return {name: hash_image(picture) for name, picture in self.shown.items()}

    def describe(self) -> list[str]:
        """Says what is learned, in lines of Markdown, for the network's card."""
        raise NotImplementedError


class NamedStyles(TrainingStyles):
    """A few pictures, each a style of a name; in a batch, each is its number from 1.

    Args:
        pictures: Dict of name to RGB picture, or to a `Picture`, of which only what is seen counts.
        known: The names of all styles of the network. If some are not in `pictures`, these are its
            last.

    Attributes:
        numbers: Those in batches. 0, the photo itself, is one of them if all are to be learned.
    """

    def __init__(self, pictures: Mapping[str, ArrayLike | Picture], known: Sequence[str]):
        self._pictures = list(pictures.values())
        self._known = known
        self.shown = {name: split_picture(each, "styles")[0] for name, each in pictures.items()}
        self.requests = list(pictures)
        self.count = len(known)
        self.numbers = list(range(0 if len(pictures) == len(known) else 1, len(pictures) + 1))

    def examples(self, count: int) -> Sequence[ArrayLike | Picture]:
        """Lists all of them."""
        return self._pictures

    def dataset(self, seed: int) -> tf.data.Dataset:
        """Draws their numbers, each as often."""
        numbers = tf.constant(self.numbers, tf.int32)
        return tf.data.Dataset.random(seed).map(lambda pick: numbers[pick % len(self.numbers)])

    def describe(self) -> list[str]:
        """Lists all styles of the network, with the hashes of those that are learned."""
        hashes = self.hashes()
        return [
            f"- {name} (`{hashes[name]}`)" if name in hashes else f"- {name}"
            for name in self._known
        ]


class StylePictures(TrainingStyles):
    """Pictures of all manners, from files; in a batch, each is a crop of one.

    Args:
        paths: The files.
        settings: `FastStyleSettings`.
        seed: Seeds the examples.
        left_out: Paths that are known to be unusable, to which those met are added.
        max_pixels: The most pixels of a picture that is read.
    """

    def __init__(
        self,
        paths: Sequence[str | PathLike[str]],
        settings: FastStyleSettings,
        seed: int = 0,
        left_out: set[str] | None = None,
        max_pixels: int | None = None,
    ):
        self._paths = list(paths)
        self._settings = settings
        self._seed = seed
        self._left_out = left_out
        self._max_pixels = max_pixels
        self.shown = self._read_first()
        self.requests = list(self.shown.values())
        self.count = len(self._paths)

    def examples(self, count: int) -> Sequence[ArrayLike | Picture]:
        """Cuts the first crops."""
        return self._crops(self._seed).first(count)

    def dataset(self, seed: int) -> tf.data.Dataset:
        """Cuts crops of all of them, other ones than of photos by the same seed."""
        return self._crops(seed + 1).squares()

    def describe(self) -> list[str]:
        """Says how many there are."""
        return [f"Any; {self.count} pictures were learned from."]

    def _crops(self, seed):
        size, left_out = self._settings.size, self._left_out
        return Photos(self._paths, size, seed, left_out, max_pixels=self._max_pixels)

    def _read_first(self):
        """Reads the first few pictures that can be used, by name."""
        shown = {}
        for path in self._paths:
            if len(shown) == _SHOWN:
                break
            try:
                picture = read_picture(path, self._max_pixels).image
            except (ValueError, OSError, MemoryError):
                continue  # `Photos` tells of it.
            if min(picture.shape[1:3]) >= self._settings.size:
                shown[Path(path).stem] = shrink(picture, self._settings.style_size)
        return shown
