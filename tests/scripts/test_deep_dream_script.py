"""The deep_dream script, run as a user runs it: by itself, in a folder of its own."""

import configparser
import json
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import (
    ROOT,
    WITHOUT_GRAPHS,
    ask,
    assert_failed,
    change,
    film_of,
    finish,
    make_clip,
    make_photo,
    names_in,
    pixels,
    record_of,
    succeed,
    wait_for,
)
from PIL import Image, PngImagePlugin

import kerasart
from kerasart.settings.declare import names_of
from kerasart.settings.dream import DreamSettings
from kerasart.settings.presets import load_presets

SCRIPT = ROOT / "scripts" / "deep_dream.py"
PREPARE = WITHOUT_GRAPHS
SMALL = ("--backbone=squeezenet", "--size=64", "--steps=1", "--octaves=1")
GIBIBYTE = 2**30

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's limits on memory")


# Pictures that cannot be read


def test_missing_file(tmp_path, warm_refuse):
    line = warm_refuse(tmp_path, "--image=no-such.jpg")
    assert "'no-such.jpg'" in line
    assert line.endswith("Received: No such file or directory")


def test_folder_without_pictures(tmp_path, warm_refuse):
    (tmp_path / "album").mkdir()
    line = warm_refuse(tmp_path, "--image=album")
    assert "`image` must hold at least one picture file" in line
    assert line.endswith("Received: 'album', which holds none")


def test_empty_file(tmp_path, warm_refuse):
    (tmp_path / "empty.png").touch()
    line = warm_refuse(tmp_path, "--image=empty.png")
    assert "'empty.png'" in line
    assert "is empty" in line
    assert line.endswith("Received: 0 bytes")


def test_text_renamed_to_jpg(tmp_path, warm_refuse):
    (tmp_path / "notes.jpg").write_text("Buy bread.\nThen sleep.\n" * 50)
    line = warm_refuse(tmp_path, "--image=notes.jpg")
    assert "'notes.jpg'" in line
    assert "not a picture" in line
    assert "Received: a file that begins b'Buy brea'" in line


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_truncated_file(tmp_path, warm_refuse, suffix):
    whole = tmp_path / f"whole.{suffix}"
    Image.fromarray(make_photo(300, 200)).save(whole)
    data = whole.read_bytes()
    (tmp_path / f"half.{suffix}").write_bytes(data[: len(data) // 2])
    line = warm_refuse(tmp_path, f"--image=half.{suffix}")
    assert f"'half.{suffix}'" in line
    assert "truncated" in line
    assert line.endswith(f"Received: {len(data) // 2} bytes")


def test_decompression_bomb(tmp_path, refuse):
    Image.new("1", (20000, 20000)).save(tmp_path / "bomb.png")
    line = refuse(tmp_path, "--image=bomb.png", limits={resource.RLIMIT_AS: 4 * GIBIBYTE})
    assert "'bomb.png'" in line
    assert "400000000 pixels" in line
    assert "`max_pixels` raises" in line
    assert line.endswith("Received: 20000 x 20000 pixels")


def test_max_pixels_refuses(tmp_path, photo, warm_refuse):
    line = warm_refuse(tmp_path, "--image=photo.png", "--max_pixels=3974", *SMALL)  # it has 3975
    assert "3974" in line
    assert "Received: " in line


def test_max_pixels_is_not_for_a_bundled_photo(tmp_path, warm_run):
    succeed(warm_run(tmp_path, "--image=coffee", "--max_pixels=3974", *SMALL))


def test_max_pixels_goes_for_size_too(tmp_path, photo, warm_refuse):
    line = warm_refuse(tmp_path, "--image=photo.png", "--max_pixels=3975", "--size=76")
    assert "3975" in line
    assert "--max_pixels raises" in line
    assert line.endswith("Received: 76x54")


# Where the picture goes


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("no-folder/dream.png", "no-folder"),
        ("photo.png/dream.png", "photo.png"),
        ("dream.xyz", ".xyz"),
        ("dream", "suffix"),
    ],
)
def test_output_that_cannot_be_written(tmp_path, photo, warm_refuse, output, words):
    line = warm_refuse(tmp_path, "--image=photo.png", f"--output={output}")
    assert f"'{output}'" in line
    assert words in line
    assert "Received: " in line


@pytest.mark.parametrize(
    ("image", "name"), [("--image=photo.png", "photo"), ("--size=16", "dream")]
)
def test_in_a_folder_a_dream_has_the_photos_name(tmp_path, photo, warm_run, image, name):
    (tmp_path / "dreams").mkdir()
    init = [] if name == "photo" else ["--init=noise"]
    for written in (f"{name}.png", f"{name}-2.png"):
        outcome = succeed(warm_run(tmp_path, image, *init, *SMALL, "--output=dreams"))
        assert f"Wrote dreams/{written}: " in outcome.stdout
    assert names_in(tmp_path / "dreams") == [f"{name}-2.png", f"{name}.png"]


def test_a_photo_is_not_dreamed_over(tmp_path, photo, warm_refuse):
    line = warm_refuse(tmp_path, "--image=photo.png", "--output=.", "--overwrite")
    assert line.endswith("which --overwrite would replace. Received: 'photo.png' for both")


def test_16_bits_in_a_jpeg(tmp_path, warm_refuse):
    line = warm_refuse(tmp_path, "--output=dream.jpg", "--bits=16")
    assert "'dream.jpg'" in line
    assert "Received: bits=16" in line


@linux_only
def test_disk_that_takes_no_more(tmp_path, photo, forked_run):
    # A limit on the size of files is as a disk that is full, found out at the end only. It is
    # above what TensorFlow's own temporary files need.
    flags = ["--output=dream.bmp", *SMALL, "--size=400"]
    limits = {resource.RLIMIT_FSIZE: 200_000}
    outcome = forked_run(tmp_path, "--image=photo.png", *flags, limits=limits)
    assert outcome.code == 1
    assert names_in(tmp_path) == ["photo.png"]
    of_state, line = outcome.lines
    assert "the state of the run cannot be saved" in of_state
    assert "'dream.bmp.state.npz'" in of_state
    assert "'dream.bmp'" in line
    assert line.endswith("Received: File too large")


