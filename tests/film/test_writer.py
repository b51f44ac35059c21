"""`FilmWriter`: films that hold what the film did, whole or cut, at once or resumed."""

import errno
import json
import logging
import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from fractions import Fraction
from itertools import islice

import numpy as np
import pytest
from film_files import (
    FRAMES,
    SIZE,
    STEADY,
    VARIABLE,
    make_film,
    picture,
    rgb_of,
    sound_of,
    timestamps_of,
)
from PIL import Image

from kerasart.film import Film, FilmWriter

av = pytest.importorskip("av")

CHAPTERS = [
    {
        "id": number,
        "start": start,
        "end": end,
        "time_base": Fraction(1, 1000),
        "metadata": {"title": f"part {number}"},
    }
    for number, (start, end) in enumerate([(0, 400), (400, 1500)])
]


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Of variable rate, a late start, sound longer than the pictures, chapters, and a title."""
    return make_film(
        tmp_path_factory.mktemp("film") / "clip.mp4",
        timestamps=[3200 + pts for pts in VARIABLE],
        sound="aac",
        seconds=1.5,
        chapters=CHAPTERS,
        metadata={"title": "A film"},
    )


def write(path, film, paint=lambda image: image, count=None, segment=5, **options):
    """Writes a film, or the first frames of one; returns the writer."""
    writer = FilmWriter(path, film, segment=segment, **options)
    for frame in islice(film.frames(writer.done), count and count - writer.done):
        writer.write(frame, paint(frame.image))
    return writer


def chapters_of(path):
    with av.open(str(path)) as file:
        return [
            (chapter["start"] * chapter["time_base"], chapter["metadata"]["title"])
            for chapter in file.chapters()
        ]


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_all_that_a_film_holds(tmp_path, clip, suffix):
    path = tmp_path / f"a{suffix}"
    assert write(path, Film(clip)).finish() == path
    tolerance = 0.0006 if suffix == ".mkv" else 0  # Matroska has milliseconds.
    for read in (timestamps_of, lambda path: [time for time, _ in sound_of(path)]):
        assert [float(time) for time in read(path)] == pytest.approx(
            [float(time) for time in read(clip)], abs=tolerance, rel=0
        )
    assert [data for _, data in sound_of(path)] == [data for _, data in sound_of(clip)]
    assert chapters_of(path) == [(0, "part 0"), (Fraction(2, 5), "part 1")]
    with av.open(str(path)) as file:
        assert file.metadata["title"] == "A film"
    assert abs(rgb_of(path) - rgb_of(clip)).mean() < 0.02
    assert os.listdir(tmp_path) == [path.name]


def test_texts_in_other_encodings_keep_their_bytes(tmp_path, clip):
    path = tmp_path / "latin.mp4"
    path.write_bytes(clip.read_bytes().replace(b"A film", b"Caf\xe9 d"))
    write(tmp_path / "a.mp4", Film(path), count=1).finish()
    assert b"Caf\xe9 d" in (tmp_path / "a.mp4").read_bytes()


def test_images_are_what_is_written(tmp_path, clip):
    write(tmp_path / "a.mp4", Film(clip), lambda image: 1.5 - 1.2 * image).finish()
    drifts = []
    for frame, made in zip(Film(clip), Film(tmp_path / "a.mp4"), strict=True):
        expected = np.clip(1.5 - 1.2 * frame.image, 0, 1)
        assert abs(made.image - expected).mean() < 0.015
        drifts.append((made.image - expected).mean())
    assert abs(np.mean(drifts)) < 0.0015  # Films made of films don't darken.


def test_sound_as_opus(tmp_path, clip):
    path = tmp_path / "a.webm"
    write(path, Film(clip)).finish()
    with av.open(str(path)) as file:
        stream = file.streams.audio[0]
        assert stream.codec_context.name == "opus"
        samples = np.concatenate([frame.to_ndarray()[0] for frame in file.decode(stream)])
    assert len(samples) / 48000 == pytest.approx(1.5, abs=0.03)
    waves = (np.diff(np.signbit(samples)) != 0).sum() / 2
    assert waves == pytest.approx(440 * 1.5, rel=0.01)
    assert [float(time) for time in timestamps_of(path)] == pytest.approx(
        [float(time) for time in timestamps_of(clip)], abs=0.0006
    )


def test_no_sound(tmp_path, clip):
    write(tmp_path / "a.mp4", Film(clip), sound="none").finish()
    with av.open(str(tmp_path / "a.mp4")) as file:
        assert not file.streams.audio


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
def test_part_of_a_film(tmp_path, clip, suffix):
    path = tmp_path / f"a{suffix}"
    write(path, Film(clip, start=0.3, stop=0.62)).finish()
    times = [time for time in timestamps_of(clip) if 0.3 <= time < 0.62]
    expected = [float(time - times[0]) for time in times]
    assert [float(time) for time in timestamps_of(path)] == pytest.approx(expected, abs=6e-4)
    sound = [float(time) for time, _ in sound_of(path)]
    end = float(next(time for time in timestamps_of(clip) if time >= 0.62) - times[0])
    assert -0.03 < sound[0] < 0.03 and end - 0.03 < sound[-1] < end + 0.03
    if suffix != ".webm":  # Packets are those of the same moments.
        known = {data: float(time - times[0]) for time, data in sound_of(clip)}
        moved = [known[data] for _, data in sound_of(path)]
        assert moved == pytest.approx(sound, abs=1e-3)
    start = pytest.approx(float(Fraction(2, 5) - times[0]), abs=1e-3)
    assert chapters_of(path) == [(0, "part 0"), (start, "part 1")]
    assert os.listdir(tmp_path) == [path.name]


def test_every_second_frame(tmp_path, clip):
    write(tmp_path / "a.mp4", Film(clip, every=2)).finish()
    assert timestamps_of(tmp_path / "a.mp4") == timestamps_of(clip)[::2]
    assert sound_of(tmp_path / "a.mp4") == sound_of(clip)
    assert os.listdir(tmp_path) == ["a.mp4"]


def test_one_frame_in_two_seconds_and_thousands_in_one(tmp_path):
    slow = make_film(tmp_path / "slow.mp4", timestamps=range(0, 150 * 512, 512))
    write(tmp_path / "a.mp4", Film(slow, every=50)).finish()
    assert [frame.time for frame in Film(tmp_path / "a.mp4")] == [0, 2, 4]
    exact = {"movie_timescale": "30000"}
    fast = make_film(
        tmp_path / "fast.mp4", timestamps=range(8), time_base=Fraction(1, 30000), container=exact
    )
    write(tmp_path / "b.mp4", Film(fast)).finish()
    assert timestamps_of(tmp_path / "b.mp4") == timestamps_of(fast)
    assert abs(rgb_of(tmp_path / "b.mp4") - rgb_of(fast)).mean() < 0.02


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
def test_sound_that_begins_again_at_another_rate(tmp_path, monkeypatch, suffix):
    parts = [make_film(tmp_path / "a.ts", sound="aac", seconds=0.64)]
    monkeypatch.setattr("film_files.TONE", 44100)
    parts.append(make_film(tmp_path / "b.ts", sound="aac", seconds=0.64))
    both = tmp_path / "both.ts"
    both.write_bytes(b"".join(part.read_bytes() for part in parts))
    path = tmp_path / f"both{suffix}"
    write(path, Film(both)).finish()
    assert len(timestamps_of(path)) == 2 * FRAMES
    times = [float(time) for time, _ in sound_of(path)]
    assert times == sorted(times) and 1.25 < times[-1] < 1.4


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_sound_that_is_damaged(tmp_path, clip, suffix):
    path = tmp_path / "damaged.mp4"
    data = bytearray(clip.read_bytes())
    with av.open(str(clip)) as file:
        for packet in [packet for packet in file.demux(audio=0) if packet.size][20:40]:
            data[packet.pos : packet.pos + packet.size] = b"\xff" * packet.size
    path.write_bytes(data)
    write(tmp_path / f"a{suffix}", Film(path)).finish()
    times = [float(time) for time, _ in sound_of(tmp_path / f"a{suffix}")]
    assert times[-1] == pytest.approx(1.5, abs=0.05)


def test_finished_early_it_plays_and_is_resumed_to_the_same_film(tmp_path, clip):
    film = Film(clip)
    write(tmp_path / "whole.mp4", film).finish()
    path = tmp_path / "a.mp4"
    assert write(path, film, count=7).finish() == path
    assert timestamps_of(path) == timestamps_of(clip)[:7]
    end = timestamps_of(clip)[7]
    assert sound_of(path) == [each for each in sound_of(clip) if each[0] < end]
    assert sorted(os.listdir(tmp_path / "a.mp4.film")) == [
        "000000.json",
        "000000.mp4",
        "000005.mp4",
        "film.json",
    ]
    writer = FilmWriter(path, film, segment=5)
    assert writer.done == 5
    write(path, film).finish()
    assert path.read_bytes() == (tmp_path / "whole.mp4").read_bytes()
    assert sorted(os.listdir(tmp_path)) == ["a.mp4", "whole.mp4"]


@pytest.mark.parametrize("sounds", [("none", "copy"), ("copy", "none")])
def test_resumed_it_has_the_sound_that_is_asked_for_then(tmp_path, clip, sounds):
    film, path = Film(clip), tmp_path / "a.mp4"
    before, now = sounds
    write(tmp_path / "whole.mp4", film, sound=now).finish()
    write(path, film, count=7, sound=before).finish()
    assert FilmWriter(path, film, segment=5, sound=now).done == 5
    write(path, film, sound=now).finish()
    assert path.read_bytes() == (tmp_path / "whole.mp4").read_bytes()


@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".gif"])
def test_killed_and_resumed_it_is_the_same_film(tmp_path, clip, suffix):
    film, path = Film(clip), tmp_path / f"a{suffix}"
    write(tmp_path / f"whole{suffix}", film).finish()
    code = f"""
        import os, signal
        from kerasart.film import Film, FilmWriter
        film = Film({str(clip)!r})
        writer = FilmWriter({str(path)!r}, film, segment=5)
        for frame in film:
            writer.write(frame, frame.image)
            if frame.number == 12:
                os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)])
    assert done.returncode == -signal.SIGKILL
    assert not path.exists()
    assert FilmWriter(path, film, segment=5).done == 10
    write(path, film).finish()
    whole = tmp_path / f"whole{suffix}"
    if suffix == ".gif":
        assert path.read_bytes() == whole.read_bytes()
    else:
        np.testing.assert_array_equal(rgb_of(path), rgb_of(whole))
        assert timestamps_of(path) == timestamps_of(whole)
    assert sorted(os.listdir(tmp_path)) == sorted([path.name, whole.name])


