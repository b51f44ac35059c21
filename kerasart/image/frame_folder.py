"""The frames of an animation on disk, while it is made."""

import json
import re
from itertools import count, takewhile
from pathlib import Path

from kerasart.image.atomic_files import is_draft
from kerasart.image.files import check_place, read_picture, replace_file, write_picture

_NOTE = "animation.json"
_FRAME = re.compile(r"\d{6}\.png")


def find_frames(folder):
    """Lists the paths of a folder's frames, in order, up to the first that is missing."""
    return list(takewhile(Path.exists, (Path(folder) / f"{number:06}.png" for number in count())))


class FrameFolder:
    """A folder of numbered pictures, so that memory does not grow with their number.

    A note beside them says what animation they are of. What else is in the folder stays as it is.

    Args:
        folder: The folder; it is made with the first frame.
        identity: Dict of what makes the animation what it is.
        anew: Whether frames that are there already are deleted, of whatever animation.
        keep: Whether they are to stay when the animation is written. Where it was promised once, it
            holds.

    Attributes:
        keep: Whether they are.

    Raises:
        ValueError: If the folder is none of ours, or its frames are of another animation.
        OSError: If it cannot be made.
    """

    def __init__(self, folder, identity, anew=False, keep=False):
        self._folder = Path(folder)
        if not self._folder.is_dir():
            check_place(self._folder)
        self._identity = json.loads(json.dumps(identity, default=lambda number: number.item()))
        self.keep = keep
        self._is_ours = False
        if self._folder.exists():
            self._take_over(anew)

    @property
    def paths(self):
        """The frames' paths, in order."""
        return find_frames(self._folder)

    def last(self):
        """Reads the last frame, float32 RGB (1, height, width, 3); None if there is none."""
        paths = self.paths
        return read_picture(paths[-1]).image if paths else None

    def add(self, image):
        """Writes a frame, as 8-bit PNG."""
        if not self._is_ours:
            self._make_folder()
        if not self.paths:
            self._write_note()
        write_picture(self._folder / f"{len(self.paths):06}.png", image)

    def delete(self):
        """Deletes the frames, and their folder if nothing else is in it."""
        if not self._is_ours:
            return
        # From the last on: if this is interrupted, those that are left are still the first ones.
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
        """Goes on with the frames that are there, or deletes them."""
        note = self._read_note()
        if note is None and not all(map(is_draft, self._folder.iterdir())):
            raise ValueError(
                f"'{self._folder}' must be new, or hold frames that kerasart wrote, with its "
                f"{_NOTE}. Received: a folder of something else"
            )
        self._is_ours = True
        if note is None or anew or not self.paths:
            self.delete()
            return
        # Before there were promises, it is not known what was asked for.
        self.keep = self.keep or note.get("keep_frames", True)
        identity = note.get("animation", note)
        names = dict.fromkeys([*self._identity, *identity])
        differ = [name for name in names if identity.get(name) != self._identity.get(name)]
        if differ:
            raise ValueError(
                f"`resume` needs the picture and settings of the animation that it goes on with; "
                f"{', '.join(differ)} differ. Received: {str(self._folder)!r}"
            )
        self._write_note()

    def _read_note(self):
        try:
            note = json.loads((self._folder / _NOTE).read_text())
        except (OSError, ValueError, RecursionError):
            return None
        # Until 0.1.0 it held the animation's identity alone.
        is_ours = isinstance(note, dict) and isinstance(note.get("animation", note), dict)
        return note if is_ours and ("software" in note or "animate" in note) else None

    def _write_note(self):
        note = {"software": "kerasart", "keep_frames": self.keep, "animation": self._identity}
        replace_file(self._folder / _NOTE, json.dumps(note).encode())
