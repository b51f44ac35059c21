"""Animations by the deep_dream script, and what else a dream can be of, run as a user runs it."""

import re
import signal

import numpy as np
import pytest
from conftest import (
    ROOT,
    WITHOUT_GRAPHS,
    finish,
    make_photo,
    names_in,
    pixels,
    record_of,
    succeed,
    wait_for,
)
from PIL import Image

SCRIPT = ROOT / "scripts" / "deep_dream.py"
PREPARE = WITHOUT_GRAPHS
NETWORK = ("--image=photo.png", "--backbone=squeezenet", "--precision=float32", "--octaves=1")
SMALL = (*NETWORK, "--layers=fire3", "--size=48", "--steps=2", "--jitter=4")
WALK = (*NETWORK, "--layers=fire2,fire3,fire4", "--size=48", "--steps=2", "--jitter=4")


def frames_of(path):
    """The frames of an animation, (frames, height, width, 3)."""
    with Image.open(path) as picture:
        shown = []
        for number in range(picture.n_frames):
            picture.seek(number)
            shown.append(np.asarray(picture.convert("RGB")).astype(int))
        return np.stack(shown)


def stills(folder):
    return np.stack([pixels(path) for path in sorted(folder.glob("*.png"))])


def lose_frames(path, kept):
    """Makes of an animation that kept its frames one that was interrupted after some."""
    for still in sorted(path.with_suffix(".frames").glob("*.png"))[kept:]:
        still.unlink()
    path.unlink()


# Animations


@pytest.mark.parametrize(
    ("flags", "frames", "size"),
    [
        ([*SMALL, "--animate=zoom", "--frames=3", "--zoom=1.2", "--rotate=3"], 3, (34, 48)),
        ([*SMALL, "--animate=evolution", "--frames=2"], 2, (34, 48)),
        ([*WALK, "--animate=layers", "--frames=3", "--frame_size=24"], 3, (17, 24)),
    ],
    ids=["zoom", "evolution", "layers"],
)
def test_animation_has_its_frames(tmp_path, photo, warm_run, flags, frames, size):
    outcome = succeed(warm_run(tmp_path, *flags, "--fps=20", "--loop=2"))
    assert outcome.stdout == f"Wrote dream.gif: {frames} frames.\n"
    assert names_in(tmp_path) == ["dream.gif", "photo.png"]
    shown = frames_of(tmp_path / "dream.gif")
    assert shown.shape == (frames, *size, 3)
    assert all(np.abs(a - b).mean() > 0.5 for a, b in zip(shown, shown[1:], strict=False))
    with Image.open(tmp_path / "dream.gif") as picture:
        assert picture.info["duration"] == 50
        assert picture.info["loop"] == 1  # Played again once.


def test_keep_frames(tmp_path, photo, warm_run):
    flags = [*SMALL, "--animate=zoom", "--frames=3", "--keep_frames", "--output=fall.png"]
    outcome = succeed(warm_run(tmp_path, *flags, "--shift=0.1,-0.05"))
    assert outcome.stdout.splitlines()[-1] == "The frames are in fall.frames."
    assert names_in(tmp_path) == ["fall.frames", "fall.png", "photo.png"]
    kept = stills(tmp_path / "fall.frames")
    # An animated PNG loses nothing.
    np.testing.assert_array_equal(kept, frames_of(tmp_path / "fall.png"))
    with Image.open(tmp_path / "photo.png") as picture:
        first = np.asarray(picture.resize((48, 34), Image.Resampling.LANCZOS)).astype(int)
    assert np.abs(kept[0] - first).max() <= 3  # The photo itself.
    record = record_of(tmp_path / "fall.png")
    assert record["preset"] == "zoom" and record["layers"] == {"fire3": 1.0}
    motion = {"animate": "zoom", "zoom": 1.05, "rotate": 0, "shift": [0.1, -0.05]}
    assert {name: record[name] for name in motion} == motion


