import math

import numpy as np
import pytest

from kerasart.backbones import load_backbone
from kerasart.objectives import Content, StyleTerm, Target, style_objective
from kerasart.settings.declare import names_of
from kerasart.settings.presets import load_presets, preset_settings
from kerasart.settings.style import FastStyleSettings

PRESETS = load_presets("fast_style")
VGG = ("vgg16", "vgg19")


def networks_of(preset):
    """The networks that a preset is for; one that names none needs a VGG."""
    return preset.get("backbones") or ([preset["backbone"]] if "backbone" in preset else VGG)


def settings_of(name, network="vgg16"):
    return FastStyleSettings(**preset_settings(PRESETS[name], network))


@pytest.fixture(scope="module")
def networks(squeezenet, vgg16):
    return {"squeezenet": squeezenet, "vgg16": vgg16, "vgg19": load_backbone("vgg19", "random")}


# --- Single settings


def make_settings(**changes):
    return FastStyleSettings(**{"content_layers": "a", "style_layers": "b:2,c", **changes})


def test_settings_read_their_short_forms():
    settings = make_settings(summed="content,total_variation")
    assert settings.content_layers == {"a": 1.0}
    assert settings.style_layers == {"b": 2.0, "c": 1.0}
    assert settings.summed == ("content", "total_variation")
    assert make_settings(summed=["content"]).summed == ("content",)
    assert make_settings().summed == ()


LAYERS = "different layers with finite coefficients, such as mixed4:1.0,mixed5:1.5"
WEIGHTS = "weights of 0 or more, not all 0"
NOT_NEGATIVE = "0 or more"
POSITIVE = "more than 0"
SIDE = "at least 32, and whole"
COUNT = "at least 1, and whole"


@pytest.mark.parametrize(
    ("name", "allowed", "values"),
    [
        ("content_layers", LAYERS, ["", {}, ["a"], {"a": math.nan}]),
        ("style_layers", LAYERS, [",", "a,a", {"a": math.inf}]),
        ("content_layers", WEIGHTS, [{"a": -1.0}, {"a": 0.0}]),
        ("style_layers", WEIGHTS, [{"a": 1.0, "b": -0.5}, {"a": 0.0, "b": 0.0}]),
        ("style_loss", "gram, moments, wasserstein", ["mmd", None]),
        ("content_strength", NOT_NEGATIVE, [-0.1, math.nan, math.inf]),
        ("style_strength", NOT_NEGATIVE, [-1, math.nan, math.inf]),
        ("smoothness", NOT_NEGATIVE, [-1, math.nan, math.inf]),
        ("stability", NOT_NEGATIVE, [-1, math.nan, math.inf]),
        ("content_weight", NOT_NEGATIVE, [-1, math.nan, math.inf]),
        ("style_weight", NOT_NEGATIVE, [-1, math.nan, math.inf]),
        ("tv_weight", NOT_NEGATIVE, [-1, math.nan, math.inf]),
        ("pooling", "max, average", ["min", None]),
        ("summed", "any of content, total_variation", [("style",), ("content", "style")]),
        ("tv_beta", POSITIVE, [0, -1, math.nan, math.inf]),
        ("learning_rate", POSITIVE, [0, -0.1, math.nan, math.inf]),
        ("final_rate", "from 0 to 1", [-0.1, 1.5, math.nan]),
        ("size", SIDE, [0, 31, 256.5, math.nan, math.inf]),
        ("style_size", SIDE, [0, 31, 256.5, math.nan, math.inf]),
        ("batch_size", COUNT, [0, -1, 1.5, math.nan, math.inf]),
        ("steps", COUNT, [0, -1, 0.5, math.nan, math.inf]),
    ],
)
def test_settings_that_make_no_sense(name, allowed, values):
    for value in values:
        with pytest.raises(ValueError) as caught:
            make_settings(**{name: value})
        assert str(caught.value) == f"`{name}` must be {allowed}. Received: {value!r}"