# Flags that do not parse


@pytest.mark.parametrize(
    ("flag", "named"),
    [
        ("--steps=0", "steps"),
        ("--steps=many", "steps"),
        ("--size=0", "size"),
        ("--seed=-1", "seed"),
        ("--precision=float16", "precision"),
        ("--bits=12", "bits"),
        ("--detail=later", "detail"),
        ("--rotation=181", "rotation"),
        ("--nonsense", "nonsense"),
        ("photo.png", "photo.png"),
    ],
)
def test_bad_flag(tmp_path, photo, warm_refuse, flag, named):
    line = warm_refuse(tmp_path, "--image=photo.png", flag, code=2)
    assert named in line
    assert "--help" in line


def test_debug_shows_a_traceback(tmp_path, warm_run):
    outcome = warm_run(tmp_path, "--image=no-such.jpg", "--debug")
    assert outcome.code == 1
    assert "Traceback (most recent call last)" in outcome.stderr
    assert "read_picture" in outcome.stderr
    assert "no-such.jpg" in outcome.lines[-1]
    assert names_in(tmp_path) == []


# What is refused before TensorFlow loads


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--preset=animal"], "Nearest: animals. Received: 'animal'"),
        (["--preset=mine.json"], "`preset` must be a file that can be read; 'mine.json' is none"),
        (["--layers=fire5:x"], "`layers` must be different layers"),
        (["--octaves=many"], "`octaves` must be a number from 1 to 32"),
        (["--octaves=5:-1"], "the smaller first, such as -2:2. Received: '5:-1'"),
        (["--memory=0"], "`memory` must be more than 0, in GiB. Received: 0.0"),
        (["--memory=-1"], "`memory` must be more than 0, in GiB. Received: -1.0"),
        (["--class=no such thing"], "`class` must be"),
        (["--octave_scale=1"], "`octave_scale` must be more than 1. Received: 1.0"),
        (["--scaling=1"], "`scaling` must be from 0 to less than 1. Received: 1.0"),
        (["--step_size=nan"], "`step_size` must be a finite number. Received: nan"),
        (["--similarity=dot"], "`guide` must be given for what is compared with it"),
        (["--preset=guided"], "`guide` must be given for what is compared with it"),
        (["--preset=sculpture", "--blur=1"], "`parameterization` must be pixels"),
        (["--smoothness=1", "--tv_weight=1"], "`tv_weight` must be 0 where smoothness is more"),
        (["--preset=ascent", "--optimizer=lbfgs"], "`smoothness` must be 0 for lbfgs"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_settings_are_refused_before_tensorflow_loads(tmp_path, light_refuse, flags, words):
    assert words in light_refuse(tmp_path, *flags)


# Help


FLAGS = """
    memory tile strip_metadata
    show image guide mask output size reproduce backbone weights precision list_layers preset layers
    channel neuron class activation border similarity reference pixel_loss pixel_weight
    pixel_reference smoothness tv_weight tv_beta tv_isotropic energy energy_weight octaves
    octave_scale steps optimizer
    step_size max_loss norm floor blur pyramid init init_noise parameterization pad jitter scaling
    rotation final_jitter detail clip antialias animate frames zoom rotate shift blend fps loop
    frame_size keep_frames steadiness from to every cuts film_quality sound preview film_steps
    address workers gpus_per_worker threads
    resume seed preview_every bits max_pixels overwrite quiet debug
""".split()


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_lists_every_flag_without_tensorflow(tmp_path, light_run, flag):
    outcome = succeed(light_run(tmp_path, flag))
    listed = re.findall(r"^  --(\w+)", outcome.stdout, re.MULTILINE)
    assert sorted(listed) == sorted(FLAGS)
    assert outcome.stdout.startswith("Dreams on a photo")
    assert "--precision=auto|float32|bfloat16" in outcome.stdout
    assert max(map(len, outcome.stdout.splitlines())) <= 100


def test_help_knows_every_flag_of_the_script():
    # The list above must not fall behind what the scripts define.
    code = """
import json
from absl import flags
from kerasart.scripts import deep_dream
modules = flags.FLAGS.flags_by_module_dict().items()
ours = [some for name, some in modules if name.startswith("kerasart.scripts")]
print(json.dumps([flag.name for some in ours for flag in some]))
"""
    assert sorted(ask(code)) == sorted(FLAGS)


def test_every_setting_of_a_dream_is_a_flag():
    assert set(names_of(DreamSettings)) - {"class_name"} < set(FLAGS)


def test_preset_help(tmp_path, warm_run):
    outcome = succeed(warm_run(tmp_path, "--preset=help"))
    presets = [line.partition(":")[0] for line in outcome.stdout.splitlines() if line[:1] != " "]
    assert presets == list(load_presets("deep_dream"))
    assert "keras.io" in outcome.stdout
    assert names_in(tmp_path) == []


def test_list_layers(tmp_path, warm_run):
    outcome = succeed(warm_run(tmp_path, "--backbone=squeezenet", "--list_layers"))
    heading, *rows = outcome.stdout.splitlines()
    assert heading.split() == ["layer", "stride", "channels", "receptive", "field"]
    table = {row.split()[0]: row.split()[1:] for row in rows}
    assert table["conv1"] == ["2", "64", "3"]
    assert table["pool1"] == ["4", "64", "7"]
    assert table["fire2_squeeze1x1"] == ["4", "16", "7"]
    assert table["fire2_expand3x3"] == ["4", "64", "15"]
    assert table["fire3"] == ["4", "128", "23"]
    assert table["conv10"][:2] == ["16", "1000"]
    assert names_in(tmp_path) == []


def test_layers_are_listed_as_far_as_there_are_weights(tmp_path, warm_run):
    def last(*flags):
        return succeed(warm_run(tmp_path, *flags, "--list_layers")).stdout.splitlines()[-1].split()

    assert last()[0] == "block5_pool"  # The default preset's network is VGG16.
    assert last("--preset=sculpture") == ["mixed5", "16", "768", "543"]


def test_installed_command():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    commands = config["options.entry_points"]["console_scripts"].split("\n")
    assert "kerasart-deep-dream = kerasart.scripts.deep_dream:run" in commands
    code = "import kerasart.scripts.deep_dream as module; print(module.run)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.startswith("<function run")


# A dream with all settings, and what can be made of its record


RECORDED = {
    "preset": "ascent",
    "backbone": "squeezenet",
    "weights": "bundled",
    "precision": "float32",
    "seed": 3,
    "size": 64,
    "layers": {"fire4": 0.5, "fire5": 1.5},
    "activation": "mean",
    "border": 1,
    "tv_weight": 10.0,
    "octaves": [-1, 0],
    "octave_scale": 1.25,
    "steps": 2,
    "step_size": 0.02,
    "max_loss": 1e9,
    "norm": "std",
    "jitter": 5,
    "detail": "after",
    "clip": False,
    "antialias": False,
    "channel": {"fire4:3": 1.0, "fire5:7": -0.5},
    "neuron": True,
    "pixel_loss": "l1",
    "pixel_weight": -0.5,
    "tv_beta": 2.5,
    "tv_isotropic": True,
    "energy": 0.25,
    "blur": 0.5,
    "pyramid": 2,
    "init_noise": 0.01,
    "pad": 4,
    "scaling": 0.05,
    "rotation": 3.0,
    "final_jitter": 1,
}


@pytest.fixture(scope="module")
def album(tmp_path_factory, forked_run):
    """A folder with an RGBA photo and a dream on it at another size, with every setting."""
    folder = tmp_path_factory.mktemp("album")
    Image.fromarray(make_photo(75, 53, channels=4)).save(folder / "photo.png")
    Image.fromarray(make_photo(75, 53, seed=1)).save(folder / "other.png")
    texts = {"layers": "fire4:0.5,fire5:1.5", "channel": "fire4:3,fire5:7:-0.5", "octaves": 2}
    given = RECORDED | texts
    flags = [f"--{name}={value}" for name, value in given.items()]
    outcome = succeed(forked_run(folder, "--image=photo.png", *flags))
    assert "dream.png: 64x45" in outcome.stdout
    assert len(outcome.stdout.splitlines()) == 1
    return folder


def test_record(album):
    record = record_of(album / "dream.png")
    assert {name: record[name] for name in RECORDED} == RECORDED
    assert record["version"] == kerasart.__version__
    assert re.fullmatch("[0-9a-f]{16}", record["weights_hash"])


def test_size_and_alpha(album):
    with Image.open(album / "dream.png") as dream:
        assert dream.mode == "RGBA"
        assert dream.size == (64, 45)
        alpha = np.asarray(dream)[..., 3].astype(int)
    with Image.open(album / "photo.png") as photo:
        small = photo.getchannel("A").resize((64, 45), Image.Resampling.BILINEAR)
    assert np.ptp(alpha) > 100
    assert np.abs(alpha - np.asarray(small)).max() <= 3


def test_reproduction_is_the_same_picture(album, tmp_path, warm_run):
    shutil.copy(album / "photo.png", tmp_path)
    shutil.copy(album / "dream.png", tmp_path)
    before = (tmp_path / "dream.png").read_bytes()
    outcome = succeed(warm_run(tmp_path, "--reproduce=dream.png", "--image=photo.png"))
    assert "dream-2.png" in outcome.stdout  # a name that is taken gets a number
    assert names_in(tmp_path) == ["dream-2.png", "dream.png", "photo.png"]
    assert (tmp_path / "dream.png").read_bytes() == before
    np.testing.assert_array_equal(pixels(tmp_path / "dream-2.png"), pixels(album / "dream.png"))
    assert record_of(tmp_path / "dream-2.png") == record_of(album / "dream.png")


def test_a_record_of_the_first_version_makes_the_same_picture(tmp_path, photo, warm_run):
    flags = ["--image=photo.png", *SMALL, "--smoothness=0", "--tv_weight=20000"]
    succeed(warm_run(tmp_path, *flags))
    record = record_of(tmp_path / "dream.png")
    # There the raw weight was called smoothness.
    old = {name: value for name, value in record.items() if name != "energy_weight"}
    old["smoothness"] = old.pop("tv_weight")
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text("kerasart", json.dumps(old))
    with Image.open(tmp_path / "dream.png") as dream:
        dream.save(tmp_path / "old.png", pnginfo=chunks)
    succeed(warm_run(tmp_path, "--reproduce=old.png", "--image=photo.png", "--output=new.png"))
    np.testing.assert_array_equal(pixels(tmp_path / "new.png"), pixels(tmp_path / "dream.png"))
    assert record_of(tmp_path / "new.png") == record
    # A strength that is given takes the place of the recorded weight.
    flags = ["--reproduce=old.png", "--image=photo.png", "--smoothness=0.5", "--output=other.png"]
    succeed(warm_run(tmp_path, *flags))
    assert record_of(tmp_path / "other.png") == record | {"smoothness": 0.5, "tv_weight": 0.0}


def test_a_preset_of_ones_own_makes_a_picture_that_can_be_made_again_without_it(
    tmp_path, photo, warm_run, warm_refuse
):
    preset = {"settings": {"steps": 2, "octaves": "-1:0", "max_loss": 1e9, "layers": "fire5:2"}}
    (tmp_path / "mine.json").write_text(json.dumps(preset))
    flags = ["--image=photo.png", "--backbone=squeezenet", "--size=64"]
    outcome = succeed(warm_run(tmp_path, *flags, "--preset=./mine.json", "--steps=1"))
    assert "preset ./mine.json" in outcome.stdout
    record = record_of(tmp_path / "dream.png")
    expected = {
        "preset": "./mine.json",
        "steps": 1,
        "octaves": [-1, 0],
        "max_loss": 1e9,
        "layers": {"fire5": 2.0},
    }
    assert {name: record[name] for name in expected} == expected
    # What is recorded counts, not what has become of the file.
    preset["settings"] |= {"blur": 2.0, "octaves": 3}
    for text in (json.dumps(preset), "no preset", None):
        (tmp_path / "mine.json").write_text(text) if text else (tmp_path / "mine.json").unlink()
        again = ["--reproduce=dream.png", "--image=photo.png", "--output=again.png", "--overwrite"]
        succeed(warm_run(tmp_path, *again))
        assert record_of(tmp_path / "again.png") == record
        np.testing.assert_array_equal(
            pixels(tmp_path / "again.png"), pixels(tmp_path / "dream.png")
        )
    line = warm_refuse(tmp_path, *again, "--preset=./mine.json")
    assert "'./mine.json' is none. Received: No such file" in line


def test_flag_given_overrides_the_record(album, tmp_path, warm_run):
    flags = ["--seed=4", "--bits=16", "--overwrite"]
    shutil.copy(album / "dream.png", tmp_path)
    succeed(warm_run(tmp_path, "--reproduce=dream.png", f"--image={album / 'photo.png'}", *flags))
    assert names_in(tmp_path) == ["dream.png"]
    assert record_of(tmp_path / "dream.png") == record_of(album / "dream.png") | {
        "seed": 4,
        "bits": 16,
    }

    deep = (tmp_path / "dream.png").read_bytes()
    assert deep[24] == 16  # the bit depth of a PNG, in its header
    picture = kerasart.read_picture(tmp_path / "dream.png")
    levels = np.round(picture.image * 65535).astype(int)
    assert (levels % 257 != 0).mean() > 0.9  # not 8 bits in a file for 16
    assert picture.alpha is not None
    other_seed = levels[0] / 65535 * 255
    assert np.abs(other_seed - pixels(album / "dream.png")[..., :3]).max() > 2


def test_reproduction_from_another_photo_warns(album, tmp_path, warm_run):
    flags = [f"--reproduce={album / 'dream.png'}", f"--image={album / 'other.png'}", "--quiet"]
    outcome = succeed(warm_run(tmp_path, *flags), warnings=1)
    assert "`photo` is not" in outcome.lines[0]
    assert "recorded picture" in outcome.lines[0]
    assert outcome.stdout == ""
    record, former = record_of(tmp_path / "dream.png"), record_of(album / "dream.png")
    assert record["photo_hash"] != former["photo_hash"]
    assert record | {"photo_hash": 0} == former | {"photo_hash": 0}


def test_preset_given_with_a_record_is_not_ignored(album, tmp_path, warm_run):
    # The record holds every setting, so that a preset given beside it could change none.
    flags = [f"--reproduce={album / 'dream.png'}", f"--image={album / 'photo.png'}"]
    outcome = warm_run(tmp_path, *flags, "--preset=animals", "--steps=1", "--octaves=1")
    if outcome.code == 0:
        record = record_of(tmp_path / "dream.png")
        assert record["preset"] == "animals"
        assert set(record["layers"]) == {"fire7", "fire8"}
        assert record["activation"] == "squared"
    else:
        assert_failed(outcome, 1)
        assert "preset" in outcome.lines[0]


@pytest.mark.parametrize("text", [None, "not JSON", "[1, 2]", "7"])
def test_reproduce_needs_a_record(tmp_path, warm_refuse, text):
    chunks = PngImagePlugin.PngInfo()
    if text is not None:
        chunks.add_text("kerasart", text)
    Image.fromarray(make_photo(40, 30)).save(tmp_path / "plain.png", pnginfo=chunks)
    line = warm_refuse(tmp_path, "--reproduce=plain.png", *SMALL)
    assert "`reproduce` must be" in line
    assert line.endswith("Received: 'plain.png'")


def test_reproduce_needs_a_record_of_a_dream(tmp_path, warm_refuse):
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text("kerasart", json.dumps({"model": "medium", "style": {"mosaic": 1.0}}))
    Image.fromarray(make_photo(40, 30)).save(tmp_path / "painted.png", pnginfo=chunks)
    line = warm_refuse(tmp_path, "--reproduce=painted.png", *SMALL)
    assert "`reproduce` must be a PNG that was made by the same script, with 'octaves'" in line


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--neuron"], "`neuron` goes with --channel. Received: --neuron without it"),
        (["--reference=start"], "`reference` goes with --similarity."),
        (["--pixel_weight=3"], "`pixel_weight` goes with --pixel_loss."),
        (["--smoothness=0", "--tv_beta=1"], "`tv_beta` goes with --smoothness or --tv_weight."),
        (["--octaves=1", "--octave_scale=2"], "`octave_scale` goes with --octaves other than 1."),
        (["--optimizer=adam", "--norm=std"], "`norm` goes with --optimizer=ascent."),
    ],
)
def test_a_flag_without_what_it_needs_is_refused(tmp_path, warm_refuse, flags, words):
    assert words in warm_refuse(tmp_path, *flags)


