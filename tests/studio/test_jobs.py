import errno
import json
import threading
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
from fake_dreams import fake_dreams, write_clip
from waiting import SECONDS, wait_until

import kerasart
from kerasart.film import Film
from kerasart.film.video_file import CutOffError
from kerasart.image import read_picture
from kerasart.optimization import DivergedError
from kerasart.progress import Progress
from kerasart.records import read_record
from kerasart.studio.film_recipes import FilmDream
from kerasart.studio.gallery import Gallery
from kerasart.studio.jobs import MOST_WAITING, BusyError, Jobs
from kerasart.studio.recipes import read_recipe, write_recipe
from kerasart.studio.sources import Sources

DREAM = read_recipe({"kind": "dream", "photo": "cat", "preset": "gentle", "seed": 3})


@pytest.fixture
def fakes(monkeypatch):
    return fake_dreams(monkeypatch)


@pytest.fixture
def open_jobs(tmp_path, fakes):
    """Opens the jobs of a folder; what runs at the end is let go."""
    opened = []

    def open_jobs(**options):
        sources = Sources(tmp_path / "sources", 10**6)
        jobs = Jobs(tmp_path, tmp_path / ".unfinished", sources, **options)
        opened.append((jobs, sources))
        return jobs

    yield open_jobs
    for jobs, sources in opened:
        jobs.close()
        sources.close()


def wait_for(jobs, number, *states):
    def find():
        (job,) = (each for each in jobs.describe()["jobs"] if each["number"] == number)
        assert job["state"] in (*states, "waiting", "running", "stopping"), job
        return job["state"] in states and job

    return wait_until(find)


def test_jobs_are_done_one_at_a_time_and_in_order(open_jobs, fakes, tmp_path):
    jobs = open_jobs()
    first, second = jobs.add(DREAM), jobs.add(DREAM)
    wait_for(jobs, first.number, "running")
    assert second.state == "waiting"
    fakes.pause.set()
    assert wait_for(jobs, first.number, "done")["work"] == "dream.png"
    assert wait_for(jobs, second.number, "done")["work"] == "dream-2.png"
    assert not list((tmp_path / ".unfinished").iterdir())
    record = read_record(tmp_path / "dream.png")
    assert record["studio"] == write_recipe(DREAM)
    assert record["seed"] == 3
    assert "interrupted_after" not in record


def test_progress_is_told(open_jobs, fakes):
    jobs = open_jobs()
    job = jobs.add(DREAM, "sheet")
    wait_for(jobs, job.number, "running")
    wait_until(lambda: job.step)
    told = jobs.describe()["jobs"][0]
    assert (told["step"], told["steps"], told["size"]) == (1, 5, (32, 24))
    assert told["sheet"] == "sheet"
    json.dumps(jobs.describe())


def test_nothing_is_told_until_something_changes(open_jobs):
    jobs = open_jobs()
    wait_until(lambda: jobs.describe()["ready"])
    version = jobs.describe()["version"]
    assert jobs.describe(version, seconds=0.05) is None
    jobs.add(DREAM)
    assert jobs.describe(version)["version"] > version


def test_a_stopped_job_keeps_its_picture(open_jobs, tmp_path):
    jobs = open_jobs()
    job = jobs.add(DREAM)
    wait_until(lambda: job.step)
    assert jobs.stop(job.number)
    assert wait_for(jobs, job.number, "stopped")["work"] == "dream.png"
    assert read_picture(tmp_path / "dream.png").image.shape == (1, 24, 32, 3)
    assert read_record(tmp_path / "dream.png")["interrupted_after"] == 1
    assert not list((tmp_path / ".unfinished").iterdir())
    assert not jobs.stop(job.number)
    assert not jobs.stop(99)


def test_a_job_that_waits_is_taken_out(open_jobs, fakes):
    jobs = open_jobs()
    first, second = jobs.add(DREAM), jobs.add(DREAM)
    wait_for(jobs, first.number, "running")
    jobs.stop(second.number)
    fakes.pause.set()
    wait_for(jobs, first.number, "done")
    assert (second.state, second.work) == ("stopped", "")
    assert len(fakes.checkpoints) == 1


def test_the_queue_is_bounded(open_jobs):
    jobs = open_jobs()
    first = jobs.add(DREAM)
    wait_for(jobs, first.number, "running")
    for _ in range(MOST_WAITING):
        jobs.add(DREAM)
    with pytest.raises(BusyError):
        jobs.add(DREAM)


