"""The style_transfer script, run as a user runs it: by itself, in a folder of its own."""

import configparser
import json
import os
import re
import shutil
import signal

import numpy as np
import pytest
from conftest import (
    ROOT,
    WITHOUT_GRAPHS,
    ask,
    change,
    contents,
    film_of,
    make_clip,
    make_photo,
    names_in,
    pixels,
    record_of,
    succeed,
)
from PIL import Image
from PIL.PngImagePlugin import PngInfo

import kerasart
from kerasart import read_picture
from kerasart.image import write_picture

SCRIPT = ROOT / "scripts" / "style_transfer.py"
PREPARE = WITHOUT_GRAPHS
NETWORK = ("--backbone=squeezenet", "--style_layers=fire2,fire4", "--content_layers=fire4")
SMALL = (*NETWORK, "--style_loss=gram", "--size=64", "--steps=2")
PICTURES = ("--content=photo.png", "--style=a.png")
ACCEPT = "kerasart.optimization.descent.RunInProgress.accept"


def write_pictures(folder, channels=3):
    """Writes a photo, two styles, a picture to start from, and masks of the photo and a style."""
    for name, width, height in [("photo", 75, 53), ("a", 80, 60), ("b", 70, 90), ("first", 50, 40)]:
        data = make_photo(width, height, channels if name == "photo" else 3, seed=len(name) + width)
        Image.fromarray(data).save(folder / f"{name}.png")
    left, right = np.zeros((2, 53, 75), np.uint8)
    left[:, :40] = right[:, 40:] = 255
    Image.fromarray(left).save(folder / "left.png")
    Image.fromarray(right).save(folder / "right.png")
    Image.new("L", (75, 53)).save(folder / "black.png")
    Image.fromarray(np.repeat(left, 2, axis=1)).save(folder / "wide.png")
    Image.fromarray(make_photo(70, 90)[..., 0]).save(folder / "of_b.png")
    Image.fromarray(make_photo(12, 11)).save(folder / "tiny.png")


@pytest.fixture
def folder(tmp_path):
    """A folder with pictures to choose from."""
    folder = tmp_path / "work"
    folder.mkdir()
    write_pictures(folder)
    return folder


@pytest.fixture
def given(folder):
    """Names of what is in the folder before a run."""
    return set(names_in(folder))


def new_names(folder, given):
    return sorted(set(names_in(folder)) - given)


# Help


@pytest.fixture(scope="module")
def help_text(tmp_path_factory, light_run):
    return succeed(light_run(tmp_path_factory.mktemp("help"), "--help")).stdout


def test_help_lists_every_flag_once(help_text):
    listed = re.findall(r"^  --(\w+)", help_text, re.MULTILINE)
    code = """
import json
from absl import flags
from kerasart.scripts import style_transfer
modules = flags.FLAGS.flags_by_module_dict().items()
ours = [some for name, some in modules if name.startswith("kerasart.scripts")]
print(json.dumps([flag.name for some in ours for flag in some]))
"""
    assert sorted(listed) == sorted(ask(code))
    assert len(listed) > 50
    assert help_text.startswith("Paints a photo in the style of a picture.")
    assert "--preserve_color=none|luminance|histogram|coral" in help_text
    assert "--steps=TEXT" in help_text
    assert max(map(len, help_text.splitlines())) <= 100


def test_help_shows_the_groups_in_their_order(help_text):
    headings = re.findall(r"^([A-Z][\w, ]+)(?: \(.*\))?:$", help_text, re.MULTILINE)
    assert headings == [
        "Pictures",
        "Style",
        "Network",
        "Loss terms",
        "Optimization",
        "Contact sheet, sweep and plot",
        "Run",
        "Film",
    ]


def test_help_of_flags_that_can_be_repeated_reads_well(help_text):
    text = " ".join(help_text.split())
    about = text[text.index("--style=TEXT") : text.index("--output=TEXT")]
    assert about.startswith("--style=TEXT A picture whose style to paint in;")
    assert "[]" not in about  # no default that is no value
    assert ".;" not in about


def test_every_setting_of_the_library_has_a_flag():
    code = """
import json
from absl import flags
from kerasart.scripts import style_transfer
from kerasart.settings.declare import names_of
from kerasart.settings.style import StyleSettings
print(json.dumps([name for name in names_of(StyleSettings) if name not in flags.FLAGS]))
"""
    assert ask(code) == []


def test_preset_help_lists_the_presets(tmp_path, light_run):
    outcome = succeed(light_run(tmp_path, "--preset=help"))
    presets = [line.partition(":")[0] for line in outcome.stdout.splitlines()]
    assert {"best", "neural_style", "keras_example", "tensorflow_tutorial"} <= set(presets)
    assert "keras.io" in outcome.stdout
    assert names_in(tmp_path) == []


def test_list_layers_needs_no_picture(tmp_path, warm_run):
    outcome = succeed(warm_run(tmp_path, "--backbone=squeezenet", "--list_layers"))
    heading, *rows = outcome.stdout.splitlines()
    assert heading.split() == ["layer", "stride", "channels", "receptive", "field"]
    table = {row.split()[0]: row.split()[1:] for row in rows}
    assert table["conv1"] == ["2", "64", "3"]
    assert table["fire3"] == ["4", "128", "23"]
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("script", ["style_transfer", "dream_style"])
def test_installed_command(script):
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    commands = config["options.entry_points"]["console_scripts"].split("\n")
    command = f"kerasart-{script.replace('_', '-')}"
    assert f"{command} = kerasart.scripts.{script}:run" in commands
    code = f"import kerasart.scripts.{script} as m, json; print(json.dumps(callable(m.run)))"
    assert ask(code) is True


# --style=FILE, FILE:WEIGHT, FILE@LEVEL or FILE:WEIGHT@LEVEL


def test_style_is_a_file_or_a_file_and_its_weight(tmp_path):
    for name in ("a:0.5", "b@fine", "c@home.png"):
        (tmp_path / name).touch()
    texts = ["a.png", "a.png:2", "dir/a.png:0.25", "a.png:0", "a:b.png:1e-3", "a:0.5", "a:0.5:0.7"]
    texts += ["a.png@fine", "a.png:2@coarse", "a:0.5@middle", "b@fine", "b@fine:2@fine", "coarse"]
    texts += ["c@home.png", "c@home.png:2", "d@home.png"]
    code = f"""
import json
from kerasart.scripts.style_flag import parse_file
print(json.dumps([parse_file(text) for text in {texts}]))
"""
    assert ask(code, tmp_path) == [
        ["a.png", None, None],
        ["a.png", 2, None],
        ["dir/a.png", 0.25, None],
        ["a.png", 0, None],
        ["a:b.png", 0.001, None],
        ["a:0.5", None, None],  # there is a file of that name
        ["a:0.5", 0.7, None],
        ["a.png", None, "fine"],
        ["a.png", 2, "coarse"],
        ["a:0.5", None, "middle"],
        ["b@fine", None, None],
        ["b@fine", 2, "fine"],
        ["coarse", None, None],
        ["c@home.png", None, None],
        ["c@home.png", 2, None],
        ["d@home.png", None, None],
    ]


