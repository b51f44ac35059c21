"""Image pyramids: the sizes of octaves and scales, their steps, and the coarse-to-fine loop."""

import logging
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from kerasart.backbones import Backbone
from kerasart.image.arrays import fit_size
from kerasart.objectives import Target
from kerasart.optimization.checkpoint import Checkpoint, Position
from kerasart.optimization.descent import Descent
from kerasart.optimization.run import Run, State
from kerasart.progress import Progress

_log = logging.getLogger("kerasart")

# Scales with a longer side get fewer steps.
_LARGE = 1024


def octave_sizes(
    size: tuple[int, int], first: int, last: int, scale: float
) -> list[tuple[int, int]]:
    """Lists the sizes of octaves from small to large.

    Args:
        size: (height, width) of octave 0, the image itself.
        first: The number of the first octave: -2 is two octaves smaller than the image.
        last: The number of the last octave.
        scale: Size of an octave relative to the one before.

    Returns:
        A list of (height, width), rounded down as in the Keras example; the
        TensorFlow tutorial, which multiplies in float32, sometimes differs by a pixel.
    """

    def resized(side, octave):
        return int(side / scale**-octave if octave < 0 else side * scale**octave)

    height, width = size
    octaves = range(first, last + 1)
    return [(resized(height, octave), resized(width, octave)) for octave in octaves]


def scale_sizes(size: tuple[int, int], smallest: float, factor: float) -> list[tuple[int, int]]:
    """Lists the sizes of scales from coarse to fine.

    Source: Crowson's style-transfer-pytorch, which divides the largest size by the factor.

    Args:
        size: (height, width) of the last scale.
        smallest: Least long side of a scale; the last scale is always included.
        factor: Size of a scale relative to the one before.

    Returns:
        A list of (height, width).
    """
    sides = [max(size)]
    # First to 6 digits, since dividing by the root of two twice may not give exactly a half.
    while (side := round(round(max(size) / factor ** len(sides), 6))) >= smallest:
        sides.append(side)
    return [fit_size(size, side) for side in reversed(sides[1:])] + [size]


def warn_skipped(
    what: str,
    usable: Sequence[tuple[int, int]],
    sizes: Sequence[tuple[int, int]],
    backbone: Backbone,
    least: int,
) -> None:
    """Logs a warning if some sizes are skipped.

    Args:
        what: "octaves" or "scales".
        usable: The sizes that are large enough for the backbone.
        sizes: All sizes.
        backbone: The `Backbone`.
        least: Its least side in pixels.
    """
    if len(usable) < len(sizes):
        _log.warning(
            "%d of %d %s left out: too small for %s, which needs %d pixels.",
            len(sizes) - len(usable),
            len(sizes),
            what,
            backbone.name,
            least,
        )


def divide_steps(steps: int, sizes: Sequence[tuple[int, int]]) -> list[int]:
    """Divides steps among scales.

    The first scale, which settles the composition, gets twice the steps. Scales with a long side
    above 1024, which only add detail, get fewer in inverse proportion, so that the time of a large
    image grows about linearly with its side.

    Args:
        steps: Steps in all.
        sizes: A list of (height, width), from coarse to fine.

    Returns:
        A list of numbers of steps, each at least 1; their sum is `steps`, or more where a size
        would have got none.
    """
    weights = np.minimum(1.0, _LARGE / np.max(sizes, axis=1))
    weights[0] *= 2
    bounds = np.rint(steps * np.cumsum(weights) / np.sum(weights)).astype(int)
    return np.maximum(np.diff(bounds, prepend=0), 1).tolist()


def fraction_done(taken: int, steps: Sequence[int], sizes: Sequence[tuple[int, int]]) -> float:
    """Returns the fraction of the work that is done, each step weighted by its pixels.

    Args:
        taken: Steps taken.
        steps: The number of steps at each size.
        sizes: A list of (height, width), from coarse to fine.

    Returns:
        A number in [0, 1].
    """
    pixels = [height * width for height, width in sizes]
    starts = np.cumsum([0, *steps[:-1]])
    done = sum(
        each * min(max(taken - start, 0), count)
        for each, start, count in zip(pixels, starts, steps, strict=True)
    )
    return float(done / np.dot(pixels, steps))


