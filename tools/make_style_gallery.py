"""Makes docs/style_gallery.jpg: the bundled photos, painted in the manner of pictures.

    python tools/make_style_gallery.py the_starry_night.jpg the_scream.jpg composition_vii.jpg

Takes about ten minutes on two CPU cores. The pictures are not part of the project: those in docs/
are by van Gogh, Munch and Kandinsky.
"""

import sys
from pathlib import Path

from kerasart import load_backbone, read_picture, style_transfer
from kerasart.image import write_picture
from kerasart.image.contact_sheet import contact_sheet
from kerasart.image.samples import SAMPLES, read_sample

DOCS = Path(__file__).parents[1] / "docs"


def main(paths):
    """Writes a sheet with a row for each photo and a column for each picture."""
    backbone = load_backbone("vgg16")
    styles = {Path(path).stem.replace("_", " "): read_picture(path).image for path in paths}
    images, labels = [], []
    for name in SAMPLES:
        photo = read_sample(name).image
        images += [
            photo,
            *(style_transfer(photo, each, "best", backbone).image for each in styles.values()),
        ]
        labels += [name, *styles]
    sheet = contact_sheet(images, labels, columns=1 + len(styles))
    write_picture(DOCS / "style_gallery.jpg", sheet, quality=88)


if __name__ == "__main__":
    main(sys.argv[1:])
