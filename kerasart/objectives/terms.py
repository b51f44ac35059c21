"""The terms."""

from kerasart.objectives.term import Term


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

    def __init__(self, layer, power=2, border=0, weight=1.0):
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

    def distance(self, mean):
        """Minus the mean: the higher the activation, the better."""
        return -mean


class TotalVariation(Term):
    """The mean squared difference of neighbouring pixels: a wish for smoothness.

    Source: Rudin et al. 1992; the squared form of Mahendran and Vedaldi 2015 (arXiv 1412.0035,
    equation 3 with beta = 2), as a mean in place of their sum.

    Args:
        weight: What the term is multiplied by.
    """

    def __init__(self, weight=1.0):
        super().__init__("image", name="total_variation", weight=weight)

    def statistic(self, features):
        """Sums the squared differences to the lower and the right neighbour, over channels."""
        import tensorflow as tf

        down = features[:, 1:] - features[:, :-1]
        right = features[:, :, 1:] - features[:, :, :-1]
        return tf.reduce_sum(down**2) + tf.reduce_sum(right**2)

    def distance(self, mean):
        """The mean itself."""
        return mean