def test_a_preview_is_drawn_when_the_last_was_seen(open_jobs, fakes):
    fakes.steps = 60
    jobs = open_jobs()
    job = jobs.add(DREAM)
    wait_until(lambda: job.preview)
    fakes.pause.set()
    wait_for(jobs, job.number, "done")
    assert fakes.drawn == 1  # Nobody has looked at it.
    assert jobs.preview(job.number)[:2] == b"\xff\xd8"
    assert jobs.preview(99) is None


@pytest.mark.parametrize(
    ("error", "message"),
    [(ValueError("too small"), "too small"), (KeyError("odd"), "KeyError: 'odd'")],
)
def test_a_job_that_fails_says_why_and_the_next_is_done(open_jobs, fakes, error, message):
    fakes.pause.set()
    fakes.error = error
    jobs = open_jobs()
    job = jobs.add(DREAM)
    assert wait_for(jobs, job.number, "failed")["message"] == message
    fakes.error = None
    job = jobs.add(DREAM)
    wait_for(jobs, job.number, "done")


def test_a_studio_that_was_closed_goes_on(open_jobs, fakes, tmp_path):
    jobs = open_jobs()
    running, waiting = jobs.add(DREAM), jobs.add(DREAM, "sheet")
    wait_until(lambda: running.step)
    jobs.close()
    assert not list(tmp_path.glob("*.png"))
    fakes.pause.set()
    jobs = open_jobs()
    wait_for(jobs, running.number, "done")
    assert wait_for(jobs, waiting.number, "done")["sheet"] == "sheet"
    # The run goes on from the state of the first one.
    assert fakes.checkpoints[0] == fakes.checkpoints[1] != fakes.checkpoints[2]
    assert jobs.add(DREAM).number > waiting.number


@pytest.mark.parametrize("is_restarted", [False, True])
def test_a_picture_for_which_the_disk_has_no_room_is_kept_until_it_has(
    open_jobs, fakes, tmp_path, monkeypatch, is_restarted
):
    def refuse(*given, **options):
        raise OSError("Cannot write") from OSError(errno.ENOSPC, "No space left on device")

    fakes.pause.set()
    jobs = open_jobs()
    with monkeypatch.context() as full:
        full.setattr("kerasart.studio.jobs.write_recorded", refuse)
        job = jobs.add(DREAM)
        message = wait_for(jobs, job.number, "held")["message"]
    assert message.startswith("The disk is full") and "kept" in message
    assert len(list((tmp_path / ".unfinished").iterdir())) == 2  # The recipe and the state.
    if is_restarted:
        jobs.close()
        jobs = open_jobs()
    else:
        assert jobs.go_on(job.number)
    assert wait_for(jobs, job.number, "done")["work"] == "dream.png"
    assert fakes.checkpoints[0] == fakes.checkpoints[1]
    assert not list((tmp_path / ".unfinished").iterdir())
    assert not jobs.go_on(job.number)


def test_a_job_that_is_held_can_be_given_up(open_jobs, fakes, tmp_path):
    fakes.pause.set()
    fakes.error = PermissionError("no")
    jobs = open_jobs()
    job = jobs.add(DREAM)
    wait_for(jobs, job.number, "held")
    assert jobs.stop(job.number)
    wait_for(jobs, job.number, "stopped")
    assert not list((tmp_path / ".unfinished").iterdir())


def test_what_is_no_job_is_left_where_it_lies(open_jobs, tmp_path):
    folder = tmp_path / ".unfinished"
    folder.mkdir()
    for name, text in {"1": "[", "2": "{}", "x": '{"recipe": {}}'}.items():
        (folder / f"{name}.json").write_text(text)
    (folder / "7.mp4").touch()  # Of a job that was over, by a kill.
    jobs = open_jobs()
    assert jobs.describe()["jobs"] == []
    assert len(list(folder.iterdir())) == 4
    assert jobs.add(DREAM).number == 8


