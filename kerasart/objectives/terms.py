"""The terms."""

import copy

from kerasart.objectives.objective import Term


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


class TotalVariation(Term):
    """The mean difference of neighbouring pixels: a wish for smoothness.

    The sum over channels of `|dx|^beta + |dy|^beta`.

    Source: Rudin et al. 1992; Mahendran and Vedaldi 2015 (arXiv 1412.0035, equation 3), as a mean
    over positions in place of their sum.

    Args:
        weight: What the term is multiplied by.
        beta: The exponent: 2 for squares, 1 for lengths; with beta 1, summed, it is
            `tf.image.total_variation`.
        isotropic: True takes both directions together, `(dx^2 + dy^2)^(beta / 2)`, and leaves out
            the last row and column, where one is missing, as the Keras example does. Little then
            keeps the picture's lower edge from fraying.
        summed: See `Term`.
    """

    is_linear = True

    def __init__(
        self,
        weight: float = 1.0,
        beta: float = 2.0,
        isotropic: bool = False,
        summed: bool = False,
    ):
        super().__init__("image", "total_variation", weight, summed)
        self.beta = beta
        self.isotropic = isotropic

    def statistic(self, features):
        """Sums the powers of the differences to the lower and the right neighbour."""
        from keras import ops

        # Rows of numbers: differences of pixels of three channels each take three times as long.
        height, width, channels = ops.shape(features)[1:]
        rows = ops.reshape(features, (height, width * channels))
        down = rows[1:] - rows[:-1]
        right = rows[:, channels:] - rows[:, :-channels]
        if self.isotropic:
            down, right = down[:, :-channels], right[:-1]
        if self.isotropic and self.beta != 2:
            # The gradient of a root is infinite at 0, where a flat area has none to give.
            return ops.sum(ops.maximum(down**2 + right**2, 1e-12) ** (self.beta / 2))
        return sum(
            ops.sum(edge**2 if self.beta == 2 else ops.abs(edge) ** self.beta)
            for edge in (down, right)
        )

    def distance(self, mean):
        """The mean itself."""
        return mean


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
