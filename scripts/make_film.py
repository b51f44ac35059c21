"""Makes the films that flags describe: one, or one of each film in a folder."""

from kerasart.scripts import cli, cluster_flags, common_flags, film_flags
from kerasart.scripts.batch_files import (
    are_several,
    name_one,
    name_several,
    paint_each,
    skip_painted,
)
from kerasart.scripts.unfinished import RESUME

import math
import sys
import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from tqdm import tqdm

from kerasart.film import Film, FilmWriter
from kerasart.film.flow import opencv
from kerasart.film.segments import delete_segments, folder_of
from kerasart.film.writer import SUFFIXES
from kerasart.image import next_free_path, write_picture
from kerasart.image.arrays import fit_size
from kerasart.image.atomic_files import claim
from kerasart.image.contact_sheet import contact_sheet
from kerasart.progress import Progress, ProgressBar
from kerasart.scale.requirements import ray
from kerasart.settings.film import check_cuts


def make_films(
    name: str,
    output: str | None,
    make_painter: Callable[[Callable[[Progress], object]], Callable[..., Any]],
    fingerprint: Mapping[str, Any],
    size: int | None = None,
    on_film: Callable[[Film], object] | None = None,
    flag: str = "input",
    **options: Any,
) -> None:
    """Paints a film with a progress bar, or each of several, or previews them.

    Frames lie in a folder beside the output until all are there. On Ctrl-C the frames so far become
    a film, the folder stays, and --resume continues from it; several go on by themselves.

    Args:
        name: The film, or a folder or a pattern of films.
        output: Where to write, a file or a folder; None is painted.mp4, or with the suffix of an
            animated picture; for several the folder, painted. A name that is taken gets a number,
            unless --overwrite or --resume; of several, what is painted is left out.
        make_painter: `make_painter(on_step)` makes the painter, of `paint_film`; called once
            TensorFlow is loaded. `on_step` is to be called with a `Progress` after each step. With
            flags of a cluster it is called in other processes, where no flags are read.
        fingerprint: Dict of what determines how it paints.
        size: Long side of the frames; None is the film's own.
        on_film: `on_film(film)` is called before a film is painted, to refuse it by a ValueError.
        flag: The name of the flag that names the film.
        **options: Further arguments of `FilmWriter`.
    """
    opencv()  # Better missed before TensorFlow is loaded.
    span, cuts = film_flags.read_span(), film_flags.read_cuts()
    if cluster_flags.is_given():
        ray()  # Better missed before shots are looked for.
    options |= {"quality": film_flags.FILM_QUALITY.value, "sound": film_flags.SOUND.value}
    options["fingerprint"] = {**fingerprint, "size": size, "cuts": cuts}

    def make(source, output, label=""):
        film = Film(source, *span)
        check_cuts(cuts, film)
        common_flags.check_pixels(fit_size(film.size, size or max(film.size)))
        if on_film:
            on_film(film)
        if film_flags.PREVIEW.value:
            _preview(film, output, make_painter, size)
        else:
            _make(film, output, options, make_painter, size, cuts, label)

    if not are_several(name):
        suffix = Path(name).suffix.lower()
        output = output or f"painted{suffix if suffix in film_flags.ANIMATED else '.mp4'}"
        make(name, name_one(name, output, SUFFIXES, other=".mp4"))
        return
    jobs = name_several(film_flags.find_films(name), output, SUFFIXES, other=".mp4")
    if left := skip_painted(jobs, is_there=_is_whole):
        paint_each(left, make, flag)


def _is_whole(path):
    return path.exists() and not folder_of(path).is_dir()


def _make(film, path, options, make_painter, size, cuts, label):
    """Paints a film, with a label that says which of several it is; these go on by themselves."""
    resumes, overwrites = RESUME.value, common_flags.OVERWRITE.value
    if label:
        resumes = folder_of(path).is_dir() and (resumes or not overwrites)
    path = _find_place(path, resumes)
    # Another run may have taken the name meanwhile.
    taken = "replace" if resumes or overwrites else "number"
    writer = FilmWriter(path, film, **options, taken=taken)
    if writer.done:
        cli.say(f"Going on after {cli.counted(writer.done, 'frame')}.")
    elif resumes:
        cli.say("No part was finished: beginning with the first frame.")
    begin = time.perf_counter()
    again = "The same command" if label else f"The same command with --resume --output={path}"
    if cluster_flags.is_given():
        try:
            _paint_shots(film, path, options, make_painter, size, cuts)
        except KeyboardInterrupt:
            _keep_shots(writer, path, again)
            raise
    seconds = time.perf_counter() - begin
    result = _paint_frames(film, writer, make_painter, size, cuts, label)
    cli.say(
        f"{label}Wrote {'' if result.is_whole else 'the frames so far to '}{result.path}: "
        f"{cli.counted(result.frames, 'frame')}, {seconds + result.seconds:.0f} s."
    )
    if not result.is_whole:
        cli.say(f"{again} continues it.")
        sys.exit(130)


