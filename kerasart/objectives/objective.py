"""How terms add up."""


class Objective:
    """A sum of weighted terms.

    Attributes:
        terms: The terms, in the order in which they were added.
    """

    def __init__(self, terms):
        self.terms = tuple(terms)
        names = self.names
        if len(set(names)) < len(names):
            raise ValueError(
                f"The terms of an objective must have different names. Received: {list(names)}"
            )

    @property
    def names(self):
        """The terms' names."""
        return tuple(term.name for term in self.terms)

    @property
    def layers(self):
        """The layers that the terms need, each once."""
        return tuple(dict.fromkeys(term.layer for term in self.terms))

    def __call__(self, features):
        """Evaluates every term.

        Args:
            features: A dict of layer name to float32 features (1, height, width, channels).

        Returns:
            A float32 vector of the terms' weighted distances, in the order of `terms`; its sum is
            what is minimised.
        """
        import tensorflow as tf

        return tf.stack([self._evaluate(term, features[term.layer]) for term in self.terms])

    @staticmethod
    def _evaluate(term, features):
        import tensorflow as tf

        positions = tf.cast(tf.shape(features)[1] * tf.shape(features)[2], tf.float32)
        return term.weight * term.distance(term.statistic(features) / positions)

    def __add__(self, other):
        if other == 0:
            return self
        terms = getattr(other, "terms", [other])
        if not all(hasattr(term, "distance") for term in terms):
            return NotImplemented
        return Objective([*self.terms, *terms])

    __radd__ = __add__

    def __mul__(self, factor):
        return Objective([factor * term for term in self.terms])

    __rmul__ = __mul__
