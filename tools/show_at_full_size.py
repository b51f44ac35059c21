"""Makes docs/large.jpg: a large picture as a whole, and a part of it at full size below.

    python scripts/style_transfer.py --content=tuebingen.jpg --style=the_starry_night.jpg \\
        --size=4096 --steps=300 --backbone=vgg16 --output=large.png
    python tools/show_at_full_size.py large.png

The part is in the middle, or where two more arguments say: how far to the right and how far down,
from 0 to 1. A frame in the whole picture shows it.
"""

import sys
from pathlib import Path

import numpy as np

from kerasart import read_picture
from kerasart.image import write_picture
from kerasart.image.resizing import shrink

DOCS = Path(__file__).parents[1] / "docs"
SIDE = 1024  # Of both pictures, the longer one in pixels.
GAP = 8


def main(path, across="0.5", down="0.5"):
    """Writes the picture."""
    large = read_picture(path).image
    whole = np.array(shrink(large, SIDE))
    height, width = whole.shape[1:3]
    rows, columns = large.shape[1:3]
    top, left = int(float(down) * (rows - height)), int(float(across) * (columns - width))
    part = large[:, top : top + height, left : left + width]
    frame(whole, *(round(edge * height / rows) for edge in (top, left, height, width)))
    gap = np.ones((1, GAP, width, 3), np.float32)
    sheet = np.concatenate([whole, gap, part], axis=1)
    write_picture(DOCS / "large.jpg", sheet, quality=85)


def frame(image, top, left, height, width):
    """Draws a thin white frame into a picture."""
    rows, columns = [top, top + height - 1], [left, left + width - 1]
    image[:, rows, left : left + width] = 1.0
    image[:, top : top + height, columns] = 1.0


if __name__ == "__main__":
    main(*sys.argv[1:])