@pytest.mark.parametrize(
    "text", ["a.png:abc", "a.png:", ":abc", "a.png:-1", "a.png:nan", "a.png:inf"]
)
def test_style_weight_that_is_none_is_refused(folder, warm_refuse, text):
    line = warm_refuse(folder, "--content=photo.png", f"--style={text}")
    assert "`style` must be FILE or FILE:WEIGHT with a weight of 0 or more" in line
    assert line.endswith(f"Received: {text!r}")


@pytest.mark.parametrize("level", ["corse", "", "fine:0.5", "Fine"])
def test_a_style_s_level_that_is_none_is_refused(folder, warm_refuse, level):
    line = warm_refuse(folder, "--content=photo.png", f"--style=a.png@{level}")
    assert "may end in @ and one of coarse, middle, fine" in line
    assert line.endswith(f"Received: 'a.png@{level}'")


def test_style_weights_that_are_all_zero_are_refused(folder, warm_refuse):
    styles = ["--style=a.png:0", "--style=b.png:0"]
    line = warm_refuse(folder, "--content=photo.png", *styles, *SMALL)
    assert "not all 0" in line
    assert line.endswith("Received: [0.0, 0.0]")


# What is refused before the network is known


def test_style_must_be_given(folder, light_refuse):
    line = light_refuse(folder, "--content=photo.png")
    assert "`style` must be given" in line
    assert "--style=" in line
    assert line.endswith("Received: none")


@pytest.mark.parametrize(
    "flags",
    [
        ["--content=no-such.png", "--style=a.png"],
        ["--content=photo.png", "--style=no-such.png"],
        ["--content=photo.png", "--style=no-such.png:0.5"],
        [*PICTURES, "--style=no-such.png"],
        [*PICTURES, "--init=no-such.png"],
        [*PICTURES, "--content_mask=no-such.png"],
        [*PICTURES, "--style_mask=no-such.png"],
        [*PICTURES, "--reproduce=no-such.png"],
    ],
    ids=lambda flags: flags[-1],
)
def test_missing_file_is_refused(folder, warm_refuse, flags):
    line = warm_refuse(folder, *flags)
    assert "'no-such.png'" in line
    assert line.endswith("Received: No such file or directory")


@pytest.mark.parametrize(
    ("flag", "words"),
    [
        ("--output=no-folder/painted.png", "'no-folder/painted.png'"),
        ("--output=painted.xyz", ".xyz"),
        ("--contact_sheet=no-folder/sheet.png", "'no-folder/sheet.png'"),
        ("--contact_sheet=sheet.xyz", ".xyz"),
        ("--plot=plot.gif", ".gif"),
        ("--plot=no-folder/plot.png", "'no-folder/plot.png'"),
        ("--preset=bset", "Nearest: best. Received: 'bset'"),
        ("--max_pixels=3974", "3974"),  # the photo has 3975
        ("--size=200000", "Received: 200000x141333"),
        ("--resume", "no painted.png.state.npz"),
        ("--tile=some", "`tile` must be auto, none, or a number of pixels"),
        ("--tile=-64", "Received: '-64'"),
    ],
)
def test_refused_before_the_run(folder, warm_refuse, flag, words):
    assert words in warm_refuse(folder, *PICTURES, flag)


