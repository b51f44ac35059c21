"""The pictures of a style transfer, at any size."""

from __future__ import annotations

import math
from collections.abc import Sequence

import keras
import numpy as np
from numpy.typing import ArrayLike

from kerasart.backbones import Backbone
from kerasart.image import as_image
from kerasart.image.arrays import fit_size
from kerasart.image.colour import (
    match_covariance,
    match_histogram,
    match_luminance,
    replace_luminance,
)
from kerasart.image.masks import fit_mask
from kerasart.image.resizing import pick_nearest, resize, resize_photo
from kerasart.optimization.pyramid import divide_steps, scale_sizes, warn_skipped
from kerasart.settings.style import StyleSettings

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

_RECOLOUR = {
    "luminance": match_luminance,
    "histogram": match_histogram,
    "coral": match_covariance,
}


class StyleInputs:
    """A photo, the styles to paint it in, and where each paints.

    Args:
        content: float32 RGB (1, height, width, 3).
        styles: A list of such pictures, of any sizes.
        style_weights: How much of each style, in proportion; None for equal shares.
        content_masks: For each style where it paints (see `style_transfer`), or None.
        style_masks: For each style which part of it counts, or None.
        settings: `StyleSettings`: how pictures are resized and recoloured.

    Attributes:
        shares: A share of each style; they add up to 1.
        regions: For each style, where in the photo it paints, float32 (1, height, width, 1); None
            where all paint everywhere.
        style_masks: For each style, which part of it counts, likewise, or None.
        painters: Pairs of a style's number and its strength, where each paints a region; or one
            pair of None and 1, where a blend paints everything.

    Raises:
        ValueError: If there is no style, or weights or masks do not fit the styles.
    """

    def __init__(
        self,
        content: np.ndarray,
        styles: Sequence[np.ndarray],
        style_weights: Sequence[float] | None,
        content_masks: ArrayLike | Sequence[ArrayLike | None] | None,
        style_masks: ArrayLike | Sequence[ArrayLike | None] | None,
        settings: StyleSettings,
    ):
        self._content = content
        self._settings = settings
        self.shares = _shares(style_weights, len(styles))
        self.regions = None
        if content_masks is not None:
            masks = _fit_masks(content_masks, [content] * len(styles), "content_masks")
            everywhere = np.ones([1, *content.shape[1:3], 1], np.float32)
            self.regions = [everywhere if mask is None else mask for mask in masks]
        self.style_masks = [None] * len(styles)
        if style_masks is not None:
            self.style_masks = _fit_masks(style_masks, styles, "style_masks")
        self.painters: list[tuple[int | None, float]] = [(None, 1.0)]
        if self.regions:
            # The pixels of a small region are pulled as hard as those of a large one.
            self.painters = [
                (i, share * len(styles) * math.sqrt(region.mean()))
                for i, (share, region) in enumerate(zip(self.shares, self.regions, strict=True))
            ]
        recolour = _RECOLOUR.get(settings.preserve_color)
        self._styles = [recolour(style, content) for style in styles] if recolour else styles

    def photo(self, size: tuple[int, int]) -> tf.Tensor:
        """Shows the photo at a size."""
        return self._resize(self._content, size)

    def styles(self, size: tuple[int, int]) -> list[tf.Tensor]:
        """Shows the styles as they go with a photo of a size, in a list."""
        sizes = self.style_sizes(size)
        return [self._resize(each, to) for each, to in zip(self._styles, sizes, strict=True)]

    def style_sizes(self, size: tuple[int, int]) -> list[tuple[int, int]]:
        """Lists the (height, width) of each style as it goes with a photo of a size."""
        if self._settings.stretch_style:
            return [size] * len(self._styles)
        long_side = round(self._settings.style_size * max(size))
        owns = [style.shape[1:3] for style in self._styles]
        # Enlarged, a style would show blur where it has no strokes.
        return [fit_size(own, min(max(own), long_side)) for own in owns]

    def largest_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Finds the (height, width) of the largest of a photo of a size and the styles with it."""
        return max([size, *self.style_sizes(size)], key=math.prod)

    def plan_scales(self, backbone: Backbone) -> tuple[list[tuple[int, int]], list[int]]:
        """Lists the (height, width) of the scales, and how many steps are taken at each.

        Args:
            backbone: The `Backbone`, for which some scales may be too small.

        Raises:
            ValueError: If the last one is, or the steps that are set are for another number.
        """
        settings, size = self._settings, self._content.shape[1:3]
        if settings.rows:
            height, width = size
            size = settings.rows, max(1, int(width * settings.rows / height))
        elif settings.size:
            size = fit_size(size, settings.size)
        sizes = scale_sizes(size, settings.smallest or math.inf, settings.scale_factor)
        steps = settings.steps
        if not isinstance(steps, int) and len(steps) != len(sizes):
            long_sides = ", ".join(str(max(size)) for size in sizes)
            raise ValueError(
                f"`steps` must be one number, or {len(sizes)}, one for each scale ({long_sides} "
                f"pixels). Received: {len(steps)}"
            )
        usable = self._usable(sizes, backbone)
        if isinstance(steps, int):
            return usable, divide_steps(steps, usable)
        return usable, list(steps[-len(usable) :])

    def start(
        self, size: tuple[int, int], given: ArrayLike | None, seed: int
    ) -> tf.Tensor | np.ndarray:
        """Shows what the first scale starts from, at its size: what is given, or as it is set."""
        if given is not None:
            return resize_photo(as_image(given, "start"), size)
        if self._settings.init == "content":
            return self.photo(size)
        noise = np.random.default_rng(seed).normal(0.5, 0.1, (1, *size, 3))
        return np.clip(noise, 0.0, 1.0).astype(np.float32)

    def finish(self, image: tf.Tensor, size: tuple[int, int]) -> np.ndarray:
        """Brings a picture to a size, gives it the photo's colours if so set, and keeps to regions.

        Args:
            image: float32 (1, any height, any width, 3).
            size: (height, width).

        Returns:
            A float32 array (1, *size, 3) in [0, 1].
        """
        image = np.clip(resize(image, size), 0.0, 1.0)
        photo = self.photo(size)
        if self._settings.preserve_color == "luminance":
            image = replace_luminance(photo, image)
        if self.regions is not None:
            painted = np.clip(sum(self.regions), 0.0, 1.0)
            painted = np.clip(resize(painted, size, antialias=True), 0.0, 1.0)
            image = photo + painted * (image - photo)
        return image

    def _usable(self, sizes, backbone):
        """Lists the sizes less those at which the photo or a style is too small for the network."""
        least = backbone.least_size()
        seen = {size: {"content": [size], "styles": self.style_sizes(size)} for size in sizes}
        for name, those in seen[sizes[-1]].items():
            smallest = min(those, key=min)
            if min(smallest) < least:
                raise ValueError(
                    f"`{name}` must be at least {least}x{least} pixels at the last scale for "
                    f"{backbone.name} and these layers. Received: {smallest[1]}x{smallest[0]}"
                )
        usable = [
            size
            for size in sizes
            if all(min(side) >= least for those in seen[size].values() for side in those)
        ]
        warn_skipped("scales", usable, sizes, backbone, least)
        return usable

    def _resize(self, image, size):
        if self._settings.interpolation == "lanczos":
            return resize_photo(image, size)
        if self._settings.interpolation == "nearest":
            return pick_nearest(image, size)
        resized = resize(image, size, antialias=self._settings.interpolation == "area")
        return np.clip(resized, 0.0, 1.0)


def _shares(weights, count):
    if not count:
        raise ValueError("`styles` must hold at least one picture. Received: none")
    weights = np.ones(count) if weights is None else np.atleast_1d(np.asarray(weights, float))
    if weights.shape != (count,):
        raise ValueError(
            f"`style_weights` must hold a weight for each of {count} styles. "
            f"Received: {weights.size}"
        )
    if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.any()):
        raise ValueError(
            "`style_weights` must be finite, 0 or more, and not all 0. "
            f"Received: {weights.tolist()}"
        )
    # What adds up to 1 is left alone: a recorded share must come out as it went in.
    total = weights.sum()
    return (weights if math.isclose(total, 1.0) else weights / total).tolist()


def _fit_masks(masks, pictures, name):
    masks = list(masks) if isinstance(masks, list | tuple) else [masks]
    if len(masks) != len(pictures):
        raise ValueError(
            f"`{name}` must hold a mask, or None, for each of {len(pictures)} styles. "
            f"Received: {len(masks)}"
        )
    return [
        None if mask is None else fit_mask(mask, picture.shape[1:3], name)
        for mask, picture in zip(masks, pictures, strict=True)
    ]
