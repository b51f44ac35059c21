import warnings

import keras
import numpy as np
import pytest

from kerasart.export.litert_format import export_litert
from kerasart.networks import AdaIN, TransformerNet

SIZE = (33, 47)


def random(*shape, seed=0):
    return np.random.default_rng(seed).random(shape, np.float32)


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    network = TransformerNet(3, 0.25, blocks=2)
    generator = np.random.default_rng(1)
    for weight in network.weights:
        if weight.name in ("gamma", "beta", "bias"):
            weight.assign(weight + generator.normal(0, 0.5, weight.shape))
    return network


@pytest.fixture(scope="module")
def adain():
    keras.utils.set_random_seed(0)
    return AdaIN()


@pytest.fixture(scope="module")
def path(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("litert") / "net.tflite"
    export_litert(network, path, SIZE)
    return path


@pytest.fixture(scope="module")
def adain_path(adain, tmp_path_factory):
    path = tmp_path_factory.mktemp("litert") / "adain.tflite"
    export_litert(adain, path, SIZE)
    return path


def load(path):
    import tensorflow as tf

    with warnings.catch_warnings(action="ignore"):
        return tf.lite.Interpreter(str(path))


def run(path, **inputs):
    return load(path).get_signature_runner("serving_default")(**inputs)


@pytest.mark.parametrize("strength", [0.0, 0.6, 1.0])
def test_a_net_paints_as_in_process(network, path, strength):
    image, strength = random(1, *SIZE, 3), np.float32([strength])
    mixture = np.float32([[0.2, 0.5, 0.3]])
    outputs = run(path, image=image, style_weights=mixture, strength=strength)
    assert list(outputs) == ["image"] and outputs["image"].dtype == np.float32
    expected = network(image, mixture, strength).numpy()
    assert expected.std() > 0.05
    np.testing.assert_allclose(outputs["image"], expected, atol=2 / 255)


@pytest.mark.parametrize("strength", [0.0, 0.6, 1.0])
def test_adain_paints_as_in_process(adain, adain_path, strength):
    image, style = random(1, *SIZE, 3), random(1, *SIZE, 3, seed=1) ** 2
    strength = np.float32([strength])
    painted = run(adain_path, image=image, style=style, strength=strength)["image"]
    expected = adain(image, style, strength).numpy()
    assert expected.std() > 0.01
    np.testing.assert_allclose(painted, expected, atol=2 / 255)


def test_inputs_have_names_and_one_size(path, adain_path):
    shapes = []
    for each in (path, adain_path):
        details = load(each).get_signature_runner("serving_default").get_input_details()
        assert {detail["dtype"] for detail in details.values()} == {np.float32}
        shapes.append({name: list(detail["shape"]) for name, detail in details.items()})
    picture = [1, *SIZE, 3]
    assert shapes[0] == {"image": picture, "style_weights": [1, 3], "strength": [1]}
    assert shapes[1] == {"image": picture, "style": picture, "strength": [1]}


def test_weights_are_float16(network, path):
    details = load(path).get_tensor_details()
    halves = sum(np.prod(each["shape"]) for each in details if each["dtype"] == np.float16)
    weights = sum(weight.numpy().size for weight in network.weights)
    assert halves >= weights and path.stat().st_size < 4 * weights


def test_every_operation_is_a_runtime_s_own(path, adain_path):
    for each in (path, adain_path):
        operators = {detail["op_name"] for detail in load(each)._get_ops_details()}
        assert "CONV_2D" in operators
        assert not any(name.startswith("Flex") or "CUSTOM" in name for name in operators)


def test_exporting_is_quiet(network, tmp_path, capfd):
    with warnings.catch_warnings(action="error"):
        export_litert(network, tmp_path / "net.tflite", (24, 24))
    assert capfd.readouterr() == ("", "")


def test_what_paints_otherwise_is_not_put_in_place(network, tmp_path, monkeypatch):
    path = tmp_path / "net.tflite"
    path.write_bytes(b"before")
    monkeypatch.setattr("kerasart.export.litert_format._TOLERANCE", -1.0)
    with pytest.raises(ValueError, match=r"paint as before.* Received: a picture that differs"):
        export_litert(network, path, (8, 8))
    assert path.read_bytes() == b"before" and list(tmp_path.iterdir()) == [path]


def test_a_size_too_small(network, adain, tmp_path):
    with pytest.raises(ValueError, match="`size` must be at least 5x5 pixels. Received: 8x4"):
        export_litert(network, tmp_path / "net.tflite", (4, 8))
    with pytest.raises(ValueError, match="`size` must be at least 9x9 pixels. Received: 8x9"):
        export_litert(adain, tmp_path / "adain.tflite", (9, 8))


def test_a_folder_that_is_not_there(network, tmp_path):
    with pytest.raises(FileNotFoundError, match="its folder must exist"):
        export_litert(network, tmp_path / "none" / "net.tflite", SIZE)
