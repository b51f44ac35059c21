"""`join_segments`: makes one film of segments, without encoding again."""

import heapq
import io
import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from fractions import Fraction
from functools import partial
from itertools import chain, islice
from math import lcm
from pathlib import Path
from typing import Any

import numpy as np

from kerasart.film.reader import Film
from kerasart.film.video_file import undamaged
from kerasart.image.video import CONTAINERS, Encoding, exact, open_input, open_output

_log = logging.getLogger("kerasart")

_OF_APPLE = (".mp4", ".mov")
_RATE = 48000  # Of sound that is encoded.
_OPUS_BITS, _AAC_BITS = 64000, 96000  # A second, for each channel.
_LAYOUTS = {1: "mono", 6: "5.1", 8: "7.1"}  # Of so many channels; of others, stereo.
_UNKNOWN = "NONE"  # FFmpeg's name of a channel of which only its number is known.
# Of the file, not of what is in it.
# The muxer of MP4 makes a track of a timecode, and refuses frame rates that it has no code for.
_FILE_METADATA = (
    *("major_brand", "minor_version", "compatible_brands", "encoder", "duration"),
    "timecode",
)
_LONGEST_SOUND = 60  # Seconds of a packet: beyond, in Ogg, a length of less than 0 is meant.
_STREAM_METADATA = ("language", "title")
_LONGEST_TIMESCALE = 2**31 - 1


def check_streams(film: Film, suffix: str, has_sound: bool) -> None:
    """Raises ValueError if a film's sound cannot be read; names subtitles that an output lacks."""
    if not film.is_video:
        return
    with open_input(film.path) as source:
        for stream in _tracks(source, has_sound):
            if _can_copy(film.path, stream, suffix) or _can_encode(stream):
                continue
            codec = _codec_of(stream)
            if stream.type == "audio":
                raise ValueError(
                    f"The sound of '{film.path}' must be of a codec that FFmpeg knows, or left "
                    f"out. Received: {codec}"
                )
            _log.warning(
                "'%s' cannot hold the subtitles of '%s' (%s): they are left out",
                suffix,
                film.path,
                codec,
            )


def join_segments(
    name: str,
    suffix: str,
    encoding: Encoding,
    segments: Sequence[tuple[Path, list[int]]],
    film: Film,
    end: int,
    is_whole: bool,
    has_sound: bool,
) -> None:
    """Writes a film of the pictures of its segments, and of the rest of the film they are made of.

    Packets of sound, subtitles and pictures are copied as they are, in the order of their times;
    sound that the format cannot hold becomes Opus in .webm, and AAC elsewhere. If the film begins
    at `Film.start`, it begins at 0 here.

    Args:
        name: The file to write.
        suffix: The suffix of its format.
        encoding: How the segments are encoded.
        segments: Each segment's file, and the presentation timestamps of its frames.
        film: What the pictures are made of.
        end: The presentation timestamp where the last frame ends.
        is_whole: Whether the other streams go on beyond it, or end there, too.
        has_sound: Whether to copy the sound.
    """
    import av

    timestamps = [pts for _, each in segments for pts in each]
    first = 0 if film.start is None else timestamps[0]
    span = _Span(film, first, None if is_whole else end)
    with ExitStack() as stack:
        template = stack.enter_context(av.open(str(segments[0][0])))
        # Elsewhere a decoder's delay, sound before 0, would move all streams.
        options = {"avoid_negative_ts": "disabled"}
        tags = _read_tags(film)
        if suffix in _OF_APPLE:
            options["movie_timescale"] = str(_timescale(film, has_sound))  # For exact late starts.
            # MP4 has no place of its own for com.apple.quicktime.make; lists of keys, which fewer
            # players read, take any name. Those of .mov are QuickTime's own.
            if suffix == ".mov" or any("." in name for name in tags):
                options["movflags"] = f"{CONTAINERS[suffix]['movflags']}+use_metadata_tags"
        output = stack.enter_context(open_output(name, suffix, **options))
        video = output.add_stream_from_template(template.streams.video[0])
        video.time_base = film.time_base
        if encoding.tag is not None and suffix in _OF_APPLE:
            video.codec_context.codec_tag = encoding.tag
        if encoding.has_alpha:
            video.metadata["alpha_mode"] = "1"
        tracks = [_pictures(segments, timestamps, first, end, film, video)]
        if film.is_video:
            source = stack.enter_context(open_input(film.path))
            output.metadata.update(tags)
            output.set_chapters(list(span.cut_chapters(source.chapters())))
            tracks += _other_tracks(source, output, suffix, span, has_sound, film)
        for _, packet in heapq.merge(*tracks, key=lambda each: each[0]):
            output.mux(packet)


