"""The bundled photos; NOTICE names their sources."""

from importlib.resources import files
from pathlib import Path

from kerasart.image.files import Picture, read_picture

_MOST_PIXELS = 2**20  # More than any has.

SAMPLES = {"rocket": "rocket.jpg", "coffee": "coffee.png", "cat": "cat.png"}


def read_sample(name: str) -> Picture:
    """Reads a bundled photo, one of `SAMPLES`: what limits the pixels of others does not count."""
    return read_picture(sample_path(name), _MOST_PIXELS)


def sample_path(name: str) -> Path:
    """Returns the file of a bundled photo, one of `SAMPLES`."""
    return Path(str(files("kerasart.image") / "data" / SAMPLES[name]))
