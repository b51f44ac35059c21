"""`Jobs`: a queue of recipes, made one at a time in a thread, seen as they grow, and stopped."""

import json
import logging
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerasart.image.files import replace_file
from kerasart.progress import Progress
from kerasart.records import write_recorded
from kerasart.studio.film_recipes import FilmRecipe
from kerasart.studio.films import put_film
from kerasart.studio.previews import encode_preview
from kerasart.studio.recipe import Recipe
from kerasart.studio.recipes import read_recipe, write_recipe
from kerasart.studio.sentences import explain
from kerasart.studio.sources import Sources
from kerasart.untrusted import parse_json

_log = logging.getLogger("kerasart")

MOST_WAITING = 16  # A sheet and some more.
_KEPT = 24  # Jobs that have ended, of which the page is still told.
_PREVIEW_SECONDS = 0.15  # The least time between two previews.
_ENDED = ("done", "stopped", "failed")
_KEPT_NOTE = "What was made so far is kept: “Go on” takes it up again, also after a restart."


class BusyError(ValueError):
    """The queue is full."""


@dataclass
class Job:
    """A picture that is to be made, is being made, or was.

    Attributes:
        number: Its name among jobs.
        recipe: What is made.
        sheet: The name of the sheet of variations that it is part of, or "".
        state: "waiting", "running", "stopping", "done", "stopped", "failed", or "held": what it
            has come to is kept, and it goes on when it is asked to, or in the next studio.
        step, steps, share: How far it is, of a film in frames; share is the fraction of the work.
        size: (width, height) of the current scale, or None.
        preview: The number of the latest preview; 0 before the first.
        work: The name of the file that was written, or "".
        message: Why it failed or is held, or "".
    """

    number: int
    recipe: Recipe
    sheet: str = ""
    state: str = "waiting"
    step: int = 0
    steps: int = 0
    share: float = 0.0
    size: tuple[int, int] | None = None
    preview: int = 0
    work: str = ""
    message: str = ""

    def describe(self) -> dict[str, Any]:
        """Returns what the page is told, of values that JSON knows."""
        shown = {name: value for name, value in vars(self).items() if name != "recipe"}
        return shown | {"share": round(self.share, 4), "recipe": write_recipe(self.recipe)}


