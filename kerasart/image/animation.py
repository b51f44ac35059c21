"""Writes GIF, WebP, APNG and video from image files, with one frame in memory at a time."""

import math
import os
import struct
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from functools import partial
from itertools import count, pairwise
from numbers import Real
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np
from PIL import GifImagePlugin, Image
from PIL.PngImagePlugin import getchunks, putchunk

from kerasart.image.arrays import fit_size, quantise
from kerasart.image.atomic_files import check_path, write_file
from kerasart.image.encoding import text_chunks
from kerasart.image.files import check_place, read_picture
from kerasart.image.video import VideoEncoder, check_encoder, find_encoding, open_output

_VIDEO = (".mp4", ".webm")

_FRAMES_PER_SECOND = (0.02, 1000)  # the range that all formats can express
MOST_LOOPS = 65535
# Seconds; players show what is shorter as long as five or ten of these.
_SHORTEST = {".gif": Fraction(2, 100), ".webp": Fraction(11, 1000)}
_SHORTEST |= {suffix: _SHORTEST[".webp"] for suffix in (".png", ".apng")}

# A GIF's palette is computed by k-means from this many frames, subsampled to this long side, until
# at most this many pixels change cluster: nearer to a dream's colours than Pillow's median cut, and
# more pixels gain nothing.
_PALETTE_FRAMES = 16
_PALETTE_SIDE = 128
_PALETTE_CHANGES = 300
# The index of pixels that are not shown, and what says that a frame is cleared before the next.
_HIDDEN, _CLEARED = 255, 2


def write_animation(
    path: str | os.PathLike[str],
    frames: Sequence[str | os.PathLike[str]],
    fps: float = 25.0,
    loop: int = 0,
    size: int | None = None,
    text: dict[str, str] | None = None,
    taken: str = "replace",
) -> Path:
    """Writes an animation atomically, in the format of its suffix.

    The frames are read one by one; only compressed data accumulates in memory.

    A GIF has one palette of 256 colours for all frames. Delays are rounded, to 1/100 s in GIF and
    1/1000 s in APNG and WebP, without changing the total duration. GIF plays at most 50 frames a
    second, since players slow down shorter delays. If the first frame has transparency, that of all
    is kept: not in video, and in GIF as none or all.

    Args:
        path: The file: .gif, .webp, .png or .apng (animated PNG), .mp4 (H.264) or .webm (VP9).
        frames: Paths of image files, all of the same size. Video needs even sides: odd ones are
            padded by repeating the last row or column.
        fps: Frames per second, from 0.02 to 1000.
        loop: How often to play the animation, up to 65535 times; 0 is endless. Video ignores it.
        size: The long side of the animation in pixels, or None for the size of the frames.
        text: The text chunks of PNG; other formats ignore them.
        taken: What to do if the file exists, as in `write_picture`.

    Returns:
        The `pathlib.Path` of the file.

    Raises:
        ImportError: If PyAV, or its encoder, is missing for .mp4 or .webm.
        ValueError: If there are no frames, a frame is not an image or its size differs from the
            first's, or the suffix, `fps`, `loop`, `size` or `text` is not allowed.
        OSError: If a frame cannot be read, or the file cannot be written.
    """
    check_animation(path, fps, loop, size)
    if not isinstance(frames, Iterable) or not (paths := list(frames)):
        raise ValueError(f"`frames` must be one picture file or more. Received: {frames!r}")
    times = [index / Fraction(fps) for index in range(len(paths) + 1)]
    return _write(Path(path), paths, size, times, int(loop), text or {}, taken)


def write_timed_animation(
    path: str | os.PathLike[str],
    frames: Sequence[str | os.PathLike[str]],
    times: Sequence[Fraction],
    loop: int = 0,
    taken: str = "replace",
) -> Path:
    """Writes an animation, as `write_animation` does, whose frames are not shown equally long.

    It keeps time: frames that follow too soon on one before, as players cannot show them, less than
    1/50 s in GIF and 11/1000 s in APNG and WebP, are left out.

    Args:
        path: The file.
        frames: Paths of image files, all of the same size.
        times: Seconds: when each frame is first shown, and when the last ends.
        loop: As for `write_animation`.
        taken: What to do if the file exists, as in `write_picture`.

    Returns:
        The `pathlib.Path` of the file.

    Raises:
        ImportError, ValueError, OSError: As for `write_animation`.
    """
    check_animation(path, loop=loop)
    path = Path(path)
    shown, starts = _thin(frames, times, _SHORTEST.get(path.suffix.lower(), 0))
    return _write(path, shown, None, [*starts, times[-1]], loop, {}, taken)


