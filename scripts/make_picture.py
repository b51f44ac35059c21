"""One picture made: with a progress bar and previews, and written with its record."""

from kerasart.scripts import cli
from kerasart.scripts.common_flags import PREVIEW_EVERY, QUIET, if_taken, metadata_of
from kerasart.scripts.unfinished import is_partial

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kerasart.image import Picture, write_picture
from kerasart.progress import ProgressBar
from kerasart.records import write_recorded


def make_picture(
    make: Callable[..., Any],
    output: str | Path,
    record: dict[str, Any],
    photo: Picture | None,
    bits: int,
    state: Path | None = None,
    label: str = "",
) -> Any:
    """Makes a picture with a progress bar and previews, and writes it with its record.

    Args:
        make: `make(checkpoint=..., on_step=..., on_tile=...) -> Result`.
        output: Where to write. A name that is taken gets a number, unless --overwrite, or by the
            picture so far of the run that is resumed.
        record: Dict of what goes into the file's record besides the result's settings.
        photo: The `Picture` whose alpha, resized to the result, and metadata go into the file; or
            None.
        bits: Bits a channel of the file.
        state: The path at which the run keeps its state, or None. Only Ctrl-C and a kill leave it:
            resuming where a loss was not finite would diverge again.
        label: Which of several pictures it is. Of such only whole ones are written, since what is
            there already is left alone the next time.

    Returns:
        The `Result`. On Ctrl-C the picture so far is written and the script ends, and where a loss
        is not finite the last good picture is.
    """
    start = time.perf_counter()
    resumes = bool(state and state.exists())
    if resumes and Path(output).exists() and _if_taken(output, resumes, label) == "number":
        cli.say(f"{output} stays: only a PNG that says that it is unfinished is replaced.")
    result: Any
    stopped: BaseException | None = None
    with ProgressBar(label=label, disable=QUIET.value or None) as bar, _Preview(output) as preview:

        def on_step(progress):
            bar(progress)
            preview(progress)

        try:
            cli.load_tensorflow()
            result = make(checkpoint=state, on_step=on_step, on_tile=bar.show_tile)
        except (KeyboardInterrupt, FloatingPointError) as error:
            result, stopped = getattr(error, "result", None), error
            if state and isinstance(error, FloatingPointError):
                state.unlink(missing_ok=True)
            steps = max(map(len, result.history.values())) if result else 0
            if label or not steps:
                raise
            record = record | {"interrupted_after": steps}
    path = write_recorded(
        output,
        result.image,
        result.settings | record,
        photo,
        metadata_of(photo),
        bits,
        _if_taken(output, resumes, label),
    )
    height, width = result.image.shape[1:3]
    cli.say(
        f"Wrote {'the picture so far to ' if stopped else ''}{path}: {width}x{height}, "
        f"{result.settings['backbone']}, preset {result.settings['preset']}, "
        f"{time.perf_counter() - start:.0f} s."
    )
    if isinstance(stopped, KeyboardInterrupt):
        if state and state.exists():
            # Without a record, what lies there may be the user's own.
            is_lost = path == Path(output) and not is_partial(path)
            anew = f", in another file; with --resume --overwrite in {path}" if is_lost else ""
            cli.say(f"The same command with --resume continues it{anew}.")
        sys.exit(130)
    if stopped:
        raise stopped
    if state:
        state.unlink(missing_ok=True)
    return result


def _if_taken(output, resumes, label):
    """What is to be done where the output is taken: the picture so far gives way to the whole."""
    if resumes and is_partial(output):
        return "replace"
    return if_taken("refuse" if label else "number")


class _Preview:
    """Writes the picture as it grows beside the output, for as long as the `with` block lasts."""

    def __init__(self, output):
        self._place = Path(output).with_suffix(".preview.png")
        self._path = None
        self._written = 0

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self._path:
            self._path.unlink(missing_ok=True)

    def __call__(self, progress):
        if not PREVIEW_EVERY.value:
            return
        # Steps can come in blocks, so the number asked for may be passed without being met.
        due = progress.step // PREVIEW_EVERY.value
        if due and due != self._written:
            self._path = write_picture(
                self._path or self._place,
                progress.picture(),
                taken="replace" if self._path else "number",
            )
        self._written = due  # Fewer than before where another run has begun.
