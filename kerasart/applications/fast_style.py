"""Fast style transfer: `Stylizer` and `stylize` paint a photo in one pass of a trained network.

Source: Johnson et al. 2016, "Perceptual Losses for Real-Time Style Transfer and Super-Resolution"
(arXiv 1603.08155); Dumoulin et al. 2017, "A Learned Representation for Artistic Style" (arXiv
1610.07629) for many styles in one network; Huang and Belongie 2017, "Arbitrary Style Transfer in
Real-time with Adaptive Instance Normalization" (arXiv 1703.06868) and Ghiasi et al. 2017,
"Exploring the structure of a real-time, arbitrary neural artistic stylization network" (arXiv
1705.06830) for any style.
"""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Any

import keras
import numpy as np
from numpy.typing import ArrayLike

from kerasart.film.flow import shift
from kerasart.image import as_image
from kerasart.image.colour import match_covariance, match_histogram, replace_luminance
from kerasart.kernels.precision import choose_precision
from kerasart.networks import MannerNet, StyleNetwork, find_network, load_network, recast
from kerasart.networks.fused import FusedNetwork
from kerasart.networks.strips import paint_in_strips
from kerasart.optimization import Latent
from kerasart.optimization.memory import available_memory, explain_memory_errors
from kerasart.recent import Recent, file_state
from kerasart.saved_models import default_model
from kerasart.settings.checks import check, check_tiling, is_number, is_whole
from kerasart.settings.manner import Manner
from kerasart.settings.style import COLOURS

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

Model = str | PathLike[str] | StyleNetwork
Mixture = str | dict[str, float]
Pictures = ArrayLike | Manner | Sequence[tuple[ArrayLike | Manner, float]]
Style = Mixture | Pictures | dict[str, Mixture] | dict[str, Pictures]

# The share of the free memory that a whole picture may take.
_SHARE = 0.5
# Rows of a strip: the least (with fewer, most of the work is at the borders of strips), and the
# least where the free memory is only estimated.
LEAST_ROWS, _FEW_ROWS = 16, 64


