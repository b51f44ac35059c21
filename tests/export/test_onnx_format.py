import json
import sys

import keras
import numpy as np
import pytest

from kerasart.export.onnx_format import export_onnx
from kerasart.export.parity import check_parity
from kerasart.kernels.precision import choose_precision
from kerasart.networks import AdaIN, TransformerNet, recast

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


def random(*shape, seed=0):
    return np.random.default_rng(seed).random(shape, np.float32)


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    network = TransformerNet(["a", "b", "c"], 0.25)
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
    path = tmp_path_factory.mktemp("onnx") / "net.onnx"
    export_onnx(network, path)
    return path


@pytest.fixture(scope="module")
def adain_path(adain, tmp_path_factory):
    path = tmp_path_factory.mktemp("onnx") / "adain.onnx"
    export_onnx(adain, path)
    return path


def run(path, **inputs):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, inputs)[0]


MIXTURE = np.float32([[0.2, 0.5, 0.3]])
EYE = np.eye(3, dtype=np.float32)
NAN = float("nan")


# --- Pictures


@pytest.mark.parametrize("size", [(5, 5), (5, 64), (6, 7), (32, 48), (33, 47)])
@pytest.mark.parametrize("strength", [0.0, 0.6, 1.0])
def test_a_net_paints_as_in_process(network, path, size, strength):
    image, strength = random(1, *size, 3), np.float32([strength])
    painted = run(path, image=image, style_weights=MIXTURE, strength=strength)
    assert painted.shape == image.shape and painted.dtype == np.float32
    expected = network(image, MIXTURE, strength).numpy()
    assert expected.std() > 0.05
    np.testing.assert_allclose(painted, expected, atol=1e-4)


def test_each_style_is_its_own(network, path):
    image, strength = random(1, 16, 16, 3), np.ones(1, np.float32)
    painted = [run(path, image=image, style_weights=row[None], strength=strength) for row in EYE]
    for row, each in zip(EYE, painted, strict=True):
        np.testing.assert_allclose(each, network(image, row[None], strength), atol=1e-4)
    assert np.abs(painted[0] - painted[1]).max() > 0.05


@pytest.mark.parametrize("size", [(9, 9), (33, 47)])
@pytest.mark.parametrize("strength", [0.0, 0.6, 1.0])
def test_adain_paints_as_in_process(adain, adain_path, size, strength):
    image, style = random(1, *size, 3), random(1, 25, 38, 3, seed=1) ** 2
    strength = np.float32([strength])
    painted = run(adain_path, image=image, style=style, strength=strength)
    assert painted.shape == image.shape and painted.dtype == np.float32
    expected = adain(image, style, strength).numpy()
    assert expected.std() > 0.01
    np.testing.assert_allclose(painted, expected, atol=1e-4)


def test_strength_0_is_the_photo_to_the_bit(path):
    image = random(1, 13, 10, 3)
    painted = run(path, image=image, style_weights=MIXTURE, strength=np.zeros(1, np.float32))
    np.testing.assert_array_equal(painted, image)


# --- Files


def test_inputs_and_output_have_names_and_free_sizes(path, adain_path):
    shapes = []
    for each in (path, adain_path):
        session = onnxruntime.InferenceSession(each)
        puts = [*session.get_inputs(), *session.get_outputs()]
        assert {put.type for put in puts} == {"tensor(float)"}
        shapes.append({put.name: put.shape for put in puts})
    picture = [1, "height", "width", 3]
    style = [1, "style_height", "style_width", 3]
    assert shapes[0] == {
        "image": picture,
        "style_weights": [1, 3],
        "strength": [1],
        "painted": picture,
    }
    assert shapes[1] == {"image": picture, "style": style, "strength": [1], "painted": picture}


def test_the_file_knows_the_styles(path):
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    assert {each.key: json.loads(each.value) for each in model.metadata_props} == {
        "styles": ["a", "b", "c"]
    }


@pytest.mark.skipif(choose_precision() == "float32", reason="bfloat16 is slow here")
def test_a_network_of_any_precision_is_written_in_float32(network, path, tmp_path):
    export_onnx(recast(network, "bfloat16"), tmp_path / "net.onnx")
    assert (tmp_path / "net.onnx").read_bytes() == path.read_bytes()


def test_what_paints_otherwise_is_not_put_in_place(network, tmp_path, monkeypatch):
    path = tmp_path / "net.onnx"
    path.write_bytes(b"before")
    monkeypatch.setattr("kerasart.export.onnx_format._TOLERANCE", -1.0)
    with pytest.raises(ValueError, match=r"paint as before.* Received: a picture that differs"):
        export_onnx(network, path)
    assert path.read_bytes() == b"before" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("change", "allowed"), [(0.9, True), (1.1, False), (NAN, False)])
def test_parity_allows_as_much_as_it_says(change, allowed):
    def network(image, style, strength):
        return image

    def paint(inputs):
        return inputs["image"] + np.float32(change / 255)

    shapes = {"image": (1, 4, 5, 3), "style": (1, 4, 5, 3), "strength": (1,)}
    if allowed:
        check_parity(network, paint, shapes, 1 / 255)
    else:
        with pytest.raises(ValueError, match=f"to 1/255. Received: .* by {change:.1f}/255"):
            check_parity(network, paint, shapes, 1 / 255)


@pytest.mark.parametrize("missing", ["onnx", "onnxruntime"])
def test_what_is_missing_is_named(network, tmp_path, monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ImportError, match=rf"kerasart\[onnx\].* Received: .*{missing}"):
        export_onnx(network, tmp_path / "net.onnx")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there(network, tmp_path):
    with pytest.raises(FileNotFoundError, match="its folder must exist"):
        export_onnx(network, tmp_path / "none" / "net.onnx")
