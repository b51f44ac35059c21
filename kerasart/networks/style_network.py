"""`StyleNetwork`, the base class of networks that paint an image in one pass."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import keras
import numpy as np
from numpy.typing import ArrayLike

from kerasart.kernels.precision import choose_precision
from kerasart.networks.ops import KerasOps, StyleOps
from kerasart.networks.perceptual_trainer import PerceptualTrainer
from kerasart.networks.training_styles import TrainingStyles
from kerasart.settings.style import FastStyleSettings

# A style as an input of the network, or a `Manner`; its normalised weight, or an array (levels, 1)
# of such; and its mask or None.
StylePart = tuple[Any, float | np.ndarray, np.ndarray | None]


class StyleNetwork(keras.Model):
    """A network that paints an image of any size in a style, in one pass.

    Attributes:
        ops: The `StyleOps` that compute it by default, `KerasOps`.
        styles: The names of its styles; none if it takes a style's image.
        style_input: Its second input: "style_weights", of `styles`, or "style", an image.
        code_shape: Shape of a style code without its batch; None where it depends on the encoder.
        stride: Sides are padded by reflection to a multiple of this.
        least_size: The least height and width of an image.
        exported_dtype: Dtype of kernels in exported graphs; None is the one that they compute in.
        names: The values of `train_fast_style.py --network` for new ones of this class.
        trainer_class: The class of its trainer.
        padding: The padding of its trainer's backbone, as in `Backbone.cut`.
        changes_photo: Whether `transform` computes a change of the photo's logits.
    """

    style_input: ClassVar[str]
    stride: ClassVar[int]
    least_size: ClassVar[int]
    exported_dtype: ClassVar[str | None] = None
    names: ClassVar[Iterable[str]]
    trainer_class: ClassVar[type[PerceptualTrainer]]
    padding: ClassVar[str] = "zeros"
    changes_photo: ClassVar[bool] = False
    styles: tuple[str, ...] = ()

    def __init__(self, **kwargs: Any):
        kwargs.setdefault("dtype", "float32")
        super().__init__(autocast=False, **kwargs)  # Strength 0 is the photo, bit for bit.
        self.ops = KerasOps(self.compute_dtype)

    @property
    def kind(self) -> str:
        """The value of `train_fast_style.py --network` for such a network."""
        raise NotImplementedError

    @property
    def description(self) -> str:
        """A sentence that describes it, for its model card."""
        raise NotImplementedError

    @property
    def bytes_per_pixel(self) -> float:
        """About the memory that painting takes per pixel."""
        raise NotImplementedError

    @property
    def all_variables(self) -> list:
        """All variables that `forward` reads, with those of a frozen encoder."""
        return self.variables

    @classmethod
    def create(cls, name: str, styles: Any, precision: str) -> "StyleNetwork":
        """Makes a network to be trained.

        Args:
            name: One of `names`.
            styles: As in `read_styles`.
            precision: "float32", "bfloat16" or "auto", of its convolutions.
        """
        raise NotImplementedError

    @classmethod
    def count_weights(cls, config: Mapping[str, Any]) -> int:
        """Counts the weights that a network of this configuration has at least, without making it.

        Args:
            config: As `get_config` returns it.
        """
        return 1

    def continued(self, styles: Any, precision: str) -> "StyleNetwork":
        """Makes a copy that continues to learn, by styles as in `read_styles`.

        Raises:
            ValueError: If it cannot learn these styles.
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
        """Reads the styles to learn.

        Args:
            styles: Dict of name to RGB image, or to a `Picture`, whose transparent parts are
                ignored; or a list of paths: whichever the network learns from.
            settings: `FastStyleSettings`.
            seed: Seeds the choice among many files.
            left_out: Paths of unusable files; those that are found are added.
            max_pixels: The most pixels of a file that is read.

        Raises:
            ValueError: If no file can be used.
        """
        raise NotImplementedError

    def parse_style(self, style: Any) -> list[StylePart]:
        """Turns the `style` argument of a `Stylizer` into inputs of the network.

        Args:
            style: As `Stylizer` takes it.

        Returns:
            A list of `StylePart`s, whose weights add up to 1. The style code of the whole is the
            weighted mean of theirs.

        Raises:
            ValueError: If the network cannot paint in this style.
        """
        raise NotImplementedError

    def encode_style(self, style: Any, mask: Any = None, ops: StyleOps | None = None) -> Any:
        """Computes a style code, which `forward` takes.

        Weighted means of style codes are the codes of styles in between.

        Args:
            style: The input that `style_input` names.
            mask: A mask of the style's image, float32 (batch, height, width, 1) in [0, 1].
            ops: The operations; by default the network's own.

        Returns:
            float32 (batch, *code_shape).
        """
        raise NotImplementedError

    def transform(
        self, x: Any, style_code: Any, strength: Any, ops: StyleOps, noise_offset: Any = None
    ) -> Any:
        """Computes the features before the sigmoid; subclasses define it."""
        raise NotImplementedError

    def forward(
        self,
        image: Any,
        style_code: Any,
        strength: Any = None,
        ops: StyleOps | None = None,
        noise_offset: Any = None,
    ) -> Any:
        """Paints.

        Args:
            image: float32 RGB (batch, height, width, 3) in [0, 1].
            style_code: As `encode_style` returns it.
            strength: (batch,) in [0, 1], from the photo itself to the full style. None is 1.
            ops: The operations; by default the network's own.
            noise_offset: int32 (2,): where the image lies in the noise, in rows and columns of
                `stride` pixels. None is (0, 0). A network without noise ignores it.

        Returns:
            float32 of the shape of `image`, in [0, 1].
        """
        ops = ops or self.ops
        x = self.transform(ops.read(image, self.stride), style_code, strength, ops, noise_offset)
        # Strength 0 must be the photo, which the network alone reproduces only nearly.
        return ops.blend(image, ops.to_image(x, image, self.changes_photo), strength)

    def check_size(self, image: Any, name: str = "image") -> None:
        """Refuses an image that is too small, if its size is known.

        Args:
            image: (batch, height, width, 3).
            name: Its name in the error message.

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
        """Returns the shapes of the inputs, in the order of `call`.

        Args:
            size: (height, width) of the image.
            style_size: (height, width) of the style's image; None is `size`.

        Returns:
            A dict of name to shape, for a batch of one.
        """
        style = self.style_shape(style_size or size)
        return {"image": (1, *size, 3), self.style_input: style, "strength": (1,)}

    def style_shape(self, size: tuple) -> tuple:
        """Says what shape a style has, of an image of this (height, width), for a batch of one."""
        return (1, *size, 3)


def normalise_shares(weights: ArrayLike) -> np.ndarray:
    """Normalises the weights of styles to a sum of 1.

    Raises:
        ValueError: If some are no numbers, negative or not finite, or all are 0.
    """
    try:
        weights = np.asarray(weights, np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"`style` must have numbers as weights. Received: {weights!r}") from None
    if not (weights.size and np.isfinite(weights).all() and (weights >= 0).all() and weights.any()):
        raise ValueError(
            f"`style` must have weights of 0 or more, not all 0. Received: {weights.tolist()}"
        )
    return weights / weights.sum()


def dtype_policy(precision: str) -> str:
    """Returns the Keras dtype policy of a precision: "float32", "bfloat16" or "auto"."""
    return "mixed_bfloat16" if choose_precision(precision) == "bfloat16" else "float32"


def recast(network: StyleNetwork, precision: str) -> StyleNetwork:
    """Returns a network that computes in a precision: a copy, or itself if it does already."""
    same = network.dtype_policy.name == dtype_policy(precision)
    return network if same else copy_network(network, precision)


def copy_network(network: keras.Model, precision: str) -> Any:
    """Copies a network, in a precision: "float32", "bfloat16" or "auto"."""
    return copy_with_dtype(network, dtype_policy(precision))


def copy_with_dtype(network: keras.Model, dtype: str) -> Any:
    """Copies a network and its weights, with a Keras dtype policy; the copy is trainable."""
    config = {**network.get_config(), "dtype": dtype, "trainable": True}
    copy = type(network).from_config(config)
    copy.set_weights(network.get_weights())
    return copy