class Jobs:
    """A queue of jobs, and the thread that does them.

    What is waiting or running lies in a folder, with the state of the run. So a studio that was
    killed goes on where it was.

    Args:
        folder: Where pictures are written.
        state_folder: Where unfinished jobs lie.
        sources: The `Sources`.
        prepare: Called without arguments in the thread, before the first job: loads TensorFlow.
    """

    def __init__(
        self,
        folder: Path,
        state_folder: Path,
        sources: Sources,
        prepare: Callable[[], object] = lambda: None,
    ):
        self._folder, self._state_folder, self._sources = folder, state_folder, sources
        self._prepare = prepare
        self._jobs: list[Job] = []
        self._preview = (0, b"")  # The number of the job, and the JPEG.
        self._wanted, self._drawn = True, 0.0
        self._version, self._is_ready, self._closes = 0, False, False
        self._changed = threading.Condition()
        state_folder.mkdir(parents=True, exist_ok=True)
        self._number = 0
        self._restore()
        self._thread = threading.Thread(target=self._work, name="studio jobs", daemon=True)
        self._thread.start()

    def add(self, recipe: Recipe, sheet: str = "") -> Job:
        """Puts a recipe into the queue.

        Raises:
            BusyError: If too many wait.
            ValueError: If a source is missing.
        """
        with self._changed:
            waiting = sum(job.state == "waiting" for job in self._jobs)
            if waiting >= MOST_WAITING:
                raise BusyError(f"{waiting} pictures are waiting already: stop one, or wait.")
            self._sources.keep(recipe.sources)
            self._number += 1
            job = Job(self._number, recipe, sheet)
            kept = {"recipe": write_recipe(recipe), "sheet": sheet}
            replace_file(self._state(job, ".json"), json.dumps(kept).encode())
            self._jobs.append(job)
            self._tell()
        return job

    def stop(self, number: int) -> bool:
        """Stops a job: one that runs ends with the picture so far. Returns whether there is one."""
        with self._changed:
            for job in self._jobs:
                if job.number == number and job.state not in _ENDED:
                    if job.state in ("waiting", "held"):
                        self._end(job, "stopped")
                    else:
                        job.state = "stopping"
                    self._tell()
                    return True
        return False

    def go_on(self, number: int) -> bool:
        """Lets a job that is held wait for its turn again. Returns whether there is one."""
        with self._changed:
            for job in self._jobs:
                if job.number == number and job.state == "held":
                    job.state, job.message = "waiting", ""
                    self._tell()
                    return True
        return False

    def describe(self, version: int = -1, seconds: float = 10.0) -> dict[str, Any] | None:
        """Returns what the page is told of all jobs, once it is another than of a version.

        Args:
            version: The version that the page has.
            seconds: How long to wait for another; None is returned if there is none by then.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._version != version, seconds):
                return None
            jobs = [job.describe() for job in self._jobs]
            return {"version": self._version, "ready": self._is_ready, "jobs": jobs}

    def preview(self, number: int) -> bytes | None:
        """Returns the latest preview of a job, a JPEG; only now is the next one drawn."""
        with self._changed:
            self._wanted = True
            drawn_of, jpeg = self._preview
            return jpeg if drawn_of == number else None

    def close(self) -> None:
        """Ends the thread; what it was making goes on in the next studio."""
        with self._changed:
            self._closes = True
            self._changed.notify_all()
        self._thread.join()

    def _restore(self):
        for path in sorted(self._state_folder.glob("*.json"), key=lambda path: path.stem.zfill(9)):
            try:
                kept = parse_json(path.read_text())
                job = Job(int(path.stem), read_recipe(kept["recipe"]), str(kept["sheet"]))
            except (ValueError, LookupError, TypeError, OSError) as error:
                _log.warning("An unfinished job cannot be read, and is left: %s", error)
                continue
            self._jobs.append(job)
        # Nor is the number of what cannot be read, or was left by a kill, given again.
        stems = [path.name.partition(".")[0] for path in self._state_folder.iterdir()]
        self._number = max((int(stem) for stem in stems if stem.isdecimal()), default=0)

    def _state(self, job, suffix):
        return self._state_folder / f"{job.number}{suffix}"

    def _tell(self):
        self._version += 1
        self._changed.notify_all()

    def _end(self, job, state, message=""):
        job.state, job.message = state, message
        if state == "held":
            self._tell()
            return
        self._state(job, ".json").unlink(missing_ok=True)
        for path in self._state_folder.glob(f"{job.number}.*"):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        ended = [each for each in self._jobs if each.state in _ENDED]
        for each in ended[:-_KEPT]:
            self._jobs.remove(each)
        self._tell()

    def _work(self):
        self._prepare()
        with self._changed:
            self._is_ready = True
            self._tell()
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closes or self._next())
                if self._closes:
                    return
                job = self._next()
                job.state = "running"
                self._preview, self._wanted = (job.number, b""), True
                self._tell()
            state, message = self._make(job)
            if not self._closes or state == "done":
                with self._changed:
                    self._end(job, state, message)

    def _next(self):
        return next((job for job in self._jobs if job.state == "waiting"), None)

    def _make(self, job):
        """Makes a picture and writes it; returns the state in which the job ends, and a message."""
        record: dict[str, Any] = {"studio": write_recipe(job.recipe)}
        record |= {"sheet": job.sheet} if job.sheet else {}
        try:
            if isinstance(job.recipe, FilmRecipe):
                return self._make_film(job, job.recipe, record)
            plan = job.recipe.plan(self._sources)
            state, message = "done", ""
            try:
                result = plan.make(
                    checkpoint=self._state(job, ".npz"),
                    on_step=lambda progress: self._on_step(job, progress, plan.photo.alpha),
                    on_tile=lambda done, count: self._check(job),
                )
            except (KeyboardInterrupt, FloatingPointError) as error:
                result = getattr(error, "result", None)
                is_stop = isinstance(error, KeyboardInterrupt)
                state, message = ("stopped", "") if is_stop else ("failed", explain(error))
                steps = max(map(len, result.history.values())) if result else 0
                if not steps or self._closes:
                    return state, message
                record["interrupted_after"] = steps
            record = result.settings | plan.record | record
            path = self._folder / job.recipe.output
            job.work = write_recorded(path, result.image, record, plan.photo, taken="number").name
        except OSError as error:  # Of a full disk, say: nothing that was made is lost.
            return "held", f"{explain(error)} {_KEPT_NOTE}"
        except (ValueError, MemoryError, ImportError) as error:
            return "failed", explain(error)
        except Exception as error:
            _log.exception("A job of the studio failed.")
            return "failed", f"{type(error).__name__}: {error}"
        return state, message

    def _make_film(self, job, recipe, record):
        """Makes a film, and puts it among the works; returns what `_make` does."""
        path = self._state(job, f".{recipe.form}")
        try:
            made, message = recipe.make(
                self._sources, path, lambda progress: self._on_step(job, progress)
            )
        except KeyboardInterrupt:
            return "stopped", ""
        is_whole = "interrupted_after" not in made
        if is_whole or not self._closes:
            job.work = put_film(path, self._folder / recipe.output, made | record).name
        return "failed" if message else "done" if is_whole else "stopped", message

    def _check(self, job):
        if self._closes or job.state == "stopping":
            raise KeyboardInterrupt

    def _on_step(self, job, progress: Progress, alpha=None):
        now = time.monotonic()
        share = progress.step / progress.steps if progress.share is None else progress.share
        jpeg = None
        if self._wanted and (now - self._drawn >= _PREVIEW_SECONDS) and share < 1:
            jpeg = encode_preview(progress.picture(), alpha=alpha)
            self._drawn = time.monotonic()
        with self._changed:
            job.step, job.steps, job.share = progress.step, progress.steps, share
            job.size = (int(progress.size[1]), int(progress.size[0]))
            if jpeg:
                job.preview += 1
                self._preview, self._wanted = (job.number, jpeg), False
            self._tell()
        self._check(job)
