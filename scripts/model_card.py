"""`write_card`: a Markdown file beside a trained model that documents it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import kerasart
from kerasart.image.files import replace_file

_CARD = """# {name}

{what}

![Photos and their paintings](contact_sheet.jpg)

## Styles

{styles}

## Training

Trained with kerasart {version} by `scripts/train_fast_style.py` on {photos} photos{left_out}.

| setting | value |
| --- | --- |
{settings}

## Losses

Weighted; means over the last steps.

| term | loss |
| --- | ---: |
{losses}

## Licence

The network was trained on these styles and photos: pass it on only if you have the right to use
them. kerasart's own code is under the Apache licence 2.0.
"""

# Settings that the text names already.
_SHOWN_ELSEWHERE = ("photos", "styles", "style_count")


def write_card(
    folder: str | Path,
    training_run: Any,
    settings: Mapping[str, Any],
    history: Mapping[str, Sequence[float]],
) -> None:
    """Writes the model card, README.md.

    Args:
        folder: The model's folder.
        training_run: The finished `TrainingRun`.
        settings: Dict of all settings of the training.
        history: Dict of names of losses to their values over time.
    """
    photos = set(map(str, training_run.photos))
    left_out = len(photos & training_run.left_out)
    rows = {name: value for name, value in settings.items() if name not in _SHOWN_ELSEWHERE}
    text = _CARD.format(
        name=Path(folder).resolve().name,
        what=training_run.network.description,
        styles="\n".join(training_run.styles.describe()),
        version=kerasart.__version__,
        photos=len(training_run.photos) - left_out,
        left_out=f"; {left_out} could not be used" if left_out else "",
        settings="\n".join(f"| {name} | {_shown(value)} |" for name, value in rows.items()),
        losses="\n".join(f"| {name} | {values[-1]:.4g} |" for name, values in history.items()),
    )
    replace_file(Path(folder) / "README.md", text.encode())


def _shown(value):
    if isinstance(value, dict):
        return ", ".join(f"{key}: {share:g}" for key, share in value.items())
    if isinstance(value, tuple):
        return ", ".join(value) or "-"
    return f"{value:g}" if isinstance(value, float) else value if value is not None else "-"
