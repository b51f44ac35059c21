import math

import pytest

from kerasart.presets import find_preset, load_presets, preset_settings
from kerasart.presets.dream_settings import DreamSettings, parse_layers, parse_octaves

# --- Layers


@pytest.mark.parametrize(
    ("layers", "parsed"),
    [
        ("mixed4", {"mixed4": 1.0}),
        ("mixed4:0.5", {"mixed4": 0.5}),
        ("mixed4:1.0,mixed5:1.5", {"mixed4": 1.0, "mixed5": 1.5}),
        (" mixed4 : 2 , mixed5 ", {"mixed4": 2.0, "mixed5": 1.0}),
        ("mixed4:-1e-2", {"mixed4": -0.01}),
        ({"mixed4": 2}, {"mixed4": 2.0}),
    ],
)
def test_layers(layers, parsed):
    got = parse_layers(layers)
    assert got == parsed
    assert {type(value) for value in got.values()} == {float}


@pytest.mark.parametrize(
    "layers",
    [
        "",
        ",",
        ":1",
        "mixed4:",
        "mixed4:one",
        "mixed4:1:2",
        "mixed4,,mixed5",
        "mixed4:nan",
        "mixed4:inf",
        {},
        {"mixed4": math.nan},
        {"mixed4": None},
        {"": 1.0},
        ["mixed4"],
        7,
    ],
)
def test_layers_that_make_no_sense(layers):
    with pytest.raises(ValueError, match="`layers` must be .*mixed4:1.0,mixed5:1.5. Received: "):
        parse_layers(layers)


def test_a_layer_given_twice_is_refused():
    # Silently keeping one of the two would ignore what the user wrote.
    with pytest.raises(ValueError, match="`layers`"):
        parse_layers("mixed4:1,mixed4:2")


# --- Octaves


@pytest.mark.parametrize(
    ("octaves", "parsed"),
    [
        (3, (-2, 0)),
        (1, (0, 0)),
        ("3", (-2, 0)),
        ("-2:2", (-2, 2)),
        ("-1:0", (-1, 0)),
        ("1:1", (1, 1)),
        ((-2, 2), (-2, 2)),
        ([-4, 0], (-4, 0)),
    ],
)
def test_octaves(octaves, parsed):
    assert parse_octaves(octaves) == parsed


@pytest.mark.parametrize("octaves", [0, -1, "0", "", "three", "2:1", "1:", "1:2:3", (1, 0), (1,)])
def test_octaves_that_make_no_sense(octaves):
    with pytest.raises(ValueError, match="`octaves` must be .*-2:2. Received: "):
        parse_octaves(octaves)


@pytest.mark.parametrize("octaves", [2.5, (-2.5, 0)])
def test_half_an_octave_is_refused(octaves):
    with pytest.raises(ValueError, match="`octaves`"):
        parse_octaves(octaves)


# --- Single settings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("activation", "cubed"),
        ("detail", "during"),
        ("norm", "max"),
        ("steps", 0),
        ("border", -1),
        ("jitter", -1),
        ("smoothness", -0.1),
        ("smoothness", math.nan),
        ("smoothness", math.inf),
        ("step_size", math.nan),
        ("step_size", math.inf),
        ("octave_scale", 1.0),
        ("octave_scale", math.nan),
        ("max_loss", math.nan),
    ],
)
def test_settings_that_make_no_sense(name, value):
    with pytest.raises(ValueError, match=f"`{name}` must be .*Received: {value!r}"):
        DreamSettings(layers="mixed4", **{name: value})


def test_settings_read_their_short_forms():
    settings = DreamSettings(layers="mixed4:2", octaves="-1:1")
    assert settings.layers == {"mixed4": 2.0}
    assert settings.octaves == (-1, 1)


# --- Presets


def test_find_preset():
    assert find_preset("deep_dream", "animals") == load_presets("deep_dream")["animals"]


def test_unknown_preset_names_all_and_the_nearest():
    with pytest.raises(ValueError) as caught:
        find_preset("deep_dream", "animal")
    message = str(caught.value)
    assert all(name in message for name in load_presets("deep_dream"))
    assert "Nearest: animals." in message and message.endswith("Received: 'animal'")
    with pytest.raises(ValueError, match="`preset`") as caught:
        find_preset("deep_dream", "zzz")
    assert "Nearest" not in str(caught.value)


def test_a_networks_settings_override_those_for_all():
    preset = {"settings": {"steps": 10, "border": 2}, "backbones": {"vgg16": {"steps": 5}}}
    assert preset_settings(preset, "vgg16") == {"steps": 5, "border": 2}
    assert preset_settings(preset, "resnet50") == {"steps": 10, "border": 2}
    assert preset_settings({"settings": {"steps": 3}}, "vgg16") == {"steps": 3}
    assert preset["settings"] == {"steps": 10, "border": 2}
