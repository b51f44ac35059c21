"""Makes docs/gallery/: a small picture of every kind of dream, and one that moves.

    python tools/make_dream_gallery.py tubingen.jpg kodim03.png starry_night.jpg

Takes about ten minutes on two CPU cores. The pictures, a town, something bright on plain ground and
a painting, are not part of the project: those in docs/ are by Andreas Praefcke (Tübingen), of
Kodak's test set, and by van Gogh.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from kerasart import Dreamer, animate_zoom, deep_dream, read_picture, write_animation
from kerasart.image import write_picture
from kerasart.image.samples import read_sample

DOCS = Path(__file__).parents[1] / "docs" / "gallery"
SIZE = 280


def main(town, hats, painting):
    """Writes a picture for each kind."""
    DOCS.mkdir(exist_ok=True)
    town, hats, painting = (read_picture(path).image for path in (town, hats, painting))
    cat = read_sample("cat").image
    for name, (image, settings) in kinds(town, hats, painting, cat).items():
        settings = {"backbone": "vgg16", "size": SIZE} | settings
        dream = deep_dream(image, **settings).image
        write_picture(DOCS / f"{name}.jpg", dream, quality=78)
        print(f"{name}.jpg")
    with TemporaryDirectory() as folder:
        dreamer = Dreamer("zoom", "vgg16")
        for number, frame in enumerate(
            animate_zoom(dreamer, town, size=200, frames=24, zoom=1.06, rotate=1.0)
        ):
            write_picture(Path(folder, f"{number:03}.png"), frame)
        write_animation(DOCS / "zoom.webp", sorted(Path(folder).glob("*.png")), fps=8)


def kinds(town, hats, painting, cat):
    """Dict of a picture's name to what is dreamed on and the arguments of `deep_dream`."""
    half = np.zeros(town.shape[1:3], np.float32)
    half[:, half.shape[1] // 2 :] = 1.0
    # What is like the guide, and unlike the start.
    leave = {"pixel_loss": "l2", "pixel_weight": -1e5}
    same = {"guide": town, "similarity": "dot", "jitter": 8}
    return {
        "channel": (hats, {"channel": "block5_conv1:72"}),
        "channels": (hats, {"channel": "block4_conv3:3,block5_conv1:72:-1"}),
        "neuron": (cat, {"channel": "block5_conv1:72", "neuron": True}),
        "class": (hats, {"class_name": "goldfish", "backbone": "squeezenet"}),
        "guided": (town, {"guide": painting}),
        "guided_by_itself": (town, same),
        "guided_to_cosine": (town, {"guide": cat, "similarity": "cosine", "jitter": 8}),
        "guided_and_away": (town, {"guide": cat, "similarity": "dot", "jitter": 8} | leave),
        "pixels_away": (
            town,
            {"preset": "ascent", "layers": "block1_conv1:0", "smoothness": 0.0, "guide": cat}
            | {"pixel_loss": "l2", "pixel_weight": -1.0, "pixel_reference": "guide"},
        ),
        "away": (town, {"preset": "away"}),
        "sculpture": (town, {"preset": "sculpture", "backbone": "auto", "size": 400}),
        "shells": (hats, {"preset": "shells", "backbone": "auto"}),
        "natural": (town, {"preset": "natural"}),
        "visualization": (None, {"preset": "visualization", "channel": "block4_conv3:3"}),
        "visualization_class": (
            None,
            {"preset": "visualization", "class_name": "volcano", "backbone": "squeezenet"},
        ),
        "pyramid": (town, {"pyramid": 4, "smoothness": 0.0}),
        "blur": (town, {"blur": 1.0}),
        "mask": (town, {"mask": half}),
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
