"""`Judgement`, a critic's verdict on features; `judge` and `gradient_penalty`, a critic's heads."""

from typing import Any, NamedTuple

from keras import ops

from kerasart.objectives.objective import Term

# Slope of leaky ReLU below 0.
_LEAK = 0.2


class Head(NamedTuple):
    """The weights of a critic's head on one layer, for each image of a batch.

    Attributes:
        mean, scale: float32 (batch, 1, channels): what standardises features.
        kernels: Three matrices, float32 (batch, inputs, outputs); the last has one output.
        biases: Three float32 (batch, 1, outputs).
    """

    mean: Any
    scale: Any
    kernels: tuple
    biases: tuple


class Judgement(Term):
    """Minus the mean logit that a critic's head gives a layer's features: a generator's loss.

    The target's guide is the `Head`. The critic learns to tell the features of a collection of
    pictures, logits above 1, from those of what a network paints, below -1; this term has the
    network paint what is taken for a picture of the collection.

    It is a loss for networks, not for pixels: optimised over the pixels of one image, it finds
    noise that fools the critic.

    Source: the generator's part of the hinge loss (Lim and Ye 2017, arXiv 1705.02894); a critic on
    the features of a frozen network (Sauer et al. 2021, arXiv 2111.01007).

    Args:
        layer: The layer.
        weight: The term's weight.
    """

    is_linear = True
    guide_is_aligned = False

    def __init__(self, layer: str, weight: float = 1.0):
        super().__init__(layer, f"judgement {layer}", weight)

    def statistic(self, features: Any, *head: Any) -> Any:
        """Sums minus the logits over positions."""
        logits, _ = judge(features, Head(*head))
        return -ops.sum(logits)

    def distance(self, mean: Any) -> Any:
        """Returns the mean itself."""
        return mean


def judge(features: Any, head: Head) -> tuple[Any, tuple]:
    """Computes a head's logit at each position: three 1x1 convolutions with leaky ReLU.

    Args:
        features: float32 (batch, height, width, channels).
        head: The `Head`.

    Returns:
        Logits (batch, positions, 1), and the slopes of both activations.
    """
    x = ops.reshape(features, (features.shape[0], -1, features.shape[-1]))
    x = (x - head.mean) * head.scale
    slopes = []
    for kernel, bias in zip(head.kernels[:2], head.biases[:2], strict=True):
        x = ops.matmul(x, kernel) + bias
        slopes.append(ops.where(x > 0, ops.ones_like(x), _LEAK))
        x = x * slopes[-1]
    return ops.matmul(x, head.kernels[2]) + head.biases[2], tuple(slopes)


def gradient_penalty(slopes: tuple, head: Head) -> Any:
    """Computes the R1 penalty: the mean square norm of the logit's gradient by the features.

    In closed form: where activations are piecewise linear, the gradient at a position is a product
    of the kernels and the slopes there. So the training differentiates once, not twice.

    Source: Mescheder et al. 2018, "Which Training Methods for GANs do actually Converge?" (arXiv
    1801.04406, equation 9), on standardised features instead of pixels.

    Args:
        slopes: As of `judge`.
        head: The `Head`.

    Returns:
        A float32 scalar, the mean over positions and images.
    """
    first, second, last = head.kernels
    gradient = slopes[1] * ops.swapaxes(last, 1, 2)
    gradient = slopes[0] * ops.matmul(gradient, ops.swapaxes(second, 1, 2))
    gradient = ops.matmul(gradient, ops.swapaxes(first, 1, 2))
    return ops.mean(ops.sum(ops.square(gradient), axis=-1))