def test_encoding_is_the_same_each_time(tmp_path, clip):
    film = Film(clip)
    for number in range(10):
        # What lies in memory must not matter: x264 may read what it has not set.
        junk = [np.full(size, 17 * number, np.uint8) for size in (100, 5000, 20000, 100000)]
        del junk
        write(tmp_path / f"{number}.mp4", film).finish()
    assert len({(tmp_path / f"{number}.mp4").read_bytes() for number in range(10)}) == 1


def test_state(tmp_path, clip):
    film, path = Film(clip), tmp_path / "a.mp4"
    writer = FilmWriter(path, film, segment=4)
    assert list(writer.gaps()) == [(0, None, None, None)]
    frames = list(film)
    for frame in frames[:11]:
        writer.write(frame, frame.image)
        if writer.segment_is_full or frame.number == 5:  # At a cut, say.
            writer.close_segment({"moments": np.full((2, 3), frame.number), "step": np.int64(7)})
    resumed = FilmWriter(path, film, segment=4)
    (gap,) = resumed.gaps()
    assert (gap.first, gap.stop, gap.before) == (10, None, frames[9].pts)
    assert sorted(gap.state) == ["moments", "step"]
    np.testing.assert_array_equal(gap.state["moments"], np.full((2, 3), 9))
    assert gap.state["step"] == 7
    folder = tmp_path / "a.mp4.film"
    assert [name for name in os.listdir(folder) if name.endswith(".npz")] == ["000006.npz"]
    segments = [json.loads((folder / f"{n:06}.json").read_text()) for n in (0, 4, 6)]
    assert [len(segment["timestamps"]) for segment in segments] == [4, 2, 4]
    for frame in frames[10:]:
        resumed.write(frame, frame.image)
    resumed.finish()
    assert timestamps_of(path) == timestamps_of(clip)
    assert os.listdir(tmp_path) == ["a.mp4"]