def test_last_frame_of_an_evolution_is_the_dream(tmp_path, photo, warm_run):
    flags = ["--animate=evolution", "--frames=2", "--output=grow.png"]
    succeed(warm_run(tmp_path, *SMALL, *flags))
    succeed(warm_run(tmp_path, *SMALL))
    np.testing.assert_array_equal(
        frames_of(tmp_path / "grow.png")[-1], pixels(tmp_path / "dream.png")
    )


def test_name_that_is_taken_gets_a_number(tmp_path, photo, warm_run):
    (tmp_path / "dream.gif").write_text("a file of the user's")
    flags = [*SMALL, "--animate=zoom", "--frames=1"]
    assert "Wrote dream-2.gif: 1 frame." in succeed(warm_run(tmp_path, *flags)).stdout
    assert (tmp_path / "dream.gif").read_text() == "a file of the user's"
    succeed(warm_run(tmp_path, *flags, "--overwrite", "--quiet"))
    assert names_in(tmp_path) == ["dream-2.gif", "dream.gif", "photo.png"]
    assert len(frames_of(tmp_path / "dream.gif")) == 1


# Ctrl-C, and going on


def test_ctrl_c_leaves_what_is_there_and_resume_ends_the_same(
    tmp_path, photo, forked_start, warm_run, warm_refuse
):
    flags = [*SMALL, "--steps=8", "--animate=zoom", "--frames=8", "--blend=0.2"]
    process = forked_start(tmp_path, *flags)
    folder = tmp_path / "dream.frames"
    wait_for(lambda: len(list(folder.glob("*.png"))) >= 3, process)
    process.send_signal(signal.SIGINT)
    outcome = finish(process)
    assert outcome.code == 130, outcome
    assert outcome.lines == ["deep_dream: interrupted"]
    frames = int(re.search(r"Wrote the frames so far to dream\.gif: (\d+) fr", outcome.stdout)[1])
    assert 3 <= frames < 8
    assert "--resume --output=dream.gif continues it" in outcome.stdout
    assert names_in(tmp_path) == ["dream.frames", "dream.gif", "photo.png"]
    assert len(frames_of(tmp_path / "dream.gif")) == len(stills(folder)) == frames

    # It goes on with nothing else.
    line = warm_refuse(tmp_path, *flags, "--resume", "--zoom=1.1", "--seed=5")
    assert "`resume` needs " in line and "zoom differ" in line and "seed" in line

    succeed(warm_run(tmp_path, *flags, "--resume", "--keep_frames"))
    succeed(warm_run(tmp_path, *flags, "--output=whole.gif", "--keep_frames"))
    whole = stills(tmp_path / "whole.frames")
    assert len(whole) == 8
    np.testing.assert_array_equal(stills(folder), whole)
    assert (tmp_path / "dream.gif").read_bytes() == (tmp_path / "whole.gif").read_bytes()


@pytest.mark.parametrize(
    "flags",
    [
        [*SMALL, "--steps=4", "--animate=evolution", "--frames=4"],
        [*WALK, "--animate=layers", "--frames=4", "--blend=0.3"],
    ],
    ids=["evolution", "layers"],
)
def test_resume_of_the_others(tmp_path, photo, warm_run, flags):
    flags = [*flags, "--keep_frames"]
    succeed(warm_run(tmp_path, *flags))
    folder = tmp_path / "dream.frames"
    whole = stills(folder)
    assert len(whole) == 4
    lose_frames(tmp_path / "dream.gif", kept=2)
    succeed(warm_run(tmp_path, *flags, "--resume"))
    np.testing.assert_array_equal(stills(folder), whole)
    assert len(frames_of(tmp_path / "dream.gif")) == 4


def test_unfinished_animation_is_not_lost_by_accident(tmp_path, photo, warm_run, warm_refuse):
    flags = [*SMALL, "--animate=zoom", "--frames=2", "--keep_frames"]
    succeed(warm_run(tmp_path, *flags))
    lose_frames(tmp_path / "dream.gif", kept=1)
    line = warm_refuse(tmp_path, *flags)
    assert "--resume continues it" in line and "--overwrite" in line
    assert line.endswith("Received: 'dream.gif', beside which dream.frames lies")
    succeed(warm_run(tmp_path, *flags, "--overwrite", "--seed=9"))
    assert len(stills(tmp_path / "dream.frames")) == 2


