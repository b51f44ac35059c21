"""Neural style transfer: a photo painted in the style of another image.

Source: Gatys, Ecker and Bethge 2015, "A Neural Algorithm of Artistic Style" (arXiv 1508.06576).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from kerasart.applications.style_inputs import StyleInputs, as_list
from kerasart.backbones import Backbone, load_backbone
from kerasart.image import as_image
from kerasart.objectives import Objective, Target, style_objective
from kerasart.optimization import (
    LBFGS,
    Adam,
    Checkpoint,
    Descent,
    GradientDescent,
    KerasOptimizer,
    Latent,
    Result,
    Run,
    State,
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
from kerasart.settings.checks import check
from kerasart.settings.choices import choose_network, choose_style_settings
from kerasart.settings.execution import Execution, split_options
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
    style_levels: Sequence[str | None] | None = None,
    content_masks: ArrayLike | Sequence[ArrayLike | None] | None = None,
    style_masks: ArrayLike | Sequence[ArrayLike | None] | None = None,
    start: ArrayLike | None = None,
    objective: Objective | None = None,
    latent: Latent | None = None,
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
        style_levels: For each style, the level of detail that it is for: "coarse", the deep style
            layers, "middle" or "fine", the shallow ones (see `kerasart.levels.level_of`); None is
            each level that no other style is for. A level without a style has those of the next
            coarser one, or else of the next finer. Not together with `content_masks`.
        content_masks: For each style, a mask of its region in the photo: (height, width), uint8 or
            float in [0, 1], of any size; None is everywhere. Outside all regions, the photo stays.
        style_masks: For each style, a mask of the part of it to use; None is all of it.
        start: The initial image, instead of the setting `init`.
        objective: A `Term` or an `Objective` of your own, added to that of the settings.
        latent: A `Latent` of the result's size, whose code is optimised in place of the pixels, at
            one scale; `start` and the setting `init` do not matter then.
        **options: Any attribute of `StyleSettings`, where None stands for the preset's value and
            `optimizer` can also be a Keras optimizer, or of `Execution`, such as `seed`, `tile`
            and `on_step`.

    Returns:
        A `Result`.

    Raises:
        ValueError: If an argument is not allowed, or an image is too small for the network.
        MemoryError: If the image does not fit into memory.
        DivergedError: If a loss is not finite; its `result` has the last good image.
        Interrupted: On Ctrl-C, or where `on_step` or `on_tile` raises KeyboardInterrupt, which ends
            a run in any thread; its `result` has the image so far.
    """
    transfer = StyleTransfer(
        styles,
        preset,
        backbone,
        weights,
        style_weights=style_weights,
        style_levels=style_levels,
        style_masks=style_masks,
        objective=objective,
        latent=latent,
        **options,
    )
    return transfer.paint(content, content_masks, start=start)


