"""`SegmentFolder`: the finished parts of a film that is being written, from which it is resumed."""

import io
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kerasart.image.atomic_files import is_draft, replace_file, sync
from kerasart.image.fingerprint import differences, fingerprint

_NOTE = "film.json"
_OURS = re.compile(r"\d{6}\.(mp4|webm|npz)|frame\d{6}\.png")


def delete_segments(folder: Path) -> None:
    """Deletes the files that a `SegmentFolder` wrote, and the folder if nothing else is in it."""
    is_ours = (folder / _NOTE).exists()
    for file in folder.iterdir():
        if is_draft(file) or (is_ours and _OURS.fullmatch(file.name)):
            file.unlink()
    (folder / _NOTE).unlink(missing_ok=True)
    if not any(folder.iterdir()):
        folder.rmdir()


class SegmentFolder:
    """A folder of closed segments, and what an interrupted run needs to go on behind the last.

    A JSON file lists them, with the film's fingerprint. It is replaced, atomically, once a segment
    and its state are on disk, so that a killed run loses only the segment that was open.

    Args:
        path: The folder, created with the first segment.
        identity: Everything that determines the frames.

    Attributes:
        path: The folder.
        segments: The presentation timestamps of the frames of each closed segment.
        size: The frames' (height, width), or None before the first.

    Raises:
        ValueError: If something else is in the folder, or segments of another film.
    """

    def __init__(self, path: Path, identity: Mapping[str, Any]):
        self.path = path
        self.segments: list[list[int]] = []
        self.size: tuple[int, int] | None = None
        self._identity = fingerprint(identity)
        if path.exists():
            self._take_over()

    @property
    def state(self) -> dict[str, np.ndarray] | None:
        """The arrays stored with the last closed segment, or None if there are none."""
        path = self._state_path(len(self.segments) - 1)
        if not self.segments or not path.exists():
            return None
        with np.load(path) as arrays:
            return dict(arrays)

    def create(self) -> None:
        """Makes the folder, unless it exists."""
        self.path.mkdir(exist_ok=True)
        if not (self.path / _NOTE).exists():
            self._write_note()

    def add(
        self, timestamps: list[int], files: list[Path], state: Mapping[str, np.ndarray] | None
    ) -> None:
        """Lists a closed segment.

        Args:
            timestamps: The presentation timestamps of its frames.
            files: Its files, complete.
            state: Arrays to be found in `state` by a run that is resumed behind it.
        """
        number = len(self.segments)
        for file in files:
            sync(file)
        self._state_path(number).unlink(missing_ok=True)  # Of a run that was killed.
        if state is not None:
            buffer = io.BytesIO()
            np.savez(buffer, **dict[str, Any](state))
            replace_file(self._state_path(number), buffer.getvalue())
        self.segments.append(timestamps)
        self._write_note()
        self._state_path(number - 1).unlink(missing_ok=True)

    def delete(self) -> None:
        """Deletes the files that were written here, and the folder if nothing else is in it."""
        if self.path.exists():
            delete_segments(self.path)

    def _state_path(self, number):
        return self.path / f"{number:06}.npz"

    def _take_over(self):
        try:
            note = json.loads((self.path / _NOTE).read_text())
            identity, segments, size = note["film"], note["segments"], note["size"]
        except (OSError, ValueError, LookupError, TypeError, RecursionError):
            if self.path.is_dir() and all(map(is_draft, self.path.iterdir())):
                return
            raise ValueError(
                f"'{self.path}' must be new, or hold segments that kerasart wrote, with their "
                f"{_NOTE}. Received: something else"
            ) from None
        differ = differences(self._identity, identity)
        if segments and differ:
            raise ValueError(
                f"A film is resumed with the same film and settings, and in '{self.path}' "
                f"{', '.join(differ)} differ: delete it to begin anew. "
                f"Received: {len(segments)} segments of another film"
            )
        self.segments = segments
        self.size = tuple(size) if segments else None

    def _write_note(self):
        note = {
            "software": "kerasart",
            "film": self._identity,
            "size": self.size,
            "segments": self.segments,
        }
        replace_file(self.path / _NOTE, json.dumps(note).encode())
