"""How terms add up."""

from collections.abc import Iterable
from typing import NamedTuple

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
    """A sum of weighted terms.

    Attributes:
        terms: The terms, in the order in which they were added.
    """

    def __init__(self, terms: Iterable):
        self.terms = tuple(terms)
        names = self.names
        if len(set(names)) < len(names):
            raise ValueError(
                f"The terms of an objective must have different names. Received: {list(names)}"
            )

    @property
    def names(self):
        """The terms' names."""
        return tuple(term.name for term in self.terms)

    @property
    def layers(self):
        """The layers that the terms need, each once."""
        return tuple(dict.fromkeys(term.layer for term in self.terms))

    @property
    def structure(self):
        """All that a compiled step depends on: the terms without names and weights."""
        return tuple(map(_structure, self.terms))

    @property
    def weights(self):
        """The terms' weights, a float32 vector."""
        return np.array([term.weight for term in self.terms], np.float32)

    def __call__(self, features, targets=None, weights=None):
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

    def distances(self, features, targets):
        """Evaluates every term without its weight, a list; else as a call."""
        return [
            term.distance(term.mean(features[term.layer], *target.guide), *target.value)
            for term, target in zip(self.terms, targets, strict=True)
        ]

    def __add__(self, other):
        if other == 0:
            return self
        terms = getattr(other, "terms", [other])
        if not all(hasattr(term, "distance") for term in terms):
            return NotImplemented
        return Objective([*self.terms, *terms])

    __radd__ = __add__

    def __mul__(self, factor):
        return Objective([factor * term for term in self.terms])

    __rmul__ = __mul__


def _structure(term):
    free = getattr(term, "free", ())
    return (type(term), *((name, value) for name, value in vars(term).items() if name not in free))
