import numpy as np
import pytest
import tensorflow as tf

from kerasart.objectives import SIMILARITIES, Channel, Energy, Objective, Similarity, Target

POSITIONWISE = [kind for kind in SIMILARITIES if kind != "match"]
MEAN_COLOUR = np.array([123.68, 116.779, 103.939]) / 255


def features(height=5, width=6, channels=4, seed=0):
    return np.random.default_rng(seed).normal(size=(1, height, width, channels)).astype(np.float32)


def target_of(term, other=None, count=4):
    if isinstance(term, Channel):
        return term.target(count)
    return Target(guide=(other,)) if isinstance(term, Similarity) else Target()


def value(term, array, target=None):
    maps = {term.layer: tf.constant(array)}
    return float(Objective([term])(maps, [target or Target()])[0])


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


# --- Channels


@pytest.mark.parametrize("channel", [0, 3])
def test_channel_against_numpy(channel):
    array = features()
    term = Channel("a", channel)
    expected = -array[..., channel].astype(np.float64).mean()
    assert value(term, array, term.target(4)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (4, 4), (5, 6), (7, 3)])
def test_neuron_is_the_position_at_the_centre(size):
    array = features(*size)
    term = Channel("a", 2, neuron=True)
    expected = -float(array[0, size[0] // 2, size[1] // 2, 2])
    assert value(term, array, term.target(4)) == pytest.approx(expected, rel=1e-5)


def test_neuron_does_not_shrink_with_the_picture():
    array = np.zeros((1, 9, 9, 2), np.float32)
    array[0, 4, 4, 1] = 3.0
    for neuron, expected in ((True, -3.0), (False, -3.0 / 81)):
        term = Channel("a", 1, neuron)
        assert value(term, array, term.target(2)) == pytest.approx(expected, rel=1e-6)


def test_which_channel_is_in_the_target_only():
    # So that one compiled step serves all channels of a layer.
    array = features()
    term = Channel("a", 0)
    for channel in range(4):
        target = Channel("a", channel).target(4)
        assert value(term, array, target) == pytest.approx(-array[..., channel].mean(), rel=1e-5)


@pytest.mark.parametrize("channel", [-1, 4, 1000])
def test_channel_out_of_range(channel):
    with pytest.raises(ValueError) as caught:
        Channel("fire8", channel).target(4)
    assert str(caught.value) == (f"`channel` must be from 0 to 3 in fire8. Received: {channel}")


def test_names():
    assert Channel("a", 3).name == "channel a:3"
    assert Channel("a", 3, neuron=True).name == "neuron a:3"
    assert Channel("a", 3, name="class cat").name == "class cat"
    assert Similarity("a", "l1", "start").name == "l1 a to the start"
    assert Energy().name == "energy" and Energy().layer == "image"


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


# --- Energy


def test_energy_against_numpy():
    array = features(channels=3)
    expected = ((array.astype(np.float64) - MEAN_COLOUR) ** 2).mean()
    assert value(Energy(), array) == pytest.approx(expected, rel=1e-5)
    plain = np.broadcast_to(MEAN_COLOUR, (1, 4, 5, 3)).astype(np.float32)
    assert value(Energy(), plain) == pytest.approx(0, abs=1e-12)


# --- Gradients


TERMS = [
    *(Channel("a", 1), Channel("a", 2, neuron=True), Energy()),
    *(Similarity("a", kind) for kind in SIMILARITIES),
]


@pytest.mark.parametrize("term", TERMS, ids=lambda term: term.name)
def test_gradient_against_finite_differences(term):
    channels = 3 if term.layer == "image" else 4
    array = features(3, 4, channels).astype(np.float64)
    other = tf.constant(features(3, 4, channels, seed=1).astype(np.float64))
    target = target_of(term, other, channels)

    def loss(array):
        # `mean` casts to float32; differences need more.
        statistic = term.statistic(tf.cast(array, tf.float64), *target.guide)
        return term.distance(statistic / (1 if term.summed else 12), *target.value)

    tensor = tf.constant(array)
    with tf.GradientTape() as tape:
        tape.watch(tensor)
        distance = loss(tensor)
    gradient = tf.convert_to_tensor(tape.gradient(distance, tensor)).numpy().ravel()
    steps = 1e-6 * np.eye(array.size).reshape(-1, *array.shape)
    differences = [(float(loss(array + s)) - float(loss(array - s))) / 2e-6 for s in steps]
    assert np.abs(gradient).max() > 0
    np.testing.assert_allclose(gradient, differences, atol=1e-6 * np.abs(gradient).max() + 1e-9)
    # And the whole, as a descent sees it, is the same in float32.
    tensor = tf.constant(array.astype(np.float32))
    with tf.GradientTape() as tape:
        tape.watch(tensor)
        target = target_of(term, tf.cast(other, tf.float32), channels)
        loss = Objective([-3.0 * term])({term.layer: tensor}, [target])[0]
    single = tf.convert_to_tensor(tape.gradient(loss, tensor)).numpy().ravel()
    np.testing.assert_allclose(single, -3 * gradient, atol=1e-5 * np.abs(gradient).max())


@pytest.mark.parametrize(
    "term", [Channel("a", 1), Energy(), *map(Similarity, "aaaa", POSITIONWISE)]
)
def test_statistic_adds_over_tiles(term):
    channels = 3 if term.layer == "image" else 4
    array, other = features(10, 8, channels), features(10, 8, channels, seed=1)

    def statistic(part):
        guide = [tf.constant(other[part])] if isinstance(term, Similarity) else []
        return term.statistic(tf.constant(array[part]), *guide).numpy()

    tiles = [np.s_[:, y : y + 5, x : x + 4] for y in (0, 5) for x in (0, 4)]
    np.testing.assert_allclose(
        sum(map(statistic, tiles)), statistic(np.s_[:]), rtol=1e-4, atol=1e-5
    )


def test_bfloat16_features_are_compared_in_float32():
    array = tf.cast(features(), tf.bfloat16)
    exact = tf.cast(array, tf.float32).numpy()
    other = features(seed=1)
    for term in TERMS:
        if term.layer == "a":
            target = target_of(term, other)
            assert value(term, array, target) == pytest.approx(
                value(term, exact, target), rel=1e-6
            ), term.name