class Stylizer:
    """A trained style network, compiled once for images of all sizes.

    Args:
        model: A name of `shipped_models`, a folder, a `.keras` file, or a network.
        precision: "float32", "bfloat16", or "auto": what is fast on this machine.

    Attributes:
        styles: The names of its styles; empty for a network that takes pictures.
        precision: "float32" or "bfloat16".

    Raises:
        FileNotFoundError, ValueError: If there is no such model, or the precision is not
            available.
    """

    def __init__(self, model: Model = "medium", precision: str = "auto"):
        self.precision = choose_precision(precision)
        if isinstance(model, StyleNetwork):
            ready = _Ready(recast(model, precision), precision)
        else:
            path = find_network(model)
            key = path, file_state(path), self.precision
            ready = _READY(key, lambda: _Ready(load_network(path, precision), precision))
        self._network, self._most = ready.network, ready.most
        self._encode_style, self._paint = ready.encode_style, ready.paint
        self.styles = self._network.styles

    def __call__(
        self,
        image: ArrayLike,
        style: Style | None = None,
        strength: float = 1.0,
        preserve_color: str = "none",
        rows: int | None = None,
        memory: float | None = None,
        place: tuple[float, float] = (0.0, 0.0),
    ) -> np.ndarray:
        """Paints a picture.

        Args:
            image: RGB of shape (height, width, 3) or (1, height, width, 3), uint8 or float in
                [0, 1].
            style: A name of `styles`, or a dict of names to weights; for a network of any style a
                picture, of which transparent parts are ignored if it is a `Picture`, or a `Manner`,
                or a list of pairs of such and weight. Or a dict of the levels "coarse", "middle"
                and "fine" to such styles, where a level that is left out has that of the next
                coarser one, or else of the next finer; not for `AdaIN`. None is the first name.
            strength: From 0 (the photo) to 1 (the full style).
            preserve_color: "none"; "luminance": the photo's own colours on the painting's light and
                dark; "histogram" or "coral": the painting is recoloured as the photo.
            rows: Paints in strips of this many rows, with less memory and more time, and the same
                result. None does so if the whole does not fit into memory; 0 never does.
            memory: The memory to use then, in GiB; None is half of what is free.
            place: For frames of a film: by how many pixels (down, to the right) the scene has moved
                since the first one. The network's noise and strides move along by fractions of a
                pixel, so that strokes stay on things; else a film that pans is seen as if through
                a painted window. Needs OpenCV.

        Returns:
            float32 RGB of shape (1, height, width, 3) in [0, 1].

        Raises:
            ImportError: If OpenCV is not installed and `place` is not (0, 0).
            ValueError: If an argument is not allowed, or a picture is too small.
            MemoryError: If memory runs out.
        """
        return self.paint_all([image], style, strength, preserve_color, rows, memory, place)[0]

    def paint_all(
        self,
        images: Sequence[ArrayLike],
        style: Style | None = None,
        strength: float = 1.0,
        preserve_color: str = "none",
        rows: int | None = None,
        memory: float | None = None,
        place: tuple[float, float] = (0.0, 0.0),
    ) -> list[np.ndarray]:
        """Paints several pictures of one size; on a GPU as one batch.

        Args:
            images: A list of pictures as in `__call__`.
            style: As in `__call__`.
            strength: As in `__call__`.
            preserve_color: As in `__call__`.
            rows: As in `__call__`.
            memory: As in `__call__`.
            place: As in `__call__`, of all of them.

        Returns:
            A list of float32 pictures (1, height, width, 3) in [0, 1], one for each image.

        Raises:
            ValueError, MemoryError: As in `__call__`; ValueError if the sizes differ.
        """
        photos = [as_image(image, "image") for image in images]
        style_code = self.encode_style(style)
        check(is_number(strength) and 0 <= strength <= 1, "strength", "from 0 to 1", strength)
        check(rows is None or is_whole(rows) and rows >= 0, "rows", "0 or more, or None", rows)
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
            painted = self._paint_at(place, photos, style_code, strength, rows)
        return [
            self._recolour(each, photo, preserve_color)
            for each, photo in zip(painted, photos, strict=True)
        ]

    def latent(self, image: ArrayLike, style: Pictures | dict[str, Pictures]) -> Latent:
        """Makes a `Latent` of the painting: what is moved is the code at each level (w+).

        Args:
            image: As in `__call__`.
            style: As in `__call__`: whose code to start from.

        Returns:
            A `Latent` of a code (1, levels, code_size).

        Raises:
            ValueError: If the network is no `MannerNet`, or as in `__call__`.
        """
        photo, network = as_image(image, "image"), self._network
        if not isinstance(network, MannerNet):
            raise ValueError(f"`model` must be a MannerNet. Received: {type(network).__name__}")
        one, code = np.split(self.encode_style(style), [1], axis=-1)
        network.check_size(photo)

        def paint(code):
            return network.forward(photo, keras.ops.concatenate([one, code], axis=-1))

        return Latent(paint, code, photo.shape[1:3])

    def _paint_at(self, place, photos, style_code, strength, rows):
        """Paints photos, with the network's strides and noise where the scene has moved to."""
        size, stride = photos[0].shape[1:3], self._network.stride
        down, right = (-moved % stride for moved in place)
        offset = -np.rint(np.add((down, right), place) / stride).astype(np.int32)
        if any(place):
            larger = size[0] + stride, size[1] + stride
            photos = [shift(photo, down, right, larger) for photo in photos]
        if rows:
            inputs = style_code, np.array([strength], np.float32), rows, offset
            painted = [paint_in_strips(self._network, photo, *inputs) for photo in photos]
        else:
            painted = self._paint_whole(photos, style_code, strength, offset)
        return [shift(each, -down, -right, size) for each in painted] if any(place) else painted

    def _paint_whole(self, images, style_code, strength, offset):
        together = self._most or len(images)
        painted = []
        for i in range(0, len(images), together):
            batch = np.concatenate(images[i : i + together])
            style_codes = np.repeat(style_code, len(batch), axis=0)
            strengths = np.full(len(batch), strength, np.float32)
            inputs = batch, style_codes, strengths, offset
            painted += np.split(self._paint(*inputs).numpy(), len(batch))
        return painted

    def _recolour(self, painted, image, preserve_color):
        painted = np.clip(painted, 0.0, 1.0)
        if preserve_color == "luminance":
            return replace_luminance(image, painted)
        recolour = {"histogram": match_histogram, "coral": match_covariance}.get(preserve_color)
        return recolour(painted, image) if recolour else painted

    def encode_style(self, style: Style | None) -> np.ndarray:
        """Computes the style code of a style, as in `__call__`: (1, *code_shape) of the network.

        Raises:
            ValueError: If the network cannot paint in it.
        """
        style_code = np.zeros(1, np.float32)
        for each, share, mask in self._network.parse_style(style):
            if isinstance(each, Manner):
                encoded = self._network.encode_manner(each)
            elif mask is None:
                encoded = self._encode_style(each)
            else:
                encoded = self._network.encode_style(each, mask)
            style_code = style_code + np.asarray(share, np.float32) * encoded.numpy()
        return style_code

    def _rows(self, size, memory):
        """Chooses the rows of a strip: 0 where the whole picture fits into memory."""
        check_tiling("auto", memory)
        available = _SHARE * available_memory() if memory is None else memory * 2**30
        row = size[1] * self._network.bytes_per_pixel
        if available >= size[0] * row:
            return 0
        if memory is not None and available < LEAST_ROWS * row:
            raise MemoryError(
                f"`memory` must be at least {LEAST_ROWS * row / 2**30:.2g} GiB for strips of a "
                f"picture {size[1]} pixels wide. Received: {memory:g}"
            )
        return max(_FEW_ROWS if memory is None else LEAST_ROWS, int(available / row))


