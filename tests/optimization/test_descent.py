import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasart.image.resizing import resize
from kerasart.objectives import Activation, Content, Objective, Target, Term, TotalVariation
from kerasart.optimization import (
    LBFGS,
    Adam,
    Descent,
    GradientDescent,
    KerasOptimizer,
    NormalizedGradient,
    State,
    random_roll,
)

OBJECTIVE = Activation("conv3") + 0.1 * Activation("conv2", border=1)
STEPS = 7  # Not a multiple of the block of 5.


@pytest.fixture(scope="module")
def cut(toy):
    return toy.cut(["conv2", "conv3", "image"])


@pytest.fixture(scope="module", name="picture")
def picture_fixture(face):
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


@pytest.mark.parametrize("factor", [1e-3, 1.0, 1e3])
def test_a_proportional_term_pulls_at_noise_as_hard_as_the_network_does(cut, factor):
    variation = TotalVariation()
    variation.proportional = True
    noise = np.random.default_rng(5).normal(0.5, 0.1, (1, 64, 72, 3)).astype(np.float32)
    plain, held = (
        Descent(cut, objective, GradientDescent(1 / factor), clip=False).run(noise, 1)
        for objective in (factor * OBJECTIVE, factor * OBJECTIVE + 2 * variation)
    )
    moved, back = (np.asarray(change) for change in (plain.image - noise, held.image - plain.image))
    assert np.std(back) == pytest.approx(2 * np.std(moved), rel=0.1)
    # It goes the way of the total variation, which it makes less.
    smoothed = noise + back * (0.03 / np.std(back))
    assert np.std(np.diff(smoothed, axis=2)) < 0.9 * np.std(np.diff(noise, axis=2))
    np.testing.assert_array_equal(held.losses[:, :2], plain.losses)


def test_what_holds_back_smooths_where_nothing_is_excited(cut):
    variation = TotalVariation()
    variation.proportional = True
    noise = np.random.default_rng(5).normal(0.5, 0.1, (1, 64, 72, 3)).astype(np.float32)
    silent = Descent(cut, 0.0 * OBJECTIVE + 0.1 * variation, NormalizedGradient(0.02))
    smoothed = silent.run(noise, 3).image.numpy()
    assert np.std(np.diff(smoothed, axis=2)) < 0.9 * np.std(np.diff(noise, axis=2))


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


def test_a_run_resumes_another(make, picture):
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


def test_within_a_block_nothing_comes_back_from_the_device(make, picture, tmp_path):
    from tensorflow.tsl.profiler.protobuf.xplane_pb2 import XSpace

    descent, executions = make(block=5), {}
    descent.run(picture, 1)  # Its trace is made before.
    for steps in (2, 5, 10):
        folder = tmp_path / str(steps)
        tf.profiler.experimental.start(str(folder))
        descent.run(picture, steps)
        tf.profiler.experimental.stop()
        (path,) = folder.rglob("*.xplane.pb")
        names = [
            plane.event_metadata[event.metadata_id].name
            for plane in XSpace.FromString(path.read_bytes()).planes
            for line in plane.lines
            for event in line.events
        ]
        executions[steps] = [names.count(name) for name in ("FunctionRun", "EagerExecute")]
    # What Python asks of the device is the same for a block of any length.
    assert executions[2] == executions[5]
    assert executions[2][0] == 1
    assert executions[10][0] == 2


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
    for i, (_, losses) in enumerate(told):
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
    objective = Objective([Activation("conv2"), Activation("conv3", weight=float("nan"))])
    descent = make(block, objective=objective)
    run = descent.run(picture, 4, first_step=4)
    assert isinstance(run.error, FloatingPointError)
    assert "'conv3' did not at step 5. Received: nan" in str(run.error)
    np.testing.assert_array_equal(run.image, picture)  # The last good picture.


def test_the_picture_itself_can_have_a_term(make, picture):
    # Without jitter or much of a wish for anything else, the loop smooths.
    objective = Objective([TotalVariation(), 1e-9 * Activation("conv3")])
    run = make(transform=None, objective=objective).run(picture, 5)
    assert run.losses[-1, 0] < 0.9 * run.losses[0, 0]


# --- On a network that sees the picture alone, which costs no time


def see(image):
    return {"image": image}


def noise(height, width, seed=0):
    image = np.random.default_rng(seed).uniform(size=(1, height, width, 3))
    return image.astype(np.float32)


def descend(optimizer, **settings):
    """Makes a descent whose picture is drawn to another one."""
    return Descent(see, Objective([Content("image")]), optimizer, **settings)


