"""Whether a picture fits into memory, asked before the machine has to find out."""

import math
from contextlib import contextmanager
from pathlib import Path

# Peak memory over what the layers' features take, measured on VGG16, SqueezeNet and InceptionV3 in
# both precisions (1.1 to 1.5): gradients and the convolutions' work space come on top.
_OVERHEAD = 1.5


def check_memory(backbone, size, available=None, enlargement=1.0):
    """Refuses a picture whose optimisation would not fit into memory.

    Without this, Linux would kill the process without a word.

    Args:
        backbone: The `Backbone` that will look at the picture.
        size: (height, width) of the picture.
        available: Bytes that may be used; None asks the operating system, and checks nothing
            where it does not tell or a GPU does the work.
        enlargement: How much larger its sides are where the backbone sees it largest.

    Raises:
        MemoryError: If the picture will not fit; the message says what size would.
    """
    available = available_memory() if available is None else available
    needed = math.prod(size) * enlargement**2 * backbone.bytes_per_pixel() * _OVERHEAD
    if needed > available:
        raise MemoryError(
            f"A picture of {size[1]}x{size[0]} pixels needs about {needed / 2**30:.1f} GiB of "
            f"memory on {backbone.name}, and {available / 2**30:.1f} GiB are free; "
            f"{_advice(size, math.sqrt(available / needed))}. Received: size {size[1]}x{size[0]}"
        )


@contextmanager
def explain_memory_errors(size):
    """Says what to do when memory runs out all the same.

    Args:
        size: (height, width) of the picture.

    Raises:
        MemoryError: In place of TensorFlow's own error, or NumPy's.
    """
    import tensorflow as tf

    try:
        yield
    except (tf.errors.ResourceExhaustedError, MemoryError) as error:
        lines = str(error).splitlines() or ["MemoryError"]
        reason = next((line for line in lines if "OOM" in line), lines[0])
        raise MemoryError(
            f"Memory ran out on a picture of {size[1]}x{size[0]} pixels; {_advice(size, 2 / 3)}. "
            f"Received: {reason}"
        ) from error


def _advice(size, scale):
    fitting = int(max(size) * scale)
    return f"a long side of {fitting} pixels would fit (--size={fitting})"


def available_memory():
    """Asks the operating system how many bytes are free: infinite where it does not tell, or a GPU
    does the work."""
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
