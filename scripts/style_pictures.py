"""--style, --content_mask and --style_mask: the pictures that a painting by optimisation needs."""

from kerasart.scripts import common_flags
from kerasart.scripts.style_flag import parse_file

from collections.abc import Mapping
from typing import Any

from absl import flags

from kerasart.image import read_picture
from kerasart.image.fingerprint import hash_image
from kerasart.image.masks import combine_masks, read_mask, split_picture

STYLE = flags.DEFINE_multi_string(
    "style",
    [],
    "A picture whose style to paint in; several are blended. FILE:WEIGHT says how much of each; "
    "FILE@LEVEL or FILE:WEIGHT@LEVEL at which level of detail, coarse, middle or fine, which are "
    "the deep to the shallow style layers. A level that none is for has those that are for no "
    "level, or else those of the next coarser level, or of the next finer.",
)
CONTENT_MASK = flags.DEFINE_multi_string(
    "content_mask",
    None,
    "Where in the photo a style paints: a picture, white for yes; one for each --style, in their "
    "order; `all` is everywhere. What no style paints stays the photo.",
)
STYLE_MASK = flags.DEFINE_multi_string(
    "style_mask",
    None,
    "Which part of each style to use, one mask for each; `all` is all of it. Transparent parts are "
    "never used.",
)


# The arguments of `style_transfer`, and of what writes a film, whose flags have other names.
ARGUMENTS = {
    "styles": "style",
    "style_masks": "style_mask",
    "content_masks": "content_mask",
    "path": "output",
}


def read_pictures(recorded: Mapping[str, Any], start: str | None) -> dict[str, Any]:
    """Reads styles, masks and the picture to start from.

    Args:
        recorded: Dict of what a picture's record says.
        start: The name of the picture to start from, or None.

    Returns:
        A dict of arguments of `style_transfer`.

    Raises:
        ValueError: If there is no style, or a file cannot be read.
    """
    if not STYLE.value:
        raise ValueError("`style` must be given: --style=painting.jpg. Received: none")
    paths, weights, levels = zip(*map(parse_file, STYLE.value), strict=True)
    styles = [read_picture(path, common_flags.MAX_PIXELS.value) for path in paths]
    images = [split_picture(style, "style")[0] for style in styles]
    if any(weight is not None for weight in weights):
        weights = [1.0 if weight is None else weight for weight in weights]
    else:
        weights = recorded.get("style_weights")
    return {
        "styles": images,
        "style_weights": weights,
        "style_levels": list(levels) if any(levels) else recorded.get("style_levels"),
        "content_masks": _read_masks(CONTENT_MASK.value),
        "style_masks": _mask_styles(styles, _read_masks(STYLE_MASK.value)),
        "start": read_picture(start, common_flags.MAX_PIXELS.value).image if start else None,
    }


def _read_masks(paths):
    if paths is None:
        return None
    return [
        None if path == "all" else read_mask(path, common_flags.MAX_PIXELS.value) for path in paths
    ]


def _mask_styles(styles, masks):
    """Adds what of each style is opaque to the masks: a list of them, or None where all count."""
    if all(style.alpha is None for style in styles):
        return masks
    masks = masks or [None] * len(styles)
    if len(masks) != len(styles):
        return masks  # `style_transfer` says so.
    return [combine_masks(m, s.alpha, "style_mask") for m, s in zip(masks, styles, strict=True)]


def hash_all(images: Any) -> Any:
    """Hashes an image, or each of a list of them."""
    if isinstance(images, list):
        return list(map(hash_all, images))
    return hash_image(images)
