"""`AdaptiveAugmentation`, which changes pictures as often as a critic is too sure of itself."""

from typing import Any

import keras
from keras import ops

_SHIFT = 1 / 8  # Of a side, at most.
_CUT = 1 / 2  # Side of what is cut out, of the picture's.
_GREY = 0.5
_MOST = 0.8  # Changes that are made more often are learned and painted.


class AdaptiveAugmentation(keras.layers.Layer):
    """Flips, shifts and cuts pictures at random, real and painted ones alike.

    A critic that sees few pictures learns them by heart, and then has nothing to teach. The more
    often it is right, the more often pictures are changed before it sees them. Colours never are:
    such changes leak into what is painted.

    Source: Karras et al. 2020, "Training Generative Adversarial Networks with Limited Data" (arXiv
    2006.06676), whose heuristic r_t = 0.6 is an accuracy of 0.8 on real pictures; Zhao et al. 2020,
    "Differentiable Augmentation for Data-Efficient GAN Training" (arXiv 2006.10738), for the cuts.
    Where we depart from them: the accuracy is that on real and painted pictures; shifts are whole
    pixels, mirrored at the border; the probability stays at most 0.8.

    Args:
        accuracy: That of the critic which is aimed at.
        pictures: The number of pictures in which a probability may move by 1.

    Attributes:
        probability: That of each of the three changes: a variable, 0 at first.
    """

    def __init__(self, accuracy: float = 0.8, pictures: int = 100_000, **kwargs: Any):
        super().__init__(autocast=False, **kwargs)
        self._accuracy = accuracy
        self._pictures = pictures
        self.probability = self.add_weight(
            shape=(), initializer="zeros", trainable=False, dtype="float32", name="probability"
        )
        self.built = True

    def call(self, pictures: Any, seed: keras.random.SeedGenerator) -> Any:
        """Changes pictures.

        Args:
            pictures: float32 (batch, height, width, channels).
            seed: Draws what is changed, and how.

        Returns:
            A tensor of that shape, which can be differentiated.
        """
        count, height, width, _ = pictures.shape

        def draw(low=0.0, high=1.0):
            return keras.random.uniform((count, 1), low, high, seed=seed)

        def happens():
            return ops.cast(draw() < self.probability, "float32")

        moves, flips, cuts = happens(), happens(), happens()
        rows = _places(height, ops.round(moves * draw(-_SHIFT, _SHIFT) * height))
        columns = _places(width, ops.round(moves * draw(-_SHIFT, _SHIFT) * width))
        columns = ops.where(flips > 0, width - 1 - columns, columns)
        rows, columns = (
            ops.one_hot(ops.cast(places, "int32"), side)
            for places, side in ((rows, height), (columns, width))
        )
        pictures = ops.einsum("byh,bhwc,bxw->byxc", rows, pictures, columns)
        inside = _is_near(height, draw())[:, :, None] * _is_near(width, draw())[:, None]
        gone = (cuts[..., None] * inside)[..., None]
        return pictures * (1 - gone) + _GREY * gone

    def adapt(self, accuracy: Any, count: int) -> None:
        """Moves the probability towards the critic's accuracy that is aimed at.

        Args:
            accuracy: The share of what the critic told rightly: a scalar.
            count: The number of pictures that it saw.
        """
        step = ops.sign(accuracy - self._accuracy) * count / self._pictures
        self.probability.assign(ops.clip(self.probability + step, 0.0, _MOST))


def _places(side, shift):
    """Where the pixels of an axis come from, (batch, side), mirrored at the border."""
    places = ops.abs(ops.arange(side, dtype="float32") + shift)
    return side - 1 - ops.abs(side - 1 - places)


def _is_near(side, centre):
    """Which places of an axis are cut out, (batch, side): 1 or 0."""
    distance = ops.abs(ops.arange(side, dtype="float32") + 0.5 - centre * side)
    return ops.cast(distance < _CUT * side / 2, "float32")
