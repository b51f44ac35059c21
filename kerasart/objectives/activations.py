"""`Activation` and `Channel`: losses that excite layers, channels, neurons and classes."""

import copy
from typing import Any, Self

import numpy as np
from keras import ops

from kerasart.objectives.objective import Target, Term


class Activation(Term):
    """Negative mean activation of a layer: `-mean(f^power)`, the loss of DeepDream.

    Source: Mordvintsev et al. 2015, "Inceptionism". The squares without the border over the size
    of the whole activation are the Keras example's loss; the plain mean is the TensorFlow
    tutorial's.

    Args:
        layer: The layer.
        power: 2 for squares, 1 for the activations themselves.
        border: Rows and columns at each side that are excluded, because padding causes features
            there that belong to no object. They still count in the mean's denominator.
        weight: The term's weight.
    """

    is_linear = True

    def __init__(self, layer: str, power: int = 2, border: int = 0, weight: float = 1.0):
        super().__init__(layer, weight=weight)
        self.power = power
        self.border = border

    def statistic(self, features: Any) -> Any:
        """Sums over positions the mean over channels of `f^power`."""
        # The mean over channels first: the gradient of slicing is slow for large tensors.
        means = ops.mean(features if self.power == 1 else ops.square(features), axis=-1)
        b = self.border
        return ops.sum(means[:, b:-b, b:-b] if b else means)

    def extent(self, count: int) -> tuple[int, int]:
        """Excludes the border."""
        return self.border, count - self.border

    def everywhere(self) -> Self:
        """Returns the term without a border."""
        term = copy.copy(self)
        term.border = 0
        return term

    def distance(self, mean: Any) -> Any:
        """Returns the negative mean."""
        return -mean


class Channel(Term):
    """Negative activation of a channel: its mean over positions, or its value at the centre.

    The channel reaches `distance` in the target, so that one compiled step serves all channels of
    a layer. In a layer of logits, a channel is a class.

    Source: Olah, Mordvintsev and Schubert 2017, "Feature Visualization" (distill.pub), whose
    objectives "channel", "neuron" and "class logit" these are.

    Args:
        layer: The layer.
        channel: The channel's number, from 0.
        neuron: Whether only the position at the centre counts, instead of the mean over all.
        name: The term's name in histories; None makes one of layer and channel.
        weight: The term's weight; a negative one suppresses the channel.
    """

    is_linear = True
    free = (*Term.free, "channel")

    def __init__(
        self,
        layer: str,
        channel: int,
        neuron: bool = False,
        name: str | None = None,
        weight: float = 1.0,
    ):
        kind = "neuron" if neuron else "channel"
        # A neuron is at one position, so its sum is not divided by the number of positions.
        super().__init__(layer, name or f"{kind} {layer}:{channel}", weight, summed=neuron)
        self.channel = channel
        self.neuron = neuron

    def statistic(self, features: Any) -> Any:
        """Sums the features over positions, or takes those at the centre: (channels,)."""
        if self.neuron:
            height, width = ops.shape(features)[1:3]
            return features[0, height // 2, width // 2]
        return ops.sum(features, axis=[0, 1, 2])

    def extent(self, count: int) -> tuple[int, int]:
        """Includes only the centre for a neuron."""
        return (count // 2, count // 2 + 1) if self.neuron else (0, count)

    def everywhere(self) -> Self:
        """Returns the term of the channel at all positions."""
        term = copy.copy(self)
        term.neuron = False
        return term

    def target(self, count: int) -> Target:
        """Makes the `Target` that selects the channel in a layer of `count` channels.

        Raises:
            ValueError: If there is no such channel.
        """
        if not 0 <= self.channel < count:
            raise ValueError(
                f"`channel` must be from 0 to {count - 1} in {self.layer}. Received: {self.channel}"
            )
        return Target(value=(np.int32(self.channel),))

    def distance(self, mean: Any, channel: Any) -> Any:
        """Returns the channel's negative mean."""
        return -mean[channel]
