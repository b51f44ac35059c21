"""The train_fast_style script, run as a user runs it: on tiny pictures in a folder of their own."""

import json
import re
import shutil

import numpy as np
import pytest
from conftest import (
    ROOT,
    WITH_ONE_BLOCK,
    WITHOUT_GRAPHS,
    WITHOUT_PLOTS,
    ask,
    change,
    contents,
    make_photo,
    names_in,
    pixels,
    succeed,
)
from PIL import Image

from kerasart import Stylizer
from kerasart.image.atomic_files import claim
from kerasart.networks import AdaIN, CollectionNet, load_network

SCRIPT = ROOT / "scripts" / "train_fast_style.py"
PREPARE = WITHOUT_GRAPHS + WITHOUT_PLOTS + WITH_ONE_BLOCK
TINY = (
    "--backbone=squeezenet",
    "--precision=float32",
    "--style_layers=conv1,fire2",
    "--content_layers=fire3",
    "--stability=0",
    "--size=32",
    "--style_size=32",
    "--batch_size=1",
    "--sample=sample.png",
    "--sheet_every=2",
)
SMALL = ("--photos=photos", "--style=waves.png", "--network=small", *TINY)


def write_pictures(folder):
    """Writes photos, some of which are bad, two styles, and a photo for the contact sheets."""
    (folder / "photos" / "more").mkdir(parents=True)
    for i, name in enumerate(["a.png", "b.jpg", "more/c.png"]):
        Image.fromarray(make_photo(60, 48, seed=i)).save(folder / "photos" / name)
    Image.fromarray(make_photo(40, 12)).save(folder / "photos" / "tiny.png")
    (folder / "photos" / "corrupt.jpg").write_text("no picture")
    for i, name in enumerate(["waves", "dots"]):
        Image.fromarray(make_photo(40, 36, seed=10 + i)).save(folder / f"{name}.png")
    Image.fromarray(make_photo(45, 38, seed=20)).save(folder / "sample.png")
    Image.fromarray(make_photo(4, 38)).save(folder / "narrow.png")


def random_photo():
    return np.random.default_rng(0).random((1, 30, 40, 3), np.float32)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "work"
    folder.mkdir()
    write_pictures(folder)
    return folder


@pytest.fixture(scope="module")
def plain(tmp_path_factory, warm_run):
    """A folder with a finished training, and what the script said."""
    folder = tmp_path_factory.mktemp("plain")
    write_pictures(folder)
    # Not a multiple of the steps between two states.
    outcome = warm_run(folder, *SMALL, "--style=dots.png", "--steps=5", "--output=mine")
    return folder, succeed(outcome, warnings=2)


# --- Help


@pytest.fixture(scope="module")
def help_text(tmp_path_factory, run, blocked):
    return succeed(run(tmp_path_factory.mktemp("help"), "--help", **blocked)).stdout


def test_help_lists_every_flag_and_is_quick(help_text):
    listed = re.findall(r"^  --(\w+)", help_text, re.MULTILINE)
    code = """
import json
from absl import flags
from kerasart.scripts import train_fast_style as script
from kerasart.settings.declare import names_of
from kerasart.settings.style import FastStyleSettings
some = flags.FLAGS.flags_by_module_dict()["kerasart.scripts.train_fast_style"]
print(json.dumps([[flag.name for flag in some], names_of(FastStyleSettings)]))
"""
    own, settings = ask(code)
    assert set(own) | set(settings) <= set(listed) and len(listed) == len(set(listed))
    assert max(map(len, help_text.splitlines())) <= 100


def test_presets_are_listed(tmp_path, run, blocked):
    outcome = succeed(run(tmp_path, "--preset=help", **blocked))
    presets = [line.partition(":")[0] for line in outcome.stdout.splitlines()]
    assert {"best", "johnson", "adain_best"} <= set(presets)
    assert names_in(tmp_path) == []


# --- A training


