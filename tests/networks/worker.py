"""A worker of a distributed training, in a process of its own; a training alone without TF_CONFIG.

    python worker.py FOLDER [STEP_AFTER_WHICH_IT_IS_KILLED]

It fits a small network to four points in six steps, with a checkpoint every two steps.
"""

import os
import signal
import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from kerasart.cluster import read_cluster
from kerasart.networks.distribution import find_strategy, replicas
from kerasart.networks.learning_rate import CosineDecay
from kerasart.networks.resumable_training import ResumableTraining
from kerasart.networks.trainer import Trainer

POINTS = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)


class Fit(Trainer):
    """Fits the sums of points, with some noise."""

    def __init__(self):
        super().__init__(keras.Sequential([keras.Input([3]), keras.layers.Dense(1)]), [])

    def call(self, points):
        noise = keras.random.normal((3,), stddev=0.1, seed=self._random)
        return self.network(points + noise)

    def compute_loss(self, x=None, y=None, y_pred=None, *_):
        return keras.ops.mean((y_pred[:, 0] - keras.ops.sum(x, axis=1)) ** 2) / replicas()


def train(folder, killed_at=0):
    """Trains, and returns the losses, the weights, and the step from which it went on."""
    cluster = read_cluster()
    index = cluster.index if cluster else 0
    with find_strategy().scope():
        keras.utils.set_random_seed(index)  # Weights are the chief's, whatever others draw.
        trainer = Fit()
        trainer.compile(keras.optimizers.Adam(CosineDecay(1e-1, 6)))

    def batches(step, context=None):
        data = tf.data.Dataset.from_tensor_slices(POINTS)
        if context:
            data = data.shard(context.num_input_pipelines, context.input_pipeline_id)
        size = context.get_per_replica_batch_size(4) if context else 4
        return data.batch(size, drop_remainder=True).repeat()

    class Watch(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            losses.append(logs["loss"])
            if killed_at and training.step == killed_at:
                os.kill(os.getpid(), signal.SIGKILL)

    losses = []
    state = Path(folder) / f"training_{index}"
    if index == 0:
        state.mkdir(exist_ok=True)
    training = ResumableTraining(state, {}, 2, lambda: [POINTS])
    training.restore(trainer)
    first = training.step
    training.fit(trainer, batches, Watch())
    # Workers need no disk in common.
    assert index == 0 or not state.exists()
    weights = np.concatenate([np.ravel(each) for each in trainer.get_weights()])
    return {"losses": losses, "weights": weights, "first": first}


if __name__ == "__main__":
    found = train(sys.argv[1], *map(int, sys.argv[2:]))
    number = read_cluster().index
    np.savez(Path(sys.argv[1]) / f"result_{number}.npz", **found)
