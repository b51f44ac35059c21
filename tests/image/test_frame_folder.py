import json

import numpy as np
import pytest

from kerasart.image import read_picture
from kerasart.image.frame_folder import FrameFolder

IDENTITY = {"layers": {"fire3": 1.0}, "octaves": (-1, 0), "seed": np.int64(3), "shift": (0.0, 0.1)}


def picture(seed=0, size=(5, 7)):
    levels = np.random.default_rng(seed).integers(0, 256, (1, *size, 3))
    return levels.astype(np.float32) / np.float32(255)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "dream.frames"


def test_nothing_is_there_before_the_first_frame(folder):
    frames = FrameFolder(folder, IDENTITY)
    assert not folder.exists() and frames.paths == [] and frames.last() is None
    frames.delete()


def test_frames_come_back_as_they_were(folder):
    frames = FrameFolder(folder, IDENTITY)
    for seed in range(12):
        frames.add(picture(seed))
        np.testing.assert_array_equal(frames.last(), picture(seed))
    names = [path.name for path in frames.paths]
    assert names == [f"{number:06}.png" for number in range(12)]
    for seed, path in enumerate(frames.paths):
        np.testing.assert_array_equal(read_picture(path).image, picture(seed))
    frames.delete()
    assert not folder.exists() and frames.paths == []


def test_the_same_animation_goes_on(folder):
    FrameFolder(folder, IDENTITY).add(picture(0))
    # As it is read back: tuples are lists there.
    for identity in (IDENTITY, IDENTITY | {"octaves": [-1, 0], "seed": 3}):
        frames = FrameFolder(folder, identity)
        np.testing.assert_array_equal(frames.last(), picture(0))
    frames.add(picture(1))
    assert len(FrameFolder(folder, IDENTITY).paths) == 2


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"seed": 4}, "seed"),
        ({"layers": {"fire3": 2.0}, "shift": (0.0, 0.2)}, "layers, shift"),
        ({"zoom": 1.05}, "zoom"),
    ],
)
def test_another_animation_is_refused(folder, change, named):
    FrameFolder(folder, IDENTITY).add(picture())
    with pytest.raises(ValueError) as caught:
        FrameFolder(folder, IDENTITY | change)
    message = str(caught.value)
    assert message.startswith("`resume` needs the picture and settings of the animation")
    assert f"; {named} differ. Received: " in message and message.endswith(f"{str(folder)!r}")
    assert len(list(folder.glob("*.png"))) == 1


def test_a_walk_the_other_way_is_another_animation(folder):
    FrameFolder(folder, {"layers": {"fire3": 1.0, "fire6": 1.0}}).add(picture())
    with pytest.raises(ValueError, match="; layers differ"):
        FrameFolder(folder, {"layers": {"fire6": 1.0, "fire3": 1.0}})


def test_what_is_missing_differs_too(folder):
    FrameFolder(folder, IDENTITY).add(picture())
    with pytest.raises(ValueError, match="; octaves differ"):
        FrameFolder(folder, {name: value for name, value in IDENTITY.items() if name != "octaves"})


@pytest.mark.parametrize("text", [None, "", "{", "not JSON", "[" * 100_000])
def test_a_folder_of_something_else_is_refused(folder, text):
    folder.mkdir()
    (folder / "holiday.png").touch()
    if text is not None:
        (folder / "animation.json").write_text(text)
    with pytest.raises(ValueError, match="must be new, or hold frames that kerasart wrote"):
        FrameFolder(folder, IDENTITY)
    assert (folder / "holiday.png").exists()


def test_anew_begins_anew(folder):
    FrameFolder(folder, {"seed": 1}).add(picture())
    frames = FrameFolder(folder, IDENTITY, anew=True)
    assert not folder.exists()
    frames.add(picture(2))
    assert len(frames.paths) == 1
    identity = json.loads((folder / "animation.json").read_text())["animation"]
    assert identity["seed"] == 3 and identity["octaves"] == [-1, 0]


