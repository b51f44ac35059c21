"""A user's keras.json with other settings than ours."""

import json
import os
import subprocess
import sys

import keras
import numpy as np

from kerasart import load_backbone

SEES = """
import sys
import keras
import numpy as np
import tensorflow as tf
from kerasart import load_backbone, load_network, style_transfer
from kerasart.image.samples import read_sample

tf.config.run_functions_eagerly(True)  # To build graphs would take longer.
assert (keras.config.image_data_format(), keras.config.floatx()) == tuple(sys.argv[2:])
photo = read_sample("cat").image[:, 30:94, 100:164]
seen = {name: load_backbone(name)(photo) for name in ("squeezenet", "inception_v3")}
seen = {name: next(iter(features.values())) for name, features in seen.items()}
seen["small"] = load_network("small")(photo, np.eye(8, dtype="float32")[:1])
seen["adain"] = load_network("adain")(photo, photo[:, ::-1])
options = {"optimizer": "adam", "size": 64, "steps": 2, "precision": "float32"}
seen["painting"] = style_transfer(photo, photo[:, ::-1], backbone="squeezenet", **options).image
assert (keras.config.image_data_format(), keras.config.floatx()) == tuple(sys.argv[2:])
assert keras.layers.Conv2D(1, 1).data_format == sys.argv[2]
assert keras.layers.Conv2D(1, 1).dtype_policy.name == sys.argv[3]
np.savez(sys.argv[1], **{name: np.asarray(array, np.float32) for name, array in seen.items()})
"""


def test_what_keras_is_set_to_changes_nothing(tmp_path, monkeypatch, eagerly):
    settings = {"image_data_format": "channels_first", "floatx": "float16"}
    (tmp_path / "keras.json").write_text(json.dumps({**settings, "backend": "tensorflow"}))
    command = [sys.executable, "-c", SEES, tmp_path / "other.npz", *settings.values()]
    environment = os.environ | {"KERAS_HOME": str(tmp_path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

    usual = [str(tmp_path / "usual.npz"), "channels_last", "float32"]
    monkeypatch.setattr(sys, "argv", ["-c", *usual])
    exec(SEES, {})
    usual, other = np.load(usual[0]), np.load(tmp_path / "other.npz")
    assert set(usual) == set(other)
    for name in usual:
        scale = np.abs(usual[name]).max()
        np.testing.assert_allclose(other[name], usual[name], atol=1e-4 * scale, err_msg=name)


def test_a_backbone_leaves_the_random_state_as_it_was():
    keras.utils.set_random_seed(3)
    expected = keras.layers.Dense(4)(np.ones((1, 4), "float32"))
    for layer in ("conv1", "fire2"):
        keras.utils.set_random_seed(3)
        load_backbone("squeezenet", "random", seed=17).cut([layer])
        np.testing.assert_array_equal(keras.layers.Dense(4)(np.ones((1, 4), "float32")), expected)
