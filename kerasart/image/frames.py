"""The frames of an animation on disk, while it is made."""

import json
import shutil
from pathlib import Path

from kerasart.image.files import check_place, read_picture, write_picture

_IDENTITY = "animation.json"


class Frames:
    """A folder of numbered pictures, so that memory does not grow with their number.

    Args:
        folder: The folder; it is made with the first frame.
        identity: Dict of what makes the animation what it is.
        anew: Whether frames that are there already are deleted.

    Raises:
        ValueError: If frames of another animation are there.
        OSError: If it cannot be made.
    """

    def __init__(self, folder, identity, anew=False):
        self._folder = Path(folder)
        if not self._folder.is_dir():
            check_place(self._folder)
        self._identity = json.loads(json.dumps(identity, default=lambda number: number.item()))
        if anew:
            self.delete()
        elif self._folder.exists():
            self._check_identity()

    @property
    def paths(self):
        """The frames' paths, in order."""
        return sorted(self._folder.glob("*.png"))

    def last(self):
        """Reads the last frame, float32 RGB (1, height, width, 3); None if there is none."""
        return read_picture(self.paths[-1]).image if self.paths else None

    def add(self, image):
        """Writes a frame, as 8-bit PNG."""
        if not self._folder.exists():
            self._folder.mkdir()
            (self._folder / _IDENTITY).write_text(json.dumps(self._identity))
        write_picture(self._folder / f"{len(self.paths):06}.png", image)

    def delete(self):
        """Deletes the frames and their folder."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _check_identity(self):
        try:
            identity = json.loads((self._folder / _IDENTITY).read_text())
        except (OSError, ValueError):
            identity = {}
        names = dict.fromkeys([*self._identity, *identity])
        differ = [name for name in names if identity.get(name) != self._identity.get(name)]
        if differ:
            raise ValueError(
                f"`resume` needs the picture and settings of the animation that it goes on with; "
                f"{', '.join(differ)} differ. Received: {str(self._folder)!r}"
            )
