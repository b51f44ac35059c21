import os

import numpy as np
import pytest
import tensorflow as tf

from kerasart.image.resizing import resize
from kerasart.objectives import Content, Gram, Objective, Target, Term
from kerasart.optimization import (
    LBFGS,
    Adam,
    Checkpoint,
    Descent,
    NormalizedGradient,
    State,
    coarse_to_fine,
    style_targets,
)

SIZES = [(32, 36), (44, 50), (64, 72)]
STEPS = [5, 4, 3]
TOTAL = sum(STEPS)
IDENTITY = {"size": 72, "seed": 0}


def crop(image, size):
    return image[:, : size[0], : size[1]]


@pytest.fixture(scope="module")
def descents(toy):
    """Two descents of a small style transfer, each traced once."""
    objective = Content("conv3") + 100 * Gram("conv2")
    cut = toy.cut(objective.layers)
    return {
        "adam": Descent(cut, objective, Adam(0.03), average=0.9),
        "lbfgs": Descent(cut, objective, LBFGS(restart=3)),
    }


@pytest.fixture(scope="module")
def transfer(descents, cat):
    """Runs one of them on crops of the cat, from noise of a seed."""

    def transfer(kind, started=lambda descent, image: image, **settings):
        descent = descents[kind]

        def prepare(scale, weights):
            size = SIZES[scale]
            photo, style = crop(cat[:, 60:, 100:], size), crop(cat[:, 200:, 300:], size)
            targets = style_targets(descent.evaluator, photo, [style], [1.0])
            # As balance does: found once, and kept.
            weights = np.float32([1.0, 3.0]) * size[0] if weights is None else weights
            return targets, weights

        start = np.random.default_rng(0).uniform(size=(1, *SIZES[0], 3)).astype(np.float32)
        return coarse_to_fine(descent, started(descent, start), SIZES, STEPS, prepare, **settings)

    return transfer


@pytest.fixture(scope="module")
def whole(transfer):
    """Uninterrupted runs."""
    return {kind: transfer(kind) for kind in ("adam", "lbfgs")}


def assert_same(run, expected):
    assert run.error is None
    np.testing.assert_array_equal(run.losses, expected.losses)
    np.testing.assert_array_equal(run.image, expected.image)
    np.testing.assert_array_equal(run.state.image, expected.state.image)


# --- From scale to scale


@pytest.mark.parametrize("kind", ["adam", "lbfgs"])
def test_loss_falls_at_each_scale(whole, kind):
    run = whole[kind]
    assert run.error is None
    assert run.losses.shape == (TOTAL, 2) and run.image.shape == (1, *SIZES[-1], 3)
    total = run.losses.sum(axis=1)
    for first, last in zip(np.cumsum([0, *STEPS[:-1]]), np.cumsum(STEPS) - 1, strict=True):
        assert total[last] < 0.95 * total[first]
    image = run.image.numpy()
    assert image.min() >= 0 and image.max() <= 1


def test_a_run_may_start_from_a_state(transfer, whole):
    assert_same(transfer("adam", lambda descent, image: descent.start(image)), whole["adam"])


def test_one_trace_for_all_scales(whole, descents):
    assert [descent.traces for descent in descents.values()] == [1, 1]


def test_a_scale_starts_from_the_one_before(descents, cat):
    # By hand: three runs of the loop.
    descent = descents["adam"]
    weights = np.float32([32.0, 96.0])
    state = descent.start(np.full((1, *SIZES[0], 3), 0.5, np.float32))
    prepared, losses = {}, []
    for size, steps in zip(SIZES, STEPS, strict=True):
        photo, style = crop(cat, size), crop(cat[:, 200:], size)
        prepared[size] = style_targets(descent.evaluator, photo, [style], [1.0])
        if len(losses):
            state = descent.enlarge(state, size)
        run = descent.run(state, steps, 0, len(losses), targets=prepared[size], weights=weights)
        state, losses = run.state, [*losses, *run.losses]
    start = np.full((1, *SIZES[0], 3), 0.5, np.float32)
    given = coarse_to_fine(
        descent, start, SIZES, STEPS, lambda scale, before: (prepared[SIZES[scale]], weights)
    )
    np.testing.assert_array_equal(given.losses, losses)
    np.testing.assert_array_equal(given.image, run.image)


class Still(Term):
    """Wants nothing."""

    def __init__(self):
        super().__init__("image", "still")

    def statistic(self, features):
        return 0.0 * tf.reduce_sum(features)

    def distance(self, mean):
        return mean


def see(image):
    return {"image": image}


def want_nothing(scale, weights):
    """What `prepare` says where terms compare with nothing."""
    return [Target()], np.float32([1.0])


