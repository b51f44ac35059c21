"""`refine`: a picture that a network painted in one pass, gone on with by style transfer."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike

from kerasart.applications.fast_style import Model, Pictures, stylize
from kerasart.applications.style_transfer import style_transfer
from kerasart.image import as_image
from kerasart.image.masks import split_picture
from kerasart.levels import LEVELS
from kerasart.optimization import Result
from kerasart.settings.manner import Manner


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
    image = as_image(image, "image")
    levels = style if isinstance(style, dict) and set(style) <= set(LEVELS) else {None: style}
    listed = [
        (picture, weight, level)
        for level, each in levels.items()
        for picture, weight in (each if isinstance(each, list) else [(each, 1.0)])
    ]
    if any(isinstance(picture, str | dict | Manner | None) for picture, *_ in listed):
        raise ValueError(
            "`style` must be pictures, since a network does not keep those that it was trained "
            f"on. Received: {style!r}"
        )
    shared = {name: options[name] for name in ("preserve_color", "memory") if name in options}
    start = stylize(image, style, model, options.get("precision", "auto"), **shared)
    pictures, weights, levels_of = zip(*listed, strict=True)
    styles, masks = zip(*(split_picture(each, "style") for each in pictures), strict=True)
    size = max(image.shape[1:3])
    return style_transfer(
        image,
        list(styles),
        style_weights=weights,
        style_levels=levels_of if any(levels_of) else None,
        style_masks=list(masks) if any(mask is not None for mask in masks) else None,
        start=start,
        steps=steps,
        size=size,
        smallest=size,
        **options,
    )
