"""`StyleNetwork`, what all networks that paint an image in one pass have in common."""

from collections.abc import Iterable
from typing import Any, ClassVar

import keras
import numpy as np
from numpy.typing import ArrayLike

from kerasart.kernels.precision import choose_precision
from kerasart.networks.ops import KerasOps, StyleOps
from kerasart.networks.perceptual_trainer import PerceptualTrainer
from kerasart.networks.training_styles import TrainingStyles
from kerasart.settings.style import FastStyleSettings

# A style as an input of the network, how much of the whole it is, and which part of it counts.
StylePart = tuple[Any, float, np.ndarray | None]


class StyleNetwork(keras.Model):
    """A network that paints an image of any size in a style, in one pass.

    Attributes:
        ops: What computes it by default, `KerasOps`.
        styles: The names of the styles that it knows; none if it takes a style's image.
        style_input: What says the style: "style_weights" of `styles`, or "style", an image.
        code_shape: Shape of a style code without its batch; None where it depends on weights.
        stride: Pixels that sides are mirrored up to a multiple of.
        least_size: The least height and width of an image.
        exported_dtype: Of kernels in exported graphs; None for the one that they compute in.
        names: What `train_fast_style.py --network` calls new ones of this class.
        trainer_class: The class of its trainer.
        padding: How the backbone of its trainer sees what is beyond a picture's edge, as in
            `Backbone.cut`.
    """

    style_input: ClassVar[str]
    stride: ClassVar[int]
    least_size: ClassVar[int]
    exported_dtype: ClassVar[str | None] = None
    names: ClassVar[Iterable[str]]
    trainer_class: ClassVar[type[PerceptualTrainer]]
    padding: ClassVar[str] = "zeros"
    styles: tuple[str, ...] = ()

    def __init__(self, **kwargs: Any):
        kwargs.setdefault("dtype", "float32")
        super().__init__(autocast=False, **kwargs)  # Strength 0 is the photo, to the bit.
        self.ops = KerasOps(self.compute_dtype)

    @property
    def kind(self) -> str:
        """What `train_fast_style.py --network` calls such a network."""
        raise NotImplementedError

    @property
    def description(self) -> str:
        """A sentence that says what it is, for its card."""
        raise NotImplementedError

    @property
    def bytes_per_pixel(self) -> float:
        """About the memory that painting takes for each pixel."""
        raise NotImplementedError

    @property
    def all_variables(self) -> list:
        """All variables that `forward` reads, those of a frozen encoder too."""
        return self.variables

    @classmethod
    def create(cls, name: str, styles: Any, precision: str) -> "StyleNetwork":
        """Makes a network that is to be trained.

        Args:
            name: One of `names`.
            styles: As for `read_styles`.
            precision: "float32", "bfloat16" or "auto", of its convolutions.
        """
        raise NotImplementedError

    def continued(self, styles: Any, precision: str) -> "StyleNetwork":
        """Makes a copy that goes on learning, by styles as for `read_styles`.

        Raises:
            ValueError: If these are no styles by which it can.
        """
        return copy_network(self, precision)

    def read_styles(
        self,
        styles: Any,
        settings: FastStyleSettings,
        seed: int = 0,
        left_out: set[str] | None = None,
        max_pixels: int | None = None,
    ) -> TrainingStyles:
        """Reads what the network is to learn.

        Args:
            styles: Dict of name to RGB picture, or to a `Picture`, of which only what is seen
                counts; or a list of paths of pictures: whichever the network learns from.
            settings: `FastStyleSettings`.
            seed: Seeds what is picked of many pictures.
            left_out: Paths that are known to be unusable, to which those met are added.
            max_pixels: The most pixels of a picture that is read.

        Raises:
            ValueError: If no picture can be used.
        """
        raise NotImplementedError

    def parse_style(self, style: Any) -> list[StylePart]:
        """Makes the network's inputs of what a user says of the style.

        Args:
            style: As for `Stylizer`, when it is called.

        Returns:
            A list of style, its share, and a mask or None; shares add up to 1. The style code of
            the whole is the weighted mean of those of the parts.

        Raises:
            ValueError: If it is no style of this network.
        """
        raise NotImplementedError

    def encode_style(self, style: Any, mask: Any = None, ops: StyleOps | None = None) -> Any:
        """Makes a style code, which `forward` takes.

        Weighted means of style codes are those of styles in between.

        Args:
            style: What `style_input` names.
            mask: Which part of a style's image counts, float32 (batch, height, width, 1) in [0, 1].
            ops: The operations; by default the network's own.

        Returns:
            float32 (batch, *code_shape).
        """
        raise NotImplementedError

    def transform(self, x: Any, style_code: Any, strength: Any, ops: StyleOps) -> Any:
        """The network's own part of `forward`: from an image to features before the sigmoid."""
        raise NotImplementedError

    def forward(
        self, image: Any, style_code: Any, strength: Any = None, ops: StyleOps | None = None
    ) -> Any:
        """Paints.

        Args:
            image: float32 RGB (batch, height, width, 3) in [0, 1].
            style_code: As of `encode_style`.
            strength: (batch,) in [0, 1], from the photo itself to the full style. None is 1.
            ops: The operations; by default the network's own.

        Returns:
            float32 of the shape of `image`, in [0, 1].
        """
        ops = ops or self.ops
        x = self.transform(ops.read(image, self.stride), style_code, strength, ops)
        # A network's own picture of a photo is not quite the photo, which strength 0 shall give.
        return ops.blend(image, ops.to_image(x, image), strength)

    def check_size(self, image: Any, name: str = "image") -> None:
        """Refuses an image that is too small, as far as its size is known.

        Args:
            image: (batch, height, width, 3).
            name: What the error message calls it.

        Raises:
            ValueError: If it is.
        """
        least = self.least_size
        if any(side is not None and side < least for side in image.shape[1:3]):
            raise ValueError(
                f"`{name}` must be at least {least}x{least} pixels. "
                f"Received: {image.shape[2]}x{image.shape[1]}"
            )

    def input_shapes(self, size: tuple, style_size: tuple | None = None) -> dict[str, tuple]:
        """Says what the network takes, in the order of its call.

        Args:
            size: (height, width) of the image.
            style_size: Those of the style's image, if another.

        Returns:
            A dict of name to shape, for a batch of one.
        """
        style = self.style_shape(style_size or size)
        return {"image": (1, *size, 3), self.style_input: style, "strength": (1,)}

    def style_shape(self, size: tuple) -> tuple:
        """Says what shape a style has, of an image of this (height, width), for a batch of one."""
        return (1, *size, 3)


