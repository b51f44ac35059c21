"""`TrainingStyles`, what a network learns: named styles, many files, or collections of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, ClassVar

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

_SHOWN = 6  # Styles on a contact sheet where there are many.


class TrainingStyles:
    """The styles of a training.

    Attributes:
        shown: Dict of name to image, (1, height, width, 3), of the styles on contact sheets.
        requests: The `style` argument of a `Stylizer` for each of them.
        count: The number of styles.
        exposes_photos: Whether half of the photos are changed in brightness and contrast.
    """

    shown: dict[str, np.ndarray]
    requests: list[Any]
    count: int
    exposes_photos: ClassVar[bool] = True

    def examples(self, count: int) -> Sequence[ArrayLike | Picture]:
        """Lists the styles on which weights are balanced: at most `count` where there are many."""
        raise NotImplementedError

    def dataset(self, seed: int) -> tf.data.Dataset:
        """Makes an endless data set of the "style" of a trainer's batches, not yet batched.

        Args:
            seed: Seeds the choice.
        """
        raise NotImplementedError

    def hashes(self) -> dict[str, str | None]:
        """Hashes the styles that are shown, by name."""
        return {name: hash_image(picture) for name, picture in self.shown.items()}

    def describe(self) -> list[str]:
        """Lists the styles in lines of Markdown, for the model card."""
        raise NotImplementedError


class NamedStyles(TrainingStyles):
    """A few named styles; a batch has their numbers, from 1.

    Args:
        pictures: Dict of name to RGB image, or to a `Picture`, whose transparent parts are ignored.
        known: The names of all styles of the network; those in `pictures` are its last.

    Attributes:
        numbers: The numbers in batches. 0, the identity style, is one of them if all styles are
            trained.
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
        """Draws their numbers uniformly."""
        numbers = tf.constant(self.numbers, tf.int32)
        return tf.data.Dataset.random(seed).map(lambda pick: numbers[pick % len(self.numbers)])

    def describe(self) -> list[str]:
        """Lists all styles of the network, with the hashes of those that are trained."""
        hashes = self.hashes()
        return [
            f"- {name} (`{hashes[name]}`)" if name in hashes else f"- {name}"
            for name in self._known
        ]


class StylePictures(TrainingStyles):
    """Styles from many files; a batch has crops of them.

    Args:
        paths: The files.
        settings: `FastStyleSettings`.
        seed: Seeds the examples.
        left_out: Paths of unusable files; those that are found are added.
        max_pixels: The most pixels of a file that is read.
        name: What they are called in the error message.

    Raises:
        ValueError: If no file can be used.
    """

    def __init__(
        self,
        paths: Sequence[str | PathLike[str]],
        settings: FastStyleSettings,
        seed: int = 0,
        left_out: set[str] | None = None,
        max_pixels: int | None = None,
        name: str = "styles",
    ):
        self._name = name
        self._paths = list(paths)
        self._settings = settings
        self._seed = seed
        self._left_out = left_out
        self._max_pixels = max_pixels
        self.shown = self._read_first()
        self.requests = list(self.shown.values())
        self.count = len(self._paths)

    def examples(self, count: int) -> Sequence[ArrayLike | Picture]:
        """Crops the first of them."""
        return self._crops(self._seed).first(count)

    def dataset(self, seed: int) -> tf.data.Dataset:
        """Crops all of them, by another seed than the photos."""
        return self._crops(seed + 1).squares()

    def describe(self) -> list[str]:
        """Says how many files there are."""
        return [f"Any; {self.count} pictures were learned from."]

    def _crops(self, seed):
        size, left_out = self._settings.size, self._left_out
        most, name = self._max_pixels, self._name
        return Photos(self._paths, size, seed, left_out, max_pixels=most, name=name)

    def _read_first(self):
        """Reads the first few usable files, by name."""
        shown = {}
        for path in self._paths:
            if len(shown) == _SHOWN:
                break
            try:
                picture = read_picture(path, self._max_pixels).image
            except (ValueError, OSError, MemoryError):
                continue  # `Photos` logs it.
            if min(picture.shape[1:3]) >= self._settings.size // 2:  # As `Photos` takes them.
                shown[Path(path).stem] = shrink(picture, self._settings.style_size)
        if not shown:
            self._crops(self._seed).first(1)  # Says so.
        return shown


class Collections(TrainingStyles):
    """Collections of pictures; a batch has crops of them, and the numbers of their collections.

    Args:
        paths: Dict of a collection's name to its files.
        settings, seed, left_out, max_pixels: As for `StylePictures`.
    """

    exposes_photos = False  # Their light is what a critic would see first.

    def __init__(
        self,
        paths: Mapping[str, Sequence[str | PathLike[str]]],
        settings: FastStyleSettings,
        seed: int = 0,
        left_out: set[str] | None = None,
        max_pixels: int | None = None,
    ):
        given = settings, seed, left_out, max_pixels, "collections"
        self._collections = {name: StylePictures(each, *given) for name, each in paths.items()}
        first = {name: next(iter(each.shown.values())) for name, each in self._collections.items()}
        self.shown = first
        self.requests = list(first)
        self.count = sum(each.count for each in self._collections.values())

    def examples(self, count: int) -> Sequence[ArrayLike | Picture]:
        """Crops pictures of all collections in turn."""
        each = [pictures.examples(count) for pictures in self._collections.values()]
        return [each[number % len(each)][number // len(each)] for number in range(count)]

    def dataset(self, seed: int) -> tf.data.Dataset:
        """Draws from all collections in turn: dicts of "picture" and "number", from 0."""

        def numbered(number, pictures):
            squares = pictures.dataset(seed + number)
            return squares.map(lambda picture: {"picture": picture, "number": number})

        collections = enumerate(self._collections.values())
        each = [numbered(number, pictures) for number, pictures in collections]
        turns = tf.data.Dataset.range(len(each)).repeat()
        return tf.data.Dataset.choose_from_datasets(each, turns)

    def describe(self) -> list[str]:
        """Says how many pictures each has."""
        return [f"- {name}: {each.count} pictures" for name, each in self._collections.items()]