def _read_tags(film):
    if not film.is_video:
        return {}
    with open_input(film.path) as source:
        tags = source.metadata.items()
        return {name: value for name, value in tags if name.lower() not in _FILE_METADATA}


class _Span:
    """The part of the film that is written, in seconds from its beginning."""

    def __init__(self, film, first, end):
        self.is_cut = film.start is not None
        self.start = first * film.time_base
        self.end = None if end is None else end * film.time_base
        self.offset = film.origin + self.start

    def holds(self, start, length):
        """Whether a part of [start, start + length) is in the span; its times are the file's."""
        start -= self.offset
        is_early = self.is_cut and start + length <= 0
        return not is_early and (self.end is None or start < self.end - self.start)

    def cut_chapters(self, chapters):
        for chapter in chapters:
            unit = exact(chapter["time_base"])
            start, end = (chapter[key] * unit - self.offset for key in ("start", "end"))
            last = end if self.end is None else self.end - self.start
            start, end = max(start, Fraction(0)), min(end, last)
            if start < end:
                times = {"start": round(start / unit), "end": round(end / unit)}
                yield {**chapter, **times, "time_base": unit}


def _pictures(segments, timestamps, first, end, film, stream) -> Iterator[tuple[Fraction, Any]]:
    """Yields the segments' packets with the exact times of their frames."""
    import av

    ends = [*timestamps[1:], end]
    # A packet is decoded as many frames before it is shown as frames are reordered at most.
    delay = max(_reordering(path) for path, _ in segments)
    wait = timestamps[delay] - timestamps[0]
    decoding = [pts - wait for pts in timestamps[:delay]] + timestamps
    before = 0
    for path, each in segments:
        with av.open(str(path)) as file:
            packets = [packet for packet in file.demux(video=0) if packet.size]
        for place, (rank, packet) in enumerate(zip(_ranks(packets), packets, strict=True)):
            number = before + rank
            packet.stream, packet.time_base = stream, film.time_base
            packet.pts = timestamps[number] - first
            packet.dts = decoding[before + place] - first
            packet.duration = ends[number] - timestamps[number]
            yield packet.dts * film.time_base, packet
        before += len(each)


def _ranks(packets):
    """Returns the number of each packet's frame, in the order in which they are shown."""
    return np.argsort(np.argsort([packet.pts for packet in packets])).tolist()


def _reordering(path):
    import av

    with av.open(str(path)) as file:
        packets = [packet for packet in file.demux(video=0) if packet.size]
    return max(place - rank for place, rank in enumerate(_ranks(packets)))


def _tracks(source, has_sound):
    """The streams of a file that go with its pictures."""
    return chain(source.streams.audio if has_sound else (), source.streams.subtitles)


def _can_copy(path, stream, suffix):
    """Whether a format takes a stream as it is: some say only when a file is complete."""
    import av

    # The index may stay at the end: in memory it cannot be moved.
    options = {"movflags": "0"} if suffix in _OF_APPLE else {}
    try:
        with open_input(path) as source, open_output(io.BytesIO(), suffix, **options) as output:
            if _codec_of(stream) not in output.supported_codecs:
                return False
            source_stream = source.streams[stream.index]
            copy = _add_copy(output, source_stream)
            packets = undamaged(source.demux(source_stream))
            for packet in islice((each for each in packets if each.size), 1):
                packet.stream = copy
                output.mux(packet)
    except av.error.FFmpegError:
        return False
    return True


def _can_encode(stream):
    return stream.type == "audio" and stream.codec_context is not None


def _add_copy(output, stream):
    copy = output.add_stream_from_template(stream)
    if stream.type == "audio" and _UNKNOWN in [each.name for each in copy.layout.channels]:
        # MP4 wants to know what the channels of PCM are: those that are usual.
        copy.codec_context.layout = _LAYOUTS.get(copy.layout.nb_channels, "stereo")
    return copy


