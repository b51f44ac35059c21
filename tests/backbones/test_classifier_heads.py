import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasart.backbones import load_backbone
from kerasart.backbones.classifier_heads import make_convolutional
from kerasart.backbones.imagenet import find_class, imagenet_labels
from kerasart.image.resizing import resize


def small_vgg(units=12):
    """Two dense layers on a flattened map that is not square."""
    inputs = keras.Input((32, 24, 3))
    x = keras.layers.Conv2D(5, 3, padding="same", activation="relu")(inputs)
    x = keras.layers.MaxPooling2D(8)(x)
    x = keras.layers.Flatten(name="flatten")(x)
    x = keras.layers.Dense(9, activation="relu", name="fc1")(x)
    return keras.Model(inputs, keras.layers.Dense(units, name="predictions")(x))


def small_resnet(units=12):
    """A dense layer on the mean over all positions, without a bias."""
    inputs = keras.Input((32, 24, 3))
    x = keras.layers.Rescaling(1 / 255)(inputs)
    x = keras.layers.Normalization()(x)  # It computes with what it derives from its weights.
    x = keras.layers.Conv2D(8, 3, strides=4, use_bias=False)(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Add()([x, keras.layers.ReLU()(x)])
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dropout(0.5)(x)
    return keras.Model(inputs, keras.layers.Dense(units, use_bias=False)(x))


def small_mobilenet(flatten, units=12):
    """A convolution on the mean, made flat behind it, as MobileNet and MobileNetV3 have it."""
    inputs = keras.Input((32, 24, 3))
    x = keras.layers.DepthwiseConv2D(3, depth_multiplier=2)(inputs)
    x = keras.layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = keras.layers.Conv2D(units, 1)(x)
    return keras.Model(inputs, keras.layers.Activation("tanh")(flatten(x)))


def application(name, **settings):
    def build():
        return getattr(keras.applications, name)(
            weights=None,
            classifier_activation=None,
            input_shape=(64, 64, 3),
            classes=20,
            **settings,
        )

    return build


NETWORKS = {
    "small_vgg": small_vgg,
    "small_resnet": small_resnet,
    "small_mobilenet": lambda: small_mobilenet(keras.layers.Reshape((12,))),
    "small_mobilenet_v3": lambda: small_mobilenet(keras.layers.Flatten()),
    "MobileNetV2": application("MobileNetV2", alpha=0.35),
}


@pytest.fixture(scope="module")
def networks(randomise):
    """Makes a random classifier and what `make_convolutional` makes of it, each once."""
    made = {}

    def network(name):
        if name not in made:
            model = randomise(NETWORKS[name]())
            for layer in model.layers:
                if type(layer).__name__ == "Normalization":
                    layer.adapt_variance.assign([0.5, 1.0, 2.0])
                    layer.finalize_state()
            made[name] = model, make_convolutional(model)
        return made[name]

    return network


def picture(model, grow=0, seed=0):
    height, width = model.input_shape[1:3]
    size = (2, height + grow, width + grow, 3)
    # Some networks have their preprocessing within, and take pictures in [0, 255].
    scale = 255 if any(type(layer).__name__ == "Rescaling" for layer in model.layers) else 1
    return np.random.default_rng(seed).uniform(-scale, scale, size).astype(np.float32)


# --- Fully convolutional


@pytest.mark.parametrize("name", NETWORKS)
def test_equal_to_the_classifier_at_its_own_size(networks, name):
    model, copy = networks(name)
    expected = model(picture(model), training=False).numpy()
    got = copy(picture(model), training=False).numpy()
    assert got.shape == (2, 1, 1, expected.shape[-1])
    assert np.ptp(expected, axis=0).max() > 1e-3 * np.abs(expected).max()  # It sees something.
    np.testing.assert_allclose(got[:, 0, 0], expected, rtol=1e-4, atol=1e-4 * expected.std())


@pytest.mark.parametrize("name", ["small_vgg", "small_resnet", "MobileNetV2"])
def test_layers_keep_their_names(networks, name):
    model, copy = networks(name)
    kept = [layer.name for layer in model.layers if layer.weights]
    assert [layer.name for layer in copy.layers if layer.weights] == kept
    assert copy.count_params() == model.count_params()
    assert copy.input_shape == (None, None, None, 3)


def test_a_flattened_map_gives_a_map(networks):
    model, copy = networks("small_vgg")
    large = picture(model, grow=24)
    got = copy(large, training=False).numpy()
    assert got.shape == (2, 4, 4, 12)
    # Each position is what the classifier says of its window of the map.
    classify = keras.Model(model.get_layer("flatten").input, model.output)
    maps = keras.Model(copy.input, copy.get_layer("flatten").input)(large).numpy()
    for row, column in np.ndindex(4, 4):
        expected = classify(maps[:, row : row + 4, column : column + 3]).numpy()
        np.testing.assert_allclose(got[:, row, column], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["small_resnet", "MobileNetV2"])
def test_a_mean_over_positions_gives_one_position(networks, name):
    model, copy = networks(name)
    got = copy(picture(model, grow=37), training=False).numpy()
    assert got.shape == (2, 1, 1, model.output_shape[-1])
    assert np.isfinite(got).all()


def test_the_classifier_is_left_alone(randomise):
    model = randomise(small_vgg())
    before = model(picture(model)).numpy()
    for variable in make_convolutional(model).weights:
        variable.assign(tf.zeros_like(variable))
    np.testing.assert_array_equal(model(picture(model)).numpy(), before)


# --- Backbones with their heads


@pytest.fixture(scope="module")
def mobilenet():
    return load_backbone("mobilenet_v2", "random", head=True)


def test_random_weights_with_a_head(mobilenet, face):
    assert mobilenet.name == "mobilenet_v2" and mobilenet.weights == "random"
    assert mobilenet.channels(mobilenet.head) == 1000
    part = mobilenet.cut([mobilenet.head, "out_relu"])
    assert part.least_size() <= 32
    for size in ((64, 64), (49, 96)):
        features = part(face[:, : size[0], : size[1]])
        assert features[mobilenet.head].shape == (1, 1, 1, 1000)
        mean = tf.reduce_mean(features["out_relu"], axis=[1, 2])
        (head,) = (layer for layer in mobilenet.parts[1] if layer.name == mobilenet.head)
        kernel, bias = head.get_weights()
        logits = mean @ kernel[0, 0] + bias
        np.testing.assert_allclose(features[mobilenet.head][:, 0, 0], logits, rtol=1e-3, atol=1e-4)


def test_a_head_is_only_there_if_asked_for(squeezenet, vgg16):
    assert load_backbone("mobilenet_v2", "random").head is None and vgg16.head is None
    # SqueezeNet ends with its classes, asked or not.
    assert squeezenet.head == load_backbone("squeezenet", head=True).head == "conv10"


def test_weights_of_a_file_have_their_head(tmp_path, randomise, face):
    model = randomise(keras.applications.MobileNet(weights=None, classifier_activation=None))
    model.save_weights(tmp_path / "mine.weights.h5")
    backbone = load_backbone("mobilenet", tmp_path / "mine.weights.h5", head=True)
    image = np.clip(resize(face, (224, 224), antialias=True), 0, 1)
    expected = model(2 * image - 1, training=False).numpy()
    logits = backbone.cut([backbone.head])(image)[backbone.head].numpy()[:, 0, 0]
    np.testing.assert_allclose(logits, expected, rtol=1e-3, atol=1e-3 * expected.std())


def test_bundled_vgg16_has_no_head():
    message = "`weights` must be imagenet, random or a path for vgg16; .*squeezenet.*'bundled'$"
    with pytest.raises(ValueError, match=message):
        load_backbone("vgg16", "bundled", head=True)


def test_auto_with_a_head_is_squeezenet():
    for weights in ("auto", "bundled"):
        found = load_backbone("auto", weights, head=True)
        assert (found.name, found.head, found.weights) == ("squeezenet", "conv10", "bundled")


def test_squeezenets_classes_before_and_behind_their_relu(squeezenet, cat):
    part = squeezenet.cut(["conv10", "relu_conv10"])
    image = np.clip(resize(cat[:, :, 75:375], (227, 227), antialias=True), 0, 1)
    features = {name: value.numpy() for name, value in part(image).items()}
    assert features["conv10"].min() < -1
    np.testing.assert_array_equal(features["relu_conv10"], np.maximum(features["conv10"], 0))
    # As its authors have it: the softmax of the mean behind the ReLU.
    logits = features["relu_conv10"].mean(axis=(0, 1, 2))
    shares = np.exp(logits - logits.max())
    shares /= shares.sum()
    assert 281 <= shares.argmax() <= 285 and shares[281:286].sum() > 0.5  # A cat of the house.


def test_without_the_head_a_class_cannot_be_cut(vgg16, mobilenet):
    with pytest.raises(ValueError, match="`layers` must name layers of vgg16.*'predictions'"):
        vgg16.cut(["predictions"])
    # The head has no place in the picture, but can be named.
    assert mobilenet.head not in mobilenet.geometry
    assert mobilenet.cut([mobilenet.head]).layers == (mobilenet.head,)


def test_find_class_of_a_backbone(squeezenet):
    assert squeezenet.find_class("egyptian") == (285, "Egyptian cat")
    assert squeezenet.find_class("tabby cat") == (281, "tabby")  # Its first name.


# --- Classes by name


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (0, 0),
        ("0", 0),
        (" 999 ", 999),
        (np.int64(7), 7),
        ("jellyfish", 107),
        ("JellyFish", 107),
        ("tabby", 281),  # One of its names.
        ("tabby cat", 281),  # Another.
        ("  tabby   cat ", 281),
        ("Egyptian", 285),  # A word of one class.
        ("tiger", 292),  # A whole name, though a word of others.
        ("volcan", 980),  # A part of a word.
        ("ellyfis", 107),
    ],
)
def test_classes(text, number):
    assert find_class(text) == number


