"""Moving a picture downhill: schedules, optimizers, transforms, and the loop."""

from kerasart.optimization.balance import balance
from kerasart.optimization.checkpoint import Checkpoint
from kerasart.optimization.lbfgs import LBFGS
from kerasart.optimization.loop import Descent, State, picture
from kerasart.optimization.memory import check_memory, explain_memory_errors
from kerasart.optimization.optimizers import (
    Adam,
    GradientDescent,
    KerasOptimizer,
    NormalizedGradient,
    Optimizer,
)
from kerasart.optimization.result import DivergedError, Interrupted, Progress, Result, finish
from kerasart.optimization.scales import descend_scales
from kerasart.optimization.schedule import octave_sizes, scale_sizes, share_steps
from kerasart.optimization.transforms import random_roll

__all__ = [
    "Adam",
    "Checkpoint",
    "Descent",
    "DivergedError",
    "GradientDescent",
    "Interrupted",
    "KerasOptimizer",
    "LBFGS",
    "NormalizedGradient",
    "Optimizer",
    "Progress",
    "Result",
    "State",
    "balance",
    "check_memory",
    "descend_scales",
    "explain_memory_errors",
    "finish",
    "octave_sizes",
    "picture",
    "random_roll",
    "scale_sizes",
    "share_steps",
]
