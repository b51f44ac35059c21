import math

import pytest

from kerasart.objectives import SIMILARITIES, Similarity
from kerasart.optimization.optimizers import NORMS
from kerasart.settings.declare import options
from kerasart.settings.dream import (
    DreamSettings,
    parse_channels,
    parse_octaves,
    read_recorded,
)

CHOICES = {each.name: declared.choices for each, declared in options(DreamSettings)}
CHOICES = {name: choices for name, choices in CHOICES.items() if choices}

# --- Channels


@pytest.mark.parametrize(
    ("channels", "parsed"),
    [
        ("mixed4:3", {"mixed4:3": 1.0}),
        ("mixed4:3:-0.5", {"mixed4:3": -0.5}),
        ("mixed4:3,mixed4:7:2,mixed5:3", {"mixed4:3": 1.0, "mixed4:7": 2.0, "mixed5:3": 1.0}),
        (" mixed4 : 3 : 2 , mixed5:0 ", {"mixed4:3": 2.0, "mixed5:0": 1.0}),
        ("mixed4:007", {"mixed4:7": 1.0}),
        ({"mixed4:3": 2}, {"mixed4:3": 2.0}),
        ({}, {}),
    ],
)
def test_channels(channels, parsed):
    got = parse_channels(channels)
    assert got == parsed and list(got) == list(parsed)
    assert {type(value) for value in got.values()} <= {float}
    assert parse_channels(got) == got


@pytest.mark.parametrize(
    "channels",
    [
        "",
        "mixed4",
        "mixed4:",
        ":3",
        " :3",
        "mixed4:three",
        "mixed4:-1",
        "mixed4:1.5",
        "mixed4:3:",
        "mixed4:3:nan",
        "mixed4:3:inf",
        "mixed4:3:1:2",
        "mixed4:3,",
        "mixed4:3,mixed4:3",
        "mixed4:3,mixed4:03",
        {"mixed4": 1.0},
        {"mixed4:3": None},
        {"mixed4:3": math.nan},
        {7: 1.0},
        ["mixed4:3"],
        7,
        None,
    ],
)
def test_channels_that_make_no_sense(channels):
    with pytest.raises(ValueError) as caught:
        parse_channels(channels)
    message = str(caught.value)
    assert message.startswith("`channel` must be ") and "block5_conv3:37" in message
    assert message.endswith(f"Received: {channels!r}")


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
        ("similarity", "l3"),
        ("similarity", "none"),
        ("reference", "photo"),
        ("pixel_loss", "dot"),
        ("pixel_reference", None),
        ("pixel_weight", math.nan),
        ("pixel_weight", -math.inf),
        ("init", "photograph"),
        ("parameterization", "wavelets"),
        ("optimizer", "sgd"),
        ("optimizer", None),
        ("tv_weight", -0.1),
        ("tv_weight", math.inf),
        ("energy_weight", math.nan),
        ("energy", -1.0),
        ("energy", math.nan),
        ("tv_beta", 0.0),
        ("floor", 0.0),
        ("blur", -0.5),
        ("blur", math.inf),
        ("blur", 1e6),  # Whose kernel ended the process.
        ("pyramid", -1),
        ("pyramid", 17),
        ("pad", 10**6),
        ("init_noise", -0.1),
        ("init_noise", math.nan),
        ("pad", -1),
        ("final_jitter", -1),
        ("scaling", -0.1),
        ("scaling", 1.0),
        ("rotation", -1.0),
        ("rotation", 181.0),
    ],
)
def test_settings_that_make_no_sense(name, value):
    with pytest.raises(ValueError, match=f"`{name}` must be .*Received: {value!r}$"):
        DreamSettings(layers="mixed4", **{name: value})


def test_all_that_a_dream_can_do_is_allowed():
    for name, values in {
        **CHOICES,
        "similarity": [None, *CHOICES["similarity"]],
        "pixel_loss": [None, *CHOICES["pixel_loss"]],
        "pixel_weight": [-1e6, 0, 2.5],
        "max_loss": [None, -math.inf, math.inf, 15.0],
        "scaling": [0, 0.99],
        "rotation": [0, 180],
        "class_name": [None, "jellyfish", 107],
        "neuron": [False, True],
    }.items():
        for value in values:
            assert getattr(DreamSettings(layers="mixed4", **{name: value}), name) == value


def test_choices_are_those_of_what_they_choose():
    assert CHOICES["similarity"] == SIMILARITIES
    assert set(CHOICES["pixel_loss"]) <= set(SIMILARITIES)
    assert CHOICES["reference"] == CHOICES["pixel_reference"] == ("guide", "start")
    assert CHOICES["norm"] == NORMS
    for kind in SIMILARITIES:
        assert Similarity("a", kind).kind == kind


