"""`Film`: every frame, upright, in its colours, at its time; and what bad files get."""

import json
import logging
import sys
import wave
from fractions import Fraction

import numpy as np
import pytest
from film_files import FRAMES, SIZE, STEADY, TIME_BASE, VARIABLE, make_film, picture
from PIL import Image
from profiles import LINEAR_RGB

from kerasart.film import Film, Frame
from kerasart.film.animated_picture import is_animated, is_picture
from kerasart.film.video_file import CutOffError
from kerasart.image import read_picture

av = pytest.importorskip("av")


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return make_film(tmp_path_factory.mktemp("film") / "clip.mp4", sound="aac")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("limit", [10, 100])  # 144 pixels are refused by Pillow, or warned of.
@pytest.mark.parametrize("suffix", [".png", ".gif", ".webp"])
def test_however_large_a_picture_is_it_is_known_whether_it_moves(
    tmp_path, monkeypatch, limit, suffix
):
    still, moving = (Image.new("RGB", (12, 12), colour) for colour in ("red", "blue"))
    still.save(tmp_path / f"still{suffix}")
    moving.save(tmp_path / f"moving{suffix}", save_all=True, append_images=[still])
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    for name in ("still", "moving"):
        path = tmp_path / f"{name}{suffix}"
        assert is_picture(path) and is_animated(path) == (name == "moving")


def error_of(image, number):
    return abs(image[0] - picture(number, image.shape[1:3])).mean()


def test_frames(clip):
    film = Film(clip)
    frames = list(film)
    assert isinstance(frames[0], Frame)
    assert [frame.number for frame in frames] == list(range(FRAMES))
    assert [frame.pts for frame in frames] == STEADY
    assert [frame.time for frame in frames] == [number / 25 for number in range(FRAMES)]
    for number, frame in enumerate(frames):
        assert frame.image.dtype == np.float32 and frame.image.shape == (1, *SIZE, 3)
        assert 0 <= frame.image.min() and frame.image.max() <= 1
        assert frame.alpha is None
        assert error_of(frame.image, number) < 0.01 < error_of(frame.image, number + 3)


def test_facts(clip):
    film = Film(str(clip))
    assert (film.path, film.size, film.rate) == (clip, SIZE, 25)
    assert (film.duration, film.frame_count, film.time_base) == (0.64, FRAMES, TIME_BASE)
    assert (film.bits, film.has_alpha, film.has_sound) == (8, False, True)
    assert (film.sample_aspect, film.colour, film.origin) == (1, (1, 1), 0)


def test_it_can_be_read_again(clip):
    film = Film(clip)
    assert [frame.pts for frame in film] == [frame.pts for frame in film] == STEADY


def test_frames_from_a_number_on_are_the_same(clip):
    film = Film(clip)
    for frame, late in zip(list(film)[5:], film.frames(5), strict=True):
        assert (frame.number, frame.pts) == (late.number, late.pts)
        np.testing.assert_array_equal(frame.image, late.image)
    assert [frame.number for frame in film.frames(3, 6)] == [3, 4, 5]


@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".h264"])
def test_frames_from_a_known_time_on_are_the_same(tmp_path, suffix):
    unit, times = (TIME_BASE, STEADY) if suffix == ".mp4" else (Fraction(1, 25), range(FRAMES))
    name = f"a{suffix}" if suffix == ".mp4" else "a.avi"
    path = make_film(tmp_path / name, g="5", time_base=unit, timestamps=times)
    if suffix == ".h264":  # The bare stream, without times.
        with av.open(str(path)) as file, open(tmp_path / "a.h264", "wb") as stream:
            stream.writelines(map(bytes, file.demux(video=0)))
    film = Film(tmp_path / f"a{suffix}", every=3)
    whole = list(film)
    for frame in whole:
        known = list(film.frames(frame.number, pts=frame.pts))
        assert [each.number for each in known] == list(range(frame.number, len(whole)))
        for sought, expected in zip(known, whole[frame.number :], strict=True):
            assert sought.pts == expected.pts
            np.testing.assert_array_equal(sought.image, expected.image)


