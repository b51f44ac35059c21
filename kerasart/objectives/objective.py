"""`Objective`, a weighted sum of losses; `Term`, one loss; `Target`, what it compares with."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from numbers import Real
from typing import Any, NamedTuple, Self

import numpy as np
from keras import ops


class Target(NamedTuple):
    """What a term compares an image with; terms that compare with nothing need none.

    Targets are made once and passed to each step, so that one compiled step serves them all.

    Attributes:
        guide: Further arguments of the term's `statistic`: tensors (1, height, width, any) aligned
            with the features, such as a mask.
        value: Further arguments of the term's `distance`: tensors without positions, such as the
            Gram matrix of a style.
    """

    guide: tuple = ()
    value: tuple = ()


class Objective:
    """A weighted sum of terms, which is minimised.

    Objectives add up and scale like numbers: `2 * Activation("mixed4") + TotalVariation()`.
    """

    def __init__(self, terms: Iterable[Term] = ()):
        self._terms = tuple(terms)

    @property
    def terms(self) -> tuple[Term, ...]:
        """The terms, in the order in which they were added."""
        return self._terms

    @property
    def names(self) -> tuple[str, ...]:
        """The terms' names, made unique: a second "x" is "x 2"."""
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
        """The layers that the terms read, each once."""
        return tuple(dict.fromkeys(term.layer for term in self.terms))

    @property
    def structure(self) -> tuple:
        """What a compiled step depends on: the terms without names and weights, hashable."""
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
            features: Layer name to features (1, height, width, channels).
            targets: A `Target` for each term; None if no term needs one.
            weights: A vector of weights instead of the terms' own.

        Returns:
            A float32 vector of the terms' weighted distances, in the order of `terms`; its sum is
            what is minimised.
        """
        targets = targets or [Target()] * len(self.terms)
        distances = self.distances(features, targets)
        return ops.stack(distances) * (self.weights if weights is None else weights)

    def distances(self, features: Mapping[str, Any], targets: Sequence[Target]) -> list:
        """Evaluates every term without its weight: a list of scalars."""
        return [
            term.measure(term.mean(features[term.layer], *target.guide), *target.value)
            for term, target in zip(self.terms, targets, strict=True)
        ]

    def by_name(self, values: Iterable) -> dict[str, Any]:
        """Makes a dict of term name to value from a value for each term."""
        return dict(zip(self.names, values, strict=True))

    def __add__(self, other: Objective) -> Objective:
        if not isinstance(other, Objective):
            return NotImplemented
        return Objective(self.terms + other.terms)

    def __radd__(self, other: float) -> Objective:
        # `sum(terms)` starts at 0.
        return self if other == 0 else NotImplemented

    def __mul__(self, factor: float) -> Objective:
        if not isinstance(factor, Real):
            return NotImplemented
        return Objective(factor * term for term in self.terms)

    __rmul__ = __mul__

    def __neg__(self) -> Objective:
        return -1.0 * self

    def __sub__(self, other: Objective) -> Objective:
        if not isinstance(other, Objective):
            return NotImplemented
        return self + -other

    def __truediv__(self, divisor: float) -> Objective:
        if not isinstance(divisor, Real):
            return NotImplemented
        return self * (1.0 / divisor)


class Term(Objective):
    """A loss on one layer's features: `weight * distance(statistic / positions)`.

    A statistic is a sum over positions, so it adds up over the tiles of an image; the distance is
    taken once, of the whole image's mean. A term is also the `Objective` of this one term.

    Subclasses define `statistic` and `distance`. What a term compares the image with reaches both
    as further arguments (see `Target`).

    Attributes:
        layer: The layer whose features it takes; "image" is the image itself.
        name: The term's name in histories and progress bars.
        weight: The factor of its distance.
        summed: Whether the distance is taken of the sum over positions instead of the mean, as in
            some published settings.
        balanced: Whether the weight is relative to the one that `kerasart.optimization.balance`
            finds.
        proportional: Whether the weight of a term on the layer "image" is relative, at each step,
            to the gradient of the terms on the backbone's layers (see `Evaluator`).
        takes_bfloat16: Whether `statistic` also takes bfloat16 features; others get float32.
        is_linear: Whether `distance` is linear, with the same gradient for all images.
        free: Names of the attributes on which neither `statistic` nor `distance` depends.
        guide_is_aligned: Whether the target's guide is aligned with the features.
    """

    balanced = False
    proportional = False
    free: tuple[str, ...] = ("name", "weight", "balanced")
    takes_bfloat16 = False
    is_linear = False
    guide_is_aligned = True

    def __init__(
        self, layer: str, name: str | None = None, weight: float = 1.0, summed: bool = False
    ):
        if not isinstance(layer, str):
            raise ValueError(f"`layer` must be the name of a layer. Received: {layer!r}")
        self.layer = layer
        self.name = name or layer
        self.weight = weight
        self.summed = summed

    @property
    def terms(self) -> tuple[Term, ...]:
        """The term itself."""
        return (self,)

    def statistic(self, features: Any, *guide: Any) -> Any:
        """Sums a statistic over all positions.

        Args:
            features: float32 tensor (1, height, width, channels).
            *guide: The target's `guide`.

        Returns:
            A tensor of any shape without positions.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `statistic`. Received: none")

    def distance(self, mean: Any, *value: Any) -> Any:
        """Measures how far the image is from the target.

        Args:
            mean: `statistic` over the number of positions, height x width.
            *value: The target's `value`.

        Returns:
            A scalar to be minimised.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `distance`. Received: none")

    def measure(self, mean: Any, *value: Any) -> Any:
        """Returns the `distance`.

        Raises:
            ValueError: If it is no scalar.
        """
        distance = self._checked("distance", self.distance(mean, *value))
        shape = tuple(getattr(distance, "shape", ()))
        if shape:
            raise ValueError(
                f"`distance` of {type(self).__name__} must be a scalar. Received: shape {shape}"
            )
        return distance

    def mean(self, features: Any, *guide: Any) -> Any:
        """Returns the mean over positions of the statistic, or its sum if the term is `summed`."""
        if not self.takes_bfloat16:
            features = ops.cast(features, "float32")
        statistic = self._checked("statistic", self.statistic(features, *guide))
        if self.summed:
            return statistic
        height, width = ops.shape(features)[1:3]
        # Multiplied: of a quotient, the gradient for the divisor would be computed too.
        return statistic * (1 / ops.cast(height * width, "float32"))

    def _checked(self, method, result):
        if not (hasattr(result, "shape") or isinstance(result, Real)):
            raise ValueError(
                f"`{method}` of {type(self).__name__} must return a tensor. Received: {result!r}"
            )
        return result

    def extent(self, count: int) -> tuple[int, int]:
        """Returns the half-open range of the rows, or columns, of `count` that contribute."""
        return 0, count

    def everywhere(self) -> Self:
        """Returns the term that counts all positions, for features cut to `extent` already."""
        return self

    def __mul__(self, factor: float) -> Self:
        if not isinstance(factor, Real):
            return NotImplemented
        scaled = copy.copy(self)
        scaled.weight = self.weight * factor
        return scaled

    __rmul__ = __mul__


def _structure(term: Term) -> tuple:
    free = term.free
    return (type(term), *((name, value) for name, value in vars(term).items() if name not in free))
