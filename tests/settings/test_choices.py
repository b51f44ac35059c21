import pytest

from kerasart.objectives import Activation, Channel, TotalVariation
from kerasart.settings.choices import (
    choose_dream_network,
    choose_dream_settings,
    choose_fast_style_settings,
    choose_network,
    choose_style_settings,
)
from kerasart.settings.presets import load_presets

NETWORK = {"backbone": "vgg19"}
WEIGHED = {"backbone": "vgg16", "weights": "imagenet"}


@pytest.mark.parametrize(
    ("preset", "asked", "chosen"),
    [
        ({}, ("auto", "auto"), ("auto", "auto")),
        ({}, ("vgg19", "random"), ("vgg19", "random")),
        (NETWORK, ("auto", "auto"), ("vgg19", "auto")),
        (NETWORK, ("auto", "random"), ("vgg19", "random")),
        (NETWORK, ("vgg16", "auto"), ("vgg16", "auto")),
        (WEIGHED, ("auto", "auto"), ("vgg16", "imagenet")),
        (WEIGHED, ("vgg16", "auto"), ("vgg16", "imagenet")),
        (WEIGHED, ("auto", "bundled"), ("vgg16", "bundled")),
        # Its weights are another network's.
        (WEIGHED, ("squeezenet", "auto"), ("squeezenet", "auto")),
    ],
)
def test_a_preset_brings_its_network_and_weights_unless_others_are_given(preset, asked, chosen):
    assert choose_network(preset, *asked) == chosen


def test_a_network_has_a_name():
    with pytest.raises(ValueError, match="`backbone` must be auto, a network's .* Received: None"):
        choose_network({}, None, "auto")


@pytest.mark.parametrize(
    ("own", "layers", "chosen"),
    [
        ("vgg16", ["mixed4", "activation_33"], "inception_v3"),
        ("vgg16", ["block5_conv3"], "vgg16"),
        ("vgg19", ["block5_conv3"], "vgg19"),
        ("inception_v3", ["block5_conv3"], "vgg16"),
        ("vgg16", ["fire8", "conv10"], "squeezenet"),
        ("auto", ["mixed3"], "inception_v3"),
        # Of no bundled network, or of several: the preset's refuses them by name.
        ("vgg16", ["conv4_block1_out"], "vgg16"),
        ("vgg16", ["mixed4", "fire8"], "vgg16"),
    ],
)
def test_layers_that_are_named_choose_the_network(own, layers, chosen):
    preset = {"backbone": own, "weights": "imagenet"}
    weights = "imagenet" if chosen == own else "auto"
    assert choose_network(preset, "auto", "auto", layers) == (chosen, weights)
    assert choose_network(preset, "resnet50", "auto", layers) == ("resnet50", "auto")


@pytest.mark.parametrize(
    ("given", "chosen"),
    [
        ({}, "vgg16"),
        ({"layers": "mixed4:1.0,mixed5"}, "inception_v3"),
        ({"channel": {"fire8:37": 1.0}}, "squeezenet"),
        ({"class_name": "goldfish"}, "auto"),
    ],
)
def test_what_a_dream_is_of_chooses_the_network(given, chosen):
    assert choose_dream_network({"backbone": "vgg16"}, "auto", "auto", given) == (chosen, "auto")


@pytest.mark.parametrize(
    ("objective", "chosen"),
    [
        (Activation("mixed4"), "inception_v3"),
        (Channel("fire8", 37) + TotalVariation(), "squeezenet"),
        (TotalVariation(), "vgg16"),
    ],
)
def test_an_objective_of_ones_own_chooses_the_network(objective, chosen):
    recipe, given = {"backbone": "vgg16"}, {"class_name": "goldfish"}  # It comes first.
    found = choose_dream_network(recipe, "auto", "auto", given, objective)
    assert found == (chosen, "auto")


@pytest.mark.parametrize("network", ["vgg16", "squeezenet", "inception_v3"])
def test_layers_of_the_bundled_networks_are_known_by_name(network):
    layers = [
        layer
        for preset in load_presets("deep_dream").values()
        for layer in preset.get("backbones", {}).get(network, {}).get("layers", {})
    ]
    assert layers
    assert choose_network({}, "auto", "auto", layers)[0] == network


def test_what_can_be_checked_without_the_network_is_checked():
    for choose, name in [
        (choose_dream_settings, "vgg16"),
        (choose_dream_settings, "auto"),
        (choose_style_settings, "vgg16"),
        (choose_style_settings, "resnet50"),
    ]:
        assert choose({"settings": {"steps": 3}}, name, {}).steps == 3
        with pytest.raises(ValueError, match="`steps` must be "):
            choose({"settings": {}}, name, {"steps": 0})
        with pytest.raises(TypeError, match="settings are .*Received: 'step'"):
            choose({"settings": {}}, name, {"step": 3})
    assert choose_style_settings({"settings": {"size": 640}}, "vgg16", {}).size == 640
    with pytest.raises(ValueError, match="`guide` must be given .*Received: none"):
        choose_dream_settings({"settings": {"similarity": "match"}}, "vgg16", {})


def test_a_training_needs_layers():
    preset = {"settings": {"style_layers": "a"}}
    assert choose_fast_style_settings(preset, "vgg16", {"content_layers": "b"}).steps == 4000
    with pytest.raises(
        ValueError, match="`content_layers` must be given for vgg16, which .*: None"
    ):
        choose_fast_style_settings(preset, "vgg16", {})