@pytest.mark.parametrize(
    ("start", "stop", "every", "expected"),
    [
        (None, None, 3, [0, 3, 6, 9, 12, 15]),
        (0.2, None, 1, range(5, 16)),  # 0.2 is a fifth: the frame at exactly that time.
        (0.21, 0.44, 1, range(6, 11)),
        (None, 0.2, 2, [0, 2, 4]),
        (0.12, 9.0, 4, [3, 7, 11, 15]),
    ],
)
def test_start_stop_every(clip, start, stop, every, expected):
    film = Film(clip, start, stop, every)
    frames = list(film)
    assert [frame.pts for frame in frames] == [512 * number for number in expected]
    assert abs(film.frame_count - len(frames)) <= 1
    assert film.rate == Fraction(25, every)
    assert error_of(frames[0].image, expected[0]) < 0.01


def test_identity_tells_a_start_at_0_as_json_can_hold_it(clip):
    identity = Film(clip, 0, 0.5).identity()
    assert (identity["start"], identity["stop"]) == ("0", "1/2")
    assert json.loads(json.dumps(identity)) == identity


def test_seeking_finds_the_frames_that_decoding_from_the_first_does(tmp_path):
    path = make_film(tmp_path / "clip.mp4", g="5", bf="2", flags="-cgop")
    whole = {frame.pts: frame.image for frame in Film(path)}
    for number in range(FRAMES):
        frames = list(Film(path, start=number / 25))
        assert [frame.pts for frame in frames] == STEADY[number:]
        np.testing.assert_array_equal(frames[0].image, whole[STEADY[number]])


def test_end_of_a_frame(clip):
    assert Film(clip).end_of(0) == (512, False)
    assert Film(clip, every=np.int64(3)).end_of(512) == (4 * 512, False)
    assert Film(clip, stop=0.2).end_of(4 * 512) == (5 * 512, False)
    assert Film(clip).end_of(15 * 512) == (16 * 512, True)
    assert Film(clip, every=2).end_of(14 * 512) == (16 * 512, True)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_variable_rate_and_late_start(tmp_path, suffix):
    times = [12800 + time for time in VARIABLE]
    frames = list(Film(make_film(tmp_path / f"a{suffix}", timestamps=times)))
    exact = [time / 12800 for time in times]
    tolerance = 0.0005 if suffix == ".mkv" else 0  # Matroska has milliseconds.
    assert [frame.time for frame in frames] == pytest.approx(exact, abs=tolerance, rel=0)


@pytest.mark.parametrize("suffix", [".mpg", ".ts"])
def test_mpeg_streams_begin_at_zero(tmp_path, suffix):
    path = make_film(
        tmp_path / f"a{suffix}", "mpeg2video", time_base=Fraction(1, 25), timestamps=range(FRAMES)
    )
    film = Film(path)
    assert film.origin > 0
    assert [frame.time for frame in film] == pytest.approx([n / 25 for n in range(FRAMES)])
    late = list(Film(path, start=0.2))
    assert late[0].time == pytest.approx(0.2)
    assert len(late) == FRAMES - 5


@pytest.mark.parametrize("codec", ["libx264", "mjpeg"])
def test_frames_of_avi_are_shown_in_the_order_of_decoding_times(tmp_path, codec):
    options, numbers = {"bf": "2"}, range(FRAMES)
    if codec == "mjpeg":  # Recorders leave out what they are too slow for.
        options, numbers = {"pixel_format": "yuvj420p"}, [*range(8), *range(20, 28)]
    path = make_film(
        tmp_path / "a.avi", codec, time_base=Fraction(1, 25), timestamps=numbers, **options
    )
    frames = list(Film(path))
    assert [frame.time for frame in frames] == pytest.approx([n / 25 for n in numbers])
    assert all(error_of(frame.image, frame.number) < 0.02 for frame in frames)


