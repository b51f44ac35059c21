"""The generate script, run as a user runs it: by itself, in a folder of its own."""

import re

import numpy as np
import pytest
from conftest import ROOT, contents, names_in, pixels, record_of, succeed
from generators import make_generator
from PIL import Image

SCRIPT = ROOT / "scripts" / "generate.py"
MODEL = "--model=model.keras"
SMALL = (MODEL, "--precision=float32")
SIZE = 32


@pytest.fixture(scope="module")
def generator(tmp_path_factory):
    from kerasart.applications.generation import Generator
    from kerasart.networks import load_generator, save_network

    path = tmp_path_factory.mktemp("generator") / "model.keras"
    save_network(make_generator([6, 6, 5, 4], z_size=6), path)
    generator = Generator(load_generator(path))
    generator.file = path.read_bytes()
    return generator


@pytest.fixture
def folder(generator, tmp_path):
    (tmp_path / "model.keras").write_bytes(generator.file)
    return tmp_path


def as_pixels(image):
    return np.round(255 * image[0])


def assert_shows(path, image):
    # Other threads may sum up in another order.
    np.testing.assert_allclose(pixels(path), as_pixels(image), atol=1)


# --- Without TensorFlow


def test_help_shows_every_flag(tmp_path, light_run):
    outcome = succeed(light_run(tmp_path, "--help"))
    listed = re.findall(r"^  --(\w+)", outcome.stdout, re.MULTILINE)
    wanted = {"model", "seeds", "truncation", "mix", "label", "walk", "frames", "project", "style"}
    assert wanted | {"layers", "channel", "class", "space", "resume", "overwrite"} <= set(listed)
    assert (
        len(listed) == len(set(listed)) and "NVIDIA's own are for non-commercial" in outcome.stdout
    )


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "`model` must be the file of a generator. Received: none"),
        (["--model=none.pkl"], "`model` must be a file, or a folder with a model.keras. Received"),
        ([MODEL, "--seeds=7-3"], "`seeds` must be FIRST-LAST"),
        ([MODEL, "--seeds=0-99999999999"], "`seeds` must be FIRST-LAST"),
        ([MODEL, "--seeds=a"], "`seeds` must be whole numbers, such as 0-7, or PNGs"),
        ([MODEL, "--seeds=photo.png"], "`seeds` must be PNGs that this script wrote"),
        ([MODEL, "--mix=3"], "`mix` must be LEVEL:SEED"),
        ([MODEL, "--mix=broad:3"], "`mix` must be LEVEL:SEED"),
        ([MODEL, "--mix=fine:3,fine:4"], "`mix` must be LEVEL:SEED"),
        ([MODEL, "--mix=fine:1-3"], "`mix` must have one seed for a level"),
        ([MODEL, "--walk=1"], "`walk` must be two seeds or more"),
        ([MODEL, "--walk=1,2", "--seeds=3"], "`seeds` does not go with --walk"),
        ([MODEL, "--walk=1,2", "--bits=16"], "`bits` does not go with --walk"),
        ([MODEL, "--walk=1,2", "--project=photo.png"], "`project` does not go with --walk"),
        ([MODEL, "--walk=1,2", "--output=walk.jpg"], "Cannot write 'walk.jpg'"),
        ([MODEL, "--walk=1,2", "--frames=1"], "`frames` must be at least 2, one for each seed"),
        ([MODEL, "--frames=9"], "`frames` goes with --walk"),
        ([MODEL, "--steps=9"], "`steps` goes with a search"),
        ([MODEL, "--tile=none"], "`tile` goes with a search"),
        ([MODEL, "--resume"], "`resume` goes with --walk, or a search"),
        ([MODEL, "--project=photo.png", "--seeds=1,2"], "`seeds` must be one to start"),
        ([MODEL, "--project=photo.png", "--backbone=vgg19"], "`backbone` does not go with"),
        ([MODEL, "--project=none.png"], "none.png"),
        ([MODEL, "--output=no/such/sheet.png"], "no/such"),
    ],
)
def test_what_makes_no_sense_is_refused_at_once(folder, photo, light_refuse, flags, message):
    assert message in light_refuse(folder, *flags)


