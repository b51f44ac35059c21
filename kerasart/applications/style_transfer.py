"""Neural style transfer: a photo painted in the manner of a picture.

Source: Gatys, Ecker and Bethge 2015, "A Neural Algorithm of Artistic Style" (arXiv 1508.06576).
"""

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from kerasart.applications.style_inputs import StyleInputs
from kerasart.backbones import Backbone, load_backbone
from kerasart.image import as_image
from kerasart.image.arrays import fit_size
from kerasart.image.resizing import resize_photo
from kerasart.objectives import Objective, style_objective
from kerasart.optimization import (
    LBFGS,
    Adam,
    Descent,
    GradientDescent,
    KerasOptimizer,
    Result,
    balance,
    choose_tile,
    coarse_to_fine,
    explain_memory_errors,
    finish,
    open_checkpoint,
    scale_sizes,
    share_steps,
    style_targets,
)
from kerasart.optimization.optimizers import Optimizer
from kerasart.progress import Progress
from kerasart.settings.checks import check_seed
from kerasart.settings.presets import (
    choose_network,
    choose_style_settings,
    find_preset,
    preset_name,
)
from kerasart.settings.style import StyleSettings

_log = logging.getLogger("kerasart")


def style_transfer(
    content: ArrayLike,
    styles: ArrayLike | Sequence[ArrayLike],
    preset: str | PathLike[str] | dict = "best",
    backbone: str | Backbone = "auto",
    weights: str = "auto",
    *,
    style_weights: Sequence[float] | None = None,
    content_masks: ArrayLike | Sequence[ArrayLike | None] | None = None,
    style_masks: ArrayLike | Sequence[ArrayLike | None] | None = None,
    start: ArrayLike | None = None,
    objective: Objective | None = None,
    precision: str = "auto",
    seed: int = 0,
    tile: int | str = "auto",
    memory: float | None = None,
    checkpoint: str | PathLike[str] | None = None,
    on_step: Callable[[Progress], object] | None = None,
    on_tile: Callable[[int, int], object] | None = None,
    **settings: Any,
) -> Result:
    """Paints a photo in the manner of one or more pictures.

    Args:
        content: RGB of shape (height, width, 3) or (1, height, width, 3), uint8 or float in [0, 1].
        styles: One such picture, or a list; they may have any sizes.
        preset: Gives the settings that are not given here. One of your own is a path that ends in
            .json, or a dict (see `kerasart.settings.presets.find_preset`).
        backbone: The feature network: a name or a `Backbone`; "auto" is the bundled VGG16,
            or the preset's (see `load_backbone`).
        weights: Its weights (see `load_backbone`).
        style_weights: How much of each style, in proportion; None for equal shares.
        content_masks: For each style, where in the photo it paints: (height, width), uint8 or
            float in [0, 1], of any size; None is everywhere. What no style paints stays the photo.
        style_masks: For each style, which part of it is the manner; None is all of it.
        start: A picture to start from, in place of the setting `init`.
        objective: A `Term` or an `Objective` of your own, wanted besides.
        precision: "float32", "bfloat16", or "auto": what is fast on this machine.
        seed: Seeds all noise, and random weights: same seed, same machine, same picture.
        tile: Side in pixels of the tiles in which larger pictures are looked at, to the same
            picture in less memory; "auto" chooses the largest that fit, "none" evaluates all as a
            whole.
        memory: What may be used, in GiB; None is what the machine has free.
        checkpoint: A path at which the state of the run is kept. If there is one, of a run with
            the same pictures and settings, this run goes on from it and ends in the same picture.
            It is yours to delete.
        on_step: Called with a `Progress` after each step; on a GPU, after each block of steps.
        on_tile: `on_tile(done, count)`, called after each evaluation of a tile of a step.
        **settings: Any attribute of `StyleSettings`; `optimizer` can also be a Keras optimizer.
            None stands for the preset's.

    Returns:
        A `Result`.

    Raises:
        ValueError: If an argument is not allowed, or a picture is too small for the network.
        MemoryError: If the picture does not fit into memory.
        DivergedError: If a loss is not finite; its `result` is the last good picture.
        Interrupted: On Ctrl-C; its `result` is the picture so far.
    """
    check_seed(seed)
    content = as_image(content, "content")
    styles = [as_image(style, "styles") for style in _listed(styles)]
    recipe = find_preset("style_transfer", preset)
    if not isinstance(backbone, Backbone):
        name, weights = choose_network(recipe, backbone, weights)
        backbone = load_backbone(name, weights, seed, default="vgg16")
    given_optimizer = settings.get("optimizer")
    settings = choose_style_settings(recipe, backbone, settings, max(content.shape[1:3]))
    optimizer = make_optimizer(settings, given_optimizer)
    inputs = StyleInputs(content, styles, style_weights, content_masks, style_masks, settings)
    wanted = style_objective(settings, inputs.painters)
    objective = wanted if objective is None else wanted + objective
    backbone = backbone.cut(objective.layers, precision, settings.pooling, settings.padding)
    sizes, steps = _schedule(inputs, content.shape[1:3], settings, backbone)
    largest = _largest(inputs, sizes[-1])
    descent = Descent(
        backbone,
        objective,
        optimizer,
        clip=settings.clip,
        average=settings.average,
        tile=choose_tile(
            backbone, largest, tile, memory, pictures=optimizer.pictures, is_style=True
        ),
        on_tile=on_tile,
        # L-BFGS remembers nothing of another scale, and needs the slope of the loss itself.
        first_size=None if optimizer.searches_lines else sizes[0],
        reuse=True,
    )
    record = {
        "preset": preset_name(preset),
        "backbone": backbone.name,
        "weights": backbone.weights,
        "weights_hash": backbone.weights_hash,
        "precision": backbone.precision,
        "seed": seed,
        "style_weights": inputs.shares,
        **asdict(settings),
    }
    pictures = [content, *styles, *_listed(content_masks), *_listed(style_masks), start]

    def prepare(scale, weights):
        photo = inputs.photo(sizes[scale])
        targets = style_targets(
            descent.evaluator,
            photo,
            inputs.styles(sizes[scale]),
            inputs.shares,
            inputs.style_masks,
            inputs.regions,
        )
        if weights is None:
            # Found once, at the first scale: what is wanted is the same at every other.
            weights = balance(descent.evaluator, photo, targets, seed)
        return targets, weights

    with explain_memory_errors(sizes[-1]):
        run = coarse_to_fine(
            descent,
            _first_picture(inputs, sizes[0], settings.init, start, seed),
            sizes,
            steps,
            prepare,
            show=lambda state, _: inputs.finish(descent.picture(state), sizes[-1]),
            seed=seed,
            checkpoint=open_checkpoint(checkpoint, record, objective, optimizer, pictures),
            on_step=on_step,
        )
    return finish(Result(run.image, objective.by_name(run.losses.T), record), run.error)