def test_frames_that_were_to_be_kept_are_kept_by_resume_too(tmp_path, photo, warm_run):
    flags = [*SMALL, "--animate=zoom", "--frames=2"]
    succeed(warm_run(tmp_path, *flags, "--keep_frames"))
    lose_frames(tmp_path / "dream.gif", kept=1)
    outcome = succeed(warm_run(tmp_path, *flags, "--resume"))
    assert outcome.stdout.splitlines()[-1] == "The frames are in dream.frames."
    assert len(stills(tmp_path / "dream.frames")) == 2


def test_a_folder_of_the_users_own_is_left_alone(tmp_path, photo, warm_refuse):
    (tmp_path / "dream.frames").mkdir()
    (tmp_path / "dream.frames" / "notes.txt").write_text("mine")
    flags = [*SMALL, "--animate=zoom", "--frames=2"]
    for more in ([], ["--overwrite"]):
        line = warm_refuse(tmp_path, *flags, *more)
        assert "'dream.frames' must be new, or hold frames that kerasart wrote" in line


def test_what_was_kept_stays(tmp_path, photo, warm_run, warm_refuse):
    flags = [*SMALL, "--animate=zoom", "--frames=1"]
    succeed(warm_run(tmp_path, *flags, "--keep_frames"))
    (tmp_path / "dream.frames" / "notes.txt").write_text("mine")
    line = warm_refuse(tmp_path, *flags, "--overwrite")
    assert "`keep_frames` must be given, or another output" in line
    succeed(warm_run(tmp_path, *flags, "--overwrite", "--keep_frames"))
    assert names_in(tmp_path / "dream.frames") == ["000000.png", "animation.json", "notes.txt"]


def test_resume_needs_frames(tmp_path, photo, warm_refuse):
    line = warm_refuse(tmp_path, *SMALL, "--animate=zoom", "--resume")
    assert line.endswith("Received: no dream.frames")


def test_error_on_the_way_leaves_the_frames_so_far(tmp_path, photo, warm_run):
    flags = ["--animate=zoom", "--frames=5", "--preset=ascent", "--noclip"]
    flags += ["--step_size=1e30", "--steps=3"]
    outcome = warm_run(tmp_path, *SMALL, *flags)
    assert outcome.code == 1
    assert len(outcome.lines) == 1
    assert outcome.lines[0].startswith("deep_dream: The loss must stay finite")
    assert "Wrote the frames so far to dream.gif: 1 frame." in outcome.stdout
    assert names_in(tmp_path) == ["dream.frames", "dream.gif", "photo.png"]


# What is refused


