import hashlib
import logging
import os
from importlib.resources import files
from pathlib import Path
from runpy import run_path

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasart.backbones import Backbone, load_backbone
from kerasart.backbones.architectures import find_architecture
from kerasart.backbones.graph_surgery import cut_and_fold, rename_layers
from kerasart.backbones.imagenet import imagenet_labels, read_arrays
from kerasart.image.resizing import resize
from kerasart.image.samples import read_sample
from kerasart.kernels import precision
from kerasart.kernels.precision import choose_precision
from kerasart.objectives import Activation, Objective

# --- The bundled networks


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("vgg16.npz", "87c25dcdbb2d5318f49783b399adf8eb089af93741be9473a7ffab8ee8b17d4b"),
        ("inception_v3.npz", "d034fb70e72ef8aea90fbd2a5ebc308054d16cb5c29c7bb9603840e21900ebc6"),
        ("squeezenet.npz", "dcffa408933361de55a3036ebc6ea1775408b97d054d8c2825ff66e575df8c3a"),
        (
            "imagenet_labels.json",
            "63321fb3d1f45ffd250ab6c798f3495386ac01f28dad8ceeeba7c8fedc686e78",
        ),
    ],
)
def test_package_data_are_the_checked_files(name, digest):
    content = (files("kerasart.backbones") / "data" / name).read_bytes()
    assert hashlib.sha256(content).hexdigest() == digest


def test_bundled_networks_have_the_published_number_of_weights():
    # Simonyan and Zisserman's base of 13 convolutions; SqueezeNet 1.1's 1.24 million in all.
    assert _bundled_size("vgg16") == 14_714_688
    assert _bundled_size("squeezenet") == 1_235_496
    # Keras's InceptionV3 as far as mixed5; its normalisations have no scales.
    assert _bundled_size("inception_v3") == 5_138_656


def _bundled_size(name):
    return sum(array.size for array in _bundled_arrays(name).values())


def _bundled_arrays(name):
    return read_arrays(files("kerasart.backbones") / "data" / f"{name}.npz")


def test_large_arrays_are_stored_small():
    for name, dtype in {
        "vgg16": "float16",
        "squeezenet": "float16",
        "inception_v3": "uint8",
    }.items():
        with np.load(files("kerasart.backbones") / "data" / f"{name}.npz") as archive:
            kernels = [archive[key] for key in archive.files if key.endswith("/kernel")]
        assert {kernel.dtype for kernel in kernels} == {np.dtype(dtype)}


@pytest.fixture(scope="module")
def converting():
    return run_path(Path(__file__).parents[2] / "tools" / "convert_weights.py")


def test_indexed_arrays_are_read_back_exactly(tmp_path, converting):
    generator = np.random.default_rng(0)
    values = generator.normal(size=256).astype(np.float32)
    arrays = {
        "a/kernel": values[generator.integers(0, 256, (3, 3, 8, 16))],
        "b/kernel": np.zeros((1, 2, 3, 4), np.float32),
        "a/beta": generator.normal(size=999).astype(np.float32),
    }
    np.savez(tmp_path / "a.npz", **converting["index"](arrays))
    found = read_arrays(tmp_path / "a.npz")
    assert set(found) == set(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array, strict=True)


def test_halved_arrays_are_read_back_as_float16(tmp_path, converting):
    arrays = {"a/kernel": np.float32([[0.1, 1 / 3]]), "a/bias": np.float32([2.5])}
    np.savez(tmp_path / "a.npz", **converting["halve"](arrays))
    for name, array in read_arrays(tmp_path / "a.npz").items():
        assert array.dtype == np.float16
        np.testing.assert_allclose(array, arrays[name], rtol=2**-11)


def test_arrays_that_would_lose_something_are_not_converted(converting):
    with pytest.raises(ValueError, match="a/kernel does not fit into 8 bits: it has 257 values"):
        converting["index"]({"a/kernel": np.arange(257, dtype=np.float32)})
    with pytest.raises(ValueError, match="a/bias does not fit into float16"):
        converting["halve"]({"a/bias": np.float32([1e5])})


