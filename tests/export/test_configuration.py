"""What is in saved_models/ for a server to read."""

import re
from pathlib import Path

import numpy as np
import pytest
import yaml
from google.protobuf import text_format
from saved_graph import assert_runs_on_2_16
from server_messages import BatchingParameters, MonitoringConfig

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
    image = read_yaml("compose.yaml")[0]["services"]["serving"]["image"]
    major, minor = re.fullmatch(r"tensorflow/serving:(\d+)\.(\d+)\.\d+", image).groups()
    assert (int(major), int(minor)) >= (2, 16)
    assert f"FROM {image}" in (SAVED_MODELS / "Dockerfile").read_text().splitlines()


@pytest.mark.parametrize(
    ("name", "message"), [("batching", BatchingParameters), ("monitoring", MonitoringConfig)]
)
def test_a_server_reads_its_configuration(name, message):
    read = text_format.Parse((SAVED_MODELS / f"{name}.config").read_text(), message())
    assert {field.name for field, _ in read.ListFields()} == set(message.DESCRIPTOR.fields_by_name)


def read_yaml(name):
    return list(yaml.safe_load_all((SAVED_MODELS / name).read_text()))


def test_a_cluster_runs_what_compose_runs():
    serving = read_yaml("compose.yaml")[0]["services"]["serving"]
    deployment, service = read_yaml("kubernetes.yaml")
    pod = deployment["spec"]["template"]
    (container,) = pod["spec"]["containers"]
    flags = dict(each.split("=") for each in container["args"] if "=" in each)
    assert set(serving["command"]) - {"--model_config_file_poll_wait_seconds=60"} <= set(
        container["args"]
    )
    files = [Path(value).name for value in flags.values() if value.startswith("/models/")]
    assert len(files) == 3 and all((SAVED_MODELS / name).is_file() for name in files)
    assert flags["--tensorflow_intra_op_parallelism"] == container["resources"]["requests"]["cpu"]
    ports = {each["name"]: each["containerPort"] for each in container["ports"]}
    assert [f"{port}:{port}" for port in ports.values()] == serving["ports"]
    assert serving["healthcheck"]["test"][-1].endswith(f"/{ports['rest']}")
    assert {each["targetPort"]: each["port"] for each in service["spec"]["ports"]} == ports
    assert service["spec"]["selector"] == deployment["spec"]["selector"]["matchLabels"]
    assert service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
    for probe in ("startupProbe", "readinessProbe"):
        asked = container[probe]["httpGet"]
        assert asked["port"] in ports and _versions(asked["path"].removeprefix("/v1/models/"))
    told = pod["metadata"]["annotations"]
    assert told["prometheus.io/port"] == str(ports["rest"])
    monitoring = (SAVED_MODELS / "monitoring.config").read_text()
    assert f'path: "{told["prometheus.io/path"]}"' in monitoring


def test_the_autoscaler_scales_the_deployment_by_what_it_requests():
    deployment, _ = read_yaml("kubernetes.yaml")
    (scaler,) = read_yaml("autoscaling.yaml")
    target = scaler["spec"]["scaleTargetRef"]
    assert target["kind"] == deployment["kind"] and target["apiVersion"] == deployment["apiVersion"]
    assert target["name"] == deployment["metadata"]["name"]
    assert "replicas" not in deployment["spec"]  # Applied again, it would undo what was scaled.
    (metric,) = scaler["spec"]["metrics"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert metric["resource"]["name"] in container["resources"]["requests"]
    assert scaler["spec"]["minReplicas"] < scaler["spec"]["maxReplicas"]


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
