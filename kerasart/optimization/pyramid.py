"""Image pyramids: the sizes of octaves and scales, their steps, and the coarse-to-fine loop."""

import numpy as np

from kerasart.image.resizing import fit_size
from kerasart.optimization.checkpoint import Position
from kerasart.optimization.descent import Run
from kerasart.optimization.results import Progress

# Long side of a picture in which all scales get equal shares of steps.
_LARGE = 1024


def octave_sizes(size, first, last, scale):
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
    return [
        tuple(int(side / scale**-octave if octave < 0 else side * scale**octave) for side in size)
        for octave in range(first, last + 1)
    ]


def scale_sizes(size, smallest, factor):
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
    return [fit_size(size, side) for side in reversed(sides[1:])] + [tuple(size)]


def share_steps(steps, sizes):
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


def share_done(taken, steps, sizes):
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
    descent, start, sizes, steps, prepare, *, seed=0, checkpoint=None, on_step=None, show=None
):
    """Moves a picture downhill at each size, enlarging it, and the optimizer's memory, between.

    Args:
        descent: The `Descent`.
        start: The picture to start from, float32 RGB of the first size.
        sizes: A list of (height, width).
        steps: A list of numbers of steps, one for each size.
        prepare: `prepare(size, weights) -> targets, weights`: a `Target` and a weight for each
            term at a size. The weights that it gets are those of the size before, or None.
        seed: As in `Descent.run`.
        checkpoint: A `Checkpoint` to go on from and to keep up, or None.
        on_step: Called with a `Progress` after each call of the graph, or None.
        show: `show(state) -> picture`: makes what a `Progress` shows of the picture so far.

    Returns:
        A `Run` with the losses of all sizes.
    """
    position = checkpoint.load() if checkpoint else None
    if position is None:
        no_losses = np.empty((0, len(descent.objective.terms)), np.float32)
        position = Position(0, 0, descent.start(start), no_losses, None)
    error = None
    first = position.scale
    try:
        for scale in range(first, len(sizes)):
            state, size = position.state, sizes[scale]
            if scale > first:
                state = descent.enlarge(state, size)
            taken = position.step if scale == first else 0
            targets, weights = prepare(size, position.weights)
            before = position.losses
            position = Position(scale, taken, state, before, weights)

            def report(state, losses, before=before, taken=taken, position=position):
                step = taken + len(losses)
                here = position._replace(
                    step=step, state=state, losses=np.concatenate([before, losses])
                )
                if checkpoint and step % descent.optimizer.restart == 0:
                    checkpoint.keep(here)
                if on_step:
                    share = share_done(len(here.losses), steps, sizes)
                    on_step(_describe(here, descent, sum(steps), share, show))

            run = descent.run(
                state,
                steps[scale] - taken,
                seed,
                len(before),
                on_step=report,
                targets=targets,
                weights=weights,
            )
            position = position._replace(
                step=taken + len(run.losses),
                state=run.state,
                losses=np.concatenate([before, run.losses]),
            )
            error = run.error
            if error:
                break
            if checkpoint:  # An optimizer that forgets in its own time starts anew here.
                checkpoint.keep(position)
    except KeyboardInterrupt as interrupt:  # Between two scales.
        error = interrupt
    if checkpoint:
        checkpoint.write()
    return Run(descent.picture(position.state), position.losses, position.state, error)


def _describe(position, descent, steps, share, show):
    state = position.state
    losses = dict(zip(descent.objective.names, position.losses[-1].tolist(), strict=True))
    size = tuple(state.image.shape[1:3])
    return Progress(len(position.losses), steps, size, losses, lambda: show(state), share)