def test_bundled_inception_is_kerass_with_the_same_weights(bundled_inception, face):
    model = find_architecture("inception_v3").build(None)
    rename_layers(model)
    arrays = _bundled_arrays("inception_v3")
    for layer in model.layers:
        for variable in layer.weights:
            array = arrays.pop(f"{layer.name}/{variable.name}", None)
            if array is not None:
                variable.assign(array)
    assert not arrays
    layers = ["conv2d_4", "mixed0", "mixed3", "mixed5"]
    features = bundled_inception.cut(layers)(face)
    expected = _unfolded(model, layers, 2 * face - 1)
    for name in layers:
        _assert_close(features[name], expected[name])


def test_bundled_inception_ends_with_mixed5(bundled_inception):
    assert (bundled_inception.name, bundled_inception.weights) == ("inception_v3", "bundled")
    names = list(bundled_inception.geometry)
    assert names[-1] == "mixed5"
    assert {"conv2d", "conv2d_49", *(f"mixed{i}" for i in range(6))} < set(names)
    with pytest.raises(ValueError, match="end with mixed5: --weights=imagenet .*: 'mixed7'$"):
        bundled_inception.cut(["mixed4", "mixed7"])


def test_bundled_features_have_their_shapes(vgg16, squeezenet):
    image = tf.zeros((1, 67, 96, 3))
    features = vgg16.cut(["block1_conv2", "block3_conv1", "block5_conv3"])(image)
    assert {name: tuple(value.shape) for name, value in features.items()} == {
        "block1_conv2": (1, 67, 96, 64),
        "block3_conv1": (1, 16, 24, 256),
        "block5_conv3": (1, 4, 6, 512),
    }
    # (67 - 3) // 2 + 1 = 33, pooled to 16, 7 and 3.
    features = squeezenet.cut(["fire2", "conv10"])(image)
    assert tuple(features["fire2"].shape) == (1, 16, 23, 128)
    assert tuple(features["conv10"].shape) == (1, 3, 5, 1000)


@pytest.mark.parametrize(("photo", "label"), [("cat", "Egyptian cat"), ("coffee", "espresso")])
def test_squeezenet_knows_the_photos(squeezenet, photo, label):
    image = resize(read_sample(photo).image, (227, 227), antialias=True)
    logits = tf.reduce_mean(squeezenet(image)["relu_conv10"], axis=[0, 1, 2])
    assert imagenet_labels()[int(tf.argmax(logits))] == label


# --- Names


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("inception_v3", "inception_v3"),
        ("InceptionV3", "inception_v3"),
        ("inceptionv3", "inception_v3"),
        ("inception-v3", "inception_v3"),
        ("vgg19", "vgg19"),
        ("VGG16", "vgg16"),
        ("mobilenet_v2", "mobilenet_v2"),
        ("squeezenet", "squeezenet"),
        ("SqueezeNet", "squeezenet"),
    ],
)
def test_names_resolve_in_every_spelling(spelling, name):
    assert find_architecture(spelling).name == name


def test_every_network_of_keras_resolves():
    names = [name for name in dir(keras.applications) if name[0].isupper()]
    assert {"ResNet50", "EfficientNetB0", "DenseNet121"} < set(names)
    architectures = [find_architecture(name) for name in names]
    assert len({architecture.name for architecture in architectures}) == len(names)
    # The name that is kept must find the same network again.
    assert [find_architecture(a.name).name for a in architectures] == [
        a.name for a in architectures
    ]
    assert find_architecture("efficientnet_b0").name == find_architecture("EfficientNetB0").name


def test_preprocessing_is_that_of_the_network():
    grey = np.full((1, 1, 1, 3), 127.5, np.float32)
    inception = find_architecture("inception_v3").preprocess(grey.copy())
    caffe = find_architecture("resnet50").preprocess(grey.copy())
    np.testing.assert_allclose(inception, np.zeros_like(grey), atol=1e-6)
    np.testing.assert_allclose(
        np.asarray(caffe)[0, 0, 0], 127.5 - np.array([103.939, 116.779, 123.68]), rtol=1e-5
    )


