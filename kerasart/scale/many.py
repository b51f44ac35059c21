"""`paint_many`: a million photos, painted by the workers of a Ray cluster."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from kerasart.scale.cluster import connect, share
from kerasart.scale.plan import Plan
from kerasart.scale.requirements import pyarrow, ray
from kerasart.scale.worker import Task, Worker

# Photos that a worker takes at once: what is painted again where it dies. At the end of a run the
# others wait for one that has just taken some, so that they are few where the run is short.
_MOST_AT_ONCE, _TIMES = 32, 16
_WAITING = 2  # Of such, how many each worker has at hand.
_MOST_TOLD = 100  # Times a second that the driver is told what is done: of many workers, each less.


def paint_many(
    plan: Plan,
    *,
    address: str | None = None,
    workers: int | None = None,
    gpus_per_worker: float | None = None,
    threads: int | None = None,
    batch_size: int = 1,
    period: float | None = None,
    replaces: bool = False,
    on_start: Callable[[int], object] = lambda workers: None,
) -> Iterator[dict[str, Any]]:
    """Paints the photos of a `Plan`, by several processes, also of several machines.

    Each file is that of `write_painted`. After a run that was ended, by whatever, a new plan goes
    on, and ends with the same files. A worker that dies is started again, and what it was painting
    is painted again; a photo of which three have died is left out.

    Args:
        plan: What is to be painted.
        address: As in `connect`.
        workers: The number of processes, each with a network of its own; as in `share`.
        gpus_per_worker: As in `share`.
        threads: With how many threads each computes; None for as many as its machine has cores, so
            that paintings are those of `write_painted` to the bit. Of many workers on a machine
            fewer may be faster.
        batch_size: As in `stream`.
        period: The least seconds between two times that a worker tells what it has done; None for
            as many as the driver has time for.
        replaces: Whether files are replaced that lie where a painting goes, and were not painted
            there; else the row says so.
        on_start: `on_start(workers)`, called when the cluster runs, with the number of processes.

    Yields:
        For each photo, once it is done, its row of the `Manifest`, which has it too.

    Raises:
        ImportError: If Ray is not installed.
        ValueError: If an argument is not allowed, or nothing can be painted so.
        ConnectionError: If there is no such cluster.
        ChildProcessError: If workers cannot start, for lack of a package for example.
        OSError: If the manifest cannot be written.
    """
    with connect(address), plan.manifest:
        workers, each = share(workers, gpus_per_worker)
        on_start(workers)
        task = Task(
            plan.photos,
            plan.output,
            plan.painting.portable(),
            plan.settings_hash,
            replaces,
            each.cpus,
            threads,
            batch_size,
            period=max(Task.period, workers / _MOST_TOLD) if period is None else period,
        )
        numbers = pyarrow().array(np.arange(len(plan.jobs)))
        for row in _paint(task, plan.jobs.append_column("number", numbers), workers, each):
            plan.manifest.add(row)
            yield row


def _paint(task, jobs, workers, each):
    """Yields the row of each job: first of many at once, then of those that killed a worker."""
    count = max(1, min(_MOST_AT_ONCE, len(jobs) // (workers * _TIMES)))
    is_left = np.ones(len(jobs), bool)
    # By itself a photo takes no others with it, nor those that wait for the same worker.
    for at_once, waiting in ((count, _WAITING), (1, 1)):
        for row in _run(task, jobs.filter(is_left), at_once, waiting, workers, each):
            number, kind = row.pop("number"), row.pop("kind")
            if kind == "hopeless":
                raise ValueError(row["reason"])
            if is_left[number] and (kind == "done" or waiting == 1):
                is_left[number] = False
                yield row
        if not is_left.any():
            return


def _run(task, jobs, at_once, waiting, workers, each):
    """Yields what workers yield of the jobs."""
    # Its machine may go: then it counts anew on another.
    lasting = {"max_restarts": -1, "max_task_retries": -1}
    ledger = ray().remote(_Ledger).options(num_cpus=0, **lasting).remote()
    blocks = [jobs.slice(first, at_once) for first in range(0, len(jobs), at_once)]
    pool = ray("data").ActorPoolStrategy(
        size=min(workers, len(blocks)), max_tasks_in_flight_per_actor=waiting
    )
    context = ray("data").DataContext.get_current().copy()
    context.enable_progress_bars = context.print_on_execution_start = False
    context.target_max_block_size = 1  # Each table comes as soon as it is there.
    # A worker does not wait until they are fetched, at most ten times a second.
    context._max_num_blocks_in_streaming_gen_buffer = at_once
    context.max_consecutive_actor_init_deaths = 3  # Machines may go while workers start.
    with ray("data").DataContext.current(context):
        rows = (
            ray("data")
            .from_arrow(blocks)
            .map_batches(
                Worker,
                batch_size=at_once,
                batch_format="pyarrow",
                fn_constructor_args=(task, _Begin(ledger)),
                compute=pool,
                num_cpus=each.asked_cpus,
                num_gpus=each.gpus,
            )
        )
        try:
            for table in rows.iter_batches(batch_size=None, batch_format="pyarrow"):
                for several in table["rows"].to_pylist():
                    yield from several
        except ray("exceptions").RayError as error:
            *_, last = str(error).strip().split("\n")
            raise ChildProcessError(
                "Workers must start: all machines need kerasart, its packages, and memory. "
                f"Received: {last or type(error).__name__}"
            ) from error


class _Ledger:
    """Counts how often jobs were begun with; an actor, which a worker's death leaves alone."""

    def __init__(self):
        self._counts = Counter()

    def begin(self, number):
        self._counts[number] += 1
        return self._counts[number]


class _Begin:
    """Asks the ledger, as `Worker` does."""

    def __init__(self, ledger):
        self._ledger = ledger

    def __call__(self, number):
        return ray().get(self._ledger.begin.remote(number))
