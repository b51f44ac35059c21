"""`CollectionNet`, a feed-forward network that paints in the manner of collections of pictures."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import keras

from kerasart.networks.collection_trainer import CollectionTrainer
from kerasart.networks.ops import StyleOps
from kerasart.networks.style_network import StyleNetwork, copy_network
from kerasart.networks.training_styles import Collections
from kerasart.networks.transformer_net import TransformerNet
from kerasart.settings.style import FastStyleSettings


@keras.saving.register_keras_serializable("kerasart")
class CollectionNet(TransformerNet):
    """Paints an image in the manner of a collection of pictures, or of a mixture of several.

    What its layers compute is added to the photo's logits, so that an untrained network paints the
    photo itself, and light and hues remain those of the photo where nothing speaks against them:
    instance normalisation takes them from the features.

    Source: residual learning, He et al. 2015 (arXiv 1512.03385); all else as in `TransformerNet`.
    """

    names: ClassVar[Mapping[str, float]] = {"collection": 0.5}
    trainer_class = CollectionTrainer
    changes_photo = True

    def transform(
        self, x: Any, style_code: Any, strength: Any, ops: StyleOps, noise_offset: Any = None
    ) -> Any:
        """Takes an image to a change of its logits; less strength is more of the photo's pixels.

        The photo itself, which is style 0 of a `TransformerNet`, is not learned here.
        """
        return super().transform(x, style_code, None, ops, noise_offset)

    @property
    def description(self) -> str:
        """A sentence that says what it is, for its card."""
        return (
            f"A `CollectionNet` (width {self.width:g}): it paints in the manner of "
            f"{len(self.styles)} collections of pictures, and mixtures of them."
        )

    def continued(self, styles: Mapping[str, Sequence], precision: str) -> StyleNetwork:
        """Makes a copy to train further on its collections.

        Raises:
            ValueError: If they are not the network's.
        """
        if tuple(styles) != self.styles:
            raise ValueError(
                f"`collection` must be the network's own, {', '.join(self.styles)}, to train it "
                f"further. Received: {', '.join(styles)}"
            )
        return copy_network(self, precision)

    def read_styles(
        self,
        styles: Mapping[str, Sequence],
        settings: FastStyleSettings,
        seed: int = 0,
        left_out: set[str] | None = None,
        max_pixels: int | None = None,
    ) -> Collections:
        """Lists the pictures of each collection: a dict of name to paths."""
        return Collections(styles, settings, seed, left_out, max_pixels)
