"""Makes the pictures in docs/ that the README shows, from the bundled photos and networks.

    python tools/make_gallery.py

Takes a minute or two on two CPU cores.
"""

from pathlib import Path

import numpy as np

from kerasart import Dreamer
from kerasart.image import write_picture
from kerasart.image.resizing import resize
from kerasart.image.samples import SAMPLES, read_sample

DOCS = Path(__file__).parents[1] / "docs"
PRESETS = ("animals", "gentle", "patterns", "sculpture", "shells")


def main():
    """Writes docs/before_after.jpg, what the README's first command makes, and docs/gallery.jpg."""
    photos = {name: read_sample(name).image for name in SAMPLES}
    dreams = {preset: Dreamer(preset) for preset in PRESETS}
    rows = [
        [photo, *(dreams[preset].dream(photo).image for preset in PRESETS)]
        for photo in photos.values()
    ]
    pair = rows[list(photos).index("coffee")][:2]
    write_picture(DOCS / "before_after.jpg", put_side_by_side(pair, 400), quality=90)
    sheet = np.concatenate([put_side_by_side(row, 180, width=270) for row in rows], axis=1)
    write_picture(DOCS / "gallery.jpg", sheet, quality=85)


def put_side_by_side(images, height, width=None):
    """Sets pictures in a row, all of one height, and of one width if given."""
    return np.concatenate(
        [
            resize(image, (height, width or image.shape[2] * height // image.shape[1]), True)
            for image in images
        ],
        axis=2,
    )


if __name__ == "__main__":
    main()
