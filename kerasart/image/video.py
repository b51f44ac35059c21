"""Encodes pixels as H.264, HEVC or VP9: one definition for animations and films."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

# Threads change what x264 and x265 encode: fixed, so that every machine writes the same frames.
_THREADS = "4"
_X265 = "log-level=error:frame-threads=1"

# Code points of ITU-T H.273, the same for primaries and matrices.
BT709, BT2020 = 1, 9
# Of transfer characteristics: PQ and HLG.
HDR_TRANSFERS = (16, 18)


@dataclass(frozen=True)
class Encoding:
    """How the frames of a file are encoded.

    Attributes:
        encoder: The encoder's name in FFmpeg.
        pixel_format: FFmpeg's name of the pixel format; all have half the colour resolution.
        crf: The constant rate factor: lower is better and larger.
        options: Other options of the encoder.
        tag: The codec tag of MP4, if not FFmpeg's own choice.
    """

    encoder: str
    pixel_format: str
    crf: int
    options: Mapping[str, str] = field(default_factory=dict)
    tag: str | None = None

    @property
    def has_alpha(self) -> bool:
        """Whether transparency is encoded."""
        return self.pixel_format.startswith("yuva")

    @property
    def bits(self) -> int:
        """Bits per channel."""
        return 10 if "10" in self.pixel_format else 8


# x264's macroblock tree reads memory that it has not set, at the picture's edge: with it, the same
# frames are now and then encoded otherwise, and a resumed film would not be the same.
_H264 = Encoding("libx264", "yuv420p", 19, {"x264-params": "mbtree=0"})
# Apple's players need this tag.
_HEVC = Encoding("libx265", "yuv420p10le", 20, {"x265-params": _X265}, tag="hvc1")
_VP9_OPTIONS = {"cpu-used": "2", "row-mt": "1"}
_VP9 = Encoding("libvpx-vp9", "yuv420p", 24, _VP9_OPTIONS)
# Frames that are not shown would have no place for their transparency.
_VP9_ALPHA = Encoding("libvpx-vp9", "yuva420p", 24, {**_VP9_OPTIONS, "auto-alt-ref": "0"})

# Container options by suffix. `faststart` puts the index first, for streaming; without `bitexact`,
# Matroska has random numbers.
CONTAINERS: dict[str, dict[str, str]] = {
    ".mp4": {"movflags": "+faststart"},
    ".mov": {"movflags": "+faststart"},
    ".mkv": {"fflags": "+bitexact"},
    ".webm": {"fflags": "+bitexact"},
}
_FORMATS = {".mkv": "matroska"}


def find_encoding(suffix: str, bits: int = 8, has_alpha: bool = False) -> Encoding:
    """Returns how a file is encoded: VP9 for .webm, else H.264, or HEVC for more than 8 bits."""
    if suffix == ".webm":
        return _VP9_ALPHA if has_alpha else _VP9
    return _H264 if bits == 8 else _HEVC


def check_encoder(suffix: str, encoding: Encoding, others: str) -> None:
    """Raises ImportError if PyAV or an encoder is missing; `others` says what does not need it."""
    try:
        import av

        av.Codec(encoding.encoder, "w")
    except (ImportError, ValueError) as error:
        raise ImportError(
            f"'{suffix}' needs PyAV with {encoding.encoder}: pip install 'kerasart[video]'; "
            f"{others}"
        ) from error


def open_output(name: str | BinaryIO, suffix: str, **options: str) -> Any:
    """Opens a file for writing as PyAV's container, in the format of a suffix, whatever its name.

    By name: FFmpeg opens the file a second time for `faststart`.
    """
    import av

    options = {**CONTAINERS[suffix], **options}
    kind = _FORMATS.get(suffix, suffix[1:])
    return av.open(name, "w", format=kind, options=options, **_keeping_bytes())


def open_input(path: Path) -> Any:
    """Opens a file for reading as PyAV's container; texts that are not UTF-8 keep their bytes."""
    import av

    return av.open(f"file:{path}", **_keeping_bytes())