def test_reproduce_of_a_missing_file(tmp_path, warm_refuse):
    assert "'no-such.png'" in warm_refuse(tmp_path, "--reproduce=no-such.png")


# A photo that stands on its side, at its own odd size, into a JPEG


@pytest.fixture(scope="module")
def upright(tmp_path_factory, forked_run):
    """A folder with a JPEG of 67x49 that EXIF turns, and the faintest of dreams on it."""
    folder = tmp_path_factory.mktemp("upright")
    exif = Image.Exif()
    exif[0x0112] = 6  # stored lying on its left side
    lying = Image.fromarray(make_photo(67, 49))
    lying.save(folder / "lying.jpg", exif=exif, quality=95)
    (folder / "dream.jpg").write_text("a former file")
    (folder / "dream.preview.png").write_text("a file of the user's")
    outcome = forked_run(
        folder,
        "--image=lying.jpg",
        "--output=dream.jpg",
        "--overwrite",
        "--quiet",
        "--backbone=squeezenet",
        "--steps=1",
        "--octaves=1",
        "--step_size=1e-6",
    )
    return folder, succeed(outcome)


def test_output_has_the_size_of_the_upright_photo(upright):
    with Image.open(upright[0] / "dream.jpg") as dream:
        assert dream.format == "JPEG"
        assert dream.size == (49, 67)
        assert dream.getexif().get(0x0112, 1) == 1


