import numpy as np
import pytest
import tensorflow as tf

from kerasart.objectives import Content, Gram, Objective, Target, TotalVariation
from kerasart.optimization import (
    LBFGS,
    Adam,
    Checkpoint,
    Descent,
    KerasOptimizer,
    Latent,
    NormalizedGradient,
    State,
    Transforms,
    coarse_to_fine,
)
from kerasart.optimization.run import RunInProgress

SIZE = 40, 36
SHAPES = (5,), (1, 3, 4), (2, 2, 3, 1)  # Of codes; the last has as many axes as a picture.


class Network:
    """A toy that paints a picture of a code of any shape."""

    def __init__(self, shape):
        generator = np.random.default_rng(0)
        values = int(np.prod(shape))
        self._matrix = generator.normal(0, 1, (values, np.prod(SIZE) * 3)).astype(np.float32)

    def __call__(self, code):
        logits = tf.reshape(code, [1, -1]) @ self._matrix
        return tf.sigmoid(tf.reshape(logits, [1, *SIZE, 3]))


def code_of(shape, seed=1):
    return np.random.default_rng(seed).normal(0, 0.7, shape).astype(np.float32)


def make(toy, shape, optimizer=None, **options):
    """A descent in a latent space, and the targets: a picture that lies in it."""
    objective = Objective([Gram("conv1", 0.1), Content("conv2", 0.1), TotalVariation(0.01)])
    network = Network(shape)
    latent = Latent(network, code_of(shape), SIZE)
    backbone = toy.cut(objective.layers, "float32")
    descent = Descent(
        backbone, objective, optimizer or Adam(0.05), parameterization=latent, **options
    )
    features = backbone(network(code_of(shape, 2)))
    targets = [
        Target((), (term.mean(features["conv1"]),))
        if isinstance(term, Gram)
        else Target((features["conv2"],) if isinstance(term, Content) else ())
        for term in objective.terms
    ]
    return descent, network, targets


def photo():
    return np.full((1, *SIZE, 3), 0.5, np.float32)


def differentiate(descent, targets, code):
    """The loss at a code, and its gradient."""
    weights = descent.objective.weights
    state = State(tf.constant(code))
    run = RunInProgress(descent, state, tuple(targets), weights, 0, 1, 0, -np.inf, None)
    losses, gradient = run.differentiate(code)
    return float(losses.sum(dtype=np.float64)), gradient


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("tile", [None, 32])
def test_the_gradient_by_a_code_is_that_of_finite_differences(toy, shape, tile):
    descent, _, targets = make(toy, shape, tile=tile)
    assert bool(descent.evaluator.tiles(SIZE)) == bool(tile)
    code, step = code_of(shape), 1e-2
    loss, gradient = differentiate(descent, targets, code)
    assert gradient.shape == shape and loss > 0
    for seed in range(3):
        way = code_of(shape, 10 + seed)
        ends = [differentiate(descent, targets, code + sign * step * way)[0] for sign in (1, -1)]
        slope = (ends[0] - ends[1]) / (2 * step)
        assert (gradient * way).sum() == pytest.approx(slope, rel=0.02, abs=1e-3 * loss)


@pytest.mark.parametrize(
    "optimizer",
    [Adam(0.05), KerasOptimizer("rmsprop", 0.02), LBFGS(), NormalizedGradient(0.02)],
    ids=lambda optimizer: type(optimizer).__name__,
)
def test_any_optimizer_moves_the_code(toy, optimizer):
    descent, network, targets = make(toy, (1, 3, 4), optimizer)
    run = descent.run(photo(), 12, targets=targets)
    assert run.losses[-1].sum() < 0.7 * run.losses[0].sum()
    assert run.state.image.shape == (1, 3, 4) and run.image.shape == (1, *SIZE, 3)
    np.testing.assert_allclose(run.image, network(run.state.image), atol=1e-6)


def test_it_begins_with_its_code_and_paints_nothing_of_another_size(toy):
    descent, network, targets = make(toy, (5,))
    state = descent.start(photo())
    np.testing.assert_array_equal(state.image, code_of((5,)))
    np.testing.assert_allclose(descent.to_image(state), network(code_of((5,))), atol=1e-6)
    for attempt in (
        lambda: descent.start(photo()[:, 1:]),
        lambda: descent.enlarge(state, (80, 72)),
    ):
        with pytest.raises(ValueError, match="`image` must be of the size .*, 36x40. Received: "):
            attempt()


def test_the_running_mean_is_of_codes(toy):
    descent, network, targets = make(toy, (1, 3, 4), average=0.9)
    codes, mean = [], 0.0
    run = descent.run(photo(), 4, targets=targets, on_step=lambda s, _: codes.append(s.image))
    for before, code in enumerate(codes):
        mean += (code - mean) * 4 / (before + 4)
    np.testing.assert_allclose(run.image, network(mean), atol=1e-5)
    assert np.abs(run.image - network(codes[-1])).max() > 0.01


def test_a_run_is_resumed_to_the_bit(toy, tmp_path):
    def prepare(scale, weights):
        return targets, descent.objective.weights if weights is None else weights

    descent, _, targets = make(toy, (1, 3, 4), transform=Transforms(jitter=3), first_size=(20, 18))
    arguments = descent, photo(), [SIZE], [6], prepare
    whole = coarse_to_fine(*arguments)
    seen = []

    def stop(progress):
        seen.append(progress.picture())
        if progress.step == 3:
            raise KeyboardInterrupt

    for on_step in (stop, None):
        checkpoint = Checkpoint(tmp_path / "run.npz", {}, seconds=0)
        run = coarse_to_fine(*arguments, checkpoint=checkpoint, on_step=on_step)
    np.testing.assert_array_equal(run.image, whole.image)
    np.testing.assert_array_equal(run.losses, whole.losses)
    assert len(seen) == 3 and seen[0].shape == whole.image.shape


def test_steps_inside_a_graph_are_the_same(toy):
    results = []
    for block in (1, 4):
        descent, _, targets = make(toy, (2, 2, 3, 1), block=block)
        results.append(descent.run(photo(), 8, targets=targets))
    np.testing.assert_allclose(results[0].losses, results[1].losses, rtol=1e-4)
    np.testing.assert_allclose(results[0].state.image, results[1].state.image, atol=1e-4)
