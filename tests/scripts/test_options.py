"""Flags of settings, and what the scripts tell of presets."""

import json

import pytest
from conftest import ROOT, ask

DEFINE = """
import json, sys
from absl import flags
from kerasart.scripts import options
from kerasart.settings.dream import DreamSettings
from kerasart.settings.style import FastStyleSettings, StyleSettings
def read(kind, *given, **how):
    options.define_flags(kind, **how)
    flags.FLAGS(["x", *given])
    return options.read_flags(kind, how.get("prefix", ""))
"""


# --- Flags


def test_a_flag_is_what_its_setting_declares():
    code = f"""{DEFINE}
groups = options.define_flags(DreamSettings)
found = {{
    holder.name: [
        flags.FLAGS[holder.name].flag_type(),
        getattr(flags.FLAGS[holder.name].parser, "enum_values", None),
        getattr(flags.FLAGS[holder.name].parser, "lower_bound", None),
        getattr(flags.FLAGS[holder.name].parser, "upper_bound", None),
        flags.FLAGS[holder.name].default,
    ]
    for group in groups.values() for holder in group
}}
print(json.dumps([list(groups), found, flags.FLAGS["steps"].help]))
"""
    groups, found, text = ask(code)
    assert groups == ["objective", "ascent"] and text == "Steps per octave."
    assert found["layers"] == ["string", None, None, None, None]
    assert found["class"] == ["string", None, None, None, None]  # A name or a number.
    assert found["steps"] == ["int", None, 1, None, None]
    assert found["rotation"] == ["float", None, 0, 180, None]
    assert found["clip"][0] == "bool"
    assert found["norm"][:2] == ["string enum", ["mean", "std", "unit"]]
    assert found["similarity"][1] == ["dot", "l1", "l2", "cosine", "match"]
    assert "class_name" not in found


def test_flags_of_no_preset_have_the_defaults_of_their_settings():
    code = f"""{DEFINE}
from kerasart.settings.generator import GeneratorSettings
options.define_flags(GeneratorSettings, in_presets=False)
flags.FLAGS(["x", "--steps=3"])
settings = GeneratorSettings(**options.read_flags(GeneratorSettings))
defaults = [flags.FLAGS[name].default for name in ("size", "layers")]
print(json.dumps([settings == GeneratorSettings(steps=3), *defaults]))
"""
    layers = "block1_conv1,block2_conv2,block3_conv3,block4_conv1"
    assert ask(code) == [True, 64, layers]


def test_flags_are_read_back_as_settings():
    code = f"""{DEFINE}
given = ["--layers=a:2,b", "--octaves=-1:2", "--class=cat", "--noclip", "--blur=0", "--norm=std"]
print(json.dumps(read(DreamSettings, *given)))
"""
    assert ask(code) == {
        "layers": {"a": 2.0, "b": 1.0},
        "octaves": [-1, 2],
        "class_name": "cat",
        "clip": False,
        "blur": 0.0,
        "norm": "std",
    }


def test_some_settings_only_under_a_prefix():
    code = f"""{DEFINE}
flags.DEFINE_string("steps", "many", "Another's.")
how = {{"prefix": "dream_", "names": ("layers", "steps")}}
given = read(DreamSettings, "--dream_steps=3", **how)
flags.FLAGS(["x", "--dream_layers=a:x"])
try:
    options.read_flags(DreamSettings, "dream_")
except ValueError as error:
    given["error"] = str(error)
print(json.dumps([given, "dream_blur" in flags.FLAGS]))
"""
    given, other = ask(code)
    assert given["steps"] == 3 and not other
    assert given["error"].startswith("`dream_layers` must be different layers")
    assert given["error"].endswith("Received: 'a:x'")


def test_settings_without_presets_have_their_defaults():
    code = f"""{DEFINE}
from kerasart.settings.generator import SearchSettings
how = {{"names": ("steps", "rate"), "in_presets": False}}
given = read(SearchSettings, "--steps=7", **how)
# Dreams have steps as well, which are others.
print(json.dumps([given, flags.FLAGS["rate"].default, options.read_flags(DreamSettings)]))
"""
    assert ask(code) == [{"steps": 7, "rate": 0.05}, 0.05, {}]


