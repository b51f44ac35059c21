"""Feature visualization: the image that excites each channel of a layer.

Source: Olah, Mordvintsev and Schubert 2017, "Feature Visualization" (distill.pub).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from os import PathLike
from typing import Any

import numpy as np

from kerasart.applications.deep_dream import Dreamer
from kerasart.backbones import Backbone
from kerasart.objectives import Channel, Target
from kerasart.progress import Progress


def visualize_channels(
    layer: str,
    channels: Sequence[int] | slice | None = None,
    backbone: str | Backbone = "auto",
    weights: str = "auto",
    *,
    preset: str | PathLike[str] | dict = "visualization",
    size: int = 128,
    precision: str = "auto",
    seed: int = 0,
    on_step: Callable[[Progress], object] | None = None,
    **settings: Any,
) -> Iterator[tuple[int, np.ndarray]]:
    """Dreams of a layer's channels, each from nothing, by one compiled step.

    Args:
        layer: The layer.
        channels: Numbers of channels, from 0, or a slice of all; None is all of them.
        backbone, weights, preset, precision, seed: As in `deep_dream`.
        size: Side of each picture in pixels.
        on_step: Called with a `Progress` after each step, whose steps are those of all channels.
        **settings: As in `deep_dream`, but for what is dreamed of.

    Yields:
        Pairs of a channel and its picture, float32 RGB (1, size, size, 3) in [0, 1].

    Raises:
        ValueError: If an argument is not allowed, or there is no such layer or channel.
    """
    first = {f"{layer}:0": 1.0}
    dreamer = Dreamer(
        preset, backbone, weights, precision=precision, seed=seed, channel=first, **settings
    )
    count = dreamer.backbone.channels(layer)
    given = slice(None) if channels is None else channels
    channels = range(count)[given] if isinstance(given, slice) else list(given)
    if not channels:
        raise ValueError(
            f"`channels` must name some from 0 to {count - 1} in {layer}. Received: {given}"
        )
    every = [
        [
            Channel(layer, channel).target(count) if isinstance(term, Channel) else Target()
            for term in dreamer.objective.terms
        ]
        for channel in channels
    ]

    def report(progress, done):
        step, steps = done * progress.steps + progress.step, len(channels) * progress.steps
        share = (done + progress.share) / len(channels)
        on_step(replace(progress, step=step, steps=steps, share=share))

    for done, (channel, targets) in enumerate(zip(channels, every, strict=True)):
        listener = partial(report, done=done) if on_step else None
        dream = dreamer.dream(size=size, targets=targets, on_step=listener)
        yield channel, dream.image
