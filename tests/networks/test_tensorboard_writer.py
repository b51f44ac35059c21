import importlib.util

import numpy as np
import pytest

from kerasart.networks.tensorboard_writer import TensorBoardWriter, check_tensorboard


def test_losses_and_pictures_are_written(tmp_path):
    pytest.importorskip("tensorboard")
    import tensorflow as tf
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = TensorBoardWriter(tmp_path)
    for step, loss in ((2, 0.5), (4, 0.25)):
        board.write(step, {"style conv1": loss}, {"contact sheet": np.zeros((1, 8, 9, 3))})
    events = EventAccumulator(str(tmp_path), {"tensors": 0}).Reload()
    assert set(events.Tags()["tensors"]) == {"style/conv1", "contact sheet"}
    written = events.Tensors("style/conv1")
    assert [event.step for event in written] == [2, 4]
    assert [float(tf.make_ndarray(event.tensor_proto)) for event in written] == [0.5, 0.25]


def test_without_tensorboard(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match="`tensorboard` needs TensorBoard: pip install"):
        check_tensorboard()
