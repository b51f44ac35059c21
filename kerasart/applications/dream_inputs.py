"""`DreamInputs`, the photo and mask of a dream at each octave, and reinjected detail."""

from __future__ import annotations

import functools

import keras
import numpy as np
from numpy.typing import ArrayLike

from kerasart.backbones import Backbone
from kerasart.image import as_image
from kerasart.image.arrays import fit_size
from kerasart.image.masks import fit_mask
from kerasart.image.resizing import resize, resize_photo
from kerasart.optimization.parameterizations import noise_image
from kerasart.optimization.pyramid import octave_sizes, warn_skipped
from kerasart.settings.checks import check, is_whole
from kerasart.settings.dream import DreamSettings

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

# Side of a dream from noise or grey without an image.
_SIZE = 512


class DreamInputs:
    """The photo and mask of a dream at each octave, and the detail that smaller octaves lose.

    Args:
        image: The photo (see `deep_dream`), or None.
        mask: Where to dream, or None for everywhere.
        size: Long side of the dream in pixels; None keeps the photo's own.
        settings: `DreamSettings`.
        backbone: The `Backbone`, cut at the dream's layers.
        seed: Seeds the initial noise.

    Attributes:
        size: (height, width) of the dream.
        mask: float32 (1, any height, any width, 1), or None.
        sizes: The (height, width) of each octave, from small to large.

    Raises:
        ValueError: If a photo is missing, or too small for the network at every octave.
    """

    def __init__(
        self,
        image: ArrayLike | None,
        mask: ArrayLike | None,
        size: int | None,
        settings: DreamSettings,
        backbone: Backbone,
        seed: int,
    ):
        if image is None and settings.init == "photo":
            raise ValueError("`image` must be given where `init` is photo. Received: None")
        self._original = None if image is None else as_image(image)
        is_side = size is None or is_whole(size) and size > 0
        check(is_side, "size", "at least 1, and whole", size)
        square = (size or _SIZE,) * 2
        original_size = square if self._original is None else self._original.shape[1:3]
        self.size = fit_size(original_size, size) if size else original_size
        self.mask = None if mask is None else fit_mask(mask, original_size, "mask")
        self.sizes = _usable_octaves(self.size, settings, backbone)
        self._settings = settings
        self._seed = seed
        self._photos: dict[int, tf.Tensor] = {}

    @functools.cached_property
    def image(self) -> np.ndarray:
        """The photo, or noise or grey, at the dream's size: float32 RGB (1, height, width, 3)."""
        # Made late, once it is known to fit into memory.
        if self._settings.init == "noise":
            return noise_image(self.size, self._seed)
        if self._settings.init == "grey" or self._original is None:
            return np.full((1, *self.size, 3), 0.5, np.float32)
        return resize_photo(self._original, self.size)

    def photo(self, octave: int) -> tf.Tensor:
        """Returns the image resized to an octave."""
        if octave not in self._photos:
            photo = resize(self.image, self.sizes[octave], self._settings.antialias)
            # Lost detail needs a neighbour too. An lru_cache would make a reference cycle of `self`
            # and its images, which only garbage collection frees.
            near = {n: each for n, each in self._photos.items() if abs(n - octave) == 1}
            self._photos = {**near, octave: photo}
        return self._photos[octave]

    def start(self, octave: int = 0) -> tf.Tensor | np.ndarray:
        """Returns the initial image of a dream's first octave: the photo, with noise if so set."""
        photo, deviation = self.photo(octave), self._settings.init_noise
        if not deviation:
            return photo
        noise = np.random.default_rng(self._seed).normal(0.0, deviation, photo.shape)
        return np.clip(photo + noise, 0.0, 1.0).astype(np.float32)

    def enlarge(self, dream: tf.Tensor, octave: int) -> tf.Tensor:
        """Returns the initial image of an octave: the last dream enlarged, with lost detail."""
        larger = resize(self._complete(dream, octave - 1), self.sizes[octave])
        if self._settings.detail == "before":
            larger = larger + self._lost_detail(octave)
        return larger

    def finish(self, dream: tf.Tensor, octave: int) -> np.ndarray:
        """Resizes the dream of an octave to the full size, with lost detail and mask.

        Args:
            dream: float32 RGB (1, height, width, 3), of the octave's size.
            octave: The octave's index.

        Returns:
            A float32 array (1, *size, 3) in [0, 1].
        """
        antialias = self._settings.antialias
        full = resize(self._complete(dream, octave), self.size, antialias)
        if self._settings.detail != "none":
            full = full + self.image - resize(self.photo(octave), self.size, antialias)
        return np.clip(self._apply_mask(full, self.image), 0.0, 1.0)

    def _lost_detail(self, octave):
        """Returns the detail of the photo at an octave that the smaller octave before lacks."""
        smaller = self.photo(max(octave - 1, 0))
        return self.photo(octave) - resize(smaller, self.sizes[octave])

    def _complete(self, dream, octave):
        if self._settings.detail == "after":
            dream = dream + self._lost_detail(octave)
        return self._apply_mask(dream, self.photo(octave))

    def _apply_mask(self, dream, photo):
        """Blends a dream with the photo by the mask."""
        if self.mask is None:
            return dream
        return photo + resize(self.mask, photo.shape[1:3], antialias=True) * (dream - photo)


def _usable_octaves(size, settings, backbone):
    """Lists the sizes of the octaves that are large enough for the network."""
    sizes = octave_sizes(size, *settings.octaves, settings.octave_scale)
    least = backbone.least_size(2 * settings.border + 1)
    usable = [octave for octave in sizes if min(octave) >= least]
    if not usable:
        raise ValueError(
            f"`image` must be at least {least}x{least} pixels in one octave for {backbone.name} "
            f"and these layers. Received: {size[1]}x{size[0]}"
        )
    warn_skipped("octaves", usable, sizes, backbone, least)
    return usable