def _thin(frames, times, shortest):
    """Leaves out frames that begin too soon after the one before; returns those left, and when."""
    shown, starts = [frames[0]], [times[0]]
    for frame, start in zip(frames[1:], times[1:], strict=False):
        if start >= starts[-1] + shortest:
            shown.append(frame)
            starts.append(start)
    return shown, starts


def _write(path, frames, size, times, loop, text, taken):
    suffix = path.suffix.lower()
    write, frames = _WRITERS[suffix], _Frames(frames, size, suffix not in _VIDEO)
    return write_file(path, lambda file: write(file, frames, times, loop, text), taken)


def check_animation(
    path: str | os.PathLike[str], fps: float = 25.0, loop: int = 0, size: int | None = None
) -> None:
    """Raises what `write_animation` would for these arguments: to be called before a long run."""
    check_path(path)
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in _WRITERS:
        raise ValueError(
            f"Cannot write '{path}': its suffix must be one of {', '.join(_WRITERS)}. "
            f"Received: '{path.suffix}'"
        )
    check_place(path)
    slowest, fastest = _FRAMES_PER_SECOND
    if not (isinstance(fps, Real) and slowest <= fps <= fastest):
        raise ValueError(
            f"`fps` must be from {slowest} to {fastest} frames a second. Received: fps={fps}"
        )
    if loop not in range(MOST_LOOPS + 1):
        raise ValueError(
            f"`loop` must be a whole number from 0, endless, to {MOST_LOOPS}. Received: loop={loop}"
        )
    if size is not None and not (isinstance(size, Real) and size >= 1):
        raise ValueError(f"`size` must be at least 1 pixel. Received: size={size}")
    if suffix in _VIDEO:
        check_encoder(suffix, find_encoding(suffix), ".gif, .webp and .png need nothing.")


class _Frames(Sequence):
    """A sequence of frames that are read from their files on access.

    Args:
        paths: The files.
        long_side: The long side to resize them to, or None to keep their size.
        takes_alpha: Whether they have a fourth channel if the first has transparency.

    Attributes:
        size: The (height, width) after resizing.
        has_alpha: Whether they have a fourth channel.
    """

    def __init__(self, paths, long_side, takes_alpha):
        self._paths = paths
        first = _read_pixels(paths[0])
        self._file_size = first.shape[:2]
        self.has_alpha = takes_alpha and first.shape[-1] == 4
        self.size = self._file_size if long_side is None else fit_size(self._file_size, long_side)

    def __len__(self):
        return len(self._paths)

    def __getitem__(self, index):
        pixels = _read_pixels(self._paths[index])
        if pixels.shape[:2] != self._file_size:
            raise ValueError(
                f"`frames` must all have the height and width of the first, {self._file_size}. "
                f"Received: {pixels.shape[:2]} in '{self._paths[index]}'"
            )
        height, width = self.size
        picture = Image.fromarray(pixels).convert("RGBA" if self.has_alpha else "RGB")
        return picture.resize((width, height), Image.Resampling.LANCZOS)


def _read_pixels(path):
    picture = read_picture(path)
    channels = [picture.image] if picture.alpha is None else [picture.image, picture.alpha]
    return quantise(np.concatenate(channels, axis=-1)[0], bits=8)


def _delays(times, units, least=1):
    """Returns each frame's delay in 1/`units` of a second."""
    ticks = [round(time * units) for time in times]
    return [max(least, end - start) for start, end in pairwise(ticks)]


