"""Photos that come with the package; NOTICE says whose they are."""

from importlib.resources import as_file, files

from kerasart.image.files import read_picture

SAMPLES = {"rocket": "rocket.jpg", "coffee": "coffee.png", "cat": "cat.png"}


def read_sample(name, max_pixels=None):
    """Reads a bundled photo.

    Args:
        name: One of `SAMPLES`.
        max_pixels: As in `read_picture`.

    Returns:
        A `Picture`.
    """
    with as_file(files("kerasart.image") / "data" / SAMPLES[name]) as path:
        return read_picture(path, max_pixels)
