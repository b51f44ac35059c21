import pytest

from kerasart.objectives import SIMILARITIES, dream_objective
from kerasart.settings.dream import DreamSettings


@pytest.fixture(scope="module")
def wanted(squeezenet):
    """Builds what a dream of some settings wants."""

    def wanted(**settings):
        return dream_objective(DreamSettings(**settings), squeezenet)

    return wanted


def described(objective):
    return [(type(t).__name__, t.layer, t.name, t.weight) for t in objective.terms]


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
