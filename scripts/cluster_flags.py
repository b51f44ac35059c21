"""The flags of a Ray cluster, and of the workers in it."""

from typing import Any

from absl import flags

_ADDRESS = flags.DEFINE_string(
    "address",
    None,
    "A Ray cluster: auto on a machine of it, or HOST:PORT. (default: this machine alone)",
)
_WORKERS = flags.DEFINE_integer(
    "workers",
    None,
    "Processes that paint, each with a network of its own. (default: one for each GPU, or else for "
    "every other CPU)",
    lower_bound=1,
)
_GPUS_PER_WORKER = flags.DEFINE_float(
    "gpus_per_worker",
    None,
    "GPUs of each, also a part of one, such as 0.25. (default: all, shared out)",
    lower_bound=0,
)
_THREADS = flags.DEFINE_integer(
    "threads",
    None,
    "Threads of each. With fewer than the machine has cores, which is faster where it has many "
    "workers, the last digits of paintings are others. (default: as many as there are cores)",
    lower_bound=1,
)
FLAGS = [_ADDRESS, _WORKERS, _GPUS_PER_WORKER, _THREADS]


def is_given() -> bool:
    """Whether one of them is given."""
    return any(holder.present for holder in FLAGS)


def read() -> dict[str, Any]:
    """Reads them: a dict of arguments of `paint_many`."""
    return {holder.name: holder.value for holder in FLAGS}
