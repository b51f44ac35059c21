"""Which photos a command names, and where what is painted of each goes."""

from kerasart.scripts import common_flags
from kerasart.scripts.batch_files import paint_each, plan_jobs

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

SERVED = (".png", ".jpg", ".jpeg")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("in/sub").mkdir(parents=True)
    return Path("in")


def named(photos, **options):
    jobs, is_one = plan_jobs(str(photos), None, **options)
    assert not is_one
    return {Path(photo).relative_to("in").as_posix(): output.as_posix() for photo, output in jobs}


def test_paintings_are_named_like_their_photos(folder):
    for name in ("a.png", "b.jfif", "c.HEIC", "sub/d.webp", "notes.txt"):
        (folder / name).touch()
    assert named(folder) == {
        "a.png": "painted/a.png",
        "b.jfif": "painted/b.jfif",
        "c.HEIC": "painted/c.HEIC.png",
        "sub/d.webp": "painted/sub/d.webp",
    }
    assert named(folder, suffixes=SERVED)["sub/d.webp"] == "painted/sub/d.webp.png"
    assert named("in/*")["notes.txt"] == "painted/notes.txt.png"


@pytest.mark.parametrize("photos", ["in", "in/*.png"])
def test_a_folder_or_a_pattern_of_one_photo_is_painted_into_a_folder(folder, photos):
    (folder / "a.png").touch()
    assert named(photos) == {"a.png": "painted/a.png"}


def test_no_two_photos_have_one_painting(folder):
    # A photo keeps its own name; others get a number.
    for name in ("a", "a.png", "a.heic", "a.heic.png", "a.heic-2.png", "b.webp", "b.webp.png"):
        (folder / name).touch()
    assert named("in/*", suffixes=SERVED) == {
        "a": "painted/a-2.png",
        "a.png": "painted/a.png",
        "a.heic": "painted/a.heic-3.png",
        "a.heic.png": "painted/a.heic.png",
        "a.heic-2.png": "painted/a.heic-2.png",
        "b.webp": "painted/b.webp-2.png",
        "b.webp.png": "painted/b.webp.png",
    }


def test_a_pattern_finds_pipes_but_neither_folders_nor_what_macos_keeps(folder, caplog):
    os.mkfifo(folder / "a.png")
    (folder / "._b.png").write_bytes(b"\0\x05\x16\x07" + bytes(10))
    (folder / "b.png").touch()
    assert list(named("in/*")) == ["a.png", "b.png"]
    for name in (".c.png", ".d.png"):
        (folder / name).touch()
    assert list(named("in/.*")) == [".c.png", ".d.png"]
    assert "._b.png" in caplog.text


def test_one_photo_has_the_name_that_is_asked_for(folder):
    (folder / "a.heic").touch()
    Path("out").mkdir()
    for output, expected in ((None, "painted.png"), ("x.jpg", "x.jpg"), ("out", "out/a.heic.png")):
        assert plan_jobs("in/a.heic", output) == ([("in/a.heic", Path(expected))], True)
    assert plan_jobs("cat", "out") == ([("cat", Path("out/cat.png"))], True)


@pytest.mark.parametrize("output", ["in/a.png", "in"])
def test_a_photo_is_not_painted_over(folder, monkeypatch, output):
    (folder / "a.png").touch()
    (folder / "link.png").symlink_to("a.png")
    monkeypatch.setattr(common_flags, "OVERWRITE", SimpleNamespace(value=False))
    assert plan_jobs("in/a.png", output)[0] == [("in/a.png", Path("in/a.png"))]  # It is numbered.
    monkeypatch.setattr(common_flags, "OVERWRITE", SimpleNamespace(value=True))
    for photo in ("a.png", "link.png"):
        with pytest.raises(ValueError, match="^`output` must be another file than `image`"):
            plan_jobs(f"in/{photo}", output, flag="image")
    assert plan_jobs("in/a.png", "in/b.png")[0] == [("in/a.png", Path("in/b.png"))]
    assert plan_jobs("cat", output)[1]


def test_where_no_folder_can_be_all_ends_before_the_first(folder):
    Path("file").write_bytes(b"")
    jobs = [(name, Path("file") / "sub" / name) for name in ("a.jpg", "b.jpg")]
    painted = []
    with pytest.raises(OSError, match="Cannot make the folder 'file/sub'.* Received: "):
        paint_each(jobs, lambda *job: painted.append(job))
    assert not painted