def toward(image):
    return [Target(guide=(tf.constant(image),))]


def bilinear(image, size):
    """Resizes in NumPy: pixels are squares, and values lie at their middles."""
    for axis, new in ((1, size[0]), (2, size[1])):
        old = image.shape[axis]
        middles = (np.arange(new) + 0.5) * old / new - 0.5
        image = np.apply_along_axis(
            lambda v, m=middles: np.interp(m, np.arange(len(v)), v), axis, image
        )
    return image


# --- The average


@pytest.mark.parametrize(("block", "decay"), [(1, 0.4), (4, 0.4), (1, 0.99)])
def test_average_is_the_running_mean_of_the_pictures(block, decay):
    images = []
    descent = descend(Adam(0.05), average=decay)
    run = descent.run(
        noise(6, 5),
        7,
        on_step=lambda state, losses: images.append(state.image.numpy()),
        targets=toward(noise(6, 5, 1)),
    )
    # The picture before the first step is not in it; the first ones are forgotten faster.
    expected = 0
    for number, image in enumerate(images, start=1):
        expected += (image - expected) * max(1 - decay, 4 / (number + 3))
    if block > 1:
        descent = descend(Adam(0.05), average=decay, block=block)
        run = descent.run(noise(6, 5), 7, targets=toward(noise(6, 5, 1)))
    np.testing.assert_allclose(run.image, expected, rtol=1e-5)
    np.testing.assert_allclose(run.state.image, images[-1], rtol=1e-5)
    assert np.abs(run.image - images[-1]).max() > 0.01


def test_average_of_one_step_is_its_picture():
    run = descend(Adam(0.05), average=0.99).run(noise(6, 5), 1, targets=toward(noise(6, 5, 1)))
    np.testing.assert_allclose(run.image, run.state.image, rtol=1e-5)


def test_average_is_kept_from_run_to_run():
    descent = descend(Adam(0.05), average=0.9)
    targets = toward(noise(6, 5, 1))
    whole = descent.run(noise(6, 5), 6, targets=targets)
    head = descent.run(noise(6, 5), 4, targets=targets)
    tail = descent.run(head.state, 2, first_step=4, targets=targets)
    np.testing.assert_array_equal(tail.image, whole.image)
    np.testing.assert_array_equal([*head.losses, *tail.losses], whole.losses)


def test_the_average_changes_no_step():
    targets = toward(noise(6, 5, 1))
    plain, averaged = (
        descend(Adam(0.05), average=a).run(noise(6, 5), 4, targets=targets) for a in (0.0, 0.9)
    )
    assert plain.state.average == ()
    np.testing.assert_array_equal(plain.losses, averaged.losses)
    np.testing.assert_array_equal(plain.image, averaged.state.image)


def test_a_run_of_no_steps_gives_the_picture_back():
    for average in (0.0, 0.9):
        run = descend(Adam(0.05), average=average).run(noise(6, 5), 0, targets=toward(noise(6, 5)))
        assert run.losses.shape == (0, 1) and run.error is None
        np.testing.assert_array_equal(run.image, noise(6, 5))


# --- From size to size


def test_enlarging_resizes_picture_and_moments():
    descent = descend(Adam(0.05), average=0.9)
    state = descent.run(noise(6, 5), 3, targets=toward(noise(6, 5, 1))).state
    larger = descent.enlarge(state, (9, 8))
    bicubic = resize(descent.to_image(state), (9, 8), method="bicubic")
    np.testing.assert_array_equal(larger.image, np.clip(bicubic, 0.0, 1.0))
    for old, new in zip(state.memory[:2], larger.memory[:2], strict=True):
        assert np.abs(old).max() > 0
        np.testing.assert_allclose(new, bilinear(old.numpy(), (9, 8)), rtol=1e-4, atol=1e-9)
    assert float(larger.memory[2]) == 3.0
    # The average of another size starts anew.
    assert larger.average[0].shape == (1, 9, 8, 3)
    assert not np.any(larger.average[0]) and float(larger.average[1]) == 0.0
    run = descent.run(larger, 2, first_step=3, targets=toward(noise(9, 8, 1)))
    assert run.image.shape == (1, 9, 8, 3) and float(run.state.memory[2]) == 5.0
    assert descent.traces == 1


def test_enlarging_keeps_the_count_of_a_decaying_rate():
    descent = descend(GradientDescent(1.0, 0.5))
    state = descent.run(noise(6, 5), 3, targets=toward(noise(6, 5, 1))).state
    assert [float(each) for each in descent.enlarge(state, (9, 8)).memory] == [3.0]


