"""A training by a script, and the folder that it writes to: what must not be lost in it."""

from kerasart.scripts import cli, common_flags

import sys
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from absl import flags
from tqdm import tqdm

from kerasart.cluster import is_chief
from kerasart.image.atomic_files import claim, make_folder


def define_sheet_every(default: int) -> flags.FlagHolder:
    """Defines --sheet_every."""
    about = "Steps between two contact sheets, and two states on disk."
    return flags.DEFINE_integer("sheet_every", default, about, lower_bound=1)


def check_folder(folder: Path, finetune: str | None) -> None:
    """Refuses an output that is something else than an unfinished training, unless --overwrite.

    Args:
        folder: What --output says.
        finetune: What --finetune says.

    Raises:
        ValueError: If something would be lost.
        NotADirectoryError: If it is a file.
        FileExistsError: If another process trains in it.
    """
    if not is_chief():
        return  # What another worker writes.
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"`output` must be a folder. Received: the file '{folder}'")
    if (folder / "training").is_dir():
        with _claim(folder):
            pass  # Better refused before TensorFlow loads.
    finetuned = Path(finetune or "")
    home = finetuned.parent if finetuned.is_file() else finetuned
    if finetune and folder.resolve() == home.resolve():
        raise ValueError(
            f"`output` must be another folder than that of --finetune. Received: '{folder}'"
        )
    if common_flags.OVERWRITE.value or (folder / "training" / "progress.json").exists():
        return
    if (folder / "model.keras").exists():
        raise ValueError(
            "`output` must not hold a finished model (--overwrite replaces it). "
            f"Received: '{folder}'"
        )
    names = sorted(path.name for path in folder.iterdir()) if folder.exists() else []
    others = [name for name in names if name != "training" and not name.startswith(".")]
    if others:
        raise ValueError(
            "`output` must be a new folder, or an empty one, since some names in it will be "
            f"replaced (--overwrite allows it). Received: '{folder}', which holds {others[0]!r}"
        )


def _claim(folder):
    """Keeps other trainings out of a folder while the block runs; of many workers, the chief."""
    return claim(folder / "training") if is_chief() else nullcontext()


def train(
    plan: Any,
    folder: Path,
    identity: Mapping[str, Any],
    paint: Callable[[], list[np.ndarray]],
    lay_out: Callable[[list[np.ndarray]], np.ndarray],
    tensorboard: str | None = None,
) -> Any:
    """Trains, or goes on with a training, and keeps what there is in a folder; Ctrl-C ends it.

    Where many workers train, the chief alone shows and writes.

    Args:
        plan: A `TrainingRun` or a `GeneratorTraining`.
        folder: The folder.
        identity: As for `ResumableTraining`.
        paint: `paint()` paints what the contact sheet shows: a list of arrays.
        lay_out: `lay_out(pictures)` makes the contact sheet of it.
        tensorboard: The folder for TensorBoard, or None.

    Returns:
        The `ResumableTraining`, whose state is to be removed when all else is written.

    Raises:
        ConnectionError: If another worker has stopped.
    """
    import tensorflow as tf

    from kerasart.networks.callbacks import FolderWriter, ProgressLine, TensorBoardWriter
    from kerasart.networks.resumable_training import ResumableTraining

    steps, trainer = plan.settings.steps, plan.trainer
    if is_chief():
        make_folder(folder / "training")
    every = min(flags.FLAGS["sheet_every"].value, steps)
    training = ResumableTraining(folder / "training", identity, every, paint)
    writer = FolderWriter(training, folder, trainer.result, lay_out)
    writers = [writer]
    if tensorboard:
        writers.append(TensorBoardWriter(training, tensorboard, lay_out))
    quiet = common_flags.QUIET.value or not is_chief() or None
    try:
        with _claim(folder):
            training.restore(trainer, common_flags.OVERWRITE.value)
            if training.step:
                cli.say(f"Going on after {cli.counted(training.step, 'step')}.")
            with tqdm(total=steps, initial=training.step, unit="step", disable=quiet) as bar:
                shown = [ProgressLine(training, bar), *writers] if is_chief() else []
                try:
                    training.fit(trainer, plan.batches, *shown)
                except KeyboardInterrupt:  # Not earlier: what is not restored must not be kept.
                    training.write(trainer)
                    kept = cli.counted(training.step, "step")
                    print(f"\nKept {kept}; the same command continues.", file=sys.stderr)
                    sys.exit(130)
            if is_chief():
                writer.write(paint())
    except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError) as error:
        raise ConnectionError(
            "All workers of TF_CONFIG must go on; the same command on each of them continues from "
            "the last state that was kept. Received: one that has stopped"
        ) from error
    return training