def test_output_stands_upright(upright):
    folder, _ = upright
    with Image.open(folder / "lying.jpg") as lying:
        expected = np.rot90(np.asarray(lying).astype(int), -1)
    difference = np.abs(pixels(folder / "dream.jpg") - expected)
    assert difference.mean() < 2
    assert difference.max() < 20


def test_quiet_prints_nothing(upright):
    assert upright[1].stdout == ""
    assert upright[1].stderr.replace("\r", "").strip() == ""


def test_overwrite_replaces(upright):
    names = {"dream.jpg", "dream.preview.png", "lying.jpg"}
    assert set(names_in(upright[0])) - {"dream.preview.png"} == names - {"dream.preview.png"}


def test_file_named_as_a_preview_would_be_is_kept(upright):
    assert (upright[0] / "dream.preview.png").exists()
    assert (upright[0] / "dream.preview.png").read_text() == "a file of the user's"


# Many photos


def fill(folder, count=2):
    folder.mkdir()
    for number in range(count):
        Image.fromarray(make_photo(60, 48, seed=number)).save(folder / f"{number}.png")


def test_a_folder_is_dreamed_on_by_one_step_and_goes_on(tmp_path, warm_run):
    fill(tmp_path / "photos")
    (tmp_path / "photos" / "0bad.jpg").write_text("no picture")
    flags = [*SMALL, "--layers=fire3", "--image=photos", "--output=dreams"]
    outcome = warm_run(tmp_path, *flags)
    assert outcome.code == 1 and len(outcome.lines) == 2
    assert outcome.lines[0].startswith("deep_dream: left out: Cannot read 'photos/0bad.jpg'")
    assert outcome.lines[1].endswith("Received: 1 that cannot, such as 'photos/0bad.jpg'")
    assert outcome.stdout.splitlines()[-1] == "Painted 2 of 3."
    assert names_in(tmp_path / "dreams") == ["0.png", "1.png"]
    one = record_of(tmp_path / "dreams" / "1.png")
    succeed(warm_run(tmp_path, *flags[:-2], "--image=photos/1.png", "--output=one.png"))
    assert record_of(tmp_path / "one.png") == one
    np.testing.assert_array_equal(pixels(tmp_path / "one.png"), pixels(tmp_path / "dreams/1.png"))

    (tmp_path / "photos" / "0bad.jpg").unlink()
    (tmp_path / "dreams" / "0.png").unlink()
    before = (tmp_path / "dreams" / "1.png").stat().st_mtime_ns
    flags[-2] = "--image=photos/*.png"
    outcome = succeed(warm_run(tmp_path, *flags))
    assert outcome.stdout.startswith(
        "1 of 2 are painted already (--overwrite paints them anew).\nWrote dreams/0.png: 64x51"
    )
    assert (tmp_path / "dreams" / "1.png").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--animate=zoom"], "`image` must be one photo to animate. Received: 'photos'"),
        (["--output=dream.png"], "`output` must be a folder for several files"),
        (["--output=photos"], "must be another folder than the files'"),
        (["--image=no/*.png"], "`image` must be a photo, a folder, or a pattern of files that are"),
    ],
)
def test_a_folder_that_cannot_be_dreamed_on(tmp_path, warm_refuse, flags, words):
    fill(tmp_path / "photos")
    assert words in warm_refuse(tmp_path, "--image=photos", *SMALL, *flags)