def test_preprocessing_is_inside(inception_model, inception, face):
    cut = inception.cut(["mixed0"])
    reference = keras.Model(inception_model.inputs[0], inception_model.get_layer("mixed0").output)
    _assert_close(cut(face)["mixed0"], reference(2 * face - 1, training=False))


def test_unknown_network_names_the_nearest():
    with pytest.raises(ValueError, match=r"Nearest: .*inceptionv3.*Received: 'inception_v33'"):
        load_backbone("inception_v33")


@pytest.mark.parametrize("layer", ["fire33", "Fire3", "fire3_expand"])
def test_unknown_layer_names_the_nearest(squeezenet, layer):
    with pytest.raises(ValueError, match=rf"nearest: .*fire3.*Received: '{layer}'"):
        squeezenet.cut(["fire4", layer])


def test_names_do_not_depend_on_what_was_built_before():
    def build():
        inputs = keras.Input((8, 8, 3))
        x = keras.layers.Conv2D(4, 3)(inputs)
        x = keras.layers.BatchNormalization()(x)
        x = keras.layers.Conv2D(4, 3, name="mixed4")(x)
        x = keras.layers.Conv2D(4, 1)(x)
        return keras.Model(inputs, keras.layers.Activation("relu")(x))

    models = [build(), build()]
    assert models[0].layers[1].name != models[1].layers[1].name
    for model in models:
        rename_layers(model)
        names = [layer.name for layer in model.layers]
        assert names[1:] == ["conv2d", "batch_normalization", "mixed4", "conv2d_1", "activation"]
        assert [operation.name for operation in model.operations][1:] == names[1:]


@pytest.fixture(scope="module")
def random_inception(inception_model):
    # Two are built by now at the least, so that automatic numbers have run on.
    return load_backbone("inception_v3", "random")


def test_inception_has_the_names_of_a_fresh_session(random_inception, inception):
    names = random_inception.geometry
    assert list(names) == list(inception.geometry)
    assert {"conv2d", "conv2d_93", "mixed10"} < set(names)
    assert "conv2d_94" not in names


# --- Weights


def test_random_weights_come_from_the_seed():
    hashes = [load_backbone("squeezenet", "random", seed).weights_hash for seed in (0, 0, 1)]
    assert hashes[0] == hashes[1] != hashes[2]


def test_random_weights_keep_the_features_in_range(random_inception, face):
    features = random_inception.cut(["mixed2", "mixed7"])(face)
    for value in features.values():
        assert 0.05 < float(tf.sqrt(tf.reduce_mean(value**2))) < 20


def test_a_path_gives_the_weights_of_the_file(tmp_path, squeezenet):
    path = tmp_path / "mine.weights.h5"
    architecture = find_architecture("squeezenet")
    keras.utils.set_random_seed(0)
    model = architecture.build(None)
    model.save_weights(path)
    loaded = load_backbone("squeezenet", path)
    assert loaded.weights == str(path)
    assert loaded.weights_hash == Backbone("x", model, architecture.preprocess, "").weights_hash
    assert loaded.weights_hash != squeezenet.weights_hash


def test_weights_that_cannot_be_had():
    with pytest.raises(FileNotFoundError, match="nowhere.h5"):
        load_backbone("squeezenet", "nowhere.h5")
    with pytest.raises(ValueError, match="vgg16, squeezenet, inception_v3. Received: 'bundled'"):
        load_backbone("vgg19", "bundled")
    with pytest.raises(ValueError, match="for squeezenet. Received: 'imagenet'"):
        load_backbone("squeezenet", "imagenet")


# --- Auto, downloads and the network


@pytest.mark.parametrize(
    ("choice", "name"),
    [({}, "inception_v3"), ({"default": "vgg16"}, "vgg16"), ({"head": True}, "squeezenet")],
)
def test_auto_is_what_is_bundled_and_asks_no_server(offline, caplog, choice, name):
    with caplog.at_level(logging.DEBUG, "kerasart"):
        chosen = load_backbone(**choice)
    assert (chosen.name, chosen.weights) == (name, "bundled")
    assert not offline
    assert not caplog.records