def test_refused_before_tensorflow_loads(folder, light_refuse):
    flags = ["--preset=gram", "--contact_sheet=sheet.png", "--output=painted.jpg", "--resume"]
    assert "no painted.jpg.state.npz" in light_refuse(folder, *PICTURES, *flags)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--preset=bset"], "Nearest: best. Received: 'bset'"),
        (["--steps=many"], "`steps` must be a number of at least 1"),
        (["--style_layers=fire4:x"], "`style_layers` must be different layers"),
        (["--style_layers=fire4:0"], "`style_layers` must be weights of 0 or more, not all 0"),
        (["--beta_1=1"], "`beta_1` must be from 0 to less than 1. Received: 1.0"),
        (["--optimizer=lbfgs", "--beta_1=0.5"], "`beta_1` goes with --optimizer=adam."),
        (
            ["--optimizer=lbfgs", "--learning_rate=0.1"],
            "`learning_rate` goes with --optimizer other than lbfgs.",
        ),
        (["--smoothness=0", "--tv_isotropic"], "`tv_isotropic` goes with --smoothness or --tv_w"),
        (["--rows=40", "--size=60"], "`rows` must be left out where `size` is given. Received: 40"),
        (["--summed=style"], "`summed` must be any of content, total_variation"),
        (["--sweep=learning_rate:0.1,0"], "`learning_rate` must be more than 0. Received: 0.0"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_settings_are_refused_before_tensorflow_loads(folder, light_refuse, flags, words):
    assert words in light_refuse(folder, *PICTURES, *flags)


@pytest.mark.parametrize("flag", ["--size=76", "--rows=54"])
def test_max_pixels_goes_for_the_painting_too(folder, warm_refuse, flag):
    pictures = ["--content=photo.png", "--style=first.png", "--max_pixels=3975"]
    line = warm_refuse(folder, *pictures, *NETWORK, "--style_loss=gram", "--steps=1", flag)
    assert "3975" in line
    assert "--max_pixels raises" in line
    assert line.endswith("Received: 76x54")


def test_plot_without_matplotlib_is_refused_before_the_run(folder, light_refuse, tmp_path):
    (tmp_path / "matplotlib.py").write_text("raise ImportError('not there')")
    line = light_refuse(folder, *PICTURES, *SMALL, "--plot=plot.png", PYTHONPATH=tmp_path)
    assert line.endswith("needs matplotlib: pip install 'kerasart[plot]'.")


@pytest.mark.parametrize(
    "flag",
    [
        "--size=0",
        "--size=big",
        "--rows=0",
        "--smallest=0",
        "--seed=-1",
        "--style_strength=-1",
        "--content_weight=-1",
        "--smoothness=-0.1",
        "--preserve_color=sepia",
        "--style_loss=gramm",
        "--pooling=min",
        "--padding=none",
        "--interpolation=cubic",
        "--learning_rate=fast",
        "--preview_every=-1",
        "--nonsense",
        "a.png",
    ],
)
def test_flag_that_does_not_parse(folder, warm_refuse, flag):
    line = warm_refuse(folder, *PICTURES, flag, code=2)
    assert flag.strip("-").partition("=")[0] in line
    assert "--help" in line


# What is refused once the network is known


STEPS = "`steps` must be"


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--steps=many"], [STEPS, "Received: 'many'"]),
        (["--steps=0"], [STEPS, "Received: '0'"]),
        (["--steps=-3"], [STEPS, "Received: '-3'"]),
        (["--steps=2.5"], [STEPS, "Received: '2.5'"]),
        (["--steps=5,"], [STEPS, "Received: '5,'"]),
        (["--steps=3,0", "--smallest=45"], [STEPS, "Received: '3,0'"]),
        (["--steps=3,4,5"], [STEPS, "64", "Received: 3"]),
        (["--steps=3", "--smallest=40", "--steps=3,4,5"], [STEPS, "2", "Received: 3"]),
        (["--style_layers=fier4"], ["fier4", "fire4"]),
        (["--content_layers=fire4,cov1:0.5"], ["cov1", "conv1"]),
        (["--style_layers=fire4:x"], ["`style_layers`", "Received: 'fire4:x'"]),
        (["--style_layers=fire4:nan"], ["`style_layers`", "finite"]),
        (["--content_layers=fire4,fire4"], ["`content_layers`", "different layers"]),
        (["--backbone=sqeezenet"], ["squeezenet", "Received: 'sqeezenet'"]),
        (["--optimizer=rmsporp"], ["`optimizer`", "rmsprop", "Received: 'rmsporp'"]),
        (["--init=nose"], ["'nose'", "No such file"]),
        (["--padding=replicate"], ["`padding`", "zeros", "Received: 'replicate' for squeezenet"]),
        (["--summed=style"], ["`summed`", "content, total_variation"]),
        (["--style_strength=0", "--content_strength=0"], ["more than 0", "0.0 and 0.0"]),
        (["--style_strength=nan"], ["`style_strength`", "nan"]),
        (["--content_weight=nan"], ["`content_weight`", "Received: nan"]),
        (["--learning_rate=0"], ["`learning_rate`", "Received: 0.0"]),
        (["--beta_1=1"], ["`beta_1`", "Received: 1.0"]),
        (["--average=1"], ["`average`", "Received: 1.0"]),
        (["--scale_factor=1", "--smallest=32"], ["`scale_factor`", "Received: 1.0"]),
        (["--style_size=0"], ["`style_size`", "Received: 0.0"]),
        (["--content=tiny.png", "--size=12"], ["`content`", "squeezenet", "Received: 12x11"]),
        (["--size=14"], ["`content`", "at least 15x15", "Received: 14x10"]),
        (["--style=tiny.png"], ["`style`", "at least 15x15", "Received: 12x11"]),
        (["--style=b.png", "--content_mask=left.png"], ["content_mask", "2", "Received: 1"]),
        (["--style_mask=all", "--style_mask=all"], ["style_mask", "1", "Received: 2"]),
        (["--content_mask=black.png"], ["content_mask", "above 0", "only zeros"]),
        (["--style_mask=black.png"], ["style_mask", "above 0", "only zeros"]),
    ],
    ids=lambda value: " ".join(value) if value[0].startswith("--") else "",
)
def test_setting_that_makes_no_sense_is_refused_in_a_sentence(folder, warm_refuse, flags, words):
    line = warm_refuse(folder, *PICTURES, *SMALL, *flags)
    assert [word for word in words if word not in line] == [], line


# A painting with the preset's settings, at a smaller size


@pytest.fixture(scope="module")
def plain(tmp_path_factory, warm_run):
    """A folder with pictures and a painting."""
    folder = tmp_path_factory.mktemp("plain")
    write_pictures(folder)
    outcome = succeed(warm_run(folder, *PICTURES, *SMALL))
    assert re.fullmatch(
        r"Wrote painted\.png: 64x45, squeezenet, preset best, \d+ s\.\n", outcome.stdout
    )
    return folder


def test_painting_has_the_size_asked_for_and_is_another_picture(plain):
    painted = pixels(plain / "painted.png")
    assert painted.shape == (45, 64, 3)
    with Image.open(plain / "photo.png") as photo:
        small = np.asarray(photo.resize((64, 45), Image.Resampling.BOX)).astype(int)
    assert 1 < np.abs(painted - small).mean() < 30


def test_in_tiles_the_painting_is_the_same(folder, warm_run):
    usual = [*SMALL, "--precision=float32", "--size=75", "--style_layers=conv1,fire2"]
    for tile in ("none", "60"):
        flags = [*usual, f"--tile={tile}", f"--output={tile}.png", "--content_layers=fire2"]
        succeed(warm_run(folder, *PICTURES, *flags))
    difference = pixels(folder / "none.png") - pixels(folder / "60.png")
    assert np.abs(difference).max() <= 1
    assert "tile" not in record_of(folder / "60.png")


def test_record_of_a_painting_says_how_it_was_made(plain):
    record = record_of(plain / "painted.png")
    expected = {
        "preset": "best",
        "backbone": "squeezenet",
        "weights": "bundled",
        "seed": 0,
        "style_weights": [1.0],
        "style_layers": {"fire2": 1.0, "fire4": 1.0},
        "steps": 2,
        "size": 64,
        "bits": 8,
        "version": kerasart.__version__,
        "start_hash": None,
        "content_masks_hash": None,
    }
    assert {name: record[name] for name in expected} == expected
    assert re.fullmatch("[0-9a-f]{16}", record["photo_hash"])
    assert len(record["styles_hash"]) == 1


def test_a_preset_of_ones_own_makes_a_painting_that_can_be_made_again_without_it(folder, warm_run):
    settings = {"size": 64, "steps": [2], "style_loss": "gram", "content_layers": "fire4"}
    preset = {"settings": settings, "backbones": {"squeezenet": {"style_layers": "fire2"}}}
    (folder / "mine.json").write_text(json.dumps(preset | {"backbone": "squeezenet"}))
    succeed(warm_run(folder, *PICTURES, "--preset=mine.json", "--output=one.png"))
    record = record_of(folder / "one.png")
    assert (record["preset"], record["backbone"]) == ("mine.json", "squeezenet")
    assert (record["style_layers"], record["steps"]) == ({"fire2": 1.0}, [2])
    (folder / "mine.json").unlink()
    succeed(warm_run(folder, *PICTURES, "--reproduce=one.png", "--output=other.png"))
    assert record_of(folder / "other.png") == record
    np.testing.assert_array_equal(pixels(folder / "other.png"), pixels(folder / "one.png"))