def test_the_class_is_named_on_the_terminal_and_in_the_record(tmp_path, photo, warm_run):
    outcome = succeed(warm_run(tmp_path, "--image=photo.png", *SMALL, "--class=egyptian"))
    assert outcome.stdout.startswith("Dreaming of class 285: Egyptian cat.\nWrote dream.png")
    assert record_of(tmp_path / "dream.png")["class"] == "285: Egyptian cat"


# Octaves and networks


def test_octave_too_small_is_dropped_and_said(tmp_path, photo, warm_run):
    # 8, 16 and 32 pixels are too few for fire8 somewhere; 64 are enough.
    flags = ["--octaves=4", "--octave_scale=2", "--preview_every=1"]
    outcome = succeed(warm_run(tmp_path, "--image=photo.png", *SMALL[:3], *flags), warnings=1)
    dropped = re.search(r"(\d) of 4 octaves left out", outcome.lines[0])
    assert 1 <= int(dropped[1]) <= 3
    assert "squeezenet" in outcome.lines[0]
    assert names_in(tmp_path) == ["dream.png", "photo.png"]  # and no preview
    with Image.open(tmp_path / "dream.png") as dream:
        assert dream.size == (64, 45)


def test_picture_too_small(tmp_path, warm_refuse):
    Image.fromarray(make_photo(9, 8)).save(tmp_path / "tiny.png")
    line = warm_refuse(tmp_path, "--image=tiny.png", "--backbone=squeezenet", "--layers=fire5")
    assert "squeezenet" in line
    assert re.search(r"at least (\d+)x\1 pixels", line)
    assert line.endswith("Received: 9x8")


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_coefficient_that_is_not_finite(tmp_path, photo, warm_refuse, value):
    line = warm_refuse(tmp_path, "--image=photo.png", *SMALL, f"--layers=fire5:1.0,fire6:{value}")
    assert "`layers`" in line
    assert "finite" in line
    assert value in line.split("Received: ")[1]


