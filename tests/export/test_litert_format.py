import re
import warnings

import numpy as np
import pytest
import tensorflow as tf
from network_checks import check_paints_as

from kerasart.export.litert_format import export_litert

SIZE = (33, 47)


@pytest.fixture(scope="module")
def path(style_network, tmp_path_factory):
    return export_litert(style_network, tmp_path_factory.mktemp("litert") / "net.tflite", SIZE)


def load(path):
    with warnings.catch_warnings(action="ignore"):
        return tf.lite.Interpreter(str(path))


def test_it_paints_as_in_process(style_network, path):
    run = load(path).get_signature_runner("serving_default")

    def paint(image, style, strength):
        style = style[0] if style_network.styles else style
        inputs = {"image": image, style_network.style_input: style, "strength": strength}
        (outputs,) = run(**inputs).items()
        assert outputs[0] == "image"
        return outputs[1]

    check_paints_as(style_network, paint, 2 / 255, sizes=[SIZE], style_size=SIZE)
    if style_network.styles:  # One row is for all levels.
        of_one = lambda i, style, s: paint(i, style[:, :1], s)  # noqa: E731
        check_paints_as(style_network, of_one, 2 / 255, sizes=[SIZE], by_level=False)


def test_inputs_have_names_and_one_size(style_network, path):
    details = load(path).get_signature_runner("serving_default").get_input_details()
    assert {detail["dtype"] for detail in details.values()} == {np.float32}
    picture = [1, *SIZE, 3]
    style = {"style_weights": [1, 3]} if style_network.styles else {"style": picture}
    expected = {"image": picture, "strength": [1]} | style
    assert {name: list(detail["shape"]) for name, detail in details.items()} == expected


def test_weights_are_float16(style_network, path):
    details = load(path).get_tensor_details()
    halves = sum(np.prod(each["shape"]) for each in details if each["dtype"] == np.float16)
    weights = sum(weight.numpy().size for weight in style_network.all_variables)
    # The converter may leave biases, of which an encoder of thin layers has many, in float32.
    biases = sum(len(bias) for bias in map(np.array, style_network.all_variables) if bias.ndim < 2)
    assert halves >= 0.999 * (weights - biases) and path.stat().st_size < 2 * weights + 200_000


def test_every_operation_is_a_runtime_s_own(path, capfd):
    tf.lite.experimental.Analyzer.analyze(str(path))
    operators = set(re.findall(r"Op#\d+ (\w+)\(", capfd.readouterr().out))
    assert "CONV_2D" in operators
    # TensorFlow's, FlexRelu for one, and other custom ones are called by their own names.
    assert all(name == name.upper() != "CUSTOM" for name in operators)


def test_exporting_is_quiet(tiny_network, tmp_path, capfd):
    with warnings.catch_warnings(action="error"):
        export_litert(tiny_network, tmp_path / "net.tflite", (24, 24))
    assert capfd.readouterr() == ("", "")


def test_what_paints_otherwise_is_not_put_in_place(tiny_network, tmp_path, monkeypatch):
    path = tmp_path / "net.tflite"
    path.write_bytes(b"before")
    call = type(tiny_network).call
    monkeypatch.setattr(type(tiny_network), "call", lambda *given: 0.95 * call(*given))
    with pytest.raises(ValueError, match=r"paint as before.* Received: a picture that differs"):
        export_litert(tiny_network, path, (8, 8))
    assert path.read_bytes() == b"before" and list(tmp_path.iterdir()) == [path]


def test_a_size_too_small(tiny_network, adain, tmp_path):
    with pytest.raises(ValueError, match="`size` must be at least 5x5 pixels. Received: 8x4"):
        export_litert(tiny_network, tmp_path / "net.tflite", (4, 8))
    with pytest.raises(ValueError, match="`size` must be at least 9x9 pixels. Received: 8x9"):
        export_litert(adain, tmp_path / "adain.tflite", (9, 8))


def test_a_folder_that_is_not_there(tiny_network, tmp_path):
    with pytest.raises(FileNotFoundError, match="its folder must exist"):
        export_litert(tiny_network, tmp_path / "none" / "net.tflite", SIZE)