def test_all_that_a_training_can_do_is_allowed():
    for name, values in {
        "style_loss": ["gram", "moments", "wasserstein"],
        "content_strength": [0, 2.5],
        "content_weight": [None, 0, 1e9],
        "stability": [0, 2.0],
        "final_rate": [0, 0.05, 1],
        "size": [32, 256],
        "style_size": [32, 2048],
        "batch_size": [1, 16],
        "steps": [1, 160000],
    }.items():
        for value in values:
            assert getattr(make_settings(**{name: value}), name) == value


# --- Presets


def test_the_promised_presets_are_there():
    assert list(PRESETS)[0] == "best"
    assert {"johnson", "pytorch_example", "magenta", "adain", "adain_best"} <= set(PRESETS)


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.usefixtures("plain_convolutions")
def test_a_presets_settings_are_settings_on_each_of_its_networks(name, networks):
    for network in networks_of(PRESETS[name]):
        given = preset_settings(PRESETS[name], network)
        assert set(given) <= set(names_of(FastStyleSettings))
        settings = FastStyleSettings(**given)
        for setting, value in given.items():
            kept = getattr(settings, setting)
            assert (list(kept) if setting == "summed" else kept) == value
        # All layers are there, and reached by pictures of the sizes that it trains on.
        evaluator = networks[network].cut([*settings.content_layers, *settings.style_layers])
        assert evaluator.least_size() <= min(settings.size, settings.style_size)


@pytest.mark.parametrize("name", PRESETS)
def test_published_presets_have_raw_weights_and_ours_are_balanced(name):
    settings = settings_of(name)
    is_ours = PRESETS[name]["source"].startswith("Ours")
    assert (settings.content_weight is None) == (settings.style_weight is None) == is_ours
    if settings.smoothness:
        assert (settings.tv_weight is None) == is_ours


@pytest.mark.parametrize("name", ["adain", "adain_best"])
def test_adain_compares_moments_and_aims_at_its_encoders_layer(name):
    settings = settings_of(name)
    assert settings.style_loss == "moments"
    assert list(settings.content_layers) == ["block4_conv1"]
    assert list(settings.style_layers) == [f"block{block}_conv1" for block in (1, 2, 3, 4)]


# --- Published losses, transcribed: of batches of features (batch, height, width, channels)


def mean_square(a, b):
    return np.mean((a - b) ** 2)


def gram(features, over_channels):
    batch, height, width, channels = features.shape
    rows = features.reshape(batch, height * width, channels)
    positions = height * width * (channels if over_channels else 1)
    return rows.transpose(0, 2, 1) @ rows / positions


def gram_losses(painted, photos, style, weights, content, over_channels):
    content_weight, style_weight = weights
    losses = {f"content {content}": content_weight * mean_square(painted[content], photos[content])}
    for layer, features in painted.items():
        if layer in style:
            grams = gram(features, over_channels), gram(style[layer], over_channels)
            losses[f"style {layer}"] = style_weight * mean_square(*grams)
    return losses


def johnson(painted, photos, style):
    return gram_losses(painted, photos, style, (1.0, 5.0), "block3_conv3", True)


def pytorch_example(painted, photos, style):
    torchs = [
        {layer: f / 3300**0.5 for layer, f in each.items()} for each in (painted, photos, style)
    ]
    return gram_losses(*torchs, (1e5, 1e10), "block2_conv2", True)


def magenta(painted, photos, style):
    return gram_losses(painted, photos, style, (1.0, 1e-4), "block3_conv3", False)


def adain(painted, photos, style):
    means = {"block1_conv1": 22, "block2_conv1": 148, "block3_conv1": 197, "block4_conv1": 114}
    painted, photos, style = (
        {layer: f / means[layer] for layer, f in each.items()} for each in (painted, photos, style)
    )
    losses = {"content block4_conv1": mean_square(painted["block4_conv1"], photos["block4_conv1"])}
    for layer, features in painted.items():
        deviations = np.sqrt(features.var(axis=(1, 2)) + 1e-6) - style[layer].std(axis=(1, 2))
        means_apart = features.mean(axis=(1, 2)) - style[layer].mean(axis=(1, 2))
        total = np.sum(means_apart**2) + np.sum(deviations**2)
        losses[f"style {layer}"] = 1e-2 * total / len(features)
    return losses