@pytest.mark.parametrize(
    ("flags", "near", "received"),
    [
        (["--layers=fier5_expand3x3"], "fire5_expand3x3", "'fier5_expand3x3'"),
        (["--preset=animal"], "Nearest: animals", "'animal'"),
        (["--backbone=sqeezenet"], "Nearest: squeezenet", "'sqeezenet'"),
    ],
)
def test_unknown_name(tmp_path, photo, warm_refuse, flags, near, received):
    line = warm_refuse(tmp_path, "--image=photo.png", *SMALL, *flags)
    assert near in line
    assert line.endswith(f"Received: {received}")


@pytest.fixture(scope="module")
def weights_file(tmp_path_factory):
    """A file of SqueezeNet's weights, random ones."""
    from kerasart.backbones.squeezenet import SqueezeNet

    path = tmp_path_factory.mktemp("weights") / "network.weights.h5"
    SqueezeNet().save_weights(path)
    return path


@pytest.fixture
def spoil(weights_file, tmp_path):
    """Changes the first convolution's kernel in a copy of the file."""
    import h5py

    def spoil(change):
        shutil.copy(weights_file, tmp_path)
        with h5py.File(tmp_path / weights_file.name, "a") as file:
            kernel = file["layers/conv2d/vars/0"][()]
            del file["layers/conv2d/vars/0"]
            file["layers/conv2d/vars/0"] = change(kernel)

    return spoil


def test_weights_with_nan(tmp_path, photo, warm_refuse, spoil):
    spoil(lambda kernel: np.where(kernel == kernel.max(), np.nan, kernel))
    line = warm_refuse(tmp_path, "--image=photo.png", *SMALL, "--weights=network.weights.h5")
    assert "'network.weights.h5'" in line
    assert "NaN" in line
    assert "Received: 1 non-finite (/layers/conv2d/vars/0)" in line


def test_misshapen_weights(tmp_path, photo, warm_refuse, spoil):
    spoil(lambda kernel: kernel[..., :-1])
    line = warm_refuse(tmp_path, "--image=photo.png", *SMALL, "--weights=network.weights.h5")
    assert "'network.weights.h5'" in line
    assert "1 misshapen (/layers/conv2d/vars/0" in line
    assert "(3, 3, 3, 63)" in line
    assert "(3, 3, 3, 64)" in line


def test_missing_weights_file(tmp_path, photo, warm_refuse):
    line = warm_refuse(tmp_path, "--image=photo.png", *SMALL, "--weights=no-such.weights.h5")
    assert line.endswith("Received: path 'no-such.weights.h5'")


def test_named_network_without_its_weights(tmp_path, photo, warm_run):
    outcome = warm_run(tmp_path, "--image=photo.png", "--backbone=resnet50", "--quiet")
    assert_failed(outcome, 1)
    assert "resnet50" in outcome.lines[0]
    assert "--weights=PATH" in outcome.lines[0]
    assert "--weights=bundled with --backbone=vgg16" in outcome.lines[0]
    assert "Received: " in outcome.lines[0]
    assert names_in(tmp_path) == ["photo.png"]


def test_auto_needs_no_network_and_says_nothing(tmp_path, photo, forked_run):
    with socket.create_server(("127.0.0.1", 0)) as server:
        # One that takes connections and never says a word.
        proxy = f"http://127.0.0.1:{server.getsockname()[1]}"
        flags = ["--image=photo.png", "--size=80", "--steps=1", "--octaves=1"]
        succeed(forked_run(tmp_path, *flags, http_proxy=proxy, https_proxy=proxy))
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()
    record = record_of(tmp_path / "dream.png")
    assert (record["backbone"], record["weights"]) == ("vgg16", "bundled")


def test_a_damaged_file_in_the_cache_is_refused(tmp_path, photo, environment, warm_run):
    # As a download that was killed leaves it.
    models = Path(environment["KERAS_HOME"]) / "models"
    models.mkdir(exist_ok=True)
    damaged = models / "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5"
    damaged.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(1000))
    flags = ["--image=photo.png", "--backbone=inception_v3", "--weights=imagenet", "--quiet"]
    outcome = warm_run(tmp_path, *flags)
    damaged.unlink(missing_ok=True)
    assert_failed(outcome, 1)
    assert "inception_v3 are not in Keras's cache" in outcome.lines[0]


# Memory


@linux_only
def test_picture_that_cannot_fit_into_memory(tmp_path, photo, forked_refuse):
    # The limit keeps the machine safe from a script that would try all the same.
    line = forked_refuse(
        tmp_path,
        "--image=photo.png",
        "--backbone=squeezenet",
        "--size=200000",
        "--max_pixels=200000000000",
        limits={resource.RLIMIT_AS: 32 * GIBIBYTE},
    )
    assert "memory" in line
    assert "squeezenet" in line
    fitting = int(re.search(r"--size=(\d+)", line)[1])
    assert 100 < fitting < 200000
    assert re.search(r"Received: .*200000x", line)


@linux_only
def test_size_that_would_fit_counts_larger_octaves(tmp_path, photo, forked_refuse):
    # The largest octave is 100 times the photo's size; the advice is on the photo's.
    line = forked_refuse(
        tmp_path,
        "--image=photo.png",
        "--backbone=squeezenet",
        "--size=2000",
        "--octaves=0:2",
        "--octave_scale=10",
        limits={resource.RLIMIT_AS: 32 * GIBIBYTE},
    )
    assert int(re.search(r"--size=(\d+)", line)[1]) < 2000


