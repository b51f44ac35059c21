"""`paint_film`: motion, shots, sizes, interruption and resuming, with painters that do little."""

import logging
import os
import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kerasart import find_shots, paint_film
from kerasart.applications.film import preview_film
from kerasart.film import Film, FilmWriter
from kerasart.film.motion import Motion
from kerasart.film.output_formats import VideoOutput
from kerasart.image.arrays import quantise
from kerasart.image.samples import read_sample

av = pytest.importorskip("av")
pytest.importorskip("cv2")

HEIGHT, WIDTH = 48, 64
FIRST_OF_SECOND_SHOT = 6


def view(number):
    """A frame of a pan over one photo, and then of one over another."""
    is_first = number < FIRST_OF_SECOND_SHOT
    photo = read_sample("coffee" if is_first else "cat").image
    photo = photo[0, ::3, ::3]
    return photo[10 : 10 + HEIGHT, 20 + number : 20 + number + WIDTH]


def make_clip(path, views, size=(HEIGHT, WIDTH), **options):
    with av.open(str(path), "w", options=options) as file:
        stream = file.add_stream("libx264", rate=25, options={"crf": "1"})
        (stream.height, stream.width), stream.pix_fmt = size, "yuv420p"
        for each in views:
            frame = av.VideoFrame.from_ndarray(quantise(each, 8), format="rgb24")
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
    return path


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return make_clip(tmp_path_factory.mktemp("film") / "clip.mp4", map(view, range(12)))


class Counting:
    """A painter that counts the frames of a shot in its state, and inverts the frame."""

    def __init__(self):
        self.seen = []

    def __call__(self, frame, motion, state):
        count = 0 if motion is None else int(state["count"]) + 1
        self.seen.append((frame, motion, count))
        return 1 - frame, {"count": np.array(count)}


def decoded(path):
    with av.open(str(path)) as file:
        return [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]


def test_each_frame_is_painted_with_its_motion(clip, tmp_path):
    painter, shown = Counting(), []
    result = paint_film(
        clip, tmp_path / "painted.mp4", painter, on_frame=lambda *each: shown.append(each)
    )
    assert (result.path, result.frames, result.is_whole) == (tmp_path / "painted.mp4", 12, True)
    assert result.shots == [0, FIRST_OF_SECOND_SHOT]
    assert [count for _, _, count in painter.seen] == [*range(6), *range(6)]
    for _, motion, count in painter.seen:
        assert (motion is None) == (count == 0)
        if motion is not None:
            assert isinstance(motion, Motion)
            assert motion.shift == pytest.approx((0, -1), abs=0.1)  # The camera goes right.
    frames = decoded(result.path)
    assert len(frames) == 12
    for number, (frame, painted) in enumerate(shown):
        np.testing.assert_array_equal(painted, 1 - frame.image)
        assert np.abs(frames[number] / 255 - (1 - view(number))).mean() < 0.05
    assert not list(tmp_path.glob("*.film"))


def test_cuts_can_be_given(clip, tmp_path):
    cuts = paint_film(clip, tmp_path / "a.mp4", Counting(), cuts=[0.08, 0.2]).shots
    assert cuts == [0, 2, 5]  # The third frame is at 0.08 s.
    assert paint_film(clip, tmp_path / "b.mp4", Counting(), cuts=[]).shots == [0]


def test_cuts_behind_the_end_are_refused_or_told_of(clip, tmp_path, caplog):
    message = r"^`cuts` must be before the film's end, at 0.48 s. Received: 9$"
    for act in (partial(paint_film, output=tmp_path / "a.mp4", painter=Counting()), find_shots):
        with pytest.raises(ValueError, match=message):
            act(clip, cuts=[0.08, 9])
    assert not os.listdir(tmp_path)
    # The cuts of a whole film, of which a part is painted.
    assert [shot.first for shot in find_shots(Film(clip, stop=0.2), [0.08, 9])] == [0, 2]
    assert not caplog.records
    live = make_clip(tmp_path / "live.mkv", map(view, range(12)), live="1")
    assert paint_film(live, tmp_path / "b.mp4", Counting(), cuts=[0.08, 9]).shots == [0, 2]
    assert caplog.messages == [f"The film '{live}' has no frame at the cut, 9 s"]


