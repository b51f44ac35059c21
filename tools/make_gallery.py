"""Makes the pictures in docs/ that the README shows, from the bundled photos and networks.

    python tools/make_gallery.py

Takes a minute or two on two CPU cores. The film needs OpenCV: pip install "kerasart[video]".
"""

import itertools
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from kerasart import Dreamer, FilmStylizer, Manner, Stylizer, paint_film, write_animation
from kerasart.film import Film
from kerasart.film.flow import shift
from kerasart.image import write_picture
from kerasart.image.contact_sheet import contact_sheet, contact_table
from kerasart.image.resizing import resize, resize_photo
from kerasart.image.samples import SAMPLES, read_sample

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
STYLES = ("starry_night", "the_scream", "delaunay_portrait", "mosaic", "ink_hatching")
PRESETS = ("animals", "gentle", "patterns", "sculpture", "shells")


def main():
    """Writes the pictures."""
    make_dreams()
    make_levels()
    make_manners()
    make_collections()
    with TemporaryDirectory() as folder:
        make_film(Path(folder))


def make_dreams():
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


def make_levels():
    """Writes docs/levels.jpg: pairs of styles, as `stylize.py --sweep_levels` paints them."""
    photo, stylizer = read_sample("coffee").image, Stylizer("medium")
    photo = resize_photo(photo, (267, 400))
    pairs = itertools.product(STYLES, STYLES)
    images = [stylizer(photo, {"coarse": row, "fine": column}) for row, column in pairs]
    rows, columns = ([f"{level}: {name}" for name in STYLES] for level in ("coarse", "fine"))
    write_picture(DOCS / "levels.jpg", contact_table(images, rows, columns, 240), quality=76)


def make_manners():
    """Writes docs/manners.jpg: random manners, as `stylize.py --manner=NUMBER` paints them."""
    photo, stylizer = read_sample("coffee").image, Stylizer("any_style")
    images = [stylizer(resize_photo(photo, (267, 400)), Manner(seed)) for seed in range(16)]
    labels = [f"manner {seed}" for seed in range(16)]
    write_picture(DOCS / "manners.jpg", contact_sheet(images, labels, 4, 300), quality=76)


def make_collections():
    """Writes docs/collections.jpg, and the contact sheet of the network: it has no pictures."""
    photos = {name: read_sample(name).image for name in SAMPLES}
    stylizer = Stylizer("collections")
    images = [
        picture
        for photo in photos.values()
        for picture in (photo, *(stylizer(photo, style) for style in stylizer.styles))
    ]
    sheet = contact_table(images, list(photos), ["photo", *stylizer.styles], 320)
    for path in (DOCS / "collections.jpg", ROOT / "saved_models/collections/contact_sheet.jpg"):
        write_picture(path, sheet, quality=80, taken="replace")


def make_film(folder):
    """Writes docs/film.webp: a pan over a photo, half of it painted as a film, to and fro."""
    photo = np.asarray(resize(read_sample("coffee").image, (360, 540), True))
    height, width = 288, 432
    views = []
    for number in range(22):
        way = 0.5 - 0.5 * np.cos(np.pi * number / 21)  # It sets out and stops gently.
        view = shift(photo, -20 - 40 * way, -6 - 96 * way, (height, width))
        views.append(write_picture(folder / f"{number}.png", np.clip(view, 0, 1)))
    clip = write_animation(folder / "clip.png", views, fps=12)
    painted = paint_film(clip, folder / "painted.png", FilmStylizer("medium", "mosaic")).path
    for view, plain, film in zip(views, Film(clip), Film(painted), strict=True):
        half = width // 2
        frame = np.concatenate([plain.image[:, :, :half], film.image[:, :, half:]], axis=2)
        frame[:, :, half - 1 : half + 1] = 1.0
        write_picture(view, frame)
    write_animation(DOCS / "film.webp", [*views, *views[-2:0:-1]], fps=12)


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
