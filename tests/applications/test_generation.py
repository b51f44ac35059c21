import itertools

import numpy as np
import pytest
from generators import make_generator

from kerasart.applications.generation import Generator
from kerasart.networks import draw_latent


@pytest.fixture(scope="module")
def generator():
    return Generator(make_generator([8, 8, 6, 5, 4], z_size=6), "float32")


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
        ((0.5,), "`seed` must be a whole number from 0"),
        ((2**31,), "`seed` must be a whole number from 0 to 2147483647. Received: 2147483648"),
        ((np.zeros((2, 10, 7)),), "`seed` must be a whole number, or a w"),
        ((np.zeros((1, 10, 8)),), r"a w of this generator, \(1, 10, 7\). Received: an array"),
        ((1, "far"), "`truncation` must be a finite number"),
        ((1, 0.7, {"broad": 3}), "`styles` must be .* coarse, middle, fine, .* Received: .*broad"),
        ((), "`styles` must be"),
        ((1, 0.7, "coarse:3"), "`mix` must be a dict of levels to seeds. Received: 'coarse:3'"),
        (
            (1, 0.7, None, 0),
            "`label` must be left out for a generator without classes. R",
        ),
    ],
)
def test_styles_that_are_none(generator, arguments, message):
    with pytest.raises(ValueError, match=message):
        generator.style(*arguments)


@pytest.mark.parametrize("model", [None, 3, "no-such"])
def test_a_generator_has_a_file(model):
    with pytest.raises(FileNotFoundError, match=f"`model` must be .* Received: '{model}'"):
        Generator(model)


@pytest.mark.parametrize("w", [1, None, np.zeros((3, 3)), np.zeros((2, 10, 7))])
def test_only_a_w_is_painted(generator, w):
    with pytest.raises(ValueError, match=r"`w` must be a w of this generator, .* Received: "):
        generator.paint(w)


def test_a_w_has_finite_numbers(generator):
    w = generator.style(1)
    with pytest.raises(ValueError, match="`w` must be a w of finite numbers. Received: "):
        generator.paint(np.full_like(w, np.nan))


@pytest.fixture(scope="module")
def of_classes():
    return Generator(make_generator([8, 6], classes=3), "float32")


def test_a_seed_has_a_style_of_its_class(of_classes):
    for label in range(3):
        expected = of_classes.network.map(draw_latent(3, 6), 0.7, np.eye(3)[[label]])
        np.testing.assert_allclose(of_classes.style(3, label=label), expected, rtol=1e-6)


@pytest.mark.parametrize("label", [None, -1, 3, 0.5])
def test_classes_that_are_none(of_classes, label):
    message = f"`label` must be a class of this generator, from 0 to 2. Received: {label}"
    with pytest.raises(ValueError, match=message):
        of_classes.style(3, label=label)


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