def test_gaps_between_segments_that_are_written_in_any_order(tmp_path, clip):
    film, path = Film(clip), tmp_path / "a.mp4"
    frames = list(film)
    writer = FilmWriter(path, film, segment=5)
    for first, stop in ((10, 12), (5, 7), (14, FRAMES)):
        for frame in frames[first:stop]:
            writer.write(frame, frame.image)
        writer.close_segment({"last": np.array(stop - 1)})
    assert writer.done == 0
    with pytest.raises(ValueError, match="at least one frame"):
        FilmWriter(path, film, segment=5).finish()
    writer = FilmWriter(path, film, segment=5)
    assert [gap[:2] for gap in writer.gaps(5, 11)] == [(7, 10)]
    assert list(writer.gaps(10, 11)) == [] == list(writer.gaps(14, FRAMES))
    gaps = list(writer.gaps())
    assert [gap[:2] for gap in gaps] == [(0, 5), (7, 10), (12, 14)]
    assert [gap.before for gap in gaps] == [None, frames[6].pts, frames[11].pts]
    assert [gap.state and int(gap.state["last"]) for gap in gaps] == [None, 6, 11]
    for gap in gaps:
        for frame in film.frames(gap.first, gap.stop):
            writer.write(frame, frame.image)
        writer.close_segment()
    assert list(writer.gaps()) == [] and writer.done == FRAMES
    writer.finish()
    assert timestamps_of(path) == timestamps_of(clip)
    assert os.listdir(tmp_path) == ["a.mp4"]


