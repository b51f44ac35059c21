"""A folder of photos as batches for training."""

import logging
import mimetypes
import os
import threading
from pathlib import Path

import numpy as np

from kerasart.image.files import read_picture
from kerasart.image.formats import READABLE

_log = logging.getLogger("kerasart")

# What cameras write and we do not read, besides what Python knows for pictures.
_RAW = (".arw", ".cr2", ".cr3", ".dng", ".nef", ".orf", ".pef", ".psd", ".raf", ".rw2", ".srw")
_RESOURCE_FORK = b"\x00\x05\x16\x07"  # How an AppleDouble file begins.


def find_photos(folder, name="photos"):
    """Lists the picture files in a folder and all folders in it, also linked ones, sorted.

    Pictures that are not read, by their formats, are told of on the logger "kerasart".

    Args:
        folder: The folder.
        name: What error messages call it.

    Returns:
        A list of paths.

    Raises:
        NotADirectoryError: If there is no such folder.
        ValueError: If there is no picture file in it.
    """
    if not (os.fspath(folder) and Path(folder).is_dir()):  # Nothing would be the folder we are in.
        raise NotADirectoryError(
            f"`{name}` must be a folder of pictures. Received: '{folder}', which is none"
        )
    paths = sorted(_walk(folder))
    found = leave_out_forks(path for path in paths if path.suffix.lower() in READABLE)
    others = [path for path in paths if _is_other_picture(path)]
    if others:
        _log.warning("left out, for their formats are not read: %s", _some(others))
    if not found:
        raise ValueError(
            f"`{name}` must hold at least one picture file ({', '.join(READABLE)}). "
            f"Received: '{folder}', which holds none"
        )
    return found


def leave_out_forks(paths):
    """Lists paths less those at which macOS keeps what it knows of other files; tells of these."""
    paths = list(paths)
    forks = [path for path in paths if _is_fork(path)]
    if forks:
        _log.warning("left out, for macOS keeps no picture there: %s", _some(forks))
    return [path for path in paths if path not in forks]


def _is_fork(path):
    if not (path.name.startswith("._") and path.is_file()):
        return False
    try:
        with path.open("rb") as file:
            return file.read(len(_RESOURCE_FORK)) == _RESOURCE_FORK
    except OSError:
        return False  # Whoever reads it says why it cannot be.


def _is_other_picture(path):
    suffix = path.suffix.lower()
    kind = mimetypes.guess_type(path.name)[0] or ""
    return suffix not in READABLE and (suffix in _RAW or kind.startswith("image/"))


def _some(paths):
    more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    return f"'{paths[0]}'{more}"


def _walk(folder):
    """Yields the files in a folder and all folders in it, each once: links may form rings."""
    seen = set()
    for parent, folders, names in os.walk(folder, onerror=_tell_of_folder, followlinks=True):
        place = os.path.realpath(parent)
        if place in seen:
            folders.clear()
            continue
        seen.add(place)
        # A folder goes by its own name if it is here under another one, too.
        links = {name for name in folders if os.path.islink(os.path.join(parent, name))}
        folders.sort(key=lambda name: (name in links, name))  # noqa: B023
        yield from (Path(parent) / name for name in names)


def _tell_of_folder(error):
    _log.warning("left out: the folder '%s' cannot be read: %s", error.filename, error.strerror)


