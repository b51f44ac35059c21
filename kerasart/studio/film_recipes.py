"""`FilmDream`, `FilmPainting` and `FilmPass`: recipes for films, made frame by frame."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import kerasart
from kerasart.film import Film, FilmWriter
from kerasart.film.segments import folder_of
from kerasart.film.video_file import CutOffError
from kerasart.film.writer import SLOW_SEGMENT
from kerasart.progress import Progress
from kerasart.settings.checks import check
from kerasart.settings.declare import option, settings
from kerasart.studio.dreams import Dream
from kerasart.studio.paintings import OnePass, Painting
from kerasart.studio.recipe import Recipe
from kerasart.studio.sentences import explain
from kerasart.studio.sources import Sources

if TYPE_CHECKING:
    from kerasart.applications.film import Painter

# What a film is kept as, by the suffix.
FORMS = ("mp4", "gif", "webp")

OnStep = Callable[[Progress], object]
# A function that makes the painter, the long side of frames, and what the film depends on.
Prepared = tuple[Callable[[OnStep], "Painter"], int | None, dict[str, Any]]


@settings
class FilmRecipe(Recipe):
    """What every film needs."""

    form: str = option("mp4", "What it is kept as.", choices=FORMS)

    segment = SLOW_SEGMENT

    @property
    def output(self) -> str:
        return f"{self.stem}.{self.form}"

    def make(self, sources: Sources, path: Path, on_step: OnStep) -> tuple[dict[str, Any], str]:
        """Makes the film; one that was begun at the path goes on.

        What goes wrong after two frames leaves a film of those that are made.

        Args:
            sources: The `Sources`.
            path: Where to write it. Its frames lie beside it until all are there.
            on_step: Called with the `Progress`, counted in frames: with the frame that is being
                made, where it grows, and each that is made. It may raise KeyboardInterrupt.

        Returns:
            A dict of what makes it again, with `interrupted_after` if it is not whole; and what
            went wrong, or "".

        Raises:
            KeyboardInterrupt: If there are not two frames.
            ImportError, ValueError, MemoryError, FloatingPointError, OSError: See the painter, and
                `kerasart.paint_film`.
        """
        make_painter, long_side, record = self.prepare(sources)
        if path.exists() and not folder_of(path).exists():
            return record, ""  # It was made, and only had no place to go.
        film = Film(sources.path(self.photo))
        writer = FilmWriter(path, film, fingerprint=record, segment=self.segment)
        done, count = writer.done, film.frame_count or 0

        def tell(number, size, picture, share):
            frames = max(number, count)
            on_step(Progress(number, frames, size, {}, picture, (number - 1 + share) / frames))

        def on_step_of_frame(progress):
            share = progress.step / progress.steps if progress.share is None else progress.share
            tell(done + 1, progress.size, progress.picture, share)

        def on_frame(frame, painted):
            nonlocal done
            done = frame.number + 1
            tell(done, painted.shape[1:3], lambda: painted, 1.0)

        message = ""
        try:
            painter = make_painter(on_step_of_frame)
            result = kerasart.paint_film(film, writer, painter, size=long_side, on_frame=on_frame)
            if result.is_whole:
                return record, ""
            done = result.frames
        except (ValueError, MemoryError, FloatingPointError) as error:
            if done < 2:
                raise
            message = explain(error)
            if not isinstance(error, CutOffError):  # Of which what is there is written.
                writer.finish()
        return record | {"interrupted_after": done}, message

    def prepare(self, sources: Sources) -> Prepared:
        """Reads the sources.

        Returns:
            A function that makes the painter, whose frames grow by steps that it is to tell of; the
            long side to which frames are resized before, or None; and a dict of all that the film
            depends on.
        """
        raise NotImplementedError

    def command(self, sources: Sources) -> list[str]:
        return [word for word in super().command(sources) if word != "--strip_metadata"]


@settings
class FilmDream(FilmRecipe, Dream):
    """A dream on a film."""

    def prepare(self, sources: Sources) -> Prepared:
        guide, mask, told = self.read_pictures(sources)

        def make_painter(on_step):
            dreamer = kerasart.Dreamer(guide=guide, on_step=on_step, **self.given)
            return kerasart.FilmDreamer(dreamer, mask)

        return make_painter, self.size, self.given | told


@settings
class FilmPainting(FilmRecipe, Painting):
    """A film painted by gradient descent."""

    def __post_init__(self):
        masks = [each.mask for each in self.styles if each.mask]
        check(not masks, "styles", "without masks: what is painted moves in a film", masks)

    def prepare(self, sources: Sources) -> Prepared:
        pictures, hashes = self.read_styles(sources)

        def make_painter(on_step):
            return kerasart.FilmStyleTransfer(**pictures, on_step=on_step, **self.given)

        named = {name: pictures[name] for name in ("style_weights", "style_levels")}
        return make_painter, None, self.given | named | hashes


@settings
class FilmPass(FilmRecipe, OnePass):
    """A film in one pass of a trained network."""

    segment = 100

    def prepare(self, sources: Sources) -> Prepared:
        style, record = self.read_style(sources)
        given = {"strength": self.strength, "preserve_color": self.preserve_color}

        def make_painter(_):  # One pass has no steps to show.
            return kerasart.FilmStylizer(kerasart.Stylizer(self.model), style, **given)

        return make_painter, self.size, record
