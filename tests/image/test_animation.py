"""Animations in every format, as Pillow and PyAV read them back."""

import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import GifImagePlugin, Image

from kerasart.image import read_picture
from kerasart.image.animation import check_animation, write_animation

try:
    import av
except ImportError:
    av = None

needs_av = pytest.mark.skipif(av is None, reason="needs PyAV")
VIDEOS = [pytest.param(suffix, marks=needs_av) for suffix in (".mp4", ".webm")]
PICTURES = [".gif", ".webp", ".png"]
SUFFIXES = [*PICTURES, *VIDEOS]
TEXT = {"Title": "naïve", "Comment": "夢 🐶\nsecond line"}

# How far local means may be from the frames', in levels.
TOLERANCE = {".gif": 2.5, ".webp": 3, ".png": 0, ".mp4": 3, ".webm": 3}


@pytest.fixture
def make(tmp_path):
    """Makes frames with a wave of colours that moves, and returns their paths."""

    def make(number, height=32, width=48, name="frame"):
        folder = tmp_path / "frames"
        folder.mkdir(exist_ok=True)
        paths = [folder / f"{name}{index:03}.png" for index in range(number)]
        for index, path in enumerate(paths):
            Image.fromarray(wave(index, height, width)).save(path)
        return paths

    return make


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def wave(index, height, width):
    y, x = np.mgrid[:height, :width] / 8
    channels = [np.sin(x + index), np.sin(y + 2 * index), np.sin((x + y) / 2 - index)]
    return np.uint8(128 + 100 * np.stack(channels, axis=-1))


def pixels_of(paths):
    return [np.asarray(Image.open(path)) for path in paths]


def shown(path):
    """The frames of an animation."""
    if path.suffix in (".mp4", ".webm"):
        with av.open(str(path)) as file:
            return [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]
    with Image.open(path) as animation:
        frames = []
        for index in range(getattr(animation, "n_frames", 1)):
            animation.seek(index)
            frames.append(np.asarray(animation.convert("RGB")))
        return frames


def delays(path):
    """How long each frame of an animated picture is shown, in milliseconds."""
    with Image.open(path) as animation:
        times = []
        for index in range(animation.n_frames):
            animation.seek(index)
            animation.load()
            times.append(animation.info["duration"])
        return times


def seconds(path):
    if path.suffix not in (".mp4", ".webm"):
        return sum(delays(path)) / 1000
    with av.open(str(path)) as file:
        return file.duration / av.time_base


