"""The shots of a film, painted by workers of a cluster, of which one is killed."""

import pytest
from toys import kill_a_worker

from kerasart import find_shots, paint_film, write_animation, write_picture
from kerasart.film import Film, FilmWriter
from kerasart.image.samples import read_sample

pytest.importorskip("ray")
pytest.importorskip("av")
pytest.importorskip("cv2")

from kerasart.scale.film import paint_shots  # noqa: E402

SHOTS = {"coffee": 6, "cat": 4, "rocket": 5}


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A film of three shots, each a pan over a photo."""
    folder = tmp_path_factory.mktemp("clip")
    frames = []
    for sample, count in SHOTS.items():
        photo = read_sample(sample).image[:, ::4, ::4]
        for number in range(count):
            frames.append(folder / f"{sample}{number}.png")
            write_picture(frames[-1], photo[:, 10:58, 8 + number : 72 + number])
    return write_animation(folder / "clip.mp4", frames, fps=25)


def make_painter():
    def invert(frame, motion, state):
        import time

        time.sleep(0.1)
        count = 0 if motion is None else state["count"] + 1
        return 1 - frame, {"count": count}

    return invert


@pytest.mark.slow
def test_shots_are_joined_to_the_film_of_one_process(clip, tmp_path, cluster):
    def make_writer(film):
        return FilmWriter(tmp_path / "shots.mp4", film)

    film, shots = Film(clip), find_shots(clip)
    assert [shot.first for shot in shots] == [0, 6, 10]
    alone = paint_film(film, tmp_path / "alone.mp4", make_painter()).path
    done = []
    for shot in paint_shots(film, shots, make_writer, make_painter, workers=2):
        done.append(shot)
        if len(done) == 1:
            kill_a_worker("_ShotPainter")
    assert sorted(done) == shots
    writer = make_writer(film)
    assert writer.done == sum(SHOTS.values())
    joined = paint_film(film, writer, lambda *_: pytest.fail("all was painted")).path
    assert joined.read_bytes() == alone.read_bytes()


def fail_to_paint():
    def fail(frame, motion, state):
        raise ValueError("`style` must be known. Received: x")

    return fail


@pytest.mark.slow
def test_a_painter_that_fails_says_why(clip, tmp_path, cluster):
    def make_writer(film):
        return FilmWriter(tmp_path / "shots.mp4", film)

    with pytest.raises(ValueError, match="^`style` must be known. Received: x$"):
        list(paint_shots(Film(clip), find_shots(clip), make_writer, fail_to_paint, workers=1))