class Photos:
    """Photos of any sizes, cut to squares at random for training.

    What cannot be read, or is smaller than half the squares, is left out, and told of when first
    met.

    Args:
        paths: The files.
        size: Side of the squares in pixels.
        seed: Seeds order, place, size and mirroring of the cuts.
        skipped: A set of paths that are known to be unusable, which may be shared.
        max_pixels: The most pixels a photo may have, as in `read_picture`.
        exposes: Whether half of the squares get another exposure, with a contrast of up to 3, so
            that large areas of black and white are met too.

    Attributes:
        skipped: The set of paths that were left out so far.
    """

    def __init__(self, paths, size, seed=0, skipped=None, exposes=False, max_pixels=None):
        self._paths = [str(path) for path in paths]
        self._size = size
        # Large pictures are smooth for far, which small photos are only where enlarged.
        self._least = size // 2
        self._seed = seed
        self._max_pixels = max_pixels
        self._share_exposed = 0.5 if exposes else 0.0
        self._lock = threading.Lock()
        self.skipped = set() if skipped is None else skipped

    def first(self, count):
        """Cuts the first squares: a list of float32 arrays (1, size, size, 3) in [0, 1].

        Raises:
            ValueError: If no photo can be used.
        """
        import tensorflow as tf

        try:
            return [square.numpy() for square in self.squares().batch(1).take(count)]
        except tf.errors.InvalidArgumentError:
            # TensorFlow makes its own error, of many lines, of one that Python code raises.
            self._check()
            raise

    def squares(self):
        """Makes an endless `tf.data.Dataset` of squares.

        Each is of a random place, between half the square size, enlarged, and the photo's shorter
        side large, and mirrored in half of the cases.

        Returns:
            float32 RGB (size, size, 3) in [0, 1].

        Raises:
            tf.errors.InvalidArgumentError: While it is read, once all photos have turned out
                unusable.
        """
        import tensorflow as tf

        size, least = self._size, self._least

        def read(path):
            photo = tf.numpy_function(self._read, [path], tf.float32, stateful=False)
            return tf.ensure_shape(photo, [None, None, 3])

        def cut(photo, seed):
            shape = tf.shape(photo)
            most = tf.minimum(shape[0], shape[1])
            random = tf.random.stateless_uniform([7], seed)
            side, top, left, mirrored, exposed, contrast, grey = tf.unstack(random)
            side = least + tf.cast(side * tf.cast(most - least + 1, tf.float32), tf.int32)
            top = tf.cast(top * tf.cast(shape[0] - side + 1, tf.float32), tf.int32)
            left = tf.cast(left * tf.cast(shape[1] - side + 1, tf.float32), tf.int32)
            square = photo[top : top + side, left : left + side]
            square = tf.image.resize(square, [size, size], antialias=True)
            square = square[:, ::-1] if mirrored < 0.5 else square
            if exposed < self._share_exposed:
                square = (square - grey) * (1 + 2 * contrast) + grey
            return tf.ensure_shape(tf.clip_by_value(square, 0.0, 1.0), [size, size, 3])

        dataset = tf.data.Dataset.from_tensor_slices([os.fsencode(path) for path in self._paths])
        dataset = dataset.shuffle(len(self._paths), self._seed).repeat()
        dataset = dataset.map(read, tf.data.AUTOTUNE, deterministic=True)
        dataset = dataset.filter(lambda photo: tf.size(photo) > 0)
        randomness = tf.data.Dataset.random(self._seed).batch(2)
        return tf.data.Dataset.zip(dataset, randomness).map(cut, tf.data.AUTOTUNE)

    def _read(self, path):
        path = os.fsdecode(path)
        nothing = np.zeros((0, 0, 3), np.float32)
        if path in self.skipped:
            return nothing
        try:
            photo = read_picture(path, self._max_pixels).image[0]
        except (ValueError, OSError, MemoryError) as error:
            self._skip(path, str(error))
            return nothing
        height, width = photo.shape[:2]
        if min(height, width) < self._least:
            self._skip(path, f"'{path}' is {width}x{height}, less than {self._least} pixels")
            return nothing
        return photo

    def _skip(self, path, reason):
        with self._lock:
            is_known = path in self.skipped
            self.skipped.add(path)
        if not is_known:
            _log.warning("a photo is left out: %s", reason)
        self._check()

    def _check(self):
        if self.skipped.issuperset(self._paths):
            raise ValueError(
                f"`photos` must hold at least one picture of {self._least} pixels or more that can "
                f"be read. Received: {len(self._paths)} that cannot be used"
            )
