"""The stylize script, run as a user runs it: on pictures and a model in a folder of their own."""

import os
import re
import shutil
import signal

import numpy as np
import pytest
from conftest import (
    ROOT,
    ask,
    assert_failed,
    change,
    finish,
    make_photo,
    names_in,
    pixels,
    record_of,
    succeed,
)
from PIL import Image

import kerasart

SCRIPT = ROOT / "scripts" / "stylize.py"
MINE = ("--model=mine.keras", "--precision=float32")

_MAKE_MODEL = """
import sys
import keras, numpy as np
from kerasart.networks import TransformerNet, save_network
keras.utils.set_random_seed(0)
network = TransformerNet(["waves", "dots"], 1 / 8, blocks=1)
generator = np.random.default_rng(1)
for weight in network.weights:
    if weight.name in ("gamma", "beta"):
        weight.assign(weight + generator.normal(0, 0.5, weight.shape))
save_network(network, sys.argv[1])
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory, forks):
    """A tiny network of two styles."""
    path = tmp_path_factory.mktemp("model") / "mine.keras"
    assert forks.start(_MAKE_MODEL, ["", path], ROOT).wait() == 0
    return path


@pytest.fixture
def folder(tmp_path, model):
    """A photo, a painting, the model, and a folder of photos of which one is bad."""
    folder = tmp_path / "work"
    (folder / "photos" / "sub").mkdir(parents=True)
    shutil.copy(model, folder)
    Image.fromarray(make_photo(75, 53)).save(folder / "photo.png")
    Image.fromarray(make_photo(40, 40, seed=9)).save(folder / "painting.jpg")
    Image.fromarray(make_photo(3, 40)).save(folder / "narrow.png")
    for i, name in enumerate(["a.png", "b.jpg", "sub/c.png"]):
        Image.fromarray(make_photo(40, 30, seed=i)).save(folder / "photos" / name)
    return folder


def spoil(folder):
    (folder / "photos" / "bad.jpg").write_text("no picture")


def painted_in(folder):
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )


# --- Help


def test_help_lists_every_flag_and_is_quick(tmp_path, light_run):
    text = succeed(light_run(tmp_path, "--help")).stdout
    listed = re.findall(r"^  --(\w+)", text, re.MULTILINE)
    code = """
