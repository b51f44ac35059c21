"""`paint_shots`: the shots of a film, painted by the workers of a Ray cluster."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerasart.film import Film, FilmWriter
from kerasart.scale.cluster import connect, share
from kerasart.scale.painting import set_up_tensorflow
from kerasart.scale.requirements import ray

if TYPE_CHECKING:
    from kerasart.applications.film_shots import Shot

_RETRIES = 2  # Of a shot of which a worker dies.


def paint_shots(
    film: Film,
    shots: Sequence[Shot],
    make_writer: Callable[[Film], FilmWriter],
    make_painter: Callable[[], Any],
    *,
    size: int | None = None,
    cuts: Collection[float] | None = None,
    address: str | None = None,
    workers: int | None = None,
    gpus_per_worker: float | None = None,
    threads: int | None = None,
) -> Iterator[Shot]:
    """Paints the shots of a film apart, by several processes, also of several machines.

    They lie in the folder beside the output, which all machines see at the same path, as the film.
    `paint_film` without `shots` then joins them, without encoding again: to the film, to the byte,
    that it paints by itself. What is painted already is left out.

    Args:
        film: The film.
        shots: Those of `find_shots` that are to be painted.
        make_writer: `make_writer(film)` makes the `FilmWriter`, in each process.
        make_painter: Makes the `Painter` of `paint_film`, in each process.
        size, cuts: As in `paint_film`.
        address, workers, gpus_per_worker, threads: As in `paint_many`.

    Yields:
        Each shot, once it is painted.

    Raises:
        ImportError: If Ray is not installed.
        ConnectionError: If there is no such cluster.
        ChildProcessError: If a shot kills three workers.
        OSError, ValueError: As in `paint_film`.
    """
    with connect(address):
        workers, each = share(workers, gpus_per_worker)
        start = (
            ray()
            .remote(_ShotPainter)
            .options(
                num_cpus=each.asked_cpus,
                num_gpus=each.gpus,
                scheduling_strategy="SPREAD",
                max_restarts=-1,
                max_task_retries=_RETRIES,
            )
        )
        arguments = os.getcwd(), film, make_writer, make_painter, size, cuts, threads
        idle = [start.remote(*arguments) for _ in range(min(workers, len(shots)))]
        # The longest first, so that at the end no worker is left alone with one.
        left = sorted(shots, key=lambda shot: shot.stop - shot.first)
        busy: dict[Any, tuple[Any, Shot]] = {}
        while left or busy:
            while left and idle:
                worker, shot = idle.pop(), left.pop()
                busy[worker.paint.remote(shot)] = worker, shot
            (done,), _ = ray().wait(list(busy))
            worker, shot = busy.pop(done)
            _get(done, shot)
            idle.append(worker)
            yield shot


def _get(done, shot):
    try:
        ray().get(done)
    except ray("exceptions").RayTaskError as error:
        raise error.cause from None
    except ray("exceptions").RayActorError as error:
        raise ChildProcessError(
            f"A worker must survive the frames from {shot.first} to {shot.stop}. Received: "
            f"{1 + _RETRIES} that died; it may need more memory than there is"
        ) from error


class _ShotPainter:
    """Paints shots; an actor.

    Args:
        folder: The folder that paths are in which are not absolute.
        film, make_writer, make_painter, size, cuts, threads: As in `paint_shots`.
    """

    def __init__(self, folder, film, make_writer, make_painter, size, cuts, threads):
        if Path(folder).is_dir():  # Of another machine, it may be another.
            os.chdir(folder)
        set_up_tensorflow(threads)
        self._film, self._make_writer, self._size, self._cuts = film, make_writer, size, cuts
        self._painter = make_painter()

    def paint(self, shot):
        from kerasart import paint_film

        writer = self._make_writer(self._film)
        options = {"size": self._size, "cuts": self._cuts, "shots": [shot]}
        paint_film(self._film, writer, self._painter, **options)
