import numpy as np
import pytest
import tensorflow as tf
from term_checks import (
    check_adds_over_tiles,
    check_bfloat16_is_cast,
    check_gradient,
    features,
    value,
)

from kerasart.objectives import SIMILARITIES, Content, Objective, Similarity, Target, Temporal

POSITIONWISE = [kind for kind in SIMILARITIES if kind != "match"]


def unlikeness(kind, array, other):
    """A similarity's mean over positions, position by position in float64."""
    total = 0.0
    array, other = (x[0].astype(np.float64) for x in (array, other))
    for y, x in np.ndindex(array.shape[:2]):
        mine = array[y, x]
        if kind == "match":
            total -= max(np.mean(mine * theirs) for row in other for theirs in row)
            continue
        theirs = other[y, x]
        total += {
            "dot": -np.mean(mine * theirs),
            "l1": np.mean(abs(mine - theirs)),
            "l2": np.mean((mine - theirs) ** 2),
            "cosine": 1 - mine @ theirs / np.linalg.norm(mine) / np.linalg.norm(theirs),
        }[kind]
    return total / array.shape[0] / array.shape[1]


# --- Content


def content_value(term, array, content):
    target = Target(guide=(tf.constant(content),))
    return float(Objective([term])({"a": tf.constant(array)}, [target])[0])


def test_content_against_numpy():
    array, content = features(9, 7, seed=1), features(9, 7, seed=2)
    expected = ((array.astype(np.float64) - content) ** 2).mean()
    assert content_value(Content("a"), array, content) == pytest.approx(expected, rel=1e-5)
    assert content_value(Content("a", weight=3), array, content) == pytest.approx(
        3 * expected, rel=1e-5
    )
    assert content_value(Content("a"), array, array) == 0.0


def test_gradient_of_content_against_its_formula():
    array, content = features(9, 7, seed=1), features(9, 7, seed=2)
    tensor = tf.constant(array)
    with tf.GradientTape() as tape:
        tape.watch(tensor)
        loss = Objective([Content("a")])({"a": tensor}, [Target((tf.constant(content),))])
    expected = 2 * (array.astype(np.float64) - content) / array.size
    gradient = tape.gradient(loss, tensor)
    np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1e-9)


def test_summed_content_is_the_sum_over_positions():
    array, content = features(9, 7, 4, seed=1), features(9, 7, 4, seed=2)
    # The mean over channels stays a mean: Gatys's half sum is channels / 2 times ours.
    gatys = ((array.astype(np.float64) - content) ** 2).sum() / 2
    summed = content_value(Content("a", summed=True), array, content)
    assert summed * 4 / 2 == pytest.approx(gatys, rel=1e-5)


def test_content_is_named_by_its_layer():
    assert Content("a").name == "content a"


# --- Similarities


@pytest.mark.parametrize("kind", SIMILARITIES)
def test_similarity_against_numpy(kind):
    array, other = features(), features(seed=1)
    got = value(Similarity("a", kind), array, Target(guide=(other,)))
    assert got == pytest.approx(unlikeness(kind, array, other), rel=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (3, 8), (9, 7)])
def test_match_takes_a_picture_of_another_size(size):
    array, other = features(), features(*size, seed=1)
    got = value(Similarity("a", "match"), array, Target(guide=(other,)))
    assert got == pytest.approx(unlikeness("match", array, other), rel=1e-5)


def test_match_does_not_ask_where():
    array, other = features(), features(seed=1)
    shuffled = other.reshape(1, -1, 4)[:, np.random.default_rng(0).permutation(30)]
    shuffled = shuffled.reshape(other.shape)
    match, dot = (
        [value(Similarity("a", kind), array, Target(guide=(x,))) for x in (other, shuffled)]
        for kind in ("match", "dot")
    )
    assert match[0] == pytest.approx(match[1], rel=1e-5)
    assert abs(dot[0] - dot[1]) > 1e-2