@pytest.mark.parametrize(
    ("name", "weights", "head", "advice"),
    [
        ("vgg19", "auto", False, "vgg16 or squeezenet or inception_v3 (up to mixed5)"),
        ("inception_v3", "imagenet", False, "vgg16 or squeezenet or inception_v3 (up to mixed5)"),
        ("auto", "imagenet", False, "vgg16 or squeezenet or inception_v3 (up to mixed5)"),
        ("inception_v3", "auto", True, "squeezenet"),
    ],
)
def test_a_named_network_is_downloaded_or_refused(offline, name, weights, head, advice):
    with pytest.raises(ValueError) as caught:
        load_backbone(name, weights, head=head)
    message = str(caught.value)
    assert ("inception_v3" if name == "auto" else name) in message and "\n" not in message
    assert "--weights=PATH" in message
    assert f"--weights=bundled with --backbone={advice}. Received: " in message
    assert set(offline) == {"storage.googleapis.com"}


def test_a_sequential_model_is_as_good_as_a_functional_one(face):
    convolution = keras.layers.Conv2D(4, 3, name="edges")
    model = keras.Sequential([keras.Input((None, None, 3)), convolution, keras.layers.ReLU()])
    backbone = Backbone("mine", model, lambda pixels: pixels, "")
    assert list(backbone.geometry)[0] == "edges"
    _assert_close(backbone.cut(["edges"])(face)["edges"], convolution(255 * face))


@pytest.mark.parametrize("model", [None, "vgg16", keras.Sequential([keras.layers.ReLU()])])
def test_what_is_no_model_of_layers_is_refused(model):
    with pytest.raises(ValueError, match="`model` must be a functional Keras model, .*Received: a"):
        Backbone("mine", model, lambda pixels: pixels, "")


@pytest.mark.parametrize(
    ("channels", "preprocess", "message"),
    [
        (1, lambda pixels: pixels, "`model` must take RGB, 3 channels. Received: one of 1"),
        (3, "caffe", "`preprocess` must be a function of RGB .* Received: 'caffe'"),
    ],
)
def test_a_model_takes_rgb_that_a_function_prepares(channels, preprocess, message):
    model = keras.Sequential([keras.Input((None, None, channels)), keras.layers.ReLU()])
    with pytest.raises(ValueError, match=message):
        Backbone("mine", model, preprocess, "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": None}, "`backbone` must be auto, squeezenet or .* Received: None"),
        ({"name": ["vgg16"]}, r"`backbone` must be auto, .* Received: \['vgg16'\]"),
        ({"weights": None}, "`weights` must be bundled, imagenet, .* Received: None"),
        ({"weights": "random", "seed": -1}, "`seed` must be a whole number from 0"),
    ],
)
def test_what_is_no_name_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        load_backbone(**{"name": "squeezenet"} | arguments)


# --- Folding


def _assert_close(got, expected, relative=1e-4):
    got, expected = np.asarray(got), np.asarray(expected)
    assert got.shape == expected.shape
    assert np.abs(got - expected).max() <= relative * np.abs(expected).max()


def _unfolded(model, layers, image):
    return keras.Model(model.inputs[0], {name: model.get_layer(name).output for name in layers})(
        image, training=False
    )


def test_inception_folded_equals_unfolded(inception_model, inception, cat):
    # A requested convolution or normalisation must keep its own features.
    layers = ["conv2d_1", "batch_normalization_2", "activation_3", "mixed2", "mixed7"]
    image = cat[:, :130, :150]
    folded = inception.cut(layers)(image)
    unfolded = _unfolded(inception_model, layers, 2 * image - 1)
    assert set(folded) == set(layers)
    for name in layers:
        _assert_close(folded[name], unfolded[name])


def test_mobilenet_folded_equals_unfolded(randomise, face):
    # It has depthwise convolutions, and clips at 6.
    preprocess = keras.applications.mobilenet_v2.preprocess_input
    model = randomise(
        keras.applications.MobileNetV2(
            weights=None, include_top=False, alpha=0.35, input_shape=(None, None, 3)
        )
    )
    rename_layers(model)
    layers = ["block_1_depthwise_BN", "block_4_add", "block_13_expand", "out_relu"]
    folded = Backbone("mobilenet_v2", model, preprocess, "random").cut(layers)(face)
    unfolded = _unfolded(model, layers, 2 * face - 1)
    for name in layers:
        _assert_close(folded[name], unfolded[name])


