"""Fast style transfer: a photo painted in one pass of a trained network.

Source: Johnson et al. 2016, "Perceptual Losses for Real-Time Style Transfer and Super-Resolution"
(arXiv 1603.08155); Dumoulin et al. 2017, "A Learned Representation for Artistic Style" (arXiv
1610.07629) for many styles in one network; Huang and Belongie 2017, "Arbitrary Style Transfer in
Real-time with Adaptive Instance Normalization" (arXiv 1703.06868) for any style.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from os import PathLike
from typing import Any

import keras
import numpy as np
from numpy.typing import ArrayLike

from kerasart.image import as_image
from kerasart.image.colour import match_covariance, match_histogram, replace_luminance
from kerasart.image.masks import split_picture
from kerasart.image.resizing import shrink
from kerasart.kernels.precision import choose_precision
from kerasart.networks import (
    AdaIN,
    FusedTransformerNet,
    TransformerNet,
    find_network,
    load_network,
    recast,
)
from kerasart.networks.strips import paint_adain_in_strips, paint_in_strips
from kerasart.optimization.memory import available_memory, explain_memory_errors
from kerasart.recent import Recent, file_state
from kerasart.settings.checks import check_tiling
from kerasart.settings.style import COLOURS

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

Model = str | PathLike[str] | TransformerNet | AdaIN
Style = str | dict[str, float] | ArrayLike | Sequence[tuple[ArrayLike, float]]

# What a whole picture may take of the memory that is free.
_SHARE = 0.5
# Rows of a band: with fewer most of what is computed is for the neighbours' sake; and fewer than
# these are not painted on a guess of what is free.
LEAST_ROWS, _FEW_ROWS = 16, 64


class Stylizer:
    """A trained network made ready to paint: it is compiled once for all pictures.

    Args:
        model: A name of `shipped_models`, a folder, a `.keras` file, or a network.
        precision: "float32", "bfloat16", or "auto": what is fast on this machine.

    Attributes:
        styles: The names of the styles it knows; none for an `AdaIN`, which takes pictures.
        precision: "float32" or "bfloat16".

    Raises:
        FileNotFoundError, ValueError: If there is no such model, or the precision is not to be had.
    """

    def __init__(self, model: Model = "medium", precision: str = "auto"):
        self.precision = choose_precision(precision)
        if isinstance(model, TransformerNet | AdaIN):
            ready = _Ready(recast(model, precision), precision)
        else:
            path = find_network(model)
            key = path, file_state(path), self.precision
            ready = _READY(key, lambda: _Ready(load_network(path, precision), precision))
        self._network, self._most = ready.network, ready.most
        self._describe, self._paint = ready.describe, ready.paint
        self._takes_pictures = isinstance(self._network, AdaIN)
        self.styles = () if self._takes_pictures else self._network.styles

    def __call__(
        self,
        image: ArrayLike,
        style: Style | None = None,
        strength: float = 1.0,
        preserve_color: str = "none",
        rows: int | None = None,
        memory: float | None = None,
    ) -> np.ndarray:
        """Paints a picture.

        Args:
            image: RGB of shape (height, width, 3) or (1, height, width, 3), uint8 or float in
                [0, 1].
            style: A name of `styles`, or a dict of names to weights; for an `AdaIN` a picture, or a
                list of pairs of picture and weight. Of a `Picture` only what is seen counts. None
                is the first name.
            strength: From 0, the photo itself, to 1, the full style.
            preserve_color: "none"; "luminance": the photo's own colours on the painting's light and
                dark; "histogram" or "coral": the painting is recoloured as the photo.
            rows: Paint in bands of so many rows, which takes less memory and more time, and gives
                the same picture. None does so where the whole does not fit into memory; 0 never.
            memory: What may then be used, in GiB; None is half of what the machine has free.

        Returns:
            float32 RGB of shape (1, height, width, 3) in [0, 1].

        Raises:
            ValueError: If an argument is not allowed, or a picture is too small.
            MemoryError: If memory runs out.
        """
        return self.paint_all([image], style, strength, preserve_color, rows, memory)[0]

    def paint_all(
        self,
        images: Sequence[ArrayLike],
        style: Style | None = None,
        strength: float = 1.0,
        preserve_color: str = "none",
        rows: int | None = None,
        memory: float | None = None,
    ) -> list[np.ndarray]:
        """Paints several pictures of one size, on a GPU together.

        Args:
            images: A list of them, each as for a call.
            style: As for a call.
            strength: Likewise.
            preserve_color: Likewise.
            rows: Likewise.
            memory: Likewise.

        Returns:
            A list of as many float32 pictures (1, height, width, 3) in [0, 1].

        Raises:
            ValueError, MemoryError: As a call; or if they are not of one size.
        """
        photos = [as_image(image, "image") for image in images]
        style_code = self._manner(style)
        if not 0 <= strength <= 1:
            raise ValueError(f"`strength` must be from 0 to 1. Received: {strength}")
        if not (rows is None or rows >= 0):
            raise ValueError(f"`rows` must be 0 or more, or None. Received: {rows}")
        if preserve_color not in COLOURS:
            raise ValueError(
                f"`preserve_color` must be one of {', '.join(COLOURS)}. "
                f"Received: {preserve_color!r}"
            )
        if not photos:
            return []
        size, *others = dict.fromkeys(photo.shape[1:3] for photo in photos)
        if others:
            raise ValueError(
                f"`images` must be of one size, {size[1]}x{size[0]} as the first. "
                f"Received: {others[0][1]}x{others[0][0]}"
            )
        self._network.check_size(photos[0])
        rows = self._rows(size, memory) if rows is None else rows
        with explain_memory_errors(size):
            if rows:
                in_bands = paint_adain_in_strips if self._takes_pictures else paint_in_strips
                share = np.array([strength], np.float32)
                painted = [
                    in_bands(self._network, each, style_code, share, rows) for each in photos
                ]
            else:
                painted = self._paint_whole(photos, style_code, strength)
        return [
            self._recolour(each, photo, preserve_color)
            for each, photo in zip(painted, photos, strict=True)
        ]

    def _paint_whole(self, images, style_code, strength):
        together = self._most or len(images)
        painted = []
        for i in range(0, len(images), together):
            batch = np.concatenate(images[i : i + together])
            manners = np.repeat(style_code, len(batch), axis=0)
            strengths = np.full(len(batch), strength, np.float32)
            painted += np.split(self._paint(batch, manners, strengths).numpy(), len(batch))
        return painted

    def _recolour(self, painted, image, preserve_color):
        painted = np.clip(painted, 0.0, 1.0)
        if preserve_color == "luminance":
            return replace_luminance(image, painted)
        recolour = {"histogram": match_histogram, "coral": match_covariance}.get(preserve_color)
        return recolour(painted, image) if recolour else painted

    def _manner(self, style):
        if not self._takes_pictures:
            return style_weights(self.styles, style)
        pairs = style if isinstance(style, list) else [(style, 1.0)]
        if (
            style is None
            or isinstance(style, str | dict)
            or not all(isinstance(pair, tuple | list) and len(pair) == 2 for pair in pairs)
        ):
            received = [type(each).__name__ for each in style] if pairs is style else repr(style)
            raise ValueError(
                "`style` must be a picture, or a list of pairs of picture and weight, for a "
                f"network that paints in any manner. Received: {received}"
            )
        shares = _shares([weight for _, weight in pairs])
        manners = [self._describe_style(*split_picture(picture, "style")) for picture, _ in pairs]
        return sum(np.float32(share) * each for share, each in zip(shares, manners, strict=True))

    def _describe_style(self, picture, mask):
        picture = shrink(picture, AdaIN.style_size)
        self._network.check_size(picture, "style")
        if mask is None:
            return self._describe(picture).numpy()
        return self._network.describe(picture, mask).numpy()

    def _rows(self, size, memory):
        """Chooses how many rows a band has: 0, one for all, where the picture fits."""
        check_tiling("auto", memory)
        available = _SHARE * available_memory() if memory is None else memory * 2**30
        row = size[1] * self._network.bytes_per_pixel
        if available >= size[0] * row:
            return 0
        if memory is not None and available < LEAST_ROWS * row:
            raise MemoryError(
                f"`memory` must be at least {LEAST_ROWS * row / 2**30:.2g} GiB for bands of a "
                f"picture {size[1]} pixels wide. Received: {memory:g}"
            )
        return max(_FEW_ROWS if memory is None else LEAST_ROWS, int(available / row))


class _Ready:
    """A network with the compiled functions that paint by it.

    Attributes:
        network: As given.
        most: How many pictures it paints at a time; None for any number.
        describe: Takes pictures to their manners, for an `AdaIN`; else None.
        paint: Takes pictures, manners and strengths to paintings.
    """

    def __init__(self, network, precision):
        self.network = network
        takes_pictures = isinstance(network, AdaIN)
        # What makes a painter fast on a CPU takes one picture at a time.
        one_by_one = not takes_pictures and not tf.config.list_physical_devices("GPU")
        self.most = 1 if one_by_one else None
        picture, strength = tf.TensorSpec([self.most, None, None, 3]), tf.TensorSpec([self.most])

        # Without AutoGraph, which would search all that a graph is made of for Python's own loops.
        def compile_for(function, *signature):
            return tf.function(function, input_signature=signature, autograph=False)

        self.describe = compile_for(network.describe, picture) if takes_pictures else None
        if takes_pictures:
            style_code, paint = tf.TensorSpec([None, 2, None]), network.paint
        else:
            style_code = tf.TensorSpec([self.most, len(network.styles)])
            paint = FusedTransformerNet(network, precision) if one_by_one else network
        self.paint = compile_for(paint, picture, style_code, strength)


_READY = Recent(2)


def stylize(
    image: ArrayLike,
    style: Style | None = None,
    model: Model = "medium",
    precision: str = "auto",
    **options: Any,
) -> np.ndarray:
    """Paints a picture with a trained network; for several, a `Stylizer` is made ready but once.

    Args:
        image: As for `Stylizer`, when it is called.
        style: Likewise.
        model: As for `Stylizer`, when it is made.
        precision: Likewise.
        **options: Further arguments of a `Stylizer` that is called.

    Returns:
        float32 RGB of shape (1, height, width, 3) in [0, 1].
    """
    return Stylizer(model, precision)(image, style, **options)


def style_weights(
    styles: Sequence[str], style: str | dict[str, float] | ArrayLike | None = None
) -> np.ndarray:
    """Weighs a network's styles.

    Args:
        styles: The names that it knows.
        style: One of them, or a dict of names to weights; None is the first.

    Returns:
        float32 (1, styles), adding up to 1.

    Raises:
        ValueError: If there is no such style, or weights are negative or all 0.
    """
    if not (style is None or isinstance(style, str | dict)):
        raise ValueError(
            f"`style` must be one of {', '.join(styles)}, or a dict of them to weights; pictures "
            f"are for an AdaIN. Received: a {type(style).__name__}"
        )
    wanted = style if isinstance(style, dict) else {styles[0] if style is None else style: 1.0}
    for name in wanted:
        if name not in styles:
            near = difflib.get_close_matches(str(name), styles, n=1)
            hint = f"; nearest: {near[0]}" if near else ""
            raise ValueError(
                f"`style` must be one of {', '.join(styles)}{hint}. Received: {name!r}"
            )
    weights = np.zeros([1, len(styles)], np.float32)
    for name, share in zip(wanted, _shares(list(wanted.values())), strict=True):
        weights[0, styles.index(name)] = share
    return weights


def _shares(weights):
    weights = np.asarray(weights, np.float64)
    if not (weights.size and np.isfinite(weights).all() and (weights >= 0).all() and weights.any()):
        raise ValueError(
            f"`style` must have weights of 0 or more, not all 0. Received: {weights.tolist()}"
        )
    return weights / weights.sum()
