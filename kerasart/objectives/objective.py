"""`Objective`, a weighted sum of losses; `Term`, one loss; `Target`, what it compares with."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from numbers import Real
from typing import Any, NamedTuple

import numpy as np


class Target(NamedTuple):
    """What a term compares a picture with; terms that compare with nothing need none.

    Targets are made once and passed to each step, so that one compiled step serves them all.

    Attributes:
        guide: Further arguments of the term's `statistic`: tensors (1, height, width, any) that lie
            beside the features, position by position, such as a mask.
        value: Further arguments of the term's `distance`: tensors without positions, such as the
            Gram matrix of a style.
    """

    guide: tuple = ()
    value: tuple = ()


class Objective:
    """A weighted sum of terms, which is minimised.

    Objectives add up and scale like numbers: `2 * Activation("mixed4") + TotalVariation()`.

    Attributes:
        terms: The terms, in the order in which they were added.
    """

    def __init__(self, terms: Iterable[Term] = ()):
        self.terms = tuple(terms)

    @property
    def names(self) -> tuple[str, ...]:
        """The terms' names; of equal ones, the second ends in " 2", the third in " 3"."""
        names: list[str] = []
        for term in self.terms:
            name, count = term.name, 1
            while name in names:
                count += 1
                name = f"{term.name} {count}"
            names.append(name)
        return tuple(names)

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that the terms need, each once."""
        return tuple(dict.fromkeys(term.layer for term in self.terms))

    @property
    def structure(self) -> tuple:
        """All that a compiled step depends on: the terms without names and weights."""
        return tuple(map(_structure, self.terms))

    @property
    def weights(self) -> np.ndarray:
        """The terms' weights, a float32 vector."""
        return np.array([term.weight for term in self.terms], np.float32)

    def __call__(
        self,
        features: Mapping[str, Any],
        targets: Sequence[Target] | None = None,
        weights: Any = None,
    ) -> Any:
        """Evaluates every term.

        Args:
            features: A dict of layer name to features (1, height, width, channels).
            targets: A `Target` for each term; None where no term needs one.
            weights: A vector of weights; None stands for the terms' own.

        Returns:
            A float32 vector of the terms' weighted distances, in the order of `terms`; its sum is
            what is minimised.
        """
        from keras import ops

        targets = targets or [Target()] * len(self.terms)
        distances = self.distances(features, targets)
        return ops.stack(distances) * (self.weights if weights is None else weights)

    def distances(self, features: Mapping[str, Any], targets: Sequence[Target]) -> list:
        """Evaluates every term without its weight, a list; else as a call."""
        return [
            term.distance(term.mean(features[term.layer], *target.guide), *target.value)
            for term, target in zip(self.terms, targets, strict=True)
        ]

    def by_name(self, values: Iterable) -> dict[str, Any]:
        """Makes a dict of term name to value, of a value for each term."""
        return dict(zip(self.names, values, strict=True))

    def __add__(self, other: Objective) -> Objective:
        if not isinstance(other, Objective):
            return NotImplemented
        return Objective(self.terms + other.terms)

    def __radd__(self, other: Real) -> Objective:
        # `sum(terms)` starts at 0.
        return self if other == 0 else NotImplemented

    def __mul__(self, factor: Real) -> Objective:
        if not isinstance(factor, Real):
            return NotImplemented
        return Objective(factor * term for term in self.terms)

    __rmul__ = __mul__


class Term(Objective):
    """A loss of one layer's features: `distance(mean over positions of statistic)`.

    A statistic is a sum over positions, so it adds over the tiles of a picture; the distance is
    taken on the whole picture's mean. A term is the `Objective` whose one term it is.

    Subclasses define `statistic` and `distance`. What a term compares the picture with reaches
    both as further arguments (see `Target`).

    Attributes:
        layer: The layer that the term looks at; "image" is the picture itself.
        name: What histories and progress bars call the term.
        weight: What its distance is multiplied by.
        summed: Whether the distance is taken on the sum over positions, as some published settings
            have it, in place of the mean.
        balanced: Whether the weight is relative to what `kerasart.optimization.balancing` finds.
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

    @property
    def terms(self) -> tuple[Term]:
        """The term itself."""
        return (self,)

    def statistic(self, features: Any, *guide: Any) -> Any:
        """Sums what the term measures over all positions.

        Args:
            features: float32 tensor (1, height, width, channels).
            *guide: What lies beside the features, if the term looks at any such.

        Returns:
            A tensor of any shape that holds no positions.
        """
        raise NotImplementedError

    def distance(self, mean: Any, *value: Any) -> Any:
        """Says how far the picture is from what is wanted.

        Args:
            mean: `statistic` over the number of positions, height x width.
            *value: What to compare it with, if the term compares.

        Returns:
            A scalar to be minimised.
        """
        raise NotImplementedError

    def mean(self, features: Any, *guide: Any) -> Any:
        """Takes the mean over positions of the statistic, or its sum if the term is `summed`."""
        from keras import ops

        if not self.takes_bfloat16:
            features = ops.cast(features, "float32")
        if self.summed:
            return self.statistic(features, *guide)
        height, width = ops.shape(features)[1:3]
        return self.statistic(features, *guide) / ops.cast(height * width, "float32")

    def extent(self, count: int) -> tuple[int, int]:
        """Returns the half-open range of the rows, or columns, of `count` that contribute."""
        return 0, count

    def everywhere(self) -> Term:
        """The term for which all positions count, to be used on those of `extent` alone."""
        return self

    def __mul__(self, factor: Real) -> Term:
        if not isinstance(factor, Real):
            return NotImplemented
        scaled = copy.copy(self)
        scaled.weight = self.weight * factor
        return scaled

    __rmul__ = __mul__


def _structure(term: Term) -> tuple:
    free = term.free
    return (type(term), *((name, value) for name, value in vars(term).items() if name not in free))
