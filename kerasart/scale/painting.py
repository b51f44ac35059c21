"""`OnePass` and `Dreaming`: what a painted file is, whichever process paints it.

The scripts that paint a photo or a folder, and the workers that paint a million, do it by these: so
a photo, a network and settings give one file, to the bit.
"""

from __future__ import annotations

import hashlib
import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from kerasart.backbones.imagenet import find_class, imagenet_labels
from kerasart.image import Picture
from kerasart.image.arrays import fit_size
from kerasart.image.atomic_files import make_folder
from kerasart.image.fingerprint import hash_image
from kerasart.image.formats import check_pixels
from kerasart.records import encode_recorded, write_recorded
from kerasart.saved_models import find_network, shipped_models
from kerasart.settings.presets import find_preset, is_preset_file, preset_name
from kerasart.startup import import_tensorflow

_OF_FREE = 0.5  # The part of the free memory that pictures may take.

# A picture, and its record.
Painted = tuple[np.ndarray, dict[str, Any]]


class PhotoPainter(Protocol):
    """A way to paint photos, made of plain data: it can be sent to other processes.

    Attributes:
        bits: Bits a channel of the files.
        max_pixels: The most pixels of a photo; None is Pillow's limit.
        keeps_metadata: Whether a file says of its photo what the photo's file did.
    """

    @property
    def bits(self) -> int: ...

    @property
    def max_pixels(self) -> int | None: ...

    @property
    def keeps_metadata(self) -> bool: ...

    def identity(self) -> dict[str, Any]:
        """Returns all that determines a painting besides the photo, as JSON can hold it."""

    def portable(self) -> PhotoPainter:
        """Returns the same for other machines, which may lack files of this one."""

    def sharing(self, share: float, threads: int | None) -> PhotoPainter:
        """Returns the same for a process that is one of several on this machine.

        Args:
            share: The share of the memory that it may use.
            threads: With how many threads it is to compute; None for as many as there are cores.
        """

    def load(self) -> None:
        """Loads the network, and checks that it can paint so; else the first photo does.

        Raises:
            FileNotFoundError, ValueError: If it cannot.
        """

    def prepare(self, photo: Picture) -> Picture:
        """Resizes a photo that was read to the size in which it is painted."""

    def paint(self, photos: Sequence[Picture]) -> list[Painted]:
        """Paints photos of one size."""


@dataclass(frozen=True)
class OnePass:
    """Paints in one pass of a trained network, as `Stylizer`.

    Attributes:
        model: As in `Stylizer`: a name, a folder or a file.
        style: As in `Stylizer.__call__`.
        named: What the record says of the style.
        strength, preserve_color, rows, memory: As in `Stylizer.__call__`.
        size: Long side in pixels; None is the photo's own.
        precision: As in `Stylizer`.
        bits, max_pixels, keeps_metadata: As in `PhotoPainter`.
        file: The bytes of the network's file, where it is not on this machine.
    """

    model: str
    style: Any = None
    named: dict[str, Any] = field(default_factory=dict)
    strength: float = 1.0
    preserve_color: str = "none"
    size: int | None = None
    precision: str = "auto"
    rows: int | None = None
    memory: float | None = None
    bits: int = 8
    max_pixels: int | None = None
    keeps_metadata: bool = True
    file: bytes | None = field(default=None, repr=False)

    @cached_property
    def stylizer(self) -> Any:
        """The `Stylizer`, loaded when it is first asked for."""
        from kerasart import Stylizer

        if self.file is None:
            return Stylizer(self.model, self.precision)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.keras"
            path.write_bytes(self.file)
            return Stylizer(path, self.precision)

    @property
    def options(self) -> dict[str, Any]:
        """Further arguments of `Stylizer.__call__`."""
        names = ("strength", "preserve_color", "rows", "memory")
        return {name: getattr(self, name) for name in names}

    def identity(self) -> dict[str, Any]:
        """See `PhotoPainter`."""
        names = ("model", "strength", "preserve_color", "size", "precision", "bits")
        values = {name: getattr(self, name) for name in (*names, "keeps_metadata")}
        network = hashlib.sha256(find_network(self.model).read_bytes()).hexdigest()
        return self.named | values | {"network": network}

    def portable(self) -> OnePass:
        """See `PhotoPainter`."""
        if self.model in shipped_models():
            return self
        return replace(self, file=find_network(self.model).read_bytes())

    def sharing(self, share: float, threads: int | None) -> OnePass:
        """See `PhotoPainter`; where the share is too small, photos are painted in strips."""
        set_up_tensorflow(threads)
        return replace(self, memory=_limit(self.memory, share))

    def load(self) -> None:
        """See `PhotoPainter`."""
        self.stylizer.paint_all([], self.style, **self.options)

    def prepare(self, photo: Picture) -> Picture:
        """Resizes a photo to `size`.

        Raises:
            ValueError: If it would have too many pixels.
        """
        if self.size is None:
            return photo
        check_pixels(fit_size(photo.image.shape[1:3], self.size), self.max_pixels, "size")
        from kerasart.image.resizing import resize_picture

        return resize_picture(photo, self.size)

    def paint(self, photos: Sequence[Picture]) -> list[Painted]:
        """Paints photos of one size, on a GPU as one batch."""
        images = [photo.image for photo in photos]
        hashes = [hash_image(image) for image in images]
        painted = self.stylizer.paint_all(images, self.style, **self.options)
        record = self.named | {"model": self.model, "strength": self.strength, "size": self.size}
        record |= {"preserve_color": self.preserve_color, "precision": self.stylizer.precision}
        return [
            (image, record | {"photo_hash": each})
            for image, each in zip(painted, hashes, strict=True)
        ]


