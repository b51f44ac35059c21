"""The dream_style script, run as a user runs it: by itself, in a folder of its own."""

import re

import numpy as np
import pytest
from conftest import (
    ROOT,
    WITHOUT_GRAPHS,
    ask,
    change,
    make_photo,
    names_in,
    pixels,
    record_of,
    succeed,
)
from PIL import Image

SCRIPT = ROOT / "scripts" / "dream_style.py"
PREPARE = WITHOUT_GRAPHS
PICTURES = ("--content=photo.png", "--style=a.png")
PAINT = (
    "--backbone=squeezenet",
    "--style_layers=fire2,fire4",
    "--content_layers=fire4",
    "--style_loss=gram",
    "--size=64",
    "--steps=2",
)
DREAM = ("--dream_backbone=squeezenet", "--dream_octaves=1", "--dream_steps=2")
SMALL = (*PICTURES, *PAINT, *DREAM)


def write_pictures(folder):
    Image.fromarray(make_photo(75, 53)).save(folder / "photo.png")
    Image.fromarray(make_photo(80, 60, seed=1)).save(folder / "a.png")


@pytest.fixture
def folder(tmp_path):
    """A folder with a photo and a style."""
    folder = tmp_path / "work"
    folder.mkdir()
    write_pictures(folder)
    return folder


def test_help_lists_every_flag_once_and_those_of_the_dream_first(tmp_path, light_run):
    outcome = succeed(light_run(tmp_path, "--help"))
    listed = re.findall(r"^  --(\w+)", outcome.stdout, re.MULTILINE)
    code = """
import json
from absl import flags
from kerasart.scripts import dream_style, film_flags
modules = flags.FLAGS.flags_by_module_dict().items()
ours = [some for name, some in modules if name.startswith("kerasart.scripts")]
others = {flag.name for flag in film_flags.FLAGS_WITH_STEPS}  # It takes none of these.
print(json.dumps([flag.name for some in ours for flag in some if flag.name not in others]))
"""
    assert sorted(listed) == sorted(ask(code))
    dream = [name for name in listed if name.startswith("dream_")]
    assert listed[: len(dream)] == dream
    assert {"dream_preset", "dream_backbone", "dream_layers", "dream_steps"} <= set(dream)
    assert {"content", "style", "style_strength", "resume"} <= set(listed)
    assert outcome.stdout.startswith("Dreams on a photo first")


# What is refused


@pytest.mark.parametrize(
    ("flag", "words"),
    [
        ("--dream_layers=fire6:x", ["`dream_layers`", "Received: 'fire6:x'"]),
        ("--dream_layers=fire6:nan", ["`dream_layers`", "finite"]),
        ("--dream_layers=,", ["`dream_layers`", "Received: ','"]),
        ("--dream_preset=anmals", ["Nearest: animals", "Received: 'anmals'"]),
        ("--preset=bset", ["Nearest: best", "Received: 'bset'"]),
        ("--style=no-such.png", ["'no-such.png'", "No such file"]),
    ],
)
def test_bad_value_is_refused_in_a_sentence(folder, warm_refuse, flag, words):
    line = warm_refuse(folder, *PICTURES, flag)
    assert [word for word in words if word not in line] == [], line


@pytest.mark.parametrize("flag", ["--dream_layers=fire6:x", "--dream_preset=anmals"])
def test_bad_dream_is_refused_before_tensorflow_loads(folder, light_refuse, flag):
    assert repr(flag.partition("=")[2]) in light_refuse(folder, *PICTURES, flag)


@pytest.mark.parametrize(
    ("flag", "words"),
    [
        ("--dream_layers=fier6", ["fier6", "fire6"]),
        ("--dream_backbone=sqeezenet", ["squeezenet", "'sqeezenet'"]),
        ("--dream_octaves=many", ["octaves", "Received: 'many'"]),
        ("--dream_step_size=nan", ["step_size", "nan"]),
        ("--steps=many", ["`steps` must be", "Received: 'many'"]),
        ("--style_layers=fier4", ["fier4", "fire4"]),
    ],
)
def test_bad_setting_is_refused_in_a_sentence(folder, warm_refuse, flag, words):
    line = warm_refuse(folder, *SMALL, flag)
    assert [word for word in words if word not in line] == [], line


@pytest.mark.parametrize("flag", ["--dream_steps=0", "--dream_step_size=big", "--dream_nonsense"])
def test_flag_that_does_not_parse(folder, warm_refuse, flag):
    line = warm_refuse(folder, *PICTURES, flag, code=2)
    assert flag.strip("-").partition("=")[0] in line
    assert "--help" in line


# A dream that is painted


DREAMT = ("--dream_layers=fire6:2.0", "--dream_preset=gentle", "--dream_step_size=0.02")