def test_reproduction_from_other_pictures_warns_of_each(plain, folder, given, warm_run):
    shutil.copy(plain / "painted.png", folder / "former.png")
    flags = ["--reproduce=former.png", "--content=b.png", "--style=b.png", "--quiet"]
    outcome = succeed(warm_run(folder, *flags), warnings=2)
    for line, name in zip(outcome.lines[:2], ["photo", "style"], strict=True):
        assert f"`{name}` is not what the recorded picture was made with" in line
    record, former = record_of(folder / "painted.png"), record_of(plain / "painted.png")
    differing = {name for name in record if record[name] != former[name]}
    assert differing == {"photo_hash", "styles_hash"}


def test_reproduction_of_a_painted_dream_is_refused(plain, folder, warm_refuse):
    text = PngInfo()
    text.add_text("kerasart", json.dumps(record_of(plain / "painted.png") | {"dream": {}}))
    with Image.open(plain / "painted.png") as painted:
        painted.save(folder / "former.png", pnginfo=text)
    line = warm_refuse(folder, "--reproduce=former.png", *PICTURES)
    assert "dream_style. Received: 'former.png'" in line


def test_reproduction_with_another_number_of_styles_is_refused(plain, folder, warm_refuse):
    shutil.copy(plain / "painted.png", folder / "former.png")
    line = warm_refuse(folder, "--reproduce=former.png", *PICTURES, "--style=b.png")
    assert re.search("style.*2.*Received: 1", line)


@pytest.mark.parametrize("output", ["painted.png", "painted.jpg"])
def test_a_name_that_is_taken_gets_a_number(folder, warm_run, output):
    (folder / output).write_text("mine")
    before = contents(folder)
    outcome = succeed(warm_run(folder, *PICTURES, *SMALL, f"--output={output}", "--steps=1"))
    numbered = output.replace(".", "-2.")
    assert numbered in outcome.stdout
    assert {**before, folder / numbered: (folder / numbered).read_bytes()} == contents(folder)


def test_in_a_folder_a_painting_has_the_photos_name(folder, warm_run, warm_refuse):
    (folder / "out").mkdir()
    succeed(warm_run(folder, *PICTURES, *SMALL, "--output=out", "--steps=1"))
    assert names_in(folder / "out") == ["photo.png"]
    line = warm_refuse(folder, *PICTURES, "--output=.", "--overwrite")
    assert line.endswith("which --overwrite would replace. Received: 'photo.png' for both")


def test_quiet_prints_nothing(folder, given, run):
    # RMSprop is Keras's: one that brings its own variables, and might tell of itself.
    flags = ["--optimizer=rmsprop", "--learning_rate=0.01", "--quiet", "--output=painted.webp"]
    outcome = succeed(run(folder, *PICTURES, *SMALL, *flags))
    assert outcome.stdout == ""
    assert outcome.stderr.replace("\r", "").strip() == ""
    assert new_names(folder, given) == ["painted.webp"]


@pytest.mark.parametrize("long", ["photo", "style"])
def test_a_scale_that_is_too_small_is_left_out_and_said(folder, warm_run, long):
    Image.fromarray(make_photo(160, 40)).save(folder / "long.png")
    given = {"photo": "--content=long.png", "style": "--style=long.png"}
    flags = {"photo": "--content=photo.png", "style": "--style=a.png"} | {long: given[long]}
    scales = ["--size=80", "--smallest=40", "--scale_factor=2", "--steps=1,2"]
    outcome = succeed(warm_run(folder, *flags.values(), *SMALL, *scales), warnings=1)
    assert "1 of 2 scales left out: too small for squeezenet, which needs 15" in outcome.lines[0]
    assert "painted.png: 80x" in outcome.stdout


# A painting with all settings, and what can be made of its record


RECORDED = {
    "preset": "best",
    "backbone": "squeezenet",
    "weights": "bundled",
    "precision": "float32",
    "seed": 3,
    "size": 64,
    "content_layers": {"fire4": 1.0},
    "style_layers": {"fire2": 1.0, "fire4": 0.5},
    "style_loss": "moments",
    "content_strength": 0.5,
    "style_strength": 2.0,
    "smoothness": 0.3,
    "tv_weight": 0.01,
    "summed": ["total_variation"],
    "tv_beta": 1.5,
    "tv_isotropic": True,
    "smallest": 45,
    "scale_factor": 1.4,
    "steps": [3, 4],
    "optimizer": "adam",
    "learning_rate": 0.04,
    "beta_1": 0.8,
    "beta_2": 0.95,
    "epsilon": 1e-6,
    "average": 0.9,
    "pooling": "average",
    "padding": "zeros",
    "style_size": 0.9,
    "interpolation": "bilinear",
    "preserve_color": "luminance",
    "clip": False,
    "bits": 8,
}
SOURCES = (
    "--content=photo.png",
    # The shares of such weights do not add up to 1 in floating point.
    "--style=a.png:0.1",
    "--style=b.png:0.3",
    "--content_mask=left.png",
    "--content_mask=all",
    "--style_mask=all",
    "--style_mask=of_b.png",
    "--init=first.png",
)


def settings_as_flags(settings):
    texts = settings | {"style_layers": "fire2:1.0,fire4:0.5", "content_layers": "fire4"}
    texts |= {"steps": "3,4", "summed": "total_variation"}
    return [f"--{name}={value}" for name, value in texts.items()]


AGAIN = [re.sub(r":[.\d]+", "", flag) for flag in SOURCES]  # their weights are in the record
ALL = (*SOURCES, *settings_as_flags(RECORDED))


@pytest.fixture(scope="module")
def album(tmp_path_factory, forked_run):
    """A folder with a painting of a photo with an alpha, with every setting."""
    folder = tmp_path_factory.mktemp("album")
    write_pictures(folder, channels=4)
    outcome = succeed(forked_run(folder, *ALL))
    assert "painted.png: 64x45" in outcome.stdout
    assert len(outcome.stdout.splitlines()) == 1
    return folder


def copy(folder, to):
    """Copies a folder to one that a test may change, and tells what is in it."""
    shutil.copytree(folder, to)
    return set(names_in(to))


def test_every_setting_is_recorded(album):
    record = record_of(album / "painted.png")
    assert {name: record[name] for name in RECORDED} == RECORDED
    np.testing.assert_allclose(record["style_weights"], [0.25, 0.75])
    assert len(set(record["styles_hash"])) == 2
    assert record["content_masks_hash"][1] is None
    assert record["style_masks_hash"][0] is None
    assert re.fullmatch("[0-9a-f]{16}", record["start_hash"])


