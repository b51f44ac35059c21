"""`contact_sheet`, a grid of labelled images; `contact_table`, with labelled rows and columns."""

import math
import unicodedata
from collections.abc import Iterable, Sequence

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
    font = _font(cell // 16)
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


def contact_table(
    images: Iterable[ArrayLike], rows: Sequence[str], columns: Sequence[str], cell: int = 320
) -> np.ndarray:
    """Lays out images in a table, with a label above each column and to the left of each row.

    Args:
        images: Images of any sizes, as `as_image` accepts them, row by row.
        rows: The rows' labels, written upwards.
        columns: The columns' labels.
        cell: Length in pixels of each image's longer side, at least 32.

    Returns:
        float32 RGB (1, height, width, 3) in [0, 1], on white.

    Raises:
        ValueError: If there are no images, one is invalid, there are not as many as the table has
            places, or `cell` is too small.
    """
    images = list(images)
    _check(images, [(row, column) for row in rows for column in columns], len(columns), cell)
    tiles = [_tile(image, f"images[{i}]", cell) for i, image in enumerate(images)]
    font, margin = _font(cell // 20), cell // 40
    width, height = max(tile.width for tile in tiles), max(tile.height for tile in tiles)
    edge = sum(font.getmetrics()) + 2 * margin
    size = [edge + n * (each + margin) for n, each in ((len(columns), width), (len(rows), height))]
    sheet = _white(*size)

    def place(column, row):
        return edge + column * (width + margin), edge + row * (height + margin)

    for i, tile in enumerate(tiles):
        left, top = place(i % len(columns), i // len(columns))
        sheet.paste(tile, (left + (width - tile.width) // 2, top + (height - tile.height) // 2))
    for column, label in enumerate(columns):
        sheet.paste(_heading(label, font, width, edge), (place(column, 0)[0], 0))
    for row, label in enumerate(rows):
        heading = _heading(label, font, height, edge).transpose(Image.Transpose.ROTATE_90)
        sheet.paste(heading, (0, place(0, row)[1]))
    return as_image(np.asarray(sheet))


def _heading(label, font, width, height):
    heading = _white(width, height)
    place = (width / 2, height / 2)
    ImageDraw.Draw(heading).text(place, _shortened(label, font, width), _INK, font, anchor="mm")
    return heading


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


def _font(size):
    return ImageFont.load_default(size=max(10, size))


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