def _find_place(path, resumes):
    """Finds where the film goes; the segments of an unfinished one must not be lost."""
    if not (resumes or common_flags.OVERWRITE.value):
        path = next_free_path(path)
    folder = folder_of(path)
    if resumes and not folder.is_dir():
        raise ValueError(
            "`resume` needs the segments of an unfinished film beside the output. "
            f"Received: no {folder}"
        )
    if folder.is_dir() and not resumes:
        if not common_flags.OVERWRITE.value:
            raise ValueError(
                "`output` must not be that of an unfinished film: --resume continues it, "
                f"--overwrite starts anew. Received: '{path}', beside which {folder} lies"
            )
        with claim(folder):
            delete_segments(folder)
    return path


def _paint_frames(film, writer, make_painter, size, cuts, label):
    """Paints what a film's writer has not yet, with a progress bar; returns as `paint_film`."""
    with tqdm(
        desc=label.strip() or None,
        total=film.frame_count,
        initial=writer.done,
        unit="frame",
        disable=common_flags.QUIET.value or None,
        leave=False,
    ) as bar:
        cli.load_tensorflow()
        from kerasart import paint_film

        @cache
        def painter():
            return make_painter(lambda now: bar.set_postfix_str(f"step {now.step}/{now.steps}"))

        return paint_film(
            film,
            writer,
            lambda *frame: painter()(*frame),
            size=size,
            cuts=cuts,
            on_frame=lambda frame, painted: bar.update(),
        )


def _paint_shots(film, path, options, make_painter, size, cuts):
    """Paints the shots of a film by the workers of a cluster, into the folder beside the output."""
    from kerasart import find_shots
    from kerasart.scale.film import paint_shots

    def make_writer(film):
        return FilmWriter(path, film, **options)

    quiet = common_flags.QUIET.value or None
    with tqdm(desc="Looking for cuts", bar_format="{desc} ...", disable=quiet, leave=False):
        writer, shots = make_writer(film), find_shots(film, cuts)
        left = [shot for shot in shots if any(writer.gaps(shot.first, shot.stop))]
    cli.say(f"{cli.counted(len(left), 'shot')}.")
    frames = sum(shot.stop - shot.first for shot in left)
    with tqdm(total=frames, unit="frame", disable=quiet, leave=False) as bar:
        for shot in paint_shots(
            film,
            left,
            make_writer,
            lambda: make_painter(lambda progress: None),
            size=size,
            cuts=cuts,
            **cluster_flags.read(),
        ):
            bar.update(shot.stop - shot.first)


def _keep_shots(writer, path, again):
    """Joins the shots so far after Ctrl-C, and says how to go on, if there is anything."""
    with writer.claim():
        if (count := writer.done) > 1:
            cli.say(f"Wrote the frames so far to {writer.finish()}: {cli.counted(count, 'frame')}.")
    if folder_of(path).is_dir():
        cli.say(f"{again} continues it.")


def _preview(film, output, make_painter, size):
    """Paints a few frames into a sheet."""
    cli.load_tensorflow()
    from kerasart.applications.film import preview_film

    with ProgressBar(disable=common_flags.QUIET.value or None) as bar:
        frames, seconds = preview_film(film, make_painter(bar), film_flags.PREVIEWED, size)
    labels = [f"{frame.time:.1f} s" for frame, _ in frames]
    sheet = contact_sheet([painted for _, painted in frames], labels, columns=3, cell=480)
    path = output.with_suffix(".preview.png")
    written = write_picture(path, sheet, taken=common_flags.if_taken())
    if film.frame_count is None or math.isnan(seconds):
        cli.say(f"Wrote {written}.")
        return
    about = _spoken(seconds * film.frame_count)
    cli.say(f"Wrote {written}: {seconds:.2f} s a frame, about {about} for the film.")


def _spoken(seconds):
    for unit, length in (("hours", 3600), ("minutes", 60)):
        if seconds >= 1.5 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} seconds"
