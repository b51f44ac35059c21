import json
import sys

import numpy as np
import pytest
from network_checks import check_paints_as

from kerasart.export.onnx_format import export_onnx
from kerasart.export.parity import check_parity
from kerasart.kernels.precision import choose_precision
from kerasart.networks import recast

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


NAN = float("nan")


@pytest.fixture(scope="module")
def path(style_network, tmp_path_factory):
    return export_onnx(style_network, tmp_path_factory.mktemp("onnx") / "net.onnx")


def test_it_paints_as_in_process(style_network, path):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])

    def paint(image, style, strength):
        style = style[0] if style_network.styles else style
        inputs = {"image": image, style_network.style_input: style, "strength": strength}
        return session.run(None, inputs)[0]

    check_paints_as(style_network, paint, 1e-4)
    if style_network.styles:  # One row is for all levels.
        check_paints_as(
            style_network, lambda i, style, s: paint(i, style[:, :1], s), 1e-4, by_level=False
        )


def test_inputs_and_output_have_names_and_free_sizes(style_network, path):
    session = onnxruntime.InferenceSession(path)
    puts = [*session.get_inputs(), *session.get_outputs()]
    assert {put.type for put in puts} == {"tensor(float)"}
    picture = [1, "height", "width", 3]
    style = {"style": [1, "style_height", "style_width", 3]}
    if style_network.styles:
        style = {"style_weights": ["levels", 3]}
    expected = {"image": picture, "strength": [1], "painted": picture} | style
    assert {put.name: put.shape for put in puts} == expected


def test_the_file_knows_the_styles(style_network, path):
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    known = {each.key: json.loads(each.value) for each in model.metadata_props}
    assert known == ({"styles": ["a", "b", "c"]} if style_network.styles else {})


@pytest.mark.skipif(choose_precision() == "float32", reason="bfloat16 is slow here")
def test_a_network_of_any_precision_is_written_in_float32(tiny_network, tmp_path):
    path = export_onnx(tiny_network, tmp_path / "net.onnx")
    half = export_onnx(recast(tiny_network, "bfloat16"), tmp_path / "half.onnx")
    assert half.read_bytes() == path.read_bytes()


def test_what_paints_otherwise_is_not_put_in_place(tiny_network, tmp_path, monkeypatch):
    path = tmp_path / "net.onnx"
    path.write_bytes(b"before")
    call = type(tiny_network).call
    monkeypatch.setattr(type(tiny_network), "call", lambda *given: 0.95 * call(*given))
    with pytest.raises(ValueError, match=r"paint as before.* Received: a picture that differs"):
        export_onnx(tiny_network, path)
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
def test_what_is_missing_is_named(tiny_network, tmp_path, monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ImportError, match=rf"kerasart\[onnx\].* Received: .*{missing}"):
        export_onnx(tiny_network, tmp_path / "net.onnx")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there(tiny_network, tmp_path):
    with pytest.raises(FileNotFoundError, match="its folder must exist"):
        export_onnx(tiny_network, tmp_path / "none" / "net.onnx")
