"""Optimizers: normalised gradient descent, gradient descent, Adam, and Keras's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import keras

from kerasart.optimization.run import RunInProgress

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

NORMS = ("mean", "std", "unit")

Memory: TypeAlias = "tuple[tf.Tensor, ...]"
Move: TypeAlias = "Callable[[tf.Tensor], tf.Tensor]"


class Optimizer:
    """Updates an image from the gradient of a loss.

    It holds settings only. Its memory (moments, step count) is an argument and a result of
    `update`, so that one compiled step serves every image, and a run can be saved and resumed.

    Attributes:
        any_size: Whether one compiled step serves images of every size.
        restart: Every so many steps a run can be resumed from its `State`.
        images: About how many float32 images an update holds at once, besides the image and its
            gradient: the memory, the new one, and what is computed on the way.
        searches_lines: Whether it uses a line search, which needs the unfiltered gradient of a loss
            that is the same function at each step.
    """

    any_size = True
    restart = 1
    images = 2
    searches_lines = False

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), *vars(self).items()))

    def start(self, image: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """Makes the initial memory.

        Args:
            image: float32 (1, height, width, 3).

        Returns:
            A tuple of tensors. Those of the image's shape are resized with it.
        """
        return ()

    def carry(self, new: Memory, memory: Memory, move: Move) -> Memory:
        """Makes the memory for the next frame of a film, of which not pixels are optimised.

        Args:
            new: What `start` makes for it.
            memory: That of the last step for the frame before, of the same size.
            move: `move(gradient) -> gradient` moves a gradient along the motion.

        Returns:
            A tuple of tensors, as `start`.
        """
        return new

    def take_steps(self, run: RunInProgress) -> None:
        """Takes the steps of a run until it is done."""
        while not run.is_done:
            run.step()

    def update(
        self, image: tf.Tensor, gradient: tf.Tensor, memory: tuple[tf.Tensor, ...]
    ) -> tuple[tf.Tensor, tuple[tf.Tensor, ...]]:
        """Takes one step.

        Args:
            image: float32 (1, height, width, 3).
            gradient: The gradient of the loss with respect to the image.
            memory: The memory from `start` or the last step.

        Returns:
            The new image and the new memory.
        """
        raise NotImplementedError


class NormalizedGradient(Optimizer):
    """Normalised gradient descent: steps by the gradient divided by its magnitude.

    It is DeepDream's gradient ascent, on a loss that is minimised.

    Args:
        step_size: The change of a pixel in [0, 1] whose gradient is of the typical magnitude.
        norm: The typical magnitude: "mean", the mean absolute value (Keras example), "std", the
            standard deviation (TensorFlow tutorial), or "unit", the root mean square: the L2 norm
            over the root of the number of values, so that a step size means the same at every
            image size.
        floor: Lower bound of the magnitude, so that a vanishing gradient is not amplified to
            noise.
    """

    images = 0

    def __init__(self, step_size: Any, norm: str = "mean", floor: float = 1e-12):
        if norm not in NORMS:
            raise ValueError(f"`norm` must be one of {', '.join(NORMS)}. Received: {norm!r}")
        self.step_size = step_size
        self.norm = norm
        self.floor = floor

    def update(
        self, image: tf.Tensor, gradient: tf.Tensor, memory: tuple[tf.Tensor, ...]
    ) -> tuple[tf.Tensor, tuple[tf.Tensor, ...]]:
        """Takes a step of the step size."""
        if self.norm == "mean":
            magnitude = tf.reduce_mean(tf.abs(gradient))
        elif self.norm == "std":
            magnitude = tf.math.reduce_std(gradient)
        else:
            magnitude = tf.sqrt(tf.reduce_mean(tf.square(gradient)))
        return image - gradient * (self.step_size / tf.maximum(magnitude, self.floor)), memory


class GradientDescent(Optimizer):
    """Plain gradient descent with an exponentially decaying rate (Keras's `ExponentialDecay`).

    Args:
        learning_rate: The factor of the gradient, for images in [0, 1].
        decay: The factor by which the rate changes over `decay_steps` steps, smoothly.
        decay_steps: See `decay`.
    """

    def __init__(self, learning_rate: float, decay: float = 1.0, decay_steps: int = 100):
        self.learning_rate = learning_rate
        self.decay = decay
        self.decay_steps = decay_steps

    def start(self, image: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """Starts the step count at 0."""
        return (tf.zeros([]),)

    def update(
        self, image: tf.Tensor, gradient: tf.Tensor, memory: tuple[tf.Tensor, ...]
    ) -> tuple[tf.Tensor, tuple[tf.Tensor, ...]]:
        """Takes a step against the gradient."""
        (step,) = memory
        rate = self.learning_rate * self.decay ** (step / self.decay_steps)
        return image - rate * gradient, (step + 1,)


class Adam(Optimizer):
    """Adam, with moments that can be resized from one scale to the next.

    Source: Kingma and Ba 2015 (arXiv 1412.6980), as in Keras: epsilon is added before the bias
    correction.

    Args:
        learning_rate: The change of a pixel per step under a constant gradient.
        beta_1: Decay of the first moment, the running mean.
        beta_2: Decay of the second moment, the running mean square.
        epsilon: Added to the root of the second moment.
    """

    images = 6

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
        """Starts the moments and the step count at 0."""
        return tf.zeros_like(image), tf.zeros_like(image), tf.zeros([])

    def carry(self, new: Memory, memory: Memory, move: Move) -> Memory:
        """Moves the mean, and keeps the mean square: how large gradients are, whatever moves."""
        mean, square, step = memory
        return move(mean), square, step

    def update(
        self, image: tf.Tensor, gradient: tf.Tensor, memory: tuple[tf.Tensor, ...]
    ) -> tuple[tf.Tensor, tuple[tf.Tensor, ...]]:
        """Takes a step of Adam."""
        mean, square, step = memory
        step = step + 1
        mean += (gradient - mean) * (1 - self.beta_1)
        square += (tf.square(gradient) - square) * (1 - self.beta_2)
        rate = self.learning_rate * tf.sqrt(1 - self.beta_2**step) / (1 - self.beta_1**step)
        return image - rate * mean / (tf.sqrt(square) + self.epsilon), (mean, square, step)


# Classes in `keras.optimizers` that are bases or wrappers of others.
_NOT_OPTIMIZERS = ("LossScaleOptimizer", "MultiOptimizer", "Optimizer", "OptimizerMap")


class KerasOptimizer(Optimizer):
    """Any optimizer of Keras.

    Its variables have a fixed shape, so each image size needs a compiled step of its own.

    Args:
        optimizer: The name of a class in `keras.optimizers` ("rmsprop"), or an optimizer, whose
            configuration is copied.
        learning_rate: The rate, if a name is given; None keeps the class's default.

    Attributes:
        name: The class's name in lower case.
        config: Its configuration, as Keras serialises it.

    Raises:
        ValueError: If there is no optimizer of that name.
    """

    any_size = False
    images = 10  # Adam's; its moments pass through variables.

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
            if isinstance(kind, type) and name not in _NOT_OPTIMIZERS
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
        """Starts with the optimizer's initial variables."""
        shape = tuple(image.shape)
        # Variables made inside a step would have it traced twice.
        self._variables.setdefault(shape, self._new(image))
        optimizer, _ = self._new(image)
        return tuple(tf.convert_to_tensor(variable) for variable in optimizer.variables)

    def update(
        self, image: tf.Tensor, gradient: tf.Tensor, memory: tuple[tf.Tensor, ...]
    ) -> tuple[tf.Tensor, tuple[tf.Tensor, ...]]:
        """Takes a step of the Keras optimizer."""
        # Keras has no stateless optimizers on TensorFlow: the memory passes through variables.
        shape = tuple(image.shape)
        if shape not in self._variables:
            with tf.init_scope():  # Outside a graph that is being traced.
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