@dataclass(frozen=True)
class Dreaming:
    """Dreams on photos, as `Dreamer`.

    Attributes:
        settings: Dict of arguments of `Dreamer`.
        tiling: Dict of those that do not change the dream.
        guide: As in `Dreamer`.
        mask, size: As in `Dreamer.dream`.
        bits, max_pixels, keeps_metadata: As in `PhotoPainter`.
    """

    settings: dict[str, Any]
    tiling: dict[str, Any] = field(default_factory=dict)
    guide: np.ndarray | None = None
    mask: np.ndarray | None = None
    size: int | None = None
    bits: int = 8
    max_pixels: int | None = None
    keeps_metadata: bool = True

    def __post_init__(self):
        self.describe(None)  # Better refused now than once the network is loaded.

    @cached_property
    def named(self) -> dict[str, str]:
        """What the record says of the class that is dreamed of; empty for none."""
        if self.settings.get("class_name") is None:
            return {}
        number = find_class(self.settings["class_name"])
        return {"class": f"{number}: {imagenet_labels()[number]}"}

    @cached_property
    def dreamer(self) -> Any:
        """The `Dreamer`, made when it is first asked for."""
        from kerasart.applications.deep_dream import Dreamer

        return Dreamer(guide=self.guide, **self.settings, **self.tiling)

    def identity(self) -> dict[str, Any]:
        """See `PhotoPainter`."""
        preset = self.settings.get("preset")
        known = {} if preset is None else {"preset": find_preset("deep_dream", preset)}
        files = {"keeps_metadata": self.keeps_metadata}
        return self.settings | self.describe(None) | known | files

    def portable(self) -> Dreaming:
        """See `PhotoPainter`; a file of weights, though, must be on all machines."""
        preset = self.settings.get("preset")
        if not isinstance(preset, str) or not is_preset_file(preset):
            return self
        known = {"name": preset_name(preset)} | find_preset("deep_dream", preset)
        return replace(self, settings=self.settings | {"preset": known})

    def sharing(self, share: float, threads: int | None) -> Dreaming:
        """See `PhotoPainter`; where the share is too small, photos are dreamed on in tiles."""
        set_up_tensorflow(threads)
        memory = _limit(self.tiling.get("memory"), share)
        return replace(self, tiling=self.tiling | {"memory": memory})

    def load(self) -> None:
        """See `PhotoPainter`."""
        self.dreamer  # noqa: B018 (it is made by being asked for)

    def prepare(self, photo: Picture) -> Picture:
        """Leaves a photo as it is: a dream resizes it itself.

        Raises:
            ValueError: If the dream would have too many pixels.
        """
        if self.size:
            check_pixels(fit_size(photo.image.shape[1:3], self.size), self.max_pixels, "size")
        return photo

    def paint(self, photos: Sequence[Picture]) -> list[Painted]:
        """Dreams on each photo."""
        results = [self.dreamer.dream(each.image, self.mask, size=self.size) for each in photos]
        return [
            (result.image, result.settings | self.describe(photo))
            for result, photo in zip(results, photos, strict=True)
        ]

    def describe(self, photo: Picture | None) -> dict[str, Any]:
        """Returns what goes into a dream on a photo besides its settings, for the record."""
        return self.named | {
            "size": self.size,
            "bits": self.bits,
            "photo_hash": hash_image(photo.image if photo else None),
            "guide_hash": hash_image(self.guide),
            "mask_hash": hash_image(self.mask),
        }


def set_up_tensorflow(threads: int | None) -> None:
    """Loads TensorFlow into a process that is one of several on this machine.

    Args:
        threads: With how many threads it is to compute; None for as many as there are cores.
    """
    import_tensorflow()
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads or 0)
    for gpu in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(gpu, True)  # Others are on it, too.


def _limit(memory, share):
    """Returns the GiB that a process may use: what it was told, or its share of what is free."""
    if memory is not None:
        return memory
    from kerasart.optimization.memory import available_memory

    available = available_memory()  # Infinite on a GPU.
    return share * _OF_FREE * available / 2**30 if math.isfinite(available) else None


def encode_painted(painting: PhotoPainter, name: str, photo: Picture, painted: Painted) -> bytes:
    """Encodes the file of a painted photo.

    Args:
        painting: How it was painted.
        name: The file's name, whose suffix is that of the format.
        photo: The photo, as it was painted.
        painted: What `PhotoPainter.paint` gave of it.

    Returns:
        All of the file.
    """
    metadata = photo.metadata if painting.keeps_metadata else None
    return encode_recorded(name, *painted, photo, metadata, painting.bits)


def write_painted(
    painting: PhotoPainter,
    path: str | PathLike[str],
    photo: Picture,
    painted: Painted,
    taken: str = "number",
) -> Path:
    """Writes the file that `encode_painted` encodes.

    Args:
        painting, photo, painted: As there.
        path: Where to write; missing folders are made.
        taken: What to do if the file exists, as in `write_picture`.

    Returns:
        The path of the file.
    """
    make_folder(Path(path).parent)
    metadata = photo.metadata if painting.keeps_metadata else None
    return write_recorded(path, *painted, photo, metadata, painting.bits, taken)
