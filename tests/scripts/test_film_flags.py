"""Films by the stylize script, run as a user runs it."""

from kerasart.scripts.film_flags import find_films, is_film

import os
import re
import shutil

import numpy as np
import pytest
from conftest import ROOT, change, film_of, make_clip, names_in, pixels, succeed
from PIL import Image

from kerasart.networks import save_network

pytest.importorskip("av")
pytest.importorskip("cv2")

SCRIPT = ROOT / "scripts" / "stylize.py"
PAINT = ("--model=mine.keras", "--style=b", "--precision=float32")


@pytest.fixture(scope="module")
def made(tmp_path_factory, tiny_network):
    """A film with sound, an animated picture, a photo, and a model."""
    folder = tmp_path_factory.mktemp("made")
    save_network(tiny_network, folder / "mine.keras")
    stills = make_clip(folder / "clip.mp4", count=8)
    first, *others = map(Image.fromarray, stills[:3])
    for name in ("moving.gif", "moving.png"):
        first.save(folder / name, save_all=True, append_images=others, duration=80)
    first.save(folder / "photo.png")
    (folder / "bad.mp4").write_bytes(b"no film")
    for name, other in (("clip.mp4", "clip"), ("photo.png", "photo.mp4"), ("bad.mp4", "bad.vob")):
        shutil.copy(folder / name, folder / other)
    return folder


@pytest.fixture
def folder(tmp_path, made):
    return shutil.copytree(made, tmp_path / "work")


def test_a_film_is_painted_with_its_sound(folder, warm_run):
    before = names_in(folder)
    outcome = succeed(warm_run(folder, "--input=clip.mp4", *PAINT))
    assert re.fullmatch(r"Wrote painted\.mp4: 8 frames, \d+ s\.\n", outcome.stdout)
    assert names_in(folder) == sorted([*before, "painted.mp4"])
    (frames, sound), (painted, copied) = map(film_of, (folder / "clip.mp4", folder / "painted.mp4"))
    assert [each.shape for each in painted] == [each.shape for each in frames]
    assert copied == sound and any(sound)
    assert np.abs(painted[3].astype(int) - frames[3]).mean() > 10


def test_a_part_of_a_film_smaller_and_silent(folder, warm_run):
    flags = "--from=0:00.04", "--to=0.2", "--every=2", "--size=32", "--sound=none"
    succeed(warm_run(folder, "--input=clip.mp4", "--output=part.mkv", *flags, *PAINT))
    painted, sound = film_of(folder / "part.mkv")
    assert (len(painted), sound) == (2, [])
    assert max(painted[0].shape) == 32


@pytest.mark.parametrize("suffix", [".gif", ".png"])
def test_an_animated_picture_stays_one(folder, warm_run, suffix):
    succeed(warm_run(folder, f"--input=moving{suffix}", *PAINT))
    with Image.open(folder / f"painted{suffix}") as picture:
        assert (picture.n_frames, picture.info["duration"]) == (3, 80)


@pytest.mark.parametrize(
    ("name", "output", "expected"),
    [
        ("clip.mp4", None, True),
        ("moving.gif", "a.mp4", True),
        ("moving.gif", "a.png", False),
        ("moving.png", "a.gif", True),
        ("moving.png", "a.png", True),
        ("moving.png", "a.jpg", False),
        # A folder, in which it keeps its name.
        ("moving.gif", ".", True),
        ("photo.png", None, False),
        # Not by their names.
        ("clip", None, True),
        ("photo.mp4", None, False),
        ("bad.mp4", None, True),
        ("bad.vob", None, False),
        ("missing.mp4", None, True),
    ],
)
def test_what_is_painted_as_a_film(made, name, output, expected):
    assert is_film(str(made / name), output) is expected


