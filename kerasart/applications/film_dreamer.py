"""`FilmDreamer`, which dreams on the frames of a film, steadily.

The first frame of a shot is dreamed on as a photo. At each other one, the dream, which is what the
picture has more than the film, is carried along the motion, and grows for a few steps at the last
octave:

    start = frame + strength * warp(dream before, flow)

So eyes stay on their things, and what is uncovered is dreamed anew. The optimizer's memory is moved
along, too: a new Adam would shake all that stands still. As much of the dream is carried as keeps
it as strong as at the start of the shot; to feed back the picture itself lets it grow until it
covers the film.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from kerasart.applications.deep_dream import Dreamer
from kerasart.applications.film import FilmState, list_arrays, name_arrays
from kerasart.film.flow import warp
from kerasart.film.motion import Motion
from kerasart.image.resizing import resize
from kerasart.optimization import carry, finish
from kerasart.settings.checks import check
from kerasart.settings.film import FilmDreamSettings

# The part of the dream that is carried where the motion cannot be trusted: a wrong dream harms less
# than none, and fades from frame to frame.
_UNTRUSTED = 0.5
# The least part of the first dream's strength that is carried, however fast a dream grows.
_LEAST = 0.25
# The most times `film_steps` at a frame where much of the dream is lost.
_MOST = 3


class FilmDreamer:
    """A film painter: dreams on frame after frame.

    The strength of a dream is its mean squared difference from the film.

    Args:
        dreamer: A `Dreamer` that dreams on photos, by ascent or Adam, without `checkpoint`.
        mask: As in `deep_dream`, for all frames.
        film_steps: Steps for each frame but the first of a shot; up to three times as many where
            the motion lost much of the dream.
        steadiness: The most that is carried to the next frame, from 0 to 1, as a part of the
            strength at the start of the shot. It is less if the dream grows faster.

    Raises:
        ValueError: If an argument is not allowed.
    """

    def __init__(
        self,
        dreamer: Dreamer,
        mask: ArrayLike | None = None,
        film_steps: int = FilmDreamSettings.film_steps,
        steadiness: float = FilmDreamSettings.steadiness,
    ):
        check(isinstance(dreamer, Dreamer), "dreamer", "a Dreamer", dreamer)
        FilmDreamSettings(steadiness, film_steps)
        dreamer.settings.check_film()
        dreamer.execution.refuse_checkpoint("frame")
        self._dreamer = dreamer
        self._mask = mask
        self._steps = film_steps
        self._steadiness = steadiness

    def __call__(
        self, frame: np.ndarray, motion: Motion | None, state: FilmState | None
    ) -> tuple[np.ndarray, FilmState]:
        """Dreams on the next frame (see `Painter`).

        Raises:
            ValueError, MemoryError, DivergedError, Interrupted: See `deep_dream`.
        """
        inputs = self._dreamer.plan(frame, self._mask)
        if motion is None or state is None:
            run = self._dreamer.run(inputs)
            picture = self._finish(run)
            strength = _strength(picture - frame)
            growth = (1 - self._steadiness) * strength / self._steps
            return picture, _remember(run, picture - frame, strength, growth)
        strength, growth = state["strength"], state["growth"]
        carried = warp(state["dream"], motion.flow)
        carried *= _UNTRUSTED + (1 - _UNTRUSTED) * motion.trust
        share = 1 - self._steps * growth / strength
        most = np.clip(share, _LEAST, self._steadiness) * strength
        carried *= np.sqrt(min(1.0, most / _strength(carried)))
        start = np.clip(frame + carried, 0.0, 1.0)
        left = _strength(start - frame)
        needed = (strength - left) / max(growth, 1e-12)
        steps = int(np.clip(np.rint(needed), self._steps, _MOST * self._steps))
        run = self._dream_on(inputs, start, steps, motion, state)
        picture = self._finish(run)
        growth = max((_strength(picture - frame) - left) / steps, 0.0)
        return picture, _remember(run, picture - frame, strength, growth)

    def _dream_on(self, inputs, start, steps, motion, state):
        """Takes steps at the last octave alone, with the optimizer's memory of the frame before."""
        dreamer, size = self._dreamer, inputs.sizes[-1]
        start = resize(start, size, dreamer.settings.antialias)
        motion = motion.resize(size)
        memory, move = list_arrays("memory", state), partial(warp, flow=motion.flow)
        start = carry(dreamer.descent, memory, start, move, motion.trust)
        return dreamer.run(inputs, start, -1, steps)

    def _finish(self, run):
        return finish(run, self._dreamer.objective, self._dreamer.record).image


def _remember(run, dream, strength, growth):
    """Makes the state for the next frame."""
    memory = name_arrays("memory", run.state.memory)
    return {"dream": dream, "strength": strength, "growth": growth} | memory


def _strength(dream):
    return max(np.mean(dream**2), 1e-12)
