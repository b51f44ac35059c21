"""`connect`, with a Ray cluster or one of this machine alone; `share`, what a worker gets of it."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple
from urllib.parse import urlsplit

from kerasart.scale.requirements import ray
from kerasart.settings.checks import check
from kerasart.startup import hold_stderr

_STORE = 2**28  # Bytes of memory that processes share: names pass there, and no pictures.
# Of the CPUs that a worker computes with, how many it asks Ray for. If workers took all, what else
# runs in the cluster would wait for them, and they for it.
_ASKED = 0.5
_PATIENCE = 10  # Seconds in which a cluster's machine must answer.


class Share(NamedTuple):
    """What each of several workers gets of a cluster.

    Attributes:
        cpus, gpus: How many of its own there are for it.
        asked_cpus: How many it asks Ray for.
    """

    cpus: float
    gpus: float
    asked_cpus: float


@contextmanager
def connect(address: str | None = None) -> Iterator[None]:
    """Connects this process with a Ray cluster while the block runs.

    Args:
        address: The cluster: "auto" for the one that this machine is part of, or HOST:PORT, or
            ray://HOST:PORT; None starts one of this machine alone, which ends with the block. A
            process that is connected already stays so.

    Raises:
        ImportError: If Ray is not installed.
        ConnectionError: If there is no such cluster.
    """
    if ray().is_initialized():
        yield
        return
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    local = {"num_cpus": count_cores(), "object_store_memory": _STORE, "include_dashboard": False}
    failure: Exception | None = None
    with hold_stderr(lambda line: True), _signals_kept():
        try:
            _call(address)
            ray().init(
                address or "local",
                **({} if address else local),
                log_to_driver=False,
                configure_logging=False,
            )
        except (OSError, RuntimeError, ValueError) as error:
            failure = error
    if failure:
        raise ConnectionError(
            "`address` must be that of a Ray cluster that runs, such as auto on one of its "
            f"machines. Received: {address!r}, and {failure}"
        )
    try:
        yield
    finally:
        ray().shutdown()


def _call(address):
    """Raises OSError where nobody listens at an address, for which Ray would look for minutes."""
    place = urlsplit(f"//{(address or '').rpartition('//')[2]}")
    if place.port:
        socket.create_connection((place.hostname, place.port), _PATIENCE).close()


def share(workers: int | None, gpus: float | None = None) -> tuple[int, Share]:
    """Divides the cluster that this process is connected with among workers.

    Args:
        workers: How many; None for one for each GPU, or else for every other CPU.
        gpus: GPUs of each, also a part of one; None shares all of them out, to each one at most.

    Returns:
        The number of workers, and the `Share` of each.

    Raises:
        ValueError: If one of them is not allowed.
    """
    resources = ray().cluster_resources()
    all_cpus, all_gpus = resources.get("CPU", 1), resources.get("GPU", 0)
    if workers is None:
        workers = max(1, int(all_gpus // gpus if gpus else all_gpus or all_cpus // 2))
    check(workers >= 1, "workers", "1 or more", workers)
    most = all_gpus / workers
    if gpus is None:
        gpus = min(1.0, most)
    allowed = "0 or more, and whole from 1 on"
    check(gpus >= 0 and (gpus < 1 or gpus % 1 == 0), "gpus_per_worker", allowed, gpus)
    allowed = f"at most {most:g}, for the cluster has {all_gpus:g} GPUs for {workers} workers"
    check(gpus <= most, "gpus_per_worker", allowed, gpus)  # They would wait for more for ever.
    each = all_cpus / workers
    return workers, Share(each, _round_down(gpus), _round_down(_ASKED * each))


def _round_down(number):
    """Rounds to the ten-thousandths in which Ray counts, so that the last worker fits, too."""
    return int(number * 1e4) / 1e4


@contextmanager
def _signals_kept():
    """Keeps the handlers of signals, in the place of which Ray puts its own."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def count_cores() -> int:
    """Returns the number of cores of this machine that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