def test_what_is_to_be_said_of_a_film_is_said_once(folder, warm_run):
    make_clip(folder / "hdr.mp4", count=2, transfer=16)
    shutil.copy(folder / "hdr.mp4", folder / "hdr")
    for name in ("hdr.mp4", "hdr"):
        outcome = succeed(warm_run(folder, f"--input={name}", *PAINT), warnings=1)
        assert f"The film '{name}' is HDR" in outcome.lines[0]


@pytest.mark.parametrize(("name", "painted"), [("clip.mp4", "clip.mp4"), ("clip", "clip.mp4")])
def test_in_a_folder_a_film_keeps_its_name(folder, warm_run, name, painted):
    (folder / "out").mkdir()
    flags = f"--input={name}", "--output=out", "--to=0.08"
    for written in (painted, painted.replace(".", "-2.")):
        outcome = succeed(warm_run(folder, *flags, *PAINT))
        assert outcome.stdout.startswith(f"Wrote out/{written}: 2 frames")


@pytest.fixture
def several(folder):
    """A folder of two films of one name, one of which cannot be read."""
    (folder / "clips" / "more").mkdir(parents=True)
    shutil.copy(folder / "clip.mp4", folder / "clips" / "a.mp4")
    shutil.copy(folder / "bad.mp4", folder / "clips" / "more" / "a.avi")
    return folder


def test_films_of_a_folder_are_painted_and_go_on(several, warm_run):
    flags = "--input=clips", "--sound=none", *PAINT
    outcome = warm_run(several, *flags)
    assert outcome.code == 1 and "Traceback" not in outcome.stderr
    left_out, received = outcome.lines
    assert left_out.startswith("stylize: left out: Cannot read 'clips/more/a.avi': it must be a f")
    assert received.endswith("Received: 1 that cannot, such as 'clips/more/a.avi'")
    said = r"1/2 Wrote painted/a\.mp4: 8 frames, \d+ s\.\nPainted 1 of 2\.\n"
    assert re.fullmatch(said, outcome.stdout)
    whole = film_of(several / "painted" / "a.mp4")[0]
    # As after Ctrl-C: what there is of the film, and the folder of its segments.
    shutil.copy(several / "moving.gif", several / "painted" / "a.mp4")
    (several / "painted" / "a.mp4.film").mkdir()
    shutil.copy(several / "clip.mp4", several / "clips" / "more" / "a.avi")
    outcome = succeed(warm_run(several, *flags))
    assert outcome.stdout.splitlines()[0] == "No part was finished: beginning with the first frame."
    assert names_in(several / "painted") == ["a.mp4", "more"]
    assert names_in(several / "painted" / "more") == ["a.avi.mp4"]
    np.testing.assert_array_equal(film_of(several / "painted" / "a.mp4")[0], whole)
    outcome = succeed(warm_run(several, *flags))
    assert outcome.stdout == "2 of 2 are painted already (--overwrite paints them anew).\n"


def test_films_among_photos_are_left_out_by_name(several, warm_run):
    shutil.copy(several / "photo.png", several / "clips")
    outcome = warm_run(several, "--input=clips", *PAINT)
    assert outcome.code == 0 and names_in(several / "painted") == ["photo.png"]
    (line,) = outcome.lines
    assert "2 films, such as 'clips/a.mp4'; a pattern such as '*.mp4' names films" in line


def test_which_films_a_folder_or_a_pattern_names(several):
    clips = several / "clips"
    (clips / "b.mp4.film").mkdir()
    for name in ("b.mp4.film/000000.mp4", "._a.mp4", "notes.txt"):
        (clips / name).write_bytes(b"\x00\x05\x16\x07")
    (clips / "folder.mp4").mkdir()
    assert find_films(str(clips)) == [clips / "a.mp4", clips / "more" / "a.avi"]
    assert find_films(str(clips / "*.mp4")) == [clips / "a.mp4"]
    assert is_film(str(clips / "*.mp4"), None)
    assert not is_film(str(clips / "*.mov"), None)


def test_films_are_not_painted_into_a_file(several, light_refuse):
    line = light_refuse(several, "--input=clips", "--output=a.mov", *PAINT)
    assert line.endswith("must be a folder for several files. Received: the file 'a.mov'")


