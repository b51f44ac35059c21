"""`AnimatedPicture`: the frames of an animated GIF, WebP, PNG or AVIF, by Pillow."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import partial
from itertools import accumulate, count, pairwise
from pathlib import Path

import numpy as np
from PIL import Image

from kerasart.film.video_file import CutOffError, still_picture
from kerasart.image.animation import MOST_LOOPS
from kerasart.image.arrays import quantise
from kerasart.image.colour_profiles import conversion_to_srgb
from kerasart.image.decoding import check_pixel_count, turn_upright
from kerasart.image.formats import FORMATS, most_pixels, pillow_setting
from kerasart.image.metadata import read_orientation
from kerasart.image.video import BT709

_ANIMATED = ("GIF", "WEBP", "PNG", "AVIF")
# As browsers do, since many files have a delay of zero and mean none.
_SHORTEST, _DEFAULT = 10, 100


def is_animated(path: Path) -> bool:
    """Returns whether a file is an animated picture, of more than one frame."""
    try:
        with _opened(path, _ANIMATED) as picture:
            return getattr(picture, "n_frames", 1) > 1
    except Exception:  # Whatever a decoder raises.
        return False


def is_picture(path: Path) -> bool:
    """Returns whether Pillow, rather than FFmpeg, reads a file."""
    try:
        with _opened(path, sorted(set(FORMATS.values()))):
            return True
    except Image.UnidentifiedImageError:
        return False
    except Exception:  # As in `is_animated`.
        return True


def _opened(path, formats):
    """Opens a picture to look at its header, however large it says that it is."""
    with pillow_setting(Image, "MAX_IMAGE_PIXELS", None):
        return Image.open(path, formats=formats)


class AnimatedPicture:
    """An animated picture; its attributes are those of `VideoFile`.

    All frames are decoded once to learn their times, which are not listed in such files. They are
    upright sRGB, as photos are read. A PNG's picture for viewers without animation is none of them.

    Args:
        path: The file.

    Raises:
        ValueError: If there is one frame only, one is damaged, or has too many pixels.
    """

    time_base = Fraction(1, 1000)
    origin = Fraction(0)
    bits = 8
    has_sound = False
    sample_aspect = Fraction(1)
    colour = (BT709, BT709)

    def __init__(self, path: Path):
        self._path = path
        self.has_alpha = False
        delays = []
        for number, frame in enumerate(self._frames()):
            if number == 0:
                self._describe(frame)
            delay = frame.info.get("duration", 0)
            delays.append(delay if delay > _SHORTEST else _DEFAULT)
            with self._refusal(number):
                self.has_alpha = self.has_alpha or _is_transparent(frame)
        if frame.format not in _ANIMATED or len(delays) == 1:
            raise still_picture(path)
        *self._starts, end = map(round, accumulate(delays, initial=0))
        self.frame_count = len(delays)
        self.duration = end * self.time_base
        self.rate = self.frame_count / self.duration

    def _describe(self, frame):
        self._orientation = read_orientation(frame, self._path)
        self.size = turn_upright(np.empty((frame.height, frame.width)), self._orientation).shape
        self._to_srgb = conversion_to_srgb(frame.info.get("icc_profile"), 3, self._path)
        self.loop = _count_plays(frame)

    def decode(self, start: Fraction) -> Iterator[tuple[int, Callable[[], np.ndarray]]]:
        """Yields each frame from a time on, as `VideoFile.decode` does."""
        for number, (pts, frame) in enumerate(zip(self._starts, self._frames(), strict=True)):
            if pts * self.time_base >= start:
                yield pts, partial(self._convert, frame, number)

    def spans(self, pts: int) -> Iterator[tuple[int, int]]:
        """Yields when each frame from one on begins and ends, as `VideoFile.spans` does."""
        spans = pairwise([*self._starts, round(self.duration / self.time_base)])
        return (span for span in spans if span[0] >= pts)

    def _convert(self, frame, number):
        with self._refusal(number):
            pixels = np.asarray(frame.convert("RGBA" if self.has_alpha else "RGB"))
        colours = self._to_srgb(np.divide(pixels[..., :3], 255, dtype=np.float32))
        pixels = np.concatenate([quantise(colours, bits=8), pixels[..., 3:]], axis=-1)
        return turn_upright(pixels, self._orientation)

    def _frames(self) -> Iterator[Image.Image]:
        with self._refusal(0):
            picture = _opened(self._path, None)
        with picture:
            limit = "Pillow's `MAX_IMAGE_PIXELS` sets"
            check_pixel_count(picture, self._path, most_pixels(), limit)
            for number in count(bool(picture.info.get("default_image"))):
                try:
                    with self._refusal(number):
                        picture.seek(number)
                        picture.load()
                except EOFError:
                    return
                yield picture

    @contextmanager
    def _refusal(self, number):
        """Turns what a decoder raises, whatever it is, into a `CutOffError`."""
        try:
            yield
        except EOFError:
            raise
        except Exception as error:
            raise CutOffError(
                f"Cannot read '{self._path}' from frame {number} on: it must be whole and "
                f"undamaged. Received: {str(error) or type(error).__name__}"
            ) from error


def _count_plays(picture):
    """How often an animation is played, 0 for ever."""
    loop = picture.info.get("loop")
    if picture.format == "GIF":  # Which says how often it is repeated.
        loop = 1 if loop is None else loop and loop + 1
    return min(loop or 0, MOST_LOOPS)


def _is_transparent(picture):
    """Whether there is transparency in a picture, and not only a channel for it."""
    if not picture.has_transparency_data:
        return False
    return picture.convert("RGBA").getextrema()[3][0] < 255
