"""`AnyStyleNetwork`, the base class of networks whose style is any picture."""

from collections.abc import Sequence
from os import PathLike
from typing import Any, ClassVar

import keras
import numpy as np

from kerasart.image.masks import split_picture
from kerasart.image.resizing import shrink
from kerasart.levels import styles_by_level
from kerasart.networks.style_network import StyleNetwork, StylePart, dtype_policy, normalise_shares
from kerasart.networks.training_styles import StylePictures
from kerasart.settings.manner import Manner
from kerasart.settings.style import FastStyleSettings


class AnyStyleNetwork(StyleNetwork):
    """A network that paints in the style of any picture, one that it was not trained on too.

    Attributes:
        style_size: The long side of styles: larger for larger strokes.
        has_levels: Whether a style code has a row for each level.
        has_manners: Whether it knows random manners, which `encode_manner` makes style codes of.
    """

    style_input = "style"
    style_size: ClassVar[int]
    has_levels: ClassVar[bool]
    has_manners: bool = False

    def call(self, image: Any, style: Any, strength: Any = None) -> Any:
        """Paints.

        Args:
            image: float RGB (batch, height, width, 3) in [0, 1], each side at least `least_size`.
            style: As many such images, of any size.
            strength: (batch,) in [0, 1], from the photo itself to the full style. By default 1.

        Returns:
            float32 of the shape of `image`, in [0, 1].

        Raises:
            ValueError: If an image is too small.
        """
        image = keras.ops.cast(image, "float32")
        self.check_size(image)
        self.check_size(style, "style")
        return self.forward(image, self.encode_style(style), strength)

    def parse_style(self, style: Any) -> list[StylePart]:
        """Reads a style: an image or a `Manner`, a list of pairs of such and weight, or of levels.

        Raises:
            ValueError: If it is none of these, or the network has no levels or no manners.
        """
        by_level = list(styles_by_level(style).values())
        different = list({id(each): each for each in by_level}.values())
        if len(different) == 1:
            return self._parse_pairs(different[0])
        if not self.has_levels:
            raise ValueError(
                "`style` must be the same at all levels for a network without levels. Received: "
                f"styles of {', '.join(style)}"
            )
        parts = []
        for each in different:
            levels = np.array([[float(other is each)] for other in by_level])
            for image, share, mask in self._parse_pairs(each):
                parts.append((image, share * levels, mask))
        return parts

    def _parse_pairs(self, style):
        pairs = style if isinstance(style, list) else [(style, 1.0)]
        if (
            style is None
            or isinstance(style, str | dict)
            or not all(isinstance(pair, tuple | list) and len(pair) == 2 for pair in pairs)
        ):
            received = [type(each).__name__ for each in style] if pairs is style else repr(style)
            raise ValueError(
                "`style` must be a picture, or a list of pairs of picture and weight, for a "
                f"network that paints in any style. Received: {received}"
            )
        parts = []
        shares = normalise_shares([weight for _, weight in pairs])
        for (picture, _), share in zip(pairs, shares, strict=True):
            if isinstance(picture, Manner):
                if not self.has_manners:
                    raise ValueError(
                        "`style` must be pictures for a network without manners of its own. "
                        f"Received: {picture}"
                    )
                parts.append((picture, share, None))
                continue
            image, mask = split_picture(picture, "style")
            image = shrink(image, self.style_size)
            self.check_size(image, "style")
            parts.append((image, share, mask))
        return parts

    @classmethod
    def create(
        cls, name: str, styles: Sequence[str | PathLike[str]], precision: str
    ) -> "AnyStyleNetwork":
        """Makes a network to be trained."""
        return cls(dtype=dtype_policy(precision))

    def read_styles(
        self,
        styles: Sequence[str | PathLike[str]],
        settings: FastStyleSettings,
        seed: int = 0,
        left_out: set[str] | None = None,
        max_pixels: int | None = None,
    ) -> StylePictures:
        """Reads styles from files."""
        return StylePictures(styles, settings, seed, left_out, max_pixels)
