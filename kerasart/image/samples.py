"""The bundled photos; NOTICE names their sources."""

from importlib.resources import files
from pathlib import Path

from kerasart.image.files import Picture, read_picture

SAMPLES = {"rocket": "rocket.jpg", "coffee": "coffee.png", "cat": "cat.png"}


def read_sample(name: str, max_pixels: int | None = None) -> Picture:
    """Reads a bundled photo.

    Args:
        name: One of `SAMPLES`.
        max_pixels: As in `read_picture`.

    Returns:
        A `Picture`.
    """
    return read_picture(sample_path(name), max_pixels)


def sample_path(name: str) -> Path:
    """Returns the file of a bundled photo, one of `SAMPLES`."""
    return Path(str(files("kerasart.image") / "data" / SAMPLES[name]))
