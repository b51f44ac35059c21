"""`CosineDecay`, a cosine learning rate schedule."""

import math
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("kerasart")
class CosineDecay(keras.optimizers.schedules.LearningRateSchedule):
    """Cosine learning rate schedule that can also be lowered during training.

    Source: Loshchilov and Hutter 2017 (arXiv 1608.03983, equation 5), without restarts.

    Args:
        rate: The learning rate at step 0.
        steps: The total number of steps.
        final: The share of `rate` that is left at the last step.

    Attributes:
        factor: A variable by which the rate is multiplied.
    """

    def __init__(self, rate: float, steps: int, final: float = 0.0):
        self.rate = rate
        self.steps = steps
        self.final = final
        self.factor = keras.Variable(1.0, dtype="float32", trainable=False, name="factor")

    def __call__(self, step: Any) -> Any:
        """Returns the rate at a step, a scalar."""
        progress = ops.minimum(ops.cast(step, "float32") / self.steps, 1.0)
        cosine = (1 + ops.cos(math.pi * progress)) / 2
        return self.factor * self.rate * (self.final + (1 - self.final) * cosine)

    def get_config(self) -> dict[str, float]:
        """Returns the arguments."""
        return {"rate": self.rate, "steps": self.steps, "final": self.final}
