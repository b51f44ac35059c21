"""`Content`, `Similarity` and `Temporal`: comparisons with another image or its features."""

from typing import Any

from keras import ops

from kerasart.objectives.objective import Term

SIMILARITIES = ("dot", "l1", "l2", "cosine", "match")


class Content(Term):
    """Mean squared difference to the content image's features: `mean((f - t)^2)`.

    Source: Gatys et al. 2015 (arXiv 1508.06576, equation 1), with the mean over positions and
    channels instead of half the sum.

    Args:
        layer: The layer.
        weight: The term's weight.
        summed: See `Term`.
    """

    is_linear = True

    def __init__(self, layer: str, weight: float = 1.0, summed: bool = False):
        super().__init__(layer, f"content {layer}", weight, summed)

    def statistic(self, features: Any, content: Any) -> Any:
        """Sums over positions the mean over channels of the squared difference."""
        return ops.sum(ops.mean(ops.square(features - content), axis=-1))

    def distance(self, mean: Any) -> Any:
        """Returns the mean itself."""
        return mean


class Similarity(Term):
    """Dissimilarity of a layer's features to those of another image, position by position.

    A negative weight drives them apart. With the layer "image" it compares pixels. The other
    image's features `t` are in the target: `Target(guide=(features,))`.

    Source: "match" is the guided dream of Google's original notebook (2015), and "dot" the same
    without matching; "l1" and "l2" are the usual pixel and feature losses.

    Args:
        layer: The layer.
        kind: "dot", `-f.t / channels`; "l1", `mean |f - t|`; "l2", `mean (f - t)^2`; "cosine",
            `1 - cos(f, t)`; "match", `-max f.t / channels` over all positions of the other image.
        other: Which image it is compared with: "guide", or "start", the one dreamed on.
        weight: The term's weight.

    Raises:
        ValueError: If there is no such kind.
    """

    is_linear = True

    def __init__(self, layer: str, kind: str = "dot", other: str = "guide", weight: float = 1.0):
        if kind not in SIMILARITIES:
            raise ValueError(f"`kind` must be one of {', '.join(SIMILARITIES)}. Received: {kind!r}")
        super().__init__(layer, f"{kind} {layer} to the {other}", weight)
        self.kind = kind
        self.other = other
        self.guide_is_aligned = kind != "match"

    def statistic(self, features: Any, other: Any) -> Any:
        """Sums the dissimilarity over positions; `other` has the same size, except for "match"."""
        if self.kind == "dot":
            # The mean over channels, so that a weight means the same in every layer.
            return -ops.sum(ops.mean(features * other, axis=-1))
        if self.kind == "l1":
            return ops.sum(ops.mean(ops.abs(features - other), axis=-1))
        if self.kind == "l2":
            return ops.sum(ops.mean(ops.square(features - other), axis=-1))
        if self.kind == "cosine":
            return ops.sum(1 - ops.sum(_unit(features) * _unit(other), axis=-1))
        channels = features.shape[-1]
        rows, others = (ops.reshape(x, (-1, channels)) for x in (features, other))
        products = ops.matmul(rows, ops.transpose(others)) / channels
        return -ops.sum(ops.max(products, axis=-1))

    def distance(self, mean: Any) -> Any:
        """Returns the mean itself."""
        return mean


class Temporal(Term):
    """Mean squared difference to the picture before, moved to where its content is now.

    The mean over positions of `trust * mean over channels of (x - before)^2`. The target's guide is
    `(before, trust)`: the warped picture, float32 (1, height, width, 3), and where the motion can
    be trusted, float32 (1, height, width, 1) in [0, 1].

    Source: Ruder et al. 2016, "Artistic Style Transfer for Videos" (arXiv 1604.08610, equation 7).

    Args:
        weight: The term's weight.
    """

    is_linear = True

    def __init__(self, weight: float = 1.0):
        super().__init__("image", "temporal", weight)

    def statistic(self, features: Any, before: Any, trust: Any) -> Any:
        """Sums the trusted part of the squared difference over positions."""
        return ops.sum(trust * ops.mean(ops.square(features - before), axis=-1, keepdims=True))

    def distance(self, mean: Any) -> Any:
        """Returns the mean itself."""
        return mean


def _unit(features):
    """Scales each position's features to length 1."""
    square = ops.sum(ops.square(features), axis=-1, keepdims=True)
    return features * ops.rsqrt(ops.maximum(square, 1e-8))