def test_alpha_of_the_photo_is_kept_and_resized(album):
    with Image.open(album / "painted.png") as painted:
        assert painted.mode == "RGBA"
        assert painted.size == (64, 45)
        alpha = np.asarray(painted)[..., 3].astype(int)
    with Image.open(album / "photo.png") as photo:
        small = photo.getchannel("A").resize((64, 45), Image.Resampling.BILINEAR)
    assert np.ptp(alpha) > 100
    assert np.abs(alpha - np.asarray(small)).max() <= 3


def test_reproduction_is_the_same_picture(album, tmp_path, warm_run):
    given = copy(album, tmp_path / "work")
    before = (album / "painted.png").read_bytes()
    outcome = succeed(warm_run(tmp_path / "work", "--reproduce=painted.png", *AGAIN))
    assert "painted-2.png" in outcome.stdout
    assert new_names(tmp_path / "work", given) == ["painted-2.png"]
    assert (tmp_path / "work" / "painted.png").read_bytes() == before
    again = tmp_path / "work" / "painted-2.png"
    np.testing.assert_array_equal(pixels(again), pixels(album / "painted.png"))
    assert record_of(again) == record_of(album / "painted.png")


def test_reproduction_without_its_masks_and_start_warns_of_each(album, tmp_path, warm_run):
    copy(album, tmp_path / "work")
    flags = ["--reproduce=painted.png", *AGAIN[:3], "--steps=1,1", "--quiet"]
    outcome = succeed(warm_run(tmp_path / "work", *flags), warnings=3)
    for line, what in zip(outcome.lines, ["content_mask", "style_mask", "start"], strict=True):
        assert what in line


# Where to start, and where to paint


def test_init_is_the_picture_to_start_from(folder, warm_run):
    flags = ["--init=first.png", "--learning_rate=1e-9", "--steps=1"]
    succeed(warm_run(folder, *PICTURES, *SMALL, *flags))
    with Image.open(folder / "first.png") as first:
        enlarged = np.asarray(first.resize((64, 45), Image.Resampling.LANCZOS)).astype(int)
    assert np.abs(pixels(folder / "painted.png") - enlarged).max() <= 2


def test_what_no_style_paints_stays_the_photo(folder, warm_run):
    flags = [*SMALL, "--size=75", "--content_mask=left.png", "--style_mask=all"]
    succeed(warm_run(folder, *PICTURES, *flags))
    moved = np.abs(pixels(folder / "painted.png") - pixels(folder / "photo.png"))
    assert moved[:, :40].mean() > 1
    assert moved[:, 40:].max() == 0


def test_mask_of_another_size_is_resized_and_said(folder, warm_run):
    flags = [*SMALL, "--size=75", "--content_mask=wide.png"]
    outcome = succeed(warm_run(folder, *PICTURES, *flags), warnings=1)
    assert "content_mask" in outcome.lines[0]
    assert "53 x 150" in outcome.lines[0]
    assert "53 x 75" in outcome.lines[0]
    moved = np.abs(pixels(folder / "painted.png") - pixels(folder / "photo.png"))
    assert moved[:, :38].mean() > 1
    assert moved[:, 42:].max() == 0


def test_luminance_keeps_the_colours_of_the_photo(folder, warm_run):
    flags = [*SMALL, "--size=75", "--preserve_color=luminance", "--learning_rate=0.1"]
    succeed(warm_run(folder, *PICTURES, *flags))
    painted, photo = pixels(folder / "painted.png"), pixels(folder / "photo.png")
    assert np.abs(painted - photo).mean() > 5
    inside = ((painted > 0) & (painted < 255)).all(axis=-1)
    assert inside.mean() > 0.5
    # Light and dark move all channels alike.
    moved = (painted - photo)[inside]
    assert np.ptp(moved, axis=-1).max() <= 2


# Contact sheet, sweep and plot


def test_contact_sheet_shows_photo_styles_and_result(folder, given, warm_run):
    flags = ["--style=b.png:2", "--preserve_color=coral", "--contact_sheet=sheet.png"]
    outcome = succeed(warm_run(folder, *PICTURES, *SMALL, *flags))
    assert outcome.stdout.splitlines()[-1] == "Wrote sheet.png."
    assert new_names(folder, given) == ["painted.png", "sheet.png"]
    assert record_of(folder / "painted.png")["preserve_color"] == "coral"
    assert record_of(folder / "painted.png")["style_weights"] == pytest.approx([1 / 3, 2 / 3])
    height, width, channels = pixels(folder / "sheet.png").shape
    assert channels == 3
    assert width > 4 * 200 and height < width / 2  # four in a row


def test_levels_are_recorded_and_made_again(folder, warm_run):
    photo, flags = "--content=photo.png", [*SMALL, "--style_layers=fire2,fire3,fire4"]
    styles = ["--style=a.png:2@coarse", "--style=b.png@fine"]
    succeed(warm_run(folder, photo, *styles, *flags, "--output=one.png"))
    record = record_of(folder / "one.png")
    assert record["style_levels"] == ["coarse", "fine"]
    files = ["--style=a.png", "--style=b.png"]
    succeed(warm_run(folder, photo, *files, "--reproduce=one.png", "--output=two.png"))
    np.testing.assert_array_equal(pixels(folder / "two.png"), pixels(folder / "one.png"))
    succeed(warm_run(folder, photo, *files, *flags, "--output=three.png"))
    assert record_of(folder / "three.png")["style_levels"] is None
    assert np.abs(pixels(folder / "three.png") - pixels(folder / "one.png")).max() > 2


def test_plot_is_drawn(folder, given, warm_run):
    pytest.importorskip("matplotlib")
    flags = ["--preserve_color=histogram", "--plot=plot.svg"]
    outcome = succeed(warm_run(folder, *PICTURES, *SMALL, *flags))
    assert outcome.stdout.splitlines()[-1] == "Wrote plot.svg."
    assert new_names(folder, given) == ["painted.png", "plot.svg"]
    assert "<svg" in (folder / "plot.svg").read_text()


