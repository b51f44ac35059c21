"""`refine` and `fit_manner`: what a network paints in one pass, refined by style transfer."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from kerasart.applications.fast_style import Model, Pictures, Stylizer
from kerasart.applications.style_transfer import style_transfer
from kerasart.image import as_image
from kerasart.image.masks import split_picture
from kerasart.levels import LEVELS
from kerasart.optimization import Result
from kerasart.settings.manner import Manner

# What is best for a code, which hardly loses the photo, and which a few steps move far. The layers
# are those by which networks are judged: with deeper ones, less of a style is painted, not more.
_FITTING = {
    "preset": "gram",
    "style_layers": dict.fromkeys(
        ("block1_conv1", "block2_conv1", "block3_conv1", "block4_conv1"), 1.0
    ),
    "content_strength": 0.0,
    "smoothness": 0.0,
    "learning_rate": 0.02,
    "average": 0.0,
}
_STYLE_SIZE = 512  # Of the pictures whose Gram matrices are compared, as networks learn from.


def refine(
    image: ArrayLike,
    style: Pictures | dict[str, Pictures],
    steps: int = 50,
    model: Model = "any_style",
    **options: Any,
) -> Result:
    """Paints in one pass, and goes on by steps of `style_transfer`, at the size of the photo.

    Args:
        image: RGB of shape (height, width, 3) or (1, height, width, 3), uint8 or float in [0, 1].
        style: A picture, a list of pairs of picture and weight, or a dict of levels to such, as in
            `Stylizer.__call__`.
        steps: The number of steps.
        model: A network of any style, as in `Stylizer`.
        **options: Further arguments of `style_transfer`; `preserve_color`, `memory` and `precision`
            are the network's as well.

    Returns:
        A `Result`.

    Raises:
        ValueError: If the style has names or manners, or as `Stylizer` and `style_transfer`.
        MemoryError, DivergedError, Interrupted: As `style_transfer`.
    """
    image, styles = as_image(image, "image"), _list_styles(style)
    shared = {name: options[name] for name in ("preserve_color", "memory") if name in options}
    start = Stylizer(model, options.get("precision", "auto"))(image, style, **shared)
    return _transfer(image, steps, start=start, **styles, **options)


def fit_manner(
    image: ArrayLike,
    style: Pictures | dict[str, Pictures],
    steps: int = 50,
    model: Model = "any_style",
    **options: Any,
) -> Result:
    """Paints a photo in the manner of a `MannerNet` that is nearest to a style.

    Its codes, one for each level, start as those of the style, and are moved by steps of
    `style_transfer` until the picture's Gram matrices are as near to the style's as can be: the
    projection of Karras et al. 2019 (arXiv 1912.04958, section 5), of a style in place of a photo.

    Args:
        image, style, steps: As in `refine`.
        model: A `MannerNet`, as in `Stylizer`.
        **options: Further arguments of `style_transfer`; `style_layers` for a backbone that is not
            VGG16.

    Returns:
        A `Result`.

    Raises:
        ValueError, MemoryError, DivergedError, Interrupted: As `refine`.
    """
    image, styles = as_image(image, "image"), _list_styles(style)
    latent = Stylizer(model, "float32").latent(image, style)
    style_size = {"style_size": _STYLE_SIZE / max(image.shape[1:3])}
    return _transfer(image, steps, latent=latent, **styles, **_FITTING | style_size | options)


def _list_styles(style):
    """Lists the pictures of a style: a dict of arguments of `style_transfer`."""
    levels = style if isinstance(style, dict) and set(style) <= set(LEVELS) else {None: style}
    listed = [
        (picture, weight, level)
        for level, each in levels.items()
        for picture, weight in (each if isinstance(each, list) else [(each, 1.0)])
    ]
    if not listed or any(isinstance(picture, str | dict | Manner | None) for picture, *_ in listed):
        raise ValueError(
            "`style` must be pictures, since a network does not keep those that it was trained "
            f"on. Received: {style!r}"
        )
    pictures, weights, levels_of = zip(*listed, strict=True)
    styles, masks = zip(*(split_picture(each, "style") for each in pictures), strict=True)
    return {
        "styles": list(styles),
        "style_weights": weights,
        "style_levels": levels_of if any(levels_of) else None,
        "style_masks": list(masks) if any(mask is not None for mask in masks) else None,
    }


def _transfer(image: np.ndarray, steps, **arguments):
    """Transfers a style at one scale, the size of the photo."""
    size = max(image.shape[1:3])
    return style_transfer(image, steps=steps, size=size, smallest=size, **arguments)
