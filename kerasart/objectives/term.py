"""The shape that every term has."""

import copy

from kerasart.objectives.objective import Objective


class Term:
    """Something wanted of one layer's features: `distance(mean over positions of statistic)`.

    A statistic is a sum over positions, so it adds over the tiles of a picture; the distance is
    taken on the whole picture's mean. Terms are minimised. They add up and scale like numbers:
    `2 * Activation("mixed4") + TotalVariation()` is an `Objective`.

    Subclasses define `statistic` and `distance`. What a term compares the picture with reaches
    both as further arguments (see `Target`).

    Attributes:
        layer: The layer that the term looks at; "image" is the picture itself.
        name: What histories and progress bars call the term.
        weight: What its distance is multiplied by.
        summed: Whether the distance is taken on the sum over positions, as some published settings
            have it, in place of the mean.
        balanced: Whether the weight is relative to what `kerasart.optimization.balance` finds.
        proportional: Whether the weight of a term on the layer "image" is relative to the pull, at
            each step, of all that is wanted of the network's layers (see `Descent`).
        takes_bfloat16: Whether `statistic` also takes bfloat16 features; others get float32.
        is_linear: Whether `distance` is linear, so that its gradient is the same for all pictures.
        free: Names of the attributes on which neither `statistic` nor `distance` depends.
        has_guide_beside: Whether what a guide holds lies beside the features, position by position.
    """

    balanced = False
    proportional = False
    free = ("name", "weight", "balanced")
    takes_bfloat16 = False
    is_linear = False
    has_guide_beside = True

    def __init__(
        self, layer: str, name: str | None = None, weight: float = 1.0, summed: bool = False
    ):
        self.layer = layer
        self.name = name or layer
        self.weight = weight
        self.summed = summed

    def statistic(self, features, *guide):
        """Sums what the term measures over all positions.

        Args:
            features: float32 tensor (1, height, width, channels).
            *guide: What lies beside the features, if the term looks at any such.

        Returns:
            A tensor of any shape that holds no positions.
        """
        raise NotImplementedError

    def distance(self, mean, *value):
        """Says how far the picture is from what is wanted.

        Args:
            mean: `statistic` over the number of positions, height x width.
            *value: What to compare it with, if the term compares.

        Returns:
            A scalar to be minimised.
        """
        raise NotImplementedError

    def mean(self, features, *guide):
        """Takes the mean over positions of the statistic, or its sum if the term is `summed`."""
        from keras import ops

        if not self.takes_bfloat16:
            features = ops.cast(features, "float32")
        if self.summed:
            return self.statistic(features, *guide)
        height, width = ops.shape(features)[1:3]
        return self.statistic(features, *guide) / ops.cast(height * width, "float32")

    def extent(self, count):
        """Says which of `count` rows, or columns, count: the first, and the one after the last."""
        return 0, count

    def everywhere(self):
        """The term for which all positions count, to be used on those of `extent` alone."""
        return self

    def __mul__(self, factor):
        scaled = copy.copy(self)
        scaled.weight = self.weight * factor
        return scaled

    __rmul__ = __mul__

    def __add__(self, other):
        return Objective([self]) + other

    def __radd__(self, other):
        # `sum(terms)` starts at 0.
        return self.__add__(other)