def test_something_must_be_wanted():
    with pytest.raises(ValueError, match="`layers` must be "):
        DreamSettings()
    with pytest.raises(ValueError, match="`layers` must be "):
        DreamSettings(similarity="dot")
    assert DreamSettings(channel="mixed4:3").layers == {}
    assert DreamSettings(class_name="0").layers == {}
    assert DreamSettings(class_name=0).layers == {}  # A number is a class too.
    assert DreamSettings(layers="mixed4", channel="mixed4:3").channel == {"mixed4:3": 1.0}


@pytest.mark.parametrize(
    ("settings", "needs"),
    [
        ({}, False),
        ({"similarity": "dot"}, True),
        ({"similarity": "dot", "reference": "start"}, False),
        ({"reference": "guide"}, False),  # Of nothing.
        ({"pixel_loss": "l2"}, False),
        ({"pixel_loss": "l2", "pixel_reference": "guide"}, True),
        ({"similarity": "l1", "reference": "start", "pixel_loss": "l1"}, False),
    ],
)
def test_needs_guide(settings, needs):
    assert DreamSettings(layers="mixed4", **settings).needs_guide is needs


def test_positions_that_padding_moves_cannot_be_compared():
    for kind in SIMILARITIES:
        settings = {"layers": "mixed4", "similarity": kind, "pad": 8}
        if kind == "match":
            assert DreamSettings(**settings).pad == 8
        else:
            with pytest.raises(ValueError, match="`pad` must be 0 where .*Received: 8$"):
                DreamSettings(**settings)
    # Nor are there any where no layer is compared.
    assert DreamSettings(channel="mixed4:3", similarity="l2", pad=8).pad == 8


@pytest.mark.parametrize("shape", [{"blur": 1.0}, {"pyramid": 3}])
def test_coefficients_have_no_neighbours_to_shape_a_gradient_by(shape):
    with pytest.raises(ValueError, match="`parameterization` must be pixels .*'fourier'$"):
        DreamSettings(layers="mixed4", parameterization="fourier", **shape)
    assert DreamSettings(layers="mixed4", **shape).parameterization == "pixels"


@pytest.mark.parametrize(
    ("strength", "raw"), [("smoothness", "tv_weight"), ("energy", "energy_weight")]
)
def test_a_strength_and_a_raw_weight_at_once_are_refused(strength, raw):
    with pytest.raises(ValueError, match=f"`{raw}` must be 0 where {strength} is more.*: 5.0$"):
        DreamSettings(layers="mixed4", **{strength: 0.5, raw: 5.0})
    assert getattr(DreamSettings(layers="mixed4", **{strength: 0, raw: 5.0}), raw) == 5.0


def test_lbfgs_needs_a_loss_that_stays():
    with pytest.raises(ValueError, match="`smoothness` must be 0 for lbfgs.*tv_weight.*: 0.5$"):
        DreamSettings(layers="mixed4", optimizer="lbfgs", smoothness=0.5)
    DreamSettings(layers="mixed4", optimizer="lbfgs", tv_weight=0.5, energy_weight=2.0)


def test_records_of_the_first_version_have_raw_weights():
    old = {"layers": {"a": 1.0}, "smoothness": 1e6, "energy": 0.0, "seed": 3}
    now = {"layers": {"a": 1.0}, "tv_weight": 1e6, "energy_weight": 0.0, "seed": 3}
    assert read_recorded(old) == now == read_recorded(now)
    new = {"smoothness": 0.5, "tv_weight": 0.0, "energy": 0.1, "energy_weight": 0.0}
    assert read_recorded(new) == new
    assert read_recorded({}) == {}


def test_settings_read_their_short_forms():
    settings = DreamSettings(layers="mixed4:2", octaves="-1:1")
    assert settings.layers == {"mixed4": 2.0}
    assert settings.octaves == (-1, 1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("steps", "3"),
        ("steps", 2.5),
        ("steps", True),
        ("steps", 10**20),
        ("jitter", None),
        ("smoothness", [1]),
        ("smoothness", 1e300),
        ("rotation", {}),
        ("clip", "yes"),
        ("neuron", 0),
        ("class_name", ["cat"]),
        ("activation", ["mean"]),
        ("octaves", math.inf),
        ("octaves", [1, {}]),
        ("channel", {"fire3:1": 1e300}),
        ("layers", {"fire3": 10**400}),
        ("max_loss", "much"),
    ],
)
def test_a_dream_setting_of_another_type_is_refused(name, value):
    with pytest.raises(ValueError, match=f"^`{name}` must be .* Received: "):
        DreamSettings(**{"layers": {"fire3": 1.0}, name: value})
