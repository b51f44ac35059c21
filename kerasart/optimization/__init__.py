"""Moving a picture downhill: schedules, optimizers, transforms, and the loop."""

from kerasart.optimization.balance import balance
from kerasart.optimization.checkpoint import Checkpoint
from kerasart.optimization.lbfgs import LBFGS
from kerasart.optimization.look import Look
from kerasart.optimization.loop import Descent, State
from kerasart.optimization.memory import choose_tile, explain_memory_errors
from kerasart.optimization.optimizers import (
    Adam,
    GradientDescent,
    KerasOptimizer,
    NormalizedGradient,
    Optimizer,
)
from kerasart.optimization.parameterization import Fourier, noise_picture
from kerasart.optimization.progress_bar import ProgressBar
from kerasart.optimization.result import DivergedError, Interrupted, Progress, Result, finish
from kerasart.optimization.scales import descend_scales
from kerasart.optimization.schedule import octave_sizes, scale_sizes, share_done, share_steps
from kerasart.optimization.shaping import Shaping, normalize_pyramid, scale_by_area, smooth
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
    "Fourier",
    "GradientDescent",
    "Interrupted",
    "KerasOptimizer",
    "LBFGS",
    "Look",
    "NormalizedGradient",
    "Optimizer",
    "Progress",
    "ProgressBar",
    "Result",
    "Shaping",
    "State",
    "Transforms",
    "balance",
    "choose_tile",
    "descend_scales",
    "explain_memory_errors",
    "finish",
    "noise_picture",
    "normalize_pyramid",
    "octave_sizes",
    "pad",
    "random_roll",
    "random_scale_and_rotate",
    "scale_and_rotate",
    "scale_by_area",
    "scale_sizes",
    "share_done",
    "share_steps",
    "smooth",
]