def test_every_class_is_found_by_its_number_and_most_by_their_first_name():
    labels = imagenet_labels()
    assert len(labels) == 1000
    assert all(find_class(i) == i for i in range(0, 1000, 37))
    by_name = [(i, label.partition(",")[0]) for i, label in enumerate(labels)][::23]
    assert [find_class(name) for _, name in by_name] == [i for i, _ in by_name]


def refusal(text):
    with pytest.raises(ValueError) as caught:
        find_class(text)
    message = str(caught.value)
    assert message.startswith("`class` must be the name of one ImageNet class")
    assert message.endswith(f". Received: {text!r}")
    return message


def test_ambiguous_names_list_what_matches():
    message = refusal("cat")
    for candidate in ("281: tabby, tabby cat", "283: Persian cat", "285: Egyptian cat"):
        assert candidate in message
    # No part of a word where there are whole words: a catamaran is no cat.
    assert "these match" in message and "catamaran" not in message
    assert "134: crane" in refusal("crane") and "517: crane" in refusal("crane")


def test_a_long_list_is_cut():
    message = refusal("terrier")
    listed = re.findall(r"\b(\d+): ", message)
    assert len(listed) == 10 and re.search(r", and \d+ more\. Received", message)


@pytest.mark.parametrize(
    ("text", "near"),
    [("jelyfish", "107: jellyfish"), ("expresso", "967: espresso"), ("egyptian kat", "285: ")],
)
def test_unknown_names_list_what_is_near(text, near):
    message = refusal(text)
    assert "nearest: " in message and near in message


@pytest.mark.parametrize("text", ["", "  ", "qqqqqq", 1000, "-1", "3.5"])
def test_what_is_no_class(text):
    assert "from 0 to 999" in refusal(text)


def test_a_word_that_is_no_whole_name_is_not_taken_for_what_may_not_be_meant():
    message = refusal("gold")
    for label in ("72: black and gold garden spider", "1: goldfish", "207: golden retriever"):
        assert label in message
