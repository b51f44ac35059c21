"""What the channels of a layer want to see, one picture each.

Source: Olah, Mordvintsev and Schubert 2017, "Feature Visualization" (distill.pub).
"""

from kerasart.deepdream import Dreamer
from kerasart.objectives import Channel, Target


def visualize_channels(
    layer,
    channels=None,
    backbone="auto",
    weights="auto",
    *,
    preset="visualization",
    size=128,
    precision="auto",
    seed=0,
    on_step=None,
    **settings,
):
    """Dreams of a layer's channels, each from nothing, by one compiled step.

    Args:
        layer: The layer.
        channels: Numbers of channels, from 0; None is all of them.
        backbone, weights, preset, precision, seed, on_step, **settings: As in `deep_dream`.
        size: Side of each picture in pixels.

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
    channels = list(range(count) if channels is None else channels)
    targets = [[Channel(layer, channel).target(count)] for channel in channels]
    # Terms of other kinds, such as smoothness, compare with nothing.
    others = [Target()] * (len(dreamer.objective.terms) - 1)
    for channel, target in zip(channels, targets, strict=True):
        dream = dreamer.dream(size=size, targets=target + others, on_step=on_step)
        yield channel, dream.image