def test_sweep_paints_with_each_value_and_lays_out_a_sheet(folder, given, warm_run):
    outcome = succeed(warm_run(folder, *PICTURES, *SMALL, "--sweep=style_strength:0.25,8"))
    assert "painted.png: a sheet of 2 pictures" in outcome.stdout.splitlines()[-1]
    assert new_names(folder, given) == [
        "painted.png",
        "painted.style_strength-0.25.png",
        "painted.style_strength-8.0.png",
    ]
    weak, strong = (folder / f"painted.style_strength-{value}.png" for value in ("0.25", "8.0"))
    assert record_of(weak)["style_strength"] == 0.25
    assert record_of(strong)["style_strength"] == 8
    assert pixels(weak).shape == pixels(strong).shape == (45, 64, 3)
    assert np.abs(pixels(weak) - pixels(strong)).max() > 2
    height, width, _ = pixels(folder / "painted.png").shape
    assert width > 2 * 300 and height < width


def test_sweep_of_presets_takes_each_preset_s_settings(plain, folder, warm_run):
    # The record holds every setting, so that a preset beside it could change none.
    shutil.copy(plain / "painted.png", folder / "former.png")
    flags = [*SMALL, "--steps=1", "--learning_rate=0.01", "--sweep=preset:tensorflow_tutorial,best"]
    succeed(warm_run(folder, *PICTURES, *flags, "--reproduce=former.png"))
    tutorial = record_of(folder / "painted.preset-tensorflow_tutorial.png")
    best = record_of(folder / "painted.preset-best.png")
    assert tutorial["preset"] == "tensorflow_tutorial"
    assert tutorial["tv_weight"] == 30
    assert best["tv_weight"] is None
    assert tutorial["beta_1"] == 0.99


@pytest.mark.parametrize(
    ("sweep", "words"),
    [
        ("nonsense:1,2", "`sweep` must be a flag and its values"),
        ("style_strength", "`sweep` must be a flag and its values"),
        ("style_strength:", "`sweep` must be a flag and its values"),
        ("output:a.png,b.png", "`sweep` must be a flag and its values"),
        ("style_strength:1,much", "--style_strength"),
        ("style_strength:1,-1", "--style_strength"),
        ("style_strength:1,,2", "--style_strength"),
        ("size:64,0", "--size"),
        ("pooling:max,min", "--pooling"),
        ("preset:best,bset", "'bset'"),
        ("learning_rate:0.1,nan", "nan"),
        ("steps:1,x", "'x'"),
    ],
)
def test_sweep_that_makes_no_sense_is_refused_before_the_first_picture(
    folder, warm_refuse, sweep, words
):
    line = warm_refuse(folder, *PICTURES, *SMALL, "--steps=1", f"--sweep={sweep}")
    assert words in line
    assert "Received: " in line


# Many photos


def photos_in(folder, count=2):
    (folder / "photos").mkdir()
    for number in range(count):
        data = make_photo(75, 53, seed=number)
        Image.fromarray(data).save(folder / "photos" / f"{number}.png")


def test_a_folder_is_painted_and_goes_on(folder, warm_run):
    photos_in(folder)
    (folder / "photos" / "0bad.jpg").write_text("no picture")
    flags = ["--content=photos", "--style=a.png", *SMALL]
    outcome = warm_run(folder, *flags)
    assert outcome.code == 1 and len(outcome.lines) == 2
    assert outcome.lines[0].startswith("style_transfer: left out: Cannot read 'photos/0bad.jpg'")
    assert outcome.stdout.splitlines()[-1] == "Painted 2 of 3."
    assert names_in(folder / "painted") == ["0.png", "1.png"]
    succeed(warm_run(folder, "--content=photos/1.png", *flags[1:], "--output=one.png"))
    np.testing.assert_array_equal(pixels(folder / "one.png"), pixels(folder / "painted/1.png"))
    (folder / "photos" / "0bad.jpg").unlink()
    (folder / "painted" / "0.png").unlink()
    # As a kill leaves it, after the picture was written.
    (folder / "painted" / "1.png.state.npz").write_text("a state")
    outcome = succeed(warm_run(folder, *flags))
    assert outcome.stdout.startswith(
        "1 of 2 are painted already (--overwrite paints them anew).\nWrote painted/0.png: 64x45"
    )
    assert names_in(folder / "painted") == ["0.png", "1.png"]


def test_a_folder_that_is_stopped_goes_on_in_the_midst_of_a_picture(folder, tmp_path, forked_run):
    photos_in(folder)
    flags = ["--content=photos", "--style=a.png", *SMALL, "--steps=6"]
    outcome = forked_run(folder, *flags, **interrupting(tmp_path / "change", 2))
    assert outcome.code == 130
    assert outcome.lines == ["style_transfer: interrupted"]
    assert names_in(folder / "painted") == ["0.png.state.npz"]  # And no half a picture.
    outcome = succeed(forked_run(folder, *flags))
    assert outcome.stdout.splitlines()[-1] == "Painted 2 of 2."
    assert names_in(folder / "painted") == ["0.png", "1.png"]


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--sweep=seed:1,2"], "`content` must be one photo to sweep. Received: 'photos'"),
        (["--output=a.png"], "`output` must be a folder for several files"),
        (["--style=no.png"], "Cannot read 'no.png'"),
    ],
)
def test_a_folder_that_cannot_be_painted(folder, warm_refuse, flags, words):
    photos_in(folder)
    assert words in warm_refuse(folder, "--content=photos", "--style=a.png", *SMALL, *flags)


def test_a_photo_that_is_painted_smaller_is_told_of(tmp_path, warm_run):
    Image.fromarray(make_photo(660, 50)).save(tmp_path / "photo.png")
    Image.fromarray(make_photo(40, 40)).save(tmp_path / "a.png")
    flags = [*NETWORK, "--style_loss=gram", "--steps=1", "--smallest=640"]
    outcome = succeed(warm_run(tmp_path, *PICTURES, *flags))
    told, wrote = outcome.stdout.splitlines()
    assert told == "Painting at 640x48; the photo is 660x50 (--size=660 paints all of it)."
    assert wrote.startswith("Wrote painted.png: 640x48")


# A run that ends before its time


def interrupting(folder, number):
    """Environment variables with which Ctrl-C comes as a step is taken: one more will be."""
    change(
        folder,
        f"""
        def interrupted(self, state, losses):
            import os, shutil, signal

            accept(self, state, losses)
            if self.number == {number}:
                if os.path.exists("painted.preview.png"):
                    shutil.copy("painted.preview.png", {str(folder)!r})
                os.kill(os.getpid(), signal.SIGINT)
        """,
        ACCEPT,
    )
    return {"PYTHONPATH": str(folder)}


