import keras
import numpy as np
import pytest
import tensorflow as tf
from network_checks import FEW_SIZES, check_paints_as, compile_form, make_picture

from kerasart.networks import CollectionNet, load_network, save_network
from kerasart.networks.fused import FusedNetwork
from kerasart.networks.strips import paint_in_strips


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    network = CollectionNet(["a", "b", "c"], width=1 / 16, blocks=2)
    generator = np.random.default_rng(0)
    for variable in network.weights:
        variable.assign(variable + generator.normal(0, 0.1, variable.shape).astype(np.float32))
    network.to_rgb.kernel.assign(2 * network.to_rgb.kernel)
    return network


def test_an_untrained_one_paints_the_photo():
    photo = make_picture(21, 30)
    painted = CollectionNet(["a", "b"], width=1 / 16, blocks=1)(photo, np.full((1, 2), 0.5))
    np.testing.assert_allclose(painted, np.clip(photo, 1 / 255, 254 / 255), atol=1e-6)


def test_what_the_layers_compute_is_added_to_the_logits(network):
    photo, code = make_picture(20, 24), network.encode_style(np.eye(1, 3, dtype=np.float32))
    photo = np.clip(photo, 1 / 255, 254 / 255)
    change = network.transform(photo, code, None, network.ops)
    expected = 1 / (1 + np.exp(-change - np.log(photo) + np.log(1 - photo)))
    np.testing.assert_allclose(network.forward(photo, code), expected, atol=1e-6)


def test_less_strength_is_more_of_the_photos_pixels(network):
    # The photo is no style that it has learned.
    photo, mixture = make_picture(20, 24), np.eye(1, 3, dtype=np.float32)
    half, full = (network(photo, mixture, np.float32([each])) for each in (0.5, 1.0))
    np.testing.assert_allclose(half, (photo + full) / 2, atol=1e-6)


def test_fused_it_paints_the_same(network):
    compiled = compile_form(network, FusedNetwork(network, "float32"))
    check_paints_as(network, compiled)


def test_in_strips_it_paints_the_same(network):
    def paint(image, style, strength):
        return paint_in_strips(network, image, network.encode_style(style), strength, rows=8)

    check_paints_as(network, paint, 5e-5, FEW_SIZES)


def test_onnx_paints_the_same(network, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    from kerasart.export.onnx_format import export_onnx

    session = onnxruntime.InferenceSession(export_onnx(network, tmp_path / "network.onnx"))

    def paint(image, style, strength):
        inputs = {"image": image, network.style_input: style[0], "strength": strength}
        return session.run(None, inputs)[0]

    check_paints_as(network, paint, 1e-4, FEW_SIZES)


def test_a_file_holds_it_whole(network, tmp_path):
    save_network(network, tmp_path / "model.keras")
    again = load_network(tmp_path / "model.keras")
    assert type(again) is CollectionNet and again.styles == ("a", "b", "c")
    check_paints_as(network, tf.function(again), 2 / 255, FEW_SIZES)


def test_only_its_own_collections_train_it_further(network):
    with pytest.raises(ValueError, match=r"network's own, a, b, c.*Received: a, d"):
        network.continued({"a": [], "d": []}, "float32")
    assert type(network.continued(dict.fromkeys("abc", []), "float32")) is CollectionNet
