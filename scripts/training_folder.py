"""The folder that a training writes to: what must not be lost in it."""

from kerasart.scripts import common_flags

from pathlib import Path


def check_folder(folder: Path, finetune: str | None) -> None:
    """Refuses an output that is something else than an unfinished training, unless --overwrite.

    Args:
        folder: What --output says.
        finetune: What --finetune says.

    Raises:
        ValueError: If something would be lost.
        NotADirectoryError: If it is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"`output` must be a folder. Received: the file '{folder}'")
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