def test_it_writes_a_model_a_card_and_what_to_look_at(plain):
    folder, outcome = plain
    assert outcome.stdout == (
        "Wrote mine: model.keras, README.md, contact_sheet.jpg. Use it with --model.\n"
    )
    left_out = sorted(line.rsplit("/", 1)[1].split("'")[0] for line in outcome.lines)
    assert left_out == ["corrupt.jpg", "tiny.png"]
    names = names_in(folder / "mine")
    assert [name for name in names if name != "losses.png"] == [
        "README.md",
        "contact_sheet.jpg",
        "model.keras",
    ]
    height, width, _ = pixels(folder / "mine" / "contact_sheet.jpg").shape
    assert width > 3 * 256 and height > 2 * 200  # The styles above what is made of the sample.


def test_the_card_says_what_it_was_made_of(plain):
    card = (plain[0] / "mine" / "README.md").read_text()
    assert card.startswith("# mine\n\nA `TransformerNet` (small): it paints in 2 styles")
    assert re.search(r"^- waves \(`[0-9a-f]{16}`\)\n- dots \(`[0-9a-f]{16}`\)$", card, re.M)
    assert "on 3 photos; 2 could not be used." in card
    assert "| steps | 5 |" in card and "| backbone | squeezenet |" in card
    assert "| loss | " in card
    assert "None" not in card and str(plain[0]) not in card


def test_the_model_paints(plain):
    stylizer = Stylizer(plain[0] / "mine", "float32")
    assert stylizer.styles == ("waves", "dots")
    assert stylizer(random_photo(), "dots").shape == (1, 30, 40, 3)


def test_a_finished_output_is_refused(plain, warm_refuse):
    line = warm_refuse(plain[0], *SMALL, "--steps=5", "--output=mine")
    assert "must not hold a finished model (--overwrite replaces it)" in line
    assert line.endswith("Received: 'mine'")


def test_a_folder_in_which_another_trains_is_refused(folder, warm_run):
    (folder / "mine" / "training").mkdir(parents=True)
    with claim(folder / "mine" / "training"):
        outcome = warm_run(folder, *SMALL, "--output=mine")
    assert outcome.code == 1
    assert "Cannot write 'mine/training': another process must not be" in outcome.lines[0]


def test_styles_are_added_to_a_model(plain, folder, warm_run):
    mine = folder / "mine"
    shutil.copytree(plain[0] / "mine", mine)
    before = contents(mine)
    flags = ["--photos=photos", "--style=sample.png", "--finetune=mine", *TINY, "--steps=2"]
    succeed(warm_run(folder, *flags, "--output=more"), warnings=2)
    assert contents(mine) == before
    card = (folder / "more" / "README.md").read_text()
    assert "(small): it paints in 3 styles" in card
    assert re.search(r"^- waves\n- dots\n- sample \(`\w+`\)$", card, re.M)
    old, new = load_network(mine), load_network(folder / "more")
    assert new.styles == ("waves", "dots", "sample")
    for weights in ([1, 0], [0, 1]):
        before, after = (np.float32([w]) for w in (weights, [*weights, 0]))
        np.testing.assert_array_equal(old(random_photo(), before), new(random_photo(), after))


def test_a_model_goes_on_learning(plain, folder, warm_run):
    mine = folder / "mine"
    shutil.copytree(plain[0] / "mine", mine)
    before = contents(mine)
    styles = ["--style=dots.png", "--style=waves.png"]
    flags = ["--photos=photos", *styles, "--finetune=mine", *TINY, "--steps=2", "--output=further"]
    succeed(warm_run(folder, *flags), warnings=2)
    assert contents(mine) == before
    card = (folder / "further" / "README.md").read_text()
    assert "(small): it paints in 2 styles" in card and "| finetune | mine |" in card
    old, new = load_network(mine), load_network(folder / "further")
    assert new.styles == ("waves", "dots")
    assert 0 < np.abs(old.to_rgb.kernel - new.to_rgb.kernel).max() < 0.1


def test_a_finished_output_is_replaced_with_overwrite(plain, folder, warm_run):
    shutil.copytree(plain[0] / "mine", folder / "mine")
    former = (folder / "mine" / "model.keras").read_bytes()
    flags = [*SMALL, "--steps=2", "--output=mine", "--overwrite"]
    succeed(warm_run(folder, *flags), warnings=2)
    assert (folder / "mine" / "model.keras").read_bytes() != former
    assert "training" not in names_in(folder / "mine")


