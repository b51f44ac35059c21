"""Estimates of peak memory, and the tile size that fits."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import keras

from kerasart.optimization.descent import Descent
from kerasart.optimization.tiles import measure_halo
from kerasart.optimization.transforms import Transforms
from kerasart.settings.checks import check_tiling

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

# Peak memory over the memory of the layers' features, the most that was seen: gradients and the
# convolutions' workspace add to it, and in style transfer the copies that statistics are computed
# from. `benchmarks.large` prints peaks.
_OVERHEAD, _OVERHEAD_OF_STYLE = 1.5, 3.0

# The fraction of the free memory that `choose_tile` uses.
_FRACTION = 0.8
_BYTES_OF_PIXEL = 3 * 4  # In float32.

# How many images of full size are held at once, at the peak of a step in tiles: the photo as it was
# given and at this size, the image to start from, the image, its view, the gradient as it is
# summed, and three while the image is updated. Besides:
_IMAGES = 9
# differences of neighbouring pixels and their gradient, for terms on the layer "image";
_IMAGES_OF_PIXEL_TERMS = 6
# the running mean, old and new, and what the new one is computed by;
_IMAGES_OF_AVERAGE = 4
# complex numbers of a Fourier transform;
_IMAGES_OF_PARAMETERIZATION = 4
# the four neighbours of each point of a turned view, their weights, and their gradients;
_IMAGES_OF_TURNING = 13
# the gradient filtered at one scale and at the next.
_IMAGES_OF_FILTER = 2


def choose_tile(
    descent: Descent,
    size: tuple[int, int],
    tile: int | str = "auto",
    memory: float | None = None,
    *,
    enlargement: float = 1.0,
    images: float = 0,
    is_style: bool = False,
) -> int | None:
    """Chooses the tile size with which an image fits into memory.

    Without this, Linux would kill the process without a message.

    Args:
        descent: The `Descent`, with its backbone cut at its layers.
        size: (height, width) of the largest image.
        tile: Side in pixels of the tiles in which larger images are evaluated; "auto" chooses the
            largest that fit, "none" evaluates images whole.
        memory: The memory to use, in GiB; None asks the operating system, and sets no limit if it
            does not say or on a GPU.
        enlargement: Factor by which the sides of the largest scale exceed `size`.
        images: How many images of full size are held besides those of `count_images`.
        is_style: Whether style losses are computed.

    Returns:
        The side for `Evaluator`; None where the whole image fits.

    Raises:
        MemoryError: If the image will not fit; the message says what size would.
        ValueError: If `tile` or `memory` is not allowed.
    """
    check_tiling(tile, memory)
    if isinstance(tile, int):
        return tile
    available = memory * 2**30 if memory is not None else _FRACTION * available_memory()
    backbone, pixels = descent.backbone, math.prod(size) * enlargement**2
    per_pixel = backbone.bytes_per_pixel() * (_OVERHEAD_OF_STYLE if is_style else _OVERHEAD)
    held = pixels * (count_images(descent) + images) * _BYTES_OF_PIXEL
    if held + pixels * per_pixel <= available:
        return None
    if tile == "none":
        needed = held + pixels * per_pixel
        _refuse(backbone, size, needed, available, ", as no tiles are allowed")
    halo, stride = measure_halo(backbone)
    needed = held + (2 * halo + stride) ** 2 * per_pixel
    if needed > available:
        _refuse(backbone, size, needed, available, " even in the smallest tiles")
    return int(math.sqrt((available - held) / per_pixel))


def count_images(descent: Descent) -> float:
    """Estimates how many float32 images of full size a step holds at once, besides its tiles."""
    transform = descent.transform
    is_turned = isinstance(transform, Transforms) and bool(transform.scale or transform.degrees)
    on_pixels = any(term.layer == "image" for term in descent.objective.terms)
    return (
        _IMAGES
        + descent.optimizer.images
        + _IMAGES_OF_PIXEL_TERMS * on_pixels
        + _IMAGES_OF_AVERAGE * bool(descent.average)
        + _IMAGES_OF_PARAMETERIZATION * (descent.parameterization is not None)
        + _IMAGES_OF_TURNING * is_turned
        + _IMAGES_OF_FILTER * (descent.gradient_filter is not None)
    )


@contextmanager
def explain_memory_errors(size: tuple[int, int]) -> Iterator[None]:
    """Turns out-of-memory errors into one that suggests a smaller size.

    Args:
        size: (height, width) of the image.

    Raises:
        MemoryError: In place of TensorFlow's error, or NumPy's.
    """
    try:
        yield
    except (tf.errors.ResourceExhaustedError, MemoryError) as error:
        lines = str(error).splitlines() or ["MemoryError"]
        reason = next((line for line in lines if "OOM" in line), lines[0])
        raise MemoryError(
            f"Memory ran out on a picture of {size[1]}x{size[0]} pixels; {_advice(size, 2 / 3)}. "
            f"Received: {reason}"
        ) from error


def _refuse(backbone, size, needed, available, how):
    raise MemoryError(
        f"A picture of {size[1]}x{size[0]} pixels needs about {_in_gib(needed)} of memory "
        f"on {backbone.name}{how}, and {_in_gib(available)} may be used; "
        f"{_advice(size, math.sqrt(available / needed))}. Received: size {size[1]}x{size[0]}"
    )


def _in_gib(size):
    gib = size / 2**30
    return f"{gib:.1f} GiB" if gib >= 0.1 else f"{gib:.2g} GiB"


def _advice(size, scale):
    fitting = int(max(size) * scale)
    return f"a long side of {fitting} pixels would fit (--size={fitting})"


def available_memory() -> float:
    """Asks the operating system for the free memory in bytes; infinite if unknown, or on a GPU."""
    if tf.config.list_physical_devices("GPU"):
        return math.inf
    return min(_free_memory(), _container_memory())


def _free_memory():
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return math.inf
    kibibytes = [int(line.split()[1]) for line in lines if line.startswith("MemAvailable")]
    return kibibytes[0] * 1024 if kibibytes else math.inf


def _container_memory():
    group = Path("/sys/fs/cgroup")
    try:
        limit = int((group / "memory.max").read_text())
        return limit - int((group / "memory.current").read_text())
    except (OSError, ValueError):  # No control group, or no limit in it ("max").
        return math.inf