# --- Pictures of seeds


def test_a_seed_is_a_picture_that_its_record_makes_again(folder, generator, warm_run, warm_refuse):
    outcome = succeed(warm_run(folder, *SMALL, "--seeds=5", "--truncation=0.5"))
    assert outcome.stdout == "Wrote generated.png of 32x32.\n"
    assert_shows(folder / "generated.png", generator.paint(generator.style(5, 0.5)))
    record = record_of(folder / "generated.png")
    assert record["seeds"] == ["5"] and record["truncation"] == 0.5
    assert record["generator_hash"] == generator.record["generator_hash"]
    w = np.float32(record["w"])
    assert w.shape == (1, 7)
    np.testing.assert_allclose(w, generator.style(5, 0.5)[0, :1], rtol=1e-4)
    # The picture is a seed, which truncation leaves alone.
    succeed(warm_run(folder, *SMALL, "--seeds=generated.png", "--output=again.png"))
    (folder / "sub").mkdir()
    (folder / "sub" / "generated.png").write_bytes((folder / "generated.png").read_bytes())
    said = warm_refuse(folder, *SMALL, "--seeds=generated.png,sub/generated.png")
    assert "`seeds` must have names that differ but for their folders and suffixes. " in said
    np.testing.assert_allclose(
        pixels(folder / "again.png"), pixels(folder / "generated.png"), atol=1
    )


def test_several_seeds_are_a_sheet_or_a_folder(folder, generator, warm_run):
    outcome = succeed(warm_run(folder, *SMALL, "--seeds=0-2,9", "--output=sheet.png"))
    assert outcome.stdout == "Wrote sheet.png: 4 pictures of 32x32.\n"
    outcome = succeed(warm_run(folder, *SMALL, "--seeds=3,4", "--output=sheet.png"))
    assert outcome.stdout == "Wrote sheet-2.png: 2 pictures of 32x32.\n"
    assert record_of(folder / "sheet.png")["seeds"] == ["0", "1", "2", "9"]
    first = pixels(folder / "sheet.png")[1:33, 1:33]
    np.testing.assert_allclose(first, as_pixels(generator.paint(generator.style(0))), atol=1)
    succeed(warm_run(folder, *SMALL, "--seeds=1,12", "--mix=middle:3", "--output=many"))
    assert names_in(folder / "many") == ["seed0001.png", "seed0012.png"]
    mixed = generator.style(12, mix={"middle": 3})
    assert_shows(folder / "many" / "seed0012.png", generator.paint(mixed))
    assert len(record_of(folder / "many" / "seed0012.png")["w"]) == 8
    before = contents(folder)
    outcome = succeed(warm_run(folder, *SMALL, "--seeds=1,12", "--mix=middle:3", "--output=many"))
    assert (
        outcome.stdout == "2 of 2 are painted already (--overwrite paints them anew).\n"
        and contents(folder) == before
    )


def test_a_mixture_without_a_seed(folder, generator, warm_run, warm_refuse):
    succeed(warm_run(folder, *SMALL, "--mix=coarse:3,middle:9", "--output=mixed.png"))
    expected = generator.paint(generator.style(mix={"coarse": 3, "middle": 9}))
    assert_shows(folder / "mixed.png", expected)
    said = warm_refuse(folder, *SMALL, "--mix=fine:3")
    assert "with one or more of coarse, middle, which pictures of 32 pixels have" in said


