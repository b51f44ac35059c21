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

# Long side of a picture in which all scales get equal shares of steps.
_LARGE = 1024


def octave_sizes(
    size: tuple[int, int], first: int, last: int, scale: float
) -> list[tuple[int, int]]:
    """Lists the sizes of a pyramid from small to large.

    Args:
        size: (height, width) of octave 0, the picture's own.
        first: The number of the first octave: -2 is two octaves smaller than the picture.
        last: The number of the last.
        scale: How much larger each octave is than the one before.

    Returns:
        A list of (height, width), rounded down as in the Keras example; the
        TensorFlow tutorial, which multiplies in float32, differs by a pixel here and there.
    """

    def resized(side, octave):
        return int(side / scale**-octave if octave < 0 else side * scale**octave)

    height, width = size
    octaves = range(first, last + 1)
    return [(resized(height, octave), resized(width, octave)) for octave in octaves]


def scale_sizes(size: tuple[int, int], smallest: float, factor: float) -> list[tuple[int, int]]:
    """Lists the sizes of a picture from coarse to fine.

    Source: Crowson's style-transfer-pytorch, which goes down from the largest by the factor.

    Args:
        size: (height, width) of the last scale.
        smallest: Long side below which there is no scale; the last is there at any rate.
        factor: How much larger each scale is than the one before.

    Returns:
        A list of (height, width).
    """
    sides = [max(size)]
    # To 6 digits first: two steps by the root of two may not be exactly a half.
    while (side := round(round(max(size) / factor ** len(sides), 6))) >= smallest:
        sides.append(side)
    return [fit_size(size, side) for side in reversed(sides[1:])] + [size]


def warn_of_left_out(
    what: str,
    usable: Sequence[tuple[int, int]],
    sizes: Sequence[tuple[int, int]],
    backbone: Backbone,
    least: int,
) -> None:
    """Warns if some sizes are too small for a network.

    Args:
        what: What the sizes are of: "octaves" or "scales".
        usable: Those that are large enough.
        sizes: All of them.
        backbone: The `Backbone`.
        least: The least side that it takes, in pixels.
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


def share_steps(steps: int, sizes: Sequence[tuple[int, int]]) -> list[int]:
    """Shares out steps among scales.

    The first, which finds the composition, gets a double share; those whose long side is above
    1024, which have but detail to add, get less in proportion to it: so the time of a large picture
    grows about as its side does, not as its pixels.

    Args:
        steps: How many in all.
        sizes: A list of (height, width), from coarse to fine.

    Returns:
        A list of numbers of steps, each at least 1, that add up to `steps` where it reaches.
    """
    shares = np.minimum(1.0, _LARGE / np.max(sizes, axis=1))
    shares[0] *= 2
    bounds = np.rint(steps * np.cumsum(shares) / np.sum(shares)).astype(int)
    return np.maximum(np.diff(bounds, prepend=0), 1).tolist()


def share_done(taken: int, steps: Sequence[int], sizes: Sequence[tuple[int, int]]) -> float:
    """Tells the share of the work that is done, in which a step takes as long as it has pixels.

    Args:
        taken: How many steps are taken.
        steps: A list of numbers of steps, one for each size.
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
    start: ArrayLike,
    sizes: Sequence[tuple[int, int]],
    steps: Sequence[int],
    prepare: Callable[[int, Any], tuple[Sequence[Target], Any]],
    *,
    enlarge: Callable[[State, int], State] | None = None,
    show: Callable[[State, int], Any] | None = None,
    goal: float = -math.inf,
    seed: int = 0,
    checkpoint: Checkpoint | None = None,
    on_step: Callable[[Progress], object] | None = None,
) -> Run:
    """Minimises an objective at one scale after another, each starting from the one before.

    Args:
        descent: The `Descent`.
        start: The image to start from, float32 RGB (1, height, width, 3) of the first size.
        sizes: A (height, width) for each scale, from coarse to fine.
        steps: A number of steps for each scale.
        prepare: `prepare(scale, weights) -> targets, weights`: a `Target` and a weight for each
            term at a scale. The weights that it gets are those of the scale before, or None.
        enlarge: `enlarge(state, scale) -> state`: what a scale starts from, given the last `State`
            of the scale before. None is `Descent.enlarge`.
        show: `show(state, scale) -> image`: the image, as users are to see it, that a `State`
            stands for. None is `Descent.picture`.
        goal: The loss below which a scale ends.
        seed: Seeds the descent's transform.
        checkpoint: A `Checkpoint` to resume from and to keep up to date, or None.
        on_step: Called with a `Progress` after each call of the graph, or None.

    Returns:
        A `Run` with the losses of all scales, whose image is what `show` made of the last state.
    """
    enlarge = enlarge or (lambda state, scale: descent.enlarge(state, sizes[scale]))
    show = show or (lambda state, scale: descent.picture(state))
    position = checkpoint.load() if checkpoint else None
    if position is None:
        no_losses = np.empty((0, len(descent.objective.terms)), np.float32)
        position = Position(0, 0, descent.start(start), no_losses, weights=None)

    def tell(position):
        is_resumable = position.step % descent.optimizer.restart == 0
        if checkpoint and is_resumable and position.losses[-1].sum() >= goal:
            checkpoint.keep(position)
        if on_step:
            on_step(_progress(position, descent, sizes, steps, show))

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
                lambda *taken, before=position: tell(before.advance(*taken)),
                targets=targets,
                weights=weights,
            )
            position, error = position.advance(run.state, run.losses), run.error
            if error:
                break
            position = position._replace(step=steps[scale])  # Also where it ended early.
            if checkpoint:  # An optimizer that forgets in its own time starts anew here.
                checkpoint.keep(position)
    except KeyboardInterrupt as interrupt:  # Between two scales.
        error = interrupt
    if checkpoint:
        checkpoint.write()
    return Run(show(position.state, position.scale), position.losses, position.state, error)


def _progress(position, descent, sizes, steps, show):
    """Tells of a position, as users are to see it."""
    scale, taken = position.scale, sum(steps[: position.scale]) + position.step
    return Progress(
        taken,
        sum(steps),
        sizes[scale],
        descent.objective.by_name(position.losses[-1].tolist()),
        lambda: show(position.state, scale),
        share_done(taken, steps, sizes),
    )