@pytest.fixture(scope="module")
def stopped(tmp_path_factory, forked_run):
    """A folder with what Ctrl-C leaves in the first scale of the album's painting."""
    folder = tmp_path_factory.mktemp("stopped") / "work"
    folder.mkdir()
    write_pictures(folder, channels=4)
    given = set(names_in(folder))
    changed = interrupting(folder.parent / "change", 1)
    outcome = forked_run(folder, *ALL, "--preview_every=1", **changed)
    assert outcome.code == 130, outcome
    assert outcome.lines == []
    assert re.search(r"picture so far to painted\.png: 64x45", outcome.stdout)
    assert "--resume" in outcome.stdout.splitlines()[-1]
    assert new_names(folder, given) == ["painted.png", "painted.png.state.npz"]  # and no preview
    return folder


def test_preview_is_there_while_it_runs(stopped):
    preview = stopped.parent / "change" / "painted.preview.png"
    assert pixels(preview).shape == (45, 64, 3)


def test_interrupted_painting_tells_after_how_many_steps(stopped):
    record = record_of(stopped / "painted.png")
    assert record["interrupted_after"] == 2
    assert record["steps"] == [3, 4]
    assert pixels(stopped / "painted.png").shape == (45, 64, 4)


def test_unfinished_run_is_not_lost_by_another(stopped, tmp_path, warm_refuse):
    copy(stopped, tmp_path / "work")
    line = warm_refuse(tmp_path / "work", *ALL)
    assert "unfinished" in line
    assert "--resume" in line and "--overwrite" in line
    assert "painted.png.state.npz" in line


