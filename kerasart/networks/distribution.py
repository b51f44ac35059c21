"""Data-parallel training: on all GPUs of a machine, or on many machines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from typing import Any

import keras

from kerasart.cluster import read_cluster
from kerasart.interrupts import defer_interrupts

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf


def find_strategy() -> tf.distribute.Strategy:
    """Chooses on which devices a training runs, before anything else uses TensorFlow.

    Returns:
        A `MultiWorkerMirroredStrategy` if TF_CONFIG names several workers, for which it waits; a
        `MirroredStrategy` for several GPUs; else the default one.

    Raises:
        ValueError: If TF_CONFIG is not understood.
    """
    if read_cluster():
        return tf.distribute.MultiWorkerMirroredStrategy()
    if len(tf.config.list_physical_devices("GPU")) > 1:
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


def replicas() -> int:
    """Returns the number of devices that train together, whose gradients are summed."""
    if keras.backend.backend() != "tensorflow":
        return 1  # JAX takes the mean over the whole batch, wherever its parts are.
    return tf.distribute.get_strategy().num_replicas_in_sync


def sum_over_replicas(tensor: Any) -> Any:
    """Sums a tensor that a step computes over all devices that train together."""
    if replicas() == 1:
        return tensor
    return tf.distribute.get_replica_context().all_reduce("SUM", tensor)


def is_distributed(trainer: keras.Model) -> bool:
    """Returns whether a trainer was made in the scope of several devices."""
    if keras.backend.backend() != "tensorflow":
        return False
    return trainer.distribute_strategy.num_replicas_in_sync > 1


def build_optimizer(trainer: keras.Model) -> None:
    """Makes the variables of a compiled trainer's optimizer, before they are restored.

    All workers must make the same variables in the strategy's scope; what saves and loads makes
    others on its way, and so must not be in it.
    """
    with trainer.distribute_strategy.scope() if is_distributed(trainer) else nullcontext():
        trainer.optimizer.build(trainer.trainable_variables)


def run_steps(
    trainer: keras.Model,
    batches: Callable[[tf.distribute.InputContext], tf.data.Dataset],
    callbacks: Sequence[keras.callbacks.Callback],
) -> None:
    """Trains a trainer on all devices of its strategy until a callback stops it, as `fit` does.

    Keras 3's own `fit` fails under `MultiWorkerMirroredStrategy` (keras-team/keras issue 20585).
    Ctrl-C on one machine ends the training on all of them after the same step, as none can go on
    without the others.

    Args:
        trainer: The compiled trainer, made in the strategy's scope.
        batches: `batches(context)` makes the endless data of a machine, in batches for one device.
        callbacks: Called after each batch with the means of the losses, as by `fit`; those of all
            devices.

    Raises:
        KeyboardInterrupt: On Ctrl-C.
    """
    strategy = trainer.distribute_strategy

    @tf.function(autograph=False)
    def take_step(batch, is_pending):
        logs = strategy.run(trainer.train_step, args=(batch,))
        pending = strategy.run(tf.identity, args=(is_pending,))
        means = {name: strategy.reduce("MEAN", each, axis=None) for name, each in logs.items()}
        return means, strategy.reduce("SUM", pending, axis=None)

    called = keras.callbacks.CallbackList(callbacks, model=trainer)
    trainer.stop_training = False
    trainer.reset_metrics()
    called.on_train_begin()
    with defer_interrupts() as raise_pending:
        for number, batch in enumerate(strategy.distribute_datasets_from_function(batches)):
            logs, pending = take_step(batch, tf.constant(float(_raises(raise_pending))))
            called.on_train_batch_end(number, {name: float(each) for name, each in logs.items()})
            if pending > 0:
                raise KeyboardInterrupt
            if trainer.stop_training:
                break
    called.on_train_end()


def broadcast(trainer: keras.Model, variables: Iterable[keras.Variable]) -> None:
    """Sets variables on all workers to what they are on the chief.

    Args:
        trainer: A trainer, made in the strategy's scope.
        variables: Variables of it, in the same order everywhere.
    """
    if not is_distributed(trainer):
        return
    strategy, variables = trainer.distribute_strategy, list(variables)

    @tf.function(autograph=False)
    def of_chief():
        return strategy.run(_sum_of_first, args=([each.value for each in variables],))

    for variable, values in zip(variables, of_chief(), strict=True):
        value = strategy.experimental_local_results(values)[0]
        variable.assign(tf.cast(value, variable.dtype))


def is_true_anywhere(trainer: keras.Model, flag: bool) -> bool:
    """Tells every worker whether a flag is set on any of them."""
    if not is_distributed(trainer):
        return flag
    strategy = trainer.distribute_strategy

    @tf.function(autograph=False)
    def count():
        return strategy.reduce("SUM", strategy.run(lambda: tf.constant(float(flag))), axis=None)

    return bool(count() > 0)


def _raises(raise_pending):
    try:
        raise_pending()
    except KeyboardInterrupt:
        return True
    return False


def _sum_of_first(tensors):
    """Sums tensors over all devices, with zeros for those of all but the first."""
    context = tf.distribute.get_replica_context()
    is_first = context.replica_id_in_sync_group == 0
    # Not all devices sum unsigned integers.
    wide = [tf.cast(each, tf.int64) if each.dtype.is_integer else each for each in tensors]
    return [context.all_reduce("SUM", tf.where(is_first, each, 0)) for each in wide]
