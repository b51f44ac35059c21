"""`AveragingTrainer`, the base class of trainers whose result is a running mean of weights."""

from collections.abc import Iterable
from typing import Any

import keras

from kerasart.networks.style_network import copy_with_dtype
from kerasart.networks.trainer import Trainer

_DECAY = 0.995


class AveragingTrainer(Trainer):
    """Trains a network against a critic, and keeps a running mean of its weights.

    Adversarial training circles around the equilibrium; the mean is nearer to it.

    Source: Yazici et al. 2018, "The Unusual Effectiveness of Averaging in GAN Training" (arXiv
    1806.04498).

    Attributes:
        average: A copy of the network that holds the running mean of its weights, and is what to
            paint with.
    """

    def __init__(self, network: keras.Model, *args: Any, **kwargs: Any):
        super().__init__(network, *args, **kwargs)
        self.average = copy_with_dtype(network, network.dtype_policy)
        self.average.trainable = False

    @property
    def result(self) -> Any:
        """The `average`."""
        return self.average

    def _update_average(self):
        """Updates the `average`, in `compute_loss`: what that assigns is kept on every backend."""
        update_means(self.average.weights, self.network.weights)  # It is a step behind.


def update_means(means: Iterable[Any], values: Iterable[Any]) -> None:
    """Updates running means, which are variables, by one value each."""
    for mean, value in zip(means, values, strict=True):
        mean.assign(mean + (1 - _DECAY) * (value - mean))