@pytest.mark.parametrize("rotation", [0, 90, 180, -90])
def test_rotation(tmp_path, rotation):
    path = make_film(tmp_path / "a.mp4", rotation=rotation, sample_aspect=Fraction(4, 3))
    film = Film(path)
    frame = next(iter(film))
    upright = np.rot90(picture(0), rotation // 90)
    assert film.size == upright.shape[:2]
    assert abs(frame.image[0] - upright).mean() < 0.01
    assert film.sample_aspect == (Fraction(3, 4) if rotation % 180 else Fraction(4, 3))


@pytest.mark.parametrize(
    ("size", "matrix", "options"),
    [
        ((48, 64), None, {}),  # Untagged, made by BT.601.
        ((48, 64), 1, {}),
        ((48, 64), 5, {}),
        ((48, 64), 6, {}),
        ((48, 64), 9, {}),
        ((720, 64), 5, {}),
        ((48, 64), 1, {"full_range": True}),
    ],
)
def test_colour_matrix(tmp_path, size, matrix, options):
    path = make_film(tmp_path / "a.mp4", size=size, matrix=matrix, timestamps=[0, 512], **options)
    assert error_of(next(iter(Film(path))).image, 0) < 0.006


def test_untagged_hd_is_bt709(tmp_path):
    path = make_film(tmp_path / "a.mp4", size=(720, 64), matrix=1, timestamps=[0, 512])
    tagged = next(iter(Film(path))).image
    data = path.read_bytes()
    untagged = data.replace(b"nclx\0\1\0\1\0\1", b"nclx\0\2\0\2\0\2")
    assert untagged != data
    path.write_bytes(untagged)
    np.testing.assert_array_equal(next(iter(Film(path))).image, tagged)


def test_ten_bits_keep_their_depth(tmp_path):
    film = Film(make_film(tmp_path / "a.mp4", "libx265", "yuv420p10le"))
    image = next(iter(film)).image
    assert film.bits == 10
    assert error_of(image, 0) < 0.006
    levels = image * 255
    assert (abs(levels - levels.round()) > 0.1).mean() > 0.5  # In between those of 8 bits.


def test_alpha(tmp_path):
    path = make_film(tmp_path / "a.webm", "libvpx-vp9", "yuva420p", **{"auto-alt-ref": "0"})
    film = Film(path)
    frame = next(iter(film))
    assert film.has_alpha
    assert frame.image.shape == (1, *SIZE, 3) and frame.alpha.shape == (1, *SIZE, 1)
    assert frame.alpha.dtype == np.float32
    truth = picture(0, channels=4)
    assert abs(frame.image[0] - truth[..., :3]).mean() < 0.02
    assert abs(frame.alpha[0] - truth[..., 3:]).mean() < 0.02


@pytest.mark.parametrize("kind", ["webp", "png"])
def test_animated_pictures_are_upright_srgb_as_photos(tmp_path, kind):
    pictures = [Image.fromarray(np.uint8(picture(n) * 255)) for n in range(2)]
    exif = Image.Exif()
    exif[0x0112] = 6  # Turned by a quarter.
    told = {"exif": exif, "icc_profile": LINEAR_RGB}
    options = {"lossless": True} if kind == "webp" else {}
    path = tmp_path / f"a.{kind}"
    pictures[0].save(path, save_all=True, append_images=pictures[1:], **told, **options)
    film = Film(path)
    assert film.size == SIZE[::-1]
    for frame, still in zip(film, pictures, strict=True):
        still.save(tmp_path / "still.png", **told)
        np.testing.assert_array_equal(frame.image, read_picture(tmp_path / "still.png").image)


def test_a_picture_for_viewers_without_animation_is_no_frame(tmp_path):
    first, *others = (Image.new("RGB", (8, 8), colour) for colour in ("red", "green", "blue"))
    first.save(tmp_path / "a.png", save_all=True, append_images=others, default_image=True)
    assert [frame.image[0, 0, 0].argmax() for frame in Film(tmp_path / "a.png")] == [1, 2]


@pytest.mark.parametrize("kind", ["gif", "webp", "png"])
def test_animated_pictures(tmp_path, kind, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)  # They do not need it.
    pictures = [Image.fromarray(np.uint8(picture(n) * 255)) for n in range(4)]
    path = tmp_path / f"a.{kind}"
    delays = [50, 200, 0, 70] if kind == "gif" else [50, 200, 30, 70]
    options = {"lossless": True} if kind == "webp" else {}
    pictures[0].save(
        path, save_all=True, append_images=pictures[1:], duration=delays, loop=0, **options
    )
    film = Film(path)
    frames = list(film)
    # No delay means 100 ms, as in browsers.
    assert [frame.pts for frame in frames] == [0, 50, 250, 350 if kind == "gif" else 280]
    assert film.duration == (0.42 if kind == "gif" else 0.35)
    assert film.time_base == Fraction(1, 1000)
    assert film.frame_count == 4 and film.rate == 4 / Fraction(film.duration).limit_denominator(99)
    assert not film.has_sound and not film.has_alpha and film.size == SIZE
    assert all(error_of(frame.image, frame.number) < 0.02 for frame in frames)
    assert [frame.pts for frame in Film(path, start=0.1)] == [frame.pts for frame in frames[2:]]
    assert film.end_of(50) == (250, False)
    assert film.end_of(frames[-1].pts) == (1000 * film.duration, True)


def test_transparent_gif(tmp_path):
    pictures = []
    for number in range(3):
        pixels = np.full((*SIZE, 4), 255, np.uint8)
        pixels[:, : 8 + 8 * number] = 0
        pictures.append(Image.fromarray(pixels))
    path = tmp_path / "a.gif"
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=50, disposal=2)
    film = Film(path)
    assert film.has_alpha
    for frame in film:
        assert (frame.alpha[0, :, :, 0] == (np.arange(64) >= 8 + 8 * frame.number)).all()
        assert (frame.image == 1).all()  # Hidden black is filled from what is seen.


