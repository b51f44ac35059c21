"""`GeneratorTrainer`, which trains a `StyleGenerator` against a `Critic`."""

from collections.abc import Sequence
from typing import Any, ClassVar

import keras
from keras import ops
from numpy.typing import ArrayLike

from kerasart.backbones import Backbone
from kerasart.networks.adaptive_augmentation import AdaptiveAugmentation
from kerasart.networks.averaging_trainer import AveragingTrainer, update_means
from kerasart.networks.critic import Critic
from kerasart.networks.style_generator import StyleGenerator
from kerasart.objectives import judge

_PENALTY = 1.0  # Weight of the critic's gradient penalty.
_MIXED = 0.9  # Share of pictures with the styles of two random vectors.


class GeneratorTrainer(AveragingTrainer):
    """Trains a generator to paint pictures that a critic takes for those of a collection.

    As in `CollectionTrainer`, the critic is small heads on a frozen backbone's features, and both
    players take one step of one optimizer, so that `fit`, checkpoints and other backends serve it
    as any model.

    Source: Karras et al. 2019 (arXiv 1912.04958); Sauer et al. 2021, "Projected GANs Converge
    Faster" (arXiv 2111.01007), for the critic; Karras et al. 2020 (arXiv 2006.06676), for the
    changes of pictures that it sees (see `AdaptiveAugmentation`). Where we depart from them: the
    hinge loss; R1 on features, at every step; no penalty of path lengths.

    Args:
        network: The `StyleGenerator`.
        backbone: The `Backbone`, not yet cut.
        layers: The layers whose features have heads of the critic.
        pictures: Some pictures of the collection, by which features are standardised: float32 RGB
            (pictures, size, size, 3).
        augmentation: The `AdaptiveAugmentation`; None is the usual one.
        precision: "float32", "bfloat16" or "auto", of the backbone.

    Attributes:
        augmentation: As above.
        critic: The `Critic`.
    """

    betas: ClassVar[tuple[float, float]] = (0.0, 0.99)

    def __init__(
        self,
        network: StyleGenerator,
        backbone: Backbone,
        layers: Sequence[str],
        pictures: ArrayLike,
        augmentation: AdaptiveAugmentation | None = None,
        precision: str = "auto",
        **kwargs: Any,
    ):
        super().__init__(network, ("generator", "critic", "accuracy", "augmented"), **kwargs)
        self._backbone = backbone.cut(tuple(layers), precision)
        self.critic = Critic({layer: self._backbone.channels(layer) for layer in layers}, 1)
        self.augmentation = augmentation or AdaptiveAugmentation()
        self.critic.standardise([self._backbone(pictures)])

    def call(self, batch: dict[str, Any]) -> Any:
        """Paints as many pictures as there are in a batch, of random vectors.

        Args:
            batch: Dict of "picture", float32 RGB (batch, size, size, 3) in [0, 1], those of the
                collection. The size of the batch must be known when the step is compiled.

        Returns:
            float32 RGB (batch, size, size, 3), not clipped.
        """
        count, seed, network = batch["picture"].shape[0], self._random, self.network
        shape = count, network.get_config()["z_size"]
        first, second = (
            network.map(keras.random.normal(shape, dtype="float32", seed=seed)) for _ in range(2)
        )
        mean = ops.mean(ops.stop_gradient(first[:, 0]), axis=0)
        update_means([network.mean_w], [mean])
        # Styles are mixed, so that no place learns to rely on the style of another.
        places = len(network.levels)
        crossed = keras.random.uniform((count, 1), 1, places, seed=seed)
        is_mixed = keras.random.uniform((count, 1), seed=seed) < _MIXED
        is_second = is_mixed & (ops.arange(places, dtype="float32") >= crossed)
        w = ops.where(is_second[..., None], second, first)
        return network.synthesise(w, network.draw_noise(count, seed))

    def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, *_: Any) -> Any:
        """Adds the losses of both players, and updates the running mean and the augmentation."""
        count = x["picture"].shape[0]
        real, painted = (
            self._backbone(self.augmentation(each, seed=self._random))
            for each in (x["picture"], y_pred)
        )
        numbers = ops.zeros((count,), "int32")
        of_generator = 0.0
        for layer, head in self.critic.heads(numbers, frozen=True).items():
            logits, _ = judge(ops.cast(painted[layer], "float32"), head)
            of_generator -= ops.mean(logits)
        of_critic, accuracy = self.critic.loss(real, painted, numbers, _PENALTY)
        self.augmentation.adapt(accuracy, count)
        self._update_average()
        self._log((of_generator, of_critic, accuracy, self.augmentation.probability))
        return of_generator + of_critic
