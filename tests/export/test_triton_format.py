import json

import numpy as np
import pytest
from generators import make_generator
from google.protobuf import text_format
from server_messages import ModelConfig

from kerasart.export.onnx_format import make_onnx
from kerasart.export.triton_format import export_triton
from kerasart.networks import TransformerNet

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("tf2onnx")


def export(model, repository):
    return export_triton(model, repository / "model")


def read_config(version):
    return text_format.Parse((version.parent / "config.pbtxt").read_text(), ModelConfig())


@pytest.fixture(scope="module", params=["tiny_network", "manner", "generator"])
def model(request):
    if request.param == "generator":
        return make_generator()
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def version(model, tmp_path_factory):
    return export(model, tmp_path_factory.mktemp("triton"))


def full_shape(tensor, config):
    """The shape that the model itself sees: Triton adds the batch's dimension, and reshapes."""
    dims = list(tensor.reshape.shape if tensor.HasField("reshape") else tensor.dims)
    return [-1, *dims] if config.max_batch_size else dims


def test_the_configuration_is_of_the_models_tensors(version):
    config = read_config(version)
    assert (config.name, config.backend) == ("model", "onnxruntime")
    assert [path.name for path in version.iterdir()] == ["model.onnx"] and version.name == "1"
    session = onnxruntime.InferenceSession(version / "model.onnx")
    for told, found in (
        (config.input, session.get_inputs()),
        (config.output, session.get_outputs()),
    ):
        shapes = {each.name: full_shape(each, config) for each in told}
        assert shapes == {
            each.name: [side if isinstance(side, int) else -1 for side in each.shape]
            for each in found
        }
        assert {each.data_type for each in told} == {2}  # TYPE_FP32
        assert {each.type for each in found} == {"tensor(float)"}


def test_the_warm_up_is_painted(version):
    config = read_config(version)
    (warmup,) = config.model_warmup
    assert warmup.batch_size == 1 and set(warmup.inputs) == {each.name for each in config.input}
    inputs = {}
    for tensor in config.input:
        given = warmup.inputs[tensor.name]
        assert given.zero_data and given.data_type == tensor.data_type
        assert all(
            allowed in (-1, size) for allowed, size in zip(tensor.dims, given.dims, strict=True)
        )
        shape = [] if tensor.HasField("reshape") else list(given.dims)
        inputs[tensor.name] = np.zeros([1, *shape] if config.max_batch_size else shape, np.float32)
    session = onnxruntime.InferenceSession(version / "model.onnx")
    (painted,) = session.run(["painted"], inputs)
    assert np.isfinite(painted).all() and 0 <= painted.min() <= painted.max() <= 1


def test_only_what_has_one_size_is_batched(model, version):
    config = read_config(version)
    is_generator = not hasattr(model, "styles")
    assert (config.max_batch_size > 1) == config.HasField("dynamic_batching") == is_generator
    assert config.version_policy.latest.num_versions == 1


def test_clients_are_told_the_styles(tiny_network, tmp_path):
    config = read_config(export(tiny_network, tmp_path))
    assert json.loads(config.parameters["styles"].string_value) == ["a", "b", "c"]


def test_it_is_the_onnx_file(tiny_network, tmp_path):
    version = export(tiny_network, tmp_path)
    assert (version / "model.onnx").read_bytes() == make_onnx(tiny_network)


def test_a_second_export_is_the_next_version_and_keeps_what_was_added(tiny_network, tmp_path):
    first = export(tiny_network, tmp_path)
    config, model = first.parent / "config.pbtxt", (first / "model.onnx").read_bytes()
    mine = config.read_text() + "instance_group { count: 2 }\n"
    config.write_text(mine)
    second = export(tiny_network, tmp_path)
    assert second.name == "2" and config.read_text() == mine
    assert (first / "model.onnx").read_bytes() == (second / "model.onnx").read_bytes() == model
    export_triton(tiny_network, tmp_path / "model", "replace")
    assert "instance_group" not in config.read_text()


@pytest.mark.parametrize("styles", [["a", "b", "c", "d"], ["a", "b", "d"]])
def test_a_folder_of_another_model_is_refused(tiny_network, tmp_path, styles):
    other = TransformerNet(styles, 1 / 16, 1)
    folder = export(tiny_network, tmp_path).parent
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(FileExistsError, match="outputs and styles; .* Received: .*config.pbtxt"):
        export_triton(other, folder)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert export_triton(other, folder, "replace").name == "2"


def test_no_half_version_is_left(tiny_network, tmp_path, monkeypatch):
    def fail(path, write, taken="replace"):
        if path.name == "model.onnx":
            raise OSError("the disk is full")

    monkeypatch.setattr("kerasart.export.triton_format.write_file", fail)
    with pytest.raises(OSError, match="the disk is full"):
        export(tiny_network, tmp_path)
    assert not list((tmp_path / "model").iterdir())
