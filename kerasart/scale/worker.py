"""`Worker`, which paints photos for a run: a process with a network of its own."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from kerasart.image.files import decode_picture
from kerasart.scale.cluster import count_cores
from kerasart.scale.manifest import manifest_schema
from kerasart.scale.painting import PhotoPainter, encode_painted
from kerasart.scale.requirements import pyarrow
from kerasart.scale.stores import Store
from kerasart.scale.streaming import stream

_MOST_BYTES = 2**30  # Of a photo's file. What is larger is no photo, and would fill the memory.


@dataclass(frozen=True)
class Task:
    """What all workers of a run have to know.

    Attributes:
        photos, output: As in `plan`.
        painting: How photos are painted.
        settings_hash: As in `plan`.
        replaces: Whether what is in the place of a painting, and was not painted there, is lost.
        cpus: How many CPUs there are for each worker.
        threads: With how many threads it computes; None for as many as its machine has cores. So
            does a script by itself, and the order in which a network's sums are added up, on which
            their last digits depend, is by threads.
        batch_size: As in `stream`.
        attempts: How often a worker may die of some jobs.
        period: Seconds between two tables of rows, each of which takes the driver some time.
    """

    photos: Store
    output: Store
    painting: PhotoPainter
    settings_hash: str
    replaces: bool = False
    cpus: float = 1.0
    threads: int | None = None
    batch_size: int = 1
    attempts: int = 3
    period: float = 1.0


def result_schema() -> Any:
    """Returns the `pyarrow.Schema` of what a worker yields: a list of `rows` each time."""
    pa = pyarrow()
    own = [pa.field("number", pa.int64()), pa.field("kind", pa.string())]
    row = pa.struct([*own, *manifest_schema()])
    return pa.schema([pa.field("rows", pa.list_(row))])


class Worker:
    """Paints photos, one after another; called by Ray Data, in an actor.

    Args:
        task: The `Task`.
        begin: `begin(number)` counts how often jobs were begun with, of which the first has that
            number, and returns it: in another process, which does not die with this one.
    """

    def __init__(self, task: Task, begin: Callable[[int], int]):
        self._task, self._begin = task, begin
        self._trouble: Exception | None = None
        try:
            share = min(1.0, task.cpus / count_cores())
            self._painting = task.painting.sharing(share, task.threads)
            self._painting.load()
        except Exception as error:  # Ray would start it again, and say more than what is wrong.
            self._trouble = error

    def __call__(self, jobs: Any) -> Iterator[Any]:
        """Paints some of the jobs of a `Plan`.

        Args:
            jobs: A `pyarrow.Table` of them.

        Yields:
            A table of `result_schema`, whose list has a row of the `Manifest` for each that is done
            since the last. Whatever happens to one, its row says so, and the others are painted. It
            has the job's `number` besides, and a `kind`: "done"; "lost" if workers have died of
            these jobs too often, so that none is painted; or "hopeless" if none ever can be.
        """
        rows, since = [], time.perf_counter()
        for row in self._paint(jobs.to_pylist()):
            rows.append(row)
            if time.perf_counter() - since >= self._task.period:
                yield _tabulate(rows)
                rows, since = [], time.perf_counter()
        if rows:
            yield _tabulate(rows)

    def _paint(self, jobs):
        if self._trouble:
            yield self._row(jobs[0], self._trouble, "hopeless")
            return
        if self._begin(jobs[0]["number"]) > self._task.attempts:
            died = MemoryError(
                f"A worker must survive a picture. Received: {self._task.attempts} that died; it "
                "may need more memory than there is"
            )
            yield from (self._row(job, died, "lost") for job in jobs)
            return
        left = []
        for job in jobs:
            if self._is_unchanged(job):
                yield self._row(job, None)
            else:
                left.append(job)
        with ThreadPoolExecutor(2) as pool:
            paint, size = self._painting.paint, self._task.batch_size
            outcomes = stream(left, self._read, paint, self._write, pool, size, (Exception,))
            for job, outcome in outcomes:
                yield self._row(job, outcome)

    def _is_unchanged(self, job):
        """Whether a photo is that which was painted, for all that its time is another."""
        if job["known_input"] is None:
            return False
        try:
            data = self._task.photos.read(job["path"])
            is_there = self._task.output.find(job["output"]) is not None
        except Exception:  # It is read again, where this counts.
            return False
        job["input_hash"] = _hash(data)
        return is_there and job["input_hash"] == job["known_input"]

    def _read(self, job):
        job["start"] = time.perf_counter()
        if job["size"] > _MOST_BYTES:
            raise ValueError(
                f"Cannot read '{job['path']}': a photo must have at most {_MOST_BYTES} bytes. "
                f"Received: {job['size']}"
            )
        data = self._task.photos.read(job["path"])
        job["input_hash"] = _hash(data)
        photo = decode_picture(data, job["path"], self._painting.max_pixels)
        return self._painting.prepare(photo)

    def _write(self, job, photo, painted):
        data = encode_painted(self._painting, job["output"], photo, painted)
        self._place(job["output"], data, job["known_output"])
        job["output_hash"] = _hash(data)

    def _place(self, name, data, known):
        """Puts a painting into its place, unless something else is there."""
        output = self._task.output
        try:
            output.write(name, data, "refuse")
            return
        except FileExistsError:
            there = output.find(name)
        if there == data:
            return  # A run, or a worker, was killed just after it had written it.
        if self._task.replaces or there is None or _hash(there) == known:
            output.write(name, data, "replace")
            return
        raise FileExistsError(
            f"Cannot write '{name}': its name must be free, or --overwrite given. "
            "Received: a file that was not painted here, or was changed since"
        )

    def _row(self, job, outcome, kind="done"):
        names = ("number", "path", "output", "size", "modified")
        row = {name: job[name] for name in names} | {"kind": kind}
        row["settings_hash"] = self._task.settings_hash
        row["input_hash"] = job.get("input_hash")
        # What was painted there before can be told from what others put there.
        row["output_hash"] = job.get("output_hash", job["known_output"])
        row["seconds"] = time.perf_counter() - job["start"] if "start" in job else 0.0
        row["reason"] = _explain(outcome) if isinstance(outcome, Exception) else None
        return row


def _tabulate(rows):
    return pyarrow().Table.from_pylist([{"rows": rows}], result_schema())


def _explain(error):
    is_sentence = isinstance(error, ValueError | OSError | MemoryError | FloatingPointError)
    return str(error) if is_sentence else f"{type(error).__name__}: {error}"


def _hash(data):
    return hashlib.sha256(data).hexdigest()[:16]
