"""Neural style transfer: a photo painted in the manner of a picture.

Source: Gatys, Ecker and Bethge 2015, "A Neural Algorithm of Artistic Style" (arXiv 1508.06576).
"""

from collections.abc import Callable, Sequence
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
from kerasart.progress import Progress
from kerasart.settings.checks import check_seed
from kerasart.settings.presets import choose_network, choose_style_settings, find_preset
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
        precision, seed, tile, memory, checkpoint, on_step, on_tile: As in `deep_dream`; painted in
            tiles, a picture is the same but for rounding.
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
    sizes, steps = inputs.plan_scales(backbone)
    largest = inputs.largest_size(sizes[-1])
    held = optimizer.pictures
    side = choose_tile(backbone, largest, tile, memory, pictures=held, is_style=True)
    descent = _make_descent(backbone, objective, optimizer, settings, sizes[0], side, on_tile)
    record = make_record(preset, backbone, seed, settings, style_weights=inputs.shares)
    pictures = [content, *styles, *_listed(content_masks), *_listed(style_masks), start]

    def prepare(scale, weights):
        photo, styles = inputs.photo(sizes[scale]), inputs.styles(sizes[scale])
        shown = photo, styles, inputs.shares, inputs.style_masks, inputs.regions
        targets = style_targets(descent.evaluator, *shown)
        if weights is None:
            # Found once, at the first scale: what is wanted is the same at every other.
            weights = balance(descent.evaluator, photo, targets, seed)
        return targets, weights

    with explain_memory_errors(sizes[-1]):
        run = coarse_to_fine(
            descent,
            inputs.start(sizes[0], start, seed),
            sizes,
            steps,
            prepare,
            show=lambda state, _: inputs.finish(descent.picture(state), sizes[-1]),
            seed=seed,
            checkpoint=open_checkpoint(checkpoint, record, objective, optimizer, pictures),
            on_step=on_step,
        )
    return finish(Result(run.image, objective.by_name(run.losses.T), record), run.error)


def _make_descent(backbone, objective, optimizer, settings, first_size, side, on_tile):
    return Descent(
        backbone,
        objective,
        optimizer,
        clip=settings.clip,
        average=settings.average,
        tile=side,
        on_tile=on_tile,
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