def test_a_class_is_painted_and_recorded_and_made_again(tmp_path, warm_run, warm_refuse):
    from kerasart.applications.generation import Generator
    from kerasart.networks import load_generator, save_network

    save_network(make_generator([6, 6, 5], classes=3), tmp_path / "model.keras")
    generator = Generator(load_generator(tmp_path / "model.keras"))
    succeed(warm_run(tmp_path, *SMALL, "--seeds=5", "--label=2"))
    assert_shows(tmp_path / "generated.png", generator.paint(generator.style(5, label=2)))
    assert record_of(tmp_path / "generated.png")["label"] == 2
    succeed(warm_run(tmp_path, *SMALL, "--seeds=generated.png", "--output=again.png"))
    np.testing.assert_allclose(
        pixels(tmp_path / "again.png"), pixels(tmp_path / "generated.png"), atol=1
    )
    for label in (0, 2):  # A folder holds pictures of several classes.
        succeed(warm_run(tmp_path, *SMALL, "--seeds=5", f"--label={label}", "--output=many"))
        assert record_of(tmp_path / "many" / f"seed0005_label{label}.png")["label"] == label
    for flags in ([], ["--label=3"]):
        said = warm_refuse(tmp_path, *SMALL, "--seeds=5", *flags)
        assert "`label` must be a class of this generator, from 0 to 2. Received: " in said
    # What is found from the mean, and what has a style already, is of no class that was asked for.
    for flags in (["--project=generated.png"], ["--seeds=generated.png"]):
        said = warm_refuse(tmp_path, *SMALL, "--label=1", *flags)
        assert "`label` goes with a seed that is a number" in said


def test_a_file_that_is_no_generator_is_refused_in_one_line(folder, warm_refuse):
    (folder / "bad.pkl").write_bytes(b"cos\nsystem\n(X\x05\x00\x00\x00touchtR.")
    said = warm_refuse(folder, "--model=bad.pkl")
    assert "as NVIDIA's programs write them (it names os.system" in said


# --- Walks and searches


def test_a_walk_is_an_animation(folder, generator, warm_run):
    flags = ["--walk=1,5,1", "--frames=4", "--output=walk.png", "--keep_frames"]
    outcome = succeed(warm_run(folder, *SMALL, *flags))
    assert outcome.stdout.startswith("Wrote walk.png: 4 frames.\n")
    with Image.open(folder / "walk.png") as animation:
        assert animation.n_frames == 4
    styles = [generator.style(seed) for seed in (1, 5, 1)]
    for number, frame in enumerate(generator.walk(styles, 4)):
        assert_shows(folder / "walk.frames" / f"{number:06}.png", frame)
    # Two frames are gone: only they are painted again.
    for number in (2, 3):
        (folder / "walk.frames" / f"{number:06}.png").unlink()
    kept = contents(folder / "walk.frames")
    succeed(warm_run(folder, *SMALL, *flags, "--resume"))
    after = contents(folder / "walk.frames")
    assert len(after) == len(kept) + 2 and kept.items() <= after.items()


def test_searches_move_the_picture(folder, generator, warm_run):
    succeed(warm_run(folder, *SMALL, "--seeds=7", "--truncation=1", "--output=target.png"))
    flags = ["--project=target.png", "--steps=15", "--space=w", "--output=found.png"]
    succeed(warm_run(folder, *SMALL, *flags))
    target, found = (pixels(folder / f"{name}.png") for name in ("target", "found"))
    mean = as_pixels(generator.paint(generator.network.mean_w.numpy()[None, None].repeat(8, 1)))
    assert np.abs(found - target).mean() < 0.7 * np.abs(mean - target).mean()
    record = record_of(folder / "found.png")
    assert record["search"] == "project" and np.shape(record["w"]) == (8, 7)
    dream = ["--seeds=7", "--layers=fire2", "--backbone=squeezenet", "--steps=3"]
    succeed(warm_run(folder, *SMALL, *dream, "--output=dream.png"))
    record = record_of(folder / "dream.png")
    assert record["layers"] == {"fire2": 1.0} and record["seeds"] == ["7"]
    assert_shows(folder / "dream.png", generator.paint(np.float32(record["w"])[None]))