class _Ready:
    """A network with its compiled functions.

    Attributes:
        network: The network.
        most: The largest batch; None for any.
        encode_style: A function of a style; returns its code.
        paint: A function of images, style codes, strengths and a noise offset; returns paintings.
    """

    def __init__(self, network, precision):
        self.network = network
        # `FusedNetwork`, which is faster on a CPU, takes one image at a time.
        one_by_one = not tf.config.list_physical_devices("GPU")
        self.most = 1 if one_by_one else None
        image, style, strength = (
            tf.TensorSpec([self.most, *shape[1:]])
            for shape in network.input_shapes((None, None)).values()
        )
        style_code = tf.TensorSpec([self.most, *network.code_shape])
        noise_offset = tf.TensorSpec([2], tf.int32)
        ready = FusedNetwork(network, precision) if one_by_one else network

        def paint(image, style_code, strength, noise_offset):
            return ready.forward(image, style_code, strength, noise_offset=noise_offset)

        # AutoGraph would search all functions for loops to convert; there are none.
        def compile_for(function, *signature):
            return tf.function(function, input_signature=signature, autograph=False)

        self.encode_style = compile_for(network.encode_style, style)
        self.paint = compile_for(paint, image, style_code, strength, noise_offset)


_READY = Recent(2)


def stylize(
    image: ArrayLike,
    style: Style | None = None,
    model: Model | None = None,
    precision: str = "auto",
    **options: Any,
) -> np.ndarray:
    """Paints a picture with a trained network; for several pictures use a `Stylizer`.

    Args:
        image: As in `Stylizer.__call__`.
        style: As in `Stylizer.__call__`.
        model: As in `Stylizer`. None is "medium", or "any_style" where the style is a picture.
        precision: As in `Stylizer`.
        **options: Further arguments of `Stylizer.__call__`.

    Returns:
        float32 RGB of shape (1, height, width, 3) in [0, 1].
    """
    model = default_model(style) if model is None else model
    return Stylizer(model, precision)(image, style, **options)
