"""A training that survives being killed, and its own bad steps."""

import itertools
import json
import logging
import math
from pathlib import Path

import keras
import numpy as np
from keras import ops

from kerasart.image.atomic_files import sync
from kerasart.image.files import replace_file
from kerasart.settings.checks import is_number

_log = logging.getLogger("kerasart")

# Deviation of the pixels of a picture that shows nothing.
_BLANK = 0.01


@keras.saving.register_keras_serializable("kerasart")
class CosineDecay(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that falls along half a cosine, and can be lowered on the way.

    Source: Loshchilov and Hutter 2017 (arXiv 1608.03983, equation 5), without restarts.

    Args:
        rate: The rate at the start.
        steps: The steps in all.
        final: What of the rate is left at the end.

    Attributes:
        factor: A variable by which the rate is multiplied.
    """

    def __init__(self, rate, steps, final=0.0):
        self.rate = rate
        self.steps = steps
        self.final = final
        self.factor = keras.Variable(1.0, dtype="float32", trainable=False, name="factor")

    def __call__(self, step):
        """The rate at a step."""
        progress = ops.minimum(ops.cast(step, "float32") / self.steps, 1.0)
        cosine = (1 + ops.cos(math.pi * progress)) / 2
        return self.factor * self.rate * (self.final + (1 - self.final) * cosine)

    def get_config(self):
        """The arguments."""
        return {"rate": self.rate, "steps": self.steps, "final": self.final}


class ResumableTraining(keras.callbacks.Callback):
    """Keeps a training on disk; when it goes wrong, takes it back and halves its rate.

    A step has gone wrong when its loss is not finite, or the pictures painted then are blank.

    Args:
        folder: Where the state is kept; it must exist.
        identity: Dict of what makes the training what it is: settings, and hashes of its pictures.
        every: Steps between two writes.
        paint: `paint()` paints some pictures, as arrays, to be looked at.
        on_keep: `on_keep(pictures)` is called after each write.
        on_step: `on_step(losses)` is called after each step.

    Attributes:
        every: As above.
        history: Dict of each loss's name to its mean over each `every` steps.
        step: Steps taken.
    """

    # More often in a row than this, and a lower rate is not what is missing.
    _MOST_RETREATS = 8

    def __init__(self, folder, identity, every, paint, on_keep, on_step):
        super().__init__()
        self.every = every
        self.history = {}
        self.step = 0
        self._weights = Path(folder) / "state.weights.h5"
        self._next = Path(folder) / "next.weights.h5"
        self._progress = Path(folder) / "progress.json"
        self._identity = json.loads(json.dumps(identity))
        self._paint = paint
        self._on_keep = on_keep
        self._on_step = on_step
        self._retreats = 0
        self._factor = 1.0

    @property
    def exists(self):
        """Whether there is a state."""
        return self._weights.exists()

    def restore(self, trainer, replace=False):
        """Goes on with the training that is kept, if there is one.

        Args:
            trainer: The compiled `StyleTrainer`, whose optimizer has a `CosineDecay`.
            replace: Whether another training that is kept makes way, and is not an error.

        Raises:
            ValueError: If what is kept is another training, or damaged.
        """
        trainer.optimizer.build(trainer.trainable_variables)
        try:
            kept = self._read_progress()
        except ValueError:
            if not replace:
                raise
            kept = None
        different = self._different(kept["identity"]) if kept else []
        if different and not replace:
            raise ValueError(
                "`output` must be empty, or hold a training of the same pictures and settings; "
                f"not the same: {', '.join(different)}. Received: '{self._progress.parent}'"
            )
        if different or not kept:
            self.write(trainer)
            return
        try:
            trainer.load_weights(self._weights)
        except (ValueError, LookupError, OSError, RuntimeError) as error:
            raise _damaged(self._weights) from error
        self.step = int(trainer.optimizer.iterations)
        done = self.step // self.every
        self.history = {name: values[:done] for name, values in kept["history"].items()}
        self._set_factor(trainer, kept["factor"])

    def _read_progress(self):
        """Reads what is kept beside the weights; None before there are any."""
        if not self.exists:
            return None
        try:
            kept = json.loads(self._progress.read_text())
            is_whole = (
                isinstance(kept["identity"], dict)
                and is_number(kept["factor"])
                and all(map(is_number, itertools.chain(*kept["history"].values())))
            )
        except (AttributeError, LookupError, OSError, RecursionError, TypeError, ValueError):
            is_whole = False
        if not is_whole:
            raise _damaged(self._progress)
        return kept

    def remove(self):
        """Removes the state, and its folder if nothing else is in it."""
        for path in (self._progress, self._weights, self._next):
            path.unlink(missing_ok=True)
        if not any(self._progress.parent.iterdir()):
            self._progress.parent.rmdir()

    def _different(self, identity):
        # As text, for the order of the styles is their numbers.
        names = dict.fromkeys([*self._identity, *identity])
        pairs = {name: (self._identity.get(name), identity.get(name)) for name in names}
        return [name for name, (a, b) in pairs.items() if json.dumps(a) != json.dumps(b)]

    def on_train_batch_end(self, batch, logs=None):
        """Looks at the losses of a step."""
        # Keras hands out means since the epoch's start, which a loss that is not finite spoils.
        if not all(math.isfinite(value) for value in logs.values()):
            self._retreat("a loss is not finite")
            return
        self.step += 1
        self._on_step(logs)
        if self.step % self.every == 0:
            pictures = self._paint()
            # A deviation that is not finite is no more than anything.
            if not all(np.std(picture) >= _BLANK for picture in pictures):
                self._retreat("the painted pictures are blank")
                return
            for name, value in logs.items():
                self.history.setdefault(name, []).append(float(value))
            self.model.reset_metrics()
            self._retreats = 0
            self.write(self.model)
            self._on_keep(pictures)

    def _retreat(self, reason):
        self._retreats += 1
        if self._retreats > self._MOST_RETREATS:
            raise FloatingPointError(
                f"The training must stay finite; {reason}, and lower rates did not help. "
                f"Received: step {self.step}"
            )
        self.model.load_weights(self._weights)
        self.model.reset_metrics()
        self.step = int(self.model.optimizer.iterations)
        self._set_factor(self.model, self._factor / 2)
        _log.warning(
            "%s: back to step %d, at half the learning rate (%.2g of what was asked for).",
            reason,
            self.step,
            self._factor,
        )

    def _set_factor(self, trainer, factor):
        self._factor = factor
        trainer.optimizer._learning_rate.factor.assign(factor)

    def write(self, trainer):
        """Writes the state of a trainer."""
        trainer.save_weights(self._next)
        progress = {"identity": self._identity, "factor": self._factor, "history": self.history}
        # First what says whose the weights are. They know their step, so a kill between the two
        # leaves nothing that misleads.
        sync(self._next)
        replace_file(self._progress, json.dumps(progress).encode())
        self._next.replace(self._weights)


def _damaged(path):
    return ValueError(
        f"`output` must hold the state of a training as it was written (without '{path.parent}' it "
        f"begins anew). Received: '{path}', which is missing or damaged"
    )
