"""What shows a training: here, TensorBoard; the script's tests have the bar and the folder."""

import importlib.util

import numpy as np
import pytest
import tensorflow as tf

from kerasart.networks.callbacks import TensorBoardWriter, check_tensorboard
from kerasart.networks.resumable_training import ResumableTraining


def test_losses_and_pictures_are_written_whenever_the_state_is(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    training = ResumableTraining(tmp_path, {}, 2, list)
    board = TensorBoardWriter(training, tmp_path / "board", lambda pictures: pictures[0])
    pictures = [np.random.default_rng(0).random((1, 8, 8, 3))]
    for step, loss in ((1, None), (2, 0.5), (3, None), (4, 0.25)):
        training.step = step
        training.pictures = pictures if loss else None
        training.history = {"style conv1": [9.0, loss]}
        board.on_train_batch_end(0)
    events = EventAccumulator(str(tmp_path / "board"), {"tensors": 0}).Reload()
    assert set(events.Tags()["tensors"]) == {"style/conv1", "contact sheet"}
    written = events.Tensors("style/conv1")
    assert [event.step for event in written] == [2, 4]
    assert [float(tf.make_ndarray(event.tensor_proto)) for event in written] == [0.5, 0.25]


def test_without_tensorboard(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match="`tensorboard` needs TensorBoard: pip install"):
        check_tensorboard()
