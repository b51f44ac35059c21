"""`TotalVariation` and `Energy`: regularisers of the pixels themselves."""

from kerasart.objectives.objective import Term

# ImageNet's mean colour, as the networks that were trained in Caffe have it: RGB.
_MEAN_COLOUR = (123.68 / 255, 116.779 / 255, 103.939 / 255)


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
