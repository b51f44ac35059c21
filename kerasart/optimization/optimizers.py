"""How a picture is moved."""

NORMS = ("mean", "std")


class NormalizedGradient:
    """Gradient descent with steps of one size: the gradient over its own magnitude.

    It is DeepDream's gradient ascent, on a loss that is minimised.

    Args:
        step_size: What the picture moves by, in its own units ([0, 1]), where the gradient has
            its typical magnitude.
        norm: The typical magnitude: "mean", the mean absolute value (Keras example), or "std",
            the standard deviation (TensorFlow tutorial).
        floor: The least magnitude to divide by, so that a vanishing gradient does not become
            noise.
    """

    def __init__(self, step_size, norm="mean", floor=1e-12):
        if norm not in NORMS:
            raise ValueError(f"`norm` must be one of {', '.join(NORMS)}. Received: {norm!r}")
        self.step_size = step_size
        self.norm = norm
        self.floor = floor

    def update(self, image, gradient):
        """Moves a picture one step.

        Args:
            image: float32 (1, height, width, 3).
            gradient: The loss's gradient with respect to it.

        Returns:
            The moved picture.
        """
        import tensorflow as tf

        if self.norm == "mean":
            magnitude = tf.reduce_mean(tf.abs(gradient))
        else:
            magnitude = tf.math.reduce_std(gradient)
        return image - gradient * (self.step_size / tf.maximum(magnitude, self.floor))
