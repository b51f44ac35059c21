"""`FilmDreamer`: what is carried along, how strong it stays, and resuming."""

import numpy as np
import pytest

from kerasart import Dreamer
from kerasart.applications.film_dreamer import FilmDreamer
from kerasart.film.motion import Motion

pytest.importorskip("cv2")


@pytest.fixture(scope="module")
def frames(face):
    """Frames of 48x64 of a camera that pans to the right, by two pixels each."""
    return [np.ascontiguousarray(face[:, 20:68, 2 * i : 64 + 2 * i]) for i in range(12)]


@pytest.fixture(scope="module")
def dreamer(toy):
    options = {"octaves": "-1:0", "steps": 5, "jitter": 2, "precision": "float32"}
    return Dreamer("ascent", toy, layers="conv3", **options)


def motion(trust=1.0, shift=2):
    flow = np.zeros((48, 64, 2), np.float32) + np.array([shift, 0], np.float32)
    return Motion(flow, np.full((1, 48, 64, 1), trust, np.float32), (0.0, -float(shift)))


def strength(picture, frame):
    return np.mean((picture - frame) ** 2)


def test_the_first_frame_of_a_shot_is_a_dream(frames, dreamer):
    expected = dreamer.dream(frames[0]).image
    painter = FilmDreamer(dreamer)
    first, state = painter(frames[0], None, None)
    np.testing.assert_array_equal(first, expected)
    after_a_cut, _ = painter(frames[0], None, {**state, "dream": 1 - state["dream"]})
    np.testing.assert_array_equal(after_a_cut, expected)


def test_a_run_from_a_start_takes_steps_from_the_octave_that_it_is_given(frames, dreamer):
    start = np.clip(frames[0] + 0.1, 0, 1)
    inputs = dreamer.plan(frames[0])
    assert inputs.sizes[-1] == (48, 64)
    run = dreamer.run(inputs, start, -1, 3)
    assert len(run.losses) == 3
    expected = dreamer.descent.run(start, 3).image
    np.testing.assert_allclose(run.image, np.clip(expected, 0, 1), atol=1e-5)
    mask = np.zeros((48, 64))
    mask[:, :32] = 1
    masked = dreamer.run(dreamer.plan(frames[0], mask), start, 1, 3).image
    np.testing.assert_allclose(masked[:, :, 32:], frames[0][:, :, 32:], atol=1e-5)
    np.testing.assert_allclose(masked[:, :, :32], run.image[:, :, :32], atol=1e-5)
    np.testing.assert_array_equal(dreamer.run(inputs).image, dreamer.dream(frames[0]).image)
    photo = np.asarray(inputs.photo(1))
    alone = dreamer.run(inputs, photo, 1).image
    np.testing.assert_array_equal(dreamer.run(inputs, first=1).image, alone)


def test_the_dream_moves_along_with_the_film(frames, dreamer):
    painter = FilmDreamer(dreamer, film_steps=1)
    first, state = painter(frames[0], None, None)
    second, _ = painter(frames[1], motion(), state)
    dreams = (first - frames[0])[:, :, 6:-4], (second - frames[1])[:, :, 4:-6]
    assert np.corrcoef(*map(np.ravel, dreams))[0, 1] > 0.8
    standing, _ = painter(frames[1], motion(shift=0), state)
    dreams = dreams[0], (standing - frames[1])[:, :, 4:-6]
    assert np.corrcoef(*map(np.ravel, dreams))[0, 1] < 0.5


@pytest.mark.parametrize("settings", [{"film_steps": 1}, {"film_steps": 2, "steadiness": 0.5}])
def test_a_dream_neither_dies_nor_grows(frames, dreamer, settings):
    painter = FilmDreamer(dreamer, **settings)
    picture, state = painter(frames[0], None, None)
    start = strength(picture, frames[0])
    strengths = []
    for i in range(1, 34):  # There and back, again and again.
        there = (i - 1) % 22 < 11
        frame = frames[i % 22 if i % 22 < 12 else 22 - i % 22]
        picture, state = painter(frame, motion(shift=2 if there else -2), state)
        strengths.append(strength(picture, frame) / start)
    assert 0.7 < min(strengths) and max(strengths) < 1.4
    assert np.mean(strengths[20:]) == pytest.approx(1, rel=0.15)


def test_what_is_lost_is_dreamed_anew_by_more_steps(frames, dreamer, monkeypatch):
    painter = FilmDreamer(dreamer, film_steps=2, steadiness=0.9)
    _, state = painter(frames[0], None, None)
    first, share = state["strength"], {"growth": 0.1 * state["strength"]}
    taken = []
    run = dreamer.run

    def note(inputs, start, first, steps):
        taken.append((np.asarray(start.image), steps))
        return run(inputs, start, first, steps)

    monkeypatch.setattr(dreamer, "run", note)
    painter(frames[1], motion(), {**state, **share, "dream": 2 * state["dream"]})
    painter(frames[1], motion(trust=0.0), {**state, **share})
    painter(frames[1], motion(), {**state, **share, "dream": 0 * state["dream"]})
    painter(frames[1], motion(), {**state, "growth": first})
    assert [steps for _, steps in taken] == [2, 6, 6, 2]
    # As much as two steps will not make too much of; and nothing of what is gone.
    starts = [strength(start, frames[1]) / first for start, _ in taken]
    assert starts[0] == pytest.approx(0.8, rel=0.15) and starts[3] == pytest.approx(0.25, rel=0.15)
    assert 0.1 < starts[1] < 0.3 and starts[2] == 0