def random_features(layers, batch, seed, scale):
    """Features as a ReLU leaves them, as large as VGG's are."""
    generator = np.random.default_rng(seed)
    channels = {"block1": 64, "block2": 128, "block3": 256, "block4": 512}
    sides = {"block1": (48, 32), "block2": (24, 16), "block3": (12, 8), "block4": (6, 4)}
    features = {}
    for layer in layers:
        block = layer.partition("_")[0]
        values = generator.normal(size=(batch, *sides[block], channels[block]))
        features[layer] = scale * np.maximum(values, 0).astype(np.float32)
    return features


def our_losses(objective, painted, photos, style):
    """The mean of each term over a batch, by name, as a training has it."""
    pictures = []
    for i in range(len(next(iter(painted.values())))):
        one = {layer: features[i : i + 1] for layer, features in painted.items()}
        targets = []
        for term in objective.terms:
            target = Target()
            if isinstance(term, Content):
                target = Target(guide=(photos[term.layer][i : i + 1],))
            elif isinstance(term, StyleTerm):
                target = Target(value=term.prepare(term.mean(style[term.layer])))
            targets.append(target)
        pictures.append(np.asarray(objective(one, targets)))
    return dict(zip(objective.names, np.mean(pictures, axis=0), strict=True))


@pytest.mark.parametrize("published", [johnson, pytorch_example, magenta, adain])
def test_equal_to_the_published_losses(published):
    settings = settings_of(published.__name__)
    layers = [*(settings.content_layers | settings.style_layers)]
    # Large enough that what is added under the roots of deviations does not count.
    painted = random_features(layers, settings.batch_size, 0, 300.0)
    photos = random_features(layers, settings.batch_size, 1, 270.0)
    style = random_features(settings.style_layers, 1, 2, 450.0)
    image = np.full((settings.batch_size, 8, 8, 3), 0.5, np.float32)
    ours = our_losses(style_objective(settings), painted | {"image": image}, photos, style)
    assert ours.pop("total_variation", 0) < 1e-6  # Of a grey picture; see below.
    exact = [
        {k: v.astype(np.float64) for k, v in each.items()} for each in (painted, photos, style)
    ]
    expected = published(*exact)
    assert set(ours) == set(expected)
    for name, loss in ours.items():
        np.testing.assert_allclose(loss, expected[name], rtol=1e-5, err_msg=name)


def test_johnsons_total_variation_has_the_published_gradient():
    # The published one is but a gradient, for a batch of pictures in [0, 255], BGR.
    import tensorflow as tf

    settings = settings_of("johnson")
    images = np.random.default_rng(0).uniform(size=(settings.batch_size, 9, 7, 3))
    pixels, gradient = 255 * images[..., ::-1], np.zeros_like(images)
    right = pixels[:, :-1, :-1] - pixels[:, :-1, 1:]
    down = pixels[:, :-1, :-1] - pixels[:, 1:, :-1]
    gradient[:, :-1, :-1] += right + down
    gradient[:, :-1, 1:] -= right
    gradient[:, 1:, :-1] -= down
    expected = 255 * 1e-6 * gradient[..., ::-1]  # Of pictures in [0, 1].

    (term,) = [term for term in style_objective(settings).terms if term.layer == "image"]
    batch = tf.constant(images, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(batch)
        each = [term.distance(term.mean(image)) for image in tf.split(batch, len(images))]
        loss = term.weight * tf.reduce_mean(each)
    np.testing.assert_allclose(tape.gradient(loss, batch), expected, rtol=1e-5, atol=1e-8)