def test_ten_bits_of_hdr(tmp_path):
    clip = make_film(tmp_path / "clip.mp4", "libx265", "yuv420p10le", matrix=9, transfer=16)
    path = tmp_path / "a.mp4"
    write(path, Film(clip), quality=4).finish()
    with av.open(str(path)) as file:
        context = file.streams.video[0].codec_context
        assert (context.name, context.pix_fmt, context.codec_tag) == ("hevc", "yuv420p10le", "hvc1")
        assert (context.color_primaries, context.color_trc, context.colorspace) == (9, 16, 9)
    assert timestamps_of(path) == timestamps_of(clip)
    for frame, made in zip(Film(clip), Film(path), strict=True):
        assert abs(frame.image - made.image).mean() < 0.006
        assert abs(frame.image - made.image).mean() > 0


def test_alpha(tmp_path, caplog):
    clip = make_film(
        tmp_path / "clip.webm", "libvpx-vp9", "yuva420p", **{"auto-alt-ref": "0", "crf": "10"}
    )
    write(tmp_path / "a.webm", Film(clip)).finish()
    for frame, made in zip(Film(clip), Film(tmp_path / "a.webm"), strict=True):
        assert abs(frame.alpha - made.alpha).mean() < 0.02
    with caplog.at_level(logging.WARNING, "kerasart"):
        write(tmp_path / "a.mp4", Film(clip)).finish()
    assert "cannot hold the transparency" in caplog.text
    assert len(timestamps_of(tmp_path / "a.mp4")) == FRAMES


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_alpha_of_animated_pictures(tmp_path, caplog, suffix):
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    # A disc that moves, dark as what is hidden in a GIF might be.
    alphas = [np.hypot(y - 24, x - 20 - 6 * number)[..., None] < 16 for number in range(4)]
    pictures = [
        Image.fromarray(np.uint8(255 * np.dstack([0.2 * picture(number), alpha])))
        for number, alpha in enumerate(alphas)
    ]
    clip = tmp_path / "clip.png"
    pictures[0].save(clip, save_all=True, append_images=pictures[1:], duration=80)
    write(tmp_path / f"a{suffix}", Film(clip)).finish()
    assert "transparency" not in caplog.text
    for made, alpha in zip(Film(tmp_path / f"a{suffix}"), alphas, strict=True):
        np.testing.assert_array_equal(made.alpha[0], alpha)
        difference = made.image[0] - 0.2 * picture(made.number)
        assert np.abs(difference[alpha[..., 0]]).mean() < 0.02


def test_sample_aspect_and_rotation(tmp_path, caplog):
    clip = make_film(tmp_path / "clip.mp4", rotation=90, sample_aspect=Fraction(4, 3))
    write(tmp_path / "a.mp4", Film(clip)).finish()
    with av.open(str(tmp_path / "a.mp4")) as file:
        assert file.streams.video[0].sample_aspect_ratio == Fraction(3, 4)
        frame = next(file.decode(video=0))
        assert (frame.height, frame.width, frame.rotation) == (64, 48, 0)
    upright = np.rot90(picture(0))
    assert abs(next(iter(Film(tmp_path / "a.mp4"))).image[0] - upright).mean() < 0.015
    for suffix in (".webm", ".gif"):
        FilmWriter(tmp_path / f"a{suffix}", Film(clip))
        assert f"'{suffix}' cannot hold the pixel aspect of '{clip}'" in caplog.text


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_odd_sizes_and_other_sizes(tmp_path, clip, suffix):
    path = tmp_path / f"a{suffix}"
    write(path, Film(clip), lambda image: image[:, :33, :45]).finish()
    film = Film(path)
    assert film.size == (34, 46)
    image = next(iter(film)).image
    truth = next(iter(Film(clip))).image[:, :33, :45]
    assert abs(image[:, :33, :45] - truth).mean() < 0.02


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_animated_pictures(tmp_path, suffix, caplog):
    times = [0, 10, 70, 72, 150, 160]  # In hundredths of a second.
    clip = make_film(tmp_path / "clip.mkv", timestamps=[time * 128 for time in times], sound="aac")
    path = tmp_path / f"a{suffix}"
    with caplog.at_level(logging.WARNING, "kerasart"):
        write(path, Film(clip)).finish()
    assert f"'{suffix}' cannot hold the sound of '{clip}'" in caplog.text
    film = Film(path)
    assert [frame.time for frame in film] == [time / 100 for time in times]
    for made, frame in zip(film, Film(clip), strict=True):
        assert abs(made.image - frame.image).mean() < 0.03
    assert sorted(os.listdir(tmp_path)) == sorted([path.name, "clip.mkv"])