@linux_only
def test_tensorflow_out_of_memory(tmp_path, photo, forked_run):
    # A step that asks for 4 TiB: what TensorFlow does when an estimate was too hopeful.
    change(
        tmp_path / "change",
        """
        def hungry(self, state, targets, weights, seed, *rest):
            import tensorflow as tf

            more = tf.zeros(tf.stack([1 + tf.cast(seed[1], tf.int64) * 2**40]))
            state = state._replace(image=state.image + tf.reduce_sum(more))
            return step(self, state, targets, weights, seed, *rest)
        """,
    )
    outcome = forked_run(
        tmp_path,
        "--image=photo.png",
        *SMALL,
        "--steps=3",
        "--preview_every=1",
        limits={resource.RLIMIT_AS: 32 * GIBIBYTE},
        PYTHONPATH=str(tmp_path / "change"),
    )
    assert_failed(outcome, 1)
    assert "memory" in outcome.lines[0].lower()
    assert "64x45" in outcome.lines[0]
    assert int(re.search(r"--size=(\d+)", outcome.lines[0])[1]) < 64
    assert "Received: " in outcome.lines[0]
    assert names_in(tmp_path) == ["change", "photo.png"]


def test_error_on_the_way_saves_the_last_good_picture_and_leaves_no_preview(
    tmp_path, photo, warm_run
):
    flags = ["--preset=ascent", "--noclip", "--step_size=1e30", "--steps=5", "--preview_every=1"]
    outcome = warm_run(tmp_path, "--image=photo.png", *SMALL, *flags)
    assert outcome.code == 1
    assert len(outcome.lines) == 1
    assert outcome.lines[0].startswith("deep_dream: The loss must stay finite")
    step = int(re.search(r"at step ([2-5])\. Received: ", outcome.lines[0])[1])
    assert re.search(r"picture so far to dream\.png: 64x45", outcome.stdout)
    assert names_in(tmp_path) == ["dream.png", "photo.png"]
    assert record_of(tmp_path / "dream.png")["interrupted_after"] == step - 1


# Ctrl-C


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_saves_the_picture_so_far(tmp_path, photo, forked_start, number):
    flags = ["--size=96", "--steps=100000", "--octaves=2", "--preview_every=1"]
    process = forked_start(tmp_path, "--image=photo.png", "--backbone=squeezenet", *flags)
    wait_for((tmp_path / "dream.preview.png").exists, process)
    with Image.open(tmp_path / "dream.preview.png") as preview:
        assert preview.size == (96, 68)
    process.send_signal(number)
    outcome = finish(process)
    assert outcome.code == 130, outcome
    assert "Traceback" not in outcome.stderr
    assert outcome.lines == []
    assert re.search(r"picture so far to dream\.png: 96x68", outcome.stdout)
    assert "--resume" in outcome.stdout.splitlines()[-1]
    assert names_in(tmp_path) == ["dream.png", "dream.png.state.npz", "photo.png"]
    with Image.open(tmp_path / "photo.png") as picture:
        photo_fitted = np.asarray(picture.resize((96, 68), Image.Resampling.BILINEAR)).astype(int)
    dream = pixels(tmp_path / "dream.png")
    assert dream.shape == (68, 96, 3)
    assert np.abs(dream - photo_fitted).mean() > 1
    record = record_of(tmp_path / "dream.png")
    assert record["steps"] == 100000
    assert 1 <= record["interrupted_after"] < 100000


def test_interrupt_while_the_photo_is_read(tmp_path, photo, refuse):
    change(
        tmp_path / "change",
        """
        def interrupted(*arguments):
            import os, signal

            os.kill(os.getpid(), signal.SIGINT)
            return decode(*arguments)
        """,
        "kerasart.image.files.decode",
    )
    changed = {"PYTHONPATH": str(tmp_path / "change"), "PYTHONDONTWRITEBYTECODE": "1"}
    line = refuse(tmp_path, "--image=photo.png", *SMALL, code=130, **changed)
    assert line == "deep_dream: interrupted"


def test_interrupt_while_tensorflow_loads(tmp_path, photo, refuse):
    # In its place is what the user does meanwhile.
    (tmp_path / "change").mkdir()
    (tmp_path / "change" / "tensorflow.py").write_text(
        "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(60)\n"
    )
    changed = {"PYTHONPATH": str(tmp_path / "change"), "PYTHONDONTWRITEBYTECODE": "1"}
    line = refuse(tmp_path, "--image=photo.png", *SMALL, code=130, **changed)
    assert line == "deep_dream: interrupted"


def test_interrupt_in_the_midst_of_the_first_step(
    tmp_path, photo, forked_run, warm_run, warm_refuse
):
    # The step is taken to its end, so that no library is left in the midst of its work.
    change(
        tmp_path / "change",
        """
        def interrupted(*arguments):
            import os, signal

            os.kill(os.getpid(), signal.SIGINT)
            return step(*arguments)
        """,
    )
    outcome = forked_run(tmp_path, "--image=photo.png", *SMALL, PYTHONPATH=str(tmp_path / "change"))
    assert outcome.code == 130
    assert outcome.lines == []
    assert names_in(tmp_path) == ["change", "dream.png", "dream.png.state.npz", "photo.png"]
    assert record_of(tmp_path / "dream.png")["interrupted_after"] == 1
    line = warm_refuse(tmp_path, "--image=photo.png", *SMALL)
    assert "unfinished run" in line and "--resume" in line and "--overwrite" in line
    line = warm_refuse(tmp_path, "--image=photo.png", *SMALL, "--resume", "--seed=3")
    assert "; seed differ" in line
    # The picture so far gives way to the whole one; what the user put in its place does not.
    shutil.copy(tmp_path / "dream.png.state.npz", tmp_path / "own.png.state.npz")
    shutil.copy(tmp_path / "photo.png", tmp_path / "own.png")
    succeed(warm_run(tmp_path, "--image=photo.png", *SMALL, "--resume"))
    succeed(warm_run(tmp_path, "--image=photo.png", *SMALL, "--resume", "--output=own.png"))
    succeed(warm_run(tmp_path, "--image=photo.png", *SMALL, "--output=straight.png"))
    made = ["change", "dream.png", "own-2.png", "own.png", "photo.png", "straight.png"]
    assert names_in(tmp_path) == made
    assert (tmp_path / "own.png").read_bytes() == (tmp_path / "photo.png").read_bytes()
    np.testing.assert_array_equal(pixels(tmp_path / "own-2.png"), pixels(tmp_path / "dream.png"))
    np.testing.assert_array_equal(pixels(tmp_path / "dream.png"), pixels(tmp_path / "straight.png"))
    assert record_of(tmp_path / "dream.png") == record_of(tmp_path / "straight.png")