def test_frames_can_be_resized(clip, tmp_path):
    painter = Counting()
    result = paint_film(clip, tmp_path / "small.mp4", painter, size=32)
    assert {frame.shape for frame, *_ in painter.seen} == {(1, 24, 32, 3)}
    assert painter.seen[1][1].flow.shape == (24, 32, 2)
    assert decoded(result.path)[0].shape == (24, 32, 3)


def test_transparency_is_resized_too(tmp_path):
    pixels = np.full((48, 64, 4), 255, np.uint8)
    pixels[:, :32, 3] = 0
    pictures = [Image.fromarray(np.roll(pixels, shift, axis=1)) for shift in (0, 8)]
    pictures[0].save(tmp_path / "a.gif", save_all=True, append_images=pictures[1:], disposal=2)
    paint_film(tmp_path / "a.gif", tmp_path / "a.webm", Counting(), size=32)
    frame = next(iter(Film(tmp_path / "a.webm")))
    assert frame.image.shape == (1, 24, 32, 3)
    assert frame.alpha[0, 12, [4, 28], 0].round().tolist() == [0, 1]


def test_a_flow_of_ones_own(clip, tmp_path):
    painter = Counting()
    paint_film(
        Film(clip, stop=0.1),
        tmp_path / "own.mp4",
        painter,
        flow=lambda now, before: np.zeros((HEIGHT, WIDTH, 2), np.float32) + 0.5,
    )
    assert (painter.seen[1][1].flow == 0.5).all()


def test_cuts_are_the_same_in_every_size(tmp_path):
    grain = np.random.default_rng(0).choice([0.25, 0.75], (2, HEIGHT, WIDTH, 1)).repeat(3, axis=-1)
    clip = make_clip(tmp_path / "clip.mp4", grain.repeat(2, axis=0))
    assert [shot.first for shot in find_shots(clip)] == [0, 2]
    # Reduced, one grain is as grey as the other.
    assert paint_film(clip, tmp_path / "small.mp4", Counting(), size=16).shots == [0, 2]


class Remembering:
    """A painter whose frames depend on all before: what must be resumed exactly."""

    def __init__(self, fails_at=None, error=KeyboardInterrupt):
        self._left, self._error = fails_at, error
        self.count = 0

    def __call__(self, frame, motion, state):
        if self._left == 0:
            raise self._error
        self._left = None if self._left is None else self._left - 1
        self.count += 1
        painted = frame
        if motion is not None:
            painted = frame + 0.8 * motion.trust * (1 - state["painted"] - frame)
        return painted, {"painted": painted}


def test_ctrl_c_leaves_a_film_that_plays_and_is_resumed_to_the_same_frames(clip, tmp_path):
    whole = paint_film(clip, tmp_path / "whole.mp4", Remembering(), segment=3)
    path = tmp_path / "painted.mp4"
    part = paint_film(clip, path, Remembering(fails_at=8), segment=3)
    assert (part.frames, part.is_whole) == (8, False)
    assert len(decoded(path)) == 8
    painter = Remembering()
    rest = paint_film(clip, path, painter, segment=3)
    assert (rest.frames, rest.is_whole, painter.count) == (12, True, 6)  # From the third segment.
    np.testing.assert_array_equal(decoded(path), decoded(whole.path))
    assert not list(tmp_path.glob("*.film"))