def test_a_preview_shows_frames_and_an_estimate(folder, warm_run):
    outcome = succeed(warm_run(folder, "--input=clip.mp4", "--preview", *PAINT))
    pattern = r"Wrote painted\.preview\.png: [\d.]+ s a frame, about \d+ seconds for the film\.\n"
    assert re.fullmatch(pattern, outcome.stdout)
    assert not (folder / "painted.mp4").exists()
    assert pixels(folder / "painted.preview.png").shape[0] > 200


def test_ctrl_c_leaves_a_film_that_plays_and_resume_continues(
    folder, tmp_path, forked_run, warm_run
):
    change(
        tmp_path / "changed",
        """
        def interrupted(self, images, *options, **more):
            import os, signal
            self.calls = getattr(self, "calls", 0) + 1
            if self.calls == 5:
                os.kill(os.getpid(), signal.SIGINT)
            return paint_all(self, images, *options, **more)
        """,
        "kerasart.applications.fast_style.Stylizer.paint_all",
    )
    flags = "--input=clip.mp4", *PAINT
    outcome = forked_run(folder, *flags, PYTHONPATH=tmp_path / "changed")
    assert outcome.code == 130 and "Traceback" not in outcome.stderr
    said, advice = outcome.stdout.splitlines()
    assert re.fullmatch(r"Wrote the frames so far to painted\.mp4: 4 frames, \d+ s\.", said)
    assert advice == "The same command with --resume --output=painted.mp4 continues it."
    assert len(film_of(folder / "painted.mp4")[0]) == 4
    refused = warm_run(folder, *flags, "--output=painted.mp4", "--overwrite", "--preview")
    assert refused.code == 0 and (folder / "painted.mp4.film").is_dir()
    outcome = succeed(warm_run(folder, *flags, "--resume"))
    beginning, said = outcome.stdout.splitlines()
    assert beginning == "No part was finished: beginning with the first frame."
    assert "painted.mp4: 8 frames" in said
    assert not (folder / "painted.mp4.film").exists()
    succeed(warm_run(folder, *flags, "--output=whole.mp4"))
    resumed, whole = (film_of(folder / name)[0] for name in ("painted.mp4", "whole.mp4"))
    np.testing.assert_array_equal(resumed, whole)


def test_an_unfinished_film_is_not_lost_unless_asked(folder, light_run, warm_run):
    unfinished = folder / "painted.mp4.film"
    unfinished.mkdir()
    (unfinished / "film.json").write_text('{"film": {}, "segments": [], "size": null}')
    outcome = light_run(folder, "--input=clip.mp4", *PAINT)
    assert outcome.code == 1 and "--resume continues it, --overwrite starts anew" in outcome.stderr
    succeed(warm_run(folder, "--input=clip.mp4", "--overwrite", *PAINT))
    assert len(film_of(folder / "painted.mp4")[0]) == 8
    assert not unfinished.exists()


def test_a_film_that_another_process_paints_is_not_begun_anew(folder, forks, warm_run):
    unfinished = folder / "painted.mp4.film"
    unfinished.mkdir()
    (unfinished / "film.json").write_text('{"film": {}}')
    code = f"""
from kerasart.image.atomic_files import claim
with claim({str(unfinished)!r}, [(3, 5)]):
    print(flush=True)
    __import__("time").sleep(600)
"""
    read, write = os.pipe()
    with open(write, "w") as output, open(read) as claimed:
        other = forks.start(code, [""], folder, stdout=output)
        claimed.readline()
    outcome = warm_run(folder, "--input=clip.mp4", "--overwrite", *PAINT)
    other.kill()
    assert outcome.code == 1 and "another process must not be writing it" in outcome.stderr
    assert names_in(unfinished) == ["film.json"]