def distance(a, b):
    """The mean difference of the means of 4 by 4 pixels, which dithering does not change."""
    height, width = (side - side % 4 for side in a.shape[:2])
    difference = np.float64(a[:height, :width]) - b[:height, :width]
    return np.abs(difference.reshape(height // 4, 4, width // 4, 4, 3).mean(axis=(1, 3))).mean()


def sentence(error):
    message = str(error.value)
    assert message.count(". Received: ") == 1
    assert "[Errno" not in message
    assert "\n" not in message
    return message


# What is in the file


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_frames(make, out, suffix):
    paths = make(6)
    write_animation(out / f"a{suffix}", paths)
    frames, pictures = shown(out / f"a{suffix}"), pixels_of(paths)
    assert [frame.shape for frame in frames] == [(32, 48, 3)] * 6
    for frame, picture in zip(frames, pictures, strict=True):
        assert distance(frame, picture) <= TOLERANCE[suffix]
    # ... which other frames would not pass.
    assert distance(frames[1], pictures[0]) > 10 * TOLERANCE[suffix]


@pytest.mark.parametrize(("height", "width"), [(21, 33), (21, 34), (22, 33)])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_odd_sizes(make, out, suffix, height, width):
    paths = make(3, height, width)
    path = out / f"a{suffix}"
    write_animation(path, paths)
    is_video = suffix in (".mp4", ".webm")
    shape = (22, 34, 3) if is_video else (height, width, 3)
    frames = shown(path)
    assert [frame.shape for frame in frames] == [shape] * 3
    for frame, picture in zip(frames, pixels_of(paths), strict=True):
        assert distance(frame[:height, :width], picture) <= TOLERANCE[suffix]
        if is_video:  # the edge goes on
            rest = [(0, 22 - height), (0, 34 - width), (0, 0)]
            assert distance(frame[-4:], np.pad(picture, rest, mode="edge")[-4:]) <= 8


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_one_frame(make, out, suffix):
    (path,) = make(1)
    write_animation(out / f"a{suffix}", [path])
    (frame,) = shown(out / f"a{suffix}")
    assert distance(frame, np.asarray(Image.open(path))) <= TOLERANCE[suffix]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_tiny_frames(make, out, suffix):
    write_animation(out / f"a{suffix}", make(2, 1, 1))
    assert len(shown(out / f"a{suffix}")) == 2


@pytest.mark.parametrize("fps", [2, 12.5, 24, 25, 29.97, 48, 50, 60])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_duration(make, out, suffix, fps):
    path = out / f"a{suffix}"
    write_animation(path, make(9), fps=fps)
    assert len(shown(path)) == 9
    expected = 9 / (min(fps, 50) if suffix == ".gif" else fps)
    assert seconds(path) == pytest.approx(expected, abs=0.006 if suffix == ".gif" else 0.0011)
    if suffix in PICTURES:
        assert np.ptp(delays(path)) <= (10 if suffix == ".gif" else 1)


@pytest.mark.parametrize("fps", [0.02, 1000])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_slowest_and_fastest(make, out, suffix, fps):
    path = out / f"a{suffix}"
    write_animation(path, make(2), fps=fps)
    expected = 2 / (min(fps, 50) if suffix == ".gif" else fps)
    assert seconds(path) == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
@pytest.mark.parametrize("loop", [0, 1, 2, 65535])
def test_loop(make, out, suffix, loop):
    write_animation(out / f"a{suffix}", make(2), loop=loop)
    with Image.open(out / f"a{suffix}") as animation:
        read = animation.info.get("loop")
    if suffix == ".gif":  # what it holds is how often it is played again
        assert read == {0: 0, 1: None}.get(loop, loop - 1)
    else:
        assert read == loop


@pytest.mark.parametrize("suffix", VIDEOS)
def test_videos_have_no_loop(make, out, suffix):
    write_animation(out / f"a{suffix}", make(2), loop=7)
    assert len(shown(out / f"a{suffix}")) == 2


@pytest.mark.parametrize("size", [24, 31, 96])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_size(make, out, suffix, size):
    paths = make(2)
    write_animation(out / f"a{suffix}", paths, size=size)
    width, height = size, round(size * 32 / 48)
    for frame, path in zip(shown(out / f"a{suffix}"), paths, strict=True):
        if suffix in (".mp4", ".webm"):
            assert frame.shape == (height + height % 2, width + width % 2, 3)
        else:
            assert frame.shape == (height, width, 3)
        picture = Image.open(path).resize((width, height), Image.Resampling.LANCZOS)
        assert distance(frame[:height, :width], np.asarray(picture)) <= TOLERANCE[suffix]


@pytest.mark.parametrize(
    ("name", "kind"), [("a.GIF", "GIF"), ("a.apng", "PNG"), ("a.WebP", "WEBP")]
)
def test_suffixes_and_a_file_replaced(make, out, name, kind):
    (out / name).write_bytes(b"old")
    write_animation(str(out / name), [str(path) for path in make(2)])
    with Image.open(out / name) as animation:
        assert (animation.format, animation.n_frames) == (kind, 2)
    assert os.listdir(out) == [name]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_permissions_are_the_ordinary_ones(make, out, suffix):
    former = os.umask(0o027)
    try:
        write_animation(out / f"a{suffix}", make(1))
    finally:
        os.umask(former)
    assert (out / f"a{suffix}").stat().st_mode & 0o777 == 0o640


# Each format


def gif_flags(data):
    """The flags of every picture in a GIF."""
    flags = []
    at = 13 + 3 * 2 ** ((data[10] & 7) + 1)  # behind the common palette
    while data[at] != ord(";"):
        is_picture = data[at] == ord(",")
        if is_picture:
            flags.append(data[at + 9])
        at += 11 if is_picture else 2
        while data[at]:
            at += 1 + data[at]
        at += 1
    assert at == len(data) - 1
    return flags


def test_gif_has_one_palette(make, out):
    write_animation(out / "a.gif", make(5))
    data = (out / "a.gif").read_bytes()
    assert data[:6] == b"GIF89a"
    assert data[10] & 0x80  # a common palette
    assert data[10] & 7 == 7  # of 256 colours
    assert gif_flags(data) == [0] * 5  # and none of a frame's own


def test_palette_of_gif_is_for_all_frames(out, tmp_path):
    paths = []
    for index in range(40):  # from red to blue
        colours = wave(0, 32, 48) // 4 + np.uint8([4 * index, 60, 160 - 4 * index])
        paths.append(tmp_path / f"{index}.png")
        Image.fromarray(colours).save(paths[-1])
    write_animation(out / "a.gif", paths)
    for frame, picture in zip(shown(out / "a.gif"), pixels_of(paths), strict=True):
        assert distance(frame, picture) <= 3


def test_few_colours_are_exact_in_gif(out, tmp_path):
    picture = np.zeros((8, 8, 3), np.uint8)
    picture[:4] = 200, 30, 90
    Image.fromarray(picture).save(tmp_path / "a.png")
    write_animation(out / "a.gif", [tmp_path / "a.png"])
    np.testing.assert_array_equal(shown(out / "a.gif")[0], picture)


def test_apng_is_exact_and_a_picture_with_text(make, out):
    paths = make(4)
    write_animation(out / "a.png", paths, text=TEXT)
    frames, pictures = shown(out / "a.png"), pixels_of(paths)
    np.testing.assert_array_equal(frames, pictures)
    first = read_picture(out / "a.png")
    np.testing.assert_array_equal(np.uint8(np.round(255 * first.image[0])), pictures[0])
    assert first.text == TEXT


@pytest.mark.parametrize("suffix", [".gif", ".webp", *VIDEOS])
def test_text_is_for_png(make, out, suffix):
    write_animation(out / f"a{suffix}", make(2), text=TEXT)
    assert len(shown(out / f"a{suffix}")) == 2


@needs_av
@pytest.mark.parametrize(("suffix", "codec"), [(".mp4", "h264"), (".webm", "vp9")])
def test_video(make, out, suffix, codec):
    write_animation(out / f"a{suffix}", make(3), fps=30000 / 1001)
    with av.open(str(out / f"a{suffix}")) as file:
        (stream,) = file.streams
        assert stream.codec_context.name in (codec, f"lib{codec}")
        assert stream.pix_fmt == "yuv420p"
        context = stream.codec_context
        assert context.colorspace == context.color_primaries == context.color_trc == 1  # BT.709
        assert context.color_range == 1
        assert float(stream.average_rate) == pytest.approx(30000 / 1001, rel=1e-4)


@pytest.mark.parametrize("suffix", VIDEOS)
def test_colours_of_video(out, tmp_path, suffix):
    colours = np.uint8([[200, 40, 60], [20, 220, 90], [30, 50, 230], [255, 255, 255], [0, 0, 0]])
    picture = np.broadcast_to(colours.repeat(16, axis=0), (32, 80, 3))
    Image.fromarray(picture).save(tmp_path / "a.png")
    write_animation(out / f"a{suffix}", [tmp_path / "a.png"] * 3)
    for frame in shown(out / f"a{suffix}"):
        np.testing.assert_allclose(frame[16, 8::16].astype(int), colours, atol=6)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_frames_that_stay_the_same(make, out, suffix):
    paths = make(2)
    write_animation(out / f"a{suffix}", [paths[0], paths[0], paths[1], paths[1]], fps=5)
    assert seconds(out / f"a{suffix}") == pytest.approx(0.8)
    frames, pictures = shown(out / f"a{suffix}"), pixels_of(paths)
    assert distance(frames[0], pictures[0]) <= TOLERANCE[suffix]
    assert distance(frames[-1], pictures[1]) <= TOLERANCE[suffix]


@needs_av
def test_index_of_mp4_comes_first(make, out):
    write_animation(out / "a.mp4", make(3))
    data = (out / "a.mp4").read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")


@pytest.mark.skipif(sys.platform != "linux", reason="measures memory as Linux does")
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_memory_does_not_grow_with_the_frames(make, out, suffix):
    code = (
        "import gc, sys\n"
        "from kerasart.image.animation import write_animation\n"
        "gc.set_threshold(20)\n"  # garbage would add up over a few frames more than are made here
        "path, *frames = sys.argv[1:]\n"
        "def peak(repeats):\n"
        "    write_animation(path, frames * repeats)\n"
        "    with open('/proc/self/status') as status:\n"
        "        return next(int(line.split()[1]) for line in status if line[:6] == 'VmHWM:')\n"
        "peak(30)\n"  # a second file takes more than the first: its encoders start in used memory
        "print(-peak(30) + peak(90))\n"
    )
    height, width = 180, 240
    command = [sys.executable, "-c", code, out / f"a{suffix}", *make(2, height, width)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    # Half of what 120 frames more would take, of a byte a pixel.
    assert int(done.stdout) < 120 * height * width / 1024 / 2


# Errors


@pytest.mark.parametrize("before", [None, b"the former file"])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_broken_frame_leaves_all_as_it_was(make, out, suffix, before):
    paths = make(3)
    paths[1].write_bytes(paths[1].read_bytes()[:200])
    path = out / f"a{suffix}"
    if before:
        path.write_bytes(before)
    with pytest.raises(ValueError) as error:
        write_animation(path, paths)
    assert str(paths[1]) in sentence(error)
    assert os.listdir(out) == ([path.name] if before else [])
    assert before is None or path.read_bytes() == before


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_full_disk_is_told_in_a_sentence(make, out, monkeypatch, suffix):
    def fail(source, target):
        raise OSError(28, "No space left on device")

    path = out / f"a{suffix}"
    path.write_bytes(b"old")
    with monkeypatch.context() as patch:
        patch.setattr("os.replace", fail)
        with pytest.raises(OSError, match="No space left on device") as error:
            write_animation(path, make(2))
    assert str(path) in sentence(error)
    assert path.read_bytes() == b"old"
    assert os.listdir(out) == [path.name]


def test_an_interruption_leaves_nothing(make, out, monkeypatch):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(GifImagePlugin, "getdata", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_animation(out / "a.gif", make(2))
    assert os.listdir(out) == []


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_frames_of_unequal_size(make, out, suffix):
    paths = [*make(2), *make(1, 32, 40, name="other")]
    with pytest.raises(ValueError) as error:
        write_animation(out / f"a{suffix}", paths)
    assert sentence(error) == (
        "`frames` must all have the height and width of the first, (32, 48). "
        f"Received: (32, 40) in '{paths[2]}'"
    )
    assert os.listdir(out) == []


def test_no_frames(out):
    with pytest.raises(
        ValueError, match=r"^`frames` must be one picture file or more. Received: \[\]$"
    ):
        write_animation(out / "a.gif", [])


def test_missing_frame(make, out):
    paths = make(3)
    paths[1].unlink()
    with pytest.raises(FileNotFoundError) as error:
        write_animation(out / "a.webp", paths)
    assert str(paths[1]) in sentence(error)
    assert os.listdir(out) == []


def test_frame_that_is_no_picture(make, out):
    (path,) = make(1)
    path.write_text("no picture")
    with pytest.raises(ValueError) as error:
        write_animation(out / "a.png", [path])
    assert str(path) in sentence(error)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("fps", fps) for fps in (0, -1, 0.01, 1001, float("nan"), float("inf"), "9")),
        *(("loop", loop) for loop in (-1, 1.5, 65536)),
        *(("size", size) for size in (0, -3, float("nan"))),
    ],
)
def test_settings_that_are_not_allowed(make, out, name, value):
    with pytest.raises(ValueError, match=f"^`{name}` must be .* Received: {name}={value}$"):
        write_animation(out / "a.gif", make(1), **{name: value})
    assert os.listdir(out) == []


@pytest.mark.parametrize("text", [{"": "a"}, {1: "a"}, "a"])
def test_text_that_png_cannot_hold(text, make, out):
    with pytest.raises(ValueError, match="`text` must .* Received: "):
        write_animation(out / "a.png", make(1), text=text)
    assert os.listdir(out) == []


# Checks before a long run; `write_animation` must agree with them.


@pytest.fixture(params=["check", "write"])
def check(request, make):
    if request.param == "check":
        return check_animation
    frames = make(1)
    return lambda path: write_animation(path, frames)


@pytest.mark.parametrize("suffix", [*SUFFIXES, ".apng", ".PNG", ".Gif"])
def test_check_accepts_and_makes_nothing(out, suffix):
    check_animation(out / f"a{suffix}")
    check_animation(str(out / f"a{suffix}"))
    assert os.listdir(out) == []


@pytest.mark.parametrize("name", ["a.jpg", "a", "a.avi", ".gif"])
def test_other_suffixes_are_refused(out, check, name):
    with pytest.raises(ValueError) as error:
        check(out / name)
    suffix = "" if name.startswith(".") else name[1:]
    assert sentence(error) == (
        f"Cannot write '{out / name}': its suffix must be one of "
        f".gif, .webp, .png, .apng, .mp4, .webm. Received: '{suffix}'"
    )


def test_missing_folder(out, check):
    with pytest.raises(FileNotFoundError) as error:
        check(out / "no" / "a.gif")
    assert str(out / "no") in sentence(error)


def test_folder_in_the_way(out, check):
    (out / "a.webp").mkdir()
    with pytest.raises(IsADirectoryError) as error:
        check(out / "a.webp")
    assert "a.webp" in sentence(error)


@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".MP4"])
def test_without_pyav(out, check, monkeypatch, suffix):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ImportError) as error:
        check(out / f"a{suffix}")
    encoder = "libvpx-vp9" if suffix == ".webm" else "libx264"
    assert str(error.value) == (
        f"'{suffix.lower()}' needs PyAV with {encoder}: pip install 'kerasart[video]'; "
        ".gif, .webp and .png need nothing."
    )
    assert os.listdir(out) == []


