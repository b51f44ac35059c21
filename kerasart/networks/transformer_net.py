"""The network that paints a photo in one pass."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from kerasart.networks.layers import Canvas, Pixels, ReflectionPadding2D, Stage, check_size

SIZES = {"large": 1.0, "medium": 0.5, "small": 0.25}
_STRIDE = 4
_LEAST_SIZE = 5  # What the 9x9 convolution can mirror around.
_OVERHEAD = 6  # Features and work space at full size, over one layer's features there.


@keras.saving.register_keras_serializable("kerasart")
class TransformerNet(keras.Model):
    """Paints a picture of any size in one of several manners, or a mixture of them.

    Source: Johnson et al. 2016, "Perceptual Losses for Real-Time Style Transfer" (arXiv
    1603.08155, and its supplement for the layers); Dumoulin et al. 2017 (arXiv 1610.07629) for the
    many styles. Where we depart from them: each convolution mirrors the border; the residual blocks
    keep their size; nearest upsampling and a convolution take the place of transposed convolutions,
    which draw checkerboards (Odena et al. 2016); a sigmoid keeps pixels in [0, 1]; a `Canvas` lies
    under the features, so that flat skies are painted too. The photo itself is one more style, so
    that a mixture can hold some of it.

    Args:
        styles: The styles' names, or their number.
        width: Channels relative to the paper's 32, 64 and 128.
        blocks: The number of residual blocks.

    Attributes:
        least_size: The least height and width of a picture.
        styles: The styles' names, a tuple.
        down: The `Stage`s that make the picture smaller.
        canvas: The `Canvas` under the smallest features.
        residual: The `Stage`s, two by two, whose outcome is added to what went in.
        up: Those before each of which the features are enlarged by 2.
        to_rgb: The last convolution.

    Raises:
        ValueError: If there are no styles, two have one name, or `width` leaves no channels.
    """

    least_size = _LEAST_SIZE

    def __init__(
        self,
        styles: int | Sequence[str] = 1,
        width: float = 1.0,
        blocks: int = 5,
        **kwargs: Any,
    ):
        kwargs.setdefault("dtype", "float32")
        super().__init__(autocast=False, **kwargs)  # Strength 0 is the photo, to the bit.
        if isinstance(styles, int):
            styles = [f"style {number}" for number in range(1, styles + 1)]
        self.styles = tuple(styles)
        self.width = width
        self.blocks = blocks
        if not self.styles or len(set(self.styles)) < len(self.styles):
            raise ValueError(
                f"`styles` must be at least one name, each another. Received: {list(self.styles)}"
            )
        if not width >= 1 / 32:
            raise ValueError(f"`width` must be at least 1/32. Received: width={width}")
        few, some, many = _channels(width)
        self.down = [
            self._stage(few, 9),
            self._stage(some, 3, strides=2),
            self._stage(many, 3, strides=2),
        ]
        self.canvas = Canvas(1 + len(self.styles), dtype=self.dtype_policy)
        self.residual = [self._stage(many, 3) for _ in range(2 * blocks)]
        self.up = [self._stage(some, 3), self._stage(few, 3)]
        self._enlarge = layers.UpSampling2D(2, "channels_last", dtype=self.dtype_policy)
        self._pad = ReflectionPadding2D(((4, 4), (4, 4)), dtype=self.dtype_policy)
        self.to_rgb = layers.Conv2D(3, 9, data_format="channels_last", dtype=self.dtype_policy)
        self._to_pixels = Pixels(dtype="float32")
        self.build()

    def _stage(self, filters, kernel_size, strides=1):
        styles = 1 + len(self.styles)
        return Stage(filters, kernel_size, styles, strides, dtype=self.dtype_policy)

    def build(self, input_shape=None):
        """Makes all weights, which depend on no picture's size."""
        if self.built:
            return
        # One after the other: to trace a painting takes a second.
        shape = (None, None, None, 3)
        for stage in (*self.down, *self.residual, *self.up):
            stage.build(shape)
            shape = (*shape[:-1], stage.convolve.filters)
        self.canvas.build((*shape[:-1], self.down[-1].convolve.filters))
        self.to_rgb.build(shape)

    def call(self, image, style_weights=None, strength=None):
        """Paints.

        Args:
            image: float RGB (batch, height, width, 3) in [0, 1], each side at least 5 pixels.
            style_weights: (batch, styles), each row adding up to 1: how much of each style. May be
                left out if there is but one.
            strength: (batch,) in [0, 1], from the photo itself to the full style. By default 1.

        Returns:
            float32 of the shape of `image`, in [0, 1].

        Raises:
            ValueError: If the picture is too small, or there are no weights for several styles.
        """
        image = ops.cast(image, "float32")
        self.check_size(image)
        if style_weights is None:
            if len(self.styles) > 1:
                raise ValueError(
                    f"`style_weights` must weigh the {len(self.styles)} styles. Received: None"
                )
            style_weights = ops.ones((ops.shape(image)[0], 1), "float32")
        painted = self.paint(image, self.mix(style_weights, strength))
        return painted if strength is None else keep(image, painted, strength)

    def check_size(self, image):
        """Refuses a picture that is too small, as far as its size is known.

        Raises:
            ValueError: If it is.
        """
        check_size("image", image, _LEAST_SIZE)

    @property
    def bytes_per_pixel(self):
        """About the memory that painting takes for each pixel."""
        return _OVERHEAD * 32 * self.width * 4

    def mix(self, style_weights, strength=None):
        """Mixes the styles and, for a strength below 1, the photo.

        Args:
            style_weights: (batch, styles), each row adding up to 1.
            strength: (batch,) in [0, 1], or None for 1.

        Returns:
            float32 (batch, 1 + styles), as `paint` takes it.
        """
        style_weights = ops.cast(style_weights, "float32")
        if strength is None:
            return ops.pad(style_weights, [(0, 0), (1, 0)])
        strength = ops.reshape(ops.cast(strength, "float32"), (-1, 1))
        return ops.concatenate([1 - strength, strength * style_weights], axis=1)

    def paint(self, image, mixture):
        """Paints in a mixture of what the network learns to paint: the photo, and the styles.

        Args:
            image: float RGB (batch, height, width, 3) in [0, 1].
            mixture: float32 (batch, 1 + styles), each row adding up to 1: how much of the photo,
                and of each style.

        Returns:
            float32 of the shape of `image`, in [0, 1].
        """
        height, width = ops.shape(image)[1:3]
        margins = [(0, 0), (0, -height % _STRIDE), (0, -width % _STRIDE), (0, 0)]

        x = ops.pad(ops.cast(image, self.compute_dtype), margins, mode="reflect") - 0.5
        for stage in self.down:
            x = ops.relu(stage(x, mixture))
        x = self.canvas(x, mixture)
        for first, second in pairs(self.residual):
            x = x + second(ops.relu(first(x, mixture)), mixture)
        for stage in self.up:
            x = ops.relu(stage(self._enlarge(x), mixture))
        return self._to_pixels(self.to_rgb(self._pad(x)))[:, :height, :width]

    @staticmethod
    def count_weights(styles: Sequence[str], width: float = 1.0, blocks: int = 5) -> int:
        """Counts the weights of a network of these arguments, without making it."""
        few, some, many = _channels(width)
        mixed = 1 + len(styles)

        def count(kernel_size, channels, filters):
            return kernel_size**2 * channels * filters + 2 * mixed * filters

        down = count(9, 3, few) + count(3, few, some) + count(3, some, many) + mixed * many
        up = count(3, many, some) + count(3, some, few) + 9 * 9 * few * 3 + 3
        return down + 2 * blocks * count(3, many, many) + up

    def with_styles(self, names):
        """Adds styles to what the network can paint; what it could it still can, equally.

        Args:
            names: The new styles' names.

        Returns:
            A new `TransformerNet`, whose normalisations and canvas know the new styles as the mean
            of the others, and are all that can be trained.
        """
        network = type(self)(
            [*self.styles, *names], self.width, self.blocks, dtype=self.dtype_policy
        )
        for old, new in zip(self.weights, network.weights, strict=True):
            values = ops.convert_to_numpy(old)
            if values.shape != new.shape:
                mean = values[1:].mean(axis=0, keepdims=True)
                values = np.concatenate([values, *[mean] * len(names)])
            new.assign(values)
        network.to_rgb.trainable = False
        for stage in (*network.down, *network.residual, *network.up):
            stage.convolve.trainable = False
        return network

    def get_config(self):
        """The arguments."""
        own = {"styles": list(self.styles), "width": self.width, "blocks": self.blocks}
        return {**super().get_config(), **own}


def _channels(width):
    return [round(channels * width) for channels in (32, 64, 128)]


def keep(image, painted, strength):
    """Keeps some of a picture where it was painted with a strength below 1.

    A network's own picture of a photo is not quite the photo, which strength 0 shall give.

    Args:
        image: float32 (batch, height, width, 3).
        painted: The same, painted.
        strength: (batch,) in [0, 1].

    Returns:
        `image` at strength 0, `painted` at strength 1.
    """
    strength = ops.reshape(ops.cast(strength, "float32"), (-1, 1, 1, 1))
    return image + strength * (painted - image)


def pairs(stages):
    """Takes stages two by two: those of each residual block."""
    return list(zip(stages[::2], stages[1::2], strict=True))