@pytest.mark.parametrize(
    ("flags", "differing"),
    [
        (["--style_strength=3"], "style_strength"),
        (["--seed=4", "--steps=3,5"], "seed, steps"),
        (["--content=first.png"], "pictures"),
        (["--smoothness=0"], "smoothness, terms"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value,
)
def test_resume_with_others_names_what_differs(stopped, tmp_path, warm_run, flags, differing):
    copy(stopped, tmp_path / "work")
    before = contents(tmp_path / "work")
    outcome = warm_run(tmp_path / "work", *ALL, *flags, "--resume")
    assert outcome.code == 1
    assert contents(tmp_path / "work") == before
    found = re.search(r"; ([\w, ]+) differ", outcome.lines[-1])[1]  # after notes on masks
    assert sorted(found.split(", ")) == differing.split(", ")


def test_resume_from_a_file_that_is_no_state_is_refused(folder, warm_refuse):
    (folder / "painted.png.state.npz").write_bytes(b"PK\x03\x04 and no more")
    line = warm_refuse(folder, *PICTURES, *SMALL, "--resume")
    assert "unfinished run" in line
    assert "painted.png.state.npz" in line


def test_resumed_twice_it_ends_in_the_same_picture(stopped, album, tmp_path, forked_run, warm_run):
    folder = tmp_path / "work"
    given = copy(stopped, folder)
    outcome = forked_run(folder, *ALL, "--resume", **interrupting(tmp_path / "change", 5))
    assert outcome.code == 130, outcome
    assert new_names(folder, given) == []
    assert record_of(folder / "painted.png")["interrupted_after"] == 6  # in the second scale
    succeed(warm_run(folder, *ALL, "--resume"))
    assert set(names_in(folder)) == given - {"painted.png.state.npz"}
    np.testing.assert_array_equal(pixels(folder / "painted.png"), pixels(album / "painted.png"))
    assert record_of(folder / "painted.png") == record_of(album / "painted.png")


def test_a_state_that_is_older_than_the_whole_picture_is_left_over(folder, given, warm_run):
    picture, state = folder / "painted.png", folder / "painted.png.state.npz"
    state.write_bytes(b"a state")
    write_picture(picture, make_photo(9, 9), text={"kerasart": "{}"})
    os.utime(picture, (2, 2))
    os.utime(state, (3, 3))  # Of another run, which did not come to its end.
    outcome = warm_run(folder, *PICTURES, *SMALL)
    assert "unfinished run" in outcome.stderr and state.exists()
    os.utime(state, (1, 1))
    succeed(warm_run(folder, *PICTURES, *SMALL))
    assert new_names(folder, given) == ["painted-2.png", "painted.png"]


def test_overwrite_starts_anew(stopped, tmp_path, warm_run):
    folder = tmp_path / "work"
    given = copy(stopped, folder)
    succeed(warm_run(folder, *PICTURES, *SMALL, "--overwrite"))
    assert set(names_in(folder)) == given - {"painted.png.state.npz"}
    assert "interrupted_after" not in record_of(folder / "painted.png")


def test_reproduction_of_an_interrupted_painting_is_whole_and_says_so(
    stopped, album, tmp_path, warm_run
):
    folder = tmp_path / "work"
    copy(stopped, folder)
    (folder / "painted.png.state.npz").unlink()
    outcome = succeed(warm_run(folder, "--reproduce=painted.png", *AGAIN), warnings=1)
    assert "interrupted after 2 steps" in outcome.lines[0]
    np.testing.assert_array_equal(pixels(folder / "painted-2.png"), pixels(album / "painted.png"))


@pytest.mark.parametrize("seconds", [30, 0])
def test_killed_run_leaves_only_a_state_that_is_old_enough(
    album, tmp_path, forked_run, warm_run, seconds
):
    folder = tmp_path / "work"
    folder.mkdir()
    write_pictures(folder, channels=4)
    before = contents(folder)
    change(
        tmp_path / "change",
        f"""
        from kerasart.optimization.checkpoint import Checkpoint

        Checkpoint.__init__.__defaults__ = ({seconds},)

        def killed(self, state, losses):
            import os, signal

            accept(self, state, losses)
            if self.number == 5:
                os.kill(os.getpid(), signal.SIGKILL)
        """,
        ACCEPT,
    )
    outcome = forked_run(folder, *ALL, PYTHONPATH=str(tmp_path / "change"))
    assert outcome.code == -signal.SIGKILL
    if seconds:
        assert contents(folder) == before
        return
    state = folder / "painted.png.state.npz"
    assert contents(folder) == before | {state: state.read_bytes()}
    succeed(warm_run(folder, *ALL, "--resume"))
    assert set(contents(folder)) == set(before) | {folder / "painted.png"}
    np.testing.assert_array_equal(pixels(folder / "painted.png"), pixels(album / "painted.png"))


def test_interrupted_before_l_bfgs_can_be_saved_it_does_not_promise_to_go_on(
    folder, given, forked_run, tmp_path
):
    flags = [*SMALL, "--optimizer=lbfgs", "--steps=5"]
    outcome = forked_run(folder, *PICTURES, *flags, **interrupting(tmp_path / "change", 2))
    assert outcome.code == 130, outcome
    assert "picture so far" in outcome.stdout
    assert "painted.png" in new_names(folder, given)
    promised = "--resume" in outcome.stdout
    assert promised == (folder / "painted.png.state.npz").exists()


def test_interrupted_sweep_promises_nothing_and_leaves_no_state(
    folder, given, forked_run, tmp_path
):
    flags = [*PICTURES, *SMALL, "--sweep=style_strength:1,4"]
    outcome = forked_run(folder, *flags, **interrupting(tmp_path / "change", 1))
    assert outcome.code == 130, outcome
    assert "--resume" not in outcome.stdout
    assert new_names(folder, given) == ["painted.style_strength-1.0.png"]


def test_sweep_does_not_resume(folder, warm_refuse):
    line = warm_refuse(folder, *PICTURES, *SMALL, "--sweep=style_strength:1,4", "--resume")
    assert "`resume` must not be given with `sweep`" in line


@pytest.mark.parametrize(
    ("style_loss", "layers"),
    [("gram", "fire2,fire4"), ("moments", "fire4"), ("wasserstein", "conv1,fire2,fire4,fire8")],
)
def test_loss_that_is_not_finite_ends_the_run_with_the_last_good_picture(
    folder, given, warm_run, style_loss, layers
):
    flags = [f"--style_loss={style_loss}", f"--style_layers={layers}"]
    flags += ["--optimizer=sgd", "--learning_rate=1e30", "--noclip"]
    outcome = warm_run(folder, *PICTURES, *SMALL, *flags, "--steps=5", "--preview_every=1")
    assert outcome.code == 1
    assert len(outcome.lines) == 1
    found = re.search(
        r"The loss must stay finite; the term '([^']+)' did not at step ([2-5])\. Received: ",
        outcome.lines[0],
    )
    assert found, outcome.lines
    assert re.search("fire|conv|variation", found[1])
    assert re.search(r"picture so far to painted\.png: 64x45", outcome.stdout)
    assert set(new_names(folder, given)) - {"painted.png.state.npz"} == {"painted.png"}
    assert record_of(folder / "painted.png")["interrupted_after"] == int(found[2]) - 1


def test_loss_that_is_not_finite_at_the_first_step_leaves_no_picture(folder, warm_refuse):
    line = warm_refuse(folder, *PICTURES, *SMALL, "--style_weight=1e38")
    assert "must stay finite" in line
    assert "at step 1. Received: " in line


# Transparency and metadata


def test_of_a_style_only_what_is_seen_is_painted(folder, warm_run):
    style = np.dstack([make_photo(80, 60, seed=3), np.full((60, 80), 255, np.uint8)])
    for name, hidden in (("magenta", (255, 0, 255)), ("green", (0, 255, 0))):
        style[:, 50:] = (*hidden, 0)
        Image.fromarray(style).save(folder / f"{name}.png")
        flags = [f"--style={name}.png", f"--output={name}_painted.png", *SMALL]
        succeed(warm_run(folder, "--content=photo.png", *flags))
    one, other = (folder / f"{name}_painted.png" for name in ("magenta", "green"))
    np.testing.assert_array_equal(pixels(one), pixels(other))
    Image.fromarray(style[..., :3]).save(folder / "opaque.png")
    flags = ["--style=opaque.png", "--output=opaque_painted.png", *SMALL]
    succeed(warm_run(folder, "--content=photo.png", *flags))
    assert np.abs(pixels(folder / "opaque_painted.png") - pixels(one)).max() > 0


def test_a_mask_and_transparency_both_count(folder, warm_run):
    style = np.dstack([make_photo(80, 60, seed=3), np.full((60, 80), 255, np.uint8)])
    mask = np.zeros((60, 80), np.uint8)
    mask[:, 20:] = 255
    Image.fromarray(mask).save(folder / "of_style.png")
    style[:, 50:, 3] = 0
    Image.fromarray(style).save(folder / "cut.png")
    write_picture(folder / "filled.png", read_picture(folder / "cut.png").image, bits=16)
    Image.fromarray(np.minimum(mask, style[..., 3])).save(folder / "both.png")
    for name, of_style in (("cut", "of_style"), ("filled", "both")):
        flags = [f"--style={name}.png", f"--style_mask={of_style}.png", *SMALL]
        output = f"--output={name}_painted.png"
        succeed(warm_run(folder, "--content=photo.png", *flags, output))
    one, other = (pixels(folder / f"{name}_painted.png") for name in ("cut", "filled"))
    assert np.abs(one - other).mean() < 0.5  # By the rounding of what is filled.


def test_metadata_of_the_photo_are_kept_unless_stripped(folder, warm_run):
    exif = Image.Exif()
    exif[0x8298] = "A. N. Other"
    Image.open(folder / "photo.png").save(folder / "photo.png", exif=exif, dpi=(300, 300))
    for name, *flags in (("kept.png",), ("bare.png", "--strip_metadata")):
        succeed(warm_run(folder, *PICTURES, *SMALL, f"--output={name}", *flags))
    with Image.open(folder / "kept.png") as kept:
        assert kept.getexif()[0x8298] == "A. N. Other"
        assert kept.info["dpi"] == pytest.approx((300, 300), abs=0.1)
    with Image.open(folder / "bare.png") as bare:
        assert not bare.getexif() and "dpi" not in bare.info
    assert record_of(folder / "kept.png") == record_of(folder / "bare.png")


# Films


def test_a_film_is_painted(folder, warm_run):
    frames = make_clip(folder / "clip.mp4", count=3)
    flags = "--content=clip.mp4", "--style=a.png", "--film_steps=1", *SMALL
    outcome = succeed(warm_run(folder, *flags))
    assert re.fullmatch(r"Wrote painted\.mp4: 3 frames, \d+ s\.\n", outcome.stdout)
    painted, sound = film_of(folder / "painted.mp4")
    assert [each.shape for each in painted] == [each.shape for each in frames]
    assert sound == film_of(folder / "clip.mp4")[1] and any(sound)
    assert np.abs(painted[2].astype(int) - frames[2]).mean() > 5


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--content=clip.mp4", "--sweep=style_strength:1,2"], "`sweep` does not go with a film"),
        (["--content=clip.mp4", "--content_mask=a.png"], "`content_mask` does not go with a film"),
        (["--content=clip.mp4", "--output=clip.mp4", "--overwrite"], "`output` must be another"),
        (["--content=photo.png", "--film_steps=3"], "`film_steps` goes with a film"),
    ],
)
def test_flags_that_do_not_go_with_a_film(folder, light_refuse, flags, message):
    make_clip(folder / "clip.mp4")
    assert message in light_refuse(folder, "--style=a.png", *SMALL, *flags)
