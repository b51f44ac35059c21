"""Optimizers: normalised gradient descent, gradient descent, Adam, and Keras's."""

from __future__ import annotations

from typing import Any

import keras

from kerasart.optimization.run import RunInProgress

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

NORMS = ("mean", "std", "unit")


class Optimizer:
    """Moves a picture by a loss's gradient.

    It holds settings only. What it remembers from step to step goes in and out of `update`, so
    that one compiled step serves every picture, and a run can be saved and gone on with.

    Attributes:
        any_size: Whether one compiled step serves pictures of every size.
        restart: Steps after which a run can be gone on with from its `State`.
        pictures: How many pictures of float32 it remembers, about.
        searches_lines: Whether it tries steps of several lengths, so that it needs the gradient of
            the loss itself, of a loss that does not change from step to step.
    """

    any_size = True
    restart = 1
    pictures = 2
    searches_lines = False

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), *vars(self).items()))

    def start(self, image: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """Makes the memory that the first step finds.

        Args:
            image: float32 (1, height, width, 3).

        Returns:
            A tuple of tensors. Those of the picture's shape are resized with it.
        """
        return ()

    def take_steps(self, run: RunInProgress) -> None:
        """Takes the steps of a run, until it ends."""
        while run.goes_on:
            run.step()

    def update(
        self, image: tf.Tensor, gradient: tf.Tensor, memory: tuple[tf.Tensor, ...]
    ) -> tuple[tf.Tensor, tuple[tf.Tensor, ...]]:
        """Moves a picture one step.

        Args:
            image: float32 (1, height, width, 3).
            gradient: The loss's gradient with respect to it.
            memory: What `start` or the last step gave.

        Returns:
            The moved picture and the memory for the next step.
        """
        raise NotImplementedError


class NormalizedGradient(Optimizer):
    """Gradient descent with steps of one size: the gradient over its own magnitude.

    It is DeepDream's gradient ascent, on a loss that is minimised.

    Args:
        step_size: What the picture moves by, in its own units ([0, 1]), where the gradient has
            its typical magnitude.
        norm: The typical magnitude: "mean", the mean absolute value (Keras example), "std", the
            standard deviation (TensorFlow tutorial), or "unit", the root mean square: the length
            of the whole gradient, but over the root of how many numbers it has, so that a step
            size means the same at every size of picture.
        floor: The least magnitude to divide by, so that a vanishing gradient does not become
            noise.
    """

    pictures = 0

    def __init__(self, step_size: Any, norm: str = "mean", floor: float = 1e-12):
        if norm not in NORMS:
            raise ValueError(f"`norm` must be one of {', '.join(NORMS)}. Received: {norm!r}")
        self.step_size = step_size
        self.norm = norm
        self.floor = floor

    def update(
        self, image: tf.Tensor, gradient: tf.Tensor, memory: tuple[tf.Tensor, ...]
    ) -> tuple[tf.Tensor, tuple[tf.Tensor, ...]]:
        """Moves a picture by the step size."""
        if self.norm == "mean":
            magnitude = tf.reduce_mean(tf.abs(gradient))
        elif self.norm == "std":
            magnitude = tf.math.reduce_std(gradient)
        else:
            magnitude = tf.sqrt(tf.reduce_mean(gradient**2))
        return image - gradient * (self.step_size / tf.maximum(magnitude, self.floor)), memory


class GradientDescent(Optimizer):
    """Plain gradient descent, with a rate that can decay (Keras's `ExponentialDecay`).

    Args:
        learning_rate: What the gradient is multiplied by, for pictures in [0, 1].
        decay: What the rate is multiplied by every `decay_steps` steps, smoothly.
        decay_steps: See `decay`.
    """

    def __init__(self, learning_rate: float, decay: float = 1.0, decay_steps: int = 100):
        self.learning_rate = learning_rate
        self.decay = decay
        self.decay_steps = decay_steps

    def start(self, image: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """Starts to count steps."""
        return (tf.zeros([]),)

    def update(
        self, image: tf.Tensor, gradient: tf.Tensor, memory: tuple[tf.Tensor, ...]
    ) -> tuple[tf.Tensor, tuple[tf.Tensor, ...]]:
        """Moves a picture against the gradient."""
        (step,) = memory
        rate = self.learning_rate * self.decay ** (step / self.decay_steps)
        return image - rate * gradient, (step + 1,)


class Adam(Optimizer):
    """Steps by the gradient's running mean over the root of its running square.

    Source: Kingma and Ba 2015 (arXiv 1412.6980), as Keras has it (epsilon before the correction of
    the means), but with its moments in our hands, to be resized between scales.

    Args:
        learning_rate: What a steady gradient moves the picture by in a step.
        beta_1: Decay of the mean.
        beta_2: Decay of the square.
        epsilon: Added to the root.
    """

    def __init__(
        self,
        learning_rate: float = 0.02,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
        epsilon: float = 1e-8,
    ):
        self.learning_rate = learning_rate
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def start(self, image: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """Starts with a mean and a square of 0, and counts steps."""
        return tf.zeros_like(image), tf.zeros_like(image), tf.zeros([])

    def update(
        self, image: tf.Tensor, gradient: tf.Tensor, memory: tuple[tf.Tensor, ...]
    ) -> tuple[tf.Tensor, tuple[tf.Tensor, ...]]:
        """Moves a picture by the moments."""
        mean, square, step = memory
        step = step + 1
        mean += (gradient - mean) * (1 - self.beta_1)
        square += (gradient**2 - square) * (1 - self.beta_2)
        rate = self.learning_rate * tf.sqrt(1 - self.beta_2**step) / (1 - self.beta_1**step)
        return image - rate * mean / (tf.sqrt(square) + self.epsilon), (mean, square, step)


# Classes of Keras that are no optimizers by themselves.
_ABOUT_OTHERS = ("LossScaleOptimizer", "MultiOptimizer", "Optimizer", "OptimizerMap")


class KerasOptimizer(Optimizer):
    """Any optimizer of Keras.

    Its variables have a fixed shape, so each size of picture is another compiled step.

    Args:
        optimizer: The name of a class in `keras.optimizers` ("rmsprop"), or an optimizer, whose
            settings are taken over.
        learning_rate: The rate, where a name is given; None keeps the class's own.

    Attributes:
        name: The class's name in lower case.
        config: Its settings, as Keras serialises them.

    Raises:
        ValueError: If there is no optimizer of that name.
    """

    any_size = False

    def __init__(
        self, optimizer: str | keras.optimizers.Optimizer, learning_rate: float | None = None
    ):
        self._variables = {}
        if not isinstance(optimizer, str):
            self.config = keras.optimizers.serialize(optimizer)
            self.name = type(optimizer).__name__.lower()
            self.config["config"]["name"] = self.name  # Keras numbers a process's optimizers.
            return
        kinds = {
            name.lower(): kind
            for name, kind in vars(keras.optimizers).items()
            if isinstance(kind, type) and name not in _ABOUT_OTHERS
        }
        if optimizer.lower() not in kinds:
            raise ValueError(
                "`optimizer` must be adam, lbfgs, sgd or the name of a Keras optimizer, such as "
                f"rmsprop. Received: {optimizer!r}"
            )
        settings = {} if learning_rate is None else {"learning_rate": learning_rate}
        self.config = keras.optimizers.serialize(kinds[optimizer.lower()](**settings))
        self.name = optimizer.lower()

    def start(self, image: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """Starts with the optimizer's own first variables."""
        shape = tuple(image.shape)
        # A step that makes its own variables would be traced twice.
        self._variables.setdefault(shape, self._new(image))
        optimizer, _ = self._new(image)
        return tuple(tf.convert_to_tensor(variable) for variable in optimizer.variables)

    def update(
        self, image: tf.Tensor, gradient: tf.Tensor, memory: tuple[tf.Tensor, ...]
    ) -> tuple[tf.Tensor, tuple[tf.Tensor, ...]]:
        """Moves a picture as the optimizer does."""
        # Keras has no stateless optimizers on TensorFlow: variables take the memory in and out.
        shape = tuple(image.shape)
        if shape not in self._variables:
            with tf.init_scope():  # Out of the graph that may be under way.
                self._variables[shape] = self._new(tf.zeros(shape))
        optimizer, pixels = self._variables[shape]
        pixels.assign(image)
        for variable, value in zip(optimizer.variables, memory, strict=True):
            variable.assign(value)
        optimizer.apply([gradient], [pixels])
        memory = tuple(tf.convert_to_tensor(variable) for variable in optimizer.variables)
        return tf.convert_to_tensor(pixels), memory

    def _new(self, image):
        optimizer = keras.optimizers.deserialize(self.config)
        pixels = keras.Variable(image)
        optimizer.build([pixels])
        return optimizer, pixels
