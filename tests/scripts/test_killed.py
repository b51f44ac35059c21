"""Runs that are killed at any moment: the same command ends with what it was to make, no more."""

import os
import random
import sys
import time
from pathlib import Path

import pytest
from conftest import ROOT, RUN, WITH_ONE_BLOCK, WITHOUT_GRAPHS, make_photo, pixels
from PIL import Image

PREPARE = f"""{WITHOUT_GRAPHS}{WITH_ONE_BLOCK}
import sys
from kerasart.optimization.checkpoint import Checkpoint
sys.modules["matplotlib"] = None  # What is drawn of losses is not compared.
Checkpoint.__init__.__defaults__ = (0.0,)  # Its state is written at each step.
"""

NETWORK = ("--backbone=squeezenet", "--precision=float32")
DREAM = (*NETWORK, "--layers=fire2", "--size=48", "--octaves=1")
STYLE = ("--style=style.png", "--style_layers=conv1", "--content_layers=fire2")
TRAIN = (*NETWORK, *STYLE, "--network=small", "--size=32", "--style_size=32", "--batch_size=1")


def resumes(sign):
    """The flag that goes on, if there is something to go on with."""
    return lambda folder: ["--resume"] if (folder / sign).exists() else []


# Scripts, their flags, those that go on, whether nothing is left to do, and how many kills.
RUNS = {
    "painting": (
        "style_transfer",
        ["--content=photo.png", *STYLE, *NETWORK, "--size=48", "--steps=12", "--style_loss=gram"],
        resumes("painted.png.state.npz"),
        lambda folder: (folder / "painted.png").exists(),
        4,
    ),
    "dream": (
        "deep_dream",
        ["--image=photo.png", *DREAM, "--steps=12"],
        resumes("dream.png.state.npz"),
        lambda folder: (folder / "dream.png").exists(),
        2,
    ),
    "animation": (
        "deep_dream",
        ["--image=photo.png", *DREAM, "--steps=3", "--animate=zoom", "--frames=6"],
        resumes("dream.frames/000000.png"),
        lambda folder: (folder / "dream.gif").exists() and not (folder / "dream.frames").exists(),
        3,
    ),
    "folder": (
        "deep_dream",
        ["--image=photos", *DREAM, "--steps=3", "--output=dreams"],
        lambda folder: [],
        lambda folder: False,
        2,
    ),
    "training": (
        "train_fast_style",
        ["--photos=photos", *TRAIN, "--steps=2", "--sheet_every=1", "--sample=photo.png"],
        lambda folder: [],
        lambda folder: (
            (folder / "fast_style/model.keras").exists()
            and not (folder / "fast_style/training/progress.json").exists()
        ),
        2,  # It takes the longest.
    ),
}


@pytest.fixture
def call(forks):
    """Runs a command in a folder, and kills it after so many seconds of computing.

    It returns its exit code and those seconds.
    """

    def call(name, folder, flags, seconds=None):
        args = [ROOT / "scripts" / f"{name}.py", *flags]
        with open(folder.parent / "log", "w") as log:
            process = forks.start(PREPARE + RUN, args, folder, stdout=log, stderr=log)
        # By the time that it has computed, since how fast it goes depends on what else runs.
        while process.poll() is None:
            if seconds and computed(process.pid) > seconds:
                process.kill()
            time.sleep(0.02)
        return process.returncode, process.seconds

    return call


def computed(pid):
    """Seconds that a process has computed; 0 if it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def prepare(folder):
    (folder / "photos").mkdir(parents=True)
    for number in range(4):
        photo = Image.fromarray(make_photo(60, 48, seed=number))
        photo.save(folder / "photos" / f"{number}.png")
    photo.save(folder / "photo.png")
    Image.fromarray(make_photo(50, 40, seed=9)).save(folder / "style.png")
    return folder


def files_in(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def assert_same(made, whole):
    assert files_in(made) == files_in(whole)
    for path in whole.rglob("*"):
        if path.suffix in (".png", ".gif") and path.name != "losses.png":
            assert (pixels(path) == pixels(made / path.relative_to(whole))).all(), path


@pytest.mark.skipif(sys.platform != "linux", reason="reads in /proc what a process has computed")
@pytest.mark.parametrize("kind", RUNS)
def test_the_same_command_ends_as_if_it_had_not_been_killed(kind, tmp_path, call):
    name, flags, goes_on, is_done, kills = RUNS[kind]
    whole, killed = (prepare(tmp_path / each / "work") for each in ("whole", "killed-0"))
    code, seconds = call(name, whole, flags)
    assert code == 0, (tmp_path / "whole" / "log").read_text()
    moments = random.Random(kind)
    codes = []
    while codes.count(-9) < kills:
        # A run that goes on may be done before it is to be killed: another begins.
        assert len(codes) < 4 * kills, codes
        moment = seconds * moments.uniform(0.1, 0.9)
        codes.append(call(name, killed, [*flags, *goes_on(killed)], moment)[0])
        assert codes[-1] in (-9, 0), (codes, (killed.parent / "log").read_text())
        if codes[-1] == 0 or is_done(killed):
            assert_same(killed, whole)
            killed = prepare(tmp_path / f"killed-{len(codes)}" / "work")
    code, _ = call(name, killed, [*flags, *goes_on(killed)])
    assert code == 0, (codes, (killed.parent / "log").read_text())
    assert_same(killed, whole)
