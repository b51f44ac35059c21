"""Feature visualization: the image that excites each channel of a layer.

Source: Olah, Mordvintsev and Schubert 2017, "Feature Visualization" (distill.pub).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from os import PathLike
from typing import Any

import numpy as np

from kerasart.applications.deep_dream import Dreamer
from kerasart.backbones import Backbone
from kerasart.objectives import Channel, Target
from kerasart.settings.checks import check, is_whole
from kerasart.settings.execution import split_options


def visualize_channels(
    layer: str,
    channels: Sequence[int] | slice | None = None,
    backbone: str | Backbone = "auto",
    weights: str = "auto",
    *,
    preset: str | PathLike[str] | dict = "visualization",
    size: int = 128,
    **options: Any,
) -> Iterator[tuple[int, np.ndarray]]:
    """Visualizes a layer's channels: a dream of each from noise, with one compiled step for all.

    Args:
        layer: The layer.
        channels: Numbers of channels, from 0, or a slice of all; None is all of them.
        backbone, weights, preset: See `deep_dream`.
        size: Side of each image in pixels.
        **options: See `deep_dream`, except the settings of what to dream of, and `checkpoint`. The
            steps of a `Progress` are those of all channels.

    Yields:
        Pairs of a channel and its image, float32 RGB (1, size, size, 3) in [0, 1].

    Raises:
        ValueError: If an argument is not allowed, or there is no such layer or channel.
    """
    split_options(options)[0].refuse_checkpoint("channel")
    dreamer = Dreamer(preset, backbone, weights, channel={f"{layer}:0": 1.0}, **options)
    on_step = dreamer.execution.on_step
    count = dreamer.backbone.channels(layer)
    given = slice(None) if channels is None else channels
    allowed = f"some from 0 to {count - 1} in {layer}"
    check(isinstance(given, slice | Iterable), "channels", allowed, given)
    channels = range(count)[given] if isinstance(given, slice) else list(given)
    are_some = channels and all(map(is_whole, channels))
    check(are_some, "channels", allowed, given)
    targets = [
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

    for done, (channel, of_channel) in enumerate(zip(channels, targets, strict=True)):
        listener = partial(report, done=done) if on_step else None
        dream = dreamer.dream(size=size, targets=of_channel, on_step=listener)
        yield channel, dream.image
