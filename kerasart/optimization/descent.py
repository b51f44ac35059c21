"""`Descent`, gradient descent on an image."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import ArrayLike

from kerasart.backbones import Backbone
from kerasart.image.resizing import resize
from kerasart.interrupts import defer_interrupts
from kerasart.objectives import Objective, Target
from kerasart.optimization.evaluator import Evaluator
from kerasart.optimization.gradient_filters import scale_by_area
from kerasart.optimization.optimizers import Optimizer
from kerasart.optimization.parameterizations import Parameterization
from kerasart.optimization.run import Run, RunInProgress, State
from kerasart.optimization.tracing import Compiled
from kerasart.recent import Recent

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

_log = logging.getLogger("kerasart")

# Early on, the running mean is over about the last quarter of the images, to forget the first ones,
# which are blurred from being enlarged (eta + 1 of Shamir and Zhang, see `Descent`).
_RECENT = 4

# Pairs of `Compiled`: for a descent's evaluator and for its steps.
_COMPILED = Recent(2)


class Descent:
    """Minimises an objective over an image by gradient descent.

    A step is traced once and serves images of every size. On a GPU each call runs a block of steps,
    so that the device need not wait for Python; on a CPU, where a loop inside the graph is slower
    than one outside, each call is a step. For an image in tiles, each call is a tile.

    `LBFGS` needs an objective that is the same at each step, without `proportional` terms.

    Args:
        backbone: A `Backbone` cut at the objective's layers.
        objective: The `Objective` to minimise.
        optimizer: The `Optimizer`.
        transform: `transform(image, seed) -> image`, applied before the backbone, or None.
        parameterization: A `Parameterization`, such as `Fourier` or `Latent`, whose coefficients
            are optimised; None optimises the pixels.
        gradient_filter: `gradient_filter(gradient) -> gradient`, applied before the optimizer, or
            None.
        clip: Whether to clip the image to [0, 1] after each step.
        block: Steps per call; None chooses by device.
        average: Decay of the running mean of the images, which is then the result (Polyak and
            Juditsky 1992; for style transfer, Crowson's style-transfer-pytorch); 0 for none. Early
            on it decays faster, to forget the first images (Shamir and Zhang 2013, arXiv 1212.1824,
            section 4, eta = 3). Ignored with `LBFGS`.
        tile: Side of the tiles in which larger images are evaluated (see `Evaluator`); None: whole.
        on_tile: `on_tile(done, count)`, called after each evaluation of a tile, or None.
        first_size: (height, width) of the first scale; gradients at other sizes are scaled by area
            (see `scale_by_area`). None scales none.
        reuse: Whether to reuse the compiled functions of a recent descent whose arguments differ
            in weights, names, tiles and `first_size` at most.

    Attributes:
        evaluator: The `Evaluator`, also for making targets.
    """

    def __init__(
        self,
        backbone: Backbone,
        objective: Objective,
        optimizer: Optimizer,
        transform: Callable[[tf.Tensor, tf.Tensor], tf.Tensor] | None = None,
        clip: bool = True,
        block: int | None = None,
        average: float = 0.0,
        parameterization: Parameterization | None = None,
        gradient_filter: Callable[[tf.Tensor], tf.Tensor] | None = None,
        tile: int | None = None,
        on_tile: Callable[[int, int], object] | None = None,
        first_size: tuple[int, int] | None = None,
        reuse: bool = False,
    ):
        self.on_tile = on_tile
        self.backbone = backbone
        self.objective = objective
        self.optimizer = optimizer
        self.transform = transform
        self.clip = clip and parameterization is None
        self.parameterization = parameterization
        self.gradient_filter = gradient_filter
        self.block = block or (10 if tf.config.list_physical_devices("GPU") else 1)
        self.average = average
        self._any_size = parameterization is None or parameterization.any_size
        is_scaled = first_size is not None and self._any_size
        self._first_size = (np.asarray(first_size, np.float32),) if is_scaled else ()
        for_evaluator, self._compiled = self._find_compiled() if reuse else self._new_compiled()
        self.evaluator = Evaluator(backbone, objective, tile, for_evaluator)
        self._after_tile: Callable[[int, int], object] | None = None

    def _find_compiled(self):
        key = (
            type(self),
            self.backbone,
            self.objective.structure,
            self.optimizer,
            self.transform,
            self.clip,
            self.average,
            self.parameterization,
            self.gradient_filter,
        )
        return _COMPILED(key, self._new_compiled)

    def _new_compiled(self):
        return Compiled(), Compiled(self.optimizer.any_size and self._any_size)

    def start(self, image: ArrayLike) -> State:
        """Makes the initial `State` of an image, float32 RGB (1, height, width, 3)."""
        image = tf.convert_to_tensor(image, tf.float32)
        if self.parameterization:
            image = self.parameterization.encode(image)
        is_averaged = self.average and not self.optimizer.searches_lines
        average = (tf.zeros_like(image), tf.zeros([])) if is_averaged else ()
        return State(image, self.optimizer.start(image), average)

    def to_image(self, state: State) -> tf.Tensor:
        """Returns the image of a `State`, decoded; the running mean of images, if one is kept."""
        image = state.image
        if state.average:
            mean, count = state.average
            image = mean if count > 0 else image
        return self._decode(image)

    def enlarge(self, state: State, size: tuple[int, int]) -> State:
        """Resizes the image and the optimizer's memory; the running mean starts afresh.

        The image is resized by bicubic interpolation: bilinear interpolation blurs every other
        pixel or so, which shows as a mesh in fine strokes.

        Args:
            state: A `State`.
            size: (height, width).

        Returns:
            The `State` at that size.
        """
        image = resize(self.to_image(state), size, method="bicubic")
        new = self.start(np.clip(image, 0.0, 1.0) if self.clip else image)
        if self.parameterization:
            return new  # Adam moments of Fourier coefficients cannot be resized.
        memory = tuple(
            resize(old, size) if old.shape == state.image.shape else old for old in state.memory
        )
        if [each.shape for each in memory] != [each.shape for each in new.memory]:
            return new  # A Keras optimizer can have variables that are not resized: start afresh.
        return new._replace(memory=memory)

    def run(
        self,
        start: State | ArrayLike,
        steps: int,
        seed: int = 0,
        first_step: int = 0,
        goal: float = -math.inf,
        on_step: Callable[[State, np.ndarray], object] | None = None,
        *,
        targets: Sequence[Target] | None = None,
        weights: ArrayLike | None = None,
    ) -> Run:
        """Takes steps until there are enough or the loss is below the goal.

        Args:
            start: The `State` to resume from, or an image, float32 RGB (1, height, width, 3).
            steps: The most steps to take.
            seed: Seeds the transform, together with the number of the step.
            first_step: The number of the first step, if the run resumes another.
            goal: The loss below which to stop; the step from a loss below it is the last.
            on_step: `on_step(state, losses)`, called after each call of the graph with the `State`
                and the losses of all steps so far, as in `Run`.
            targets: A `Target` for each term; None if no term needs one.
            weights: A weight for each term; None uses the terms' own.

        Returns:
            A `Run`. Ctrl-C ends it after a complete step, a non-finite loss before that step.
        """
        state = start if isinstance(start, State) else self.start(start)
        targets = tuple(targets or [Target()] * len(self.objective.terms))
        weights = self.objective.weights if weights is None else np.asarray(weights, np.float32)
        run = RunInProgress(self, state, targets, weights, seed, steps, first_step, goal, on_step)
        error = None
        self._after_tile = run.after_tile
        try:
            with defer_interrupts() as run.raise_pending:
                self.optimizer.take_steps(run)
        except (KeyboardInterrupt, FloatingPointError) as reason:
            error = reason
        finally:
            self._after_tile = None
        return Run(self.to_image(run.state), run.losses, run.state, error)

    @property
    def traces(self) -> int:
        """The number of traces of a step so far; each costs about a second."""
        return self._compiled.traces

    def _decode(self, image):
        return self.parameterization.decode(image) if self.parameterization else image

    def _image_size(self, image):
        if self.parameterization:
            return self.parameterization.image_size(image)
        return tuple(image.shape[1:3])

    def step(self, run: RunInProgress, count: int) -> tuple[State, Any]:
        """Takes steps of a run; returns the `State` and the losses before each step."""
        block = () if self.block == 1 else (count, run.goal)
        return self._call(self._step, run, run.state, run.number, block)

    def differentiate(self, run: RunInProgress, state: State) -> tuple[Any, Any]:
        """Returns the losses at a `State` of a run, and the gradient of their sum."""
        # A line search needs the same transform at each step.
        return self._call(self._differentiate, run, state, 0)

    def _call(self, function, run, state, number, block=()):
        """Calls a function compiled, or, for an image in tiles, as one that compiles its own parts.

        With a `block`, the number of steps and the goal, an image that is evaluated whole takes
        `steps_in_graph` instead. If memory runs out, the tiles are halved, and it is called again.
        """
        size = self._image_size(state.image)
        given = state, run.targets, run.weights, np.array([run.seed, number], np.int32)
        while True:
            try:
                if self.evaluator.tiles(size):
                    return function(*given, *self._first_size)
                whole = self.steps_in_graph if block else function
                return self._compiled(whole, *given, *block, *self._first_size)
            except tf.errors.ResourceExhaustedError as error:
                self._halve_tiles(size, error)

    def _halve_tiles(self, size, error):
        """Halves the tiles, or raises the given error if they would get too small."""
        side = min(self.evaluator.side or max(size), max(size)) // 2
        try:
            Evaluator(self.backbone, self.objective, side).tiles(size)
        except ValueError:
            raise error from None
        self.evaluator.side = side
        _log.warning("Memory ran out: tiles of %d pixels are used from here on.", side)

    def _decode_and_transform(self, image, seed):
        """Returns the decoded image, and the view of it that the backbone sees."""
        image = self._decode(image)
        return image, self.transform(image, seed) if self.transform else image

    def _differentiate(self, state, targets, weights, seed, first_size=None):
        """Returns the losses, and the gradient of their sum."""
        evaluated = self._evaluate(state.image, targets, weights, seed)
        return self._compiled(self._backpropagate, state, seed, *evaluated, *_if_given(first_size))

    def _evaluate(self, image, targets, weights, seed):
        """Returns the losses, and their gradients with respect to the image and the view."""
        image, view = self._compiled(self._decode_and_transform, image, seed)
        return self.evaluator.differentiate(view, targets, weights, image, self._after_tile)

    def _backpropagate(self, state, seed, losses, gradients, first_size=None):
        """Backpropagates gradients through transform and parameterization, and filters them."""
        with tf.GradientTape() as tape:
            tape.watch(state.image)
            image, view = self._decode_and_transform(state.image, seed)
        outputs = {"image": image, "view": view}
        outputs = [outputs[name] for name in gradients]
        gradient = tape.gradient(outputs, state.image, list(gradients.values()))
        return self._filter(losses, gradient, first_size)

    def _filter(self, losses, gradient, first_size):
        """Scales and filters a gradient; the losses are NaN if it is not finite."""
        if first_size is not None:
            gradient = scale_by_area(gradient, tf.unstack(first_size))
        if self.gradient_filter:
            gradient = self.gradient_filter(gradient)
        # A non-finite gradient would spoil the image one step before a loss shows it.
        is_bad = ~tf.math.is_finite(tf.reduce_sum(gradient))
        is_hidden = tf.math.is_finite(tf.reduce_sum(losses)) & is_bad
        return tf.where(is_hidden, math.nan, losses), gradient

    def _step(self, state, targets, weights, seed, first_size=None):
        """Takes one step; returns the state and a (1, terms) tensor of losses before it."""
        evaluated = self._evaluate(state.image, targets, weights, seed)
        return self._compiled(self._update_from, state, seed, *evaluated, *_if_given(first_size))

    def _update_from(self, state, *evaluated):
        return self._update(state, *self._backpropagate(state, *evaluated))

    def _update(self, state, losses, gradient):
        """Updates the image; returns as `_step`."""
        image, memory = self.optimizer.update(state.image, gradient, state.memory)
        if self.clip:
            image = tf.clip_by_value(image, 0.0, 1.0)
        average = state.average
        if average:
            mean, count = average
            rate = tf.maximum(1 - self.average, _RECENT / (count + _RECENT))
            average = mean + (image - mean) * rate, count + 1
        return State(image, memory, average), losses[tf.newaxis]

    def steps_in_graph(
        self,
        state: State,
        targets: Sequence[Target],
        weights: tf.Tensor,
        seed: tf.Tensor,
        steps: tf.Tensor,
        goal: tf.Tensor,
        first_size: tf.Tensor | None = None,
    ) -> tuple[State, tf.Tensor]:
        """Takes steps inside a graph that is being traced; not for `LBFGS`.

        Args:
            state: The `State` to start from.
            targets: A tuple of a `Target` for each term.
            weights: A vector of the terms' weights.
            seed: An int32 vector of the run's seed and the number of the first step.
            steps: An int32 scalar: the most steps to take.
            goal: A float32 scalar: the loss below which to stop.
            first_size: A float32 vector (height, width) of the first scale, or None.

        Returns:
            The last `State`, and the weighted losses before each step, float32 (steps, terms).
        """

        def is_unfinished(step, state, history):
            last = tf.reduce_sum(history[-1:])
            return (step < steps) & ((step == 0) | (last >= goal))

        def take_step(step, state, history):
            step_seed = seed + tf.stack([0, step])
            state, losses = self._step(state, targets, weights, step_seed, first_size)
            return step + 1, state, tf.concat([history, losses], axis=0)

        history = tf.zeros([0, len(self.objective.terms)])
        _, state, history = tf.while_loop(
            is_unfinished,
            take_step,
            (0, state, history),
            shape_invariants=(
                tf.TensorShape([]),
                tf.nest.map_structure(lambda tensor: tensor.shape, state),
                tf.TensorShape([None, history.shape[1]]),
            ),
        )
        return state, history


def _if_given(first_size):
    return () if first_size is None else (first_size,)
