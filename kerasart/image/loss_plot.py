"""`plot_losses`: draws loss curves."""

from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from kerasart.image.atomic_files import write_file
from kerasart.image.files import check_place

_SUFFIXES = (".png", ".svg", ".pdf")


def plot_losses(
    history: Mapping[str, ArrayLike],
    path: str | PathLike[str],
    boundaries: Iterable[int] = (),
    steps: Sequence[int] | None = None,
    taken: str = "replace",
) -> Path:
    """Plots the loss and its terms over the steps, and writes the plot atomically.

    The loss axis is logarithmic, or symmetric logarithmic if some value is not positive.

    Args:
        history: Term name to its weighted values, one for each step or every few steps, as
            `Result.history`.
        path: The file: .png, .svg or .pdf.
        boundaries: Steps, from 0, at which the scale changed; each is marked by a faint line.
        steps: The step of each value; None numbers them from 0.
        taken: What to do if the file exists, as in `write_picture`.

    Returns:
        The `pathlib.Path` of the file.

    Raises:
        ImportError: If matplotlib is missing.
        ValueError: If the suffix is not allowed, or `history` has no steps or terms of unequal
            lengths.
        OSError: If the file cannot be written.
    """
    check_plot(path)
    path = Path(path)
    figure = _draw(_curves(history), boundaries, steps)
    kind = path.suffix[1:].lower()
    return write_file(path, lambda file: figure.savefig(file, format=kind, dpi=150), taken)


def check_plot(path: str | PathLike[str]) -> None:
    """Checks that `plot_losses` will be able to write a path: to be called before a long run.

    Raises:
        ImportError: If matplotlib is missing.
        ValueError: If the suffix is not allowed.
        OSError: If the file cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() not in _SUFFIXES:
        raise ValueError(
            f"Cannot write '{path}': its suffix must be one of {', '.join(_SUFFIXES)}. "
            f"Received: '{path.suffix}'"
        )
    check_place(path)
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "`plot_losses` needs matplotlib: pip install 'kerasart[plot]'."
        ) from error


def _curves(history):
    curves = {name: np.asarray(values, np.float64) for name, values in history.items()}
    shapes = [values.shape for values in curves.values()]
    if len(set(shapes)) != 1 or len(shapes[0]) != 1 or shapes[0] == (0,):
        raise ValueError(
            "`history` must map each term to one value a step, for as many steps as the others "
            f"and at least one. Received: shapes {dict(zip(curves, shapes, strict=True))}"
        )
    return curves


def _draw(curves, boundaries, steps):
    from matplotlib.figure import Figure  # not pyplot, which keeps every figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.add_subplot(xlabel="step", ylabel="weighted loss")
    for step in boundaries:
        axes.axvline(step, color="0.85", linewidth=1, zorder=0)
    values = np.stack(list(curves.values()))
    steps = range(values.shape[1]) if steps is None else steps
    # A line through a single point would be invisible.
    marker = "o" if values.shape[1] == 1 else None
    if len(curves) > 1:
        axes.plot(steps, values.sum(axis=0), color="black", linewidth=2, marker=marker, label="sum")
    for name, curve in curves.items():
        axes.plot(steps, curve, linewidth=1.2, marker=marker, label=name)
    _scale(axes, values)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside right upper", frameon=False)
    return figure


def _scale(axes, values):
    axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    if (values > 0).all():
        axes.set_yscale("log")
        return
    # Linear below about four decades under the largest value: small terms are visible, without
    # magnifying their noise.
    largest = np.abs(values).max()
    threshold = 10 ** (np.floor(np.log10(largest)) - 4) if largest else 1
    axes.set_yscale("symlog", linthresh=threshold)