@pytest.mark.parametrize(
    ("flags", "words", "received"),
    [
        (["--animate=zoom", "--zoom=1"], "`zoom` must be more than 1", "1.0"),
        (["--animate=zoom", "--zoom=0.5"], "`zoom` must be more than 1", "0.5"),
        (["--animate=layers", "--blend=1"], "`blend` must be from 0 to less", "1.0"),
        (["--animate=zoom", "--zoom=inf"], "`zoom` must be more than 1", "inf"),
        (["--animate=zoom", "--rotate=inf"], "`rotate` must be a finite number", "inf"),
        (["--animate=zoom", "--rotate=nan"], "`rotate` must be a finite number", "nan"),
        (["--animate=zoom", "--fps=0"], "`fps` must be ", "fps=0.0"),
        (["--animate=zoom", "--fps=2000"], "`fps` must be from 0.02 to 1000", "fps=2000.0"),
        (["--animate=zoom", "--loop=65536"], "`loop` must be ", "loop=65536"),
        (["--animate=zoom", "--frame_size=99999"], "`frame_size` must give at most", "99999x70666"),
        (["--animate=evolution", "--zoom=2"], "goes with --animate=zoom", "--animate=evolution"),
        (
            ["--animate=evolution", "--blend=0.5"],
            "goes with --animate=zoom or",
            "--animate=evolution",
        ),
        (["--frames=5"], "`frames` goes with --animate", "--frames without it"),
        (["--resume"], "`resume` needs the state of an unfinished run", "no dream.png.state.npz"),
        (["--animate=zoom", "--shift=1,0"], "`shift` must be DOWN,RIGHT", "'1,0'"),
        (["--animate=zoom", "--shift=0.1"], "`shift` must be DOWN,RIGHT", "'0.1'"),
        (["--animate=zoom", "--shift=a,b"], "`shift` must be DOWN,RIGHT", "'a,b'"),
        (["--animate=zoom", "--output=dream.tif"], "'dream.tif'", "'.tif'"),
        (["--animate=evolution", "--output=dream"], "suffix must be one of .gif", "''"),
        (["--animate=zoom", "--output=no/dream.gif"], "its folder must exist", "folder 'no'"),
        (["--animate=zoom", "--init=noise"], "`init` be photo", "init='noise'"),
        (["--animate=zoom", "--mask=photo.png"], "`mask` must not be given", "a mask"),
        (["--animate=layers"], "must name at least two", "['fire3', 'total_variation']"),
        (["--class=cat"], "281: tabby, tabby cat; 282: tiger cat", "'cat'"),
        (["--class=jelyfish"], "nearest: 107: jellyfish", "'jelyfish'"),
        (["--class=1000"], "a number from 0 to 999", "'1000'"),
        (["--class=cat", "--animate=zoom"], "these match: 281", "'cat'"),
        (["--channel=fire3:128"], "`channel` must be from 0 to 127 in fire3", "128"),
        (["--channel=fire3:128", "--animate=evolution"], "from 0 to 127 in fire3", "128"),
        (["--channel=fire3"], "`channel` must be different LAYER:CHANNEL", "'fire3'"),
        (["--channel=fire3:1.5"], "`channel` must be different LAYER:CHANNEL", "'fire3:1.5'"),
        (["--channel=fire33:1"], "nearest: fire3", "'fire33'"),
        (["--similarity=l2"], "`guide` must be given", "none"),
        (["--pixel_loss=l2", "--pixel_reference=guide"], "`guide` must be given", "none"),
        (["--guide=tiny.png", "--layers=fire6"], "`guide` must be at least", "9x8"),
        (["--guide=no-such.png"], "'no-such.png'", "No such file or directory"),
        (["--mask=black.png"], "`mask` must mark something", "only zeros, of size (53, 75)"),
        (["--size=12", "--layers=fire6"], "`image` must be at least", "12x8"),
        (["--preset=guided"], "`guide` must be given", "none"),
    ],
)
def test_bad_input(tmp_path, photo, warm_refuse, flags, words, received):
    Image.fromarray(make_photo(9, 8)).save(tmp_path / "tiny.png")
    Image.new("L", (75, 53)).save(tmp_path / "black.png")
    line = warm_refuse(tmp_path, *SMALL, *flags)
    assert words in line
    assert line.endswith(f". Received: {received}")


def test_class_without_a_head(tmp_path, photo, warm_refuse):
    flags = ["--backbone=vgg16", "--weights=bundled", "--class=jellyfish"]
    line = warm_refuse(tmp_path, "--image=photo.png", *flags)
    assert "`weights` must " in line and "squeezenet" in line and line.endswith("'bundled'")


@pytest.mark.parametrize(
    ("flag", "named"),
    [
        ("--animate=spin", "animate"),
        ("--similarity=l3", "similarity"),
        ("--init=black", "init"),
        ("--loop=-1", "loop"),
        ("--frame_size=0", "frame_size"),
        ("--frames=many", "frames"),
        ("--frames=0", "`frames` must be at least 1"),
        ("--pad=-1", "pad"),
    ],
)
def test_bad_flag(tmp_path, photo, warm_refuse, flag, named):
    line = warm_refuse(tmp_path, *SMALL, flag, code=2)
    assert named in line and "--help" in line