def test_enlarging_to_the_same_size_changes_nothing():
    descent = descend(Adam(0.05))
    state = descent.run(noise(6, 5), 3, targets=toward(noise(6, 5, 1))).state
    same = descent.enlarge(state, (6, 5))
    np.testing.assert_allclose(same.image, state.image, atol=1e-6)
    for old, new in zip(state.memory, same.memory, strict=True):
        np.testing.assert_allclose(new, old, atol=1e-9)


# --- Keras's optimizers


@pytest.mark.parametrize("clip", [True, False])
def test_a_keras_optimizer_moves_the_picture_as_it_does_alone(clip):
    goal = 3 * noise(6, 5, 1) - 1
    run = descend(KerasOptimizer("rmsprop", 0.03), clip=clip).run(
        noise(6, 5), 4, targets=toward(goal)
    )
    own, variable = keras.optimizers.RMSprop(0.03), keras.Variable(noise(6, 5))
    for loss in run.losses[:, 0]:
        difference = variable.value.numpy() - goal
        assert loss == pytest.approx((difference**2).mean(), rel=1e-4)
        own.apply([tf.constant(2 * difference / difference.size)], [variable])
        if clip:
            variable.assign(np.clip(variable.value.numpy(), 0, 1))
    np.testing.assert_allclose(run.image, variable.value.numpy(), atol=1e-5)


def test_a_keras_optimizer_serves_two_sizes():
    descent = descend(KerasOptimizer(keras.optimizers.SGD(0.5, momentum=0.9)))
    state = descent.run(noise(6, 5), 3, targets=toward(noise(6, 5, 1))).state
    momentum = [each for each in state.memory if each.shape == (1, 6, 5, 3)]
    larger = descent.enlarge(state, (9, 8))
    enlarged = [each for each in larger.memory if each.shape == (1, 9, 8, 3)]
    assert len(momentum) == len(enlarged) == 1
    np.testing.assert_allclose(enlarged[0], bilinear(momentum[0].numpy(), (9, 8)), atol=1e-6)
    run = descent.run(larger, 3, first_step=3, targets=toward(noise(9, 8, 1)))
    assert run.image.shape == (1, 9, 8, 3)
    assert (np.diff(run.losses[:, 0]) < 0).all()
    assert descent.traces == 2
    # And the first size again, from the start, as if nothing had been.
    again = descent.run(noise(6, 5), 3, targets=toward(noise(6, 5, 1))).state
    np.testing.assert_array_equal(again.image, state.image)
    assert descent.traces == 2


def test_a_keras_optimizer_whose_memory_has_another_shape_forgets_it():
    # Adafactor remembers sums over rows and over columns.
    descent = descend(KerasOptimizer(keras.optimizers.Adafactor(0.05)))
    state = descent.run(noise(6, 5), 3, targets=toward(noise(6, 5, 1))).state
    larger = descent.enlarge(state, (9, 8))
    fresh = descent.start(larger.image)
    assert [each.shape for each in larger.memory] == [each.shape for each in fresh.memory]
    for got, expected in zip(larger.memory, fresh.memory, strict=True):
        np.testing.assert_array_equal(got, expected)
    run = descent.run(larger, 3, first_step=3, targets=toward(noise(9, 8, 1)))
    assert run.error is None and run.losses[-1, 0] < run.losses[0, 0]


# --- L-BFGS


@pytest.fixture(scope="module")
def lbfgs(cut):
    return Descent(cut, OBJECTIVE, LBFGS(restart=4))


def test_lbfgs_moves_the_picture(lbfgs, cut, picture):
    told = []
    run = lbfgs.run(picture, STEPS, on_step=lambda *heard: told.append(heard))
    assert run.losses.shape == (STEPS, 2) and run.losses.dtype == np.float32
    assert run.error is None
    total = run.losses.sum(axis=1)
    assert (np.diff(total) < 0).all() and total[-1] < 1.5 * total[0] < 0
    np.testing.assert_allclose(run.losses[0], OBJECTIVE(cut(picture)), rtol=1e-5)
    image = run.image.numpy()
    assert image.shape == picture.shape and image.min() >= 0 and image.max() <= 1
    # Each step's losses are those of the picture before it.
    assert len(told) == STEPS
    for i, (state, losses) in enumerate(told[:-1]):
        np.testing.assert_array_equal(losses, run.losses[: i + 1])
        np.testing.assert_allclose(OBJECTIVE(cut(state.image)), run.losses[i + 1], rtol=1e-4)
    np.testing.assert_array_equal(told[-1][0].image, image)


