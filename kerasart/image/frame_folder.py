"""`FrameFolder`: an animation's frames on disk, from which it is resumed."""

import json
import re
from collections.abc import Mapping
from itertools import count, takewhile
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from kerasart.image.atomic_files import is_draft
from kerasart.image.files import check_place, read_picture, replace_file, write_picture
from kerasart.image.fingerprint import differences, fingerprint
from kerasart.untrusted import parse_json

_NOTE = "animation.json"
_FRAME = re.compile(r"\d{6}\.png")


def find_frames(folder: str | PathLike[str]) -> list[Path]:
    """Lists the frames in a folder, in order, up to the first missing number."""
    return list(takewhile(Path.exists, (Path(folder) / f"{number:06}.png" for number in count())))


class FrameFolder:
    """A folder of numbered frames, from which an interrupted animation resumes.

    A JSON file beside them holds the animation's fingerprint. Other files there are left alone.

    Args:
        folder: The folder, created with the first frame.
        settings: Everything that determines the animation: settings and hashes of its images.
        anew: Whether to delete the frames of an earlier run, of whatever animation; those that it
            was to keep only to keep the new ones.
        keep: Whether to keep the frames once the animation is written.

    Attributes:
        keep: The argument `keep`; True as well if the run that is resumed was to keep them.

    Raises:
        ValueError: If kerasart did not make the folder, its frames are of another animation, or
            would be deleted though they were to be kept.
        OSError: If the folder cannot be created.
    """

    def __init__(
        self,
        folder: str | PathLike[str],
        settings: Mapping[str, Any],
        anew: bool = False,
        keep: bool = False,
    ):
        self._folder = Path(folder)
        if not self._folder.is_dir():
            check_place(self._folder)
        self._fingerprint = fingerprint(settings)
        self.keep = keep
        self._is_ours = False
        if self._folder.exists():
            self._take_over(anew)

    @property
    def paths(self) -> list[Path]:
        """The frames' paths, in order."""
        return find_frames(self._folder)

    def last(self) -> np.ndarray | None:
        """Reads the last frame, float32 RGB (1, height, width, 3), or None if there is none."""
        paths = self.paths
        return read_picture(paths[-1]).image if paths else None

    def add(self, image: np.ndarray) -> None:
        """Writes the next frame, as 8-bit PNG."""
        if not self._is_ours:
            self._make_folder()
        if not self.paths:
            self._write_note()
        write_picture(self._folder / f"{len(self.paths):06}.png", image)

    def delete(self) -> None:
        """Deletes the frames, and their folder if nothing else is in it."""
        if not self._is_ours:
            return
        # From the last: if this is interrupted, what remains can still be resumed.
        for path in sorted(self._folder.iterdir(), reverse=True):
            if _FRAME.fullmatch(path.name) or is_draft(path):
                path.unlink()
        (self._folder / _NOTE).unlink(missing_ok=True)
        if not any(self._folder.iterdir()):
            self._folder.rmdir()
            self._is_ours = False

    def _make_folder(self):
        try:
            self._folder.mkdir()
        except FileExistsError:
            raise FileExistsError(
                f"`output` must not be that of an animation that another run makes. "
                f"Received: one beside which '{self._folder}' lies"
            ) from None
        self._is_ours = True

    def _take_over(self, anew):
        """Resumes from the frames of a previous run, or deletes them."""
        note = self._read_note()
        if note is None and not all(map(is_draft, self._folder.iterdir())):
            raise ValueError(
                f"'{self._folder}' must be new, or hold frames that kerasart wrote, with its "
                f"{_NOTE}. Received: a folder of something else"
            )
        was_to_keep = note is not None and note.get("keep_frames", True)  # Older files lack it.
        if (anew or not self.paths) and was_to_keep and not self.keep and self._has_frames():
            raise ValueError(
                "`keep_frames` must be given, or another output, where the frames of an earlier "
                f"run were kept: they would be deleted. Received: '{self._folder}'"
            )
        self._is_ours = True
        if note is None or anew or not self.paths:
            self.delete()
            return
        self.keep = self.keep or was_to_keep
        differ = differences(self._fingerprint, note.get("animation", note))
        if differ:
            raise ValueError(
                f"`resume` needs the picture and settings of the animation that it continues; "
                f"{', '.join(differ)} differ. Received: {str(self._folder)!r}"
            )
        self._write_note()

    def _has_frames(self):
        return any(_FRAME.fullmatch(path.name) for path in self._folder.iterdir())

    def _read_note(self):
        try:
            note = parse_json((self._folder / _NOTE).read_text())
        except (OSError, ValueError):
            return None
        # Up to 0.1.0 the file held the fingerprint alone.
        is_ours = isinstance(note, dict) and isinstance(note.get("animation", note), dict)
        return note if is_ours and ("software" in note or "animate" in note) else None

    def _write_note(self):
        note = {"software": "kerasart", "keep_frames": self.keep, "animation": self._fingerprint}
        replace_file(self._folder / _NOTE, json.dumps(note).encode())
