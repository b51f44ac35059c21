"""The bundled photos; NOTICE names their sources."""

from importlib.resources import as_file, files

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
    with as_file(files("kerasart.image") / "data" / SAMPLES[name]) as path:
        return read_picture(path, max_pixels)