def test_any_style_is_learned(folder, warm_run):
    # A folder of styles, of which one is bad, and a file.
    (folder / "art").mkdir()
    (folder / "art" / "bad.jpg").write_text("no picture")
    (folder / "waves.png").rename(folder / "art" / "waves.png")
    flags = ["--photos=photos/more", "--style=art", "--style=dots.png", "--network=adain"]
    sizes = ["--size=32", "--style_size=32", "--batch_size=1", "--steps=1", "--sample=sample.png"]
    outcome = warm_run(folder, *flags, *sizes, "--precision=float32", "--output=any")
    succeed(outcome, warnings=1)
    card = (folder / "any" / "README.md").read_text()
    assert "it paints in the style of any picture" in card
    assert "on 1 photos." in card  # The bad style is no photo.
    assert "| backbone | vgg16 |" in card
    assert isinstance(load_network(folder / "any"), AdaIN)


def test_collections_are_learned(folder, warm_run):
    for i, name in enumerate(("red: cut", "blue")):  # A colon would divide a mixture.
        (folder / name).mkdir()
        for j in range(2):
            Image.fromarray(make_photo(40, 36, seed=10 * i + j)).save(folder / name / f"{j}.png")
    (folder / "blue" / "bad.jpg").write_text("no picture")
    flags = ["--photos=photos/more", "--collection=red: cut", "--collection=blue"]
    small = [flag for flag in TINY if not flag.startswith("--batch")]
    outcome = warm_run(folder, *flags, *small, "--batch_size=2", "--steps=2", "--output=both")
    succeed(outcome, warnings=1)
    card = (folder / "both" / "README.md").read_text()
    assert "in the manner of 2 collections of pictures" in card
    assert "- red_ cut: 2 pictures\n- blue: 3 pictures\n" in card
    network = load_network(folder / "both")
    assert isinstance(network, CollectionNet) and network.styles == ("red_ cut", "blue")
    # It learns from the photo on, which an untrained one paints.
    photo = random_photo()
    change = np.abs(Stylizer(folder / "both")(photo, "blue") - photo).mean()
    assert 1e-4 < change < 0.1


# --- Stopped


def interrupting(folder, number):
    """Environment variables with which Ctrl-C comes after a step."""
    change(
        folder,
        f"""
        def stopped(self, batch, logs=None):
            import os, signal

            on_train_batch_end(self, batch, logs)
            if self.step == {number}:
                os.kill(os.getpid(), signal.SIGINT)
        """,
        "kerasart.networks.resumable_training.ResumableTraining.on_train_batch_end",
    )
    return {"PYTHONPATH": str(folder)}


def progress_of(folder):
    return json.loads((folder / "training" / "progress.json").read_text())


def test_ctrl_c_keeps_all_steps_and_the_same_command_goes_on_and_no_other(
    folder, tmp_path, forked_run, warm_run, warm_refuse
):
    flags = [*SMALL, "--steps=6", "--output=mine"]
    outcome = forked_run(folder, *flags, **interrupting(tmp_path / "change", 3))
    assert outcome.code == 130 and "Traceback" not in outcome.stderr
    assert outcome.lines[-1] == "Kept 3 steps; the same command continues."
    names = [name for name in names_in(folder / "mine") if name != "losses.png"]
    assert names == ["contact_sheet.jpg", "model.keras", "training"]  # Of step 2.
    assert names_in(folder / "mine" / "training") == ["progress.json", "state.weights.h5"]
    assert len(progress_of(folder / "mine")["history"]["loss"]) == 1
    before = contents(folder / "mine")
    # Ctrl-C before its weights are restored takes nothing of it.
    change(
        tmp_path / "early",
        """
        def interrupted(path):
            raise KeyboardInterrupt
        """,
        "kerasart.networks.resumable_training._checksum",
    )
    outcome = forked_run(folder, *flags, PYTHONPATH=str(tmp_path / "early"))
    assert outcome.code == 130 and outcome.lines[-1].endswith("interrupted")
    assert contents(folder / "mine") == before
    outcome = warm_run(folder, *flags, "--learning_rate=0.5")
    assert outcome.code == 1
    assert outcome.lines[-1].endswith(
        "hold a training of the same pictures and settings; not the same: learning_rate. "
        "Received: 'mine/training'"
    )
    # Nor does a command that cannot run take anything away.
    line = warm_refuse(folder, *SMALL, "--steps=0", "--output=mine", code=2)
    assert "`steps` must be at least 1, and whole. Received: '0'" in line
    for bad in ("--learning_rate=0", "--content_layers=fire3:-1"):
        line = warm_refuse(folder, *SMALL, bad, "--output=mine", "--overwrite")
        assert f"`{bad[2:].partition('=')[0]}` must be" in line
    assert contents(folder / "mine") == before
    outcome = succeed(warm_run(folder, *flags, "--overwrite"), warnings=2)
    assert outcome.stdout.startswith("Going on after 3 steps.\nWrote mine: ")
    assert "training" not in names_in(folder / "mine")


