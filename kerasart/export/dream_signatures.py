"""`ServedDream`: the signatures of a served dream."""

from __future__ import annotations

import copy
import math

import tensorflow as tf

from kerasart.applications.deep_dream import Dreamer
from kerasart.applications.dream_descent import make_optimizer
from kerasart.export.image_ops import first_refusal
from kerasart.export.signatures import Served, check_bounds
from kerasart.image.resizing import resize
from kerasart.objectives import Target


class ServedDream(Served):
    """Signatures of a dream, with bounds on the time that a request can take.

    Args:
        dreamer: A `Dreamer` that dreams on photos, without a guide and not by L-BFGS.
        most: The most pixels of an image.

    Raises:
        ValueError: If it is another kind of dream.
    """

    _MOST_STEPS, _MOST_OCTAVES, _MOST_STEP_SIZE = 100, 8, 0.2

    def __init__(self, dreamer: Dreamer, most: int):
        _check_served(dreamer.settings)
        super().__init__(dreamer.backbone.least_size(2 * dreamer.settings.border + 1), most)
        self._dreamer = dreamer
        _, layers = dreamer.backbone.parts
        self.variables = [each.value for layer in layers for each in layer.variables]
        settings = dreamer.settings
        self.defaults = {
            "steps": settings.steps,
            "step_size": settings.step_size,
            "octaves": 1 - settings.octaves[0],
        }

    def options(self) -> dict[str, tf.TensorSpec]:
        """Steps per octave, step size, and the number of octaves."""
        return {
            "steps": tf.TensorSpec([], tf.int32),
            "step_size": tf.TensorSpec([]),
            "octaves": tf.TensorSpec([], tf.int32),
        }

    def prepare(
        self, steps: tf.Tensor, step_size: tf.Tensor, octaves: tf.Tensor
    ) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        """Checks that the time that they take is bounded."""
        refusal = first_refusal(
            check_bounds("steps", steps[0], 1, self._MOST_STEPS),
            check_bounds("octaves", octaves[0], 1, self._MOST_OCTAVES),
            check_bounds("step_size", step_size[0], 0.0, self._MOST_STEP_SIZE),
        )
        return {"steps": steps, "step_size": step_size, "octaves": octaves}, refusal

    def paint(
        self, image: tf.Tensor, steps: tf.Tensor, step_size: tf.Tensor, octaves: tf.Tensor
    ) -> tf.Tensor:
        """Dreams as `Dreamer.dream`, in a graph for any image size."""
        sizes = self._list_sizes(tf.shape(image)[1:3])
        # Octaves that are too small for the network are skipped.
        fits = tf.reduce_min(sizes, axis=1) >= self.least
        count = tf.reduce_sum(tf.cast(fits & (tf.range(self._MOST_OCTAVES) < octaves[0]), tf.int32))
        descend = self._make_descent(steps[0], step_size[0])
        detail, antialias = self._dreamer.settings.detail, self._dreamer.settings.antialias

        def dream_octave(octave, dream, shrunk):
            photo = resize(image, sizes[octave], antialias)
            lost_detail = photo - resize(shrunk, sizes[octave])
            dream = resize(dream, sizes[octave])
            if detail == "before":
                dream += lost_detail
            dream = descend(dream, count - 1 - octave)
            if detail == "after":
                dream += lost_detail
            return octave - 1, dream, photo

        start = resize(image, sizes[count - 1], antialias)
        shape = tf.TensorShape([1, None, None, 3])
        _, dream, _ = tf.while_loop(
            lambda octave, *_: octave >= 0,
            dream_octave,
            (count - 1, start, start),
            shape_invariants=(tf.TensorShape([]), shape, shape),
        )
        return tf.clip_by_value(dream, 0.0, 1.0)

    def _list_sizes(self, full):
        """Computes the (height, width) of all octaves up to the limit, from fine to coarse."""
        # In float64, for the same rounding as in `Dreamer`.
        octaves = tf.range(self._MOST_OCTAVES, dtype=tf.float64)
        scales = tf.constant(self._dreamer.settings.octave_scale, tf.float64) ** octaves
        return tf.cast(tf.cast(full, tf.float64) / scales[:, None], tf.int32)

    def _make_descent(self, steps, step_size):
        """Returns `descend(dream, number)`: the steps of an octave, counted from the coarsest."""
        dreamer = self._dreamer
        descent = copy.copy(dreamer.descent)
        descent.optimizer = make_optimizer(dreamer.settings, step_size)
        targets = tuple(Target() for _ in dreamer.objective.terms)
        weights = tf.constant(dreamer.objective.weights)

        def descend(dream, number):
            seed = tf.stack([0, number * steps])
            inputs = descent.start(dream), targets, weights, seed, steps, -math.inf
            return descent.to_image(descent.steps_in_graph(*inputs)[0])

        return descend


def _check_served(settings):
    """Refuses dreams that need more than a photo, or a line search."""
    allowed = {
        "optimizer": ("ascent", "adam"),
        "init": ("photo",),
        "similarity": (None,),
        "init_noise": (0.0,),
    }
    for name, values in allowed.items():
        value = getattr(settings, name)
        if value not in values:
            wanted = " or ".join(map(str, values))
            raise ValueError(f"`{name}` must be {wanted} to be served. Received: {value!r}")
