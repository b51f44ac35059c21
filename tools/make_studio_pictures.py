"""Makes the small pictures by which the studio shows what there is to choose from.

    python tools/make_studio_pictures.py

Each kind of dream, each thing that is offered by its picture and each trained style, on a part of
the bundled photo of a cat; the picture that a dream is like is the bundled one of coffee. Takes
some minutes on two CPU cores.
"""

from pathlib import Path

from kerasart import Dreamer, Stylizer
from kerasart.image import write_picture
from kerasart.image.resizing import resize_photo
from kerasart.image.samples import SAMPLES, read_sample
from kerasart.studio.choices import THINGS, thing_picture
from kerasart.studio.dreams import PRESETS
from kerasart.studio.paintings import STYLES

FOLDER = Path(__file__).parents[1] / "kerasart" / "studio" / "page" / "pictures"
SIDE = 176
PART = (slice(None), slice(0, 260), slice(75, 335))  # The cat's face, square.


def main():
    """Writes the pictures."""
    FOLDER.mkdir(exist_ok=True)
    cat = read_sample("cat").image
    for name in SAMPLES:
        save(name, cut_square(read_sample(name).image))
    for style, model in STYLES.items():
        save(style, Stylizer(model)(cat, style)[PART])
    dreamers = {preset: Dreamer(preset) for preset in PRESETS}
    dreamers["thing"] = Dreamer(class_name="daisy")
    dreamers |= {thing_picture(name): Dreamer(class_name=name) for name in THINGS}
    dreamers["picture"] = Dreamer(guide=read_sample("coffee").image)
    for name, dreamer in dreamers.items():
        save(name, dreamer.dream(cat).image[PART])


def cut_square(image):
    """Cuts the middle square out of a picture."""
    height, width = image.shape[1:3]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return image[:, top : top + side, left : left + side]


def save(name, image):
    """Writes a picture, small."""
    write_picture(FOLDER / f"{name}.webp", resize_photo(image, (SIDE, SIDE)), quality=74)


if __name__ == "__main__":
    main()