def test_what_is_the_same_has_no_distance():
    array = features()
    for kind in ("l1", "l2", "cosine"):
        got = value(Similarity("a", kind), array, Target(guide=(array,)))
        assert got == pytest.approx(0, abs=1e-6), kind
    # Cosine does not see how strong features are.
    for factor, expected in ((7.0, 0.0), (-2.0, 2.0)):
        got = value(Similarity("a", "cosine"), array, Target(guide=(factor * array,)))
        assert got == pytest.approx(expected, abs=1e-5)


def test_cosine_of_nothing_is_finite():
    # ReLU leaves positions at which all features are 0.
    array = np.zeros((1, 2, 3, 4), np.float32)
    tensor = tf.constant(array)
    with tf.GradientTape() as tape:
        tape.watch(tensor)
        loss = Similarity("a", "cosine").statistic(tensor, tf.constant(features(2, 3)))
    assert float(loss) == pytest.approx(6.0)
    assert np.isfinite(tape.gradient(loss, tensor)).all()


@pytest.mark.parametrize("kind", SIMILARITIES)
def test_similarity_does_not_depend_on_the_size(kind):
    array, other = features(1, 1), features(1, 1, seed=1)
    small = value(Similarity("a", kind), array, Target(guide=(other,)))
    array, other = (np.tile(x, (1, 8, 9, 1)) for x in (array, other))
    assert value(Similarity("a", kind), array, Target(guide=(other,))) == pytest.approx(
        small, rel=1e-5
    )


@pytest.mark.parametrize("kind", ["l3", "Dot", "", None])
def test_unknown_similarity(kind):
    with pytest.raises(ValueError) as caught:
        Similarity("a", kind)
    assert str(caught.value) == (
        f"`kind` must be one of dot, l1, l2, cosine, match. Received: {kind!r}"
    )


def test_similarities_are_named_by_kind_layer_and_image():
    assert Similarity("a", "l1", "start").name == "l1 a to the start"


@pytest.mark.parametrize("kind", SIMILARITIES)
def test_gradient_of_a_similarity_against_finite_differences(kind):
    other = features(3, 4, seed=1)
    check_gradient(
        Similarity("a", kind),
        features(3, 4),
        lambda dtype: Target(guide=(tf.cast(other, dtype),)),
    )


@pytest.mark.parametrize("kind", POSITIONWISE)
def test_statistic_of_a_similarity_adds_over_tiles(kind):
    check_adds_over_tiles(Similarity("a", kind), features(10, 8), features(10, 8, seed=1))


@pytest.mark.parametrize("kind", SIMILARITIES)
def test_bfloat16_features_are_compared_in_float32(kind):
    check_bfloat16_is_cast(Similarity("a", kind), Target(guide=(features(seed=1),)))


# --- Temporal


def trust(height=5, width=6):
    return np.random.default_rng(9).uniform(size=(1, height, width, 1)).astype(np.float32)


def test_temporal_against_numpy():
    array, before = features(channels=3), features(channels=3, seed=1)
    target = Target(guide=(tf.constant(before), tf.constant(trust())))
    squares = (array.astype(np.float64) - before) ** 2
    expected = np.mean(trust()[..., 0] * squares.mean(axis=-1))
    assert value(Temporal(), array, target) == pytest.approx(expected, rel=1e-5)
    untrusted = Target(guide=(tf.constant(before), tf.zeros([1, 5, 6, 1])))
    assert value(Temporal(), array, untrusted) == 0.0
    assert value(2.5 * Temporal(), array, target) == pytest.approx(2.5 * expected, rel=1e-5)


def test_temporal_is_of_the_image():
    assert Temporal().layer == "image" and Temporal().name == "temporal"


def test_gradient_of_temporal_against_finite_differences():
    def target_in(dtype):
        guide = features(channels=3, seed=1), trust()
        return Target(guide=tuple(tf.constant(each, dtype) for each in guide))

    check_gradient(Temporal(), features(channels=3), target_in)


def test_temporal_adds_over_tiles():
    before = features(10, 8, 3, seed=1)
    check_adds_over_tiles(Temporal(), features(10, 8, 3), before, trust(10, 8))
