import math

import pytest

from kerasart.backbones import load_backbone
from kerasart.objectives import SIMILARITIES, Activation, Channel, Similarity, TotalVariation
from kerasart.optimization.optimizers import NORMS
from kerasart.settings.checks import check_seed
from kerasart.settings.dream import (
    CHOICES,
    SETTING_NAMES,
    DreamSettings,
    parse_channels,
    parse_layers,
    parse_octaves,
    read_recorded,
)
from kerasart.settings.dream_choice import choose_dream_network
from kerasart.settings.presets import choose_network, find_preset, load_presets, preset_settings
from kerasart.settings.style import StyleSettings, parse_steps

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
        ("pyramid", -1),
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
    assert CHOICES["similarity"] == (None, *SIMILARITIES)
    assert set(CHOICES["pixel_loss"]) - {None} <= set(SIMILARITIES)
    assert CHOICES["reference"] == CHOICES["pixel_reference"] == ("guide", "start")
    assert CHOICES["norm"] == NORMS
    assert set(CHOICES) <= set(SETTING_NAMES)
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


# --- Presets


def test_find_preset():
    assert find_preset("deep_dream", "animals") == load_presets("deep_dream")["animals"]


@pytest.mark.parametrize("application", ["deep_dream", "style_transfer", "fast_style"])
def test_presets_say_what_they_are(application):
    presets = load_presets(application)
    for preset in presets.values():
        required = {"description", "source", "settings"}
        assert required <= set(preset) <= required | {"backbone", "weights", "backbones"}
        assert preset["description"].endswith(".") and preset["source"].endswith(".")
    descriptions = {preset["description"] for preset in presets.values()}
    assert len(descriptions) == len(presets)


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


DREAM_PRESETS = load_presets("deep_dream")


@pytest.mark.parametrize("name", DREAM_PRESETS)
def test_a_presets_settings_are_settings_on_each_of_its_networks(name):
    preset = DREAM_PRESETS[name]
    # A preset that is the same for all networks names none.
    for network in {*preset.get("backbones", {}), preset.get("backbone") or "squeezenet"}:
        given = preset_settings(preset, network)
        assert set(given) <= set(SETTING_NAMES)
        settings = DreamSettings(**given)
        assert settings.needs_guide == (name == "guided")
        for setting, value in given.items():
            if setting not in ("layers", "channel", "octaves"):
                assert getattr(settings, setting) == value


@pytest.mark.parametrize("name", DREAM_PRESETS)
def test_presets_name_what_the_bundled_networks_have(name, squeezenet, vgg16, bundled_inception):
    for backbone in (squeezenet, vgg16, bundled_inception):
        given = DREAM_PRESETS[name].get("backbones", {}).get(backbone.name)
        if given is None:
            continue
        settings = DreamSettings(**DREAM_PRESETS[name]["settings"] | given)
        assert set(settings.layers) <= set(backbone.geometry)
        for channel in settings.channel:
            layer, _, number = channel.partition(":")
            assert int(number) < backbone.geometry[layer].channels


@pytest.mark.parametrize(
    "name", ["guided", "class", "channel", "away", "natural", "visualization", "zoom", "lucid"]
)
def test_the_promised_presets_of_dreams_are_there(name):
    preset = DREAM_PRESETS[name]
    assert preset["description"].endswith(".") and preset["source"].endswith(".")


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


def test_the_promised_presets_of_style_transfer_are_there():
    expected = {"best", "neural_style", "keras_example", "tensorflow_tutorial", "crowson"}
    assert expected | {"inception"} <= set(STYLE_PRESETS) and list(STYLE_PRESETS)[0] == "best"


@pytest.mark.usefixtures("plain_convolutions")
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


@pytest.mark.parametrize("seed", [-1, 2**31, 1.5, "3", None, math.nan])
def test_a_seed_that_tensorflow_does_not_know_is_refused(seed):
    with pytest.raises(ValueError, match="`seed` must be a whole number from 0 to 2147483647"):
        check_seed(seed)
