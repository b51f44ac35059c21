"""Animations of dreams: a growing dream, an endless zoom, a walk through layers or channels.

A frame is float32 RGB (1, height, width, 3), rounded to 8 bits, so that an animation resumed from a
frame on disk is the same as one that was never interrupted.
"""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import ArrayLike

from kerasart.applications.deep_dream import Dreamer
from kerasart.image import as_image
from kerasart.image.arrays import fit_size, quantise
from kerasart.image.resizing import resize_photo
from kerasart.image.warp import zoom_warp
from kerasart.objectives import Activation, Channel, Similarity
from kerasart.optimization import Result
from kerasart.progress import Progress
from kerasart.settings.animation import AnimationSettings


def animate_evolution(
    dreamer: Dreamer,
    image: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    *,
    size: int | None = None,
    frames: int = AnimationSettings.frames,
    on_frame: Callable[[np.ndarray], object],
    on_step: Callable[[Progress], object] | None = None,
) -> Result:
    """Makes frames of a dream as it grows.

    Args:
        dreamer: A `Dreamer`.
        image, mask, size: See `deep_dream`.
        frames: The most frames, at least 1; there are no more than steps.
        on_frame: Called with each frame.
        on_step: See `Execution`.

    Returns:
        The `Result` of the dream, whose image is the last frame.

    Raises:
        ValueError: If `frames` is less than 1.
    """
    AnimationSettings(frames)
    shown = 0

    def note(progress):
        nonlocal shown
        due = progress.step * frames // progress.steps
        if shown < due < frames:
            on_frame(_rounded(progress.picture()))
        shown = due
        if on_step:
            on_step(progress)

    result = dreamer.dream(image, mask, size=size, on_step=note)
    # Not at the last step, since a dream can end earlier, at `max_loss`.
    on_frame(_rounded(result.image))
    return result


def animate_zoom(
    dreamer: Dreamer,
    image: ArrayLike,
    *,
    size: int | None = None,
    frames: int = AnimationSettings.frames,
    zoom: float = AnimationSettings.zoom,
    rotate: float = AnimationSettings.rotate,
    shift: tuple[float, float] = AnimationSettings.shift,
    blend: float = AnimationSettings.blend,
    first: int = 0,
    on_step: Callable[[Progress], object] | None = None,
) -> Iterator[np.ndarray]:
    """Zooms endlessly into an image: each frame is a dream on an enlarged crop of the last.

    Source: the endless zoom of Mordvintsev et al.'s original DeepDream notebook (2015).

    Args:
        dreamer: A `Dreamer`.
        image: The image, which is the first frame; or the last frame, to resume.
        size: Long side in pixels; None keeps the image's own.
        frames: The number of frames, at least 1.
        zoom: Scale factor from frame to frame, more than 1.
        rotate: Rotation from frame to frame, in degrees counterclockwise.
        shift: (down, right): translation from frame to frame, in fractions of height and width.
        blend: Weight of the frame before, in [0, 1), against flicker.
        first: The number of the first frame to make: 0, or the number of frames so far.
        on_step: See `Execution`.

    Yields:
        The frames from `first` on.

    Raises:
        ValueError: If an argument is not allowed.
    """
    AnimationSettings(frames, zoom, rotate, shift, blend)
    dreamer.execution.refuse_checkpoint("frame")
    if image is None or dreamer.settings.init != "photo":
        raise ValueError(
            "`image` must be given, and `init` be photo, to zoom into it. "
            f"Received: init={dreamer.settings.init!r}"
        )
    frame = as_image(image)
    if size:
        frame = resize_photo(frame, fit_size(frame.shape[1:3], size))
    frame = _rounded(frame)
    for number in range(first, frames):
        if number:
            view = zoom_warp(frame, zoom, rotate, shift)
            dream = dreamer.dream(view, on_step=on_step).image
            frame = _rounded(blend * view + (1 - blend) * dream)
        yield frame


def animate_layers(
    dreamer: Dreamer,
    image: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    *,
    size: int | None = None,
    frames: int = AnimationSettings.frames,
    blend: float = AnimationSettings.blend,
    first: int = 0,
    last: np.ndarray | None = None,
    on_step: Callable[[Progress], object] | None = None,
) -> Iterator[np.ndarray]:
    """Walks through the layers or channels of a dream, from the first to the last.

    Each frame is a new dream on the same image, whose weights are interpolated between two
    neighbouring terms. Weights are balanced at the image (see `Dreamer.balance_terms`), so that no
    term dominates its neighbour.

    Args:
        dreamer: A `Dreamer` of at least two layers or channels, in the order of the walk.
        image, mask, size: See `deep_dream`.
        frames: The number of frames, at least 1.
        blend: Weight of the frame before, in [0, 1), against flicker.
        first: The number of the first frame to make.
        last: The frame before it.
        on_step: See `Execution`.

    Yields:
        The frames from `first` on.

    Raises:
        ValueError: If an argument is not allowed.
    """
    AnimationSettings(frames, blend=blend)
    dreamer.execution.refuse_checkpoint("frame")
    terms = dreamer.objective.terms
    keyframes = [i for i, t in enumerate(terms) if isinstance(t, Activation | Channel | Similarity)]
    if len(keyframes) < 2:
        raise ValueError(
            "`layers`, or `channel`, must name at least two to walk from one to the next. "
            f"Received: {list(dreamer.objective.names)}"
        )
    balanced = dreamer.balance_terms(keyframes, image, size=size)
    for number in range(first, frames):
        time = number / max(1, frames - 1) * (len(keyframes) - 1)
        weights = balanced.copy()
        for keyframe, i in enumerate(keyframes):
            weights[i] *= max(0.0, 1.0 - abs(time - keyframe))
        dream = dreamer.dream(image, mask, size=size, weights=weights, on_step=on_step).image
        last = _rounded(dream if last is None else blend * last + (1 - blend) * dream)
        yield last


def _rounded(image):
    return quantise(np.asarray(image), 8).astype(np.float32) / np.float32(255)