@pytest.mark.parametrize(
    ("suffix", "milliseconds"),
    [(".gif", [0, 30, 70, 100]), (".webp", [0, 17, 33, 50, 67, 83, 100])],
)
def test_animated_pictures_of_fast_films_keep_time(tmp_path, suffix, milliseconds):
    timestamps = [round(12800 * number / 60) for number in range(7)]
    clip = make_film(tmp_path / "clip.mp4", timestamps=timestamps, rate=60)
    write(tmp_path / f"a{suffix}", Film(clip)).finish()
    times = [frame.time for frame in Film(tmp_path / f"a{suffix}")]
    assert times == [time / 1000 for time in milliseconds]


def test_a_gif_as_a_video(tmp_path):
    pictures = [Image.fromarray(np.uint8(picture(n) * 255)) for n in range(4)]
    path = tmp_path / "a.gif"
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=[50, 200, 30, 70])
    write(tmp_path / "a.mp4", Film(path)).finish()
    times = [0, Fraction(50, 1000), Fraction(250, 1000), Fraction(280, 1000)]
    assert timestamps_of(tmp_path / "a.mp4") == times


def test_subtitles(tmp_path, clip, caplog):
    text = tmp_path / "a.srt"
    text.write_text(
        "1\n00:00:00,300 --> 00:00:00,700\nHello\n\n2\n00:00:00,900 --> 00:00:01,200\nBye\n"
    )
    film = tmp_path / "film.mkv"
    with (
        av.open(str(clip)) as pictures,
        av.open(str(text)) as subtitles,
        av.open(str(film), "w") as both,
    ):
        sources = [pictures.streams.video[0], subtitles.streams.subtitles[0]]
        streams = [both.add_stream_from_template(source) for source in sources]
        streams[1].metadata["language"] = "ger"
        for source, stream in zip(sources, streams, strict=True):
            for packet in source.container.demux(source):
                if packet.size:
                    packet.stream = stream
                    both.mux(packet)
    write(tmp_path / "a.mkv", Film(film)).finish()
    with av.open(str(tmp_path / "a.mkv")) as file:
        stream = file.streams.subtitles[0]
        assert stream.language == "ger"
        packets = [packet for packet in file.demux(stream) if packet.size]
        assert [(packet.pts, bytes(packet)) for packet in packets] == [
            (300, b"Hello"),
            (900, b"Bye"),
        ]
    with caplog.at_level(logging.WARNING, "kerasart"):
        write(tmp_path / "a.mp4", Film(film)).finish()
    assert "'.mp4' cannot hold the subtitles" in caplog.text


def test_mpeg_streams_begin_at_zero(tmp_path):
    clip = make_film(
        tmp_path / "a.ts",
        "mpeg2video",
        time_base=Fraction(1, 25),
        timestamps=range(FRAMES),
        sound="mp2",
    )
    write(tmp_path / "a.mp4", Film(clip)).finish()
    shift = Film(clip).origin
    assert shift > 0
    assert timestamps_of(tmp_path / "a.mp4") == [time - shift for time in timestamps_of(clip)]
    sound = [(float(time - shift), data) for time, data in sound_of(clip)]
    made = [(float(time), data) for time, data in sound_of(tmp_path / "a.mp4")]
    assert [data for _, data in made] == [data for _, data in sound]
    assert [time for time, _ in made] == pytest.approx([time for time, _ in sound], abs=1e-4)


def test_disk_is_the_size_of_the_output(tmp_path):
    clip = make_film(tmp_path / "clip.mp4", timestamps=range(0, 60 * 512, 512))
    film, path = Film(clip), tmp_path / "a.mp4"
    writer = write(path, film, segment=20)
    folder = tmp_path / "a.mp4.film"
    used = sum(file.stat().st_size for file in folder.iterdir())
    writer.finish()
    assert used < 1.4 * path.stat().st_size


def refusal(kind, *arguments, **options):
    with pytest.raises(kind, match="Received: ") as caught:
        FilmWriter(*arguments, **options)
    message = str(caught.value)
    assert message.count("\n") == 0
    return message


