"""`FilmStyleTransfer`, which paints the frames of a film by optimisation, steadily.

The first frame of a shot is painted as a photo. Each other one starts from the painting before,
moved along the motion together with the optimizer's memory, and takes a few steps at the last
scale, on the loss of a photo plus `Temporal`.

Source: Ruder et al. 2016, "Artistic Style Transfer for Videos" (arXiv 1604.08610, sections 4.1 and
4.2: initialisation and short-term consistency). Moving the optimizer's memory is ours: without it,
its first steps shake what stands still.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from kerasart.applications.film import FilmState, list_arrays, name_arrays
from kerasart.applications.style_transfer import PaintingPlan, StyleTransfer
from kerasart.backbones import Backbone
from kerasart.film.flow import warp
from kerasart.film.motion import Motion
from kerasart.objectives import Objective, Target, Temporal
from kerasart.optimization import blend_warped, carry, finish, measure_gradient, replace_photo
from kerasart.settings.execution import split_options
from kerasart.settings.film import FilmPaintingSettings

# Weight of `Temporal` at a steadiness of 1, relative to the other terms' gradient on a noisy photo.
_STRONGEST = 140.0
# Exponent of the trust in `Temporal`, which weighs so much that where it trusts a little it would
# hold wrong strokes as firmly as right ones: thin limbs that move would lag behind.
_FIRMNESS = 4


class FilmStyleTransfer:
    """A film painter: paints frame after frame by optimisation.

    The network is loaded once, and a step compiled once. Styles are looked at, and weights
    balanced, once for each shot.

    Args:
        styles, preset, backbone, weights, objective: As in `style_transfer`.
        film_steps: Steps for each frame but the first of a shot.
        steadiness: From 0, where only the painting and the optimizer's memory are carried over, to
            1, where `Temporal` weighs most.
        **options: As in `style_transfer`, but without masks of the photo and `checkpoint`:
            `paint_film` resumes by itself.

    Attributes:
        painting: How the present shot is painted, a `PaintingPlan`; None before the first.

    Raises:
        ValueError: If an argument is not allowed.
    """

    def __init__(
        self,
        styles: ArrayLike | Sequence[ArrayLike],
        preset: str | PathLike[str] | dict = "best",
        backbone: str | Backbone = "auto",
        weights: str = "auto",
        *,
        objective: Objective | None = None,
        film_steps: int = FilmPaintingSettings.film_steps,
        steadiness: float = FilmPaintingSettings.steadiness,
        **options: Any,
    ):
        FilmPaintingSettings(steadiness, film_steps)
        split_options(options)[0].refuse_checkpoint("frame")
        temporal = Temporal(_STRONGEST * steadiness**2)
        objective = temporal if objective is None else objective + temporal
        self._transfer = StyleTransfer(
            styles, preset, backbone, weights, objective=objective, **options
        )
        self._steps = film_steps
        self.painting: PaintingPlan | None = None

    def __call__(
        self, frame: np.ndarray, motion: Motion | None, state: FilmState | None
    ) -> tuple[np.ndarray, FilmState]:
        """Paints the next frame, at the size of the settings (see `Painter`).

        Raises:
            ValueError, MemoryError, DivergedError, Interrupted: See `style_transfer`.
        """
        if motion is None or state is None:
            return self._paint_first(frame)
        painting = self._plan_next(frame)
        start, targets, weights = _carry(painting, motion, state)
        return _paint(painting, start, lambda scale, before: (targets, weights))

    def _paint_first(self, frame):
        self.painting = painting = self._transfer.plan(frame)

        def prepare(scale, before):
            targets, weights = painting.prepare(scale, before)
            if before is None:
                photo = painting.inputs.photo(painting.sizes[scale])
                # The photo has no picture before, so this is the gradient of the other terms.
                size = measure_gradient(painting.descent.evaluator, photo, targets, weights)
                weights = np.append(weights[:-1], weights[-1] * np.float32(size))
            return targets, weights

        return _paint(painting, painting.start(), prepare)

    def _plan_next(self, frame):
        if self.painting is None:  # The run was interrupted, and is resumed.
            self.painting = self._transfer.plan(frame)
        inputs, sizes = self.painting.inputs.with_content(frame), self.painting.sizes[-1:]
        return replace(self.painting, inputs=inputs, sizes=sizes, steps=[self._steps])


def _paint(painting, start, prepare):
    """Paints a frame; returns it and the state for the next one."""
    targets, weights = (), ()

    def noted(scale, before):
        nonlocal targets, weights
        targets, weights = prepare(scale, before)
        return targets, weights

    run = painting.run(start, noted)
    painted = finish(run, painting.descent.objective, painting.record).image
    state = {"image": painting.descent.to_image(run.state), "weights": weights}
    state |= name_arrays("memory", run.state.memory)
    for i, target in enumerate(targets):
        state |= name_arrays(f"target {i} ", target.value)
    return painted, {name: np.asarray(array) for name, array in state.items()}


def _carry(painting, motion, state):
    """Returns the `State` to start a frame from, and its targets and weights."""
    size, descent = painting.sizes[-1], painting.descent
    photo, motion = painting.inputs.photo(size), motion.resize(size)
    move = partial(warp, flow=motion.flow)
    values = [list_arrays(f"target {i} ", state) for i in range(len(descent.objective.terms))]
    targets = [Target(value=value) for value in values]
    before = move(state["image"]), motion.trust**_FIRMNESS
    targets = replace_photo(descent.evaluator, targets, photo, before)
    start = blend_warped(move, motion.trust, state["image"], photo)
    start = carry(descent, list_arrays("memory", state), start, move, motion.trust)
    return start, targets, state["weights"]
