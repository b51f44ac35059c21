"""`TotalVariation` and `Energy`: regularisers of the pixels."""

from typing import Any

from keras import ops

from kerasart.objectives.objective import Term

# ImageNet's mean colour, as in networks trained in Caffe: RGB.
_MEAN_COLOUR = (123.68 / 255, 116.779 / 255, 103.939 / 255)


class TotalVariation(Term):
    """Total variation, a smoothness regulariser: mean over positions of `|dx|^beta + |dy|^beta`.

    Channels are summed.

    Source: Rudin et al. 1992; Mahendran and Vedaldi 2015 (arXiv 1412.0035, equation 3), as a mean
    over positions instead of their sum.

    Args:
        weight: The term's weight.
        beta: The exponent; with `beta=1` and `summed=True` it is `tf.image.total_variation`.
        isotropic: Whether to combine the directions, `(dx^2 + dy^2)^(beta / 2)`, without the last
            row and column, which lack a neighbour, as in the Keras example. The lower and right
            edges are then hardly smoothed.
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

    def statistic(self, features: Any) -> Any:
        """Sums the powers of the differences to the lower and the right neighbour."""
        # On rows of values: on pixels with an axis of three channels it takes longer.
        height, width, channels = ops.shape(features)[1:]
        rows = ops.reshape(features, (height, width * channels))
        down = rows[1:] - rows[:-1]
        right = rows[:, channels:] - rows[:, :-channels]
        if self.isotropic:
            down, right = down[:, :-channels], right[:-1]
        if self.isotropic and self.beta != 2:
            # The gradient of a root is infinite at 0, as in flat areas.
            return ops.sum(
                ops.maximum(ops.square(down) + ops.square(right), 1e-12) ** (self.beta / 2)
            )
        return sum(
            ops.sum(ops.square(edge) if self.beta == 2 else ops.abs(edge) ** self.beta)
            for edge in (down, right)
        )

    def distance(self, mean: Any) -> Any:
        """Returns the mean itself."""
        return mean


class Energy(Term):
    """L2 regulariser of the pixels: mean squared distance from ImageNet's mean colour.

    Source: the L2 norm in the older Keras example of DeepDream, whose images have that colour at
    0, and Mahendran and Vedaldi 2015 (arXiv 1412.0035, section 3).

    Args:
        weight: The term's weight.
    """

    is_linear = True

    def __init__(self, weight: float = 1.0):
        super().__init__("image", "energy", weight)

    def statistic(self, features: Any) -> Any:
        """Sums over positions the mean over channels of the squared distance."""
        mean = ops.convert_to_tensor(_MEAN_COLOUR, features.dtype)
        return ops.sum(ops.mean(ops.square(features - mean), axis=-1))

    def distance(self, mean: Any) -> Any:
        """Returns the mean itself."""
        return mean
