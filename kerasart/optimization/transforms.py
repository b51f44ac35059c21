"""What happens to a picture before the network looks at it."""


def random_roll(image, seed, jitter):
    """Shifts a picture by a random offset, what leaves at one side coming in at the other.

    Looked at from another offset at each step, no grid of the network's strides and no border of
    its padding can settle in the picture (the original DeepDream notebook's jitter).

    Args:
        image: float32 (1, height, width, 3).
        seed: An int32 tensor of two numbers; the same seed gives the same offset.
        jitter: The largest offset, in pixels, in each direction.

    Returns:
        The shifted picture.
    """
    import tensorflow as tf

    offset = tf.random.stateless_uniform([2], seed, -jitter, jitter + 1, tf.int32)
    return tf.roll(image, offset, axis=[1, 2])