def test_adam_goes_on_as_if_nothing_had_happened(frames, toy):
    options = {"steps": 5, "octaves": "-1:0", "precision": "float32"}
    adam = Dreamer("animals", toy, layers="conv3", smoothness=0, **options)
    painter = FilmDreamer(adam, film_steps=1)
    _, state = painter(frames[0], None, None)
    assert np.abs(state["memory0"]).max() > 0 and state["memory2"] == 5
    held, following = painter(frames[1], motion(), state)
    taken = following["memory2"] - 5
    assert 1 <= taken <= 3
    # Of a new Adam's square, nothing would be left of the frame before.
    least = 0.999**taken * state["memory1"]
    assert np.all(following["memory1"] >= least * (1 - 1e-5))
    forgotten = {name: 0 * each for name, each in state.items() if name.startswith("memory")}
    shaken, _ = painter(frames[1], motion(), {**state, **forgotten})
    before = np.roll(state["dream"], -2, axis=2)
    changes = (((each - frames[1]) - before)[:, :, :-4] for each in (held, shaken))
    assert np.less(*(np.mean(change**2) for change in changes))


@pytest.mark.parametrize("preset", ["ascent", "animals"])
def test_a_film_resumes_to_the_same_bits(frames, toy, preset):
    options = {"layers": "conv3", "smoothness": 0, "octaves": "-1:0", "steps": 5, "jitter": 2}
    painter = FilmDreamer(Dreamer(preset, toy, precision="float32", **options))
    state = None
    for i, frame in enumerate(frames[:4]):
        saved = state
        expected, state = painter(frame, motion() if i else None, state)
    other = FilmDreamer(Dreamer(preset, toy, precision="float32", **options))
    saved = {name: np.array(array) for name, array in saved.items()}
    again, resumed = other(frames[3], motion(), saved)
    np.testing.assert_array_equal(again, expected)
    np.testing.assert_array_equal(resumed["dream"], state["dream"])


def test_what_is_not_allowed(dreamer, toy):
    with pytest.raises(ValueError, match="`steadiness` must be from 0 to 1. Received: -0.1"):
        FilmDreamer(dreamer, steadiness=-0.1)
    with pytest.raises(ValueError, match="`film_steps` must be at least 1, and whole. Received: 0"):
        FilmDreamer(dreamer, film_steps=0)
    noise = Dreamer("ascent", toy, layers="conv3", init="noise", precision="float32")
    with pytest.raises(ValueError, match="`init` must be photo.* Received: 'noise'"):
        FilmDreamer(noise)
    options = {"optimizer": "lbfgs", "smoothness": 0, "jitter": 0, "layers": "conv3"}
    lbfgs = Dreamer("ascent", toy, precision="float32", **options)
    with pytest.raises(ValueError, match="`optimizer` must be ascent or adam.* Received: 'lbfgs'"):
        FilmDreamer(lbfgs)
    for steps in (1.5, "3"):
        with pytest.raises(ValueError, match="`film_steps` must be at least 1, and whole"):
            FilmDreamer(dreamer, film_steps=steps)
    with pytest.raises(ValueError, match="`steadiness` must be from 0 to 1. Received: '3'"):
        FilmDreamer(dreamer, steadiness="3")
    with pytest.raises(ValueError, match="`dreamer` must be a Dreamer. Received: 'gentle'"):
        FilmDreamer("gentle")
    kept = Dreamer("ascent", toy, layers="conv3", precision="float32", checkpoint="run.npz")
    with pytest.raises(ValueError, match="`checkpoint` must be None.* Received: 'run.npz'"):
        FilmDreamer(kept)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"start": np.zeros((48, 64, 3))},
            r"`start` must be a State, or of shape \(1, 34, 45",
        ),
        ({"first": 2}, "`first` must be the number of an octave, of 2. Received: 2"),
        ({"first": -3}, "`first` must be the number of an octave, of 2. Received: -3"),
        ({"first": 0.5}, "`first` must be the number of an octave, of 2. Received: 0.5"),
        ({"steps": 1.5}, "`steps` must be a whole number of 1 or more. Received: 1.5"),
        ({"steps": 0}, "`steps` must be a whole number of 1 or more. Received: 0"),
    ],
)
def test_a_part_of_a_dream_is_checked(frames, dreamer, arguments, message):
    with pytest.raises(ValueError, match=message):
        dreamer.run(dreamer.plan(frames[0]), **arguments)