def grey(size):
    """What stands still, at a size: grey to within the rounding of bicubic weights."""
    picture = resize(np.full((1, 4, 6, 3), 0.5, np.float32), size, method="bicubic").numpy()
    np.testing.assert_allclose(picture, np.full((1, *size, 3), 0.5), atol=1e-7)
    return picture


def stand(prepare=want_nothing, **settings):
    """A run in which nothing moves."""
    descent = Descent(see, Objective([Still()]), Adam(0.1))
    start = np.full((1, 4, 6, 3), 0.5, np.float32)
    return coarse_to_fine(descent, start, [(4, 6), (6, 9)], [2, 1], prepare, **settings)


def test_weights_are_handed_from_scale_to_scale():
    asked = []

    def prepare(scale, weights):
        asked.append((scale, weights))
        return [Target()], np.float32([len(asked)])

    stand(prepare)
    assert asked == [(0, None), (1, np.float32([1.0]))]


def test_progress():
    told = []
    run = stand(on_step=told.append, to_image=lambda state, scale: 10 * state.image.numpy())
    assert [progress.step for progress in told] == [1, 2, 3]
    assert {progress.steps for progress in told} == {3}
    assert [progress.size for progress in told] == [(4, 6), (4, 6), (6, 9)]
    assert [progress.losses for progress in told] == [{"still": 0.0}] * 3
    for progress in told:
        np.testing.assert_allclose(progress.picture(), 10 * grey(progress.size))
    assert run.losses.shape == (3, 1)


def test_what_a_scale_starts_from():
    enlarged = []

    def enlarge(state, scale):
        enlarged.append((tuple(state.image.shape), scale))
        return State(tf.fill([1, 6, 9, 3], 0.25), state.memory)

    descent = Descent(see, Objective([Still()]), NormalizedGradient(0.1))
    start = np.full((1, 4, 6, 3), 0.5, np.float32)
    run = coarse_to_fine(descent, start, [(4, 6), (6, 9)], [2, 1], want_nothing, enlarge=enlarge)
    assert enlarged == [((1, 4, 6, 3), 1)]
    np.testing.assert_array_equal(run.image, np.full((1, 6, 9, 3), 0.25, np.float32))


def test_a_scale_ends_below_the_goal_and_is_not_resumed(tmp_path):
    told = []
    path = tmp_path / "run.npz"
    first = stand(goal=1.0, on_step=told.append, checkpoint=Checkpoint(path, IDENTITY, seconds=0))
    # The loss is 0: each scale takes one step, the number of the next scale's first is kept.
    assert [progress.step for progress in told] == [1, 3] and first.losses.shape == (2, 1)
    again = stand(goal=1.0, on_step=told.append, checkpoint=Checkpoint(path, IDENTITY))
    assert len(told) == 2
    np.testing.assert_array_equal(again.losses, first.losses)


def test_a_loss_that_is_not_finite_ends_all_scales():
    def prepare(scale, weights):
        return [Target()], np.float32([1.0 if scale == 0 else np.nan])

    run = stand(prepare)
    assert isinstance(run.error, FloatingPointError)
    assert "'still' did not at step 3" in str(run.error)
    assert run.losses.shape == (2, 1)
    np.testing.assert_allclose(run.image, grey((6, 9)))


def test_ctrl_c_between_two_scales_gives_the_picture_so_far():
    def prepare(scale, weights):
        if scale == 1:
            raise KeyboardInterrupt
        return [Target()], np.float32([1.0])

    run = stand(prepare)
    assert isinstance(run.error, KeyboardInterrupt)
    assert run.losses.shape == (2, 1) and run.image.shape == (1, 4, 6, 3)


# --- Going on with a run


def interrupt_at(last, error=KeyboardInterrupt):
    def stop(progress):
        if progress.step == last:
            raise error

    return stop


# Where a scale is whole, or 3 steps of it are.
LBFGS_GOES_ON_AT = {1: 1, 3: 4, 4: 4, 5: 4, 6: 6, 8: 9, 9: 9, 11: 10, TOTAL: TOTAL + 1}


# In each scale, at the last step of one, at the first of one, and at the very last.
INTERRUPTIONS = [("adam", last) for last in (3, 5, 6, 11, TOTAL)]
INTERRUPTIONS += [("lbfgs", last) for last in LBFGS_GOES_ON_AT]


