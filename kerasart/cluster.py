"""`Cluster`, the machines of a distributed training, as TF_CONFIG names them."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass

_LIKE = '{"cluster": {"worker": ["a:2222", "b:2222"]}, "task": {"type": "worker", "index": 0}}'


@dataclass(frozen=True)
class Cluster:
    """The workers of a distributed training, and which of them this process is.

    Attributes:
        workers: The "host:port" of each worker; the first is the chief.
        index: The number of this process among them.
    """

    workers: tuple[str, ...]
    index: int

    @property
    def is_chief(self) -> bool:
        """Whether this process writes what all of them have learned."""
        return self.index == 0


def read_cluster() -> Cluster | None:
    """Reads the environment variable TF_CONFIG, as TensorFlow's distributed training defines it.

    Returns:
        The `Cluster`; None if the variable is not set, or names one worker alone.

    Raises:
        ValueError: If it does not say which workers there are, and which of them this one is.
    """
    text = os.environ.get("TF_CONFIG", "").strip()
    if not text:
        return None
    try:
        config = json.loads(text)
        cluster, task = config.get("cluster", {}), config.get("task", {})
        hosts = {kind: cluster.get(kind, []) for kind in ("chief", "worker")}
        tasks = [(kind, i) for kind, names in hosts.items() for i in range(len(names))]
        workers = tuple(str(hosts[kind][i]) for kind, i in tasks)
        index = tasks.index((task["type"], int(task["index"]))) if len(tasks) > 1 else 0
    except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise ValueError(
            "TF_CONFIG must be JSON that lists all workers, and says which of them this is: "
            f"{_LIKE}. Received: {text}"
        ) from error
    return Cluster(workers, index) if len(workers) > 1 else None


def is_chief() -> bool:
    """Returns whether this process writes: it trains alone, or is the first worker."""
    cluster = read_cluster()
    return cluster is None or cluster.is_chief
