"""`FilmStylizer`, which paints the frames of a film in one pass, steadily.

Each frame is painted by a `Stylizer`, whose noise and strides move with the scene, and blended with
the painted frame before, which is warped along the motion:

    painted = network(frame at its place in the scene)
    blended = painted + steadiness * trust * (warp(blended before, flow) - painted)
    blended += trust * (gain - 1) * detail(blended)

Each blend averages strokes that do not quite coincide, and each warp blurs them: so the contrast of
fine detail is raised again to that of the frame as it was painted.

Source: blending along optical flow follows Chen et al. 2017, "Coherent Online Video Style Transfer"
(arXiv 1703.09211, equation 3), without their trained masks; moving the network's noise and strides
with the scene, and the gain, are ours.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kerasart.applications.fast_style import Model, Style, Stylizer
from kerasart.applications.film import FilmState
from kerasart.film.flow import opencv, warp
from kerasart.film.motion import Motion
from kerasart.settings.film import FilmSettings

# Detail is what a Gaussian blur of this standard deviation, in pixels, takes away.
_FINE = 0.8


class FilmStylizer:
    """A film painter: paints frame after frame in one pass of a trained network.

    Args:
        model: As in `Stylizer`, or a `Stylizer`.
        style: As in `Stylizer.__call__`.
        steadiness: From 0, where frames are painted one by one, to 1, where each keeps all that
            can be carried over from the frame before, which blurs in time. Larger values flicker
            less and lag behind where things move.
        **options: Further arguments of `Stylizer.__call__`.

    Raises:
        ValueError: If `steadiness` is not allowed.
    """

    def __init__(
        self,
        model: Model | Stylizer = "medium",
        style: Style | None = None,
        steadiness: float = FilmSettings.steadiness,
        **options: Any,
    ):
        FilmSettings(steadiness)
        self._stylizer = model if isinstance(model, Stylizer) else Stylizer(model)
        self._steadiness = steadiness
        self._options = {"style": style, **options}

    def __call__(
        self, frame: np.ndarray, motion: Motion | None, state: FilmState | None
    ) -> tuple[np.ndarray, FilmState]:
        """Paints the next frame (see `Painter`)."""
        if motion is None or state is None or not self._steadiness:
            painted = self._stylizer(frame, **self._options)
            return painted, {"painted": painted, "place": np.zeros(2)}
        place = state["place"] + motion.shift
        painted = self._stylizer(frame, place=tuple(place.tolist()), **self._options)
        kept = self._steadiness * motion.trust
        blended = painted + kept * (warp(state["painted"], motion.flow) - painted)
        blended = np.clip(_restore_detail(blended, painted, motion.trust), 0.0, 1.0)
        return blended, {"painted": blended, "place": place}


def _restore_detail(blended, painted, trust):
    """Raises the contrast of detail, where trusted, to that of the frame as it was painted."""
    fine, wanted = (_find_detail(image) for image in (blended, painted))
    energy = np.sum(trust * fine**2)
    if not energy:
        return blended
    gain = np.sqrt(np.sum(trust * wanted**2) / energy)
    return blended + (gain - 1) * trust * fine


def _find_detail(image):
    return image - opencv().GaussianBlur(image[0], (0, 0), _FINE)
