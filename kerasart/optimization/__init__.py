"""Moving a picture downhill: schedules, optimizers, transforms, and the loop."""

from kerasart.optimization.loop import Descent
from kerasart.optimization.memory import check_memory, explain_memory_errors
from kerasart.optimization.optimizers import NormalizedGradient
from kerasart.optimization.result import Interrupted, Progress, Result
from kerasart.optimization.schedule import octave_sizes
from kerasart.optimization.transforms import random_roll

__all__ = [
    "Descent",
    "Interrupted",
    "NormalizedGradient",
    "Progress",
    "Result",
    "check_memory",
    "explain_memory_errors",
    "octave_sizes",
    "random_roll",
]
