import numpy as np
import pytest

from kerasart.image.arrays import fit_size
from kerasart.image.resizing import fill_size
from kerasart.objectives import Objective, Similarity, dream_objective
from kerasart.optimization import Evaluator, dream_targets
from kerasart.settings.dream import DreamSettings


@pytest.fixture(scope="module")
def start(face):
    return face[:, :48, :64]


@pytest.fixture(scope="module")
def guide(cat):
    return np.ascontiguousarray(cat[:, 100:180, 200:256])  # upright, where the start is not


def evaluator(backbone, layer, picture):
    return backbone.cut([layer])(picture)[layer].numpy()


def compared(squeezenet, terms, start, guide=None):
    objective = Objective([]) + sum(terms)
    return dream_targets(Evaluator(squeezenet.cut(objective.layers), objective), start, guide)


@pytest.mark.parametrize("kind", ["dot", "l1", "l2", "cosine"])
def test_a_guide_is_cropped_to_the_start(squeezenet, start, guide, kind):
    (target,) = compared(squeezenet, [Similarity("fire3", kind)], start, guide)
    assert target.value == ()
    expected = evaluator(squeezenet, "fire3", fill_size(guide, (48, 64)))
    np.testing.assert_allclose(target.guide[0], expected, rtol=1e-4, atol=1e-3)
    assert target.guide[0].shape == evaluator(squeezenet, "fire3", start).shape


def test_a_guide_stays_whole_to_be_matched(squeezenet, start, guide):
    (target,) = compared(squeezenet, [Similarity("fire3", "match")], start, guide)
    # No larger than what is dreamed on, and not cropped: 80x56 at a long side of 64.
    shape = evaluator(
        squeezenet, "fire3", np.zeros((1, *fit_size((80, 56), 64), 3), np.float32)
    ).shape
    assert target.guide[0].shape == shape


def test_a_small_guide_is_not_enlarged_to_be_matched(squeezenet, face, guide):
    (target,) = compared(squeezenet, [Similarity("fire3", "match")], face, guide[:, :40, :40])
    np.testing.assert_allclose(
        target.guide[0], evaluator(squeezenet, "fire3", guide[:, :40, :40]), rtol=1e-4, atol=1e-3
    )


def test_a_narrow_guide_stays_large_enough(squeezenet, start):
    least = squeezenet.cut(["fire6"]).least_size()
    narrow = np.random.default_rng(0).random((1, least, 4 * least, 3), np.float32)
    (target,) = compared(squeezenet, [Similarity("fire6", "match")], start, narrow)
    assert min(target.guide[0].shape) >= 1


def test_the_start_is_itself(squeezenet, start):
    terms = [Similarity("fire3", "l2", "start"), Similarity("image", "l1", "start")]
    features, pixels = compared(squeezenet, terms, start)
    np.testing.assert_allclose(features.guide[0], evaluator(squeezenet, "fire3", start), rtol=1e-4)
    np.testing.assert_array_equal(pixels.guide[0], start)


def test_pixels_of_a_guide_have_the_starts_size(squeezenet, start, guide):
    # A layer of the network itself must be evaluated too.
    terms = [Similarity("image", "l2"), Similarity("fire2", "match", "start")]
    pixels, _ = compared(squeezenet, terms, start, guide)
    np.testing.assert_allclose(pixels.guide[0], fill_size(guide, (48, 64)), atol=1e-6)


def test_channels_and_others(squeezenet, start):
    settings = {"layers": "fire3", "channel": "fire8:511", "class_name": "1"}
    settings |= {"smoothness": 1, "energy": 1}
    objective = dream_objective(DreamSettings(**settings), squeezenet)
    targets = dream_targets(Evaluator(squeezenet.cut(objective.layers), objective), start)
    assert [target.guide for target in targets] == [()] * 5
    values = [tuple(map(int, target.value)) for target in targets]
    assert values == [(), (511,), (1,), (), ()]


@pytest.mark.parametrize(("layer", "count"), [("fire3", 128), ("conv10", 1000)])
def test_channel_that_is_not_there(squeezenet, start, layer, count):
    objective = dream_objective(DreamSettings(channel=f"{layer}:{count}"), squeezenet)
    with pytest.raises(ValueError, match=f"from 0 to {count - 1} in {layer}. Received: {count}$"):
        dream_targets(Evaluator(squeezenet.cut(objective.layers), objective), start)


def test_missing_guide(squeezenet, start):
    with pytest.raises(ValueError, match="`guide` must be given .*Received: none$"):
        compared(squeezenet, [Similarity("fire3", "dot")], start)


@pytest.mark.parametrize("kind", ["l2", "match"])
def test_guide_too_small(squeezenet, start, guide, kind):
    least = squeezenet.cut(["fire6"]).least_size()
    small = guide[:, : least - 1, :40]
    message = f"`guide` must be at least {least}x{least} .*squeezenet.*Received: 40x{least - 1}$"
    with pytest.raises(ValueError, match=message):
        compared(squeezenet, [Similarity("fire6", kind)], start, small)
    (target,) = compared(squeezenet, [Similarity("fire6", kind)], start, guide[:, :least, :40])
    assert np.isfinite(target.guide[0]).all()
