import json
import sys

import numpy as np
import pytest
from network_checks import check_paints_as, make_picture

from kerasart.export.onnx_format import export_onnx, export_onnx_parts
from kerasart.export.parity import check_parity
from kerasart.kernels.precision import choose_precision
from kerasart.networks import load_network, recast
from kerasart.networks.style_network import copy_network

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


NAN = float("nan")
FLOAT = onnx.TensorProto.FLOAT


def constants_of(path):
    return onnx.load(path).graph.initializer


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


def test_parts_paint_by_level_in_codes_of_paintings(manner, tmp_path):
    paths = export_onnx_parts(manner, tmp_path / "net.onnx")
    assert [path.name for path in paths] == ["net.encoder.onnx", "net.painter.onnx"]
    encoder, painter = map(onnxruntime.InferenceSession, paths)
    image, *styles = (make_picture(40, 37, seed) for seed in range(3))
    first, second = (encoder.run(None, {"style": style})[0] for style in styles)
    code = np.concatenate([first[:, :1], second[:, 1:]], axis=1)
    strength = np.float32([0.8])
    inputs = {"image": image, "style_code": code, "strength": strength}
    (painted,) = painter.run(None, inputs)
    own = np.concatenate([manner.encode_style(style) for style in styles])
    expected = manner.forward(image, np.stack([own[0, :1], *own[1, 1:, None]], 1), strength)
    np.testing.assert_allclose(painted, expected, rtol=0, atol=1e-4)


def test_a_network_of_named_styles_has_no_parts(tiny_network, tmp_path):
    with pytest.raises(ValueError, match="`network` must be one of any style, .* Received: '"):
        export_onnx_parts(tiny_network, tmp_path / "net.onnx")
    assert not list(tmp_path.iterdir())


def test_a_kernel_of_eight_bits_stays_one(tmp_path):
    path = export_onnx(load_network("any_style"), tmp_path / "any.onnx")
    assert path.stat().st_size < 2_900_000


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


def test_what_float16_holds_is_stored_in_it_and_paints_the_same(
    tiny_network, tmp_path, monkeypatch
):
    network = copy_network(tiny_network, "float32")
    halves = [each.astype(np.float16).astype(np.float32) for each in network.get_weights()]
    network.set_weights([*halves[:-2], *network.get_weights()[-2:]])  # All but the last kernel.
    light = export_onnx(network, tmp_path / "light.onnx")
    monkeypatch.setattr("kerasart.export.onnx_ops._MANY", np.inf)
    full = export_onnx(network, tmp_path / "full.onnx")
    kept = {tuple(each.dims) for each in constants_of(light) if each.data_type == FLOAT}
    assert (3, 2, 9, 9) in kept and (8, 8, 3, 3) not in kept
    assert light.stat().st_size < full.stat().st_size
    inputs = {"image": make_picture(35, 46), "strength": np.float32([0.7])}
    inputs["style_weights"] = np.float32([[0.2, 0.3, 0.5]])
    painted = [onnxruntime.InferenceSession(path).run(None, inputs)[0] for path in (light, full)]
    np.testing.assert_array_equal(*painted)


def test_a_trained_network_is_small(tmp_path):
    path = export_onnx(load_network("small"), tmp_path / "small.onnx")
    assert path.stat().st_size < 320_000
    grain = [each for each in constants_of(path) if each.data_type == onnx.TensorProto.INT8]
    assert [tuple(each.dims) for each in grain] == [(4, 127, 131)]


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
