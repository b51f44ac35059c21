"""`Descent`, gradient descent on a picture: the only loop that moves pixels."""

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
from kerasart.objectives import Objective, Target
from kerasart.optimization.evaluator import Evaluator
from kerasart.optimization.gradient_filters import scale_by_area
from kerasart.optimization.interrupts import hold_interrupts
from kerasart.optimization.optimizers import Optimizer
from kerasart.optimization.parameterizations import Fourier
from kerasart.optimization.run import Run, RunInProgress, State
from kerasart.optimization.tracing import Compiled
from kerasart.recent import Recent

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

_log = logging.getLogger("kerasart")

# The running mean is over about the last quarter of the pictures: the one that a run starts from,
# enlarged from a coarser scale, and those near to it are soon forgotten.
_RECENT = 4

# Pairs of `Compiled`: of a descent's evaluator, and of its steps.
_COMPILED = Recent(2)


class Descent:
    """Moves a picture downhill on an objective.

    One step is traced once and serves pictures of every size. On a GPU a block of steps is one
    call, so that the device need not wait for Python; on a CPU, where a loop inside the graph is
    slower than one outside, each step is a call. Where a picture is looked at in tiles, each tile
    is a call.

    `LBFGS` needs an objective that stays what it is, without `proportional` terms.

    Args:
        backbone: A `Backbone` cut at the objective's layers.
        objective: The `Objective` to minimise.
        optimizer: The `Optimizer`.
        transform: `transform(image, seed) -> image`, applied before the backbone; None for none.
        parameterization: What is moved in the picture's place, with `encode(image)` and
            `decode(coefficients)`, such as `Fourier`; None for the pixels themselves.
        shape_gradient: `shape_gradient(gradient) -> gradient`, applied before the optimizer sees
            it; None for none.
        clip: Whether the picture is held in [0, 1] after each step.
        block: Steps in a call; None chooses by device.
        average: Decay of the running mean of the pictures, which is then the result (Polyak and
            Juditsky 1992; for style transfer, Crowson's style-transfer-pytorch); 0 for none. As
            long as the pictures are few it decays faster, to forget the first ones (Shamir and
            Zhang 2013, arXiv 1212.1824, section 4, eta = 3). `LBFGS` keeps none.
        tile: Side of the tiles in which larger images are evaluated (see `Evaluator`); None: whole.
        on_tile: `on_tile(done, count)`, called after each evaluation of a tile; None for nobody.
        first_size: (height, width) of the picture at which gradients stay as they are: at others
            they are scaled by the area (see `scale_by_area`). None scales none.
        reuse: Whether to use what a descent with the same arguments compiled lately, but for
            weights, names, tiles and `first_size`.

    Attributes:
        evaluator: The `Evaluator`, by which targets are to be made.
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
        parameterization: Fourier | None = None,
        shape_gradient: Callable[[tf.Tensor], tf.Tensor] | None = None,
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
        self.shape_gradient = shape_gradient
        self.block = block or (10 if tf.config.list_physical_devices("GPU") else 1)
        self.average = average
        self._first_size = () if first_size is None else (np.asarray(first_size, np.float32),)
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
            self.shape_gradient,
        )
        return _COMPILED(key, self._new_compiled)

    def _new_compiled(self):
        return Compiled(), Compiled(self.optimizer.any_size)

    def start(self, image: ArrayLike) -> State:
        """Makes the `State` that a picture, float32 RGB (1, height, width, 3), starts from."""
        image = tf.convert_to_tensor(image, tf.float32)
        if self.parameterization:
            image = self.parameterization.encode(image)
        is_averaged = self.average and not self.optimizer.searches_lines
        average = (tf.zeros_like(image), tf.zeros([])) if is_averaged else ()
        return State(image, self.optimizer.start(image), average)

    def picture(self, state: State) -> tf.Tensor:
        """Shows the picture of a `State`: the running mean, if one is kept."""
        image = state.image
        if state.average:
            mean, count = state.average
            image = mean if count > 0 else image
        return self._decode(image)

    def enlarge(self, state: State, size: tuple[int, int]) -> State:
        """Resizes a picture with all that the optimizer remembers; its average starts anew.

        The picture is resized by bicubic interpolation: by a bilinear one, every other pixel or so
        is blurred, and a mesh shows in the fine strokes.

        Args:
            state: A `State`.
            size: (height, width).

        Returns:
            The `State` to go on from.
        """
        image = resize(self.picture(state), size, method="bicubic")
        new = self.start(np.clip(image, 0.0, 1.0) if self.clip else image)
        if self.parameterization:
            return new  # Moments of coefficients are none of other coefficients.
        memory = tuple(
            resize(old, size) if old.shape == state.image.shape else old for old in state.memory
        )
        if [each.shape for each in memory] != [each.shape for each in new.memory]:
            return new  # An optimizer that keeps something else by size forgets it.
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
            start: The `State` to go on from, or a picture, float32 RGB (1, height, width, 3).
            steps: How many to take at most.
            seed: Seeds the transform, together with the number of the step.
            first_step: The number of the first step, where a run goes on from another.
            goal: The loss below which to stop; the step that passes it is the last.
            on_step: `on_step(state, losses)`, called after each call of the graph with the `State`
                and the losses of all steps so far, as in `Run`.
            targets: A `Target` for each term; None where no term needs one.
            weights: A weight for each term; None stands for the terms' own.

        Returns:
            A `Run`. Ctrl-C ends it after a whole step, and a loss that is not finite before it.
        """
        state = start if isinstance(start, State) else self.start(start)
        targets = tuple(targets or [Target()] * len(self.objective.terms))
        weights = self.objective.weights if weights is None else np.asarray(weights, np.float32)
        run = RunInProgress(self, state, targets, weights, seed, steps, first_step, goal, on_step)
        error = None
        self._after_tile = run.after_tile
        try:
            with hold_interrupts() as run.let_through:
                self.optimizer.take_steps(run)
        except (KeyboardInterrupt, FloatingPointError) as reason:
            error = reason
        finally:
            self._after_tile = None
        return Run(self.picture(run.state), run.losses, run.state, error)

    @property
    def traces(self) -> int:
        """How often a step was traced so far; each costs about a second."""
        return self._compiled.traces

    def _decode(self, image):
        return self.parameterization.decode(image) if self.parameterization else image

    def step(self, run: RunInProgress, count: int) -> tuple[State, Any]:
        """Takes steps of a run: returns the `State`, and the losses before each."""
        function = self._step if self.block == 1 else self.steps_in_graph
        return self._call(function, run, run.state, run.number, count)

    def differentiate(self, run: RunInProgress, state: State) -> tuple[Any, Any]:
        """Returns the losses at a `State` of a run, and the gradient of their sum."""
        # A line search needs the same transform at each step.
        return self._call(self._differentiate, run, state, 0, 0)

    def _call(self, function, run, state, number, steps):
        """Calls a function compiled; or, where the picture has tiles, as it is.

        What it does of a tile, before all tiles and after them is compiled then, and one step is
        taken. Where memory runs out, the tiles are halved, and it is called again.
        """
        size, seed = tuple(state.image.shape[1:3]), np.array([run.seed, number], np.int32)
        given = state, run.targets, run.weights, seed, steps, run.goal, *self._first_size
        while True:
            try:
                if not self.evaluator.tiles(size):
                    return self._compiled(function, *given)
                in_tiles = self._step if function == self.steps_in_graph else function
                return in_tiles(*given)
            except tf.errors.ResourceExhaustedError as error:
                self._halve_tiles(size, error)

    def _halve_tiles(self, size, error):
        """Halves the tiles, or raises the error that asks for it if they would get too small."""
        side = min(self.evaluator.side or max(size), max(size)) // 2
        try:
            Evaluator(self.backbone, self.objective, side).tiles(size)
        except ValueError:
            raise error from None
        self.evaluator.side = side
        _log.warning("Memory ran out: tiles of %d pixels are used from here on.", side)

    def _show(self, image, seed):
        """Shows the picture, and what the network sees of it."""
        picture = self._decode(image)
        return picture, self.transform(picture, seed) if self.transform else picture

    def _differentiate(self, state, targets, weights, seed, steps=None, goal=None, first_size=None):
        """Returns the losses, and the gradient of their sum.

        `steps` and `goal` are there for `steps_in_graph`, whose place in a compiled call this and
        `_step` can take.
        """
        found = self._evaluate(state.image, targets, weights, seed)
        return self._compiled(self._shape_back, state, seed, *found, *_if_given(first_size))

    def _evaluate(self, image, targets, weights, seed):
        """Returns the losses, and their gradients by the picture and what the network sees."""
        picture, seen = self._compiled(self._show, image, seed)
        return self.evaluator.differentiate(seen, targets, weights, picture, self._after_tile)

    def _shape_back(self, state, seed, losses, gradients, first_size=None):
        """Takes gradients back through what is shown, and shapes them."""
        with tf.GradientTape() as tape:
            tape.watch(state.image)
            picture, seen = self._show(state.image, seed)
        ends = {"picture": picture, "seen": seen}
        ends = [ends[name] for name in gradients]
        gradient = tape.gradient(ends, state.image, list(gradients.values()))
        return self._shape(losses, gradient, first_size)

    def _shape(self, losses, gradient, first_size):
        """Shapes a gradient as the optimizer is to see it."""
        if first_size is not None:
            gradient = scale_by_area(gradient, tf.unstack(first_size))

        if self.shape_gradient:
            gradient = self.shape_gradient(gradient)
        # A gradient that is not finite would spoil the picture one step before a loss tells.
        is_hidden = ~tf.math.is_finite(tf.reduce_sum(gradient))
        hides = tf.math.is_finite(tf.reduce_sum(losses)) & is_hidden
        return tf.where(hides, math.nan, losses), gradient

    def _step(self, state, targets, weights, seed, steps=None, goal=None, first_size=None):
        """Takes one step; returns the state and a (1, terms) tensor of losses before it."""
        found = self._evaluate(state.image, targets, weights, seed)
        return self._compiled(self._step_back, state, seed, *found, *_if_given(first_size))

    def _step_back(self, state, *found):
        return self._move(state, *self._shape_back(state, *found))

    def _move(self, state, losses, gradient):
        """Moves the picture; returns as `_step`."""
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
            steps: An int32 scalar: how many to take at most.
            goal: A float32 scalar: the loss below which to stop.
            first_size: A float32 vector of the size at which gradients stay as they are, or None.

        Returns:
            The last `State`, and the weighted losses before each step, float32 (steps, terms).
        """

        def goes_on(step, state, history):
            last = tf.reduce_sum(history[-1:])
            return (step < steps) & ((step == 0) | (last >= goal))

        def take_step(step, state, history):
            moved = seed + tf.stack([0, step])
            state, losses = self._step(state, targets, weights, moved, first_size=first_size)
            return step + 1, state, tf.concat([history, losses], axis=0)

        def keep_shape(tensor):
            return tensor.shape

        history = tf.zeros([0, len(self.objective.terms)])
        _, state, history = tf.while_loop(
            goes_on,
            take_step,
            (0, state, history),
            shape_invariants=(
                tf.TensorShape([]),
                tf.nest.map_structure(keep_shape, state),
                tf.TensorShape([None, history.shape[1]]),
            ),
        )
        return state, history


def _if_given(first_size):
    return () if first_size is None else (first_size,)
