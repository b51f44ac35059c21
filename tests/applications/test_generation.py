import itertools

import numpy as np
import pytest
from generators import make_generator

from kerasart import Interrupted
from kerasart.applications.generation import Generator
from kerasart.networks import draw_latent


@pytest.fixture(scope="module")
def generator():
    return Generator(make_generator([8, 8, 6, 5, 4], z_size=6), "float32")


@pytest.fixture(scope="module")
def target(generator):
    """A picture of the generator's own, which is 64 pixels large."""
    return generator.paint(generator.style(5, 0.9))


# --- Styles


def test_a_seed_has_its_style(generator):
    network = generator.network
    for truncation in (0.7, 1.0):
        expected = network.map(draw_latent(3, 6), truncation)
        np.testing.assert_array_equal(generator.style(3, truncation), expected)
    np.testing.assert_array_equal(generator.style(3), generator.style(3, 0.7))
    w = generator.style(4, 1.0)
    np.testing.assert_array_equal(generator.style(w, 0.1), w)
    np.testing.assert_array_equal(generator.style(w[:, :1], 0.1), w)
    np.testing.assert_array_equal(generator.style(w[0]), w)
    np.testing.assert_allclose(generator.paint(w), network.paint(w), atol=1e-6)


def test_levels_of_other_seeds(generator):
    own, coarse, fine = (generator.style(seed) for seed in (1, 3, 9))
    mixed = generator.style(1, mix={"coarse": 3, "fine": 9})
    of_level = {"coarse": coarse, "middle": own, "fine": fine}
    for place, level in enumerate(generator.network.levels):
        np.testing.assert_array_equal(mixed[:, place], of_level[level][:, place])
    # Without a seed, a level that is left out is as the next coarser one.
    mixed = generator.style(mix={"coarse": coarse, "fine": 9})
    np.testing.assert_array_equal(mixed[:, 4:8], coarse[:, 4:8])
    np.testing.assert_array_equal(mixed[:, 8:], fine[:, 8:])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1,), "`seed` must be a whole number from 0"),
        ((0.5,), "`seed` must be a whole number, or a w"),
        ((np.zeros((2, 10, 7)),), "`seed` must be a whole number, or a w"),
        ((np.zeros((1, 10, 8)),), r"a w of this generator, \(1, 10, 7\). Received: an array"),
        ((1, "far"), "`truncation` must be a number"),
        ((1, 0.7, {"broad": 3}), "`styles` must be .* coarse, middle, fine, .* Received: .*broad"),
        ((), "`styles` must be"),
    ],
)
def test_styles_that_are_none(generator, arguments, message):
    with pytest.raises(ValueError, match=message):
        generator.style(*arguments)


# --- Walks


def test_a_walk_goes_straight_by_even_steps(generator):
    a, b, c = (generator.style(seed) for seed in (1, 2, 5))
    frames = list(generator.walk([a, b], 5))
    for frame, part in zip(frames, (0, 0.25, 0.5, 0.75, 1), strict=True):
        np.testing.assert_allclose(frame, generator.paint(a + part * (b - a)), atol=1e-5)
    np.testing.assert_array_equal(list(generator.walk([a, b], 5, first=3)), frames[3:])
    # The way to what is hardly another style is short.
    frames = list(generator.walk([a, a + 0.1 * (c - a), c], 9))
    steps = [np.abs(x - y).mean() for x, y in itertools.pairwise(frames)]
    assert 0 < max(steps) < 3 * min(steps)


def test_a_walk_that_ends_where_it_began_goes_round(generator):
    a, b = generator.style(1), generator.style(2)
    frames = list(generator.walk([a, b, a], 4))
    expected = [a, (a + b) / 2, b, (a + b) / 2]
    for frame, w in zip(frames, expected, strict=True):
        np.testing.assert_allclose(frame, generator.paint(w), atol=1e-5)


@pytest.mark.parametrize(("seeds", "frames"), [([1], 5), ([1, 2], 1)])
def test_walks_that_lead_nowhere(generator, seeds, frames):
    with pytest.raises(ValueError, match="`(styles|frames)` must be"):
        list(generator.walk([generator.style(seed) for seed in seeds], frames))


# --- Searches


@pytest.mark.parametrize("per_place", [True, False])
def test_a_picture_of_its_own_is_found(generator, target, slim_vgg16, per_place):
    seen = []
    options = {"per_place": per_place, "precision": "float32", "on_step": seen.append}
    result = generator.project(target, backbone=slim_vgg16, steps=40, **options)
    loss = sum(result.history.values())
    assert loss[-1] < 0.1 * loss[0] and len(loss) == len(seen) == 40
    start = generator.paint(generator.style(generator.network.mean_w.numpy()[None]))
    assert np.abs(result.image - target).mean() < 0.4 * np.abs(start - target).mean()
    w = np.float32(result.settings["w"])
    np.testing.assert_allclose(generator.paint(generator.style(w)), result.image, atol=1e-5)
    assert (np.ptp(w, axis=0).max() > 1e-3) == per_place


def test_a_photo_is_cut_and_a_search_is_resumed(generator, target, slim_vgg16, tmp_path, eagerly):
    photo = np.pad(target, [(0, 0), (0, 0), (9, 9), (0, 0)])
    options = {"backbone": slim_vgg16, "steps": 6, "precision": "float32"}
    whole = generator.project(target, **options)
    np.testing.assert_array_equal(generator.project(photo, **options).image, whole.image)

    def stop(progress):
        if progress.step == 3:
            raise KeyboardInterrupt

    checkpoint = {"checkpoint": tmp_path / "state.npz"}
    with pytest.raises(Interrupted) as interrupted:
        generator.project(target, **options, **checkpoint, on_step=stop)
    half = interrupted.value.result
    w = np.float32(half.settings["w"])
    np.testing.assert_allclose(generator.paint(generator.style(w)), half.image, atol=1e-5)
    again = generator.project(target, **options, **checkpoint)
    np.testing.assert_array_equal(again.image, whole.image)


def test_dreams_and_paintings_are_searches(generator, target, slim_vgg16, eagerly):
    start = generator.style(1)
    settings = {"steps": 8, "precision": "float32", "backbone": slim_vgg16}
    dream = generator.dream(start, layers="block3_conv1", smoothness=0.0, jitter=0, **settings)
    (activation,) = dream.history.values()
    assert activation[-1] < 1.1 * activation[0] < 0  # More is seen; it is negative.
    styled = generator.paint_like(start, target, **settings)
    loss = sum(styled.history.values())
    assert loss[-1] < 0.8 * loss[0]
    assert styled.settings["search"] == "style" and "generator_hash" in styled.settings
    for result in (dream, styled):
        w = np.float32(result.settings["w"])
        np.testing.assert_allclose(generator.paint(generator.style(w)), result.image, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "`steps` must be 1 or more"),
        ({"rate": 0.0}, "`rate` must be more than 0"),
        ({"start": np.zeros(3)}, "`seed` must be a whole number, or a w"),
        ({"seed": -1}, "`seed` must be"),
    ],
)
def test_searches_that_are_none(generator, target, options, message):
    with pytest.raises(ValueError, match=message):
        generator.project(target, **options)
