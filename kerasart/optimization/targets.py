"""Targets: the features and statistics that terms compare an image with."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np

from kerasart.image.arrays import fit_size
from kerasart.image.resizing import fill_size, resize, resize_photo
from kerasart.objectives import Channel, Content, Similarity, StyleTerm, Target
from kerasart.optimization.evaluator import Evaluator

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

# Long side of a guide whose positions are matched with the picture's: each with each.
_MOST_MATCHED = 448


def dream_targets(
    evaluator: Evaluator, start: tf.Tensor, guide: tf.Tensor | None = None
) -> list[Target]:
    """Looks at the pictures that a dream is compared with, and makes a target for each term.

    Args:
        evaluator: An `Evaluator` for an objective.
        start: What is dreamed on, at the dream's size: float32 RGB (1, height, width, 3).
        guide: The guide, of any size, if a term is compared with it. It is cropped to the start's
            shape, so that positions correspond; for "match" it stays whole.

    Returns:
        A list of a `Target` for each term.

    Raises:
        ValueError: If there is no such channel, or a guide is missing or too small.
    """
    backbone, terms = evaluator.backbone, evaluator.objective.terms
    seen = {}

    def features(view):
        if view not in seen:
            picture = start if view == "start" else _show_guide(guide, view, start, backbone)
            layers = dict.fromkeys(t.layer for t in terms if isinstance(t, Similarity))
            seen[view] = evaluator.features(picture, layers)
        return seen[view]

    def target(term):
        if isinstance(term, Channel):
            return term.target(backbone.channels(term.layer))
        if not isinstance(term, Similarity):
            return Target()
        view = term.other
        if view == "guide":
            view = "whole" if term.kind == "match" else "cropped"
        return Target(guide=(features(view)[term.layer],))

    return [target(term) for term in terms]


def _show_guide(guide, view, start, backbone):
    if guide is None:
        raise ValueError("`guide` must be given for what is compared with it. Received: none")
    own, size, least = guide.shape[1:3], start.shape[1:3], backbone.least_size()
    if min(own) < least:
        raise ValueError(
            f"`guide` must be at least {least}x{least} pixels for {backbone.name} and these "
            f"layers. Received: {own[1]}x{own[0]}"
        )
    if view == "cropped":
        return fill_size(guide, size)
    long_side = max(min(*map(max, (own, size)), _MOST_MATCHED), least * max(own) / min(own))
    return resize_photo(guide, fit_size(own, long_side))


def style_targets(
    evaluator: Evaluator,
    photo: tf.Tensor,
    styles: Sequence[tf.Tensor],
    shares: Sequence[float],
    style_masks: Sequence[tf.Tensor | None] | None = None,
    regions: Sequence[tf.Tensor | None] | None = None,
) -> list[Target]:
    """Looks at a photo and at styles, and makes a target for each term.

    Args:
        evaluator: An `Evaluator` for an objective. A style term whose attribute `style` is None
            gets a blend of all styles; others get that of the style that it numbers, and count only
            where it paints.
        photo: float32 RGB (1, height, width, 3), at the size of the picture to be made.
        styles: A list of such pictures, of any sizes.
        shares: A share of each style in a blend; they add up to 1.
        style_masks: For each style, which part of it counts: float32 (1, height, width, 1) of the
            style's size; None is all of it.
        regions: For each style, where in the photo it paints, as such masks of the photo's size;
            None if all paint everywhere.

    Returns:
        A list of a `Target` for each term; terms that are neither content nor style need none.
    """
    terms = evaluator.objective.terms
    wanted = [term for term in terms if isinstance(term, StyleTerm)]
    means = []
    for style, mask in zip(styles, style_masks or [None] * len(styles), strict=True):
        guides = [_guide(mask, evaluator, style, term) for term in wanted]
        found = evaluator.means(style, wanted, guides)
        means.append(dict(zip(wanted, found, strict=True)))
    layers = dict.fromkeys(term.layer for term in terms if isinstance(term, Content))
    features = evaluator.features(photo, layers)

    def target(term):
        if isinstance(term, Content):
            return Target(guide=(features[term.layer],))
        if not isinstance(term, StyleTerm):
            return Target()
        if term.style is None:
            blend = sum(share * mean[term] for share, mean in zip(shares, means, strict=True))
            return Target(value=term.prepare(blend))
        guide = _guide(regions[term.style], evaluator, photo, term)
        return Target(guide, term.prepare(means[term.style][term]))

    return [target(term) for term in terms]


def _guide(mask, evaluator, picture, term):
    """Brings a mask to the positions of a layer, with a mean of 1 so that means stay means."""
    if mask is None:
        return ()
    size = evaluator.backbone.positions(picture.shape[1:3])[term.layer]
    fitted = np.asarray(resize(mask, size, antialias=True))
    return (fitted / max(fitted.mean(), 1e-6),)
