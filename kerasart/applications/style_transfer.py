"""Neural style transfer: a photo painted in the manner of a picture.

Source: Gatys, Ecker and Bethge 2015, "A Neural Algorithm of Artistic Style" (arXiv 1508.06576).
"""

from collections.abc import Sequence
from os import PathLike
from typing import Any

from numpy.typing import ArrayLike

from kerasart.applications.style_inputs import StyleInputs
from kerasart.backbones import Backbone, load_backbone
from kerasart.image import as_image
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
    make_record,
    open_checkpoint,
    style_targets,
)
from kerasart.optimization.optimizers import Optimizer
from kerasart.settings.choices import choose_network, choose_style_settings
from kerasart.settings.execution import split_options
from kerasart.settings.presets import find_preset
from kerasart.settings.style import StyleSettings


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
    **options: Any,
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
        **options: Any attribute of `StyleSettings`, where None stands for the preset's and
            `optimizer` can also be a Keras optimizer, or of `Execution`, such as `seed`, `tile`
            and `on_step`.

    Returns:
        A `Result`.

    Raises:
        ValueError: If an argument is not allowed, or a picture is too small for the network.
        MemoryError: If the picture does not fit into memory.
        DivergedError: If a loss is not finite; its `result` is the last good picture.
        Interrupted: On Ctrl-C; its `result` is the picture so far.
    """
    execution, given = split_options(options)
    content = as_image(content, "content")
    styles = [as_image(style, "styles") for style in _listed(styles)]
    long_side = max(content.shape[1:3])
    backbone, settings = _choose(preset, backbone, weights, given, long_side, execution.seed)
    inputs = StyleInputs(content, styles, style_weights, content_masks, style_masks, settings)
    wanted = style_objective(settings, inputs.painters)
    objective = wanted if objective is None else wanted + objective
    backbone = backbone.cut(
        objective.layers, execution.precision, settings.pooling, settings.padding
    )
    sizes, steps = inputs.plan_scales(backbone)
    optimizer = make_optimizer(settings, given.get("optimizer"))
    largest = inputs.largest_size(sizes[-1])
    descent = _make_descent(backbone, objective, optimizer, settings, sizes[0], largest, execution)
    record = make_record(preset, backbone, execution.seed, settings, style_weights=inputs.shares)
    pictures = [content, *styles, *_listed(content_masks), *_listed(style_masks), start]

    def prepare(scale, weights):
        photo, styles = inputs.photo(sizes[scale]), inputs.styles(sizes[scale])
        shown = photo, styles, inputs.shares, inputs.style_masks, inputs.regions
        targets = style_targets(descent.evaluator, *shown)
        if weights is None:
            # Found once, at the first scale: what is wanted is the same at every other.
            weights = balance(descent.evaluator, photo, targets, execution.seed)
        return targets, weights

    with explain_memory_errors(sizes[-1]):
        run = coarse_to_fine(
            descent,
            inputs.start(sizes[0], start, execution.seed),
            sizes,
            steps,
            prepare,
            to_image=lambda state, _: inputs.finish(descent.to_image(state), sizes[-1]),
            seed=execution.seed,
            checkpoint=open_checkpoint(execution.checkpoint, record, descent, pictures),
            on_step=execution.on_step,
        )
    return finish(run, objective, record)


def _choose(preset, backbone, weights, given, long_side, seed):
    """Loads the network that is asked for, and completes the settings by the preset's for it."""
    recipe = find_preset("style_transfer", preset)
    if not isinstance(backbone, Backbone):
        name, weights = choose_network(recipe, backbone, weights)
        backbone = load_backbone(name, weights, seed, default="vgg16")
    return backbone, choose_style_settings(recipe, backbone, given, long_side)


def _make_descent(backbone, objective, optimizer, settings, first_size, largest, execution):
    """Makes the descent that settings describe, in tiles in which the largest picture fits."""
    tiling, held = (execution.tile, execution.memory), optimizer.images
    side = choose_tile(backbone, largest, *tiling, images=held, is_style=True)
    return Descent(
        backbone,
        objective,
        optimizer,
        clip=settings.clip,
        average=settings.average,
        tile=side,
        on_tile=execution.on_tile,
        # L-BFGS remembers nothing of another scale, and needs the slope of the loss itself.
        first_size=None if optimizer.searches_lines else first_size,
        reuse=True,
    )


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


def _listed(values):
    return list(values) if isinstance(values, list | tuple) else [values]