def test_lbfgs_resumes_exactly_where_it_restarts(lbfgs, picture):
    whole = lbfgs.run(picture, STEPS)
    head = lbfgs.run(picture, 4)
    tail = lbfgs.run(head.state, 3, first_step=4)
    np.testing.assert_array_equal(tail.image, whole.image)
    np.testing.assert_array_equal([*head.losses, *tail.losses], whole.losses)


def test_lbfgs_serves_all_sizes_with_one_trace(lbfgs, picture):
    state = lbfgs.enlarge(lbfgs.run(picture[:, :40, :33], 2).state, (64, 72))
    assert lbfgs.run(state, 2).image.shape == (1, 64, 72, 3)
    assert lbfgs.traces == 1


def test_lbfgs_ends_at_the_goal(lbfgs, picture):
    total = lbfgs.run(picture, STEPS).losses.sum(axis=1)
    run = lbfgs.run(picture, STEPS, goal=(total[2] + total[3]) / 2)
    np.testing.assert_allclose(run.losses.sum(axis=1), total[:4], rtol=1e-5)


def test_lbfgs_ends_at_the_goal_before_it_restarts(cut, picture):
    total = Descent(cut, OBJECTIVE, LBFGS()).run(picture, STEPS).losses.sum(axis=1)
    run = Descent(cut, OBJECTIVE, LBFGS()).run(picture, STEPS, goal=(total[1] + total[2]) / 2)
    assert len(run.losses) == 3


def test_lbfgs_on_ctrl_c_gives_the_picture_so_far(lbfgs, picture):
    def stop(state, losses):
        if len(losses) == 3:
            raise KeyboardInterrupt

    run = lbfgs.run(picture, STEPS, on_step=stop)
    assert isinstance(run.error, KeyboardInterrupt)
    short = lbfgs.run(picture, 3)
    np.testing.assert_array_equal(run.losses, short.losses)
    np.testing.assert_array_equal(run.image, short.image)


def test_lbfgs_may_leave_the_range_without_clip():
    goal = 3 * noise(6, 5, 1) - 1
    held, free = (
        descend(LBFGS(), clip=clip).run(noise(6, 5), 30, targets=toward(goal))
        for clip in (True, False)
    )
    np.testing.assert_allclose(held.image, np.clip(goal, 0, 1), atol=1e-3)
    np.testing.assert_allclose(free.image, goal, atol=1e-3)


def test_lbfgs_starts_within_the_range_it_keeps():
    image = 3 * noise(6, 5) - 1
    run = descend(LBFGS()).run(image, 2, targets=toward(noise(6, 5, 1)))
    expected = ((np.clip(image, 0, 1) - noise(6, 5, 1)) ** 2).mean()
    assert run.losses[0, 0] == pytest.approx(expected, rel=1e-5)


def test_lbfgs_ends_where_there_is_no_way_down():
    run = descend(LBFGS(restart=3)).run(noise(6, 5), 50, targets=toward(noise(6, 5)))
    assert run.error is None and len(run.losses) < 50
    np.testing.assert_allclose(run.image, noise(6, 5), atol=1e-6)


# --- What is not finite


class Cliff(Term):
    """Falls to a mean of 0.4, where its gradient is 0 times infinity and its value is not."""

    def __init__(self):
        super().__init__("image", "cliff")

    def statistic(self, features):
        return tf.reduce_sum(tf.reduce_mean(features, axis=-1))

    def distance(self, mean):
        return tf.sqrt(tf.nn.relu(mean - 0.4))


@pytest.mark.parametrize("block", [1, 5])
def test_a_gradient_that_is_not_finite_spoils_no_picture(block):
    image = np.full((1, 4, 4, 3), 0.5, np.float32)
    with tf.GradientTape() as tape:
        low = tf.constant(image - 0.2)
        tape.watch(low)
        loss = Objective([Cliff()])(see(low))[0]
    assert float(loss) == 0.0 and np.isnan(tape.gradient(loss, low)).all()
    descent = Descent(see, Objective([Cliff()]), NormalizedGradient(0.03), block=block)
    run = descent.run(image, 5 if block == 5 else 20)
    assert isinstance(run.error, FloatingPointError)
    # From 0.5 the fourth step of 0.03 passes 0.4, and the fifth cannot be taken.
    assert "'cliff' did not at step 5. Received: nan" in str(run.error)
    assert np.isfinite(run.image).all()
    if block == 1:
        np.testing.assert_allclose(run.image, image - 0.12, atol=1e-5)
        assert len(run.losses) == 4
    else:  # A block counts as a whole.
        np.testing.assert_array_equal(run.image, image)


