"""The engine: gradients of objectives, optimizers, and gradient descent on images."""

from kerasart.startup import quiet_startup

with quiet_startup():
    from kerasart.optimization.balancing import balance, measure_gradient
    from kerasart.optimization.carrying import blend_warped, carry
    from kerasart.optimization.checkpoint import Checkpoint, open_checkpoint
    from kerasart.optimization.descent import Descent
    from kerasart.optimization.evaluator import Evaluator
    from kerasart.optimization.gradient_filters import (
        GradientFilters,
        normalize_pyramid,
        scale_by_area,
        smooth,
    )
    from kerasart.optimization.latent import Latent
    from kerasart.optimization.lbfgs import LBFGS
    from kerasart.optimization.memory import choose_tile, count_images, explain_memory_errors
    from kerasart.optimization.optimizers import (
        Adam,
        GradientDescent,
        KerasOptimizer,
        NormalizedGradient,
        Optimizer,
    )
    from kerasart.optimization.parameterizations import Fourier, noise_image
    from kerasart.optimization.pyramid import (
        coarse_to_fine,
        divide_steps,
        fraction_done,
        octave_sizes,
        scale_sizes,
    )
    from kerasart.optimization.results import (
        DivergedError,
        Interrupted,
        Result,
        finish,
        make_record,
    )
    from kerasart.optimization.run import Run, State
    from kerasart.optimization.targets import dream_targets, replace_photo, style_targets
    from kerasart.optimization.transforms import (
        Transforms,
        pad,
        random_roll,
        random_scale_and_rotate,
        scale_and_rotate,
    )

__all__ = [
    "Adam",
    "Checkpoint",
    "Descent",
    "DivergedError",
    "Evaluator",
    "Fourier",
    "GradientDescent",
    "GradientFilters",
    "Interrupted",
    "KerasOptimizer",
    "LBFGS",
    "Latent",
    "NormalizedGradient",
    "Optimizer",
    "Result",
    "Run",
    "State",
    "Transforms",
    "balance",
    "blend_warped",
    "carry",
    "choose_tile",
    "count_images",
    "coarse_to_fine",
    "divide_steps",
    "dream_targets",
    "explain_memory_errors",
    "finish",
    "fraction_done",
    "make_record",
    "measure_gradient",
    "noise_image",
    "normalize_pyramid",
    "octave_sizes",
    "open_checkpoint",
    "pad",
    "random_roll",
    "random_scale_and_rotate",
    "replace_photo",
    "scale_and_rotate",
    "scale_by_area",
    "scale_sizes",
    "smooth",
    "style_targets",
]
