"""`VideoFile`: the frames of a video file, by PyAV."""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from kerasart.image.video import BT709, HDR_TRANSFERS, exact, open_input, scaling

_log = logging.getLogger("kerasart")

# FFmpeg's names of what a video never is, for all that it opens as one frame.
_STILLS = ("image2", "_pipe")
# ISO 23008-12: what a HEIC or AVIF file of one picture calls itself.
_STILL_BRANDS = ("heic", "heix", "heim", "heis", "mif1", "avif")
# FFmpeg's names of formats: timestamps that have no zero; those of decoding; and how whole files
# can be told, by the time at which they end, or by their size.
_WITHOUT_ZERO = ("mpeg", "mpegts")
_AVI = "avi"
_MP4 = "mov,mp4,m4a,3gp,3g2,mj2"
_MATROSKA = "matroska,webm"
_MOST_WAITING = 32  # Packets in a decoder, before a frame comes of the first.
_MOST_MISSING = 1  # Second of what is said.
# Code points of ITU-T H.273 and what swscale calls the same matrix.
_MATRICES = {1: BT709, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}
_UNTAGGED = 2
_ALPHA_DECODERS = {"vp9": "libvpx-vp9", "vp8": "libvpx"}
_HD_ROWS = 720
_RATE = Fraction(25)  # Where none is known.


class CutOffError(ValueError):
    """From some time on, a film cannot be read."""