@pytest.fixture
def film(tmp_path, monkeypatch):
    """The recipe of a film of 4 frames, which are painted black, and an event that lets them."""
    lets = threading.Event()

    def paint(frame, motion, state):
        assert motion is None or lets.wait(SECONDS)
        return 0 * frame, {}

    monkeypatch.setattr("kerasart.FilmStylizer", lambda *given, **options: paint)
    monkeypatch.setattr("kerasart.Stylizer", lambda model: None)
    clip = write_clip(tmp_path / "clip.mp4")
    monkeypatch.setattr(Sources, "path", lambda self, name: clip)
    monkeypatch.setattr(Sources, "keep", lambda self, names: None)
    given = {"kind": "film", "photo": "0" * 16, "styles": [{"style": "mosaic"}]}
    return read_recipe(given), lets


def test_a_film_is_painted_frame_by_frame(open_jobs, film, tmp_path):
    recipe, lets = film
    (tmp_path / "painted.mp4").touch()
    jobs = open_jobs()
    job = jobs.add(recipe)
    wait_until(lambda: job.preview)
    assert (job.step, job.steps, job.size) == (1, 4, (64, 48))
    lets.set()
    assert wait_for(jobs, job.number, "done")["work"] == "painted-2.mp4"
    assert [frame.image.max() < 0.1 for frame in Film(tmp_path / "painted-2.mp4")] == 4 * [True]
    (work,) = [each for each in Gallery(tmp_path, 10**6).list() if each["film"]]
    assert (work["name"], work["width"], work["height"]) == ("painted-2.mp4", 64, 48)
    assert (work["recipe"], work["stopped"]) == (write_recipe(recipe), False)
    assert not list((tmp_path / ".unfinished").iterdir())


def test_a_film_that_is_stopped_is_one_that_plays(open_jobs, film, tmp_path, monkeypatch):
    recipe, lets = film
    lets.set()
    jobs = open_jobs()
    check, frames = jobs._check, []

    def stop_after_three(job):
        frames.append(job.step)
        if len(frames) == 3:
            jobs.stop(job.number)
        check(job)

    monkeypatch.setattr(jobs, "_check", stop_after_three)
    job = jobs.add(recipe)
    assert wait_for(jobs, job.number, "stopped")["work"] == "painted.mp4"
    assert len(list(Film(tmp_path / "painted.mp4"))) == 3
    (work,) = [each for each in Gallery(tmp_path, 10**6).list() if each["film"]]
    assert work["stopped"] and work["record"]["interrupted_after"] == 3
    assert not list((tmp_path / ".unfinished").iterdir())


def test_a_film_for_which_there_was_no_room_is_not_painted_again(
    open_jobs, film, tmp_path, monkeypatch
):
    recipe, lets = film
    lets.set()
    frames = []
    monkeypatch.setattr("kerasart.paint_film", count_calls(kerasart.paint_film, frames))
    jobs = open_jobs()
    (tmp_path / ".films").touch()  # Not even a folder has room.
    job = jobs.add(recipe)
    wait_for(jobs, job.number, "held")
    assert not list(tmp_path.glob("painted*.mp4"))
    (tmp_path / ".films").unlink()
    jobs.go_on(job.number)
    assert wait_for(jobs, job.number, "done")["work"] == "painted.mp4"
    assert len(frames) == 1
    (work,) = Gallery(tmp_path, 10**6).list()
    assert work["recipe"] == write_recipe(recipe)


def count_calls(function, calls):
    def counted(*given, **options):
        calls.append(given)
        return function(*given, **options)

    return counted


@dataclass
class FakeFilmDreams:
    """Dreams on films, of four steps a frame, that wait for each step to be let.

    Attributes:
        lets: A semaphore: each release lets a step.
        painted: How many frames were begun.
    """

    lets: threading.Semaphore
    painted: int = 0

    def make(self, dreamer, mask):
        def dream(frame, motion, state):
            self.painted += 1
            for step in range(1, 5):
                assert self.lets.acquire(timeout=SECONDS)
                dreamer.on_step(Progress(step, 4, frame.shape[1:3], {}, lambda: frame))
            return frame, {}

        return dream


@pytest.fixture
def film_dreams(film, monkeypatch):
    """The recipe of a dream on a film of 4 frames in segments of 2, and `FakeFilmDreams`."""
    fakes = FakeFilmDreams(threading.Semaphore(0))
    monkeypatch.setattr("kerasart.Dreamer", lambda **given: SimpleNamespace(**given))
    monkeypatch.setattr("kerasart.FilmDreamer", fakes.make)
    monkeypatch.setattr(FilmDream, "segment", 2)
    recipe = {"kind": "dream_film", "photo": "0" * 16, "preset": "gentle", "form": "gif"}
    return read_recipe(recipe), fakes