def test_a_jpeg_so_far_stays_unless_it_is_overwritten(tmp_path, photo, forked_run, warm_run):
    change(
        tmp_path / "change",
        """
        def interrupted(*arguments):
            import os, signal

            os.kill(os.getpid(), signal.SIGINT)
            return step(*arguments)
        """,
    )
    flags = "--image=photo.png", "--output=dream.jpg", *SMALL
    outcome = forked_run(tmp_path, *flags, PYTHONPATH=str(tmp_path / "change"))
    advice = "with --resume continues it, in another file; with --resume --overwrite in dream.jpg."
    assert outcome.code == 130 and outcome.stdout.endswith(f"The same command {advice}\n")
    state = (tmp_path / "dream.jpg.state.npz").read_bytes()
    said, wrote = succeed(warm_run(tmp_path, *flags, "--resume")).stdout.splitlines()
    assert said == "dream.jpg stays: only a PNG that says that it is unfinished is replaced."
    assert wrote.startswith("Wrote dream-2.jpg: ")
    (tmp_path / "dream.jpg.state.npz").write_bytes(state)
    outcome = succeed(warm_run(tmp_path, *flags, "--resume", "--overwrite"))
    assert outcome.stdout.startswith("Wrote dream.jpg: ")
    first, second = (pixels(tmp_path / name) for name in ("dream.jpg", "dream-2.jpg"))
    np.testing.assert_array_equal(first, second)


def test_resume_needs_a_state(tmp_path, photo, warm_refuse):
    line = warm_refuse(tmp_path, "--image=photo.png", *SMALL, "--resume")
    assert line.endswith("Received: no dream.png.state.npz")


def test_a_second_interrupt_goes_through_at_once(tmp_path, photo, forked_run):
    # While TensorFlow builds the step no picture has been moved: there is none to save.
    change(
        tmp_path / "change",
        """
        def interrupted(*arguments):
            import os, signal, time

            for _ in range(2):
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(0.1)
            time.sleep(60)
        """,
    )
    outcome = forked_run(tmp_path, "--image=photo.png", *SMALL, PYTHONPATH=str(tmp_path / "change"))
    assert_failed(outcome, 130)
    assert outcome.lines == ["deep_dream: interrupted"]
    assert names_in(tmp_path) == ["change", "photo.png"]


@pytest.mark.parametrize(
    ("record", "named"),
    [
        ({"seed": "x"}, "'seed'"),
        ({"seed": 10**20}, "'seed'"),
        ({"size": -3}, "'size'"),
        ({"bits": [8]}, "'bits'"),
        ({"backbone": 5}, "'backbone'"),
        ({"preset": {}}, "'preset'"),
        ({"precision": None}, "'precision'"),
        ({"layers": 3}, "`layers`"),
        ({"layers": {"fire3": "x" * 100_000}}, "`layers`"),
        ({"steps": "many"}, "`steps`"),
        ({"smoothness": [1], "tv_weight": 0.0}, "`smoothness`"),
        ({"smoothness": [1]}, "`tv_weight`"),  # As the first version called it.
        ({"jitter": 1e300}, "`jitter`"),
        ({"clip": "no"}, "`clip`"),
        ({"class_name": [3]}, "`class`"),
        ({"channel": [["fire3", 1]]}, "`channel`"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_record_of_another_type_is_refused(tmp_path, photo, warm_refuse, record, named):
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text("kerasart", json.dumps({"octaves": 2} | record))
    Image.fromarray(make_photo(40, 30)).save(tmp_path / "odd.png", pnginfo=chunks)
    line = warm_refuse(
        tmp_path, "--reproduce=odd.png", "--image=photo.png", "--backbone=squeezenet"
    )
    assert named in line and "Received: " in line and len(line) < 1500


def test_nesting_without_end_is_no_record(tmp_path, warm_refuse):
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text("kerasart", "[" * 100_000)
    Image.fromarray(make_photo(40, 30)).save(tmp_path / "odd.png", pnginfo=chunks)
    assert "`reproduce` must be a PNG" in warm_refuse(tmp_path, "--reproduce=odd.png")


# Films


def test_a_film_is_dreamed_on(tmp_path, warm_run):
    frames = make_clip(tmp_path / "clip.mp4", count=3)
    flags = "--image=clip.mp4", "--output=dream.mp4", "--film_steps=1", "--layers=fire2"
    outcome = succeed(warm_run(tmp_path, *flags, *SMALL, "--step_size=0.1"))
    assert re.fullmatch(r"Wrote dream\.mp4: 3 frames, \d+ s\.\n", outcome.stdout)
    dreamed, sound = film_of(tmp_path / "dream.mp4")
    assert [each.shape for each in dreamed] == [each.shape for each in frames]
    assert sound == film_of(tmp_path / "clip.mp4")[1] and any(sound)
    assert np.abs(dreamed[2].astype(int) - frames[2]).mean() > 2


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--image=clip.mp4", "--animate=zoom"], "`animate` does not go with a film"),
        (["--image=clip.mp4", "--init=noise"], "`init` must be photo, to dream on a film"),
        (
            ["--image=clip.mp4", "--optimizer=lbfgs", "--smoothness=0"],
            "`optimizer` must be ascent or adam, to dream",
        ),
        (["--image=clip.mp4", "--output=clip.mp4", "--overwrite"], "`output` must be another file"),
        (["--steadiness=1"], "`steadiness` goes with a film"),
    ],
)
def test_flags_that_do_not_go_with_a_film(tmp_path, light_refuse, flags, message):
    make_clip(tmp_path / "clip.mp4")
    assert message in light_refuse(tmp_path, *SMALL, *flags)
