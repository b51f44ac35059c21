"""`describe_choices`: what there is to choose from, in an artist's words."""

from importlib.resources import files
from typing import Any

from kerasart.backbones import imagenet_labels
from kerasart.image.samples import SAMPLES
from kerasart.saved_models import in_words
from kerasart.studio.dreams import PRESETS
from kerasart.studio.paintings import STYLES

# A title, and what one sees.
_DREAMS = {
    "animals": ("Creatures", "Faces, fur, eyes and snails grow out of things"),
    "gentle": ("Gentle", "The scene stays, with ornaments and a few eyes"),
    "patterns": ("Patterns", "Rings and waves, by a swirling brush"),
    "sculpture": ("Sculpture", "Domes and towers of glass and metal"),
    "shells": ("Shells", "Shells, spirals and eyes, close together"),
    "natural": ("Glow", "Birds and fish, soft, in glowing colours"),
    "away": ("Elsewhere", "Away from what it was, as far as it goes"),
}

# Things that the network dreams of well, chosen by looking.
THINGS = (
    *("daisy", "monarch", "ladybug", "peacock", "goldfish", "starfish"),
    *("brain coral", "cheetah", "dalmatian", "pug", "pineapple", "castle"),
)


def describe_choices(max_bytes: int, max_film: int, max_pixels: int) -> dict[str, Any]:
    """Returns what the page offers, of values that JSON knows.

    Args:
        max_bytes: The most bytes of a picture.
        max_film: The most bytes of a film.
        max_pixels: The most pixels of a picture.
    """
    titles = {preset: _DREAMS[preset] for preset in PRESETS}
    return {
        "dreams": [
            {"name": name, "title": title, "about": about}
            for name, (title, about) in titles.items()
        ],
        "styles": [
            {"name": name, "title": in_words(name), "network": model}
            for name, model in STYLES.items()
        ],
        "samples": list(SAMPLES),
        "things": [{"name": name, "picture": thing_picture(name)} for name in THINGS],
        # A name that several classes have would not tell which.
        "classes": sorted({label.split(", ")[0] for label in _unique_names()}),
        "max_bytes": max_bytes,
        "max_film": max_film,
        "max_pixels": max_pixels,
    }


def thing_picture(name: str) -> str:
    """Names the picture of a thing."""
    return f"thing_{name.replace(' ', '_')}"


def _unique_names():
    labels = imagenet_labels()
    names = [name.lower() for label in labels for name in label.split(", ")]
    return [label for label in labels if names.count(label.split(", ")[0].lower()) == 1]


def page_files() -> dict[str, bytes]:
    """Reads the page's files: content by the name by which it asks for them."""
    page = files("kerasart.studio") / "page"
    pictures = (page / "pictures").iterdir()
    named = {each.name: each for each in page.iterdir() if each.is_file()}
    named |= {f"pictures/{each.name}": each for each in pictures}
    return {name: each.read_bytes() for name, each in named.items()}
