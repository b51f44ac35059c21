"""What is in saved_models/ for a server to read."""

import re
from pathlib import Path

import pytest
from google.protobuf import text_format

SAVED_MODELS = Path(__file__).parents[2] / "saved_models"


def test_every_model_that_is_served_is_there():
    config_pb2 = pytest.importorskip("tensorflow_serving.config.model_server_config_pb2")
    text = (SAVED_MODELS / "models.config").read_text()
    for each in (text, re.sub("# (?=config)", "", text)):  # Comments are to become lines.
        served = text_format.Parse(each, config_pb2.ModelServerConfig()).model_config_list.config
        assert all(model.base_path == f"/models/{model.name}" for model in served)
    named = re.findall('^  config { name: "(.*?)"', text, re.MULTILINE)
    assert named and all((SAVED_MODELS / name).is_dir() for name in named)
