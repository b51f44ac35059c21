"""The feature_atlas script, run as a user runs it: by itself, in a folder of its own."""

import re

import numpy as np
import pytest
from conftest import ROOT, ask, change, names_in, pixels, record_of, succeed

SCRIPT = ROOT / "scripts" / "feature_atlas.py"
SMALL = ("--backbone=squeezenet", "--layer=fire3", "--size=48", "--steps=2", "--precision=float32")
MARGIN = 2  # of pictures of 48 pixels


def first_row(path, count):
    """The pictures in a sheet's first row."""
    sheet = pixels(path)
    lefts = range(MARGIN, MARGIN + count * (48 + MARGIN), 48 + MARGIN)
    return [sheet[MARGIN : MARGIN + 48, left : left + 48] for left in lefts]


def test_help_lists_every_flag_without_tensorflow(tmp_path, light_run):
    outcome = succeed(light_run(tmp_path, "--help"))
    listed = re.findall(r"^  --(\w+)", outcome.stdout, re.MULTILINE)
    code = """
import json
from absl import flags
from kerasart.scripts import feature_atlas
ours = flags.FLAGS.flags_by_module_dict()["kerasart.scripts.feature_atlas"]
print(json.dumps([flag.name for flag in ours]))
"""
    assert set(ask(code)) < set(listed) and len(listed) == len(set(listed))
    assert {"backbone", "weights", "seed", "overwrite", "quiet", "debug"} < set(listed)
    assert outcome.stdout.startswith("Shows what each channel")


def test_a_sheet_of_channels(tmp_path, warm_run):
    outcome = succeed(warm_run(tmp_path, *SMALL, "--channels=4,8,11", "--columns=2"))
    assert outcome.stdout == "Wrote atlas.png: 3 channels of fire3.\n"
    assert names_in(tmp_path) == ["atlas.png"]
    width = MARGIN + 2 * (48 + MARGIN)
    assert pixels(tmp_path / "atlas.png").shape[1] == width
    first, second = first_row(tmp_path / "atlas.png", 2)
    assert np.ptp(first) > 20 and np.abs(first - second).mean() > 2
    record = record_of(tmp_path / "atlas.png")
    expected = {"layer": "fire3", "channels": [4, 8, 11], "preset": "visualization", "steps": 2}
    assert {name: record[name] for name in expected} == expected
    assert record["backbone"] == "squeezenet"


def test_a_channel_is_the_dream_of_it(tmp_path, warm_run):
    from kerasart import deep_dream

    flags = ["--channels=3:5", "--seed=7", "--output=sheet.png"]
    succeed(warm_run(tmp_path, *SMALL, *flags))
    settings = {"size": 48, "steps": 2, "seed": 7, "precision": "float32"}
    dream = deep_dream(None, "visualization", "squeezenet", channel="fire3:4", **settings)
    shown = first_row(tmp_path / "sheet.png", 2)[1]
    # Other threads may sum up in another order.
    np.testing.assert_allclose(shown, np.round(255 * dream.image[0]), atol=2)


def test_all_channels_and_a_name_that_is_taken(tmp_path, warm_run):
    (tmp_path / "atlas.png").write_text("a file of the user's")
    flags = ["--layer=fire2_squeeze1x1", "--channels=all", "--steps=1"]
    outcome = succeed(warm_run(tmp_path, *SMALL, *flags))
    assert outcome.stdout == "Wrote atlas-2.png: 16 channels of fire2_squeeze1x1.\n"
    assert (tmp_path / "atlas.png").read_text() == "a file of the user's"
    assert record_of(tmp_path / "atlas-2.png")["channels"] == list(range(16))
    quiet = succeed(warm_run(tmp_path, *SMALL, "--channels=0:1", "--overwrite", "--quiet"))
    assert quiet.stdout == ""
    assert record_of(tmp_path / "atlas.png")["channels"] == [0]


def test_ctrl_c_leaves_the_channels_so_far(tmp_path, forked_run):
    change(
        tmp_path / "change",
        """
        def interrupted(self, *arguments, calls=[], **options):
            import os, signal

            calls.append(1)
            if len(calls) == 3:
                os.kill(os.getpid(), signal.SIGINT)
            return dream(self, *arguments, **options)
        """,
        "kerasart.applications.deep_dream.Dreamer.dream",
    )
    outcome = forked_run(tmp_path, *SMALL, "--channels=0:9", PYTHONPATH=str(tmp_path / "change"))
    assert outcome.code == 130, outcome
    assert "Traceback" not in outcome.stderr and outcome.lines == []
    assert outcome.stdout == "Wrote the channels so far to atlas.png: 2 channels of fire3.\n"
    assert names_in(tmp_path) == ["atlas.png", "change"]
    assert record_of(tmp_path / "atlas.png")["channels"] == [0, 1]


@pytest.mark.parametrize(
    ("flags", "words", "received"),
    [
        (["--channels=128:129"], "from 0 to 127 in fire3", "slice(128, 129, None)"),
        (["--channels=4,128"], "from 0 to 127 in fire3", "128"),
        (["--channels=5:5"], "`channels` must be FIRST:END", "'5:5'"),
        (["--channels=-1"], "`channels` must be FIRST:END", "'-1'"),
        (["--channels=3,"], "`channels` must be FIRST:END", "'3,'"),
        (["--channels=some"], "`channels` must be FIRST:END", "'some'"),
        (["--layer=fire33"], "nearest: fire3", "'fire33'"),
        (["--layer="], "`layer` must not be empty", "''"),
        (["--output=atlas.mp4"], "'atlas.mp4'", "'.mp4'"),
        (["--output=no/atlas.png"], "its folder must exist", "folder 'no'"),
        (["--preset=visualisation"], "Nearest: visualization", "'visualisation'"),
        (["--preset=animals"], "`image` must be given where `init` is photo", "None"),
        (["--backbone=sqeezenet"], "Nearest: squeezenet", "'sqeezenet'"),
    ],
)
def test_bad_input(tmp_path, warm_refuse, flags, words, received):
    line = warm_refuse(tmp_path, *SMALL, *flags)
    assert words in line
    assert line.endswith(f" Received: {received}")


@pytest.mark.parametrize("flag", ["--size=31", "--steps=0", "--columns=0", "--nonsense", "fire3"])
def test_bad_flag(tmp_path, warm_refuse, flag):
    assert "--help" in warm_refuse(tmp_path, *SMALL, flag, code=2)