class VideoFile:
    """A video file: what is known of its first video stream, and its frames in order.

    Args:
        path: The file.

    Attributes:
        size: (height, width), upright.
        time_base: Seconds per unit of the presentation timestamps.
        rate: Frames a second, on average.
        duration: Seconds, or None if the file does not say.
        frame_count: About the number of frames, or None if the file does not say.
        bits: Bits per channel.
        has_alpha: Whether there is transparency.
        has_sound: Whether there is sound.
        loop: 0, for ever, as an animated picture is played that is made of it.
        sample_aspect: The width of a pixel over its height, as shown.
        colour: The code points of primaries and transfer characteristics (ITU-T H.273).

    Raises:
        ImportError: If PyAV is missing.
        ValueError: If the file is no video, or no frame can be decoded.
    """

    loop = 0

    def __init__(self, path: Path):
        self._path = path
        self._warned: set[str] = set()
        with self._open() as (container, stream):
            self.has_sound = bool(container.streams.audio)
            name = container.format.name
            self.time_base = exact(stream.time_base)
            self.rate = exact(stream.average_rate or stream.guessed_rate or _RATE)
            if self.rate * self.time_base > 1:  # More frames than there are times for them.
                self.rate = _RATE
            # Elsewhere timestamps start where the film does, which may be before its pictures.
            has_zero = name not in _WITHOUT_ZERO or container.start_time is None
            start = 0 if has_zero else Fraction(container.start_time, 10**6)
            self._origin = round(start / self.time_base)
            self.origin = self._origin * self.time_base
            self._has_no_pts = name == _AVI
            self.duration = self._length(container, stream)
            # Elsewhere lengths are estimates, so that a shorter film need not be cut off.
            self._promised = container.duration or 0 if name == _MP4 else 0
            self._is_short = _is_short(self._path, name)
            # Some files also count what an edit list hides, or no frames at all.
            frame_count = self.duration and round(self.duration * self.rate)
            self.frame_count = frame_count or stream.frames or None
            # The decoder of FFmpeg's own drops the transparency.
            tags = {key.lower(): value for key, value in stream.metadata.items()}
            self._alpha_decoder = tags.get("alpha_mode") == "1" and _ALPHA_DECODERS.get(
                stream.codec_context.name
            )
            aspect = exact(stream.sample_aspect_ratio or Fraction(1))
        self._describe(self._first_frame(), aspect)

    def _describe(self, frame, aspect):
        components = frame.format.components
        self._coded_size = frame.height, frame.width
        self._matrix = _display_matrix(frame)
        self.bits = max(each.bits for each in components)
        self.has_alpha = any(each.is_alpha for each in components)
        formats = ("rgb24", "rgba") if self.bits <= 8 else ("rgb48le", "rgba64le")
        self._raw_format = formats[self.has_alpha]
        is_turned = _is_turned(self._matrix)
        self.size = self._coded_size[::-1] if is_turned else self._coded_size
        self.sample_aspect = 1 / aspect if is_turned else aspect
        self.colour = tuple(
            BT709 if code == _UNTAGGED else code
            for code in (int(frame.color_primaries), int(frame.color_trc))
        )
        if self.colour[1] in HDR_TRANSFERS:
            self._warn("is HDR (PQ or HLG): its values are taken as they are coded")
        if frame.interlaced_frame:
            self._warn("is interlaced: two fields are taken as one picture")

    def _length(self, container, stream):
        if stream.duration:
            start = (stream.start_time or 0) - self._origin
            return (start + stream.duration) * self.time_base
        return Fraction(container.duration, 10**6) if container.duration else None

    def decode(self, start: Fraction) -> Iterator[tuple[int, Callable[[], np.ndarray]]]:
        """Yields each frame from a time on: its presentation timestamp, and what converts it.

        The latter returns upright RGB or RGBA, uint8 or, of more than 8 bits, uint16.
        """
        for pts, frame in self._frames_from(start / self.time_base):
            self._check_size(frame, pts)
            yield pts, partial(self._convert, frame)

    def spans(self, pts: int) -> Iterator[tuple[int, int]]:
        """Yields when each frame from one on begins, and when it ends if none follows it.

        By decoding: files have packets of which no frame is shown, damaged ones for example.
        """
        with suppress(CutOffError):
            for start, frame in self._frames_from(pts):
                yield start, start + self._length_of(frame, start)

    def _length_of(self, frame, pts):
        """How long a frame is shown: as it says, but not far beyond the film's end."""
        length = frame.duration or self._step
        left = length if self.duration is None else self.duration / self.time_base - pts
        return max(1, round(min(length, max(left, self._step))))

    def _frames_from(self, first):
        can_seek = first > 0 and not self._has_no_pts
        is_reached = False
        # Seeking is not exact in every format: where it fails, from the start.
        for seek_to in (int(first), None) if can_seek else (None,):
            for number, (pts, frame) in enumerate(self._frames(seek_to)):
                if number == 0 and pts > first and seek_to is not None:
                    break
                if pts >= first:
                    is_reached = True
                    yield pts, frame
            if is_reached:
                return

    @property
    def _step(self):
        return 1 / (self.rate * self.time_base)

    @contextmanager
    def _open(self):
        """Opens the file: yields PyAV's container and the video stream."""
        try:
            import av
        except ImportError as error:
            raise ImportError(
                f"Cannot read '{self._path}': films need PyAV: pip install 'kerasart[video]'; "
                "animated .gif, .webp and .png need nothing. Received: no PyAV"
            ) from error
        try:
            container = open_input(self._path)
        except (av.error.FFmpegError, ValueError) as error:
            raise ValueError(
                f"Cannot read '{self._path}': it must be a film that FFmpeg can read, whole and "
                f"undamaged. Received: {_reason(error)}"
            ) from error
        with container:
            brand = container.metadata.get("major_brand")
            if container.format.name.endswith(_STILLS) or brand in _STILL_BRANDS:
                raise still_picture(self._path)
            yield container, self._find_stream(container)

    def _find_stream(self, container):
        from av.stream import Disposition

        streams = [
            stream
            for stream in container.streams.video
            if not stream.disposition & Disposition.attached_pic
        ]
        if not streams:
            raise ValueError(
                f"Cannot read '{self._path}': a film must have pictures. Received: "
                f"{'sound only' if container.streams.audio else 'a file without video'}"
            )
        if streams[0].codec_context is None:
            raise ValueError(
                f"Cannot read '{self._path}': its codec must be one that FFmpeg knows, and not "
                "encrypted. Received: an unknown one"
            )
        return streams[0]

    def _first_frame(self):
        _, frame = next(self._frames(seek_to=None), (None, None))
        if frame is None:
            raise ValueError(
                f"Cannot read '{self._path}': its pictures must be whole and undamaged. "
                "Received: none that can be decoded"
            )
        return frame

    def _frames(self, seek_to):
        """Decodes: yields (presentation timestamp, PyAV's frame) in order."""
        with self._open() as (container, stream):
            if seek_to is not None and not _seek(container, stream, seek_to + self._origin):
                return
            last = None
            for frame, pts in self._decoded(container, stream):
                if pts is None and last is None and seek_to is not None:
                    return  # Without times, one cannot tell where that is.
                pts = None if pts is None else pts - self._origin
                if pts is None or last is not None and pts <= last:
                    self._warn("has frames without a time of their own: they get one by the rate")
                    pts = 0 if last is None else last + max(1, round(self._step))
                if frame.is_corrupt:
                    self._warn("is damaged in places")
                last = pts
                yield pts, frame

    def _decoded(self, container, stream):
        """Yields frames in the order in which they are shown, with timestamps, which may be None.

        AVI has only those of decoding, which are, in order, the times at which frames are shown.
        """
        import av

        decoder = stream.codec_context
        if self._alpha_decoder:
            decoder = av.CodecContext.create(self._alpha_decoder, "r")
        shown, latest, is_cut = 0.0, 0.0, False
        waiting: deque[int] = deque(maxlen=_MOST_WAITING)
        try:
            # All streams, to know where the file ends: sound may go on after the pictures.
            for packet in container.demux():
                if packet.pts is not None:
                    end = (packet.pts + (packet.duration or 0)) * packet.time_base
                    latest = max(latest, float(end))
                if packet.stream.index != stream.index:
                    continue
                if packet.has_sidedata("encryption_info"):
                    raise ValueError(
                        f"Cannot read '{self._path}': it must not be encrypted. "
                        "Received: an encrypted film"
                    )
                if packet.is_corrupt:  # As MPEG streams tell it; the decoder may hide it.
                    self._warn("is damaged in places")
                # An empty packet is the last, and asks for what is left in the decoder.
                is_cut = packet.is_corrupt if packet.size else is_cut
                frames = self._decode_packet(decoder, packet)
                if frames is None:
                    continue
                if packet.size:
                    waiting.append(packet.dts)
                for frame in frames:
                    dts = waiting.popleft() if waiting else None
                    pts = dts if self._has_no_pts else frame.pts
                    if pts is not None:
                        shown = float(pts * self.time_base - self.origin)
                    yield frame, pts
        except av.error.FFmpegError as error:
            raise self._cut_off(shown, _reason(error)) from error
        if is_cut or self._is_short or latest < self._promised / 10**6 - _MOST_MISSING:
            raise self._cut_off(shown, "a file that ends there")

    def _decode_packet(self, decoder, packet):
        import av

        try:
            return decoder.decode(packet if packet.size else None)
        except av.error.InvalidDataError:
            self._warn("is damaged in places")
            return None

    def _cut_off(self, time, reason):
        return CutOffError(
            f"Cannot read '{self._path}' beyond {time:.2f} s: it must be whole and undamaged. "
            f"Received: {reason}"
        )

    def _check_size(self, frame, pts):
        if (frame.height, frame.width) != self._coded_size:
            height, width = self._coded_size
            raise CutOffError(
                f"Cannot read '{self._path}' beyond {float(pts * self.time_base):.2f} s: all of "
                f"its frames must have the size of the first, {width} x {height}. "
                f"Received: {frame.width} x {frame.height}"
            )

    def _convert(self, frame):
        pixels = frame.to_ndarray(
            format=self._raw_format,
            src_colorspace=self._matrix_of(frame),
            interpolation=scaling(),
        )
        return _upright(pixels, self._matrix)

    def _matrix_of(self, frame):
        """The matrix that turns YUV into RGB: as tagged, else as players assume it."""
        assumed = _MATRICES[1] if frame.height >= _HD_ROWS else _MATRICES[5]
        return _MATRICES.get(int(frame.colorspace), assumed)

    def _warn(self, what):
        if what not in self._warned:
            self._warned.add(what)
            _log.warning("The film '%s' %s", self._path, what)


