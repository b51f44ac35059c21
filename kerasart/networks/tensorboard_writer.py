"""A training as TensorBoard shows it."""

import importlib.util


class TensorBoardWriter:
    """Writes losses and pictures for TensorBoard.

    Args:
        folder: The folder that TensorBoard is told to look at.

    Raises:
        ImportError: If TensorBoard is missing, by which TensorFlow writes pictures.
    """

    def __init__(self, folder):
        check_tensorboard()
        import tensorflow as tf

        self._writer = tf.summary.create_file_writer(str(folder))

    def write(self, step, losses, pictures):
        """Writes what there is at a step.

        Args:
            step: The step.
            losses: Dict of name to value.
            pictures: Dict of name to picture, float RGB (1, height, width, 3) in [0, 1].
        """
        import tensorflow as tf

        with self._writer.as_default(step=step):
            for name, value in losses.items():
                tf.summary.scalar(name.replace(" ", "/"), value)
            for name, picture in pictures.items():
                tf.summary.image(name, picture)
        self._writer.flush()


def check_tensorboard():
    """Refuses, before a long run, to write for TensorBoard where it is missing.

    Raises:
        ImportError: If it is.
    """
    if importlib.util.find_spec("tensorboard") is None:
        raise ImportError("`tensorboard` needs TensorBoard: pip install 'kerasart[tensorboard]'.")