def normalise_shares(weights: ArrayLike) -> np.ndarray:
    """Scales the weights of styles so that they add up to 1.

    Raises:
        ValueError: If some are negative or not finite, or all are 0.
    """
    weights = np.asarray(weights, np.float64)
    if not (weights.size and np.isfinite(weights).all() and (weights >= 0).all() and weights.any()):
        raise ValueError(
            f"`style` must have weights of 0 or more, not all 0. Received: {weights.tolist()}"
        )
    return weights / weights.sum()


def dtype_policy(precision: str) -> str:
    """Names Keras's dtype policy of a network that computes in "float32", "bfloat16" or "auto"."""
    return "mixed_bfloat16" if choose_precision(precision) == "bfloat16" else "float32"


def recast(network: StyleNetwork, precision: str) -> StyleNetwork:
    """Makes a network compute in a precision, as `copy_network`, but itself if it does already."""
    same = network.dtype_policy.name == dtype_policy(precision)
    return network if same else copy_network(network, precision)


def copy_network(network: StyleNetwork, precision: str) -> StyleNetwork:
    """Copies a network, to compute in a precision: "float32", "bfloat16" or "auto"."""
    return copy_with_dtype(network, dtype_policy(precision))


def copy_with_dtype(network: StyleNetwork, dtype: str) -> StyleNetwork:
    """Copies a network, its weights too, with a dtype policy, as Keras calls it."""
    copy = type(network).from_config({**network.get_config(), "dtype": dtype})
    copy.set_weights(network.get_weights())
    return copy