def test_a_place_where_no_folder_can_be(tmp_path):
    with pytest.raises(FileNotFoundError, match="its folder must exist"):
        FrameFolder(tmp_path / "nowhere" / "dream.frames", IDENTITY)
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError, match="Received: file "):
        FrameFolder(tmp_path / "file" / "dream.frames", IDENTITY)


def test_what_else_is_in_the_folder_stays(folder):
    frames = FrameFolder(folder, IDENTITY)
    frames.add(picture())
    (folder / "notes.txt").write_text("mine")
    (folder / "0.png").write_text("mine too")
    FrameFolder(folder, {"seed": 1}, anew=True).add(picture(1))
    assert sorted(path.name for path in folder.iterdir()) == [
        "0.png",
        "000000.png",
        "animation.json",
        "notes.txt",
    ]
    frames.delete()
    assert sorted(path.name for path in folder.iterdir()) == ["0.png", "notes.txt"]


@pytest.mark.parametrize("anew", [True, False])
@pytest.mark.parametrize("name", ["notes.txt", "000000.png", "animation.json"])
def test_a_folder_that_is_not_ours_is_left_alone(folder, name, anew):
    folder.mkdir()
    (folder / name).write_text('{"frames": []}')
    with pytest.raises(ValueError, match="must be new, or hold frames that kerasart wrote"):
        FrameFolder(folder, IDENTITY, anew=anew)
    assert (folder / name).read_text() == '{"frames": []}'


def test_frames_that_were_to_be_kept_are_kept_later_too(folder):
    FrameFolder(folder, IDENTITY, keep=True).add(picture())
    again = FrameFolder(folder, IDENTITY)
    assert again.keep
    assert FrameFolder(folder, IDENTITY).keep


@pytest.mark.parametrize("first", [0, 1])
def test_frames_that_were_kept_give_way_to_such_only(folder, first):
    frames = FrameFolder(folder, IDENTITY, keep=True)
    for seed in range(2):
        frames.add(picture(seed))
    for path in frames.paths[:first]:
        path.unlink()
    before = sorted(folder.iterdir())
    with pytest.raises(
        ValueError, match="^`keep_frames` must be given, or another output"
    ) as caught:
        FrameFolder(folder, IDENTITY, anew=True)
    assert str(caught.value).endswith(f"Received: '{folder}'")
    assert sorted(folder.iterdir()) == before
    assert FrameFolder(folder, IDENTITY, anew=True, keep=True).paths == []


def test_frames_of_an_older_version_go_on_and_are_kept(folder):
    identity = {"seed": 3, "animate": "zoom"}
    FrameFolder(folder, identity).add(picture())
    (folder / "animation.json").write_text(json.dumps(identity))
    assert FrameFolder(folder, identity).keep
    with pytest.raises(ValueError, match="seed differ"):
        FrameFolder(folder, identity | {"seed": 4})


def test_a_disk_that_is_full_leaves_nothing_in_the_way(folder, monkeypatch):
    import kerasart.image.frame_folder as module

    def full(path, data):
        raise OSError("no space")

    frames = FrameFolder(folder, IDENTITY)
    with monkeypatch.context() as patch, pytest.raises(OSError, match="no space"):
        patch.setattr(module, "replace_file", full)
        frames.add(picture())
    FrameFolder(folder, {"seed": 1}).add(picture())  # Another animation, at once.
    assert len(list(folder.glob("*.png"))) == 1


def test_of_two_runs_that_begin_at_once_one_is_refused(folder):
    first, second = FrameFolder(folder, IDENTITY), FrameFolder(folder, IDENTITY)
    first.add(picture())
    with pytest.raises(FileExistsError, match="that another run makes"):
        second.add(picture(1))
    second.delete()
    assert len(first.paths) == 1


def test_a_kill_in_the_midst_of_the_first_write_leaves_nothing_in_the_way(folder):
    folder.mkdir()
    (folder / ".0123456789abcdef.tmp").write_bytes(b"half")
    frames = FrameFolder(folder, IDENTITY)
    frames.add(picture())
    assert sorted(path.name for path in folder.iterdir()) == ["000000.png", "animation.json"]
