"""`AdaINTrainer`, which trains an `AdaIN`."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops
from numpy.typing import ArrayLike

from kerasart.backbones import Backbone
from kerasart.networks.any_style_trainer import AnyStyleTrainer
from kerasart.networks.perceptual_trainer import split_batch
from kerasart.objectives import Objective
from kerasart.settings.style import FastStyleSettings


class AdaINTrainer(AnyStyleTrainer):
    """Trains an `AdaIN` network to paint photos in the style of any image.

    The target of the content loss are the features that the decoder gets, those of the photo with
    the moments of the style (t in the paper), and not the photo's own.

    Source: Huang and Belongie 2017 (arXiv 1703.06868, equations 11 to 13).

    Args:
        network: The `AdaIN`.
        backbone: The `Backbone`, not yet cut.
        objective: The `Objective`. Its content layer must be the encoder's.
        weights: (terms,): the factor of each term.
        stability: As in `PerceptualTrainer`.
        precision: "float32", "bfloat16" or "auto", of the backbone.
        pooling: "max", the encoder's own.
    """

    def __init__(
        self,
        network: keras.Model,
        backbone: Backbone,
        objective: Objective,
        weights: ArrayLike,
        stability: float = 0.0,
        precision: str = "auto",
        pooling: str = "max",
    ):
        padding = network.padding  # The target comes from the network's own encoder.
        cut = precision, pooling, padding
        super().__init__(network, backbone, objective, weights, stability, *cut)

    @classmethod
    def make_objective(
        cls, network: keras.Model, backbone: Backbone, settings: FastStyleSettings
    ) -> Objective:
        """Makes the objective of a style transfer.

        Raises:
            ValueError: If the backbone, the content layer or the pooling is not that of the
                network's encoder, whose features are the target.
        """
        layers = ", ".join(settings.content_layers)
        if (backbone.name, layers) != (network.encoder.name, network.layer):
            raise ValueError(
                f"`backbone` must be {network.encoder.name} with its content at {network.layer}, "
                f"as the network's own encoder. Received: {backbone.name}, {layers}"
            )
        if settings.pooling != "max":
            raise ValueError(
                "`pooling` must be max for adain, as the network's own encoder has it. "
                f"Received: {settings.pooling!r}"
            )
        return super().make_objective(network, backbone, settings)

    def call(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Paints each photo in the style of the image beside it.

        Args:
            batch: Dict of "photo" and "style", float32 RGB (batch, height, width, 3) in [0, 1].

        Returns:
            Dict of "painted", float32 of the photos' shape; and, so that the loss need not compute
            them again, of "target_features", the decoder's input, and "style_features", the
            features of the styles by layer.
        """
        network, photos, styles = self.network, batch["photo"], batch["style"]
        network.check_size(photos, "photo")
        network.check_size(styles, "style")
        features = self._features(styles)
        style_code = network.moments(ops.cast(features[network.layer], "float32"))
        target_features = network.transfer(network.encode(photos), style_code)
        painted = network.ops.to_image(network.decode(target_features), photos)
        return {
            "painted": painted,
            "target_features": target_features,
            "style_features": features,
        }

    def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, *_: Any) -> Any:
        """Computes the loss from the outputs of `call` (see `PerceptualTrainer.compute_loss`)."""
        return super().compute_loss(x | y_pred, y_pred=y_pred["painted"])

    def _features(self, pictures):
        network = self.network
        return super()._features(network.ops.read(pictures, network.stride))  # Like its encoder.

    def _targets_and_weights(self, batch):
        contents = ops.split(batch["target_features"], batch["photo"].shape[0])
        targets = []
        for target_features, style in zip(
            contents, split_batch(batch["style_features"]), strict=True
        ):
            content = {self.network.layer: target_features}
            targets.append(self._targets(content, self._style_values(style)))
        return targets, [self._weights] * len(targets)
