"""What the terms of a style transfer compare the picture with."""

import numpy as np

from kerasart.image.resize import resize
from kerasart.objectives.objective import Target
from kerasart.objectives.style_terms import StyleTerm
from kerasart.objectives.terms import Content


def make_targets(objective, look, photo, styles, shares, style_masks=None, regions=None):
    """Looks at a photo and at styles, and makes a target for each term.

    Args:
        objective: The `Objective`. A style term whose attribute `style` is None gets a blend of all
            styles; others get that of the style that it numbers, and look only where it paints.
        look: `look(image) -> features`, a `Backbone` cut at the objective's layers.
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
    from keras import ops

    terms = objective.terms
    wanted = [term for term in terms if isinstance(term, StyleTerm)]
    means = []
    for style, mask in zip(styles, style_masks or [None] * len(styles), strict=True):
        features = look(style)
        means.append(
            {t.name: t.mean(features[t.layer], *_guide(mask, features[t.layer])) for t in wanted}
        )
    features = look(photo)

    def target(term):
        if isinstance(term, Content):
            return Target(guide=(ops.cast(features[term.layer], "float32"),))
        if not isinstance(term, StyleTerm):
            return Target()
        if term.style is None:
            blend = sum(share * mean[term.name] for share, mean in zip(shares, means, strict=True))
            return Target(value=term.prepare(blend))
        guide = _guide(regions[term.style], features[term.layer])
        return Target(guide, term.prepare(means[term.style][term.name]))

    return [target(term) for term in terms]


def _guide(mask, features):
    """Brings a mask to the positions of a layer, with a mean of 1 so that means stay means."""
    if mask is None:
        return ()
    fitted = np.asarray(resize(mask, features.shape[1:3], antialias=True))
    return (fitted / max(fitted.mean(), 1e-6),)