import json
from absl import flags
from kerasart.scripts import stylize
modules = flags.FLAGS.flags_by_module_dict().items()
names = {flag.name for name, some in modules if name == "kerasart.scripts.stylize" for flag in some}
groups = [flag.name for group in stylize.GROUPS.values() for flag in group]
print(json.dumps([sorted(names), groups]))
"""
    own, grouped = ask(code)
    assert listed == grouped and set(own) <= set(listed)
    assert max(map(len, text.splitlines())) <= 100


# --- One photo


@pytest.fixture(scope="module")
def plain(tmp_path_factory, model, warm_run):
    """One photo painted once, for what only looks at it."""
    folder = tmp_path_factory.mktemp("plain")
    shutil.copy(model, folder)
    Image.fromarray(make_photo(75, 53, 4)).save(folder / "photo.png")
    outcome = succeed(warm_run(folder, "--input=photo.png", "--style=dots", *MINE))
    return folder, outcome


def test_a_photo_is_painted_in_its_size(plain):
    folder, outcome = plain
    assert re.fullmatch(r"Wrote painted\.png: 75x53, [\d.]+ s\.\n", outcome.stdout)
    assert names_in(folder) == ["mine.keras", "painted.png", "photo.png"]
    painted, photo = pixels(folder / "painted.png"), pixels(folder / "photo.png")
    assert painted.shape == photo.shape == (53, 75, 4)
    np.testing.assert_array_equal(painted[..., 3], photo[..., 3])
    assert np.abs(painted - photo)[..., :3].mean() > 10


def test_a_png_records_its_settings(plain):
    record = record_of(plain[0] / "painted.png")
    assert record["version"] == kerasart.__version__
    assert record["style"] == {"dots": 1.0} and record["strength"] == 1.0
    assert record["model"] == "mine.keras" and record["precision"] == "float32"
    assert record["preserve_color"] == "none" and record["size"] is None
    assert re.fullmatch("[0-9a-f]{16}", record["photo_hash"])


def test_names_that_are_taken_get_a_number(folder, warm_run):
    for _ in range(2):
        succeed(warm_run(folder, "--input=photo.png", *MINE))
    assert {"painted.png", "painted-2.png"} <= set(names_in(folder))
    before = (folder / "painted.png").read_bytes()
    succeed(warm_run(folder, "--input=photo.png", "--style=dots", "--overwrite", *MINE))
    assert (folder / "painted.png").read_bytes() != before
    assert "painted-3.png" not in names_in(folder)


def test_an_output_folder_gets_the_photos_name_and_the_photo_stays(folder, warm_run):
    (folder / "out").mkdir()
    photo = folder / "photo.png"
    before = photo.read_bytes()
    # Absolute, it must not lead out of the output's folder.
    flags = [f"--input={photo}", "--output=out", "--overwrite", *MINE]
    assert "out/photo.png" in succeed(warm_run(folder, *flags)).stdout
    succeed(warm_run(folder, "--input=photos/sub/c.png", "--output=out", *MINE))
    assert names_in(folder / "out") == ["c.png", "photo.png"]
    assert photo.read_bytes() == before


@pytest.mark.parametrize("rows", [16, 30])
def test_tiles_give_the_same_picture(folder, warm_run, rows):
    for tile in ("none", rows):
        flags = [f"--output={tile}.png", f"--tile={tile}", "--style=waves:1,dots:2"]
        succeed(warm_run(folder, "--input=photo.png", *flags, *MINE))
    difference = np.abs(pixels(folder / "none.png") - pixels(folder / f"{rows}.png"))
    assert difference.max() <= 2


def test_strength_size_colours_and_bits(folder, warm_run):
    flags = ["--strength=0", "--bits=16", "--preserve_color=luminance", "--size=40"]
    succeed(warm_run(folder, "--input=photo.png", "--output=a.png", *flags, *MINE))
    assert pixels(folder / "a.png").shape == (28, 40, 3)
    record = record_of(folder / "a.png")
    assert record["strength"] == 0 and record["size"] == 40
    assert record["preserve_color"] == "luminance"
    succeed(warm_run(folder, "--input=photo.png", "--output=b.png", "--strength=0", *MINE))
    np.testing.assert_array_equal(pixels(folder / "b.png"), pixels(folder / "photo.png"))


def test_a_sample_is_painted_by_the_shipped_model(folder, warm_run):
    outcome = succeed(warm_run(folder, "--input=cat", "--size=48", "--output=cat.jpg"))
    assert outcome.stdout.startswith("Wrote cat.jpg: 48x32")


def test_quiet_says_nothing(folder, warm_run):
    outcome = succeed(warm_run(folder, "--input=photo.png", "--quiet", *MINE))
    assert outcome.stdout == outcome.stderr == ""


# --- Levels


def test_levels_are_painted_and_recorded_and_made_again(folder, warm_run):
    flags = ["--input=photo.png", "--style=coarse:waves,fine:dots:3+waves:1", *MINE]
    succeed(warm_run(folder, *flags))
    record = record_of(folder / "painted.png")
    assert record["style"] == {"coarse": {"waves": 1.0}, "fine": {"dots": 3.0, "waves": 1.0}}
    photo = pixels(folder / "photo.png")[..., :3].astype(np.uint8)
    stylizer = kerasart.Stylizer(folder / record["model"], record["precision"])
    again = stylizer(photo, record["style"], record["strength"])
    difference = 255 * again[0] - pixels(folder / "painted.png")[..., :3]
    assert np.abs(difference).max() <= 0.51


def test_all_pairs_make_a_labelled_sheet(folder, warm_run):
    flags = ["--input=photo.png", "--sweep_levels", "--output=sheet.png", *MINE]
    outcome = succeed(warm_run(folder, *flags, "--quiet"))
    assert outcome.stdout == "" and "sheet.png" in names_in(folder)
    sheet = pixels(folder / "sheet.png")[..., :3]
    height, width, _ = sheet.shape
    assert 2 * 75 < width < 3 * 75 and 2 * 53 < height < 3 * 53
    places = {}
    for row in ("waves", "dots"):
        for column in ("waves", "dots"):
            flags = [f"--style=coarse:{row},fine:{column}", f"--output={row}-{column}.png"]
            succeed(warm_run(folder, "--input=photo.png", *flags, *MINE))
            painted = pixels(folder / f"{row}-{column}.png")[..., :3]
            windows = np.lib.stride_tricks.sliding_window_view(sheet, (53, 75, 3))[:, :, 0]
            (places[row, column],) = np.argwhere((windows == painted).all(axis=(2, 3, 4))).tolist()
    (top, left), (bottom, right) = places["waves", "waves"], places["dots", "dots"]
    assert bottom >= top + 53 and right >= left + 75
    assert places["waves", "dots"] == [top, right] and places["dots", "waves"] == [bottom, left]


def test_levels_and_sheets_of_paintings(folder, warm_run):
    flags = ["--input=photos/a.png", "--style=coarse:painting.jpg,fine:photo.png:3+painting.jpg"]
    succeed(warm_run(folder, *flags, MINE[1]))
    record = record_of(folder / "painted.png")
    assert record["model"] == "any_style" and set(record["style_hash"]) == {
        "painting.jpg",
        "photo.png",
    }
    photo, *paintings = (
        kerasart.read_picture(folder / name)
        for name in ("photos/a.png", "painting.jpg", "photo.png")
    )
    style = {"coarse": paintings[0], "fine": list(zip(paintings, (1, 3), strict=True))}
    again = kerasart.stylize(photo.image, style, precision="float32")
    assert np.abs(255 * again[0] - pixels(folder / "painted.png")[..., :3]).max() <= 0.51
    flags = ["--input=photos/a.png", "--sweep_levels", "--style=painting.jpg,photo.png"]
    outcome = succeed(warm_run(folder, *flags, "--output=sheet.png", MINE[1]))
    assert outcome.stdout == "Wrote sheet.png: a sheet of 4 pictures.\n"


def test_only_the_styles_that_are_named_make_the_sheet(folder, warm_run):
    flags = ["--input=photo.png", "--sweep_levels", "--style=dots", "--size=40", *MINE]
    outcome = succeed(warm_run(folder, *flags))
    assert outcome.stdout == "Wrote painted.png: a sheet of 1 picture.\n"
    assert 40 < pixels(folder / "painted.png").shape[1] < 80


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--style=coarse:waves,dots"], "with each of the levels coarse, middle, fine at most"),
        (["--style=corse:waves,fine:dots"], "be LEVEL:NAME+NAME,LEVEL:NAME, with each of the"),
        (["--style=corse:waves"], "LEVEL:NAME+NAME,LEVEL:NAME for the levels coarse, middle,"),
        (["--style=coarse:wave,fine:dots"], "must be one of waves, dots; nearest: waves."),
        (["--style=fine:waves:x"], "with numbers for weights"),
        (["--style=fine:waves:-1"], "weights of 0 or more, not all 0. Received: [-1.0]"),
        (["--style=coarse:waves,fine:painting.jpg"], "`style` must be names, or files"),
        (["--style=coarse:painting.jpg,fine:no.jpg"], "Cannot read 'no.jpg'"),
        (["--style=coarse:painting.jpg"], "pictures and manners are for a network of any style"),
        (
            ["--style=waves:0.5,dots", "--sweep_levels"],
            "`style` must be without levels and weights, to sweep",
        ),
        (
            ["--style=fine:dots", "--sweep_levels"],
            "`style` must be without levels and weights, to sweep",
        ),
        (["--manner=1:2,3", "--sweep_levels"], "`manner` must be without levels and weights"),
        (
            ["--style=painting.jpg:2", "--sweep_levels"],
            "`style` must be without levels and weights, to sweep",
        ),
        (["--model=adain", "--sweep_levels"], "given to sweep a network without styles of its"),
        (["--input=photos", "--sweep_levels"], "`input` must be one photo to sweep"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_levels_that_make_no_sense_are_refused(folder, warm_refuse, flags, words):
    assert words in warm_refuse(folder, "--input=photo.png", *MINE, *flags)


# --- Random manners


def test_a_random_manner_is_painted_and_recorded_and_made_again(folder, warm_run):
    flags = ["--input=photos/a.png", "--manner=coarse:3,fine:17:3+5", "--truncation=0.7"]
    succeed(warm_run(folder, *flags, MINE[1]))
    record = record_of(folder / "painted.png")
    assert record["style"] == {
        "coarse": {"manner 3": 1.0},
        "fine": {"manner 17": 3.0, "manner 5": 1.0},
    }
    assert record["truncation"] == 0.7 and record["model"] == "any_style"
    three, five, seventeen = (kerasart.Manner(seed, 0.7) for seed in (3, 5, 17))
    style = {"coarse": three, "fine": [(seventeen, 3), (five, 1)]}
    photo = kerasart.read_picture(folder / "photos" / "a.png").image
    again = kerasart.stylize(photo, style, precision="float32")
    assert np.abs(255 * again[0] - pixels(folder / "painted.png")[..., :3]).max() <= 0.51
    flags = ["--input=photos/a.png", "--manner=3,17", "--sweep_levels", "--output=sheet.png"]
    assert "of 4 pictures" in succeed(warm_run(folder, *flags, MINE[1])).stdout


def test_a_walk_is_an_animation_of_the_photo(folder, warm_run):
    flags = ["--input=photos/a.png", "--walk=1,painting.jpg,1", "--frames=6", "--size=32", MINE[1]]
    outcome = succeed(warm_run(folder, *flags, "--keep_frames"))
    assert outcome.stdout.startswith("Wrote walk.webp: 6 frames.")
    with Image.open(folder / "walk.webp") as animation:
        assert animation.n_frames == 6 and animation.size == (32, 24)
    frames = [pixels(folder / "walk.frames" / f"{i:06}.png")[..., :3] for i in range(6)]
    steps = [np.abs(b - a).mean() for a, b in zip(frames, frames[1:] + frames[:1], strict=True)]
    assert 0 < max(steps) < 3 * min(steps)
    succeed(warm_run(folder, *flags, "--output=again.gif", "--quiet"))
    assert "again.gif" in names_in(folder) and "again.frames" not in names_in(folder)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--manner=one"], "`manner` must be NUMBER, NUMBER:WEIGHT,NUMBER:WEIGHT or LEVEL:"),
        (["--manner=-1"], "Received: '-1'"),
        (["--manner=1:x"], "Received: '1:x'"),
        (["--manner=coarse:1,2"], "Received: 'coarse:1,2'"),
        (["--manner=1", "--style=painting.jpg"], "`manner` does not go with --style."),
        (["--manner=1", "--walk=1,2"], "`walk` does not go with --manner."),
        (["--manner=1", "--model=mine.keras"], "for a network of any style. Received: a list"),
        (["--manner=1", "--model=adain"], "for a network without manners of its own."),
        (["--manner=1", "--refine=2"], "`refine` needs the painting itself, --style=FILE"),
        (["--truncation=0.5"], "`truncation` goes with --manner or --walk."),
        (["--frames=5"], "`frames` goes with --walk."),
        (["--preview_every=5"], "`preview_every` goes with --refine or --fit_manner."),
        (["--walk=1"], "`walk` must be at least two manners or paintings. Received: '1'"),
        (["--walk=1,no.jpg"], "Cannot read 'no.jpg'"),
        (
            ["--walk=1,-5"],
            "`walk` must be numbers of manners, or files of paintings. Received: '-5'",
        ),
        (["--style=dots,painting.jpg"], "`style` must be names, or files of paintings, of which a"),
        (["--walk=1,2", "--output=a.jpg"], "a.jpg"),
        (["--walk=1,2", "--frames=1"], "`frames` must be at least 2, the number of stops."),
        (["--walk=1,2", "--sweep_levels"], "`sweep_levels` does not go with --walk."),
        (["--walk=1,2", "--input=photos"], "`input` must be one photo to walk."),
        (["--walk=1,2", "--steadiness=0.5"], "`steadiness` goes with a film."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_manners_that_make_no_sense_are_refused(folder, warm_refuse, flags, words):
    assert words in warm_refuse(folder, "--input=photo.png", *flags)


# --- Refining


def test_a_painting_is_refined_with_its_record(folder, warm_run):
    flags = ["--input=photo.png", "--style=painting.jpg", "--size=40", "--quiet", MINE[1]]
    fit = ["--fit_manner=2", "--output=fit.png"]
    for more in (["--output=plain.png"], ["--refine=2", "--output=refined.png"], fit):
        succeed(warm_run(folder, *flags, *more))
    record = record_of(folder / "refined.png")
    assert record["refine"] == record["steps"] == 2 and record["model"] == "any_style"
    assert record["style"] == {"painting.jpg": 1.0} and record["backbone"] == "vgg16"
    plain, refined = (pixels(folder / f"{name}.png")[..., :3] for name in ("plain", "refined"))
    assert plain.shape == refined.shape == (28, 40, 3)
    assert 1 < np.abs(plain - refined).mean() < 15  # Two steps of the learning rate at most.
    assert record_of(folder / "fit.png")["fit_manner"] == 2
    fit = pixels(folder / "fit.png")[..., :3]
    assert all(np.abs(fit - other).mean() > 0.5 for other in (plain, refined))
    (folder / "photos" / "b.jpg").unlink()
    succeed(warm_run(folder, "--input=photos", *flags[1:], "--refine=1"))
    assert painted_in(folder / "painted") == ["a.png", "sub/c.png"]


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--style=waves"], "`refine` needs the painting itself, --style=FILE, since a network"),
        ([], "since a network does not keep those that it was trained on. Received: None"),
        (["--style=coarse:waves"], "Received: {'coarse': {'waves': 1.0}}"),
        (["--style=painting.jpg", "--strength=0.5"], "must be 1 with --refine. Received: 0.5"),
        (["--style=painting.jpg", "--batch_size=2"], "`batch_size` does not go with --refine."),
        (["--style=painting.jpg", "--sweep_levels"], "`sweep_levels` does not go with --refine."),
        (["--style=painting.jpg", "--fit_manner=2"], "`refine` does not go with --fit_manner."),
        (["--style=painting.jpg", "--resume"], "`resume` needs the state of an unfinished run"),
        (["--style=painting.jpg", "--steadiness=0.5"], "`steadiness` goes with a film."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_refining_that_makes_no_sense_is_refused(folder, warm_refuse, flags, words):
    assert words in warm_refuse(folder, "--input=photo.png", "--refine=2", *flags)


def test_an_unfinished_refinement_is_not_lost_by_accident(folder, warm_refuse):
    (folder / "painted.png.state.npz").write_bytes(b"state")
    line = warm_refuse(folder, "--input=photo.png", "--refine=2", "--style=painting.jpg")
    assert "Received: 'painted.png', beside which painted.png.state.npz lies" in line


# --- Many photos


def test_a_folder_streams_past_what_is_bad_and_goes_on(folder, warm_run):
    spoil(folder)
    flags = ["--input=photos", "--style=dots", *MINE]
    outcome = warm_run(folder, *flags)
    assert outcome.code == 1 and "Traceback" not in outcome.stderr
    told, last = outcome.lines
    assert told.startswith("stylize: left out: Cannot read 'photos/bad.jpg'")
    assert last == (
        "stylize: `input` must hold what can be painted. "
        "Received: 1 that cannot, such as 'photos/bad.jpg'"
    )
    assert outcome.stdout == "Painted 3 of 4.\n"
    assert painted_in(folder / "painted") == ["a.png", "b.jpg", "sub/c.png"]
    before = (folder / "painted" / "a.png").read_bytes()
    (folder / "photos" / "bad.jpg").unlink()
    (folder / "painted" / "b.jpg").unlink()
    outcome = succeed(warm_run(folder, *flags))
    assert (
        outcome.stdout
        == "2 of 3 are painted already (--overwrite paints them anew).\nPainted 1 of 1.\n"
    )
    assert (folder / "painted" / "a.png").read_bytes() == before
    assert (
        succeed(warm_run(folder, *flags)).stdout
        == "3 of 3 are painted already (--overwrite paints them anew).\n"
    )
    again = succeed(warm_run(folder, "--input=photos", "--style=waves", "--overwrite", *MINE))
    assert again.stdout == "Painted 3 of 3.\n"
    assert (folder / "painted" / "a.png").read_bytes() != before


def test_a_folder_of_one_photo_is_a_folder(folder, warm_run):
    outcome = succeed(warm_run(folder, "--input=photos/sub", "--output=out", *MINE))
    assert outcome.stdout == "Painted 1 of 1.\n"
    assert painted_in(folder / "out") == ["c.png"]
    outcome = succeed(warm_run(folder, "--input=photos/sub", "--output=out", *MINE))
    assert outcome.stdout == "1 of 1 are painted already (--overwrite paints them anew).\n"


def test_what_is_painted_among_the_photos_is_not_painted_again(folder, warm_run):
    for expected in (
        "Painted 3 of 3.",
        "3 of 3 are painted already (--overwrite paints them anew).",
    ):
        flags = ["--input=photos", "--output=photos/painted", *MINE]
        assert succeed(warm_run(folder, *flags)).stdout == f"{expected}\n"
    assert painted_in(folder / "photos" / "painted") == ["a.png", "b.jpg", "sub/c.png"]


def test_a_pattern_takes_files_only(folder, warm_run):
    outcome = succeed(warm_run(folder, "--input=photos/*", "--output=out", *MINE))
    assert outcome.stdout == "Painted 2 of 2.\n"
    assert painted_in(folder / "out") == ["a.png", "b.jpg"]


def test_batches_give_the_same_pictures(folder, warm_run):
    succeed(warm_run(folder, "--input=photos", "--output=one", *MINE))
    succeed(warm_run(folder, "--input=photos", "--output=two", "--batch_size=2", *MINE))
    for name in painted_in(folder / "one"):
        difference = np.abs(pixels(folder / "one" / name) - pixels(folder / "two" / name))
        assert difference.max() <= 1


def test_all_of_a_batch_that_cannot_be_painted_are_told_of(folder, warm_run):
    for name in ("x.png", "y.png"):
        shutil.copy(folder / "narrow.png", folder / "photos" / name)
    outcome = warm_run(folder, "--input=photos", "--batch_size=4", *MINE)
    assert outcome.code == 1
    assert [line.split("'")[1] for line in outcome.lines[:-1]] == ["photos/x.png", "photos/y.png"]
    assert "at least 5x5 pixels. Received: 3x40" in outcome.lines[0]
    assert "Received: 2 that cannot" in outcome.lines[-1]
    assert outcome.stdout == "Painted 3 of 5.\n"


def test_what_cannot_be_written_stops_no_other(folder, warm_run):
    (folder / "painted").mkdir()
    (folder / "painted" / "sub").touch()  # Where a folder would have to be.
    outcome = warm_run(folder, "--input=photos", *MINE)
    assert outcome.code == 1 and "Traceback" not in outcome.stderr
    assert outcome.stdout == "Painted 2 of 3.\n"
    assert painted_in(folder / "painted") == ["a.png", "b.jpg", "sub"]


def test_ctrl_c_leaves_whole_pictures_and_the_rest_for_the_next_run(folder, tmp_path, forked_run):
    change(
        tmp_path / "changed",
        """
        def interrupted(self, images, *options, **more):
            import os, signal
            self.calls = getattr(self, "calls", 0) + len(images)
            if self.calls == 3:
                os.kill(os.getpid(), signal.SIGINT)
            return paint_all(self, images, *options, **more)
        """,
        "kerasart.applications.fast_style.Stylizer.paint_all",
    )
    outcome = forked_run(folder, "--input=photos", *MINE, PYTHONPATH=tmp_path / "changed")
    assert outcome.code == 130 and "Traceback" not in outcome.stderr
    assert outcome.lines[-1] == "stylize: interrupted"
    assert painted_in(folder / "painted") == ["a.png", "b.jpg"]
    assert pixels(folder / "painted" / "b.jpg").shape == (30, 40, 3)


# --- Pictures of all kinds


def cut_out(path, hidden=(255, 0, 255), size=(75, 53)):
    """Writes a green disc with soft edges on a transparent ground of another colour."""
    width, height = size
    rows, columns = np.indices((height, width))
    distance = np.hypot(rows - height / 2, columns - width / 2)
    alpha = np.clip(height / 3 - distance, 0, 1) * 255
    picture = np.where(distance[..., np.newaxis] < height / 3, (20, 200, 20), hidden)
    Image.fromarray(np.dstack([picture, alpha]).astype(np.uint8)).save(path)


def test_a_folder_goes_on_past_all_that_is_in_it(folder, warm_run):
    photos = folder / "photos"
    (photos / "._a.png").write_bytes(b"\0\x05\x16\x07" + bytes(100))
    (photos / "d.cr2").write_bytes(b"raw")
    Image.fromarray(make_photo(40, 30)).save(photos / "e.jfif", "JPEG")
    frames = [Image.fromarray(make_photo(40, 30, seed=i)) for i in range(3)]
    frames[0].save(photos / "f.gif", save_all=True, append_images=frames[1:])
    (folder / "elsewhere").mkdir()
    shutil.copy(photos / "a.png", folder / "elsewhere" / "g.png")
    (photos / "linked").symlink_to(folder / "elsewhere")
    outcome = succeed(warm_run(folder, "--input=photos", *MINE), warnings=3)
    assert painted_in(folder / "painted") == [
        "a.png",
        "b.jpg",
        "e.jfif",
        "f.gif",
        "linked/g.png",
        "sub/c.png",
    ]
    words = ["d.cr2", "._a.png", "f.gif' holds several pictures"]
    assert all(any(word in line for line in outcome.lines) for word in words)


def test_what_cannot_be_read_is_left_out_in_a_sentence(folder, warm_run):
    photos = folder / "photos"
    os.mkfifo(photos / "pipe.png")
    Image.fromarray(make_photo(40, 30)).save(photos / "tag.tif", compression="tiff_lzw")
    data = (photos / "tag.tif").read_bytes()
    (photos / "tag.tif").write_bytes(data[:20] + bytes(200) + data[220:])
    outcome = warm_run(folder, "--input=photos", *MINE)
    assert outcome.code == 1 and "Traceback" not in outcome.stderr
    assert outcome.stdout == "Painted 3 of 5.\n"
    assert len(outcome.lines) == 3
    assert "pipe.png': it must be a regular file" in outcome.stderr
    assert "Cannot read 'photos/tag.tif'" in outcome.stderr


def test_two_photos_that_would_have_one_name_have_two(folder, warm_run):
    for name in ("a", "a.png"):
        Image.fromarray(make_photo(40, 30)).save(folder / "photos" / name, "PNG")
    succeed(warm_run(folder, "--input=photos/a*", "--output=out", *MINE))
    assert painted_in(folder / "out") == ["a-2.png", "a.png"]


def test_a_resized_cut_out_has_no_ring_of_what_is_hidden(folder, warm_run):
    cut_out(folder / "disc.png")
    flags = ["--input=disc.png", "--size=50", "--strength=0", "--output=small.png"]
    succeed(warm_run(folder, *flags, *MINE))
    small = pixels(folder / "small.png")
    assert small.shape == (35, 50, 4)
    seen = small[small[..., 3] > 12][:, :3]
    assert np.abs(seen - (20, 200, 20)).max() <= 3


def test_of_a_style_nothing_is_seen_that_is_transparent(folder, warm_run):
    cut_out(folder / "magenta.png")
    cut_out(folder / "blue.png", hidden=(0, 0, 255))
    for name in ("magenta", "blue"):
        flags = [f"--style={name}.png", f"--output={name}_painted.png", "--precision=float32"]
        succeed(warm_run(folder, "--input=photo.png", "--model=adain", *flags))
    one, other = (pixels(folder / f"{name}_painted.png") for name in ("magenta", "blue"))
    np.testing.assert_array_equal(one, other)
    # What is seen is green.
    assert one[..., 1].mean() > one[..., 0].mean() and one[..., 1].mean() > one[..., 2].mean()


def test_date_and_copyright_are_kept_unless_stripped(folder, warm_run):
    exif = Image.Exif()
    exif[0x0112], exif[0x0132], exif[0x8298] = 6, "2024:06:01 12:34:56", "A. N. Other"
    picture = Image.fromarray(make_photo(75, 53))
    picture.save(folder / "photo.jpg", exif=exif, dpi=(300, 300))
    for name, *flags in (("kept.jpg",), ("bare.jpg", "--strip_metadata")):
        succeed(warm_run(folder, "--input=photo.jpg", f"--output={name}", *flags, *MINE))
    with Image.open(folder / "kept.jpg") as kept:
        assert kept.size == (53, 75) and kept.info["dpi"] == (300, 300)
        found = kept.getexif()
        assert (found[0x0112], found[0x0132]) == (1, "2024:06:01 12:34:56")
        assert found[0x8298] == "A. N. Other"
    with Image.open(folder / "bare.jpg") as bare:
        assert not bare.getexif() and bare.info.get("dpi", (1, 1)) != (300, 300)


def test_two_runs_at_once_write_two_pictures(folder, forked_start):
    runs = [forked_start(folder, "--input=photo.png", "--output=x.png", *MINE) for _ in range(2)]
    outcomes = [succeed(finish(each)) for each in runs]
    written = sorted(outcome.stdout.split()[1] for outcome in outcomes)
    assert written == ["x-2.png:", "x.png:"]
    assert {"x.png", "x-2.png"} <= set(names_in(folder))
    assert not [name for name in names_in(folder) if name.startswith(".")]


def test_a_tilde_is_the_home_folder(folder, forked_run):
    (folder / "home").mkdir()
    shutil.copy(folder / "photo.png", folder / "home")
    flags = ["--input=~/photo.png", "--output=~/x.png", "--model=~/../mine.keras"]
    succeed(forked_run(folder, *flags, HOME=folder / "home"))
    assert {"photo.png", "x.png"} <= set(names_in(folder / "home"))
    assert "~" not in names_in(folder)


def test_a_folder_that_was_killed_goes_on_and_leaves_nothing_half(folder, tmp_path, forked_run):
    change(
        tmp_path / "changed",
        """
        import glob, itertools

        numbers = itertools.count(1)

        def killed(file):
            import os, signal, time

            if next(numbers) > 1:
                while not glob.glob("painted/**/*.*", recursive=True):
                    time.sleep(0.01)  # Another thread puts the first in its place.
                os.kill(os.getpid(), signal.SIGKILL)
            return fsync(file)
        """,
        "os.fsync",
    )
    flags = ["--input=photos", *MINE]
    assert forked_run(folder, *flags, PYTHONPATH=tmp_path / "changed").code == -signal.SIGKILL
    whole = [name for name in painted_in(folder / "painted") if not name.endswith(".tmp")]
    assert len(whole) == 1
    outcome = succeed(forked_run(folder, *flags))
    assert (
        outcome.stdout
        == "1 of 3 are painted already (--overwrite paints them anew).\nPainted 2 of 2.\n"
    )
    assert painted_in(folder / "painted") == ["a.png", "b.jpg", "sub/c.png"]
    assert all(pixels(folder / "painted" / name).shape[2] == 3 for name in whole)


# --- What can be listed


def test_styles_are_listed_without_tensorflow(folder, light_run):
    rows = succeed(light_run(folder, "--list_styles", MINE[0])).stdout.splitlines()
    assert [row.split()[0] for row in rows] == ["waves", "dots"]
    shipped = succeed(light_run(folder, "--list_styles")).stdout
    assert re.search(r"^FILE +--model=adain or any_style$", shipped, re.MULTILINE)
    outcome = light_run(folder, "--list_styles", "--model=photo.png")
    assert_failed(outcome, 1)
    assert outcome.lines[0].endswith("Received: 'photo.png', which is none, or not whole")


def test_styles_are_listed(folder, warm_run):
    rows = succeed(warm_run(folder, "--list_styles", MINE[0])).stdout.splitlines()
    assert [row.split() for row in rows] == [
        ["waves", "--model=mine.keras"],
        ["dots", "--model=mine.keras"],
    ]
    shipped = succeed(warm_run(folder, "--list_styles")).stdout
    assert "--model=medium" in shipped
    assert "painted.png" not in names_in(folder)


# --- What is refused


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--input=no-such.png"], "Cannot read 'no-such.png'"),
        (["--input=no-such/*.png"], "Received: 'no-such/*.png'"),
        (["--input="], "Received: ''"),
        (["--input=photo.png", "--tile=15"], "at least 16. Received: '15'"),
        (["--input=photo.png", "--tile=-64"], "`tile` must be auto, none, or a number"),
        (["--input=photo.png", "--tile=all"], "Received: 'all'"),
        (["--input=photo.png", "--output=a.xyz"], "its suffix must be one of"),
        (["--input=photo.png", "--output=no/a.png"], "its folder must exist"),
        (["--input=photo.png", "--output=a.jpg", "--bits=16"], "with 16 bits"),
        (["--input=photo.png", "--style=waves:x"], "with numbers for weights. Received: 'waves:x'"),
        (["--input=photo.png", "--style=no.jpg"], "Cannot read 'no.jpg'"),
        (["--input=photo.png", "--style=no.jpg:0.5,waves:0.5"], "`style` must be names, or files"),
        (["--input=photo.png", "--style=painting.jpg,waves"], "`style` must be names, or files"),
        (["--input=photos", "--output=photo.png"], "Received: the file 'photo.png'"),
        (["--input=photos", "--output=new.jpg"], "Received: the file 'new.jpg'"),
        (["--input=photos", "--output=photos"], "must be another folder than the files'"),
        (["--input=photos", "--bits=16"], "'painted/b.jpg' with 16 bits"),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else "",
)
def test_refused_before_the_model_loads(folder, warm_refuse, flags, words):
    assert words in warm_refuse(folder, *flags, *MINE)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--style=wave"], "must be one of waves, dots; nearest: waves. Received: 'wave'"),
        (["--style=waves:-1,dots:2"], "weights of 0 or more, not all 0. Received: [-1.0, 2.0]"),
        (["--style=waves:nan"], "weights of 0 or more"),
        (
            ["--style=painting.jpg"],
            "pictures and manners are for a network of any style. Received: a list",
        ),
        (["--size=76", "--max_pixels=3975"], "at most 3975 pixels"),
        (["--input=narrow.png"], "`input` must be at least 5x5 pixels. Received: 3x40"),
        (
            ["--batch_size=3"],
            "`batch_size` goes with a folder of photos, or a pattern. Received: ",
        ),
        (["--model=no-such"], "Received: 'no-such'"),
        (["--model=photo.png"], "Received: 'photo.png', which is none, or not whole"),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else "",
)
def test_refused_by_the_model(folder, warm_refuse, flags, words):
    assert words in warm_refuse(folder, "--input=photo.png", *MINE, *flags)


@pytest.mark.parametrize(
    ("flag", "words"),
    [
        ("--strength=1.5", "strength"),
        ("--strength=much", "strength"),
        ("--size=15", "size"),
        ("--batch_size=0", "batch_size"),
        ("--preserve_color=all", "preserve_color"),
        ("--styel=waves", "styel"),
        ("photo.png", "Every argument must be a --flag=value. Received: 'photo.png'"),
    ],
)
def test_flags_that_do_not_parse(folder, warm_refuse, flag, words):
    assert words in warm_refuse(folder, flag, code=2)


def test_a_broken_model_is_refused(folder, warm_run):
    path = folder / "mine.keras"
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] + bytes(100) + data[len(data) // 2 + 100 :])
    outcome = warm_run(folder, "--input=photo.png", *MINE)
    assert_failed(outcome, 1)
    assert "`model` must be a Keras file" in outcome.lines[0]
    assert outcome.lines[0].endswith("Received: 'mine.keras'")


def test_max_pixels_holds_for_photo_and_painting(folder, warm_refuse):
    assert "3974" in warm_refuse(folder, "--input=photo.png", "--max_pixels=3974", *MINE)
    flags = ["--input=photos/a.png", "--style=painting.jpg", "--max_pixels=1599"]
    assert "'painting.jpg'" in warm_refuse(folder, *flags)


def test_a_folder_that_may_not_be_written_is_told_of(folder, warm_run):
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere")
    (folder / "painted").mkdir(mode=0o500)
    outcome = warm_run(folder, "--input=photos/*", *MINE)
    assert outcome.code == 1 and "Painted 0 of 2" in outcome.stdout
