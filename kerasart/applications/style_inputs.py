"""`StyleInputs`, the photo, styles and masks of a style transfer, at any size."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import Any, Self

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
from kerasart.levels import LEVELS, fill_levels, level_of
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
    """The photo, styles and masks of a style transfer, at any size.

    Args:
        content: float32 RGB (1, height, width, 3).
        styles: A list of such images, of any sizes.
        style_weights: Relative weights of the styles; None for equal ones.
        content_masks: A mask of each style's region in the photo (see `style_transfer`), or None.
        style_masks: A mask of the part of each style to use, or None.
        settings: `StyleSettings`: how images are resized and recoloured.
        style_levels: The level of each style (see `style_transfer`), or None.

    Attributes:
        style_weights: The normalised weights of the styles.
        style_levels: The level of each style, or None.
        regions: A mask of each style's region in the photo, float32 (1, height, width, 1); None
            without regions.
        style_masks: For each style, a mask (1, height, width, 1) of the part to use, or None.
        region_weights: Pairs of a style's number and the weight of its terms; without regions the
            pair (None, 1), for the blend of all styles.

    Raises:
        ValueError: If there is no style, or weights, masks or levels do not fit the styles.
    """

    def __init__(
        self,
        content: np.ndarray,
        styles: Sequence[np.ndarray],
        style_weights: Sequence[float] | None,
        content_masks: ArrayLike | Sequence[ArrayLike | None] | None,
        style_masks: ArrayLike | Sequence[ArrayLike | None] | None,
        settings: StyleSettings,
        style_levels: Sequence[str | None] | None = None,
    ):
        self._content = content
        self._settings = settings
        self.style_weights = _normalise(style_weights, len(styles))
        self.style_levels = _check_levels(style_levels, len(styles))
        if style_levels is not None and content_masks is not None:
            raise ValueError(
                "`style_levels` must not be given with `content_masks`. Received: both"
            )
        self.regions = None
        if content_masks is not None:
            masks = _fit_masks(content_masks, [content] * len(styles), "content_masks")
            everywhere = np.ones([1, *content.shape[1:3], 1], np.float32)
            self.regions = [everywhere if mask is None else mask for mask in masks]
        self.style_masks = [None] * len(styles)
        if style_masks is not None:
            self.style_masks = _fit_masks(style_masks, styles, "style_masks")
        self.region_weights: list[tuple[int | None, float]] = [(None, 1.0)]
        if self.regions:
            # By the root of its area: gradients are as large in a small region as in a large one.
            pairs = zip(self.style_weights, self.regions, strict=True)
            self.region_weights = [
                (i, weight * len(styles) * math.sqrt(region.mean()))
                for i, (weight, region) in enumerate(pairs)
            ]
        recolour = _RECOLOUR.get(settings.preserve_color)
        self._styles = [recolour(style, content) for style in styles] if recolour else styles

    def with_content(self, content: np.ndarray) -> Self:
        """Returns these inputs for another photo of the same size, with the styles as they are."""
        inputs = copy.copy(self)
        inputs._content = content
        return inputs

    def photo(self, size: tuple[int, int]) -> tf.Tensor:
        """Returns the photo at a size."""
        return self._resize(self._content, size)

    def styles(self, size: tuple[int, int]) -> list[tf.Tensor]:
        """Returns the styles, resized to go with a photo of a size."""
        sizes = self.style_sizes(size)
        return [self._resize(each, to) for each, to in zip(self._styles, sizes, strict=True)]

    def style_sizes(self, size: tuple[int, int]) -> list[tuple[int, int]]:
        """Lists the (height, width) of each style for a photo of a size."""
        if self._settings.stretch_style:
            return [size] * len(self._styles)
        long_side = round(self._settings.style_size * max(size))
        originals = [style.shape[1:3] for style in self._styles]
        # Never enlarged: the blur would become part of the style.
        return [fit_size(each, min(max(each), long_side)) for each in originals]

    def layer_weights(self, backbone: Backbone) -> dict[str, list[float]]:
        """Returns the normalised weights of the styles at each style layer, if styles have levels.

        Raises:
            ValueError: If a style has a level of which there is no layer.
        """
        if self.style_levels is None:
            return {}
        used = self._settings.style_layers
        layers = [name for name in ("image", *backbone.geometry) if used.get(name)]
        levels = {layer: level_of(layer, layers) for layer in layers}
        for level in self.style_levels:
            if level not in (None, *levels.values()):
                raise ValueError(
                    "`style_levels` must be levels that `style_layers` have, "
                    f"{', '.join(dict.fromkeys(levels.values()))} of {len(layers)}. "
                    f"Received: {level!r}"
                )
        weights = _level_weights(self.style_weights, self.style_levels)
        return {layer: weights[level] for layer, level in levels.items()}

    def largest_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Returns the largest (height, width) among a photo of a size and its styles."""
        return max([size, *self.style_sizes(size)], key=math.prod)

    def plan_scales(self, backbone: Backbone) -> tuple[list[tuple[int, int]], list[int]]:
        """Lists the (height, width) of each scale, and the steps at each.

        Args:
            backbone: The `Backbone`; scales that are too small for it are skipped.

        Raises:
            ValueError: If the last scale is too small, or the setting `steps` is a list of another
                length.
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
        """Returns the initial image of the first scale: the given one, or that of the settings."""
        if given is not None:
            return resize_photo(as_image(given, "start"), size)
        if self._settings.init == "content":
            return self.photo(size)
        noise = np.random.default_rng(seed).normal(0.5, 0.1, (1, *size, 3))
        return np.clip(noise, 0.0, 1.0).astype(np.float32)

    def finish(self, image: tf.Tensor, size: tuple[int, int]) -> np.ndarray:
        """Resizes an image, and applies the photo's colours, if so set, and the regions.

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
        """Lists the sizes at which the photo and all styles are large enough for the network."""
        least = backbone.least_size()
        inputs = {size: {"content": [size], "styles": self.style_sizes(size)} for size in sizes}
        for name, shapes in inputs[sizes[-1]].items():
            smallest = min(shapes, key=min)
            if min(smallest) < least:
                raise ValueError(
                    f"`{name}` must be at least {least}x{least} pixels at the last scale for "
                    f"{backbone.name} and these layers. Received: {smallest[1]}x{smallest[0]}"
                )
        usable = [
            size
            for size in sizes
            if all(min(shape) >= least for shapes in inputs[size].values() for shape in shapes)
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


def as_list(values: Any) -> list[Any]:
    """Makes a list of one value, such as a style, or of a list or tuple of such."""
    return list(values) if isinstance(values, list | tuple) else [values]


def _normalise(weights, count):
    """Returns weights that sum to 1, in a list."""
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
    # Weights that sum to 1 are not divided, so that recorded ones stay exactly the same.
    total = weights.sum()
    return (weights if math.isclose(total, 1.0) else weights / total).tolist()


def _check_levels(levels, count):
    if levels is None:
        return None
    if len(levels) != count or any(level not in (None, *LEVELS) for level in levels):
        raise ValueError(
            f"`style_levels` must hold one of {', '.join(LEVELS)}, or None, for each of {count} "
            f"styles. Received: {levels!r}"
        )
    return list(levels)


def _level_weights(weights, levels):
    """Normalises the weights of each level's own styles; without any, of those without level."""
    given = {level for w, level in zip(weights, levels, strict=True) if w}
    if missing := [str(level) for level in levels if level not in given]:
        raise ValueError(
            "`style_weights` must be more than 0 for one of the styles of each level. "
            f"Received: 0 for all of {missing[0]}"
        )
    named = {
        level: _normalise(
            [w * (each == level) for w, each in zip(weights, levels, strict=True)], len(levels)
        )
        for level in dict.fromkeys(levels)
    }
    others = named.pop(None, None)
    return fill_levels(named) if others is None else dict.fromkeys(LEVELS, others) | named


def _fit_masks(masks, images, name):
    masks = as_list(masks)
    if len(masks) != len(images):
        raise ValueError(
            f"`{name}` must hold a mask, or None, for each of {len(images)} styles. "
            f"Received: {len(masks)}"
        )
    return [
        None if mask is None else fit_mask(mask, image.shape[1:3], name)
        for mask, image in zip(masks, images, strict=True)
    ]