def test_a_folder_of_other_things_is_left_alone(folder, warm_run):
    other = folder / "painted.mp4.film"
    other.mkdir()
    (other / "000000.mp4").touch()
    outcome = warm_run(folder, "--input=clip.mp4", "--overwrite", *PAINT)
    assert outcome.code == 1 and "must be new, or hold segments" in outcome.stderr
    assert names_in(other) == ["000000.mp4"]


@pytest.mark.parametrize("shots", [0, 1])
def test_ctrl_c_keeps_the_shots_so_far_and_promises_no_more(
    folder, tmp_path, forked_run, warm_run, shots
):
    pytest.importorskip("ray")
    code = f"""
    def interrupted(film, shots, make_writer, make_painter, size, cuts, **options):
        from kerasart import paint_film

        if {shots}:
            paint_film(film, make_writer(film), make_painter(), cuts=cuts, shots=shots[:{shots}])
        raise KeyboardInterrupt
    """
    change(tmp_path / "change", code, "kerasart.scale.film.paint_shots")
    before = names_in(folder)
    flags = ["--input=clip.mp4", "--cuts=0.16", *PAINT]
    outcome = forked_run(folder, *flags, "--workers=2", PYTHONPATH=tmp_path / "change")
    assert outcome.code == 130 and outcome.lines[-1] == "stylize: interrupted"
    if not shots:
        assert outcome.stdout == "2 shots.\n" and names_in(folder) == before
        return
    wrote = "Wrote the frames so far to painted.mp4: 4 frames."
    goes_on = "The same command with --resume --output=painted.mp4 continues it."
    assert outcome.stdout == f"2 shots.\n{wrote}\n{goes_on}\n"
    assert len(film_of(folder / "painted.mp4")[0]) == 4
    succeed(warm_run(folder, *flags, "--resume", "--output=painted.mp4"))
    succeed(warm_run(folder, *flags, "--output=whole.mp4"))
    assert (folder / "painted.mp4").read_bytes() == (folder / "whole.mp4").read_bytes()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--input=clip.mp4", "--from=soon"], "`from` must be seconds, or MINUTES:SECONDS"),
        (["--input=clip.mp4", "--from=3", "--to=2"], "`to` must be after `from`"),
        (["--input=clip.mp4", "--from=9"], "from 9 s on: it must have frames there"),
        (["--input=clip.mp4", "--cuts=1,x"], "`cuts` must be auto, none, or times in seconds"),
        (["--input=clip.mp4", "--cuts=0.1,9"], "`cuts` must be before the film's end, at 0.32 s"),
        (["--input=clip.mp4", "--output=a.jpg"], "its suffix must be one of .mp4"),
        (["--input=clip.mp4", "--output=clip.mp4", "--overwrite"], "`output` must be another"),
        (["--input=clip.mp4", "--strip_metadata"], "`strip_metadata` does not go with a film"),
        (["--input=clip.mp4", "--max_pixels=99"], "`size` must give at most 99 pixels"),
        (["--input=clip.mp4", "--resume"], "`resume` needs the segments of an unfinished film"),
        (["--input=none.mp4"], "none.mp4"),
        (["--input=bad.mp4"], "Cannot read 'bad.mp4'"),
        (["--input=photo.png", "--steadiness=0.5"], "`steadiness` goes with a film"),
        (["--input=photo.png", "--resume"], "`resume` goes with a film"),
        (["--input=photo.png", "--workers=2"], "`workers` goes with a film"),
    ],
)
def test_what_cannot_be_is_refused_before_tensorflow_is_loaded(folder, light_run, flags, message):
    before = names_in(folder)
    outcome = light_run(folder, *flags, *PAINT)
    assert outcome.code == 1 and len(outcome.lines) == 1
    assert message in outcome.lines[0] and "Received: " in outcome.lines[0]
    assert names_in(folder) == before


def test_a_quality_that_is_not_allowed_is_called_by_its_flag(folder, light_run):
    outcome = light_run(folder, "--input=clip.mp4", "--film_quality=64", *PAINT)
    assert outcome.code and "`film_quality` must be from" in outcome.lines[0]