def coarse_to_fine(
    descent: Descent,
    start: State | ArrayLike,
    sizes: Sequence[tuple[int, int]],
    steps: Sequence[int],
    prepare: Callable[[int, Any], tuple[Sequence[Target], Any]],
    *,
    enlarge: Callable[[State, int], State] | None = None,
    to_image: Callable[[State, int], Any] | None = None,
    goal: float = -math.inf,
    seed: int = 0,
    checkpoint: Checkpoint | None = None,
    on_step: Callable[[Progress], object] | None = None,
) -> Run:
    """Minimises an objective at one scale after another, each starting from the last result.

    Args:
        descent: The `Descent`.
        start: The image to start from, float32 RGB (1, height, width, 3) of the first size; or a
            `State`.
        sizes: The (height, width) of each scale, from coarse to fine.
        steps: The number of steps at each scale.
        prepare: `prepare(scale, weights) -> targets, weights` makes a `Target` and a weight for
            each term at a scale, given the weights of the scale before, or None.
        enlarge: `enlarge(state, scale) -> state` makes the initial `State` of a scale from the last
            one of the scale before. None: `Descent.enlarge`.
        to_image: `to_image(state, scale) -> image` makes the image that users see from a `State`.
            None: `Descent.to_image`.
        goal: The loss below which a scale ends.
        seed: Seeds the descent's transform.
        checkpoint: A `Checkpoint` to resume from and to update, or None.
        on_step: Called with a `Progress` after each call of the graph, or None.

    Returns:
        A `Run` with the losses of all scales and the image from `to_image`.
    """
    enlarge = enlarge or (lambda state, scale: descent.enlarge(state, sizes[scale]))
    to_image = to_image or (lambda state, scale: descent.to_image(state))
    position = checkpoint.load() if checkpoint else None
    if position is None:
        no_losses = np.empty((0, len(descent.objective.terms)), np.float32)
        state = start if isinstance(start, State) else descent.start(start)
        position = Position(0, 0, state, no_losses, weights=None)

    def report(position):
        is_resumable = position.step % descent.optimizer.restart == 0
        if checkpoint and is_resumable and position.losses[-1].sum() >= goal:
            checkpoint.keep(position)
        if on_step:
            on_step(_progress(position, descent, sizes, steps, to_image))

    error = None
    try:
        for scale in range(position.scale, len(sizes)):
            state, step = position.state, position.step
            if scale > position.scale:
                state, step = enlarge(state, scale), 0
            targets, weights = prepare(scale, position.weights)
            position = Position(scale, step, state, position.losses, weights)
            run = descent.run(
                state,
                steps[scale] - step,
                seed,
                sum(steps[:scale]) + step,
                goal,
                lambda *taken, before=position: report(before.advance(*taken)),
                targets=targets,
                weights=weights,
            )
            position, error = position.advance(run.state, run.losses), run.error
            if error:
                break
            position = position._replace(step=steps[scale])  # Even if the goal ended it early.
            if checkpoint:  # Resumable whatever `restart`: at a new scale the optimizer restarts.
                checkpoint.keep(position)
    except KeyboardInterrupt as interrupt:  # Between two scales.
        error = interrupt
    if checkpoint:
        checkpoint.write()
    image = to_image(position.state, position.scale)
    return Run(image, position.losses, position.state, error)


def _progress(position, descent, sizes, steps, to_image):
    """Makes the `Progress` of a position."""
    scale, taken = position.scale, sum(steps[: position.scale]) + position.step
    return Progress(
        taken,
        sum(steps),
        sizes[scale],
        descent.objective.by_name(position.losses[-1].tolist()),
        lambda: to_image(position.state, scale),
        fraction_done(taken, steps, sizes),
    )
