import numpy as np
import pytest

from kerasart.objectives import Activation, Objective, TotalVariation
from kerasart.optimization import Descent, NormalizedGradient, random_roll

OBJECTIVE = Activation("fire3") + 0.1 * Activation("fire2", border=1)
STEPS = 7  # Not a multiple of the block of 5.


@pytest.fixture(scope="module")
def cut(squeezenet):
    return squeezenet.cut(["fire2", "fire3", "image"])


@pytest.fixture(scope="module")
def picture(face):
    return face[:, :64, :72]


def roll(image, seed):
    return random_roll(image, seed, 8)


@pytest.fixture(scope="module")
def make(cut):
    """Makes descents, each kind but once, since each is a trace."""
    made = {}

    def make(block=1, clip=True, transform=roll, objective=OBJECTIVE):
        key = block, clip, transform, objective
        if key not in made:
            optimizer = NormalizedGradient(0.02)
            made[key] = Descent(cut, objective, optimizer, transform, clip, block)
        return made[key]

    return make


def test_loss_falls(make, picture):
    run = make().run(picture, STEPS)
    assert run.losses.shape == (STEPS, 2) and run.losses.dtype == np.float32
    assert run.error is None
    total = run.losses.sum(axis=1)
    assert total[-1] < 1.5 * total[0] < 0  # The losses are negative.
    assert tuple(run.image.shape) == picture.shape


def test_first_losses_are_those_of_the_picture(make, cut, picture):
    run = make(transform=None).run(picture, 1)
    np.testing.assert_allclose(run.losses[0], OBJECTIVE(cut(picture)), rtol=1e-5)


def test_clip_holds_the_picture_in_range(make, picture):
    held = make(clip=True).run(picture, STEPS).image.numpy()
    free = make(clip=False).run(picture, STEPS).image.numpy()
    assert held.min() == 0.0 and held.max() <= 1.0
    assert free.min() < 0.0


def test_a_step_has_the_size_asked_for(make, picture):
    moved = make(clip=False).run(picture, 1).image.numpy() - picture
    assert np.abs(moved).mean() == pytest.approx(0.02, rel=1e-3)


def test_same_seed_same_picture_to_the_bit(make, picture):
    first, again, other = (make().run(picture, STEPS, seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.losses, again.losses)
    assert np.abs(first.image - other.image).max() > 1e-3


def test_a_run_goes_on_from_another(make, picture):
    whole = make().run(picture, 5, seed=1)
    head = make().run(picture, 2, seed=1)
    tail = make().run(head.image, 3, seed=1, first_step=2)
    np.testing.assert_array_equal(tail.image, whole.image)
    np.testing.assert_array_equal([*head.losses, *tail.losses], whole.losses)


def test_a_block_of_steps_is_the_same_steps(make, picture):
    single = make(block=1).run(picture, STEPS, seed=2, first_step=3)
    block = make(block=5).run(picture, STEPS, seed=2, first_step=3)
    np.testing.assert_allclose(block.losses, single.losses, rtol=1e-4)
    # Where two activations of a pool tie, rounding decides; so nearly all pixels, not all.
    difference = np.abs(block.image - single.image)
    assert np.quantile(difference, 0.999) < 1e-4
    assert difference.max() < 0.02


@pytest.mark.parametrize("after", [2, 5, 6])
def test_goal_ends_both_kinds_at_the_same_step(make, picture, after):
    total = make(transform=None).run(picture, STEPS).losses.sum(axis=1)
    assert (np.diff(total) < 0).all()
    goal = (total[after - 1] + total[after - 2]) / 2
    for block in (1, 5):
        run = make(block, transform=None).run(picture, STEPS, goal=goal)
        # The step that passes the goal is the last, and is taken.
        assert len(run.losses) == after, block
        np.testing.assert_allclose(run.losses.sum(axis=1), total[:after], rtol=1e-4)


@pytest.mark.parametrize("block", [1, 5])
def test_one_trace_for_all_sizes(cut, picture, block):
    optimizer = NormalizedGradient(0.02)
    descent = Descent(cut, OBJECTIVE, optimizer, roll, block=block)
    for height, width in ((64, 72), (40, 33), (33, 64)):
        run = descent.run(picture[:, :height, :width], 2, seed=height)
        assert tuple(run.image.shape) == (1, height, width, 3)
        # What a run gives back can be run on, without another trace for a tensor.
        descent.run(run.image, 1, goal=-1e3)
    assert descent.traces == 1


def test_on_step_is_told_each_step(make, picture):
    told = []
    run = make().run(picture, 3, on_step=lambda *heard: told.append(heard))
    for i, (state, losses) in enumerate(told):
        np.testing.assert_array_equal(losses, run.losses[: i + 1])
    np.testing.assert_array_equal(told[-1][0].image, run.image)


def test_on_step_is_told_each_block(make, picture):
    steps = []
    make(block=5).run(picture, STEPS, on_step=lambda state, losses: steps.append(len(losses)))
    assert steps == [5, 7]


def test_ctrl_c_gives_the_picture_so_far(make, picture):
    def stop(state, losses):
        if len(losses) == 3:
            raise KeyboardInterrupt

    run = make().run(picture, STEPS, on_step=stop)
    short = make().run(picture, 3)
    assert isinstance(run.error, KeyboardInterrupt) and short.error is None
    np.testing.assert_array_equal(run.losses, short.losses)
    np.testing.assert_array_equal(run.image, short.image)


def test_other_errors_pass_through(make, picture):
    def fail(state, losses):
        raise RuntimeError("full disk")

    with pytest.raises(RuntimeError, match="full disk"):
        make().run(picture, 2, on_step=fail)


@pytest.mark.parametrize("block", [1, 5])
def test_nan_is_named(make, picture, block):
    objective = Objective([Activation("fire2"), Activation("fire3", weight=float("nan"))])
    descent = make(block, objective=objective)
    run = descent.run(picture, 4, first_step=4)
    assert isinstance(run.error, FloatingPointError)
    assert "'fire3' did not at step 5. Received: nan" in str(run.error)
    np.testing.assert_array_equal(run.image, picture)  # The last good picture.


def test_the_picture_itself_can_have_a_term(make, picture):
    # Without jitter or much of a wish for anything else, the loop smooths.
    objective = Objective([TotalVariation(), 1e-9 * Activation("fire3")])
    run = make(transform=None, objective=objective).run(picture, 5)
    assert run.losses[-1, 0] < 0.9 * run.losses[0, 0]