def _other_tracks(
    source, output, suffix, span, has_sound, film
) -> Iterable[Iterator[tuple[Any, Any]]]:
    """Adds the streams of sound and subtitles to the output; yields iterators of their packets."""
    copies = {}
    for stream in _tracks(source, has_sound):
        if _can_copy(film.path, stream, suffix):
            copies[stream.index] = copy = _add_copy(output, stream)
        elif _can_encode(stream):
            copy = _add_encoder(output, stream, suffix)
            yield _encoded(film.path, stream.index, copy, span)
        else:
            continue
        copy.disposition = stream.disposition
        for key in _STREAM_METADATA:
            if key in stream.metadata:
                copy.metadata[key] = stream.metadata[key]
    if copies:
        yield _copied(source, copies, span)


def _copied(source, copies, span):
    streams = [source.streams[index] for index in copies]
    # By stream, when its last packet begins and ends.
    ends = {}
    for packet in undamaged(source.demux(streams)):
        if packet.pts is None or not packet.size:
            continue
        unit = exact(packet.time_base)
        if span.holds(packet.pts * unit, (packet.duration or 0) * unit):
            stream, shift = packet.stream, round(span.offset / unit)
            decoded = packet.pts if packet.dts is None else packet.dts
            last, end = ends.get(stream.index, (None, None))
            if last is not None and decoded - shift < last + (stream.type == "audio"):
                # No format takes it: films that were put together begin again at 0, for example.
                shift = decoded - end
            packet.pts, packet.dts = packet.pts - shift, decoded - shift
            is_absurd = not 0 < packet.duration * unit < _LONGEST_SOUND
            if stream.type == "audio" and is_absurd and last is not None:
                packet.duration = packet.dts - last  # Without any, MP4 drops the last packet.
            ends[stream.index] = packet.dts, packet.dts + max(1, packet.duration)
            packet.stream = copies[stream.index]
            yield packet.dts * unit, packet


def _add_encoder(output, stream, suffix):
    layout = _LAYOUTS.get(stream.codec_context.channels, "stereo")
    encoder, bits = ("libopus", _OPUS_BITS) if suffix == ".webm" else ("aac", _AAC_BITS)
    copy = output.add_stream(encoder, rate=_RATE, layout=layout)
    copy.bit_rate = bits * len(copy.layout.channels)
    return copy


def _encoded(path, index, copy, span):
    """Decodes a stream of sound and encodes it anew."""
    import av

    context = copy.codec_context
    context.open()
    setup = context.format, context.layout, _RATE
    make_resampler = partial(av.AudioResampler, *setup, frame_size=context.frame_size)
    resampler = make_resampler()
    end = Fraction(-1)
    with open_input(path) as source:
        for frame in _decoded(source, source.streams[index]):
            unit = exact(frame.time_base)
            start = frame.pts * unit - span.offset
            if start >= 0 and span.holds(frame.pts * unit, 0 * unit):
                start = max(start, end)  # As in `_copied`.
                end = start + Fraction(frame.samples, frame.sample_rate)
                frame.pts = round(start / unit)
                try:
                    frames = resampler.resample(frame)
                except ValueError:  # From here on the sound has another rate, or other channels.
                    resampler = make_resampler()
                    frames = resampler.resample(frame)
                yield from _timed(copy, frames)
        yield from _timed(copy, resampler.resample(None))
        yield from _timed(copy, [None])


def _decoded(source, stream):
    import av

    for packet in undamaged(source.demux(stream)):
        with suppress(av.error.FFmpegError):  # What is damaged is left out.
            yield from (frame for frame in packet.decode() if frame.pts is not None)


def _timed(stream, frames):
    for frame in frames:
        for packet in stream.encode(frame):
            yield packet.dts * exact(packet.time_base), packet


def _codec_of(stream):
    return stream.codec_context.name if stream.codec_context else "an unknown codec"


def _timescale(film, has_sound):
    """Returns units of a second that hold the times of pictures and, if it can be, of sound."""
    scale = film.time_base.denominator
    rates = []
    if film.is_video and has_sound:
        with open_input(film.path) as source:
            contexts = [stream.codec_context for stream in source.streams.audio]
            rates = [context.rate for context in contexts if context]  # None: an unknown codec.
    common = lcm(scale, *rates)
    return common if common <= _LONGEST_TIMESCALE else scale
