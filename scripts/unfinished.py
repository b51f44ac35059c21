"""The state of an unfinished run, a file beside its output, and --resume."""

from kerasart.scripts import common_flags
from kerasart.scripts.batch_files import Job

from collections.abc import Sequence
from pathlib import Path

from absl import flags

from kerasart.records import read_record

RESUME = flags.DEFINE_bool(
    "resume",
    False,
    "Go on with the unfinished run whose state, or of an animation the frames, lie beside the "
    "output.",
)


def find_state(output: str | Path, resumes: bool = False) -> Path:
    """Names the file of an unfinished run, and refuses to lose one that is there.

    Args:
        output: Where the picture is to be written.
        resumes: Whether the same command continues it, also without --resume.

    Returns:
        The file's path.

    Raises:
        ValueError: If there is none for --resume, or one that is to be lost without --overwrite.
    """
    state = _state_of(output)
    if _is_left_over(state, output):
        state.unlink()
    if RESUME.value and not resumes and not state.exists():
        raise ValueError(
            f"`resume` needs the state of an unfinished run beside the output. Received: no {state}"
        )
    if state.exists() and not RESUME.value:
        if common_flags.OVERWRITE.value:
            state.unlink()
        elif not resumes:
            raise ValueError(
                f"`output` must not be that of an unfinished run: --resume continues it, "
                f"--overwrite starts anew. Received: '{output}', beside which {state} lies"
            )
    return state


def is_partial(output: str | Path) -> bool:
    """Whether the file at the output is a PNG whose record says that its run was interrupted."""
    return _was_interrupted(output) is True


def forget_finished(jobs: Sequence[Job]) -> None:
    """Removes the states, left by a kill, of pictures that were written just before it.

    Args:
        jobs: A list of pairs of a photo and an output, of a command that resumes by itself.
    """
    for _, output in jobs:
        if output.exists():
            _state_of(output).unlink(missing_ok=True)


def _state_of(output):
    return Path(f"{output}.state.npz")


def _is_left_over(state, output):
    """Whether a run was killed just after it had written its whole picture, a PNG."""
    try:
        is_later = Path(output).stat().st_mtime_ns >= state.stat().st_mtime_ns
    except OSError:  # One of them is not there.
        return False
    return is_later and _was_interrupted(output) is False


def _was_interrupted(output):
    """Whether a picture's run was interrupted, as its record says; None if there is no record."""
    try:
        return "interrupted_after" in read_record(output, common_flags.MAX_PIXELS.value)
    except (ValueError, OSError):
        return None
