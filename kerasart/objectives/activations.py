"""`Activation` and `Channel`: losses that excite layers, channels, neurons and classes."""

import copy

import numpy as np

from kerasart.objectives.objective import Target, Term


class Activation(Term):
    """Minus the mean of a layer's activations, or of their squares: what DeepDream raises.

    Source: Mordvintsev et al. 2015, "Inceptionism". The squares without the border over the size
    of the whole activation are the Keras example's loss; the plain mean is the TensorFlow
    tutorial's.

    Args:
        layer: The layer.
        power: 2 for squares, 1 for the activations themselves.
        border: Rows and columns at each side that are left out, since padding makes features
            there that belong to no object. They still count in the mean's denominator.
        weight: What the term is multiplied by.
    """

    is_linear = True

    def __init__(self, layer: str, power: int = 2, border: int = 0, weight: float = 1.0):
        super().__init__(layer, weight=weight)
        self.power = power
        self.border = border

    def statistic(self, features):
        """Sums over positions the mean over channels of the activation to the power."""
        import tensorflow as tf

        # The mean over channels first: the gradient of cutting off a border is slow where large.
        means = tf.reduce_mean(features if self.power == 1 else features**2, axis=-1)
        b = self.border
        return tf.reduce_sum(means[:, b:-b, b:-b] if b else means)

    def extent(self, count):
        """Leaves out the border."""
        return self.border, count - self.border

    def everywhere(self):
        """The term without a border."""
        term = copy.copy(self)
        term.border = 0
        return term

    def distance(self, mean):
        """Minus the mean: the higher the activation, the better."""
        return -mean


class Channel(Term):
    """Minus a channel of a layer's features.

    Which channel reaches `distance` in the target, so that one compiled step serves all channels of
    a layer. Of a layer of class scores, a channel is a class.

    Source: Olah, Mordvintsev and Schubert 2017, "Feature Visualization" (distill.pub), whose
    objectives "channel", "neuron" and "class logit" these are.

    Args:
        layer: The layer.
        channel: The channel's number, from 0.
        neuron: Whether only the position at the centre counts, in place of the mean over all.
        name: What histories call the term; None names layer and channel.
        weight: What the term is multiplied by; a negative one lowers the channel.
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
        # A neuron is one position, whatever the number of them.
        super().__init__(layer, name or f"{kind} {layer}:{channel}", weight, summed=neuron)
        self.channel = channel
        self.neuron = neuron

    def statistic(self, features):
        """Sums the features over positions, or takes those at the centre: (channels,)."""
        import tensorflow as tf

        if self.neuron:
            return features[0, tf.shape(features)[1] // 2, tf.shape(features)[2] // 2]
        return tf.reduce_sum(features, axis=[0, 1, 2])

    def extent(self, count):
        """For a neuron, only the centre."""
        return (count // 2, count // 2 + 1) if self.neuron else (0, count)

    def everywhere(self):
        """The channel at all positions."""
        term = copy.copy(self)
        term.neuron = False
        return term

    def target(self, count):
        """Makes the `Target` that names the channel, of a layer of `count` channels.

        Raises:
            ValueError: If there is no such channel.
        """
        if not 0 <= self.channel < count:
            raise ValueError(
                f"`channel` must be from 0 to {count - 1} in {self.layer}. Received: {self.channel}"
            )
        return Target(value=(np.int32(self.channel),))

    def distance(self, mean, channel):
        """Minus the channel's mean: the higher, the better."""
        return -mean[channel]
