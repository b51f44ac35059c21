"""Neural style transfer: a photo painted in the style of another image.

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
    """Paints a photo in the style of one or more images.

    Args:
        content: RGB of shape (height, width, 3) or (1, height, width, 3), uint8 or float in [0, 1].
        styles: One such image, or a list; they may have any sizes.
        preset: Supplies the settings that are not given. A preset of your own is a path that ends
            in .json, or a dict (see `kerasart.settings.presets.find_preset`).
        backbone: The feature network: a name or a `Backbone`; "auto" is the bundled VGG16,
            or the preset's (see `load_backbone`).
        weights: Its weights (see `load_backbone`).
        style_weights: Relative weights of the styles; None for equal ones.
        content_masks: For each style, a mask of its region in the photo: (height, width), uint8 or
            float in [0, 1], of any size; None is everywhere. Outside all regions, the photo stays.
        style_masks: For each style, a mask of the part of it to use; None is all of it.
        start: The initial image, instead of the setting `init`.
        objective: A `Term` or an `Objective` of your own, added to that of the settings.
        **options: Any attribute of `StyleSettings`, where None stands for the preset's value and
            `optimizer` can also be a Keras optimizer, or of `Execution`, such as `seed`, `tile`
            and `on_step`.

    Returns:
        A `Result`.

    Raises:
        ValueError: If an argument is not allowed, or an image is too small for the network.
        MemoryError: If the image does not fit into memory.
        DivergedError: If a loss is not finite; its `result` has the last good image.
        Interrupted: On Ctrl-C; its `result` has the image so far.
    """
    execution, given = split_options(options)
    content = as_image(content, "content")
    styles = [as_image(style, "styles") for style in _listed(styles)]
    long_side = max(content.shape[1:3])
    backbone, settings = _choose(preset, backbone, weights, given, long_side, execution.seed)
    inputs = StyleInputs(content, styles, style_weights, content_masks, style_masks, settings)
    of_settings = style_objective(settings, inputs.region_weights)
    objective = of_settings if objective is None else of_settings + objective
    backbone = backbone.cut(
        objective.layers, execution.precision, settings.pooling, settings.padding
    )
    sizes, steps = inputs.plan_scales(backbone)
    optimizer = make_optimizer(settings, given.get("optimizer"))
    largest = inputs.largest_size(sizes[-1])
    descent = _make_descent(backbone, objective, optimizer, settings, sizes[0], largest, execution)
    style_weights = inputs.style_weights
    record = make_record(preset, backbone, execution.seed, settings, style_weights=style_weights)
    images = [content, *styles, *_listed(content_masks), *_listed(style_masks), start]

    def prepare(scale, weights):
        photo, styles = inputs.photo(sizes[scale]), inputs.styles(sizes[scale])
        masks = inputs.style_masks, inputs.regions
        targets = style_targets(descent.evaluator, photo, styles, style_weights, *masks)
        if weights is None:
            # Once, at the first scale, so that the objective is the same at all scales.
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
            checkpoint=open_checkpoint(execution.checkpoint, record, descent, images),
            on_step=execution.on_step,
        )
    return finish(run, objective, record)


def _choose(preset, backbone, weights, given, long_side, seed):
    """Loads the network, and completes the given settings with those of the preset for it."""
    loaded = find_preset("style_transfer", preset)
    if not isinstance(backbone, Backbone):
        name, weights = choose_network(loaded, backbone, weights)
        backbone = load_backbone(name, weights, seed, default="vgg16")
    return backbone, choose_style_settings(loaded, backbone, given, long_side)


def _make_descent(backbone, objective, optimizer, settings, first_size, largest, execution):
    """Makes the `Descent` of the settings, with a tile size for the largest image."""
    tiling, images = (execution.tile, execution.memory), optimizer.images
    side = choose_tile(backbone, largest, *tiling, images=images, is_style=True)
    return Descent(
        backbone,
        objective,
        optimizer,
        clip=settings.clip,
        average=settings.average,
        tile=side,
        on_tile=execution.on_tile,
        # L-BFGS keeps nothing from another scale, and needs the exact gradient of the loss.
        first_size=None if optimizer.searches_lines else first_size,
        reuse=True,
    )


def make_optimizer(settings: StyleSettings, given: Any = None) -> Optimizer:
    """Makes the optimizer of the settings, or wraps the given Keras optimizer."""
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
