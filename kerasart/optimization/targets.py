"""Targets: the features and statistics that terms compare an image with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import keras
import numpy as np

from kerasart.image.arrays import fit_size
from kerasart.image.resizing import fill_size, resize, resize_photo
from kerasart.objectives import Channel, Content, Similarity, StyleTerm, Target, Temporal
from kerasart.optimization.evaluator import Evaluator

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

# Largest long side of a guide for "match", which compares all pairs of positions.
_MOST_MATCHED = 448


def dream_targets(
    evaluator: Evaluator, start: tf.Tensor, guide: tf.Tensor | None = None
) -> list[Target]:
    """Makes the targets of a dream's terms.

    Args:
        evaluator: An `Evaluator` for an objective.
        start: The image dreamed on, at the dream's size: float32 RGB (1, height, width, 3).
        guide: The guide, of any size, if a term needs it. It is cropped to the start's shape, so
            that positions correspond; for "match" it stays whole.

    Returns:
        A list of a `Target` for each term.

    Raises:
        ValueError: If there is no such channel, or a guide is missing or too small.
    """
    backbone, terms = evaluator.backbone, evaluator.objective.terms
    known = {}

    def features(other):
        if other not in known:
            image = start if other == "start" else _resize_guide(guide, other, start, backbone)
            layers = dict.fromkeys(t.layer for t in terms if isinstance(t, Similarity))
            known[other] = evaluator.features(image, layers)
        return known[other]

    def target(term):
        if isinstance(term, Channel):
            return term.target(backbone.channels(term.layer))
        if not isinstance(term, Similarity):
            return Target()
        other = term.other
        if other == "guide":
            other = "whole" if term.kind == "match" else "cropped"
        return Target(guide=(features(other)[term.layer],))

    return [target(term) for term in terms]


def _resize_guide(guide, how, start, backbone):
    """Resizes a guide: "cropped" to the size of the start, or "whole"."""
    if guide is None:
        raise ValueError("`guide` must be given for what is compared with it. Received: none")
    size, least = guide.shape[1:3], backbone.least_size()
    backbone.check_size(size, "guide")
    if how == "cropped":
        return fill_size(guide, start.shape[1:3])
    long_side = min(max(size), max(start.shape[1:3]), _MOST_MATCHED)
    return resize_photo(guide, fit_size(size, max(long_side, least * max(size) / min(size))))


def style_targets(
    evaluator: Evaluator,
    photo: tf.Tensor,
    styles: Sequence[tf.Tensor],
    style_weights: Sequence[float],
    style_masks: Sequence[tf.Tensor | None] | None = None,
    regions: Sequence[tf.Tensor | None] | None = None,
    layer_weights: Mapping[str, Sequence[float]] | None = None,
) -> list[Target]:
    """Makes the targets of a style transfer's terms.

    Args:
        evaluator: An `Evaluator` for an objective. The target of a style term whose attribute
            `style` is None is a blend of all styles; otherwise it is the style of that number, in
            its region.
        photo: float32 RGB (1, height, width, 3), at the size of the result.
        styles: A list of such images, of any sizes.
        style_weights: The normalised weight of each style in the blend.
        style_masks: For each style, a mask of the part to use, float32 (1, height, width, 1) of the
            style's size; None is all of it.
        regions: For each style, a mask of its region in the photo, of the photo's size; None if
            there are no regions.
        layer_weights: Layer name to the weights of the styles in its blend, where they are others.

    Returns:
        A list of a `Target` for each term, as of `replace_photo`; empty for terms that are neither
        content, style nor temporal.
    """
    terms = evaluator.objective.terms
    style_terms = [term for term in terms if isinstance(term, StyleTerm)]
    means = []
    for style, mask in zip(styles, style_masks or [None] * len(styles), strict=True):
        guides = [_guide(mask, evaluator, style, term) for term in style_terms]
        of_style = evaluator.means(style, style_terms, guides)
        means.append(dict(zip(style_terms, of_style, strict=True)))

    def target(term):
        if not isinstance(term, StyleTerm):
            return Target()
        if term.style is None:
            weights = (layer_weights or {}).get(term.layer, style_weights)
            blend = sum(w * mean[term] for w, mean in zip(weights, means, strict=True))
            return Target(value=term.prepare(blend))
        guide = _guide(regions[term.style], evaluator, photo, term)
        return Target(guide, term.prepare(means[term.style][term]))

    return replace_photo(evaluator, [target(term) for term in terms], photo)


def replace_photo(
    evaluator: Evaluator,
    targets: Sequence[Target],
    photo: tf.Tensor,
    before: tuple[np.ndarray, np.ndarray] | None = None,
) -> list[Target]:
    """Replaces the targets that belong to a photo, such as the next frame of a film.

    Args:
        evaluator: An `Evaluator` for an objective.
        targets: A `Target` for each of its terms.
        photo: float32 RGB (1, height, width, 3), for `Content`.
        before: The guide of `Temporal`: the picture before, warped, and its trust; None for a photo
            before which there is none.

    Returns:
        A list of a `Target` for each term.
    """
    terms = evaluator.objective.terms
    layers = dict.fromkeys(term.layer for term in terms if isinstance(term, Content))
    features = evaluator.features(photo, layers)

    def replaced(term, target):
        if isinstance(term, Content):
            return Target(guide=(features[term.layer],))
        if isinstance(term, Temporal):
            return Target(guide=before or (photo, np.zeros_like(photo[..., :1])))
        return target

    return [replaced(term, target) for term, target in zip(terms, targets, strict=True)]


def _guide(mask, evaluator, image, term):
    """Resizes an image's mask to a term's layer, and normalises it to a mean of 1."""
    if mask is None:
        return ()
    size = evaluator.backbone.positions(image.shape[1:3])[term.layer]
    fitted = np.asarray(resize(mask, size, antialias=True))
    return (fitted / max(fitted.mean(), 1e-6),)