# Dreams of other kinds, and their records


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (["--class=jellyfish"], {"preset": "class", "class_name": "jellyfish", "layers": {}}),
        (
            ["--channel=fire3:7,fire6:1:-0.5"],
            {"preset": "channel", "channel": {"fire3:7": 1.0, "fire6:1": -0.5}, "layers": {}},
        ),
        (
            ["--guide=guide.png", "--similarity=cosine", "--layers=fire3"],
            {"preset": "guided", "similarity": "cosine", "layers": {"fire3": 1.0}},
        ),
        (
            ["--init=noise", "--parameterization=fourier", "--optimizer=adam", "--layers=fire3"],
            {"preset": "animals", "init": "noise", "optimizer": "adam"},
        ),
    ],
    ids=["class", "channel", "guide", "nothing"],
)
def test_reproduction_is_the_same_picture(tmp_path, photo, warm_run, flags, expected):
    Image.fromarray(make_photo(60, 64, seed=1)).save(tmp_path / "guide.png")
    given = [flag for flag in flags if flag.startswith("--guide")]
    succeed(warm_run(tmp_path, *NETWORK, "--size=64", "--steps=3", *flags))
    record = record_of(tmp_path / "dream.png")
    assert {name: record[name] for name in expected} == expected
    again = ["--reproduce=dream.png", "--image=photo.png", "--output=again.png", *given]
    succeed(warm_run(tmp_path, *again))
    np.testing.assert_array_equal(pixels(tmp_path / "again.png"), pixels(tmp_path / "dream.png"))
    assert record_of(tmp_path / "again.png") == record
    with Image.open(tmp_path / "photo.png") as picture:
        small = np.asarray(picture.resize((64, 45), Image.Resampling.BILINEAR)).astype(int)
    assert np.abs(pixels(tmp_path / "dream.png") - small).mean() > 1


def test_reproduction_with_another_guide_warns_and_without_is_refused(
    tmp_path, photo, warm_run, warm_refuse
):
    for seed, name in enumerate(["guide.png", "other.png"]):
        Image.fromarray(make_photo(60, 64, seed=seed + 1)).save(tmp_path / name)
    succeed(warm_run(tmp_path, *SMALL, "--guide=guide.png"))
    again = ["--reproduce=dream.png", "--image=photo.png"]
    assert "`guide` must be given" in warm_refuse(tmp_path, *again)
    outcome = succeed(warm_run(tmp_path, *again, "--guide=other.png"), warnings=1)
    assert "`guide` is not what the recorded picture was made with" in outcome.lines[0]


def test_animation_with_the_settings_of_a_picture(tmp_path, photo, warm_run):
    # A fall has a preset of its own, but not where a record says what is wanted.
    succeed(warm_run(tmp_path, *NETWORK, "--size=48", "--steps=2", "--channel=fire3:7"))
    flags = ["--reproduce=dream.png", "--image=photo.png", "--animate=zoom", "--frames=2"]
    succeed(warm_run(tmp_path, *flags, "--output=fall.png"))
    record, former = record_of(tmp_path / "fall.png"), record_of(tmp_path / "dream.png")
    assert {name: record[name] for name in former} == former
    assert record["animate"] == "zoom"


def test_mask_keeps_the_photo(tmp_path, photo, warm_run):
    mask = np.zeros((53, 75), np.uint8)
    mask[:, 40:] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    flags = [flag for flag in SMALL if not flag.startswith("--size")]
    succeed(warm_run(tmp_path, *flags, "--mask=mask.png"))
    difference = np.abs(pixels(tmp_path / "dream.png") - pixels(tmp_path / "photo.png"))
    assert difference[:, :40].max() == 0 and difference[:, 40:].mean() > 1


def test_from_nothing_without_a_photo(tmp_path, warm_run):
    flags = ["--preset=visualization", "--backbone=squeezenet", "--channel=fire3:4", "--steps=2"]
    succeed(warm_run(tmp_path, *flags, "--size=48"))
    assert names_in(tmp_path) == ["dream.png"]
    assert pixels(tmp_path / "dream.png").shape == (48, 48, 3)
    assert record_of(tmp_path / "dream.png")["photo_hash"] is None


def test_bad_animation_is_refused_before_tensorflow_loads(tmp_path, photo, light_refuse):
    for flags in (["--zoom=1"], ["--output=dream.tif"], ["--resume"], ["--fps=2000"]):
        light_refuse(tmp_path, *SMALL, "--animate=zoom", *flags)
