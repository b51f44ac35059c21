"""`MannerTrainer`, which trains a `MannerNet`."""

from __future__ import annotations

from typing import Any

from kerasart.networks.any_style_trainer import AnyStyleTrainer
from kerasart.networks.perceptual_trainer import split_batch


class MannerTrainer(AnyStyleTrainer):
    """Trains a `MannerNet` to paint photos in the manner of any painting.

    The loss is that of style transfer, with the targets of the photo and of the painting beside it.

    Source: Ghiasi et al. 2017 (arXiv 1705.06830, section 2).

    Args:
        network: The `MannerNet`.
        backbone: The `Backbone`, not yet cut.
        objective: The `Objective`.
        weights: (terms,): the factor of each term.
        stability, precision, pooling: As in `PerceptualTrainer`.
    """

    def call(self, batch: dict[str, Any]) -> Any:
        """Paints each photo in the manner of the painting beside it.

        Args:
            batch: Dict of "photo" and "style", float32 RGB (batch, height, width, 3) in [0, 1].

        Returns:
            float32 of the photos' shape.
        """
        return self._paint(batch["photo"], batch["style"])

    def _targets_and_weights(self, batch):
        contents, styles = (split_batch(self._features(batch[name])) for name in ("photo", "style"))
        targets = [
            self._targets(content, self._style_values(style))
            for content, style in zip(contents, styles, strict=True)
        ]
        return targets, [self._weights] * len(targets)
