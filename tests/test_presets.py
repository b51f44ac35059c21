import math

import pytest

from kerasart.backbones import load_backbone
from kerasart.presets import find_preset, load_presets, preset_settings
from kerasart.presets.dream_settings import DreamSettings, parse_layers, parse_octaves
from kerasart.presets.style_settings import StyleSettings, parse_steps

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


# --- Settings of style transfer


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
        ("interpolation", "area, bilinear, nearest", ["lanczos"]),
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


@pytest.mark.parametrize("name", ["size", "rows", "smallest"])
def test_half_a_pixel_is_refused(name):
    with pytest.raises(ValueError, match=f"`{name}`"):
        style_settings(**{name: 33.5})


def test_all_that_a_style_transfer_can_do_is_allowed():
    for name, values in {
        "style_loss": ["gram", "moments", "wasserstein"],
        "init": ["content", "noise"],
        "pooling": ["max", "average"],
        "padding": ["zeros", "replicate"],
        "interpolation": ["area", "bilinear", "nearest"],
        "preserve_color": ["none", "luminance", "histogram", "coral"],
        "content_strength": [0, 2.5],
        "content_weight": [None, 0, 1e9],
        "beta_1": [0.0, 0.999],
        "average": [0, 0.99],
        "size": [None, 1, 4096],
    }.items():
        for value in values:
            assert getattr(style_settings(**{name: value}), name) == value


# --- Presets of style transfer


STYLE_PRESETS = load_presets("style_transfer")
VGG_PRESETS = [name for name in STYLE_PRESETS if name != "inception"]


@pytest.fixture(scope="module")
def vgg19():
    return load_backbone("vgg19", "random")


def layers_of(name, backbone):
    """The layers that a preset looks at on a network; its settings are read on the way."""
    settings = StyleSettings(**preset_settings(STYLE_PRESETS[name], backbone.name))
    return list(settings.content_layers | settings.style_layers)


def test_style_presets_say_what_they_are():
    expected = {"best", "neural_style", "keras_example", "tensorflow_tutorial", "crowson"}
    assert expected | {"inception"} <= set(STYLE_PRESETS) and list(STYLE_PRESETS)[0] == "best"
    for preset in STYLE_PRESETS.values():
        assert preset["description"].endswith(".") and preset["source"].endswith(".")


@pytest.mark.parametrize("name", VGG_PRESETS)
def test_style_presets_on_vgg(name, vgg16, vgg19):
    for backbone in (vgg16, vgg19):
        layers = layers_of(name, backbone)
        assert len(layers) == 6
        # All there, and reached by a picture as small as the settings would make it.
        assert backbone.cut(layers).least_size() <= 64


@pytest.mark.parametrize(
    "name", [n for n in STYLE_PRESETS if "squeezenet" in STYLE_PRESETS[n].get("backbones", {})]
)
def test_style_presets_on_squeezenet(name, squeezenet):
    assert squeezenet.cut(layers_of(name, squeezenet)).least_size() <= 64


def test_style_preset_on_inception(inception):
    assert STYLE_PRESETS["inception"]["backbone"] == inception.name
    assert inception.cut(layers_of("inception", inception)).least_size() <= 96


def test_published_style_presets_have_raw_weights_and_ours_are_balanced():
    for name, preset in STYLE_PRESETS.items():
        settings = StyleSettings(**preset_settings(preset, "vgg19") | {"content_layers": "a"})
        weights = settings.content_weight, settings.style_weight, settings.tv_weight
        is_ours = preset["source"].startswith("Ours")
        assert all((weight is None) == is_ours for weight in weights), name


def test_neural_styles_weights_are_those_of_its_command_line():
    # Johnson divides Gram matrices by the channels as well as by the positions, and takes the mean
    # of the squared differences: ours over channels^2.
    settings = StyleSettings(**preset_settings(STYLE_PRESETS["neural_style"], "vgg19"))
    channels = {"block1": 64, "block2": 128, "block3": 256, "block4": 512, "block5": 512}
    for layer, share in settings.style_layers.items():
        assert share == pytest.approx(channels[layer.split("_")[0]] ** -2, rel=1e-6)
    assert (settings.content_weight, settings.style_weight) == (5.0, 100.0)
