"""`SegmentFolder`: the finished parts of a film that is being written, from which it is resumed."""

import io
import itertools
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kerasart.image.atomic_files import is_draft, replace_file, sync
from kerasart.image.fingerprint import differences, fingerprint
from kerasart.untrusted import parse_json, read_arrays, write_arrays

_FOLDER = ".film"
_NOTE = "film.json"
_SEGMENT = re.compile(r"(\d{6,})\.json")
_MOST = 2**63  # Of timestamps, as FFmpeg has them.
_OURS = re.compile(r"\d{6,}\.(mp4|webm|npz|json)|frame\d{6,}\.png")


def folder_of(path: Path) -> Path:
    """Returns the folder of the segments of the film that is written to a path."""
    return path.with_name(f"{path.name}{_FOLDER}")


def is_of_segments(path: Path) -> bool:
    """Returns whether a file lies in a folder that is named as those of segments."""
    return path.parent.suffix == _FOLDER


def delete_segments(folder: Path) -> None:
    """Deletes the files that a `SegmentFolder` wrote, and the folder if nothing else is in it."""
    is_ours = (folder / _NOTE).exists()
    # The first first: if this is interrupted, what is missing can be painted again, from its start.
    for file in sorted(folder.iterdir()):
        if is_draft(file) or (is_ours and _OURS.fullmatch(file.name)):
            file.unlink()
    (folder / _NOTE).unlink(missing_ok=True)
    if not any(folder.iterdir()):
        folder.rmdir()


class SegmentFolder:
    """A folder of closed segments, and what an interrupted run needs to go on behind each.

    A segment's files are named by the number of its first frame. The last that is written, which
    makes it closed, is a JSON file with the times of its frames: so a killed run loses only the
    segment that was open, and several runs may write different segments at once. `film.json` has
    the fingerprint of what is painted.

    Args:
        path: The folder, created with the first segment.
        identity: Everything that determines the frames.

    Attributes:
        path: The folder.
        segments: The presentation timestamps of the frames of each closed segment, by the number
            of its first frame, in order.
        size: The frames' (height, width), or None before the first.

    Raises:
        ValueError: If something else is in the folder, or segments of another film.
    """

    def __init__(self, path: Path, identity: Mapping[str, Any]):
        self.path = path
        self.segments: dict[int, list[int]] = {}
        self.size: tuple[int, int] | None = None
        self._identity = fingerprint(identity)
        if path.exists():
            self._take_over()

    def update(self) -> None:
        """Finds the segments that other processes have closed meanwhile.

        Raises:
            FileNotFoundError: If segments are gone, since another process has joined them.
        """
        known, self.segments = self.segments, {}
        if self.path.exists():
            self._take_over()
        if not known.keys() <= self.segments.keys():
            raise FileNotFoundError(
                f"Cannot go on in '{self.path}': it must have the segments of before. "
                "Received: fewer, since another process has finished the film"
            )

    def ending_at(self, frame: int) -> int | None:
        """Returns with which frame the segment begins that ends before another, or None."""
        ends = {first + len(each): first for first, each in self.segments.items()}
        return ends.get(frame)

    def state(self, frame: int) -> dict[str, np.ndarray] | None:
        """Returns the arrays stored with the segment that ends before a frame, or None.

        Raises:
            ValueError: If their file is damaged.
        """
        before = self.ending_at(frame)
        if before is None or not self._path(before, "npz").exists():
            return None
        try:
            return read_arrays(self._path(before, "npz"))
        except ValueError:
            raise ValueError(
                f"'{self.path}' must hold segments as kerasart wrote them: delete it to begin "
                f"anew. Received: '{self._path(before, 'npz').name}', which is damaged"
            ) from None

    def create(self) -> None:
        """Makes the folder, unless it exists, and says in it what is painted."""
        self.path.mkdir(exist_ok=True)
        note = {"software": "kerasart", "film": self._identity}
        replace_file(self.path / _NOTE, json.dumps(note).encode())

    def add(
        self,
        first: int,
        timestamps: list[int],
        files: list[Path],
        state: Mapping[str, np.ndarray] | None,
    ) -> None:
        """Closes a segment; the state of the one before is deleted.

        Args:
            first: The number of its first frame.
            timestamps: The presentation timestamps of its frames.
            files: Its files, complete.
            state: Arrays for a run that is resumed behind it.
        """
        for file in files:
            sync(file)
        self._path(first, "npz").unlink(missing_ok=True)  # Of a run that was killed.
        if state is not None:
            buffer = io.BytesIO()
            write_arrays(buffer, state)
            replace_file(self._path(first, "npz"), buffer.getvalue())
        segment = {"size": self.size, "timestamps": timestamps}
        replace_file(self._path(first, "json"), json.dumps(segment).encode())
        before = self.ending_at(first)
        if before is not None:
            self._path(before, "npz").unlink(missing_ok=True)
        self.segments = dict(sorted([*self.segments.items(), (first, timestamps)]))

    def delete(self) -> None:
        """Deletes the files that were written here, and the folder if nothing else is in it."""
        if self.path.exists():
            delete_segments(self.path)

    def _path(self, first, suffix):
        return self.path / f"{first:06}.{suffix}"

    def _take_over(self):
        try:
            identity = {**parse_json((self.path / _NOTE).read_text())["film"]}
            names = [_SEGMENT.fullmatch(file.name) for file in self.path.iterdir()]
            segments = {
                int(name[1]): parse_json((self.path / name[0]).read_text())
                for name in sorted(filter(None, names), key=lambda name: int(name[1]))
            }
            self.segments = {first: each["timestamps"] for first, each in segments.items()}
            sizes = {tuple(each["size"]) for each in segments.values()} or {self.size}
            if len(sizes) > 1 or not _are_whole(self.segments, *sizes):
                raise ValueError
            (self.size,) = sizes
        except (OSError, ValueError, LookupError, TypeError):
            if self.path.is_dir() and all(map(is_draft, self.path.iterdir())):
                return
            raise ValueError(
                f"'{self.path}' must be new, or hold segments that kerasart wrote, with their "
                f"{_NOTE}. Received: something else"
            ) from None
        differ = differences(self._identity, identity)
        if self.segments and differ:
            raise ValueError(
                f"A film is resumed with the same film and settings, and in '{self.path}' "
                f"{', '.join(differ)} differ: delete it to begin anew. "
                f"Received: {len(self.segments)} segments of another film"
            )


def _are_whole(segments, size):
    """Whether segments and the size of their frames are such as a `SegmentFolder` writes."""
    timestamps = [*itertools.chain(*segments.values())]
    ends = [first + len(each) for first, each in segments.items()]
    return (
        all(isinstance(each, list) and each for each in segments.values())
        and all(type(each) is int and abs(each) < _MOST for each in timestamps)
        and all(one < other for one, other in itertools.pairwise(timestamps))
        and all(end <= first for end, first in zip(ends, [*segments][1:], strict=False))
        and (size is None or len(size) == 2 and all(type(side) is int for side in size))
    )
