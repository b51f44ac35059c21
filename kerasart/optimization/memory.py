"""Whether a picture fits into memory, asked before the machine has to find out."""

import math
from pathlib import Path

# Peak memory over what the layers' features take, measured on VGG16 and InceptionV3 in both
# precisions: gradients and the convolutions' work space come on top of the features.
_OVERHEAD = 1.5


def check_memory(backbone, size, available=None):
    """Refuses a picture whose optimisation would not fit into memory.

    Without this, Linux would kill the process without a word.

    Args:
        backbone: The `Backbone` that will look at the picture.
        size: (height, width) of the largest picture that it will see.
        available: Bytes that may be used; None asks the operating system, and checks nothing
            where it does not tell or a GPU does the work.

    Raises:
        MemoryError: If the picture will not fit; the message says what size would.
    """
    available = _available_memory() if available is None else available
    needed = math.prod(size) * backbone.bytes_per_pixel() * _OVERHEAD
    if needed > available:
        fitting = int(max(size) * math.sqrt(available / needed))
        raise MemoryError(
            f"A picture of {size[1]}x{size[0]} pixels needs about {needed / 2**30:.1f} GiB of "
            f"memory on {backbone.name}, and {available / 2**30:.1f} GiB are free; a long side of "
            f"{fitting} pixels would fit (--size={fitting}). Received: size {size[1]}x{size[0]}"
        )


def _available_memory():
    import tensorflow as tf

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
