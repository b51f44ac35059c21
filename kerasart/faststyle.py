"""Fast style transfer: a network that paints any photo in one pass.

Source: Johnson et al. 2016, "Perceptual Losses for Real-Time Style Transfer and Super-Resolution"
(arXiv 1603.08155); Dumoulin et al. 2017, "A Learned Representation for Artistic Style" (arXiv
1610.07629) for many styles in one network.
"""

import numpy as np

from kerasart.image import as_image
from kerasart.image.resize import fit_size, resize
from kerasart.networks import StyleTrainer
from kerasart.objectives import Content, StyleTerm, make_targets, style_objective
from kerasart.optimization import balance

_LIKENESS = "content image"


def make_trainer(network, styles, photos, backbone, settings, precision="auto", seed=0):
    """Makes what trains a network on a few styles.

    Args:
        network: A `TransformerNet` for as many styles.
        styles: A list of RGB pictures, in the order of the network's.
        photos: A few photos of the size of those to train on, by which weights are balanced.
        backbone: The `Backbone`, not yet cut.
        settings: `FastStyleSettings`.
        precision: "float32", "bfloat16" or "auto", of the backbone.
        seed: Seeds the noise at which weights are balanced.

    Returns:
        A `StyleTrainer`, not compiled yet.
    """
    styles = [_shrink(as_image(style, "styles"), settings.style_size) for style in styles]
    photos = [as_image(photo, "photos") for photo in photos]
    likeness = Content("image")
    likeness.balanced = settings.content_weight is None
    objective = style_objective(settings) + likeness
    look = backbone.cut(objective.layers, precision)
    targets, weights = [], []
    for style in styles:
        found = []
        for photo in photos:
            of_photo = make_targets(objective, look, photo, [style], [1.0])
            found.append(balance(look, objective, photo, of_photo, seed))
        # Gradients are as different as photos are: their geometric mean favours none.
        weights.append(np.exp(np.mean(np.log(np.maximum(found, 1e-30)), axis=0)))
        targets.append(of_photo)
    # A photo that is to stay as it is has only itself to compare with, and is not smoothed.
    itself = np.mean(weights, axis=0) * [isinstance(term, Content) for term in objective.terms]
    painted = np.array(weights) * [term.name != _LIKENESS for term in objective.terms]
    return StyleTrainer(
        network,
        backbone,
        objective,
        targets,
        np.stack([itself, *painted]),
        settings.stability,
        precision,
    )


def _shrink(image, long_side):
    """Brings a picture to a long side; a smaller one stays as it is."""
    own = image.shape[1:3]
    if max(own) <= long_side:
        return image
    return np.asarray(resize(image, fit_size(own, long_side), antialias=True)).clip(0, 1)