def test_what_is_given_goes_over_a_record():
    code = f"""{DEFINE}
def over(recorded, given):
    return options.over_record("deep_dream", recorded, given)
recorded = {{"preset": "gentle", "seed": 3, "channel": {{"a:1": 1.0}}, "layers": {{}}, "other": 7}}
print(json.dumps([
    over(recorded, {{"seed": None}}),
    over(recorded, {{"seed": 4, "layers": {{"b": 1.0}}}}),
    over(recorded, {{"preset": "animals"}}),
    over({{"preset": "./gone.json", "steps": 2}}, {{}}),
    over({{"preset": "./gone.json", "steps": 2}}, {{"preset": "new.json"}}),
    options.over_record("style_transfer", {{"size": 64, "rows": 32, "seed": 1}}, {{"size": 80}}),
]))
"""
    same, layers, preset, gone, new, style = ask(code)
    recorded = {"preset": "gentle", "seed": 3, "channel": {"a:1": 1.0}, "layers": {}}
    assert same == recorded
    # Layers replace all that was dreamed of.
    assert layers == {"preset": "gentle", "seed": 4, "layers": {"b": 1.0}}
    # A preset replaces all settings.
    assert preset == {"preset": "animals", "seed": 3}
    # All that a file said is recorded.
    assert gone == {"preset": {"name": "./gone.json", "settings": {}}, "steps": 2}
    assert new == {"preset": "new.json"}
    assert style == {"size": 80, "seed": 1}


# --- --show


@pytest.mark.parametrize(
    ("script", "flags", "lines"),
    [
        (
            "deep_dream",
            ["--preset=gentle"],
            [
                "gentle: The scene stays what it was, with ornaments and a few eyes in it.",
                "source: Ours, as animals.",
                "network: vgg16",
                '* layers           {"block5_conv1": 1.0}',
                "* octaves          [-2, 0]",
                "* octave_scale     1.6",
                "  class_name       null",
            ],
        ),
        ("deep_dream", [], ["network: vgg16", "* octave_scale     1.6"]),
        ("deep_dream", ["--pyramid=4"], ['  parameterization "pixels"']),
        ("deep_dream", ["--class=cat"], ["network: auto"]),
        ("deep_dream", ["--guide=cat.png"], ['* similarity       "match"']),
        (
            "deep_dream",
            ["--preset=animals", "--backbone=squeezenet"],
            ["network: squeezenet", '* layers           {"fire7": 1.0, "fire8": 1.0}'],
        ),
        ("style_transfer", [], ["network: vgg16", '* padding          "replicate"']),
        (
            "style_transfer",
            ["--backbone=resnet50"],
            ["network: resnet50", "  style_layers     what suits the network"],
        ),
        (
            "style_transfer",
            ["--preset=keras_example"],
            ["network: vgg19", "* rows             400"],
        ),
        ("train_fast_style", [], ["* stability        0.5", "  steps            4000"]),
        ("train_fast_style", ["--network=adain"], ["network: vgg16", "* size             192"]),
        (
            "dream_style",
            ["--dream_preset=patterns", "--preset=gram"],
            ["* step_size        0.024", "* average          0.98"],
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value,
)
def test_a_presets_settings_are_shown_without_tensorflow(script, flags, lines, call, tmp_path):
    done = call(ROOT / "scripts" / f"{script}.py", *flags, "--show", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert [line for line in lines if line not in done.stdout.splitlines()] == []
    assert "settings (* is not the default):" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_preset_of_ones_own_is_shown_and_a_bad_one_is_refused(call, tmp_path):
    preset = {"description": "Mine.", "backbone": "squeezenet", "settings": {"layers": "fire5"}}
    (tmp_path / "mine.json").write_text(json.dumps(preset))
    done = call(
        ROOT / "scripts" / "deep_dream.py", "--preset=./mine.json", "--show", folder=tmp_path
    )
    lines = ["./mine.json: Mine.", "source: none", "network: squeezenet"]
    assert done.stdout.splitlines()[:3] == lines
    assert '* layers           {"fire5": 1.0}' in done.stdout
    for script, flag in [("deep_dream", "preset"), ("dream_style", "dream_preset")]:
        done = call(
            ROOT / "scripts" / f"{script}.py", f"--{flag}=no.json", "--show", folder=tmp_path
        )
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == (
            f"{script}: `preset` must be a file that can be read; 'no.json' is none. "
            "Received: No such file or directory\n"
        )
