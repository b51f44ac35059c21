"""`Critic`, the discriminator of a collection of pictures: small heads on a backbone's features."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasart.objectives.judgement import Head, gradient_penalty, judge

_WIDTH = 64  # Channels of a head's hidden layers.


class Critic(keras.layers.Layer):
    """Tells the pictures of a collection from those that a network paints.

    Each layer of the frozen backbone has a head of 1x1 convolutions for each collection, which
    gives every position a logit.

    Source: Sauer et al. 2021, "Projected GANs Converge Faster" (arXiv 2111.01007). We depart from
    it by heads that see one position each, without random projections.

    Args:
        channels: Dict of layer to its number of channels.
        collections: The number of collections.
    """

    def __init__(self, channels: Mapping[str, int], collections: int, **kwargs: Any):
        super().__init__(**kwargs)
        self._heads = {}
        for layer, count in channels.items():
            sizes = [(count, _WIDTH), (_WIDTH, _WIDTH), (_WIDTH, 1)]

            def add(name, shape, initializer="zeros", layer=layer, trainable=True):
                return self.add_weight(
                    shape=(collections, *shape),
                    initializer=initializer,
                    trainable=trainable,
                    name=f"{layer}_{name}",
                )

            self._heads[layer] = Head(
                add("mean", (1, count), trainable=False),
                add("scale", (1, count), "ones", trainable=False),
                tuple(
                    add(f"kernel_{i}", size, _he_normal(size[0])) for i, size in enumerate(sizes)
                ),
                tuple(add(f"bias_{i}", (1, size[1])) for i, size in enumerate(sizes)),
            )
        self.built = True

    def standardise(self, features: Sequence[Mapping[str, Any]]) -> None:
        """Sets what features are standardised by: their mean and deviation in each channel.

        Args:
            features: For each of some pictures, a dict of layer to features (1, height, width,
                channels).
        """
        for layer, head in self._heads.items():
            maps = [ops.convert_to_numpy(ops.cast(each[layer], "float32")) for each in features]
            rows = np.concatenate([each.reshape(-1, each.shape[-1]) for each in maps])
            deviation = np.sqrt(rows.var(axis=0) + 1e-3)
            for weight, value in ((head.mean, rows.mean(axis=0)), (head.scale, 1 / deviation)):
                weight.assign(np.broadcast_to(value, weight.shape))

    def heads(self, numbers: Any, frozen: bool = False) -> dict[str, Head]:
        """Picks the heads for a batch.

        Args:
            numbers: (batch,): the number of each image's collection, from 0.
            frozen: Whether no gradient reaches the critic's weights.

        Returns:
            Dict of layer to the `Head` of the batch.
        """

        def pick(weight):
            value = ops.stop_gradient(ops.convert_to_tensor(weight)) if frozen else weight
            return ops.take(value, numbers, axis=0)

        return {layer: keras.tree.map_structure(pick, head) for layer, head in self._heads.items()}

    def loss(
        self, real: Mapping[str, Any], painted: Mapping[str, Any], numbers: Any, penalty: float
    ) -> tuple[Any, Any]:
        """Computes the critic's own loss: hinge loss and gradient penalty, summed over layers.

        Source: Lim and Ye 2017 (arXiv 1705.02894) for the hinge loss.

        Args:
            real: Dict of layer to the features of pictures of the collections.
            painted: Likewise, of what the network paints; no gradient reaches it.
            numbers: (batch,): the number of each image's collection.
            penalty: Weight of the gradient penalty.

        Returns:
            The loss, and the share of positions that are told rightly: float32 scalars.
        """
        loss, accuracies = 0.0, []
        for layer, head in self.heads(numbers).items():
            of_real, slopes = judge(ops.cast(real[layer], "float32"), head)
            seen = ops.cast(ops.stop_gradient(painted[layer]), "float32")
            of_painted, _ = judge(seen, head)
            loss += ops.mean(ops.relu(1 - of_real)) + ops.mean(ops.relu(1 + of_painted))
            loss += penalty * gradient_penalty(slopes, head)
            right = [ops.mean(ops.cast(each > 0, "float32")) for each in (of_real, -of_painted)]
            accuracies.append(sum(right) / 2)
        return loss, sum(accuracies) / len(accuracies)


def _he_normal(inputs):
    """Keras's own would count the collections among the inputs."""
    return keras.initializers.RandomNormal(stddev=np.sqrt(2 / inputs))
