"""What is in saved_models/ for a server to read."""

import re
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import text_format
from saved_graph import assert_runs_on_2_16

from kerasart import Stylizer

SAVED_MODELS = Path(__file__).parents[2] / "saved_models"


def test_every_model_that_is_served_is_there():
    config_pb2 = pytest.importorskip("tensorflow_serving.config.model_server_config_pb2")
    text = (SAVED_MODELS / "models.config").read_text()
    for each in (text, re.sub("# (?=config)", "", text)):  # Comments are to become lines.
        served = text_format.Parse(each, config_pb2.ModelServerConfig()).model_config_list.config
        assert all(model.base_path == f"/models/{model.name}" for model in served)
    named = re.findall('^  config { name: "(.*?)"', text, re.MULTILINE)
    assert named and all(_versions(name) for name in named)


@pytest.mark.parametrize("name", ["medium", "small", "any_style", "adain", "collections", "dream"])
def test_any_server_from_2_16_on_has_the_operations(name):
    assert_runs_on_2_16(_versions(name)[-1])


def test_a_version_of_the_server_is_named():
    compose = (SAVED_MODELS / "compose.yaml").read_text()
    ((major, minor),) = re.findall(r"image: tensorflow/serving:(\d+)\.(\d+)\.\d+\b", compose)
    assert (int(major), int(minor)) >= (2, 16)


@pytest.mark.parametrize("name", ["medium", "small", "any_style", "adain", "collections"])
def test_what_is_served_is_the_network_beside_it(name, face):
    import tensorflow as tf

    loaded = tf.saved_model.load(_versions(name)[-1])
    stylizer = Stylizer(SAVED_MODELS / name, precision="float32")
    if not stylizer.styles:
        style = face[:, ::-1, :, ::-1].copy()
        given = {"style_bytes": tf.io.encode_png(np.uint8(style[0] * 255))[tf.newaxis]}
        style = np.uint8(style * 255) / np.float32(255)
    else:
        style = stylizer.styles[2]
        given = {"style_weights": np.float32([[each == style for each in stylizer.styles]])}
    paint = loaded.signatures["pixels_float"]
    painted = paint(image=tf.constant(face), strength=tf.ones([1]), **given)["image"]
    np.testing.assert_allclose(painted, stylizer(face, style), atol=1 / 255)


def _versions(name):
    found = (SAVED_MODELS / name).glob("[0-9]*/saved_model.pb")
    return sorted((path.parent for path in found), key=lambda folder: int(folder.name))
