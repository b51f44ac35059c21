"""`contact_sheet`: a grid of labelled images."""

import math
import unicodedata
from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image, ImageDraw, ImageFont

from kerasart.image.arrays import as_image, fit_size, quantise

_MOST_COLUMNS = 5
_INK = (40, 40, 40)


def contact_sheet(
    images: Iterable[ArrayLike],
    labels: Iterable[str],
    columns: int | None = None,
    cell: int = 320,
) -> np.ndarray:
    """Lays out images in rows, each with its label below.

    Args:
        images: Images of any sizes, as `as_image` accepts them.
        labels: One for each image; labels that are too long end in an ellipsis.
        columns: Images per row; by default at most 5, for a roughly square grid.
        cell: Length in pixels of each image's longer side, at least 32.

    Returns:
        float32 RGB (1, height, width, 3) in [0, 1], on white.

    Raises:
        ValueError: If there are no images, one is invalid, there are more or fewer labels than
            images, or `columns` or `cell` is too small.
    """
    images, labels = list(images), list(labels)
    columns = _default_columns(len(images)) if columns is None else columns
    _check(images, labels, columns, cell)
    tiles = [_tile(image, f"images[{i}]", cell) for i, image in enumerate(images)]
    font = ImageFont.load_default(size=max(10, cell // 16))
    width, margin = max(tile.width for tile in tiles), cell // 20
    rows = [
        _row(tiles[first : first + columns], labels[first : first + columns], width, margin, font)
        for first in range(0, len(tiles), columns)
    ]
    sheet = _white(rows[0].width, sum(row.height for row in rows) + margin)
    top = margin
    for row in rows:
        sheet.paste(row, (0, top))
        top += row.height
    return as_image(np.asarray(sheet))


def _default_columns(count):
    return count if count <= _MOST_COLUMNS else min(_MOST_COLUMNS, math.ceil(math.sqrt(count)))


def _check(images, labels, columns, cell):
    if not images:
        raise ValueError("`images` must hold at least one picture. Received: an empty list")
    if len(labels) != len(images):
        raise ValueError(
            f"`labels` must be as many as `images`, {len(images)}. Received: {len(labels)}"
        )
    if columns < 1:
        raise ValueError(f"`columns` must be at least 1. Received: columns={columns}")
    if cell < 32:
        raise ValueError(f"`cell` must be at least 32 pixels. Received: cell={cell}")


def _tile(image, name, cell):
    pixels = quantise(as_image(image, name)[0], bits=8)
    height, width = fit_size(pixels.shape[:2], cell)
    return Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS)


def _row(tiles, labels, width, margin, font):
    """Draws a row of images with their labels, and the margins at both sides and below."""
    height = max(tile.height for tile in tiles)
    below = margin // 2 + sum(font.getmetrics()) + margin
    row = _white(margin + len(tiles) * (width + margin), height + below)
    draw = ImageDraw.Draw(row)
    for column, (tile, label) in enumerate(zip(tiles, labels, strict=True)):
        left = margin + column * (width + margin)
        row.paste(tile, (left + (width - tile.width) // 2, height - tile.height))
        place = (left + width / 2, height + margin // 2)
        draw.text(place, _shortened(label, font, width), _INK, font, anchor="ma")
    return row


def _white(width, height):
    return Image.new("RGB", (width, height), "white")


def _shortened(label, font, width):
    """Shortens a label to one line, and drops accents, which the font lacks."""
    letters = unicodedata.normalize("NFD", " ".join(label.split()))
    text = "".join(letter for letter in letters if not unicodedata.combining(letter))
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}…") > width:
        text = text[:-1].rstrip()
    return f"{text}…"