def test_lbfgs_on_a_loss_that_is_not_finite_gives_the_last_good_picture():
    image = np.full((1, 4, 4, 3), 0.5, np.float32)
    run = Descent(see, Objective([Cliff()]), LBFGS()).run(image, 20)
    assert isinstance(run.error, FloatingPointError) and "'cliff'" in str(run.error)
    assert np.isfinite(run.image).all() and run.image.numpy().mean() >= 0.4


def test_weights_and_targets_are_those_of_the_run():
    descent = descend(GradientDescent(1.0))
    first, second = (
        descent.run(noise(6, 5), 1, targets=toward(noise(6, 5, seed)), weights=[weight])
        for seed, weight in ((1, 2.0), (2, 30.0))
    )
    for run, seed, weight in ((first, 1, 2.0), (second, 2, 30.0)):
        difference = noise(6, 5).astype(np.float64) - noise(6, 5, seed)
        assert run.losses[0, 0] == pytest.approx(weight * (difference**2).mean(), rel=1e-5)
        moved = noise(6, 5) - 2 * weight * difference / difference.size
        np.testing.assert_allclose(run.image, np.clip(moved, 0, 1), atol=1e-6)
    assert descent.traces == 1


def test_a_state_shows_its_average():
    image = tf.ones([1, 2, 2, 3])
    descent = descend(Adam(0.05))
    assert descent.to_image(State(image)) is image
    shown = descent.to_image(State(image, (), (0.3 * image, tf.constant(2.0))))
    np.testing.assert_allclose(shown, 0.3 * image)
    # Before the first step there is none.
    assert descent.to_image(State(image, (), (0 * image, tf.constant(0.0)))) is image


def tiled(cut, transform=None, on_tile=None, optimizer=None, tile=48):
    optimizer = optimizer or NormalizedGradient(0.02)
    return Descent(cut, OBJECTIVE, optimizer, transform, tile=tile, on_tile=on_tile)


@pytest.mark.parametrize("transform", [None, roll])
def test_steps_in_tiles_are_those_of_the_whole_picture(make, cut, picture, transform):
    descent = tiled(cut, transform)
    assert len(descent.evaluator.tiles(picture.shape[1:3])) > 1
    run, plain = (each.run(picture, 3) for each in (descent, make(transform=transform)))
    np.testing.assert_allclose(run.losses, plain.losses, rtol=1e-4)
    np.testing.assert_allclose(run.image, plain.image, atol=1e-4)


def test_lbfgs_takes_tiles_too(cut, picture):
    run, plain = (tiled(cut, optimizer=LBFGS(), tile=tile).run(picture, 3) for tile in (48, None))
    np.testing.assert_allclose(run.losses, plain.losses, rtol=1e-3)


def test_ctrl_c_between_tiles_gives_the_picture_of_the_last_whole_step(make, cut, picture):
    def stop(done, count):
        told.append(count)
        if len(told) == 2 * count + 1:
            raise KeyboardInterrupt

    told = []
    run = tiled(cut, on_tile=stop).run(picture, STEPS)
    assert isinstance(run.error, KeyboardInterrupt) and len(run.losses) == 2
    np.testing.assert_allclose(run.image, make(transform=None).run(picture, 2).image, atol=1e-4)


class Cramped:
    """A backbone in too little memory for pictures as large as `most` pixels."""

    def __init__(self, backbone, most):
        self._backbone = backbone
        self._most = most

    def __getattr__(self, name):
        return getattr(self._backbone, name)

    def __call__(self, image):
        size = tf.size(image) // 3

        def fail():
            raise MemoryError("OOM when allocating")  # TensorFlow makes its own error of it.

        check = tf.py_function(lambda n: fail() if n > self._most else n, [size], tf.int32)
        with tf.control_dependencies([check]):
            return self._backbone(tf.identity(image))


def test_where_memory_runs_out_tiles_are_halved(make, cut, picture, caplog):
    descent = Descent(Cramped(cut, 60 * 60), OBJECTIVE, NormalizedGradient(0.02), block=1)
    with caplog.at_level("WARNING", "kerasart"):
        run = descent.run(picture, 2)
    assert [record.message for record in caplog.records] == [
        "Memory ran out: tiles of 36 pixels are used from here on."
    ]
    np.testing.assert_allclose(run.image, make(transform=None).run(picture, 2).image, atol=1e-4)


def test_where_memory_runs_out_for_the_smallest_tiles_it_is_an_error(cut, picture):
    descent = Descent(Cramped(cut, 100), OBJECTIVE, NormalizedGradient(0.02), block=1)
    with pytest.raises(tf.errors.ResourceExhaustedError):
        descent.run(picture, 2)