def test_another_run_is_refused(tmp_path, clip):
    film, path = Film(clip), tmp_path / "a.mp4"
    write(path, film, count=7, fingerprint={"style": "mosaic", "size": 512})
    other = {"style": "starry", "size": 512}
    message = refusal(ValueError, path, film, segment=5, fingerprint=other)
    assert "style differ" in message and str(path) in message
    same = {"style": "mosaic", "size": 512}
    assert "segment differ" in refusal(ValueError, path, film, segment=6, fingerprint=same)
    late = Film(clip, start=0.3)
    assert "start differ" in refusal(ValueError, path, late, segment=5, fingerprint=same)
    assert FilmWriter(path, film, segment=5, fingerprint=same).done == 5


def test_a_folder_of_something_else_is_refused_and_left_alone(tmp_path, clip):
    folder = tmp_path / "a.mp4.film"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    refusal(ValueError, tmp_path / "a.mp4", Film(clip))
    assert os.listdir(folder) == ["mine.txt"]


def test_only_own_files_are_deleted(tmp_path, clip):
    writer = write(tmp_path / "a.mp4", Film(clip))
    (tmp_path / "a.mp4.film" / "mine.mp4").write_text("mine")
    writer.finish()
    assert os.listdir(tmp_path / "a.mp4.film") == ["mine.mp4"]


def test_output_that_is_not_allowed(tmp_path, clip, monkeypatch):
    film = Film(clip)
    for name in ("a.avi", "a", "a.jpg"):
        assert "suffix" in refusal(ValueError, tmp_path / name, film)
    refusal(FileNotFoundError, tmp_path / "none" / "a.mp4", film)
    assert "another file" in refusal(ValueError, clip, film)
    bad = {"quality": (64, "a", True), "sound": ("loud",), "segment": (0, 1.5), "taken": ("steal",)}
    for options in ({name: value} for name, values in bad.items() for value in values):
        refusal(ValueError, tmp_path / "a.mp4", film, **options)
    (tmp_path / "a.mp4").touch()
    refusal(FileExistsError, tmp_path / "a.mp4", film, taken="refuse")
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ImportError, match=r"pip install 'kerasart\[video\]'"):
        FilmWriter(tmp_path / "b.mp4", film)


@pytest.mark.parametrize(
    ("name", "encoder", "suffix"),
    [
        ("clip.avi", "adpcm_ima_wav", ".mp4"),
        ("clip.avi", "adpcm_ima_wav", ".mkv"),
        # FFmpeg lists it for this format, and refuses to write it.
        ("clip.mkv", "libopus", ".mov"),
    ],
)
def test_sound_that_a_format_cannot_hold_becomes_aac(tmp_path, name, encoder, suffix):
    clip, path = make_film(tmp_path / name, sound=encoder), tmp_path / f"a{suffix}"
    write(path, Film(clip)).finish()
    with av.open(str(path)) as file:
        stream = file.streams.audio[0]
        assert stream.codec_context.name == "aac"
        samples = np.concatenate([frame.to_ndarray()[0] for frame in file.decode(stream)])
    assert len(samples) / 48000 == pytest.approx(1, abs=0.05)
    pitch = abs(np.fft.rfft(samples)).argmax() * 48000 / len(samples)
    assert pitch == pytest.approx(440, rel=0.01)


def test_lengths_of_sound_packets_need_not_be_known(tmp_path):
    clip = make_film(tmp_path / "clip.mkv", sound="alac", seconds=0.4)  # Which has none.
    write(tmp_path / "a.mp4", Film(clip)).finish()
    samples = []
    for path in (clip, tmp_path / "a.mp4"):
        with av.open(str(path)) as file:
            samples.append(sum(frame.samples for frame in file.decode(audio=0)))
    assert samples[0] == samples[1] > 0.39 * 48000


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm", ".gif", ".png"])
def test_the_last_frame_is_shown_as_long_as_before(tmp_path, suffix):
    colours = [Image.new("RGB", (64, 48), colour) for colour in ("red", "green", "blue")]
    delays = [100, 200, 3000]
    clip, path = tmp_path / "clip.gif", tmp_path / f"a{suffix}"
    colours[0].save(clip, save_all=True, append_images=colours[1:], duration=delays)
    write(path, Film(clip)).finish()
    film = Film(path)
    last = [frame.pts for frame in film][-1]
    assert last * film.time_base == Fraction(3, 10) and film.duration == 3.3
    if suffix != ".webm":  # Which has only the length of the whole.
        assert film.end_of(last) == (Fraction(33, 10) / film.time_base, True)
    write(tmp_path / "cut.gif", Film(clip, stop=0.3)).finish()
    assert Film(tmp_path / "cut.gif").duration == 0.3


