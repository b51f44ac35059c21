"""`Content` and `Similarity`: comparisons with the features of another picture."""

from kerasart.objectives.objective import Term

SIMILARITIES = ("dot", "l1", "l2", "cosine", "match")


class Content(Term):
    """The mean squared difference of a layer's features to the content picture's.

    Source: Gatys et al. 2015 (arXiv 1508.06576, equation 1), which has half the sum where we have
    the mean over positions and channels.

    Args:
        layer: The layer.
        weight: What the term is multiplied by.
        summed: See `Term`.
    """

    is_linear = True

    def __init__(self, layer, weight=1.0, summed=False):
        super().__init__(layer, f"content {layer}", weight, summed)

    def statistic(self, features, content):
        """Sums over positions the mean over channels of the squared difference."""
        from keras import ops

        return ops.sum(ops.mean((features - content) ** 2, axis=-1))

    def distance(self, mean):
        """The mean itself."""
        return mean


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