@pytest.fixture(scope="module")
def painted(tmp_path_factory, forked_run):
    """A folder with a painted dream."""
    folder = tmp_path_factory.mktemp("painted")
    write_pictures(folder)
    outcome = succeed(forked_run(folder, *SMALL, *DREAMT, "--seed=5"))
    assert re.fullmatch(
        r"Wrote painted\.png: 64x45, squeezenet, preset best, \d+ s\.\n", outcome.stdout
    )
    assert names_in(folder) == ["a.png", "painted.png", "photo.png"]
    return folder


def test_record_holds_the_settings_of_both(painted):
    record = record_of(painted / "painted.png")
    assert record["preset"] == "best"
    assert record["steps"] == 2
    assert record["seed"] == 5
    dream = record["dream"]
    assert dream["preset"] == "gentle"
    assert dream["backbone"] == "squeezenet"
    assert dream["layers"] == {"fire6": 2.0}
    assert dream["octaves"] == [0, 0]
    assert dream["steps"] == 2
    assert dream["step_size"] == 0.02
    assert dream["seed"] == 5


def test_dream_makes_a_difference(painted, folder, warm_run):
    succeed(warm_run(folder, *SMALL, *DREAMT, "--seed=5", "--dream_step_size=1e-9"))
    assert np.abs(pixels(folder / "painted.png") - pixels(painted / "painted.png")).max() > 5


def test_reproduction_takes_the_dream_from_the_record(painted, folder, warm_run):
    former = f"--reproduce={painted / 'painted.png'}"
    outcome = warm_run(folder, *PICTURES, former, "--dream_backbone=squeezenet")
    assert outcome.code == 0, outcome
    assert record_of(folder / "painted.png")["dream"] == record_of(painted / "painted.png")["dream"]
    np.testing.assert_array_equal(pixels(folder / "painted.png"), pixels(painted / "painted.png"))


def test_previews_go_on_while_the_dream_is_painted(folder, forked_run, tmp_path):
    log = tmp_path / "written"
    change(
        tmp_path / "change",
        f"""
        import os
        from functools import partial

        def noted(draft, path, put=replace, **options):
            with open({str(log)!r}, "a") as file:
                file.write(f"{{os.path.basename(path)}}\\n")
            return put(draft, path, **options)

        os.link = partial(noted, put=os.link)  # What does not replace another.
        """,
        "os.replace",
    )
    flags = [*SMALL, "--dream_steps=3", "--preview_every=1"]
    succeed(forked_run(folder, *flags, PYTHONPATH=str(tmp_path / "change")))
    written = log.read_text().split()
    assert written[-1] == "painted.png"
    assert written.count("painted.preview.png") == 5
    assert names_in(folder) == ["a.png", "painted.png", "photo.png"]


# Ctrl-C


def interrupting(folder, number):
    """Environment variables with which Ctrl-C comes after so many steps of both together."""
    change(
        folder,
        f"""
        steps = []

        def interrupted(self, state, losses):
            import os, signal

            accept(self, state, losses)
            steps.append(1)
            if len(steps) == {number}:
                os.kill(os.getpid(), signal.SIGINT)
        """,
        "kerasart.optimization.descent.RunInProgress.accept",
    )
    return {"PYTHONPATH": str(folder)}


def test_interrupted_while_it_is_painted_it_goes_on_and_ends_in_the_same_picture(
    painted, folder, forked_run, warm_run, tmp_path
):
    flags = [*SMALL, *DREAMT, "--seed=5"]
    outcome = forked_run(folder, *flags, "--steps=4", **interrupting(tmp_path / "change", 3))
    assert outcome.code == 130, outcome
    assert "picture so far to painted.png" in outcome.stdout
    assert "--resume" in outcome.stdout
    assert names_in(folder) == ["a.png", "painted.png", "painted.png.state.npz", "photo.png"]
    record = record_of(folder / "painted.png")
    assert record["interrupted_after"] == 2
    succeed(warm_run(folder, *flags, "--steps=4", "--resume"))
    succeed(warm_run(folder, *flags, "--steps=4", "--output=whole.png"))
    np.testing.assert_array_equal(pixels(folder / "painted.png"), pixels(folder / "whole.png"))
    assert names_in(folder) == ["a.png", "painted.png", "photo.png", "whole.png"]
    assert record["dream"] == record_of(painted / "painted.png")["dream"]


def test_interrupted_while_it_dreams_it_promises_only_what_it_can_keep(
    folder, forked_run, tmp_path
):
    outcome = forked_run(folder, *SMALL, "--dream_steps=5", **interrupting(tmp_path / "change", 2))
    assert outcome.code == 130, outcome
    assert "Traceback" not in outcome.stderr
    promised = "--resume" in outcome.stdout
    assert promised == (folder / "painted.png.state.npz").exists()


def test_a_film_is_refused(tmp_path, light_refuse):
    line = light_refuse(tmp_path, "--content=clip.mp4", "--style=a.png")
    assert "`content` must be a photo, or a folder of them. Received: 'clip.mp4'" in line