def test_memory_does_not_grow_with_the_frames(tmp_path):
    import tracemalloc

    path = make_film(tmp_path / "a.mp4", timestamps=[512 * number for number in range(100)])
    tracemalloc.start()
    for _ in Film(path):
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10 * 48 * 64 * 3 * 4


def refusal(kind, *arguments, **options):
    with pytest.raises(kind, match="Received: ") as caught:
        list(Film(*arguments, **options))
    message = str(caught.value)
    assert message.count("\n") == 0
    return message


def test_no_file(tmp_path):
    assert "No such file" in refusal(FileNotFoundError, tmp_path / "a.mp4")
    assert "a folder" in refusal(IsADirectoryError, tmp_path)
    (tmp_path / "a.mp4").touch()
    assert "an empty file" in refusal(ValueError, tmp_path / "a.mp4")


def test_no_film(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"no film" * 100)
    assert "Invalid data" in refusal(ValueError, path)


@pytest.mark.parametrize("limit", [99, 199])  # Pillow itself refuses twice its limit.
def test_an_animated_picture_of_too_many_pixels(tmp_path, monkeypatch, limit):
    first, second = (Image.new("RGB", (20, 10), colour) for colour in ("red", "blue"))
    first.save(tmp_path / "a.gif", save_all=True, append_images=[second])
    assert len(list(Film(tmp_path / "a.gif"))) == 2
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    message = refusal(ValueError, tmp_path / "a.gif")
    assert f"has 200 pixels, and the limit is {limit}, which Pillow's" in message
    assert message.endswith("Received: 20 x 10 pixels")


@pytest.mark.parametrize("kind", ["jpg", "png", "gif", "webp", "tif", "heic"])
def test_still_picture(tmp_path, kind):
    picture = Image.new("RGB", (64, 48))
    if kind == "heic":
        picture = pytest.importorskip("pillow_heif").from_pillow(picture)
    picture.save(tmp_path / f"a.{kind}")
    assert "a still picture" in refusal(ValueError, tmp_path / f"a.{kind}")


@pytest.mark.parametrize("kind", ["gif", "png", "webp"])
def test_animated_pictures_that_are_cut_off(tmp_path, kind):
    pictures = [Image.fromarray(np.uint8(picture(n) * 255)) for n in range(4)]
    path = tmp_path / f"a.{kind}"
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=50)
    path.write_bytes(path.read_bytes()[:-1000])
    assert "it must be whole and undamaged" in refusal(CutOffError, path)


def test_a_rate_that_cannot_be(tmp_path):
    time_base = Fraction(1, 1000)
    path = make_film(
        tmp_path / "a.mkv", timestamps=range(0, 640, 40), time_base=time_base, rate=12800
    )
    film = Film(path)
    assert film.rate == 25 and abs(film.frame_count - FRAMES) <= 1


def test_sound_only(tmp_path):
    path = tmp_path / "a.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(16000))
    assert "sound only" in refusal(ValueError, path)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_cut_off(tmp_path, suffix):
    path = make_film(tmp_path / f"a{suffix}", timestamps=range(0, 100 * 512, 512))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    times = []
    with pytest.raises(ValueError) as caught:
        for frame in Film(path):
            times.append(frame.time)
    assert 25 < len(times) < 75
    assert f"Cannot read '{path}' beyond {times[-1]:.2f} s" in str(caught.value)
    path.write_bytes(data[:300])
    refusal(ValueError, path)