def test_ctrl_c_while_a_segment_is_closed_leaves_those_before(clip, tmp_path, monkeypatch):
    whole = paint_film(clip, tmp_path / "whole.mp4", Remembering(), segment=3)
    closed = []

    def end(self, end=VideoOutput.end):
        closed.append(end(self))
        if len(closed) == 2:
            raise KeyboardInterrupt
        return closed[-1]

    monkeypatch.setattr(VideoOutput, "end", end)
    part = paint_film(clip, tmp_path / "a.mp4", Remembering(), segment=3)
    assert (part.frames, part.is_whole) == (3, False)
    assert len(decoded(part.path)) == 3
    assert paint_film(clip, part.path, Remembering(), segment=3).frames == 12
    assert part.path.read_bytes() == whole.path.read_bytes()


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm", ".gif"])
def test_shots_painted_apart_are_the_same_film(clip, tmp_path, suffix):
    whole = paint_film(clip, tmp_path / f"whole{suffix}", Remembering(), segment=4)
    path = tmp_path / f"apart{suffix}"
    shots = find_shots(clip)
    assert [shot[:2] for shot in shots] == [(0, 6), (6, 12)]
    second = paint_film(clip, path, Remembering(), segment=4, shots=shots[1:])
    assert (second.path, second.frames, second.shots) == (path, 6, [6])
    with pytest.raises(KeyboardInterrupt):
        paint_film(clip, path, Remembering(fails_at=5), segment=4, shots=shots)
    assert not path.exists()
    painter = Remembering()
    first = paint_film(clip, path, painter, segment=4, shots=shots)
    assert (first.frames, first.shots, painter.count) == (2, [], 2)  # Behind the closed segment.
    painter = Remembering()
    joined = paint_film(clip, path, painter, segment=4)
    assert (joined.frames, joined.is_whole, painter.count) == (12, True, 0)
    assert path.read_bytes() == whole.path.read_bytes()
    assert not list(tmp_path.glob("*.film"))


def test_a_shot_that_is_missing_is_painted_when_the_film_is_joined(clip, tmp_path):
    whole = paint_film(clip, tmp_path / "whole.mp4", Remembering())
    path = tmp_path / "apart.mp4"
    paint_film(clip, path, Remembering(), shots=find_shots(clip)[1:])
    painter = Remembering(fails_at=4)
    part = paint_film(clip, path, painter)  # Interrupted: what is behind the gap is left out.
    assert (part.frames, part.is_whole) == (4, False)
    assert paint_film(clip, path, painter := Remembering()).shots == [0]
    assert painter.count == 6
    assert path.read_bytes() == whole.path.read_bytes()


@pytest.mark.parametrize(("cuts", "starts"), [([0.08, 0.2], [0, 2, 5]), ([], [0])])
def test_shots_of_given_cuts_are_joined_to_the_same_film(clip, tmp_path, cuts, starts):
    whole = paint_film(clip, tmp_path / "whole.mp4", Remembering(), cuts=cuts)
    path, shots = tmp_path / "apart.mp4", find_shots(clip, cuts)
    assert [shot.first for shot in shots] == starts
    for shot in reversed(shots):
        assert paint_film(clip, path, Remembering(), cuts=cuts, shots=[shot]).shots == [shot.first]
    paint_film(clip, path, painter := Remembering(), cuts=cuts)
    assert painter.count == 0 and path.read_bytes() == whole.path.read_bytes()


def test_shots_that_are_not_allowed(clip, tmp_path):
    path, shots = tmp_path / "a.mp4", find_shots(clip)
    for other in (Film(clip, start=0.1), Film(clip, every=2)):
        with pytest.raises(ValueError, match="`shots` must be found in the same part of a film"):
            paint_film(other, path, Counting(), shots=shots)
    paint_film(clip, path, Counting(), size=32, shots=shots[1:])
    for options in ({}, {"size": 32, "cuts": [0.1]}):
        with pytest.raises(ValueError, match="differ: delete it to begin anew. Received: "):
            paint_film(clip, path, Counting(), **options)