class StyleTransfer:
    """Paints any number of photos in one style, such as the frames of a film.

    The network is loaded once, and a step compiled once. Its arguments are those of
    `style_transfer`.

    Attributes:
        execution: The `Execution`.
    """

    def __init__(
        self,
        styles: ArrayLike | Sequence[ArrayLike],
        preset: str | PathLike[str] | dict = "best",
        backbone: str | Backbone = "auto",
        weights: str = "auto",
        *,
        style_weights: Sequence[float] | None = None,
        style_levels: Sequence[str | None] | None = None,
        style_masks: ArrayLike | Sequence[ArrayLike | None] | None = None,
        objective: Objective | None = None,
        latent: Latent | None = None,
        **options: Any,
    ):
        self.execution, self._given = split_options(options)
        self._styles = [as_image(style, "styles") for style in as_list(styles)]
        self._style_weights, self._style_masks = style_weights, style_masks
        self._style_levels = style_levels
        is_one = objective is None or isinstance(objective, Objective)
        check(is_one, "objective", "a Term, or a sum of such", objective)
        self._objective, self._latent = objective, latent
        self._preset, self._loaded = preset, find_preset("style_transfer", preset)
        if not isinstance(backbone, Backbone):
            name, weights = choose_network(self._loaded, backbone, weights)
            backbone = load_backbone(name, weights, self.execution.seed, default="vgg16")
        self._backbone = backbone

    def paint(
        self,
        content: ArrayLike,
        content_masks: ArrayLike | Sequence[ArrayLike | None] | None = None,
        *,
        start: ArrayLike | None = None,
    ) -> Result:
        """Paints a photo.

        Args:
            content, content_masks, start: See `style_transfer`.

        Returns:
            A `Result`.

        Raises:
            ValueError, MemoryError, DivergedError, Interrupted: See `style_transfer`.
        """
        content, execution = as_image(content, "content"), self.execution
        painting = self.plan(content, content_masks)
        images = [content, *self._styles, *as_list(content_masks), *as_list(self._style_masks)]
        code = None if self._latent is None else self._latent.code
        arguments = painting.record, painting.descent, [*images, start, code]
        checkpoint = open_checkpoint(execution.checkpoint, *arguments)
        run = painting.run(painting.start(start), painting.prepare, checkpoint)
        return finish(run, painting.descent.objective, painting.record)

    def plan(
        self,
        content: np.ndarray,
        content_masks: ArrayLike | Sequence[ArrayLike | None] | None = None,
    ) -> PaintingPlan:
        """Plans the painting of a photo, float32 RGB (1, height, width, 3)."""
        execution, given, long_side = self.execution, self._given, max(content.shape[1:3])
        settings = choose_style_settings(self._loaded, self._backbone, given, long_side)
        masks = content_masks, self._style_masks
        weights, levels = self._style_weights, self._style_levels
        inputs = StyleInputs(content, self._styles, weights, *masks, settings, levels)
        objective = style_objective(settings, inputs.region_weights)
        objective = objective if self._objective is None else objective + self._objective
        backbone = self._backbone.cut(
            objective.layers, execution.precision, settings.pooling, settings.padding
        )
        sizes, steps = inputs.plan_scales(backbone)
        if self._latent is not None:
            sizes, steps = sizes[-1:], [sum(steps)]
        optimizer = make_optimizer(settings, given.get("optimizer"))
        descent = Descent(
            backbone,
            objective,
            optimizer,
            clip=settings.clip,
            average=settings.average,
            parameterization=self._latent,
            on_tile=execution.on_tile,
            # L-BFGS keeps nothing from another scale, and needs the exact gradient of the loss.
            first_size=None if optimizer.searches_lines else sizes[0],
            reuse=True,
        )
        descent.evaluator.side = choose_tile(
            descent,
            inputs.largest_size(sizes[-1]),
            execution.tile,
            execution.memory,
            is_style=True,
        )
        more = {"style_weights": inputs.style_weights, "style_levels": inputs.style_levels}
        record = make_record(self._preset, backbone, execution.seed, settings, **more)
        return PaintingPlan(inputs, descent, sizes, steps, record, execution)


@dataclass(frozen=True)
class PaintingPlan:
    """How one photo is painted.

    Attributes:
        inputs: The `StyleInputs`.
        descent: The `Descent` that takes the steps.
        sizes: The (height, width) of each scale, from coarse to fine.
        steps: The number of steps at each scale.
        record: Dict of all settings, as in `Result.settings`.
        execution: The `Execution`.
    """

    inputs: StyleInputs
    descent: Descent
    sizes: list[tuple[int, int]]
    steps: list[int]
    record: dict[str, Any]
    execution: Execution

    def start(self, given: ArrayLike | None = None) -> ArrayLike:
        """Returns the image to start from: the given one, or that of the settings."""
        return self.inputs.start(self.sizes[0], given, self.execution.seed)

    def prepare(self, scale: int, weights: np.ndarray | None) -> tuple[list[Target], np.ndarray]:
        """Makes the targets of a scale; and the terms' weights, given None or those so far."""
        inputs, evaluator, size = self.inputs, self.descent.evaluator, self.sizes[scale]
        photo, styles = inputs.photo(size), inputs.styles(size)
        masks = inputs.style_masks, inputs.regions
        by_layer = inputs.layer_weights(evaluator.backbone)
        targets = style_targets(evaluator, photo, styles, inputs.style_weights, *masks, by_layer)
        if weights is None:
            # Once, at the first scale, so that the objective is the same at all scales.
            weights = balance(evaluator, photo, targets, self.execution.seed)
        return targets, weights

    def run(
        self,
        start: State | ArrayLike,
        prepare: Callable[[int, Any], tuple[Sequence[Target], Any]],
        checkpoint: Checkpoint | None = None,
    ) -> Run:
        """Takes all steps, from coarse to fine (see `coarse_to_fine`)."""
        descent, size = self.descent, self.sizes[-1]
        with explain_memory_errors(size):
            return coarse_to_fine(
                descent,
                start,
                self.sizes,
                self.steps,
                prepare,
                to_image=lambda state, _: self.inputs.finish(descent.to_image(state), size),
                seed=self.execution.seed,
                checkpoint=checkpoint,
                on_step=self.execution.on_step,
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