def _seek(container, stream, timestamp):
    """Goes to a timestamp; returns False if the format has none."""
    import av

    try:
        container.seek(timestamp, stream=stream)
    except av.error.FFmpegError:
        return False
    return True


def _is_short(path, name):
    """Whether a file ends before its header says, in a format whose header does."""
    with open(path, "rb") as file:
        head = file.read(2**12)
    end = 0
    if name == _AVI:  # A RIFF file.
        size = int.from_bytes(head[4:8], "little")
        end = 8 + size if size < 2**32 - 1 else 0
    elif name == _MATROSKA:
        end = _end_of_segment(head)
    return path.stat().st_size < end


def _end_of_segment(head):
    """Where Matroska's segment ends, by the beginning of the file, or 0 if that is not told."""
    end = 0
    for _ in range(2):  # RFC 8794: the file's header, then the segment, each with its size.
        place = end + 4
        if place >= len(head):
            return 0
        length = 9 - head[place].bit_length()
        size = int.from_bytes(head[place : place + length], "big") % 2 ** (7 * length)
        end = place + length + size
    return end if size < 2 ** (7 * length) - 1 else 0  # As in a stream.


def undamaged(packets: Iterable[Any]) -> Iterator[Any]:
    """Yields packets up to where a file is damaged beyond reading."""
    import av

    with suppress(av.error.FFmpegError):
        yield from packets


def still_picture(path: Path) -> ValueError:
    """Returns the error that says that a file holds one picture only."""
    return ValueError(
        f"Cannot read '{path}' as a film: it must have more than one frame. "
        "Received: a still picture"
    )


def _reason(error):
    return getattr(error, "strerror", None) or str(error)


def _display_matrix(frame):
    """Returns ((a, b), (c, d)): upright, the pixel at x, y lies at ax + cy, bx + dy."""
    from av.sidedata.sidedata import Type

    data = frame.side_data.get(Type.DISPLAYMATRIX)
    if data is None:
        return np.eye(2, dtype=int)
    return np.frombuffer(bytes(data), np.int32).reshape(3, 3)[:2, :2]


def _is_turned(matrix):
    (a, b), _ = matrix
    return abs(b) > abs(a)


def _upright(pixels, matrix):
    (a, b), (c, d) = matrix
    if _is_turned(matrix):
        pixels, a, d = pixels.swapaxes(0, 1), c, b
    return pixels[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1]