@pytest.mark.parametrize("kind", ["gif", "webp", "png"])
@pytest.mark.parametrize("plays", [0, 1, 3])
def test_an_animation_is_played_as_often_as_before(tmp_path, kind, plays):
    colours = [Image.new("RGB", (64, 48), colour) for colour in ("red", "green", "blue")]
    # A GIF says how often it is repeated, if it is.
    repeats = {0: 0, 1: None, 3: 2}[plays]
    loop = repeats if kind == "gif" else plays
    clip = tmp_path / f"clip.{kind}"
    colours[0].save(clip, save_all=True, append_images=colours[1:], duration=100, loop=loop)
    for suffix in (".gif", ".webp", ".apng"):
        write(tmp_path / f"a{suffix}", Film(clip)).finish()
        assert Film(tmp_path / f"a{suffix}").loop == Film(clip).loop == plays
        with Image.open(tmp_path / f"a{suffix}") as made:
            assert made.info.get("loop") == (repeats if suffix == ".gif" else plays)


@pytest.mark.parametrize("suffix", [".avi", ".mov"])
@pytest.mark.parametrize("places", [(7, 8), (14, 15)])
def test_frames_that_cannot_be_decoded_leave_a_gap(tmp_path, suffix, places):
    options = {"time_base": Fraction(1, 25), "timestamps": range(FRAMES)}
    clip = make_film(
        tmp_path / f"clip{suffix}", "mjpeg", "yuvj420p", sound="pcm_s16le", seconds=0.6, **options
    )
    with av.open(str(clip)) as file:
        packets = [bytes(packet) for packet in file.demux(video=0)]
    content = clip.read_bytes()
    for place in places:
        content = content.replace(packets[place], bytes(len(packets[place])))
    clip.write_bytes(content)
    expected = [number / 25 for number in range(FRAMES) if number not in places]
    path = tmp_path / "a.mp4"
    write(path, Film(clip)).finish()
    assert [frame.time for frame in Film(clip)] == pytest.approx(expected)
    assert [float(time) for time in timestamps_of(path)] == pytest.approx(expected)
    sounds = [b"".join(data for _, data in sound_of(each)) for each in (clip, path)]
    assert sounds[0] == sounds[1] != b""
    assert not (tmp_path / "a.mp4.film").exists()  # It is complete.


def test_sound_of_an_unknown_codec_can_be_left_out(tmp_path):
    clip, path = make_film(tmp_path / "clip.mkv", sound="pcm_s16le"), tmp_path / "a.mp4"
    clip.write_bytes(clip.read_bytes().replace(b"A_PCM/INT/LIT", b"A_NOBODY_KNOWS"[:13]))
    assert "unknown codec" in refusal(ValueError, path, Film(clip))
    write(path, Film(clip), sound="none").finish()
    assert [frame.time for frame in Film(path)] == [frame.time for frame in Film(clip)]


# As phones say them, and as all do.
OF_APPLE = {"com.apple.quicktime.make": "Apple", "com.apple.quicktime.creationdate": "2024-05-01"}
ORDINARY = {
    "title": "Sea",
    "comment": "from the boat",
    "description": "waves",
    "creation_time": "2024-05-01T08:00:00.000000Z",
    "location": "+48.1000+011.5000/",
}


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
@pytest.mark.parametrize("tags", [ORDINARY, ORDINARY | OF_APPLE])
def test_what_is_said_of_a_film_is_kept(tmp_path, suffix, tags):
    keys = {"movflags": "use_metadata_tags"}
    clip = make_film(tmp_path / "clip.mov", metadata=tags, container=keys)
    path = write(tmp_path / f"a{suffix}", Film(clip)).finish()
    with av.open(str(path)) as file:
        assert tags.items() <= file.metadata.items()
    # Where one will do, the box that all players read.
    assert (b"\xa9nam" in path.read_bytes()) == (suffix == ".mp4" and tags == ORDINARY)
    # The index is still first.
    assert path.read_bytes().index(b"moov") < path.read_bytes().index(b"mdat")


def test_a_timecode_is_left_out(tmp_path):
    # MP4 has none for a film whose times are as exact as these.
    clip = make_film(tmp_path / "clip.mkv", metadata={"timecode": "01:00:00:00", "title": "Sea"})
    write(tmp_path / "a.mp4", Film(clip)).finish()
    with av.open(str(tmp_path / "a.mp4")) as file:
        assert file.metadata["title"] == "Sea" and "timecode" not in file.metadata


def test_pcm_whose_channels_are_not_named_is_copied(tmp_path):
    clip = make_film(tmp_path / "clip.avi", sound="pcm_s16le")
    write(tmp_path / "a.mp4", Film(clip)).finish()
    sounds = [b"".join(data for _, data in sound_of(path)) for path in (clip, tmp_path / "a.mp4")]
    assert sounds[0] == sounds[1] != b""


