"""Films: reading and writing them, the motion from frame to frame, and how steady they are."""

from kerasart.film.reader import Film, Frame

__all__ = ["Film", "Frame"]
