"""Terms of dreams: channels and classes, other pictures, and a wish for plainness."""

import copy

import numpy as np

from kerasart.objectives.objective import Target, Term

SIMILARITIES = ("dot", "l1", "l2", "cosine", "match")

# ImageNet's mean colour, as the networks that were trained in Caffe have it: RGB.
_MEAN_COLOUR = (123.68 / 255, 116.779 / 255, 103.939 / 255)


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


class Similarity(Term):
    """How unlike a layer's features are to those of another picture.

    A negative weight drives them apart. With the layer "image" it is about the pixels themselves.
    The other picture's features are in the target: `Target(guide=(features,))`.

    Source: the guided dream of Google's original notebook (2015) is "match"; "dot" is its variant
    without the matching, and "l1" and "l2" are the distances of the Keras examples' kind.

    Args:
        layer: The layer.
        kind: How features are compared, position by position: "dot", minus their dot product;
            "l1" or "l2", the mean absolute or squared difference; "cosine", 1 minus the cosine of
            the angle between them; "match", minus the dot product with whichever of the other
            picture's positions has the greatest one.
        other: Which picture it is compared with: "guide", or "start", the one dreamed on.
        weight: What the term is multiplied by.
    """

    is_linear = True

    def __init__(self, layer, kind="dot", other="guide", weight=1.0):
        if kind not in SIMILARITIES:
            raise ValueError(f"`kind` must be one of {', '.join(SIMILARITIES)}. Received: {kind!r}")
        super().__init__(layer, f"{kind} {layer} to the {other}", weight)
        self.kind = kind
        self.other = other
        self.has_guide_beside = kind != "match"

    def statistic(self, features, other):
        """Sums the unlikeness over positions; `other` has the same size, but for "match"."""
        import tensorflow as tf

        if self.kind == "dot":
            # The mean over channels, so that a weight means the same in every layer.
            return -tf.reduce_sum(tf.reduce_mean(features * other, axis=-1))
        if self.kind == "l1":
            return tf.reduce_sum(tf.reduce_mean(tf.abs(features - other), axis=-1))
        if self.kind == "l2":
            return tf.reduce_sum(tf.reduce_mean((features - other) ** 2, axis=-1))
        if self.kind == "cosine":
            directions = (tf.math.l2_normalize(x, axis=-1, epsilon=1e-8) for x in (features, other))
            return tf.reduce_sum(1 - tf.reduce_sum(tf.multiply(*directions), axis=-1))
        channels = features.shape[-1]
        rows, others = (tf.reshape(x, [-1, channels]) for x in (features, other))
        products = tf.matmul(rows, others, transpose_b=True) / channels
        return -tf.reduce_sum(tf.reduce_max(products, axis=-1))

    def distance(self, mean):
        """The mean itself."""
        return mean


class Energy(Term):
    """The mean squared distance of the pixels from ImageNet's mean colour: a wish for plainness.

    Source: the L2 norm in the older Keras example of DeepDream, whose pictures have that colour at
    0, and Mahendran and Vedaldi 2015 (arXiv 1412.0035, section 3).

    Args:
        weight: What the term is multiplied by.
    """

    is_linear = True

    def __init__(self, weight=1.0):
        super().__init__("image", "energy", weight)

    def statistic(self, features):
        """Sums over positions the mean over channels of the squared distance."""
        import tensorflow as tf

        return tf.reduce_sum(tf.reduce_mean((features - _MEAN_COLOUR) ** 2, axis=-1))

    def distance(self, mean):
        """The mean itself."""
        return mean