@pytest.mark.parametrize(
    ("suffix", "codec"), [(".mkv", "libx264"), (".webm", "libvpx-vp9"), (".avi", "mpeg4")]
)
def test_cut_off_by_a_little(tmp_path, suffix, codec):
    unit, times = (TIME_BASE, STEADY) if suffix != ".avi" else (Fraction(1, 25), range(FRAMES))
    path = make_film(tmp_path / f"a{suffix}", codec, time_base=unit, timestamps=times)
    assert len(list(Film(path))) == FRAMES
    data = path.read_bytes()
    path.write_bytes(data[:-20])
    with pytest.raises(CutOffError, match="a file that ends there"):
        list(Film(path))
    # Of a file that was streamed, nobody knows.
    size = b"\xff\xff\xff\xff" if suffix == ".avi" else b"\x01" + b"\xff" * 7
    place = 4 if suffix == ".avi" else data.index(b"\x18\x53\x80\x67") + 4
    path.write_bytes((data[:place] + size + data[place + len(size) :])[:-20])
    assert len(list(Film(path))) == FRAMES


def test_a_stream_with_damaged_packets(tmp_path, caplog):
    clip = make_film(tmp_path / "clip.ts", timestamps=range(FRAMES), time_base=Fraction(1, 25))
    packets = bytearray(clip.read_bytes())
    # The counter of a packet of the pictures, after which some seem to be missing.
    packets[188 * 20 + 3] ^= 8
    clip.write_bytes(packets)
    with caplog.at_level(logging.WARNING, "kerasart"):
        list(Film(clip))
    assert caplog.text.count("damaged in places") == 1


def test_damaged_within(tmp_path, caplog):
    path = make_film(tmp_path / "a.mp4")
    data = bytearray(path.read_bytes())
    middle = data.find(b"mdat") + 1500
    data[middle : middle + 300] = bytes(range(100)) * 3
    path.write_bytes(data)
    with caplog.at_level(logging.WARNING, "kerasart"):
        film = Film(path)
        assert len(list(film)) == len(list(film)) > FRAMES // 2
    messages = [record.getMessage() for record in caplog.records]
    assert messages.count(f"The film '{path}' is damaged in places") == 1


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"flags": "+ildct+ilme"}, "is interlaced: two fields are taken as one picture"),
        (
            {"matrix": 9, "transfer": 16},
            "is HDR (PQ or HLG): its values are taken as they are coded",
        ),
        (
            {"matrix": 9, "transfer": 18},
            "is HDR (PQ or HLG): its values are taken as they are coded",
        ),
    ],
)
def test_what_is_taken_otherwise_than_meant_is_said_once(tmp_path, caplog, options, expected):
    path = make_film(tmp_path / "a.mp4", **options)
    with caplog.at_level(logging.WARNING, "kerasart"):
        film = Film(path)
        assert len(list(film)) == len(list(film)) == FRAMES
    assert [each.getMessage() for each in caplog.records] == [f"The film '{path}' {expected}"]


def test_encrypted(tmp_path, caplog):
    key = {"encryption_key": "0123456789abcdef" * 2, "encryption_kid": "fedcba9876543210" * 2}
    path = make_film(tmp_path / "a.mp4", container={"encryption_scheme": "cenc-aes-ctr", **key})
    assert "Received: an encrypted film" in refusal(ValueError, path)
    plain = make_film(tmp_path / "b.mp4").read_bytes()
    path.write_bytes(plain.replace(b"avc1", b"encv"))  # As of a scheme that FFmpeg does not know.
    assert "not encrypted. Received: an unknown one" in refusal(ValueError, path)
    assert not caplog.records


def test_size_that_changes(tmp_path):
    parts = [make_film(tmp_path / f"{n}.ts", size=size) for n, size in enumerate([SIZE, (32, 32)])]
    path = tmp_path / "a.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    message = refusal(ValueError, path)
    assert "64 x 48" in message and "Received: 32 x 32" in message and " s: " in message


def test_nothing_between_start_and_stop(clip):
    assert "from 5 s on: it must have frames there" in refusal(ValueError, clip, start=5)
    message = refusal(ValueError, clip, start=0.05, stop=0.06)
    assert "from 0.05 s to 0.06 s" in message and "Received: a film of 0.64 s" in message


@pytest.mark.parametrize(
    "options",
    [
        {"start": -1},
        {"start": 2, "stop": 1},
        {"stop": 0},
        {"every": 0},
        {"every": 1.5},
        {"every": True},
        {"start": "soon"},
        {"start": float("nan")},
        {"stop": float("inf")},
    ],
)
def test_arguments_that_are_not_allowed(clip, options):
    refusal(ValueError, clip, **options)


def test_without_pyav(clip, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ImportError, match=r"pip install 'kerasart\[video\]'"):
        Film(clip)
