"""The network that paints a photo in one pass."""

import keras
from keras import layers, ops

from kerasart.networks.layers import ConditionalInstanceNormalization, ReflectionPadding2D

SIZES = {"large": 1.0, "medium": 0.5, "small": 0.25}
_LEAST_SIZE = 5  # What the 9x9 convolution can mirror around.


@keras.saving.register_keras_serializable("kerasart")
class TransformerNet(keras.Model):
    """Paints a picture of any size in one of several manners, or a mixture of them.

    Source: Johnson et al. 2016, "Perceptual Losses for Real-Time Style Transfer" (arXiv
    1603.08155, and its supplement for the layers); Dumoulin et al. 2017 (arXiv 1610.07629) for the
    many styles. Where we depart from them: each convolution mirrors the border; the residual blocks
    keep their size; nearest upsampling and a convolution take the place of transposed convolutions,
    which draw checkerboards (Odena et al. 2016); a sigmoid keeps pixels in [0, 1]. The photo itself
    is one more style, so that a mixture can hold some of it.

    Args:
        styles: The styles' names, or their number.
        width: Channels relative to the paper's 32, 64 and 128.
        blocks: The number of residual blocks.

    Attributes:
        styles: The styles' names, a tuple.

    Raises:
        ValueError: If there are no styles, two have one name, or `width` leaves no channels.
    """

    def __init__(self, styles=1, width=1.0, blocks=5, **kwargs):
        super().__init__(**kwargs)
        if isinstance(styles, int):
            styles = [f"style {number}" for number in range(1, styles + 1)]
        self.styles = tuple(styles)
        self.width = width
        self.blocks = blocks
        if not self.styles or len(set(self.styles)) < len(self.styles):
            raise ValueError(
                "`styles` must be at least one name, each another. "
                f"Received: {list(self.styles)}"
            )
        if not width >= 1 / 32:
            raise ValueError(f"`width` must be at least 1/32. Received: width={width}")
        few, some, many = (round(channels * width) for channels in (32, 64, 128))
        self._down = [
            self._stage(few, 9),
            self._stage(some, 3, strides=2),
            self._stage(many, 3, strides=2),
        ]
        self._residual = [(self._stage(many, 3), self._stage(many, 3)) for _ in range(blocks)]
        self._up = [self._stage(some, 3), self._stage(few, 3)]
        self._enlarge = layers.UpSampling2D(2, dtype=self.dtype_policy)
        self._to_rgb = self._convolution(3, 9, use_bias=True)
        self.build()

    def _convolution(self, filters, size, strides=1, use_bias=False):
        margin = (size // 2, size // 2)
        return [
            ReflectionPadding2D((margin, margin), dtype=self.dtype_policy),
            layers.Conv2D(filters, size, strides, use_bias=use_bias, dtype=self.dtype_policy),
        ]

    def _stage(self, filters, size, strides=1):
        # A normalisation takes away any bias before it.
        norm = ConditionalInstanceNormalization(len(self.styles) + 1, dtype=self.dtype_policy)
        return [*self._convolution(filters, size, strides), norm]

    def build(self, input_shape=None):
        """Makes all weights, which depend on no picture's size."""
        if not self.built:
            self.paint(keras.Input((64, 64, 3)), keras.Input((len(self.styles) + 1,)))
            self.built = True

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
        sides = [side for side in image.shape[1:3] if side is not None]
        if min(sides, default=_LEAST_SIZE) < _LEAST_SIZE:
            raise ValueError(
                f"`image` must be at least {_LEAST_SIZE}x{_LEAST_SIZE} pixels. "
                f"Received: shape {tuple(image.shape)}"
            )
        if style_weights is None:
            if len(self.styles) > 1:
                raise ValueError(
                    f"`style_weights` must weigh the {len(self.styles)} styles. Received: None"
                )
            style_weights = ops.ones((ops.shape(image)[0], 1))
        style_weights = ops.cast(style_weights, "float32")
        if strength is None:
            return self.paint(image, ops.pad(style_weights, [(0, 0), (1, 0)]))
        strength = ops.reshape(ops.cast(strength, "float32"), (-1, 1))
        mixture = ops.concatenate([1 - strength, strength * style_weights], axis=1)
        painted = self.paint(image, mixture)
        # The network's own picture of the photo is not quite the photo.
        return image + strength[:, None, None] * (painted - image)

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

        def through(stage, x, activate=True):
            pad, convolve, normalise = stage
            x = normalise(convolve(pad(x)), mixture)
            return ops.relu(x) if activate else x

        x = ops.cast(image, self.compute_dtype) - 0.5
        for stage in self._down:
            x = through(stage, x)
        for first, second in self._residual:
            x = x + through(second, through(first, x), activate=False)
        for stage in self._up:
            x = through(stage, self._enlarge(x))
        pad, convolve = self._to_rgb
        # Odd sizes have become a few pixels larger on the way.
        return ops.sigmoid(ops.cast(convolve(pad(x)), "float32"))[:, :height, :width]

    def get_config(self):
        """The arguments."""
        own = {"styles": list(self.styles), "width": self.width, "blocks": self.blocks}
        return {**super().get_config(), **own}