def test_opus_is_copied(tmp_path):
    clip = make_film(tmp_path / "clip.mkv", sound="libopus")
    write(tmp_path / "a.webm", Film(clip)).finish()
    assert [data for _, data in sound_of(tmp_path / "a.webm")] == [
        data for _, data in sound_of(clip)
    ]


def test_frames_that_are_not_allowed(tmp_path, clip):
    film = Film(clip)
    frames = list(film)
    writer = FilmWriter(tmp_path / "a.mp4", film)
    with pytest.raises(ValueError, match="at least one frame. Received: none"):
        writer.finish()
    writer.write(frames[0], frames[0].image)
    with pytest.raises(ValueError, match="in order .* Received: frame 2 after frame 0"):
        writer.write(frames[2], frames[2].image)
    with pytest.raises(ValueError, match=r"height and width .* \(48, 64\). Received: \(48, 60\)"):
        writer.write(frames[1], frames[1].image[:, :, :60])
    with pytest.raises(ValueError, match="`image`"):
        writer.write(frames[1], np.full((1, *SIZE, 3), np.nan))
    assert writer.done == 1
    writer.finish()
    with pytest.raises(ValueError, match="after `finish`"):
        writer.write(frames[1], frames[1].image)


@pytest.mark.parametrize("suffix", [".mp4", ".gif"])
def test_a_full_disk_is_told_in_a_sentence_and_resumed(tmp_path, monkeypatch, suffix):
    def refuse(*arguments, **options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    film, path = Film(make_film(tmp_path / "clip.mkv")), tmp_path / f"a{suffix}"
    times = [frame.time for frame in film]
    writer = write(path, film, count=8)
    frame = next(film.frames(8))
    with monkeypatch.context() as patch:
        patch.setattr("kerasart.film.output_formats.VideoOutput.end", refuse)
        patch.setattr("kerasart.film.output_formats.PictureOutput.end", refuse)
        with pytest.raises(OSError, match=f"Cannot write into '{path}.film'.* No space left"):
            writer.finish()
    with monkeypatch.context() as patch:
        patch.setattr("kerasart.film.output_formats.VideoEncoder.write", refuse)
        patch.setattr("kerasart.film.output_formats.write_picture", refuse)
        with pytest.raises(OSError, match="Received: No space left on device") as caught:
            writer.write(frame, frame.image)
    assert f"'{path}.film'" in str(caught.value)
    writer.finish()
    assert [frame.time for frame in Film(path)] == times[:8]
    write(path, film).finish()
    assert [frame.time for frame in Film(path)] == times
    assert sorted(os.listdir(tmp_path)) == [path.name, "clip.mkv"]


def test_what_an_encoder_does_not_take_is_told_in_a_sentence(tmp_path):
    # Twelve days between two frames.
    clip = make_film(tmp_path / "clip.mkv", timestamps=[0, 512], time_base=Fraction(1, 1000))
    (first, second), film = Film(clip), Film(clip)
    writer = FilmWriter(tmp_path / "a.mp4", film)
    with pytest.raises(OSError, match="Cannot write into .* Received: Not yet implemented"):
        for frame in (first, replace(second, pts=10**9), replace(second, number=2, pts=10**9 + 1)):
            writer.write(frame, frame.image)
        writer.close_segment()


def test_a_name_that_is_taken(tmp_path, clip):
    path = tmp_path / "a.mp4"
    path.write_text("mine")
    numbered = write(path, Film(clip), taken="number").finish()
    assert numbered == tmp_path / "a-2.mp4" and path.read_text() == "mine"
    assert write(path, Film(clip)).finish() == path
    assert path.read_bytes() == numbered.read_bytes()


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_fewer_frames_than_the_encoder_reorders(tmp_path, codec):
    pixel_format = "yuv420p" if codec == "libx264" else "yuv420p10le"
    clip = make_film(tmp_path / "clip.mp4", codec, pixel_format, STEADY[:5])
    writer = write(tmp_path / "a.mp4", Film(clip), count=1, segment=2)
    writer.close_segment()
    write(tmp_path / "a.mp4", Film(clip), count=4, segment=2)
    for segment, count in (("000000", 1), ("000001", 2)):
        with av.open(str(tmp_path / "a.mp4.film" / f"{segment}.mp4")) as file:
            packets = [packet for packet in file.demux(video=0) if packet.size]
        assert len(packets) == count
        assert all(-2 * STEADY[1] <= packet.dts <= packet.pts for packet in packets)
    write(tmp_path / "a.mp4", Film(clip), segment=2).finish()
    assert timestamps_of(tmp_path / "a.mp4") == timestamps_of(clip)
