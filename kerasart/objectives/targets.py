"""What the terms of a style transfer compare the picture with."""

import numpy as np

from kerasart.image.resize import resize
from kerasart.objectives.objective import Target
from kerasart.objectives.style_terms import StyleTerm
from kerasart.objectives.terms import Content


def make_targets(look, photo, styles, shares, style_masks=None, regions=None):
    """Looks at a photo and at styles, and makes a target for each term.

    Args:
        look: A `Look` for an objective. A style term whose attribute `style` is None gets a blend
            of all styles; others get that of the style that it numbers, and look only where it
            paints.
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
    terms = look.objective.terms
    wanted = [term for term in terms if isinstance(term, StyleTerm)]
    means = []
    for style, mask in zip(styles, style_masks or [None] * len(styles), strict=True):
        guides = [_guide(mask, look, style, term) for term in wanted]
        found = look.means(style, wanted, guides)
        means.append(dict(zip(wanted, found, strict=True)))
    layers = dict.fromkeys(term.layer for term in terms if isinstance(term, Content))
    features = look.features(photo, layers)

    def target(term):
        if isinstance(term, Content):
            return Target(guide=(features[term.layer],))
        if not isinstance(term, StyleTerm):
            return Target()
        if term.style is None:
            blend = sum(share * mean[term] for share, mean in zip(shares, means, strict=True))
            return Target(value=term.prepare(blend))
        guide = _guide(regions[term.style], look, photo, term)
        return Target(guide, term.prepare(means[term.style][term]))

    return [target(term) for term in terms]


def _guide(mask, look, picture, term):
    """Brings a mask to the positions of a layer, with a mean of 1 so that means stay means."""
    if mask is None:
        return ()
    size = look.backbone.positions(picture.shape[1:3])[term.layer]
    fitted = np.asarray(resize(mask, size, antialias=True))
    return (fitted / max(fitted.mean(), 1e-6),)