@pytest.mark.parametrize(("kind", "last"), INTERRUPTIONS)
def test_an_interrupted_run_resumes_to_the_same_image(transfer, whole, tmp_path, kind, last):
    path = tmp_path / "run.npz"
    run = transfer(kind, checkpoint=Checkpoint(path, IDENTITY), on_step=interrupt_at(last))
    assert isinstance(run.error, KeyboardInterrupt)
    np.testing.assert_array_equal(run.losses, whole[kind].losses[:last])
    told = []
    again = transfer(kind, checkpoint=Checkpoint(path, IDENTITY), on_step=told.append)
    assert_same(again, whole[kind])
    # It did not start anew: L-BFGS goes back to where it forgot.
    first = last + 1 if kind == "adam" else LBFGS_GOES_ON_AT[last]
    assert [progress.step for progress in told] == list(range(first, TOTAL + 1))
    assert os.listdir(tmp_path) == ["run.npz"]


@pytest.mark.parametrize("kind", ["adam", "lbfgs"])
def test_a_killed_run_resumes_too(transfer, whole, tmp_path, kind):
    path = tmp_path / "run.npz"
    with pytest.raises(RuntimeError):
        # Nothing can be written any more, but each position was.
        often = Checkpoint(path, IDENTITY, seconds=0)
        transfer(kind, checkpoint=often, on_step=interrupt_at(8, RuntimeError))
    told = []
    again = transfer(kind, checkpoint=Checkpoint(path, IDENTITY), on_step=told.append)
    assert_same(again, whole[kind])
    assert told[0].step > 5


def test_a_run_interrupted_time_and_again(transfer, whole, tmp_path):
    path = tmp_path / "run.npz"
    for last in (2, 3, 7, 11):
        run = transfer("adam", checkpoint=Checkpoint(path, IDENTITY), on_step=interrupt_at(last))
        assert isinstance(run.error, KeyboardInterrupt)
    assert_same(transfer("adam", checkpoint=Checkpoint(path, IDENTITY)), whole["adam"])


@pytest.mark.parametrize("kind", ["adam", "lbfgs"])
def test_a_finished_run_is_not_run_again(transfer, whole, tmp_path, kind):
    path = tmp_path / "run.npz"
    assert_same(transfer(kind, checkpoint=Checkpoint(path, IDENTITY)), whole[kind])
    told = []
    again = transfer(kind, checkpoint=Checkpoint(path, IDENTITY), on_step=told.append)
    assert_same(again, whole[kind])
    assert told == []


def test_another_run_is_refused(transfer, tmp_path):
    path = tmp_path / "run.npz"
    transfer("adam", checkpoint=Checkpoint(path, IDENTITY), on_step=interrupt_at(1))
    with pytest.raises(ValueError, match="; seed differ"):
        transfer("adam", checkpoint=Checkpoint(path, {**IDENTITY, "seed": 1}))


def test_ctrl_c_before_the_first_step_writes_nothing(tmp_path):
    def prepare(scale, weights):
        raise KeyboardInterrupt

    run = stand(prepare, checkpoint=Checkpoint(tmp_path / "run.npz", IDENTITY))
    assert isinstance(run.error, KeyboardInterrupt)
    assert run.losses.shape == (0, 1) and os.listdir(tmp_path) == []
    np.testing.assert_allclose(run.image, np.full((1, 4, 6, 3), 0.5))


class Coupled(Term):
    """A valley: the squared distance of the pixels' mixtures from a picture's."""

    def __init__(self, pixels):
        super().__init__("image", "coupled")
        generator = np.random.default_rng(1)
        mix = np.linalg.qr(generator.normal(size=(pixels, pixels)))[0]
        self._mix = tf.constant(mix * np.logspace(0, -1, pixels), tf.float32)
        self._goal = tf.linalg.matvec(
            self._mix, tf.constant(generator.uniform(size=pixels), tf.float32)
        )

    def statistic(self, features):
        mixed = tf.linalg.matvec(self._mix, tf.reshape(features, [-1]))
        return tf.reduce_sum((mixed - self._goal) ** 2)

    def distance(self, mean):
        return mean


class Fickle(LBFGS):
    """Gives up a step before its time, as SciPy does where rounding hides the way down."""

    def minimize(self, differentiate, image, steps, clip, accept):
        return super().minimize(differentiate, image, min(steps, 2), clip, accept)


@pytest.mark.parametrize("last", range(1, 10))
def test_lbfgs_that_gives_up_early_goes_on_to_the_same_picture(tmp_path, last):
    descent = Descent(see, Objective([Coupled(36)]), Fickle(restart=3))

    def run(**settings):
        start = np.random.default_rng(2).uniform(size=(1, 3, 4, 3)).astype(np.float32)
        return coarse_to_fine(descent, start, [(3, 4)], [9], want_nothing, **settings)

    whole = run()
    assert (np.diff(whole.losses[:, 0]) < 0).all()
    path = tmp_path / "run.npz"
    run(checkpoint=Checkpoint(path, IDENTITY), on_step=interrupt_at(last))
    assert_same(run(checkpoint=Checkpoint(path, IDENTITY)), whole)
