"""The `Descent` of a dream, and its optimizer, as the settings say."""

from typing import Any

from kerasart.backbones import Backbone
from kerasart.objectives import Objective
from kerasart.optimization import (
    LBFGS,
    Adam,
    Descent,
    Fourier,
    GradientFilters,
    NormalizedGradient,
    Optimizer,
    Transforms,
)
from kerasart.settings.dream import DreamSettings


def make_optimizer(settings: DreamSettings, step_size: Any) -> Optimizer:
    """Makes the `Optimizer` of the settings, but for its step size: a float, or a scalar tensor."""
    if settings.optimizer == "lbfgs":
        return LBFGS()
    if settings.optimizer == "adam":
        return Adam(step_size, beta_2=0.999)
    return NormalizedGradient(step_size, settings.norm, settings.floor)


def make_descent(backbone: Backbone, objective: Objective, settings: DreamSettings) -> Descent:
    """Makes the `Descent` of a dream.

    Args:
        backbone: The `Backbone`, cut at the objective's layers.
        objective: The `Objective`.
        settings: `DreamSettings`.
    """
    transforms = Transforms(
        settings.pad, settings.jitter, settings.scaling, settings.rotation, settings.final_jitter
    )
    is_filtered = settings.pyramid or settings.blur

    return Descent(
        backbone,
        objective,
        make_optimizer(settings, settings.step_size),
        transforms,
        settings.clip,
        parameterization=Fourier() if settings.parameterization == "fourier" else None,
        gradient_filter=GradientFilters(settings.pyramid, settings.blur) if is_filtered else None,
        reuse=True,
    )