def test_what_else_is_in_the_output_stays(folder, warm_run):
    # A folder of that name may be the user's own.
    (folder / "photos").rename(folder / "training")
    flags = ["--photos=training", *SMALL[1:], "--steps=1", "--output=.", "--overwrite"]
    before = contents(folder / "training")
    succeed(warm_run(folder, *flags), warnings=2)
    assert contents(folder / "training") == before
    assert {"model.keras", "README.md", "waves.png"} <= set(names_in(folder))


# --- What is refused


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--style=waves.png"], "--photos must be given"),
        (["--photos=photos"], "--style must be given"),
        ([*SMALL, "--photos=no"], "`photos` must be a folder of pictures. Received: 'no'"),
        ([*SMALL, "--photos=waves.png"], "Received: 'waves.png', which is none"),
        ([*SMALL, "--style=no.png"], "Cannot read 'no.png'"),
        ([*SMALL, "--style=photos/corrupt.jpg"], "Cannot read 'photos/corrupt.jpg'"),
        ([*SMALL, "--style=./waves.png"], "different names. Received: two 'waves'"),
        ([*SMALL, "--sample=no.png"], "Cannot read 'no.png'"),
        ([*SMALL, "--preset=bets"], "Received: 'bets'"),
        ([*SMALL, "--output=waves.png"], "must be a folder. Received: the file 'waves.png'"),
        ([*SMALL, "--output=photos"], "must be a new folder, or an empty one"),
        ([*SMALL, "--finetune=mine"], "`network` must be left out with --finetune"),
        (
            ["--photos=photos", "--style=waves.png", "--finetune=photos", "--output=photos"],
            "must be another folder than that of --finetune",
        ),
        ([*SMALL, "--network=adain", "--style=photos/corrupt.jpg"], "Cannot read 'photos/corr"),
        ([*SMALL, "--network=adain", "--style=empty"], "Cannot read 'empty'"),
        ([*SMALL, "--collection=photos"], "--collection must be left out"),
        (["--photos=photos", "--collection=photos", "--style=waves.png"], "--style must be left"),
        (["--photos=photos", "--collection=waves.png"], "must be a folder of pictures. Received"),
        (["--photos=photos", "--collection=photos", "--collection=./photos"], "two 'photos'"),
    ],
    ids=lambda value: " ".join(value[-2:]) if isinstance(value, list) else "",
)
def test_refused_before_tensorflow_loads(folder, warm_refuse, flags, words):
    assert words in warm_refuse(folder, *flags)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--finetune=no-such"], "Received: 'no-such'"),
        (["--finetune=waves.png"], "Received: 'waves.png', which is none, or not whole"),
        (["--style_layers=conv99"], "Received: 'conv99'"),
        (["--learning_rate=0"], "`learning_rate` must be more than 0. Received: 0.0"),
        (["--backbone=mobilenet_v2", "--weights=random", "--style_layers="], "style_layers"),
        (["--sample=narrow.png"], "`sample` must be at least 5x5 pixels. Received: 4x38"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_refused_before_anything_is_written(folder, warm_run, flags, words):
    before = contents(folder)
    outcome = warm_run(folder, "--photos=photos", "--style=waves.png", *TINY, *flags)
    assert outcome.code == 1 and "Traceback" not in outcome.stderr
    assert words in outcome.lines[-1]
    assert contents(folder) == before


def test_only_bad_photos_are_refused(folder, warm_run):
    for path in (folder / "photos").rglob("*.*"):
        if path.name not in ("tiny.png", "corrupt.jpg"):
            path.unlink()
    outcome = warm_run(folder, *SMALL)
    assert outcome.code == 1 and len(outcome.lines) == 3
    assert outcome.lines[-1] == (
        "train_fast_style: `photos` must hold at least one picture of 16 pixels or more that can "
        "be read. Received: 2 that cannot be used"
    )


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--backbone=squeezenet"], "`backbone` must be vgg16 with its content at block4_conv1"),
        (["--preset=best"], "Received: vgg16, block3_conv3"),
    ],
)
def test_adain_is_taught_by_its_encoder_alone(folder, warm_run, flags, words):
    own = ["--photos=photos/more", "--style=waves.png", "--network=adain", "--size=32"]
    outcome = warm_run(folder, *own, "--backbone=vgg16", "--sample=sample.png", *flags)
    assert outcome.code == 1
    assert words in outcome.lines[-1]


