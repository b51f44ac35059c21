"""Moving a picture downhill: schedules, optimizers, transforms, and the loop."""

from kerasart.optimization.loop import Descent, Interrupted
from kerasart.optimization.memory import check_memory
from kerasart.optimization.optimizers import NormalizedGradient
from kerasart.optimization.schedule import octave_sizes
from kerasart.optimization.transforms import random_roll

__all__ = [
    "Descent",
    "Interrupted",
    "NormalizedGradient",
    "check_memory",
    "octave_sizes",
    "random_roll",
]