def test_inception_has_no_normalisation_left(inception_model):
    kinds = {type(layer).__name__ for layer in inception_model.layers}
    assert "BatchNormalization" in kinds
    folded = cut_and_fold(inception_model, ["mixed5"], "float32")
    kinds = {type(layer).__name__ for layer in folded.layers}
    assert "Conv2D" in kinds and "BatchNormalization" not in kinds
    assert not folded.trainable_variables
    # Cut at the deepest layer asked for.
    assert "mixed6" not in {layer.name for layer in folded.layers}


def test_cutting_leaves_the_whole_network_as_it_was(inception, face):
    before = inception(face)["mixed10"]
    inception.cut(["mixed1"])
    assert inception.layers == ("mixed10",)
    np.testing.assert_array_equal(inception(face)["mixed10"], before)


# --- Geometry


def test_geometry_by_hand(vgg16, squeezenet, inception):
    # A window of k at stride s adds (k - 1) s to the field.
    # VGG16: 5 | 6, 14 | 16, 40 | 44, 92 | 100, 132, 164, 196.
    assert vgg16.geometry["block1_conv2"][:3] == (1, 5, 64)
    assert vgg16.geometry["block3_conv3"][:3] == (4, 40, 256)
    assert vgg16.geometry["block5_conv2"][:3] == (16, 164, 512)
    # SqueezeNet: 3 | 7, 15, 23 | 31, 47, 63 | 79, then 32 for each of fire6 to fire9.
    assert squeezenet.geometry["fire5"][:3] == (8, 63, 256)
    assert squeezenet.geometry["conv10"][:3] == (16, 207, 1000)
    # InceptionV3: the stem's 31, 32 for each of mixed0 to mixed2, 16 + 16 to mixed3, then two
    # windows of 7 in each direction, at stride 16.
    assert inception.geometry["mixed2"][:3] == (8, 127, 288)
    assert inception.geometry["mixed5"][:3] == (16, 543, 768)


def test_a_cut_backbone_measures_alike(inception):
    assert inception.cut(["mixed5"]).geometry["mixed5"] == inception.geometry["mixed5"]


