"""`TransformerNet`, a feed-forward network of one or several named styles."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import keras
import numpy as np

from kerasart.levels import LEVELS, styles_by_level
from kerasart.networks.layers import ConvBlock, NoiseInjection
from kerasart.networks.ops import StyleOps
from kerasart.networks.perceptual_trainer import PerceptualTrainer
from kerasart.networks.style_network import (
    StyleNetwork,
    StylePart,
    copy_network,
    dtype_policy,
    normalise_shares,
    recast,
)
from kerasart.networks.style_trainer import StyleTrainer
from kerasart.networks.training_styles import NamedStyles, TrainingStyles
from kerasart.settings.style import FastStyleSettings

SIZES = {"large": 1.0, "medium": 0.5, "small": 0.25}
_OVERHEAD = 6  # Features and work space at full size, over one layer's features there.


@keras.saving.register_keras_serializable("kerasart")
class TransformerNet(StyleNetwork):
    """Paints an image of any size in one of several styles, or a mixture of them.

    Source: Johnson et al. 2016, "Perceptual Losses for Real-Time Style Transfer" (arXiv
    1603.08155, and its supplement for the layers); Dumoulin et al. 2017 (arXiv 1610.07629) for the
    many styles. Where we depart from them: each convolution mirrors the border; the residual blocks
    keep their size; nearest upsampling and a convolution take the place of transposed convolutions,
    which draw checkerboards (Odena et al. 2016); a sigmoid keeps pixels in [0, 1]; noise is
    added to the features, so that flat skies are painted too. The photo itself is one more style,
    so that a mixture can hold some of it.

    A mixture may differ by level (see `kerasart.levels`): coarse are the convolutions that make the
    image smaller, the canvas, and the first half of the residual ones; middle is their second half;
    fine are those that enlarge it again.

    Args:
        styles: The styles' names, or their number.
        width: Channels relative to the paper's 32, 64 and 128.
        blocks: The number of residual blocks.

    Attributes:
        down: The `ConvBlock`s that make the image smaller.
        canvas: The `NoiseInjection` into the smallest features.
        residual: The `ConvBlock`s, two by two, whose outcome is added to what went in.
        up: Those before each of which the features are enlarged by 2.
        to_rgb: The last convolution.

    Raises:
        ValueError: If there are no styles, two have one name, or `width` leaves no channels.
    """

    style_input = "style_weights"
    stride = 4
    least_size = 5  # What the 9x9 convolution can mirror around.
    names: ClassVar[Mapping[str, float]] = SIZES
    trainer_class: ClassVar[type[PerceptualTrainer]] = StyleTrainer

    def __init__(
        self,
        styles: int | Sequence[str] = 1,
        width: float = 1.0,
        blocks: int = 5,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
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
        few, some, many = channels_of_width(width)
        self.down = [
            self._block(few, 9),
            self._block(some, 3, strides=2),
            self._block(many, 3, strides=2),
        ]
        self.canvas = NoiseInjection(1 + len(self.styles), dtype=self.dtype_policy)
        self.residual = [self._block(many, 3) for _ in range(2 * blocks)]
        self.up = [self._block(some, 3), self._block(few, 3)]
        self.to_rgb = keras.layers.Conv2D(
            3,
            9,
            kernel_initializer="zeros" if self.changes_photo else "glorot_uniform",
            data_format="channels_last",
            dtype=self.dtype_policy,
        )
        self.build()

    def _block(self, filters, kernel_size, strides=1):
        styles = 1 + len(self.styles)
        return ConvBlock(filters, kernel_size, styles, strides, dtype=self.dtype_policy)

    def build(self, input_shape: Any = None) -> None:
        """Creates all weights; none depends on the size of images."""
        if self.built:
            return
        # One after the other: to trace a painting takes a second.
        shape = (None, None, None, 3)
        for stage in (*self.down, *self.residual, *self.up):
            stage.build(shape)
            shape = (*shape[:-1], stage.convolve.filters)
        self.canvas.build((*shape[:-1], self.down[-1].convolve.filters))
        self.to_rgb.build(shape)

    def call(self, image: Any, style_weights: Any = None, strength: Any = None) -> Any:
        """Paints.

        Args:
            image: float RGB (batch, height, width, 3) in [0, 1], each side at least 5 pixels.
            style_weights: (batch, styles), each row adding up to 1: how much of each style; or
                (batch, levels, styles), from coarse to fine. May be left out if there is but one.
            strength: (batch,) in [0, 1], from the photo itself to the full style. By default 1.

        Returns:
            float32 of the shape of `image`, in [0, 1].

        Raises:
            ValueError: If the image is too small, or there are no weights for several styles.
        """
        image = keras.ops.cast(image, "float32")
        self.check_size(image)
        if style_weights is None:
            if len(self.styles) > 1:
                raise ValueError(
                    f"`style_weights` must weigh the {len(self.styles)} styles. Received: None"
                )
            style_weights = keras.ops.ones((keras.ops.shape(image)[0], 1), "float32")
        return self.forward(image, self.encode_style(style_weights), strength)

    def transform(
        self, x: Any, style_code: Any, strength: Any, ops: StyleOps, noise_offset: Any = None
    ) -> Any:
        """Takes an image to features before the sigmoid; see `StyleNetwork.forward`."""
        photo = np.eye(1, self.code_shape[-1], dtype=np.float32)[None]
        coarse, middle, fine = ops.unstack(ops.blend(photo, style_code, strength))
        x = ops.cast(ops.add(x, -0.5))
        for block in self.down:
            x = ops.relu(ops.conv_block(x, block, coarse))
        x = ops.noise(x, self.canvas, coarse, noise_offset)
        x = add_residuals(x, self.residual, coarse, middle, ops)
        for block in self.up:
            x = ops.relu(ops.conv_block(ops.upsample(x), block, fine))
        return ops.convolve(x, self.to_rgb)

    def encode_style(self, style: Any, mask: Any = None, ops: StyleOps | None = None) -> Any:
        """Makes mixtures of the photo and the styles, for each level, of styles' weights."""
        return (ops or self.ops).mixture(style)

    def parse_style(self, style: Any) -> list[StylePart]:
        """Weighs the styles at each level: one for all, or a dict of levels to styles."""
        weights = [style_weights(self.styles, each) for each in styles_by_level(style).values()]
        return [(np.stack(weights, axis=1), 1.0, None)]

    def style_shape(self, size: tuple) -> tuple:
        """The shape of the styles' weights, for a batch of one."""
        return (1, len(LEVELS), len(self.styles))

    @property
    def code_shape(self) -> tuple[int, ...]:
        """The shape of the levels' mixtures."""
        return (len(LEVELS), 1 + len(self.styles))

    @property
    def kind(self) -> str:
        """Its size's name, or else its width."""
        widths = {width: name for name, width in self.names.items()}
        return widths.get(self.width, f"width {self.width:g}")

    @property
    def description(self) -> str:
        """A sentence that says what it is, for its card."""
        return (
            f"A `TransformerNet` ({self.kind}): it paints in {len(self.styles)} styles and "
            "mixtures of them."
        )

    @property
    def bytes_per_pixel(self) -> float:
        """About the memory that painting takes for each pixel."""
        return bytes_per_pixel(self.width)

    @classmethod
    def count_weights(cls, config: Mapping[str, Any]) -> int:
        """As `StyleNetwork.count_weights`."""
        few, some, many = channels_of_width(config["width"])
        mixed = 1 + len(config["styles"])

        def count(kernel_size, channels, filters):
            return kernel_size**2 * channels * filters + 2 * mixed * filters

        down = count(9, 3, few) + count(3, few, some) + count(3, some, many) + mixed * many
        up = count(3, many, some) + count(3, some, few) + 9 * 9 * few * 3 + 3
        return down + 2 * config["blocks"] * count(3, many, many) + up

    @classmethod
    def create(cls, name: str, styles: Mapping[str, Any], precision: str) -> "TransformerNet":
        """Makes an untrained network of a named size."""
        return cls(list(styles), cls.names[name], dtype=dtype_policy(precision))

    def continued(self, styles: Mapping[str, Any], precision: str) -> StyleNetwork:
        """Makes a copy to train further on its styles, or on new ones."""
        if set(styles) == set(self.styles):
            return copy_network(self, precision)
        if known := [name for name in styles if name in self.styles]:
            raise ValueError(
                f"`styles` must be all styles of the network ({', '.join(self.styles)}), to train "
                f"them further, or only new ones. Received: {', '.join(known)}"
            )
        return recast(self, precision).with_styles(list(styles))

    def read_styles(
        self,
        styles: Mapping[str, Any],
        settings: FastStyleSettings,
        seed: int = 0,
        left_out: set[str] | None = None,
        max_pixels: int | None = None,
    ) -> TrainingStyles:
        """Lists the styles to train, in the order of the network."""
        named = {name: styles[name] for name in self.styles if name in styles}
        return NamedStyles(named, self.styles)

    def with_styles(self, names: Sequence[str]) -> "TransformerNet":
        """Makes a copy with further styles, which paints the present ones exactly as before.

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
            values = keras.ops.convert_to_numpy(old)
            if values.shape != new.shape:
                mean = values[1:].mean(axis=0, keepdims=True)
                values = np.concatenate([values, *[mean] * len(names)])
            new.assign(values)
        network.to_rgb.trainable = False
        for stage in (*network.down, *network.residual, *network.up):
            stage.convolve.trainable = False
        return network

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        own = {"styles": list(self.styles), "width": self.width, "blocks": self.blocks}
        return {**super().get_config(), **own}


def add_residuals(
    x: Any, blocks: Sequence[ConvBlock], coarse: Any, middle: Any, ops: StyleOps
) -> Any:
    """Applies `ConvBlock`s two by two, whose outcome is added to what went in.

    Args:
        x: Features.
        blocks: An even number of blocks.
        coarse: The mixture of the first half of them.
        middle: The mixture of the others.
        ops: The operations.

    Returns:
        Features of the shape of `x`.
    """
    half = len(blocks) // 2
    mixed = list(zip(blocks, [coarse] * half + [middle] * half, strict=True))
    for first, second in zip(mixed[::2], mixed[1::2], strict=True):
        y = ops.relu(ops.conv_block(x, *first))
        x = ops.add(x, ops.conv_block(y, *second))
    return x


def channels_of_width(width: float) -> list[int]:
    """Returns the channels at the full, half and quarter size, of which 1 has the paper's."""
    return [round(channels * width) for channels in (32, 64, 128)]


def bytes_per_pixel(width: float) -> float:
    """Returns about how many bytes painting takes for each pixel."""
    return _OVERHEAD * 32 * width * 4


def style_weights(styles: Sequence[str], style: str | dict[str, float] | None = None) -> np.ndarray:
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
            f"and manners are for a network of any style. Received: a {type(style).__name__}"
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
    for name, share in zip(wanted, normalise_shares(list(wanted.values())), strict=True):
        weights[0, styles.index(name)] = share
    return weights