def test_numbers_of_steps_are_whole(folder, warm_refuse):
    for flag in ("--steps=2.5", "--sheet_every=0", "--network=tiny", "--style_loss=mmd"):
        warm_refuse(folder, *SMALL, flag, code=2)


def test_pictures_of_a_training_are_whole(plain):
    # A JPEG that was cut off would be grey below.
    sheet = pixels(plain[0] / "mine" / "contact_sheet.jpg")
    assert np.ptp(sheet) > 100


# --- Files of all kinds


def test_a_style_can_be_asked_for_by_its_name(folder, warm_run):
    shutil.copy(folder / "waves.png", folder / "50:50, or so.png")
    flags = ["--photos=photos", "--network=small", *TINY, "--steps=1", "--output=mine"]
    succeed(warm_run(folder, "--style=50:50, or so.png", *flags), warnings=2)
    assert "50_50_ or so" in (folder / "mine" / "README.md").read_text()
    (folder / "50_50_ or so.png").write_bytes((folder / "waves.png").read_bytes())
    styles = ["--style=50:50, or so.png", "--style=50_50_ or so.png"]
    outcome = warm_run(folder, *styles, *flags, "--overwrite")
    assert outcome.code == 1
    assert "must name files of different names" in outcome.lines[-1]


def test_max_pixels_counts_for_photos_too(folder, warm_run):
    flags = [*SMALL, "--steps=1", "--output=mine", "--max_pixels=2879"]
    outcome = warm_run(folder, *flags)
    assert outcome.code == 1 and "Traceback" not in outcome.stderr
    assert "it has 2880 pixels, and the limit is 2879" in outcome.stderr
    assert "`photos` must hold at least one picture" in outcome.lines[-1]


def test_max_pixels_is_not_for_the_bundled_samples(folder, warm_refuse):
    flags = [flag for flag in SMALL if not flag.startswith("--sample")]
    line = warm_refuse(folder, *flags, "--max_pixels=1439")
    assert "'waves.png'" in line and "it has 1440 pixels, and the limit is 1439" in line


def test_of_a_style_nothing_is_learned_that_is_transparent(folder, warm_run):
    models = []
    for hidden in ((255, 0, 255), (0, 0, 255)):
        pixels = np.tile(np.uint8([*hidden, 0]), (40, 36, 1))
        pixels[:20] = np.dstack([make_photo(36, 20), np.full((20, 36), 255)])
        Image.fromarray(pixels).save(folder / "waves.png")
        output = f"mine{len(models)}"
        flags = [*SMALL, "--steps=1", f"--output={output}"]
        succeed(warm_run(folder, *flags), warnings=2)
        models.append(load_network(folder / output / "model.keras").get_weights())
    for one, other in zip(*models, strict=True):
        np.testing.assert_array_equal(one, other)
