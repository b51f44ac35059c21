"""Coarse to fine: a descent at one size after another."""

import numpy as np

from kerasart.optimization.checkpoint import Position
from kerasart.optimization.loop import Run
from kerasart.optimization.result import Progress
from kerasart.optimization.schedule import share_done


def descend_scales(
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