def _keeping_bytes():
    """What PyAV must be told for that; from version 19 on it is always so."""
    import av

    return {"metadata_errors": "surrogateescape"} if int(av.__version__.split(".")[0]) < 19 else {}


def exact(ratio: Any) -> Fraction:
    """Returns PyAV's ratio, which from version 19 on is of a class of its own, as a fraction."""
    return Fraction(ratio.numerator, ratio.denominator)


def scaling() -> int:
    """Returns the flags of FFmpeg's conversions between RGB and YUV.

    Its default rounds down, about 1/255 darker each time, and repeats the chroma of pairs of
    pixels: five times the error.
    """
    from av.video.reformatter import Interpolation

    return int(Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT)


def raw_format(pixels: np.ndarray) -> str:
    """Returns FFmpeg's name of the format of RGB or RGBA pixels, uint8 or uint16."""
    names = {1: ("rgb24", "rgba"), 2: ("rgb48le", "rgba64le")}[pixels.dtype.itemsize]
    return names[pixels.shape[-1] - 3]


class VideoEncoder:
    """Encodes frames into a new stream of a container.

    Odd sides are padded by repeating the last row or column, since colours have half the
    resolution. The matrix is BT.709, or BT.2020 with its primaries, and said to be: otherwise
    players guess from the size.

    Args:
        container: PyAV's output container.
        encoding: The encoder.
        size: The frames' (height, width).
        rate: Frames per second, on average.
        time_base: Seconds per unit of the presentation timestamps; by default one frame.
        quality: The constant rate factor, or None for the encoding's own.
        sample_aspect: The width of a pixel over its height.
        colour: The code points of primaries and transfer characteristics (ITU-T H.273).

    Attributes:
        count: The number of frames in the container.
    """

    def __init__(
        self,
        container: Any,
        encoding: Encoding,
        size: tuple[int, int],
        rate: Fraction,
        time_base: Fraction | None = None,
        quality: int | None = None,
        sample_aspect: Fraction = Fraction(1),
        colour: tuple[int, int] = (BT709, BT709),
    ):
        crf = encoding.crf if quality is None else quality
        options = {"crf": str(crf), "threads": _THREADS, **encoding.options}
        height, width = size
        self.count = 0
        self._container = container
        self._to_even = ((0, height % 2), (0, width % 2), (0, 0))
        self._stream = container.add_stream(encoding.encoder, rate=rate, options=options)
        self._stream.height, self._stream.width = height + height % 2, width + width % 2
        self._stream.pix_fmt = encoding.pixel_format
        context = self._stream.codec_context
        if time_base is not None:
            context.time_base = self._stream.time_base = time_base
        if encoding.tag is not None:
            context.codec_tag = encoding.tag
        context.sample_aspect_ratio = sample_aspect
        context.color_primaries, context.color_trc = colour
        context.colorspace = self._matrix = BT2020 if colour[0] == BT2020 else BT709
        context.color_range = 1  # Limited, as usual in video.

    def write(self, pixels: np.ndarray, pts: int | None = None) -> None:
        """Encodes a frame.

        Args:
            pixels: RGB or RGBA of shape (height, width, 3 or 4), uint8 or uint16.
            pts: The presentation timestamp in the time base; by default frames are counted.
        """
        import av

        padded = np.pad(pixels, self._to_even, mode="edge")
        frame = av.VideoFrame.from_ndarray(padded, format=raw_format(pixels)).reformat(
            format=self._stream.pix_fmt,
            dst_colorspace=self._matrix,
            dst_color_range=1,
            interpolation=scaling(),
        )
        if pts is not None:
            frame.pts, frame.time_base = pts, self._stream.codec_context.time_base
        self._mux(self._stream.encode(frame))

    def close(self) -> None:
        """Encodes what is still in the encoder."""
        packets = self._stream.encode()
        if self.count == 0 and self._stream.codec_context.name == "libx265":
            # It leaves the decoding times of fewer frames than it reorders unset.
            first = min((packet.pts for packet in packets), default=0)
            for number, packet in enumerate(packets, 1):
                packet.dts = first + number - len(packets)
        self._mux(packets)

    def _mux(self, packets):
        self._container.mux(packets)
        self.count += len(packets)
