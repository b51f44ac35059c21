"""The loop: the only place that moves pixels."""

import math
from typing import NamedTuple

import numpy as np


class Run(NamedTuple):
    """What a descent came to.

    Attributes:
        image: The picture, a float32 tensor (1, height, width, 3).
        losses: Weighted values of the terms at each step, float32 (steps, terms).
        interrupted: Whether Ctrl-C ended it.
    """

    image: object
    losses: np.ndarray
    interrupted: bool


class Descent:
    """Moves a picture downhill on an objective.

    One step is traced once and serves pictures of every size. On a GPU a block of steps is one
    call, so that the device need not wait for Python; on a CPU, where a loop inside the graph is
    slower than one outside, each step is a call.

    Args:
        backbone: A `Backbone` cut at the objective's layers.
        objective: The `Objective` to minimise.
        optimizer: What moves the picture: `update(image, gradient) -> image`.
        transform: `transform(image, seed) -> image`, applied before the network looks; None for
            none.
        clip: Whether the picture is held in [0, 1] after each step.
        block: Steps in a call; None chooses by device.
    """

    def __init__(self, backbone, objective, optimizer, transform=None, clip=True, block=None):
        import tensorflow as tf

        self.backbone = backbone
        self.objective = objective
        self.optimizer = optimizer
        self.transform = transform
        self.clip = clip
        self.block = block or (10 if tf.config.list_physical_devices("GPU") else 1)
        self.compiled_steps = tf.function(
            self._step if self.block == 1 else self._steps,
            autograph=False,
            input_signature=[
                tf.TensorSpec([1, None, None, 3], tf.float32, "image"),
                tf.TensorSpec([2], tf.int32, "seed"),
                tf.TensorSpec([], tf.int32, "steps"),
                tf.TensorSpec([], tf.float32, "goal"),
            ],
        )

    def run(self, image, steps, seed=0, first_step=0, goal=-math.inf, on_step=None):
        """Takes steps until there are enough or the loss is below the goal.

        Args:
            image: float32 RGB (1, height, width, 3).
            steps: How many to take at most.
            seed: Seeds the transform, together with the number of the step.
            first_step: The number of the first step, where a run goes on from another.
            goal: The loss below which to stop; the step that passes it is the last.
            on_step: `on_step(step, image, losses)`, called after each call of the graph with the
                number of steps taken so far, the picture as a tensor, and the last losses as a
                dict of term name to weighted value.

        Returns:
            A `Run`. Ctrl-C ends it after the last whole step.

        Raises:
            FloatingPointError: If a loss is not finite.
        """
        import tensorflow as tf

        image = tf.convert_to_tensor(image)
        losses = np.empty((0, len(self.objective.terms)), np.float32)
        try:
            while len(losses) < steps:
                count = min(self.block, steps - len(losses))
                moved, new = self.compiled_steps(
                    image, [seed, first_step + len(losses)], count, goal
                )
                new = new.numpy()
                self._check(new, first_step + len(losses))
                image, losses = moved, np.concatenate([losses, new])
                if on_step:
                    last = dict(zip(self.objective.names, new[-1].tolist(), strict=True))
                    on_step(len(losses), image, last)
                if new[-1].sum() < goal:
                    break
        except KeyboardInterrupt:
            return Run(image, losses, True)
        return Run(image, losses, False)

    def _step(self, image, seed, steps=None, goal=None):
        """Takes one step; returns the picture and a (1, terms) tensor of losses before it.

        `steps` and `goal` are there for `_steps`, whose place in a compiled call this can take.
        """
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(image)
            seen = self.transform(image, seed) if self.transform else image
            losses = self.objective(self.backbone(seen))
            loss = tf.reduce_sum(losses)
        image = self.optimizer.update(image, tape.gradient(loss, image))
        return tf.clip_by_value(image, 0.0, 1.0) if self.clip else image, losses[tf.newaxis]

    def _steps(self, image, seed, steps, goal):
        """Takes `steps` steps inside the graph, or fewer if one passes the goal."""
        import tensorflow as tf

        terms = len(self.objective.terms)

        def goes_on(step, image, history):
            last = tf.reduce_sum(history[-1:])
            return (step < steps) & ((step == 0) | (last >= goal))

        def take_step(step, image, history):
            image, losses = self._step(image, seed + tf.stack([0, step]))
            return step + 1, image, tf.concat([history, losses], axis=0)

        _, image, history = tf.while_loop(
            goes_on,
            take_step,
            (0, image, tf.zeros([0, terms])),
            shape_invariants=(
                tf.TensorShape([]),
                tf.TensorShape([1, None, None, 3]),
                tf.TensorShape([None, terms]),
            ),
        )
        return image, history

    def _check(self, losses, step):
        if np.isfinite(losses).all():
            return
        i, j = np.argwhere(~np.isfinite(losses))[0]
        raise FloatingPointError(
            f"The loss must stay finite; the term {self.objective.names[j]!r} did not at step "
            f"{step + i + 1}. Received: {losses[i, j]}"
        )