def make_optimizer(settings: StyleSettings, given: Any = None) -> Optimizer:
    """Makes the optimizer that settings stand for; a Keras optimizer that was given is taken."""
    if given is not None and not isinstance(given, str):
        return KerasOptimizer(given)
    if settings.optimizer == "lbfgs":
        return LBFGS()
    if settings.optimizer == "sgd":
        return GradientDescent(settings.learning_rate, settings.decay)
    if settings.optimizer == "adam":
        rate, betas = settings.learning_rate, (settings.beta_1, settings.beta_2)
        return Adam(rate, *betas, settings.epsilon)
    return KerasOptimizer(settings.optimizer, settings.learning_rate)


def _schedule(inputs, size, settings, backbone):
    """Lists the sizes of the scales, and how many steps are taken at each."""
    height, width = size
    if settings.rows:
        size = settings.rows, max(1, int(width * settings.rows / height))
    elif settings.size:
        size = fit_size(size, settings.size)
    sizes = scale_sizes(size, settings.smallest or math.inf, settings.scale_factor)
    steps = settings.steps
    if not isinstance(steps, int) and len(steps) != len(sizes):
        long_sides = ", ".join(str(max(size)) for size in sizes)
        raise ValueError(
            f"`steps` must be one number, or {len(sizes)}, one for each scale ({long_sides} "
            f"pixels). Received: {len(steps)}"
        )
    usable = _usable_scales(inputs, sizes, backbone)
    if isinstance(steps, int):
        return usable, share_steps(steps, usable)
    return usable, list(steps[-len(usable) :])


def _usable_scales(inputs, sizes, backbone):
    """Lists the sizes less those at which the photo or a style is too small for the network."""
    least = backbone.least_size()
    seen = {size: {"content": [size], "styles": inputs.style_sizes(size)} for size in sizes}
    for name, those in seen[sizes[-1]].items():
        smallest = min(those, key=min)
        if min(smallest) < least:
            raise ValueError(
                f"`{name}` must be at least {least}x{least} pixels at the last scale for "
                f"{backbone.name} and these layers. Received: {smallest[1]}x{smallest[0]}"
            )
    usable = [
        size
        for size in sizes
        if all(min(side) >= least for those in seen[size].values() for side in those)
    ]
    if len(usable) < len(sizes):
        _log.warning(
            "%d of %d scales left out: too small for %s, which needs %d pixels.",
            len(sizes) - len(usable),
            len(sizes),
            backbone.name,
            least,
        )
    return usable


def _largest(inputs, size):
    """Finds the largest picture to be looked at."""
    return max([size, *inputs.style_sizes(size)], key=math.prod)


def _first_picture(inputs, size, init, start, seed):
    """Chooses what the first scale starts from."""
    if start is not None:
        return resize_photo(as_image(start, "start"), size)
    if init == "content":
        return inputs.photo(size)
    noise = np.random.default_rng(seed).normal(0.5, 0.1, (1, *size, 3))
    return np.clip(noise, 0.0, 1.0).astype(np.float32)


def _listed(values):
    return list(values) if isinstance(values, list | tuple) else [values]