CLAIM = """
import sys
from kerasart.film import Film, FilmWriter

with FilmWriter(sys.argv[1], Film(sys.argv[2])).claim([(0, 6)]):
    print(flush=True)
    input()
"""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("size", 0), ("size", 40.5), ("size", "big")),
        *(("cuts", "auto"), ("cuts", [-1]), ("cuts", 0.2)),
        *(("shots", 3), ("on_frame", 3), ("fingerprint", 3)),
    ],
)
def test_arguments_that_are_not_allowed(clip, tmp_path, name, value):
    with pytest.raises(ValueError, match=f"^`{name}` must be None, or .* Received: "):
        paint_film(clip, tmp_path / "a.mp4", Counting(), **{name: value})
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"painter": "mosaic"}, "`painter` must be a function (see `Painter`). Received: 'mosaic'"),
        (
            {"painter": Counting(), "flow": 3},
            "`flow` must be a function, as find_flow. Rec",
        ),
        ({"painter": Counting(), "size": 10**9}, "`size` must give at most "),
        (
            {"painter": Counting(), "fingerprint": {"a": object()}},
            "`fingerprint` must be a dict of what JSON can hold. Received: ",
        ),
        ({"painter": Counting(), "shots": [3]}, "`shots` must be found in the same part of a film"),
    ],
)
def test_what_is_no_function_or_shot(clip, tmp_path, arguments, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        paint_film(clip, tmp_path / "a.mp4", **arguments)
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("path", [None, 3, b"a.mp4"])
def test_what_is_no_path(clip, tmp_path, path):
    with pytest.raises(ValueError, match="^`film` must be the path of a file. Received: "):
        paint_film(path, tmp_path / "a.mp4", Counting())
    with pytest.raises(ValueError, match="^`output` must be the path of a file. Received: "):
        paint_film(clip, path, Counting())


@pytest.mark.parametrize("name", ["count", "a/b", "arr_0"])
def test_arrays_of_a_state_have_any_name(clip, tmp_path, name):
    def painter(frame, motion, state, broken=False):
        count = 0 if motion is None else int(state[name]) + 1
        if broken and count == 3:
            raise RuntimeError
        return frame * (0.5 + count / 24), {name: np.array(count)}

    with pytest.raises(RuntimeError):
        writer = FilmWriter(tmp_path / "a.mp4", Film(clip), segment=2)
        paint_film(clip, writer, partial(painter, broken=True))
    again = FilmWriter(tmp_path / "a.mp4", Film(clip), segment=2)
    assert next(iter(again.gaps())).first == 2
    paint_film(clip, again, painter)
    paint_film(clip, FilmWriter(tmp_path / "b.mp4", Film(clip), segment=2), painter)
    np.testing.assert_array_equal(decoded(tmp_path / "a.mp4"), decoded(tmp_path / "b.mp4"))


def test_what_holds_for_all_frames_is_said_once(clip, tmp_path, caplog):
    def painter(frame, motion, state):
        log = logging.getLogger("kerasart")
        log.warning("The mask is %s.", "wide")
        log.warning("This frame is %d wide.", frame.shape[2])
        return frame, {}

    paint_film(clip, tmp_path / "a.mp4", painter)
    assert len(caplog.messages) == 2
    preview_film(Film(clip), painter)
    assert len(caplog.messages) == 4  # Another film is told anew.


@pytest.mark.parametrize(
    "state", [(), ([1],), ({"what": object()},), ({1: np.zeros(3)},), ({"file": np.zeros(3)},)]
)
def test_what_a_painter_must_return(clip, tmp_path, state):
    with pytest.raises(ValueError, match="^`painter` must return a picture, and its state: .* Rec"):
        paint_film(clip, tmp_path / "a.mp4", lambda frame, motion, before: (frame, *state))
    assert not os.listdir(tmp_path)


def test_what_another_process_paints_is_refused(clip, tmp_path):
    path, shots = tmp_path / "a.mp4", find_shots(clip)
    command = [sys.executable, "-c", CLAIM, path, clip]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    other.stdout.readline()
    for same in (None, shots, shots[:1]):
        with pytest.raises(FileExistsError, match="another process .* Received: one that is"):
            paint_film(clip, path, Counting(), shots=same)
    assert paint_film(clip, path, Counting(), shots=shots[1:]).shots == [6]
    with pytest.raises(FileExistsError, match="another process"):
        paint_film(clip, path, Counting())
    other.kill()
    other.communicate()
    assert paint_film(clip, path, Counting()).shots == [0]
    assert os.listdir(tmp_path) == [path.name]


def test_segments_that_another_process_has_joined_are_not_painted_again(clip, tmp_path):
    path = tmp_path / "a.mp4"
    paint_film(clip, path, Counting(), shots=find_shots(clip))
    late = FilmWriter(path, Film(clip), fingerprint={"size": None, "cuts": None})
    paint_film(clip, path, Counting())
    with pytest.raises(FileNotFoundError, match="Received: fewer, since another process"):
        paint_film(clip, late, painter := Counting())
    assert not painter.seen and os.listdir(tmp_path) == [path.name]


def test_an_error_leaves_the_segments_and_no_film(clip, tmp_path):
    path = tmp_path / "painted.mp4"
    with pytest.raises(RuntimeError):
        paint_film(clip, path, Remembering(fails_at=5, error=RuntimeError), segment=2)
    assert not path.exists()
    assert FilmWriter(path, Film(clip), segment=2).done == 4


def test_the_frames_before_what_cannot_be_read_are_written(tmp_path, caplog):
    clip, other, path = (tmp_path / name for name in ("a.ts", "b.ts", "painted.mp4"))
    make_clip(clip, map(view, range(12)))
    make_clip(other, np.zeros((3, 32, 32, 3)), size=(32, 32))
    clip.write_bytes(clip.read_bytes() + other.read_bytes())
    with pytest.raises(ValueError, match="must have the size of the first"):
        paint_film(clip, path, Counting())
    assert len(decoded(path)) == 12
    assert f"The frames so far are in '{path}'" in caplog.text


def test_ctrl_c_before_the_first_frame_leaves_nothing(clip, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        paint_film(clip, tmp_path / "painted.mp4", Remembering(fails_at=0))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("count", [1, 2, 5])
def test_interrupted_while_segments_are_deleted(clip, tmp_path, monkeypatch, count):
    path, left = tmp_path / "painted.mp4", [count]
    paint_film(clip, path, Remembering(), segment=4, shots=find_shots(clip))

    def unlink(self, *arguments, unlink=Path.unlink, **options):
        if self.parent == tmp_path / "painted.mp4.film" and self.suffix != ".tmp":
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1
        unlink(self, *arguments, **options)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "unlink", unlink)
        paint_film(clip, path, Remembering(), segment=4)
    whole = path.read_bytes()
    assert paint_film(clip, path, Remembering(), segment=4).frames == 12
    assert path.read_bytes() == whole
    assert os.listdir(tmp_path) == [path.name]


def test_ctrl_c_while_the_first_frame_is_written_leaves_no_film(clip, tmp_path, monkeypatch):
    def interrupted(self, *arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(VideoOutput, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        paint_film(clip, tmp_path / "painted.mp4", Remembering())
    assert not (tmp_path / "painted.mp4").exists()


def test_a_preview_is_of_frames_spread_over_the_film(clip):
    painter = Counting()
    frames, seconds = preview_film(Film(clip, start=0.04), painter, count=3, size=32)
    assert [round(25 * frame.time) for frame, _ in frames] == [2, 6, 10]
    # Each after the frame before it; at number 6 a shot begins.
    moving = [motion is not None for _, motion, _ in painter.seen]
    assert moving == [False, True, False, False, False, True]
    assert frames[0][1].shape == (1, 24, 32, 3) and seconds >= 0


@pytest.mark.parametrize(("name", "options"), [("a.mkv", {"live": "1"}), ("a.h264", {})])
def test_a_preview_of_a_film_whose_file_does_not_say_its_length(tmp_path, name, options):
    film = Film(make_clip(tmp_path / name, map(view, range(12)), **options), start=0.08)
    assert film.duration is None
    frames, _ = preview_film(film, Counting(), count=3)
    assert [round(25 * frame.time) for frame, _ in frames] == [3, 7, 10]


def test_a_preview_of_fewer_frames_than_asked_for(clip):
    frames, _ = preview_film(Film(clip, stop=0.1), Counting(), count=6)
    assert [round(25 * frame.time) for frame, _ in frames] == [1, 2, 2, 2, 2]