def _write_gif(file, frames, times, loop, text):
    height, width = frames.size
    palette = _common_palette(frames)
    # A GIF stores the number of repetitions, one less than the number of times it is played.
    repeat = {} if loop == 1 else {"loop": max(0, loop - 1)}
    # Pillow's own writer keeps the whole animation in memory.
    header, _ = GifImagePlugin.getheader(
        palette.resize((width, height)), info={"duration": 1, **repeat}
    )
    file.writelines(header)
    for picture, delay in zip(frames, _delays(times, 100, least=2), strict=True):
        dithered = picture.convert("RGB").quantize(palette=palette)
        options = {"duration": 10 * delay}
        if frames.has_alpha:
            hidden = picture.getchannel("A").point(lambda alpha: 255 * (alpha < 128))
            dithered.paste(_HIDDEN, mask=hidden)
            options |= {"transparency": _HIDDEN, "disposal": _CLEARED}
        file.writelines(GifImagePlugin.getdata(dithered, **options))
    file.write(b";")


def _common_palette(frames):
    """Computes one palette for all frames; one per frame would flicker."""
    indices = np.unique(np.linspace(0, len(frames) - 1, _PALETTE_FRAMES).astype(int))
    # Subsampled, since averaging would dull the colours.
    step = math.ceil(max(frames.size) / _PALETTE_SIDE)
    mosaic = np.concatenate([np.asarray(frames[index])[::step, ::step, :3] for index in indices])
    if not frames.has_alpha:
        return Image.fromarray(mosaic).quantize(kmeans=_PALETTE_CHANGES)
    palette = Image.fromarray(mosaic).quantize(colors=_HIDDEN, kmeans=_PALETTE_CHANGES)
    colours = palette.getpalette()[: 3 * _HIDDEN]
    # What is left repeats the first colour, so that no pixel gets it.
    palette.putpalette(colours + colours[:3] * (_HIDDEN + 1 - len(colours) // 3))
    return palette


def _write_apng(file, frames, times, loop, text):
    height, width = frames.size
    numbers = count()
    file.write(b"\x89PNG\r\n\x1a\n")
    colours = 6 if frames.has_alpha else 2  # RGBA or RGB, of 8 bits.
    putchunk(file, b"IHDR", struct.pack(">2I5B", width, height, 8, colours, 0, 0, 0))
    for kind, content, *_ in text_chunks(text).chunks:
        putchunk(file, kind, content)
    putchunk(file, b"acTL", struct.pack(">2I", len(frames), loop))
    for picture, delay in zip(frames, _delays(times, 1000), strict=True):
        data = b"".join(content for kind, content, _ in getchunks(picture) if kind == b"IDAT")
        number = next(numbers)
        size_offset_and_delay = (width, height, 0, 0, delay, 1000)
        putchunk(file, b"fcTL", struct.pack(">5I2H2B", number, *size_offset_and_delay, 0, 0))
        if number == 0:  # also the still image of viewers without APNG support
            putchunk(file, b"IDAT", data)
        else:
            putchunk(file, b"fdAT", struct.pack(">I", next(numbers)), data)
    putchunk(file, b"IEND", b"")


def _write_webp(file, frames, times, loop, text):
    # Pillow would hold a list of images in memory, but it reads an APNG's frames one by one.
    delays = _delays(times, 1000)
    with TemporaryFile(dir=Path(file.name).parent) as apng:
        _write_apng(apng, frames, times, loop, {})
        apng.seek(0)
        options = {"duration": delays, "loop": loop, "quality": 90, "method": 4}
        with Image.open(apng) as picture:
            picture.save(file, "WEBP", save_all=True, **options)


def _write_video(suffix, file, frames, times, loop, text):
    with open_output(str(file.name), suffix) as container:
        rate = (len(frames) / times[-1]).limit_denominator(1001)
        video = VideoEncoder(container, find_encoding(suffix), frames.size, rate)
        for picture in frames:
            video.write(np.asarray(picture))
        video.close()


_WRITERS: dict[str, Callable[..., None]] = {
    ".gif": _write_gif,
    ".webp": _write_webp,
    ".png": _write_apng,
    ".apng": _write_apng,
    ".mp4": partial(_write_video, ".mp4"),
    ".webm": partial(_write_video, ".webm"),
}
