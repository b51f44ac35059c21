import math

import pytest

from kerasart.applications.style_inputs import _RECOLOUR
from kerasart.backbones.graph_surgery import PADDINGS, POOLINGS
from kerasart.objectives import STYLE_LOSSES
from kerasart.settings.declare import options
from kerasart.settings.style import COLOURS, StyleSettings, parse_steps


def style_settings(**changes):
    return StyleSettings(**{"content_layers": "a", "style_layers": "b:2,c", **changes})


def test_style_settings_read_their_short_forms():
    settings = style_settings(steps="20,10", summed="content,total_variation")
    assert settings.content_layers == {"a": 1.0}
    assert settings.style_layers == {"b": 2.0, "c": 1.0}
    assert settings.steps == (20, 10)
    assert settings.summed == ("content", "total_variation")
    assert style_settings(summed=["content"]).summed == ("content",)
    assert style_settings().summed == ()


@pytest.mark.parametrize(
    ("steps", "parsed"),
    [
        (500, 500),
        ("500", 500),
        ("200,100", (200, 100)),
        (" 200 , 100 ", (200, 100)),
        ([200, 100], (200, 100)),
        ((7,), (7,)),
        (3.0, 3),
    ],
)
def test_steps(steps, parsed):
    got = parse_steps(steps)
    assert got == parsed and type(got) is type(parsed)


@pytest.mark.parametrize(
    "steps", [0, -1, 2.5, "", "many", "10,", "10,0", (), [], [10, 0.5], None, math.nan, math.inf]
)
def test_steps_that_make_no_sense(steps):
    with pytest.raises(ValueError, match="`steps` must be .*such as 200,100,100. Received: "):
        parse_steps(steps)
    with pytest.raises(ValueError, match="`steps` must be "):
        style_settings(steps=steps)


NOT_NEGATIVE = "0 or more"
POSITIVE = "more than 0"
DECAY = "from 0 to less than 1"


@pytest.mark.parametrize(
    ("name", "allowed", "values"),
    [
        ("content_layers", "different layers", ["", {}, {"a": math.nan}]),
        ("style_layers", "different layers", [",", ["a"], "a,a"]),
        ("style_loss", "gram, moments, wasserstein", ["mmd", None]),
        ("content_strength", NOT_NEGATIVE, [-0.1, math.nan, math.inf]),
        ("style_strength", NOT_NEGATIVE, [-1, math.nan, math.inf]),
        ("smoothness", NOT_NEGATIVE, [-1, math.nan, math.inf]),
        ("content_weight", NOT_NEGATIVE, [-1, math.nan, math.inf]),
        ("style_weight", NOT_NEGATIVE, [-1, math.nan, math.inf]),
        ("tv_weight", NOT_NEGATIVE, [-1, math.nan, math.inf]),
        ("summed", "any of content, total_variation", ["style", ("content", "style")]),
        ("tv_beta", POSITIVE, [0, -1, math.nan, math.inf]),
        ("size", "at least 1", [0, -5]),
        ("rows", "at least 1", [0, -5]),
        ("smallest", "at least 1", [0, -5]),
        ("scale_factor", "more than 1", [1, 0.5, math.nan, math.inf]),
        ("learning_rate", POSITIVE, [0, -0.1, math.nan, math.inf]),
        ("beta_1", DECAY, [-0.1, 1, math.nan]),
        ("beta_2", DECAY, [-0.1, 1, math.nan]),
        ("epsilon", POSITIVE, [0, math.nan, math.inf]),
        ("decay", POSITIVE, [0, math.nan, math.inf]),
        ("average", DECAY, [-0.1, 1, math.nan]),
        ("init", "content, noise", ["style"]),
        ("pooling", "max, average", ["mean"]),
        ("padding", "zeros, replicate", ["reflect"]),
        ("style_size", POSITIVE, [0, math.nan, math.inf]),
        ("interpolation", "lanczos, area, bilinear, nearest", ["cubic"]),
        ("preserve_color", "none, luminance, histogram, coral", ["yes"]),
    ],
)
def test_style_settings_that_make_no_sense(name, allowed, values):
    for value in values:
        with pytest.raises(ValueError) as caught:
            style_settings(**{name: value})
        message = str(caught.value)
        assert message.startswith(f"`{name}` must be {allowed}"), value
        assert "Received: " in message


def test_rows_are_instead_of_a_size():
    words = "`rows` must be left out where `size` is given. Received: 40"
    with pytest.raises(ValueError, match=words):
        StyleSettings({"a": 1}, {"a": 1}, size=64, rows=40)


@pytest.mark.parametrize("name", ["size", "rows", "smallest"])
def test_half_a_pixel_is_refused(name):
    with pytest.raises(ValueError, match=f"`{name}`"):
        style_settings(**{name: 33.5})


def test_choices_are_those_of_what_they_choose():
    choices = {each.name: declared.choices for each, declared in options(StyleSettings)}
    assert choices["style_loss"] == tuple(STYLE_LOSSES)
    assert choices["pooling"] == POOLINGS
    assert set(choices["padding"]) < set(PADDINGS)
    assert choices["preserve_color"] == COLOURS == ("none", *_RECOLOUR)


def test_all_that_a_style_transfer_can_do_is_allowed():
    for name, values in {
        "style_loss": ["gram", "moments", "wasserstein"],
        "init": ["content", "noise"],
        "pooling": ["max", "average"],
        "padding": ["zeros", "replicate"],
        "interpolation": ["lanczos", "area", "bilinear", "nearest"],
        "preserve_color": ["none", "luminance", "histogram", "coral"],
        "content_strength": [0, 2.5],
        "content_weight": [None, 0, 1e9],
        "beta_1": [0.0, 0.999],
        "average": [0, 0.99],
        "size": [None, 1, 4096],
    }.items():
        for value in values:
            assert getattr(style_settings(**{name: value}), name) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("size", "64"),
        ("size", 10**20),
        ("steps", [3, "x"]),
        ("steps", 10**20),
        ("summed", 5),
        ("summed", [["content"]]),
        ("tv_isotropic", 1.0),
        ("style_strength", 1e300),
        ("beta_1", None),
        ("optimizer", 7),
        ("style_layers", ["fire3"]),
        ("pooling", {}),
    ],
)
def test_a_style_setting_of_another_type_is_refused(name, value):
    with pytest.raises(ValueError, match=f"^`{name}` must be .* Received: "):
        StyleSettings(**{"content_layers": {"a": 1.0}, "style_layers": {"a": 1.0}, name: value})
