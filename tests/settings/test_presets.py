import json
from pathlib import Path

import pytest

from kerasart.backbones import load_backbone
from kerasart.settings.declare import names_of
from kerasart.settings.dream import DreamSettings
from kerasart.settings.presets import find_preset, load_presets, merge, preset_name, preset_settings
from kerasart.settings.style import StyleSettings


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


@pytest.mark.parametrize("application", ["gan", None, []])
def test_presets_of_no_application(application):
    with pytest.raises(ValueError, match="`application` must be one of .* Received: "):
        load_presets(application)


def test_unknown_preset_names_all_and_the_nearest():
    with pytest.raises(ValueError) as caught:
        find_preset("deep_dream", "animal")
    message = str(caught.value)
    assert all(name in message for name in load_presets("deep_dream"))
    assert "Nearest: animals." in message and message.endswith("Received: 'animal'")
    with pytest.raises(ValueError, match="`preset`") as caught:
        find_preset("deep_dream", "zzz")
    assert "Nearest" not in str(caught.value)


@pytest.mark.parametrize("preset", [3, [], True, b"animals", ""])
def test_what_names_no_preset_is_refused(preset):
    with pytest.raises(ValueError, match="`preset` must be .* Received: "):
        find_preset("deep_dream", preset)


def test_a_networks_settings_override_those_for_all():
    preset = {"settings": {"steps": 10, "border": 2}, "backbones": {"vgg16": {"steps": 5}}}
    assert preset_settings(preset, "vgg16") == {"steps": 5, "border": 2}
    assert preset_settings(preset, "VGG16") == preset_settings(preset, "vgg_16")
    assert preset_settings(preset, "VGG16")["steps"] == 5
    assert preset_settings(preset, "resnet50") == {"steps": 10, "border": 2}
    assert preset_settings({"settings": {"steps": 3}}, "vgg16") == {"steps": 3}
    assert preset["settings"] == {"steps": 10, "border": 2}


DREAM_PRESETS = load_presets("deep_dream")


@pytest.mark.parametrize("name", DREAM_PRESETS)
def test_a_presets_settings_are_settings_on_each_of_its_networks(name):
    preset = DREAM_PRESETS[name]
    # A preset that is the same for all networks names none.
    for network in {*preset.get("backbones", {}), preset.get("backbone") or "squeezenet"}:
        given = preset_settings(preset, network)
        assert set(given) <= set(names_of(DreamSettings))
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


# --- Files of presets


MINE = {
    "description": "Mine.",
    "backbone": "squeezenet",
    "settings": {"steps": 3, "octaves": 2},
    "backbones": {"squeezenet": {"layers": {"fire5": 1.0}}},
}


def test_a_preset_may_be_a_file_or_a_dict(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(MINE))
    assert find_preset("deep_dream", str(path)) == find_preset("deep_dream", path) == MINE
    assert find_preset("deep_dream", MINE) is MINE
    path.write_text('{"settings": {}}')
    assert find_preset("style_transfer", path) == {"settings": {}}
    assert preset_name(path) == str(path) and preset_name("best") == "best"
    assert preset_name({"name": "old", "settings": {}}) == "old"
    assert preset_name({"settings": {}}) == "own"


@pytest.mark.parametrize("application", ["deep_dream", "style_transfer", "fast_style"])
def test_each_preset_of_ours_could_be_a_file(application, tmp_path):
    for name, preset in load_presets(application).items():
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(preset))
        assert find_preset(application, path) == preset


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "`preset` must be JSON; 'mine.json' is none. Received: "),
        ("[" * 100_000, "`preset` must be JSON"),
        ("[]", r"there must be an object with `settings`. Received: \[\]"),
        ('{"description": "x"}', "there must be an object with `settings`"),
        ('{"settings": {}, "steps": 3}', "there may be name, description, .*Received: 'steps'"),
        ('{"settings": []}', r"`settings` must be an object. Received: \[\]"),
        ('{"settings": {}, "backbone": 3}', "`backbone` must be a text. Received: 3"),
        ('{"settings": {}, "source": null}', "`source` must be a text. Received: None"),
        ('{"settings": {}, "backbones": []}', "`backbones` must be an object"),
        ('{"settings": {}, "backbones": {"vgg16": 3}}', "`vgg16` must be an object. Received: 3"),
        (
            '{"settings": {"step": 3}}',
            "`settings` must be those of deep_dream. Nearest: steps. Received: 'step'",
        ),
        ('{"settings": {"steps": 0}}', "in 'mine.json' `steps` must be at least 1, .*Received: 0"),
        ('{"settings": {"layers": "a:x"}}', "`layers` must be different .*Received: 'a:x'"),
        (
            '{"settings": {}, "backbones": {"vgg16": {"norm": "max"}}}',
            "`norm` must be mean, std, unit. Received: 'max'",
        ),
    ],
    ids=lambda text: text[:40],
)
def test_a_file_that_holds_no_preset_is_refused(text, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.json").write_text(text)
    with pytest.raises(ValueError, match=words) as caught:
        find_preset("deep_dream", "mine.json")
    assert str(caught.value).startswith("`preset` must ")


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="'.*no.json' is none. Received: No such file"):
        find_preset("deep_dream", tmp_path / "no.json")
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(IsADirectoryError, match="`preset` must be a file .*Received: Is a dir"):
        find_preset("deep_dream", tmp_path / "folder.json")
    (tmp_path / "latin.json").write_bytes(b'{"description": "\xe9"}')
    with pytest.raises(ValueError, match="`preset` must be JSON"):
        find_preset("deep_dream", tmp_path / "latin.json")


# --- Choosing settings


def test_what_is_given_replaces_its_alternatives_too():
    preset = {"layers": {"a": 1.0}, "smoothness": 0.5, "steps": 3}
    assert merge("deep_dream", preset, {"steps": None}) == preset
    assert merge("deep_dream", preset, {"channel": {"b:1": 1.0}, "tv_weight": 2.0}) == {
        "channel": {"b:1": 1.0},
        "tv_weight": 2.0,
        "steps": 3,
    }
    assert merge("style_transfer", {"size": 512, "steps": 1}, {"rows": 40}) == {
        "rows": 40,
        "steps": 1,
    }
    assert preset == {"layers": {"a": 1.0}, "smoothness": 0.5, "steps": 3}