def test_receptive_field_is_what_the_gradient_reaches(randomise):
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 5, strides=2, name="conv")(inputs)
    x = keras.layers.AveragePooling2D(3, 2, name="pool")(x)
    dilated = keras.layers.Conv2D(4, 3, dilation_rate=2, padding="same", name="dilated")(x)
    x = keras.layers.Add(name="add")([x, dilated])
    model = keras.Model(inputs, keras.layers.Conv2D(4, 2, name="last")(x))
    toy = Backbone("toy", randomise(model), lambda image: image, "random")
    image = tf.random.stateless_uniform((1, 120, 130, 3), [0, 0])
    for name, geometry in toy.geometry.items():
        with tf.GradientTape() as tape:
            tape.watch(image)
            features = toy.cut([name])(image)[name]
            middle = features[0, features.shape[1] // 2, features.shape[2] // 2]
            value = tf.reduce_sum(middle)
        reached = np.argwhere(np.abs(tape.gradient(value, image)[0]).max(axis=-1) > 0)
        height, width = reached.max(axis=0) - reached.min(axis=0) + 1
        assert (height, width) == (geometry.receptive_field,) * 2, name
        assert 120 // geometry.stride - 6 < features.shape[1] <= 120 // geometry.stride, name
    assert toy.geometry["last"][:3] == (4, 25 + 4, 4)


@pytest.mark.parametrize(
    ("network", "layer", "one", "five"),
    # InceptionV3 by hand: 5 <- 11 <- 23 <- 25 <- 51 <- 53 <- 107.
    [("vgg16", "block5_conv3", 16, 80), ("inception", "mixed5", 43, 107)],
)
def test_least_size_is_exact(request, network, layer, one, five):
    cut = request.getfixturevalue(network).cut([layer])
    assert (cut.least_size(), cut.least_size(5)) == (one, five)
    sides = {side: min(cut(tf.zeros((1, side, side, 3)))[layer].shape[1:3]) for side in (one, five)}
    assert sides == {one: 1, five: 5}
    assert min(cut(tf.zeros((1, five - 1, five + 9, 3)))[layer].shape[1:3]) == 4
    try:
        shape = cut(tf.zeros((1, one - 1, one - 1, 3)))[layer].shape
    except (ValueError, tf.errors.OpError):
        return
    assert 0 in shape[1:3]


def test_least_size_is_that_of_the_deepest_layer(vgg16):
    assert vgg16.cut(["block1_conv1", "block3_conv1"]).least_size(3) == 12
    assert vgg16.cut(["block1_conv1"]).least_size(3) == 3


def test_middle_layer_is_one_that_can_be_cut(vgg16):
    assert vgg16.middle_layer() == "block5_conv3"


# --- The picture itself as a layer


def test_image_is_a_layer(squeezenet, face):
    cut = squeezenet.cut(["image", "fire3"])
    features = cut(tf.constant(face))
    assert set(features) == {"image", "fire3"} == set(cut.layers)
    np.testing.assert_array_equal(features["image"], face)


def test_image_cannot_be_the_only_layer(squeezenet):
    with pytest.raises(ValueError, match=r"`layers` must .*Received: \['image'\]"):
        squeezenet.cut(["image"])


# --- Precision


def test_precision_must_be_known():
    with pytest.raises(ValueError, match="auto, float32, bfloat16. Received: 'float16'"):
        choose_precision("float16")


@pytest.mark.parametrize(("fast", "chosen"), [(True, "bfloat16"), (False, "float32")])
def test_auto_precision_is_what_is_fast(monkeypatch, fast, chosen):
    monkeypatch.setattr(precision, "gpus", lambda: [])
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    monkeypatch.setattr(precision, "processor_flags", lambda: "avx512_bf16" if fast else "avx512f")
    assert choose_precision("auto") == chosen
    assert choose_precision("float32") == "float32"


def test_bfloat16_is_refused_where_it_is_slow(monkeypatch, squeezenet):
    monkeypatch.setattr(precision, "gpus", lambda: [])
    # TensorFlow has slow kernels of its own where oneDNN is turned off.
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    with pytest.raises(ValueError, match="auto or float32 on this machine.*Received: 'bfloat16'"):
        squeezenet.cut(["fire3"], "bfloat16")
    assert squeezenet.cut(["fire3"], "auto").precision == "float32"


def test_bfloat16_gradient_points_as_float32s_does(vgg16, cat):
    if choose_precision("auto") == "float32":
        pytest.skip("this machine has no fast bfloat16")
    image = tf.constant(cat[:, 20:148, 90:218])
    objective = Objective([Activation("block5_conv2", border=2)])
    gradients = {}
    for kind in ("float32", "bfloat16"):
        cut = vgg16.cut(objective.layers, kind)
        assert cut.precision == kind
        with tf.GradientTape() as tape:
            tape.watch(image)
            features = cut(image)
            loss = tf.reduce_sum(objective(features))
        assert features["block5_conv2"].dtype == tf.as_dtype(kind)
        gradients[kind] = np.asarray(tape.gradient(loss, image), np.float64).ravel()
    a, b = gradients.values()
    cosine = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
    assert 0.99 <= cosine < 1 - 1e-9  # Equal would mean that float32 was compared with itself.


def test_memory_estimate_halves_with_the_precision(monkeypatch, squeezenet):
    monkeypatch.setattr(precision, "gpus", lambda: [])
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    monkeypatch.setattr(precision, "processor_flags", lambda: "avx512_bf16")
    full, half = (squeezenet.cut(["fire3"], kind) for kind in ("float32", "bfloat16"))
    assert full.bytes_per_pixel() == 2 * half.bytes_per_pixel() > 0


def test_weights_of_a_path_are_recorded_as_text(tmp_path):
    # `os.PathLike` would not survive a picture's metadata.
    path = tmp_path / "a.weights.h5"
    find_architecture("squeezenet").build(None).save_weights(path)
    assert load_backbone("squeezenet", path).weights == os.fspath(path)


def test_replicate_padding_shows_no_frame(vgg16):
    # A flat picture: with zeros around it the border's features differ from the middle's.
    flat = tf.fill([1, 32, 40, 3], 0.6)
    framed = vgg16.cut(["block1_conv1"])(flat)["block1_conv1"]
    seen = vgg16.cut(["block1_conv1"], padding="replicate")(flat)["block1_conv1"]
    assert seen.shape == framed.shape
    assert np.ptp(seen, axis=(1, 2)).max() < 1e-3 < np.ptp(framed, axis=(1, 2)).max()
    np.testing.assert_allclose(seen[:, 1:-1, 1:-1], framed[:, 1:-1, 1:-1], rtol=1e-4, atol=1e-3)


def test_replicate_padding_repeats_the_edge(vgg16, face):
    picture = face[:, :32, :40]
    padded = np.pad(picture, [(0, 0), (1, 1), (1, 1), (0, 0)], mode="edge")
    expected = vgg16.cut(["block1_conv1"])(padded)["block1_conv1"][:, 1:-1, 1:-1]
    seen = vgg16.cut(["block1_conv1"], padding="replicate")(picture)["block1_conv1"]
    np.testing.assert_allclose(seen, expected, rtol=1e-4, atol=1e-3)


def test_replicate_padding_where_nothing_is_padded(squeezenet):
    with pytest.raises(ValueError, match="`padding` must be zeros.*squeezenet"):
        squeezenet.cut(["fire2"], padding="replicate")


def test_reflect_padding_mirrors_for_every_convolution(vgg16, face):
    picture = face[:, :32, :40]
    layers = ["block1_conv1", "block1_conv2", "block1_pool", "block2_conv1"]
    seen = vgg16.cut(layers, padding="reflect")(picture)
    # A mirrored picture has mirrored features: those of a larger part of it have no edge here.
    padded = np.pad(picture, [(0, 0), (8, 8), (8, 8), (0, 0)], mode="reflect")
    expected = vgg16.cut(["block1_conv1"])(padded)["block1_conv1"][:, 8:-8, 8:-8]
    np.testing.assert_allclose(seen["block1_conv1"], expected, rtol=1e-4, atol=1e-3)
    _, parts = vgg16.cut(layers).parts
    for before, layer in zip(layers[:-1], parts[1:], strict=True):
        features = seen[before]
        if hasattr(layer, "kernel"):
            features = tf.pad(features, [[0, 0], [1, 1], [1, 1], [0, 0]], "REFLECT")
            features = tf.nn.conv2d(features, layer.kernel, 1, "VALID") + layer.bias
            features = tf.nn.relu(features)
        else:
            features = tf.nn.max_pool2d(features, 2, 2, "VALID")
        np.testing.assert_allclose(seen[layer.name], features, rtol=1e-4, atol=1e-3)


def test_reflect_padding_shows_no_frame_to_any_layer(squeezenet):
    flat = tf.fill([1, 33, 40, 3], 0.6)
    framed, seen = (
        squeezenet.cut(["fire4"], padding=each)(flat)["fire4"] for each in ("zeros", "reflect")
    )
    assert seen.shape == framed.shape
    assert np.ptp(seen, axis=(1, 2)).max() < 1e-3 < np.ptp(framed, axis=(1, 2)).max()


def test_average_pooling(vgg16, face):
    picture = tf.constant(face[:, :32, :40])
    features = vgg16.cut(["block1_conv2"])(picture)["block1_conv2"]
    pooled = vgg16.cut(["block1_pool"], pooling="average")(picture)["block1_pool"]
    expected = features.numpy().reshape(1, 16, 2, 20, 2, 64).mean(axis=(2, 4))
    np.testing.assert_allclose(pooled, expected, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(("name", "allowed"), [("pooling", "max, average"), ("padding", "zeros")])
def test_unknown_pooling_or_padding(squeezenet, name, allowed):
    with pytest.raises(ValueError, match=f"`{name}` must be one of {allowed}.*Received: 'other'"):
        squeezenet.cut(["fire2"], **{name: "other"})
