import numpy as np
import pytest

from kerasart.image.arrays import fit_size
from kerasart.image.resizing import fill_size
from kerasart.objectives import SIMILARITIES, Objective, Similarity, dream_objective
from kerasart.optimization import Evaluator, dream_targets
from kerasart.settings.dream import DreamSettings


@pytest.fixture(scope="module")
def wanted(squeezenet):
    """Builds what a dream of some settings wants."""

    def wanted(**settings):
        return dream_objective(DreamSettings(**settings), squeezenet)

    return wanted


def described(objective):
    return [(type(t).__name__, t.layer, t.name, t.weight) for t in objective.terms]


# --- What is wanted


def test_layers(wanted):
    objective = wanted(layers="fire2:2,fire3:-1", activation="mean", border=1)
    assert described(objective) == [
        ("Activation", "fire2", "fire2", 2.0),
        ("Activation", "fire3", "fire3", -1.0),
    ]
    assert {(term.power, term.border) for term in objective.terms} == {(1, 1)}
    assert wanted(layers="fire2").terms[0].power == 2


@pytest.mark.parametrize("neuron", [False, True])
def test_channels(wanted, neuron):
    objective = wanted(channel="fire8:3,fire8:7:-0.5,fire3:0:2", neuron=neuron)
    kind = "neuron" if neuron else "channel"
    assert described(objective) == [
        ("Channel", "fire8", f"{kind} fire8:3", 1.0),
        ("Channel", "fire8", f"{kind} fire8:7", -0.5),
        ("Channel", "fire3", f"{kind} fire3:0", 2.0),
    ]
    assert objective.layers == ("fire8", "fire3")
    assert [(term.channel, term.neuron) for term in objective.terms] == [
        (3, neuron),
        (7, neuron),
        (0, neuron),
    ]


@pytest.mark.parametrize("name", ["jellyfish", "107", 107, "Jelly"])
def test_a_class_is_a_channel_before_the_last_relu(wanted, name):
    # Behind the ReLU a class that is nowhere seen would have no gradient.
    objective = wanted(class_name=name)
    assert described(objective) == [("Channel", "conv10", "class jellyfish", 1.0)]
    assert objective.terms[0].channel == 107 and not objective.terms[0].neuron


def test_class_zero(wanted):
    assert described(wanted(class_name="0"))[0][2] == "class tench"
    assert wanted(class_name=0).terms[0].channel == 0


def test_a_class_needs_a_head(vgg16):
    with pytest.raises(ValueError, match="`class` needs .*head.*Received: vgg16 without"):
        dream_objective(DreamSettings(class_name="jellyfish"), vgg16)


def test_unknown_and_ambiguous_classes_are_refused(wanted):
    with pytest.raises(ValueError, match="`class` must .*these match: 281: .*Received: 'cat'"):
        wanted(class_name="cat")
    with pytest.raises(ValueError, match="`class` must .*nearest: 107: .*Received: 'jelyfish'"):
        wanted(class_name="jelyfish")


@pytest.mark.parametrize("kind", SIMILARITIES)
@pytest.mark.parametrize("reference", ["guide", "start"])
def test_similarities(wanted, kind, reference):
    objective = wanted(layers="fire3:-2", similarity=kind, reference=reference)
    name = f"{kind} fire3 to the {reference}"
    assert described(objective) == [("Similarity", "fire3", name, -2.0)]
    assert (objective.terms[0].kind, objective.terms[0].other) == (kind, reference)


def test_what_holds_it_back(wanted):
    objective = wanted(
        layers="fire3",
        channel="fire3:1",
        class_name="jellyfish",
        pixel_loss="l1",
        pixel_weight=-3,
        pixel_reference="guide",
        smoothness=0.5,
        tv_beta=2.5,
        tv_isotropic=True,
        energy=7,
    )
    assert described(objective) == [
        ("Activation", "fire3", "fire3", 1.0),
        ("Channel", "fire3", "channel fire3:1", 1.0),
        ("Channel", "conv10", "class jellyfish", 1.0),
        ("Similarity", "image", "l1 image to the guide", -3.0),
        ("TotalVariation", "image", "total_variation", 0.5),
        ("Energy", "image", "energy", 7.0),
    ]
    assert objective.layers == ("fire3", "conv10", "image")
    assert (objective.terms[4].beta, objective.terms[4].isotropic) == (2.5, True)


def test_names_are_distinct_where_much_is_wanted_of_one_layer(wanted):
    objective = wanted(
        layers="conv10",
        channel="conv10:107,conv10:108",
        class_name="jellyfish",
        similarity="l2",
        pixel_loss="l2",
    )
    assert len(set(objective.names)) == 5


def test_weights_of_nothing_are_left_out(wanted):
    assert wanted(layers="fire3", smoothness=0, energy=0).names == ("fire3",)


# --- What it is compared with


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
    # A layer of the network itself must be looked at too.
    terms = [Similarity("image", "l2"), Similarity("fire2", "match", "start")]
    pixels, _ = compared(squeezenet, terms, start, guide)
    np.testing.assert_allclose(pixels.guide[0], fill_size(guide, (48, 64)), atol=1e-6)


def test_channels_and_others(wanted, squeezenet, start):
    objective = wanted(layers="fire3", channel="fire8:511", class_name="1", smoothness=1, energy=1)
    targets = dream_targets(Evaluator(squeezenet.cut(objective.layers), objective), start)
    assert [target.guide for target in targets] == [()] * 5
    values = [tuple(map(int, target.value)) for target in targets]
    assert values == [(), (511,), (1,), (), ()]


@pytest.mark.parametrize(("layer", "count"), [("fire3", 128), ("conv10", 1000)])
def test_channel_that_is_not_there(wanted, squeezenet, start, layer, count):
    objective = wanted(channel=f"{layer}:{count}")
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