def test_the_frame_that_is_being_made_is_seen(open_jobs, film_dreams, tmp_path):
    recipe, fakes = film_dreams
    jobs = open_jobs()
    job = jobs.add(recipe)
    fakes.lets.release(2)
    wait_until(lambda: job.preview and job.share >= 2 / 16)
    assert (job.step, job.steps, job.size, job.share) == (1, 4, (64, 48), 2 / 16)
    fakes.lets.release(3)
    wait_until(lambda: job.share >= 5 / 16)
    assert job.step == 2
    fakes.lets.release(11)
    assert wait_for(jobs, job.number, "done")["work"] == "dream.gif"
    assert len(list(Film(tmp_path / "dream.gif"))) == 4
    (work,) = Gallery(tmp_path, 10**6).list()
    assert work["film"] and work["recipe"] == write_recipe(recipe)
    assert not list((tmp_path / ".unfinished").iterdir())


def test_a_film_that_is_stopped_in_the_midst_of_a_frame_has_those_before(
    open_jobs, film_dreams, tmp_path
):
    recipe, fakes = film_dreams
    jobs = open_jobs()
    job = jobs.add(recipe)
    fakes.lets.release(13)
    wait_until(lambda: job.share >= 13 / 16)
    jobs.stop(job.number)
    fakes.lets.release()
    assert wait_for(jobs, job.number, "stopped")["work"] == "dream.gif"
    assert len(list(Film(tmp_path / "dream.gif"))) == 3
    assert not list((tmp_path / ".unfinished").iterdir())


def test_a_film_that_goes_wrong_has_the_frames_before(
    open_jobs, film_dreams, tmp_path, monkeypatch
):
    recipe, fakes = film_dreams
    make = fakes.make

    def fail_at_the_fourth(dreamer, mask):
        dream = make(dreamer, mask)

        def dream_or_fail(frame, motion, state):
            if fakes.painted == 3:
                raise DivergedError("The dream diverged", None)
            return dream(frame, motion, state)

        return dream_or_fail

    monkeypatch.setattr("kerasart.FilmDreamer", fail_at_the_fourth)
    fakes.lets.release(100)
    jobs = open_jobs()
    job = jobs.add(recipe)
    told = wait_for(jobs, job.number, "failed")
    assert (told["message"], told["work"]) == ("The dream diverged", "dream.gif")
    assert len(list(Film(tmp_path / "dream.gif"))) == 3
    (work,) = Gallery(tmp_path, 10**6).list()
    assert work["record"]["interrupted_after"] == 3


def test_a_film_that_ends_in_its_midst_is_made_up_to_there(open_jobs, film, tmp_path, monkeypatch):
    recipe, lets = film
    lets.set()
    select = Film._selected

    def end_after_three(self, pts=None):
        for number, each in enumerate(select(self, pts)):
            if number == 3:
                raise CutOffError(f"Cannot read '{self.path}' beyond 0.30 s")
            yield each

    monkeypatch.setattr(Film, "_selected", end_after_three)
    jobs = open_jobs()
    job = jobs.add(recipe)
    told = wait_for(jobs, job.number, "failed")
    assert told["message"] == "The film's file is damaged or cut off, and can be read only in part."
    assert told["work"] == "painted.mp4"
    assert len(list(Film(tmp_path / "painted.mp4"))) == 3
    assert not list((tmp_path / ".unfinished").iterdir())


def test_a_film_goes_on_in_the_next_studio(open_jobs, film_dreams, tmp_path):
    recipe, fakes = film_dreams
    jobs = open_jobs()
    job = jobs.add(recipe)
    fakes.lets.release(13)
    wait_until(lambda: job.share >= 13 / 16)
    jobs._closes = True  # Before the next step is let: else it may be done by then.
    fakes.lets.release(100)
    jobs.close()
    assert not list(tmp_path.glob("dream*"))
    before = fakes.painted
    jobs = open_jobs()
    assert wait_for(jobs, job.number, "done")["work"] == "dream.gif"
    assert fakes.painted - before == 2  # Those of the segment that was not closed.
    assert len(list(Film(tmp_path / "dream.gif"))) == 4