@needs_av
def test_pyav_without_the_encoder(out, check, monkeypatch):
    def refuse(name, mode):
        raise ValueError(f"no codec {name}")

    monkeypatch.setattr(av, "Codec", refuse)
    with pytest.raises(ImportError, match="needs PyAV with libx264"):
        check(out / "a.mp4")


@pytest.mark.parametrize("suffix", PICTURES)
def test_pictures_need_no_pyav(make, out, monkeypatch, suffix):
    monkeypatch.setitem(sys.modules, "av", None)
    write_animation(out / f"a{suffix}", make(2))
    assert len(shown(out / f"a{suffix}")) == 2


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png", ".mp4"])
def test_a_name_that_is_taken_can_be_left_alone(tmp_path, suffix):
    if suffix == ".mp4":
        pytest.importorskip("av")
    for i in range(2):
        Image.new("RGB", (32, 32), (100 * i, 0, 0)).save(tmp_path / f"{i}.png")
    frames = [tmp_path / f"{i}.png" for i in range(2)]
    (tmp_path / "out").mkdir()
    path = tmp_path / "out" / f"a{suffix}"
    path.write_bytes(b"mine")
    assert write_animation(path, frames, taken="number") == path.with_stem("a-2")
    with pytest.raises(FileExistsError):
        write_animation(path, frames, taken="refuse")
    assert path.read_bytes() == b"mine"
    assert write_animation(path, frames) == path
    assert path.read_bytes() == path.with_stem("a-2").read_bytes()
    assert sorted(os.listdir(tmp_path / "out")) == [f"a-2{suffix}", f"a{suffix}"]
