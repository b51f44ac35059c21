"""`stream`, which paints many photos: reads ahead, writes behind, and goes past those that fail."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from typing import Any, TypeVar

from kerasart.image import Picture
from kerasart.scale.painting import Painted

_AHEAD = 4  # Pictures that are read before, and written after, the one that is painted.
_WAITING = 4  # Batches of photos that wait for others of their size, at most.

_Job = TypeVar("_Job")


def stream(
    jobs: Iterable[_Job],
    read: Callable[[_Job], Picture],
    paint: Callable[[Sequence[Picture]], Sequence[Painted]],
    write: Callable[[_Job, Picture, Painted], Any],
    pool: Executor,
    batch_size: int = 1,
    caught: tuple[type[Exception], ...] = (ValueError, OSError, MemoryError),
) -> Iterator[tuple[_Job, Any]]:
    """Paints many photos: reads ahead, writes behind, and goes past those that fail.

    Args:
        jobs: What tells a photo, and where its painting goes.
        read: `read(job)`, called by threads.
        paint: `paint(photos)`, of photos of one size.
        write: `write(job, photo, painted)`, called by threads.
        pool: The threads.
        batch_size: The most photos that are painted together. Those of one size are, which need
            not follow one another.
        caught: The exceptions that are of one photo, and no reason to stop.

    Yields:
        Each job, once it is done, and what `write` returned, or the exception: at the latest when
        a few more are painted. Which follows which depends on the jobs alone.
    """
    writing: deque = deque()

    def finish():
        job, future = writing.popleft()
        try:
            return job, future.result()
        except caught as error:
            return job, error

    try:
        for batch in _batches(_read_ahead(jobs, read, pool, caught), batch_size):
            try:
                if isinstance(batch[0][1], Exception):
                    raise batch[0][1]
                painted = paint([photo for _, photo in batch])
            except caught as error:
                writing.extend((job, _failed(error)) for job, _ in batch)
            else:
                for (job, photo), each in zip(batch, painted, strict=True):
                    writing.append((job, pool.submit(write, job, photo, each)))
            while len(writing) > _AHEAD or (writing and writing[0][1].done()):
                yield finish()
    finally:
        rest = [finish() for _ in range(len(writing))]
    yield from rest


def _failed(error):
    future: Future = Future()
    future.set_exception(error)
    return future


def _read_ahead(jobs, read, pool, caught):
    """Reads photos a few ahead of their use: yields jobs, each with its photo or an exception."""
    ahead, jobs = deque(), iter(jobs)
    while True:
        for job in itertools.islice(jobs, _AHEAD - len(ahead)):
            ahead.append((job, pool.submit(read, job)))
        if not ahead:
            return
        job, reading = ahead.popleft()
        try:
            photo = reading.result()
        except caught as error:
            photo = error
        yield job, photo


def _batches(photos, size):
    """Puts photos of one size together; an exception is by itself."""
    buckets: dict[tuple, list] = {}
    for job, photo in photos:
        if isinstance(photo, Exception):
            yield [(job, photo)]
            continue
        buckets.setdefault(photo.image.shape, []).append((job, photo))
        largest = max(buckets, key=lambda shape: len(buckets[shape]))
        if len(buckets[largest]) == size or sum(map(len, buckets.values())) == _WAITING * size:
            yield buckets.pop(largest)
    yield from buckets.values()
