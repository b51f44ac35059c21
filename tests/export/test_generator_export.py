import io

import numpy as np
import pytest
import tensorflow as tf
from generators import make_generator
from PIL import Image
from saved_graph import assert_runs_on_2_16

from kerasart import Generator
from kerasart.export.onnx_generator import export_generator_onnx
from kerasart.export.saved_model import export_generator
from kerasart.levels import LEVELS
from kerasart.networks import draw_latent

SEEDS, TRUNCATION = (3, 4, 5), 0.6
Z = np.concatenate([draw_latent(seed, 6) for seed in SEEDS])


@pytest.fixture(scope="module")
def generator():
    return Generator(make_generator(), "float32")


@pytest.fixture(scope="module")
def exported(generator, tmp_path_factory):
    return export_generator(generator.network, tmp_path_factory.mktemp("served") / "seeds")


@pytest.fixture(scope="module")
def signatures(exported):
    return tf.saved_model.load(str(exported)).signatures


def read(data):
    return np.asarray(Image.open(io.BytesIO(data)), np.float32)[None] / 255


def mixed(generator, order):
    """The style whose levels are those of seeds, in the order of LEVELS."""
    own = dict(zip(LEVELS, (SEEDS[i] for i in order), strict=True))
    return generator.style(truncation=TRUNCATION, mix={k: own[k] for k in generator.network.levels})


ORDERS = [(0, 0, 0), (1, 2, 0)]
LATENT = {"z": Z[ORDERS], "truncation": np.float32([TRUNCATION] * len(ORDERS))}


def test_the_served_generator_paints_pictures_of_seeds(generator, signatures):
    files = signatures["serving_default"](z=tf.constant(Z))["image_bytes"].numpy()
    for seed, file in zip(SEEDS, files, strict=True):
        expected = generator.paint(generator.style(seed))
        np.testing.assert_allclose(read(file), expected, rtol=0, atol=0.51 / 255)


def test_it_maps_and_mixes(generator, signatures):
    w = signatures["map"](**LATENT)["w"]
    expected = np.concatenate([mixed(generator, order) for order in ORDERS])
    np.testing.assert_allclose(w, expected, rtol=1e-5, atol=1e-6)


def test_it_paints_styles(generator, signatures):
    w = np.concatenate([mixed(generator, order) for order in ORDERS])
    expected = np.concatenate([generator.paint(each[None]) for each in w])
    painted = signatures["pixels_float"](w=tf.constant(w))["image"]
    np.testing.assert_allclose(painted, expected, rtol=1e-5, atol=1e-5)
    pixels = signatures["pixels"](w=tf.constant(w))["image"]
    assert pixels.dtype == tf.uint8
    np.testing.assert_allclose(pixels / 255, expected, rtol=0, atol=0.51 / 255)
    formats = tf.constant(["jpeg", "png"])
    first, second = signatures["bytes"](w=tf.constant(w), format=formats)["image_bytes"].numpy()
    assert Image.open(io.BytesIO(first)).format == "JPEG"
    np.testing.assert_allclose(read(second), expected[1:], rtol=0, atol=0.51 / 255)


def test_any_server_runs_it(exported):
    assert_runs_on_2_16(exported)


def test_the_onnx_file_paints_as_in_process(generator, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("tf2onnx")
    path = export_generator_onnx(generator.network, tmp_path / "seeds.onnx")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    shapes = {each.name: each.shape for each in (*session.get_inputs(), *session.get_outputs())}
    painted = ["batch", 32, 32, 3]
    assert shapes == {"z": ["batch", 3, 6], "truncation": ["batch"], "painted": painted}
    (painted,) = session.run(["painted"], LATENT)
    expected = [generator.paint(mixed(generator, order)) for order in ORDERS]
    np.testing.assert_allclose(painted, np.concatenate(expected), rtol=1e-5, atol=1e-5)


def test_a_generator_of_classes_is_asked_for_them(tmp_path):
    generator = Generator(make_generator([4, 3], classes=3), "float32")
    seeds = [generator.style(seed, TRUNCATION, label=2) for seed in SEEDS]
    expected = np.concatenate([generator.paint(w) for w in seeds])
    labels = np.float32(np.eye(3)[[2] * len(SEEDS)])
    latent = {"z": Z[:, None].repeat(3, axis=1), "label": labels}
    latent["truncation"] = np.float32([TRUNCATION] * len(SEEDS))
    served = tf.saved_model.load(str(export_generator(generator.network, tmp_path / "seeds")))
    w = served.signatures["map"](**{name: tf.constant(each) for name, each in latent.items()})["w"]
    np.testing.assert_allclose(w, np.concatenate(seeds), rtol=1e-5, atol=1e-6)
    files = served.signatures["serving_default"](z=tf.constant(Z), label=tf.constant(labels))
    seen = generator.paint(generator.style(SEEDS[0], label=2))
    assert np.abs(read(files["image_bytes"].numpy()[0]) - seen).max() < 0.51 / 255
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("tf2onnx")
    path = export_generator_onnx(generator.network, tmp_path / "seeds.onnx")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(session.run(["painted"], latent)[0], expected, rtol=1e-5, atol=1e-5)
