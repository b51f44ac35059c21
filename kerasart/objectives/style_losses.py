"""`Gram`, `Moments`, `Wasserstein`: style losses, spatially invariant statistics of features."""

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasart.kernels.custom_gradient import compile_once, custom_gradient
from kerasart.objectives.objective import Term


class StyleTerm(Term):
    """A loss on the statistics of a layer's features, compared with those of a style image.

    `prepare` makes the target from the mean statistic of a style image, or of a blend of several.
    The target's guide, if any, is a mask (1, height, width, 1) of mean 1 that weights positions.

    Source of the masks: Gatys et al. 2017, "Controlling Perceptual Factors in Neural Style
    Transfer" (arXiv 1611.07865, section 4: guided Gram matrices).

    Args:
        layer: The layer.
        weight: The term's weight.
        style: The style's number, from 0, where each style has its own region; None for a blend
            of all.
    """

    def __init__(self, layer: str, weight: float = 1.0, style: int | None = None):
        which = "" if style is None else f" {style + 1}"
        super().__init__(layer, f"style{which} {layer}", weight)
        self.style = style

    def prepare(self, mean: Any) -> tuple[Any, ...]:
        """Turns a style's mean statistic into the target's `value`."""
        return (mean,)


class Gram(StyleTerm):
    """Mean squared difference of Gram matrices, `G = mean over positions of f f^T`.

    Source: Gatys et al. 2015 (arXiv 1508.06576, equations 3 and 4): with their sums over M
    positions and N channels, E = 1 / (4 N^2 M^2) sum (G - A)^2 is a quarter of ours where both
    images have M positions.
    """

    takes_bfloat16 = True

    def statistic(self, features: Any, mask: Any = None) -> Any:
        """Sums `f f^T`: (channels, channels)."""
        if mask is not None:
            features = ops.cast(features, "float32") * ops.sqrt(mask)
        return sum_products(_rows(features))

    def distance(self, mean: Any, gram: Any) -> Any:
        """Returns `mean((G - G')^2)`."""
        return ops.mean(ops.square(mean - gram))


class Moments(StyleTerm):
    """Mean over channels of `(m - m')^2 + (s - s')^2`, with means m and standard deviations s.

    Source: Huang and Belongie 2017 (arXiv 1703.06868, equation 13), with squares in place of
    norms; Li et al. 2017 (arXiv 1701.01036) derive it as a style loss of its own.
    """

    # Under the root, whose gradient is infinite where a channel is constant.
    _EPSILON = 1e-5

    def statistic(self, features: Any, mask: Any = None) -> Any:
        """Sums f and f^2: (2, channels)."""
        weighted = features if mask is None else features * mask
        sums = [ops.sum(x, axis=[0, 1, 2]) for x in (weighted, weighted * features)]
        return ops.stack(sums)

    def prepare(self, mean: Any) -> tuple[Any, ...]:
        """Turns the means of f and f^2 into means and standard deviations."""
        return self._moments(mean)

    def distance(self, mean: Any, style_mean: Any, style_deviation: Any) -> Any:
        """Returns the mean over channels of both squared differences."""
        mean, deviation = self._moments(mean)
        return ops.mean(ops.square(mean - style_mean) + ops.square(deviation - style_deviation))

    def _moments(self, moments):
        mean, square = moments[0], moments[1]
        return mean, ops.sqrt(ops.maximum(square - ops.square(mean), 0.0) + self._EPSILON)


# Added to the covariances' diagonals, as Crowson does: few positions leave them singular.
_EPSILON = 1e-4


class Wasserstein(StyleTerm):
    """Squared 2-Wasserstein distance of features as Gaussians, divided by the channels.

    `|m - m'|^2 + tr(S + S' - 2 (S'^1/2 S S'^1/2)^1/2)` with means m and covariances S.

    Source: Olkin and Pukelsheim 1982; as a style loss by Vacher et al. 2020 (arXiv 2006.01255) and
    Crowson's style-transfer-pytorch. The root is computed from eigenvalues, whose gradient is
    exact, instead of by Crowson's Newton iterations. With few channels, as in early layers, it is
    computed in float64: they are so correlated that small eigenvalues, and so a small distance, are
    lost in the rounding of float32.
    """

    # With more channels, float64 is slow and makes little difference.
    _FEW = 128

    def statistic(self, features: Any, mask: Any = None) -> Any:
        """Sums f, and `f f^T` below it: (1 + channels, channels)."""
        weighted = features if mask is None else features * mask
        rooted = features if mask is None else features * ops.sqrt(mask)
        sums = ops.sum(_rows(weighted), axis=0, keepdims=True)
        return ops.concatenate([sums, sum_products(_rows(rooted))], axis=0)

    def prepare(self, mean: Any) -> tuple[Any, ...]:
        """Returns a style's mean, the trace of its covariance, and the covariance's root."""
        identity = ops.eye(mean.shape[1], dtype="float32")
        mean, covariance = _gaussian(mean, identity)
        values, vectors = ops.linalg.eigh(self._widen(covariance))
        root = (vectors * ops.sqrt(ops.maximum(values, 0.0))) @ ops.transpose(vectors)
        return mean, ops.sum(covariance * identity), ops.cast(root, "float32")

    def distance(self, mean: Any, style_mean: Any, style_trace: Any, style_root: Any) -> Any:
        """Returns the squared distance over the number of channels."""

        @custom_gradient
        def squared_distance(sums):
            value = style_mean, style_trace, self._widen(style_root)
            distance, of_sums = squared_wasserstein(sums, *value)
            return distance, lambda upstream: upstream * of_sums

        return squared_distance(mean)

    def _widen(self, matrix):
        return ops.cast(matrix, "float64") if matrix.shape[0] <= self._FEW else matrix


