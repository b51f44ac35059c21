"""Films: reading and writing them, the motion from frame to frame, and how steady they are."""

from kerasart.film.reader import Film, Frame
from kerasart.film.writer import FilmWriter

__all__ = ["Film", "FilmWriter", "Frame"]
