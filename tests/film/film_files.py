"""Makes films of known frames, and looks into films, by PyAV alone."""

from fractions import Fraction

import av
import numpy as np

SIZE = 48, 64
FRAMES = 16
TIME_BASE = Fraction(1, 12800)
STEADY = [number * 512 for number in range(FRAMES)]  # 25 frames a second.
VARIABLE = [
    0,
    100,
    700,
    720,
    1500,
    1600,
    3000,
    3100,
    3200,
    5000,
    5100,
    5200,
    5300,
    5400,
    5500,
    9000,
]
TONE = 48000


def picture(number, size=SIZE, channels=3):
    """A frame, float64 (height, width, channels): soft waves that move, brighter to the left."""
    y, x = np.mgrid[: size[0], : size[1]] / 12
    waves = [np.sin(x + number / 4), np.sin(y + number / 8), np.sin((x + y) / 2), np.sin(x)]
    left = (1 - np.linspace(0, 1, size[1])[None, :, None]) * 0.2
    return 0.3 + 0.2 * (np.stack(waves[:channels], -1) + 1) + left


def make_film(
    path,
    codec="libx264",
    pixel_format="yuv420p",
    timestamps=STEADY,
    size=SIZE,
    sizes=None,
    rotation=None,
    matrix=None,
    transfer=None,
    full_range=False,
    sample_aspect=None,
    sound=None,
    seconds=1.0,
    chapters=(),
    metadata=None,
    rate=25,
    time_base=TIME_BASE,
    container=None,
    **options,
):
    """Makes a film whose frames are `picture`s; returns its path.

    `matrix` is the code point of the matrix that is used and named (None: BT.601, not named),
    `transfer` that of the transfer characteristics, `sound` the name of a codec for a tone, and
    `container` further options of the format.
    """
    # For exact late starts, and the index first.
    exact = {"movie_timescale": "12800", "movflags": "faststart"}
    if path.suffix not in (".mp4", ".mov"):
        exact = {}
    with av.open(str(path), "w", options={**exact, **(container or {})}) as file:
        file.metadata.update(metadata or {})
        if codec == "libx265":
            options["x265-params"] = "log-level=error"
        video = file.add_stream(codec, rate=rate, options={"crf": "6", **options})
        video.height, video.width = size
        video.pix_fmt = pixel_format
        if rotation is not None:
            video.set_display_rotation(rotation)
        context = video.codec_context
        context.time_base = video.time_base = time_base
        if matrix is not None:
            context.colorspace = context.color_primaries = matrix
            context.color_trc = transfer or matrix
        if sample_aspect is not None:
            context.sample_aspect_ratio = sample_aspect
        if full_range:
            context.color_range = 2
        audio = file.add_stream(sound, rate=TONE) if sound else None
        file.set_chapters(list(chapters))
        deep = "10" in pixel_format
        for number, pts in enumerate(timestamps):
            has_alpha = pixel_format.startswith("yuva")
            pixels = picture(number, size, 4 if has_alpha else 3)
            pixels = np.round(pixels * (65535 if deep else 255)).astype("u2" if deep else "u1")
            frame = av.VideoFrame.from_ndarray(
                pixels, format="rgb48le" if deep else ("rgba" if has_alpha else "rgb24")
            ).reformat(
                format=pixel_format,
                dst_colorspace=matrix or 5,
                dst_color_range=2 if full_range else 1,
                interpolation="BICUBIC",
            )
            frame.pts, frame.time_base = pts, time_base
            file.mux(video.encode(frame))
        file.mux(video.encode())
        if audio is not None:
            _add_tone(file, audio, seconds)
    return path


def _add_tone(file, stream, seconds):
    wave = np.sin(np.arange(int(seconds * TONE)) * (2 * np.pi * 440 / TONE))
    samples = np.round(wave * 10000).astype(np.int16)
    for start in range(0, len(samples), 1024):
        frame = av.AudioFrame.from_ndarray(
            samples[None, start : start + 1024], format="s16", layout="mono"
        )
        frame.sample_rate, frame.pts = TONE, start
        frame.time_base = Fraction(1, TONE)
        file.mux(stream.encode(frame))
    file.mux(stream.encode())


def timestamps_of(path):
    """The presentation time of each frame, in exact seconds."""
    with av.open(str(path)) as file:
        return [frame.pts * frame.time_base for frame in file.decode(video=0)]


def sound_of(path):
    """The sound packets, as (exact seconds, bytes)."""
    with av.open(str(path)) as file:
        packets = [packet for packet in file.demux(audio=0) if packet.size]
        return [(packet.pts * packet.time_base, bytes(packet)) for packet in packets]


def rgb_of(path):
    """The frames as FFmpeg decodes them, float64 RGB."""
    with av.open(str(path)) as file:
        frames = [frame.to_ndarray(format="rgb48le") for frame in file.decode(video=0)]
    return np.stack(frames) / 65535