@compile_once
def squared_wasserstein(
    sums: Any, style_mean: Any, style_trace: Any, style_root: Any
) -> tuple[Any, Any]:
    """Computes the squared distance of `Wasserstein`, and its gradient in closed form.

    The backend's own gradient is several times as many operations.

    Args:
        sums: The mean of `Wasserstein.statistic`, float32 (1 + channels, channels).
        style_mean, style_trace: As of `Wasserstein.prepare`.
        style_root: Likewise; its dtype, float32 or float64, is that of the root.

    Returns:
        A float32 scalar, and float32 of the shape of `sums`.
    """
    identity = ops.eye(ops.shape(sums)[1], dtype="float32")
    mean, covariance = _gaussian(sums, identity)
    widened = ops.cast(covariance, style_root.dtype)
    overlap, of_overlap = trace_of_root(style_root @ widened @ style_root)
    spread = ops.sum(covariance * identity) + style_trace - 2 * ops.cast(overlap, "float32")
    of_covariance = ops.cast(style_root @ of_overlap @ style_root, "float32")
    of_covariance = identity - 2 * of_covariance
    of_mean = 2 * (mean - style_mean - mean @ of_covariance)
    of_sums = ops.concatenate([of_mean, of_covariance], axis=0)
    channels = ops.cast(ops.shape(sums)[1], "float32")
    return (ops.sum(ops.square(mean - style_mean)) + spread) / channels, of_sums / channels


def _gaussian(sums, identity):
    """Returns the mean, (1, channels), and the covariance of the sums of a `Wasserstein`."""
    mean, products = sums[:1], sums[1:]
    covariance = products - ops.transpose(mean) @ mean
    return mean, covariance + _EPSILON * identity


# Rows whose products are summed in one bfloat16 number; sums of sums are float32.
_ROWS = 1024


def sum_products(rows: Any) -> Any:
    """Computes `X^T X` of a matrix: the sum of its rows' outer products.

    Args:
        rows: float32 or bfloat16 (n, channels).

    Returns:
        float32 (channels, channels).
    """

    @custom_gradient
    def products(rows):
        def gradient(upstream):
            # One product; the backend's own gradient takes two, ignoring the symmetry.
            return rows @ ops.cast(upstream + ops.transpose(upstream), rows.dtype)

        total, rest = 0.0, rows
        if rows.dtype == "bfloat16":
            blocks = ops.shape(rows)[0] // _ROWS
            head = ops.reshape(rows[: blocks * _ROWS], (blocks, _ROWS, rows.shape[-1]))
            sums = ops.matmul(ops.swapaxes(head, 1, 2), head)
            total = ops.sum(ops.cast(sums, "float32"), axis=0)
            rest = ops.cast(rows[blocks * _ROWS :], "float32")
        return total + ops.transpose(rest) @ rest, gradient

    return products(rows)


def trace_of_root(matrix: Any) -> tuple[Any, Any]:
    """Computes the trace of the square root of a symmetric positive matrix, and its gradient.

    Args:
        matrix: float32 or float64 (n, n).

    Returns:
        A scalar, and its gradient `matrix^(-1/2) / 2`, (n, n); NaN where the matrix is not finite.
    """
    epsilon = float(np.finfo(keras.backend.standardize_dtype(matrix.dtype)).eps)
    # TensorFlow raises an error for eigenvalues of a matrix that is not finite.
    is_finite = ops.all(ops.isfinite(matrix))
    matrix = ops.where(is_finite, matrix, ops.zeros_like(matrix))
    values, vectors = ops.linalg.eigh((matrix + ops.transpose(matrix)) / 2)
    # Zero eigenvalues, as rounding leaves them, would have an unbounded gradient.
    roots = ops.sqrt(ops.maximum(values, epsilon * values[-1]))
    roots = ops.where(is_finite, roots, math.nan)
    return ops.sum(roots), (vectors / (2 * roots)) @ ops.transpose(vectors)


def _rows(features):
    return ops.reshape(features, (-1, features.shape[-1]))


STYLE_LOSSES = {"gram": Gram, "moments": Moments, "wasserstein": Wasserstein}
