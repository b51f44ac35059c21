"""`MannerNet`, a feed-forward network that paints in the manner of any painting."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from kerasart.levels import LEVELS
from kerasart.networks.any_style_network import AnyStyleNetwork
from kerasart.networks.layers import ConvBlock
from kerasart.networks.manner_trainer import MannerTrainer
from kerasart.networks.ops import StyleOps
from kerasart.networks.style_encoder import StyleEncoder
from kerasart.networks.transformer_net import add_residuals, bytes_per_pixel, channels_of_width
from kerasart.settings.manner import Manner


@keras.saving.register_keras_serializable("kerasart")
class MannerNet(AnyStyleNetwork):
    """Paints an image of any size in the manner of a painting that it need not have seen before.

    A small network makes a code of the painting; gamma and beta of each normalisation are affine in
    the code. Means of codes are manners in between.

    Source: Ghiasi et al. 2017, "Exploring the structure of a real-time, arbitrary neural artistic
    stylization network" (arXiv 1705.06830); the encoder is that of its mobile form, MobileNetV2.
    Where we depart from it: a painting may have any size, and so may a photo, which is mirrored up
    to the next multiple of 4; less strength is more of the photo's own pixels, since codes between
    the photo's and the painting's are manners in between, and not less of one.

    The code may differ by level (see `kerasart.levels`): coarse is the first half of the residual
    convolutions, middle their second half, and fine are those that enlarge the picture again.

    Random manners are codes of a normal distribution, that of the codes of some thousand paintings
    (`tools/fit_manners.py`); truncation takes them nearer to its mean, as in Karras et al. 2018,
    "A Style-Based Generator Architecture for Generative Adversarial Networks" (arXiv 1812.04948),
    whose mapping network is a matrix here.

    Args:
        width: Channels relative to the paper's 32, 64 and 128.
        blocks: The number of residual blocks.
        code_size: The length of a code.
        has_manners: Whether it has `mean_w` and `mapping`.

    Attributes:
        encoder: The `StyleEncoder`.
        mean_w: The mean of all codes, (code_size,).
        mapping: The matrix (code_size, code_size) that makes a code's distance from it of z.
        down: The convolutions that make the image smaller.
        residual: The `ConvBlock`s, two by two, whose outcome is added to what went in.
        up: Those before each of which the features are enlarged by 2.
        to_rgb: The last `ConvBlock`.
    """

    stride = 4
    least_size = 5  # What the 9x9 convolution can mirror around.
    kind = "manner"
    names = (kind,)
    description = "A `MannerNet`: it paints in the manner of any painting."
    trainer_class = MannerTrainer
    has_levels = True
    style_size = 384  # At the published 256 more of a style is left unpainted.

    def __init__(
        self,
        width: float = 0.25,
        blocks: int = 5,
        code_size: int = 100,
        has_manners: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if not width >= 1 / 32:
            raise ValueError(f"`width` must be at least 1/32. Received: width={width}")
        self.width = width
        self.blocks = blocks
        self.code_size = code_size
        self.has_manners = has_manners
        few, some, many = channels_of_width(width)
        self.encoder = StyleEncoder(code_size, dtype=self.dtype_policy)
        self.down = [
            self._convolve(few, 9),
            self._convolve(some, 3, strides=2),
            self._convolve(many, 3, strides=2),
        ]
        self.residual = [self._block(many, 3) for _ in range(2 * blocks)]
        self.up = [self._block(some, 3), self._block(few, 3)]
        self.to_rgb = self._block(3, 9)
        self.build()

    def _convolve(self, filters, kernel_size, strides=1):
        return keras.layers.Conv2D(
            filters,
            kernel_size,
            strides,
            activation="relu",
            data_format="channels_last",
            dtype=self.dtype_policy,
        )

    def _block(self, filters, kernel_size):
        # To be affine in a code is to be linear in a mixture of 1 and the code.
        return ConvBlock(filters, kernel_size, 1 + self.code_size, dtype=self.dtype_policy)

    def build(self, input_shape: Any = None) -> None:
        """Creates all weights; none depends on the size of images."""
        if self.built:
            return
        shape = (None, None, None, 3)
        self.encoder.build(shape)
        for layer in self.down:
            layer.build(shape)
            shape = (*shape[:-1], layer.filters)
        for block in (*self.residual, *self.up, self.to_rgb):
            block.build(shape)
            shape = (*shape[:-1], block.convolve.filters)
            gamma = block.normalise.gamma
            gamma.assign(np.eye(gamma.shape[0], 1) * np.ones(gamma.shape))
        if self.has_manners:
            shape = {"mean_w": (self.code_size,), "mapping": (self.code_size,) * 2}
            self.mean_w, self.mapping = (
                self.add_weight(shape=shape[name], initializer="zeros", trainable=False, name=name)
                for name in shape
            )

    def transform(
        self, x: Any, style_code: Any, strength: Any, ops: StyleOps, noise_offset: Any = None
    ) -> Any:
        """Takes an image to features before the sigmoid; see `StyleNetwork.forward`."""
        coarse, middle, fine = ops.unstack(style_code)
        x = ops.cast(x)
        for layer in self.down:
            x = ops.convolve(x, layer)
        x = add_residuals(ops.keep(x), self.residual, coarse, middle, ops)
        for block in self.up:
            x = ops.relu(ops.conv_block(ops.upsample(x), block, fine))
        return ops.conv_block(x, self.to_rgb, fine)

    def encode_style(self, style: Any, mask: Any = None, ops: StyleOps | None = None) -> Any:
        """Computes 1 and the code of a painting, for each level: (batch, levels, 1 + code_size)."""
        ops = ops or self.ops
        one = np.eye(1, 1 + self.code_size, dtype=np.float32)
        return ops.add(ops.mixture(self.encoder.encode(style, ops, mask)), one)

    def map(self, z: Any, truncation: float = 1.0) -> Any:
        """Computes the style codes of random vectors.

        Args:
            z: float32 (batch, code_size), of a standard normal distribution.
            truncation: How far a code is from the mean: as far as codes of paintings at 1.

        Returns:
            float32 (batch, levels, 1 + code_size).
        """
        mean, mapping = (keras.ops.cast(each, "float32") for each in (self.mean_w, self.mapping))
        code = mean + truncation * (z @ mapping)
        return self.ops.mixture(code) + np.eye(1, 1 + self.code_size, dtype=np.float32)

    def encode_manner(self, manner: Manner) -> Any:
        """Computes the style code of a `Manner`."""
        return self.map(manner.latent(self.code_size), manner.truncation)

    def with_manners(self, codes: np.ndarray) -> "MannerNet":
        """Makes a copy whose random manners are distributed as codes of paintings are.

        Args:
            codes: (paintings, code_size), as `encode_style` computes them after the 1.
        """
        network = type(self).from_config({**self.get_config(), "has_manners": True})
        own = {id(network.mean_w), id(network.mapping)}
        others = [each for each in network.weights if id(each) not in own]
        known = [each for each in self.weights if each.name not in ("mean_w", "mapping")]
        for old, new in zip(known, others, strict=True):
            new.assign(old)
        # The symmetric root of the covariance, which has one even where codes are few.
        variances, axes = np.linalg.eigh(np.cov(codes, rowvar=False))
        network.mean_w.assign(codes.mean(axis=0))
        network.mapping.assign(axes * np.sqrt(np.maximum(variances, 0)) @ axes.T)
        return network

    @property
    def code_shape(self) -> tuple[int, ...]:
        """The shape of 1 and a code, for each level."""
        return (len(LEVELS), 1 + self.code_size)

    @property
    def bytes_per_pixel(self) -> float:
        """About the memory that painting takes for each pixel."""
        return bytes_per_pixel(self.width)

    @classmethod
    def count_weights(cls, config: Mapping[str, Any]) -> int:
        """As `StyleNetwork.count_weights`."""
        few, some, many = channels_of_width(config["width"])
        mixed = 1 + config["code_size"]

        def count(kernel_size, channels, filters, each=2 * mixed):
            return (kernel_size**2 * channels + each) * filters

        down = count(9, 3, few, 1) + count(3, few, some, 1) + count(3, some, many, 1)
        up = count(3, many, some) + count(3, some, few) + count(9, few, 3)
        painting = down + 2 * config["blocks"] * count(3, many, many) + up
        manners = config["code_size"] * mixed if config.get("has_manners") else 0
        return painting + manners + StyleEncoder.count_weights(config["code_size"])

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        own = {"width": self.width, "blocks": self.blocks, "code_size": self.code_size}
        own |= {"has_manners": True} if self.has_manners else {}
        return {**super().get_config(), **own}
