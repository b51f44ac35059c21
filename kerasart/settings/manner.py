"""`Manner`, a random manner of a network that paints in any."""

import numpy as np

from kerasart.settings.checks import LARGEST_INTEGER
from kerasart.settings.declare import option, settings


@settings
class Manner:
    """A random manner of a `MannerNet`, to be given as a style: another one for each seed."""

    seed: int = option(0, "Which manner.", least=0, most=LARGEST_INTEGER, group="manner")
    truncation: float = option(
        1.0,
        "From 0, the mean of all manners, to 1, as far from it as paintings are: less is calmer, "
        "and more alike.",
        least=0,
        most=1,
    )

    def latent(self, length: int) -> np.ndarray:
        """Draws z, which a network maps to a style code: float32 (1, length)."""
        z = np.random.default_rng(self.seed).normal(size=(1, length))
        return z.astype(np.float32)
