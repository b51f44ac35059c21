"""The card beside a trained model: what it was made of."""

from pathlib import Path

import kerasart
from kerasart.image.files import replace_file

_CARD = """# {name}

{what}

![Photos, and what the network makes of them](contact_sheet.jpg)

## Styles

{styles}

## Training

Trained with kerasart {version} by `scripts/train_fast_style.py` on {photos} photos{left_out}.

| setting | value |
| --- | --- |
{settings}

## Losses

Weighted, as means over the last steps.

| term | loss |
| --- | ---: |
{losses}

## Licence

The network learned from the pictures above and from those photos: whoever passes it on should have
the right to use them. kerasart's own code is under the Apache licence 2.0.
"""

_WHAT = {
    "adain": "An `AdaIN` network: it paints in the manner of any picture.",
    "few": "A `TransformerNet` ({network}): it paints in {count} styles and mixtures of them.",
}


def write_card(folder, record, history):
    """Writes a model's card.

    Args:
        folder: The model's folder.
        record: Dict of the training's settings, its `styles` (name to hash, or None where it knew
            the style before) and `style_count`, the number of `photos`, and how many were
            `left_out`.
        history: Dict of each loss's name to its values over time.
    """
    shown = ("photos", "left_out", "styles", "style_count")
    settings = {name: value for name, value in record.items() if name not in shown}
    kind = "adain" if record["network"] == "adain" else "few"
    styles = [
        f"- {name} (`{digest}`)" if digest else f"- {name}"
        for name, digest in record["styles"].items()
    ]
    if kind == "adain":
        styles = [f"Any; {record['style_count']} pictures were learned from."]
    text = _CARD.format(
        name=Path(folder).resolve().name,
        what=_WHAT[kind].format(network=record["network"], count=record["style_count"]),
        styles="\n".join(styles),
        version=kerasart.__version__,
        photos=record["photos"] - record["left_out"],
        left_out=f"; {record['left_out']} could not be used" if record["left_out"] else "",
        settings="\n".join(f"| {name} | {_shown(value)} |" for name, value in settings.items()),
        losses="\n".join(f"| {name} | {values[-1]:.4g} |" for name, values in history.items()),
    )
    replace_file(Path(folder) / "README.md", text.encode())


def _shown(value):
    if isinstance(value, dict):
        return ", ".join(f"{key}: {share:g}" for key, share in value.items())
    if isinstance(value, tuple):
        return ", ".join(value) or "-"
    return f"{value:g}" if isinstance(value, float) else value if value is not None else "-"
