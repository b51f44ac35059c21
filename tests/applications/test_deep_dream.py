import dataclasses
import logging
import math

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasart
from kerasart.applications import deep_dream as module
from kerasart.applications import dream_descent
from kerasart.applications.deep_dream import deep_dream, dream_objective
from kerasart.backbones import Backbone, load_backbone
from kerasart.image.resizing import resize
from kerasart.objectives import TotalVariation
from kerasart.settings.choices import choose_dream_settings
from kerasart.settings.declare import names_of
from kerasart.settings.dream import DreamSettings
from kerasart.settings.presets import find_preset, load_presets, preset_settings
from references.keras_deep_dream import LAYERS, KerasDeepDream

# A dream that takes a second: two octaves of 48 and 68 pixels on a shallow layer.
TINY = {
    "layers": "conv3",
    "octaves": 2,
    "octave_scale": 1.4,
    "steps": 3,
    "step_size": 0.02,
    "jitter": 4,
    "activation": "squared",
    "border": 2,
    "smoothness": 0.0,
    "norm": "mean",
    "detail": "before",
    "clip": True,
    "antialias": True,
    "precision": "float32",
}
# The published settings of the Keras example, whose steps of 0.01 and least gradient of 1e-6 are
# in units of [-1, 1].
KERAS_EXAMPLE = {
    "layers": LAYERS,
    "activation": "squared",
    "border": 2,
    "octaves": 3,
    "octave_scale": 1.4,
    "steps": 20,
    "step_size": 0.005,
    "max_loss": 15.0,
    "norm": "mean",
    "jitter": 0,
    "detail": "after",
    "clip": False,
    "antialias": False,
    "floor": 2e-6,
}


@pytest.fixture(scope="module")
def photo(face):
    return face[0, :68, :75]


@pytest.fixture(scope="module")
def tiny(photo, toy):
    """Dreams the tiny dream."""

    def dream(**changes):
        image = changes.pop("image", photo)
        return deep_dream(image, **{"backbone": toy, **TINY, **changes})

    return dream


@pytest.fixture(scope="module")
def dreamt(tiny):
    """The tiny dream as it is, for tests that only look at it."""
    return tiny()


# --- Equal to the published algorithm


@pytest.fixture(scope="module")
def large(cat):
    return tf.image.resize(cat, (108, 130)).numpy()


@pytest.fixture(scope="module")
def calm_model():
    """A network of the example's layers, with random weights in which rounding stays small.

    Where a max-pooling or a ReLU is about to switch, rounding decides, and a step later the
    pictures part: He's weights make the published algorithm itself differ by a tenth of the range
    when its photo changes by 1e-7. Kernels with a positive mean switch far less; with these the
    pictures agree to a thousandth of the range or better, whatever the seed.
    """

    def convolve(features, filters, stride=1, name=None):
        same = {"padding": "same", "use_bias": False}
        features = keras.layers.Conv2D(filters, 3, stride, **same)(features)
        features = keras.layers.BatchNormalization(scale=False)(features)
        return keras.layers.ReLU(name=name)(features)

    image = keras.Input((None, None, 3))
    features = keras.layers.MaxPooling2D(3, 2)(convolve(image, 32, 2))
    for name in LAYERS:
        features = convolve(features, 64, name=name)
    model = keras.Model(image, features)
    generator = np.random.default_rng(0)
    for layer in model.layers:
        for variable in layer.weights:
            shape = tuple(variable.shape)
            if len(shape) == 4:
                value = 0.97 * generator.normal(1, 3, shape) / np.prod(shape[:3])
            elif variable.name == "moving_variance":
                value = generator.uniform(0.5, 1.5, shape)
            elif variable.name == "beta":
                value = generator.normal(0.1, 0.05, shape)
            else:
                value = generator.normal(0, 0.05, shape)
            variable.assign(value.astype(np.float32))
    return model


@pytest.fixture(scope="module")
def calm(calm_model):
    preprocess = keras.applications.inception_v3.preprocess_input
    return Backbone("inception_v3", calm_model, preprocess, "random")


def keras_example_settings():
    return asdict(find_preset("deep_dream", "keras_example"))


def asdict(recipe):
    return dataclasses.asdict(DreamSettings(**preset_settings(recipe, "inception_v3")))


def test_preset_keras_example_is_the_published_one():
    assert keras_example_settings() == dataclasses.asdict(DreamSettings(**KERAS_EXAMPLE))
    assert find_preset("deep_dream", "keras_example")["backbone"] == "inception_v3"


def test_equal_to_the_keras_example(calm_model, calm, large):
    expected, losses = KerasDeepDream(calm_model).dream(large, steps=3)
    result = deep_dream(large, preset="keras_example", backbone=calm, precision="float32", steps=3)
    assert len(losses) == 9
    ours = -np.sum(list(result.history.values()), axis=0)
    np.testing.assert_allclose(ours, losses, rtol=1e-3)
    assert np.abs(expected - large).mean() > 0.01  # Something was dreamt.
    assert np.abs(result.image - expected).max() <= 1 / 255


def test_max_loss_ends_an_octave_as_in_the_keras_example(calm_model, calm, large):
    # Each octave passes half of the first octave's gain.
    image = large[:, :80, 25:105]
    example = KerasDeepDream(calm_model)
    _, losses = example.dream(image, octaves=2, steps=3, max_loss=None)
    limit = (losses[0] + losses[1]) / 2
    expected, losses = example.dream(image, octaves=2, steps=3, max_loss=limit)
    result = deep_dream(
        image,
        preset="keras_example",
        backbone=calm,
        precision="float32",
        octaves=2,
        steps=3,
        max_loss=limit,
    )
    assert 2 < len(losses) < 6
    ours = -np.sum(list(result.history.values()), axis=0)
    np.testing.assert_allclose(ours, losses, rtol=1e-3)
    assert np.abs(result.image - expected).max() <= 1 / 255


def test_a_small_gradient_is_not_blown_up_as_in_the_keras_example(calm_model, calm, large):
    # Each pixel's share of so small a loss falls below the floor.
    image = large[:, :65, 25:90]
    layers = {name: 1e-3 * value for name, value in LAYERS.items()}
    expected, _ = KerasDeepDream(calm_model, layers).dream(image, octaves=1, steps=2)
    result = deep_dream(
        image, "keras_example", calm, precision="float32", layers=layers, octaves=1, steps=2
    )
    moved = np.abs(expected - image)
    assert 1e-5 < moved.mean() < 0.003  # Two steps of 0.005 without the floor.
    assert np.abs(result.image - expected).max() < 0.1 * moved.max()
    assert np.abs(result.image - expected).mean() < 0.01 * moved.mean()


# --- The picture and the history


def test_result(dreamt, photo):
    assert dreamt.image.shape == (1, *photo.shape)
    assert dreamt.image.dtype == np.float32 and isinstance(dreamt.image, np.ndarray)
    assert dreamt.image.min() >= 0 and dreamt.image.max() <= 1
    assert 0.01 < np.abs(dreamt.image[0] - photo).mean() < 0.3
    assert {name: len(losses) for name, losses in dreamt.history.items()} == {"conv3": 6}


def test_loss_falls_in_each_octave(dreamt):
    losses = dreamt.history["conv3"].reshape(2, 3)
    assert (losses[:, -1] < 1.1 * losses[:, 0]).all() and losses.max() < 0


def test_the_public_name_is_the_same():
    assert kerasart.deep_dream is deep_dream


def test_same_seed_same_picture(tiny, dreamt):
    again, other = tiny(), tiny(seed=1)
    np.testing.assert_array_equal(again.image, dreamt.image)
    assert np.abs(other.image - dreamt.image).max() > 1 / 255


def test_all_forms_of_a_picture_are_one(tiny, dreamt, photo):
    quantised = np.round(photo * 255).astype(np.uint8)
    np.testing.assert_allclose(quantised / 255, photo, atol=1e-6)
    for image in (photo[np.newaxis], tf.constant(photo), quantised):
        np.testing.assert_allclose(tiny(image=image).image, dreamt.image, atol=1e-4)


def test_the_callers_picture_is_left_alone(tiny, photo):
    image = photo.copy()
    tiny(image=image)
    np.testing.assert_array_equal(image, photo)


@pytest.mark.parametrize("octaves", ["-1:-1", "0:1", "-1:1"])
def test_the_picture_keeps_its_size_whatever_the_octaves(tiny, photo, octaves):
    image = tiny(octaves=octaves, steps=1).image
    assert image.shape == (1, *photo.shape)


@pytest.mark.parametrize("detail", ["before", "after"])
def test_lost_detail_comes_back(tiny, photo, detail):
    # Steps of no size: what is left is the pyramid, which must give the photo back.
    image = tiny(step_size=0.0, detail=detail, octaves=3, steps=1).image
    np.testing.assert_allclose(image[0], photo, atol=1e-5)


def test_without_detail_the_picture_is_blurred(tiny, photo):
    image = tiny(step_size=0.0, detail="none", steps=1).image
    assert 0.002 < np.abs(image[0] - photo).mean() < 0.1


def test_detail_comes_back_from_octaves_below_the_size(tiny, photo):
    image = tiny(step_size=0.0, octaves="-1:-1", steps=1).image
    np.testing.assert_allclose(image[0], photo, atol=1e-5)


def test_smoothness_makes_it_smoother(tiny):
    smooth = tiny(smoothness=3.0)
    assert list(smooth.history) == ["conv3", "total_variation"]

    def roughness(result):
        return float(TotalVariation().statistic(tf.constant(result.image)))

    assert roughness(smooth) < 0.8 * roughness(tiny())


def test_smoothness_is_in_proportion_to_what_is_dreamed_of(tiny):
    weak, strong = (tiny(layers=f"conv3:{weight}", smoothness=1.0) for weight in (1e-3, 1e3))
    np.testing.assert_allclose(strong.image, weak.image, atol=1e-3)
    # A raw weight is not.
    weak, strong = (tiny(layers=f"conv3:{weight}", tv_weight=1.0) for weight in (1e-3, 1e3))
    assert np.abs(strong.image - weak.image).max() > 0.05


@pytest.mark.parametrize("layer", ["conv1", "fire5", "fire9", "conv10"])
def test_a_presets_smoothness_leaves_room_for_any_layer(layer, squeezenet, cat):
    face = cat[:, 30:110, 100:180]
    settings = {"octaves": 2, "steps": 6, "jitter": 8, "step_size": 0.01}
    held = deep_dream(face, "animals", squeezenet, layers=layer, **settings)
    free = deep_dream(face, "animals", squeezenet, layers=layer, smoothness=0.0, **settings)
    assert held.settings["smoothness"] > 0
    gains = [result.history[layer][-1] / result.history[layer][0] for result in (held, free)]
    assert gains[0] > 1 + (gains[1] - 1) / 3


def test_a_strength_takes_the_place_of_a_presets_raw_weight(squeezenet):
    own = {"settings": {"layers": "fire6", "tv_weight": 69224.0, "energy_weight": 1300.0}}
    raw = choose_dream_settings(find_preset("deep_dream", own), squeezenet, {})
    assert (raw.smoothness, raw.tv_weight) == (0.0, 69224.0)
    changes = {"smoothness": 0.5}
    given = choose_dream_settings(find_preset("deep_dream", own), squeezenet, changes)
    assert (given.smoothness, given.tv_weight, given.energy_weight) == (0.5, 0.0, 1300.0)
    given = choose_dream_settings(
        find_preset("deep_dream", "animals"), squeezenet, {"tv_weight": 5.0}
    )
    assert (given.smoothness, given.tv_weight) == (0.0, 5.0)


@pytest.mark.usefixtures("eagerly")
def test_settings_reach_the_dream(tiny, dreamt):
    changes = [
        {"activation": "mean"},
        {"border": 0},
        {"norm": "std"},
        {"jitter": 0},
        {"detail": "none"},
        {"clip": False},
        {"antialias": False},
        {"step_size": 0.01},
        {"octave_scale": 1.3},
        {"layers": "conv3:-1"},
    ]
    for change in changes:
        assert np.abs(tiny(**change).image - dreamt.image).max() > 1e-3, change


def test_negative_coefficient_lowers_the_activation(tiny):
    # Within one octave, and looked at from one side: a smaller step, and no jitter.
    losses = tiny(layers="conv3:-1", octaves=1, jitter=0, step_size=0.002).history["conv3"]
    assert 0 < losses[-1] < 0.99 * losses[0]


def test_max_loss_ends_octaves_early(tiny, dreamt):
    losses = -dreamt.history["conv3"]
    stopped = tiny(max_loss=(losses[0] + losses[1]) / 2)
    # The second octave starts above it, and so takes the one step that finds out.
    np.testing.assert_allclose(-stopped.history["conv3"][:2], losses[:2], rtol=1e-4)
    assert len(stopped.history["conv3"]) == 3
    assert len(tiny(max_loss=math.inf).history["conv3"]) == 6


def test_one_trace_for_a_whole_dream(monkeypatch, tiny):
    made = []

    class Recorded(dream_descent.Descent):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            made.append(self)

    monkeypatch.setattr(dream_descent, "Descent", Recorded)
    result = tiny(octaves=3, octave_scale=1.2)
    assert len(result.history["conv3"]) == 9
    assert [descent.traces for descent in made] == [1]


# --- What is recorded


def test_recorded_settings_make_the_picture_again(tiny, photo, squeezenet):
    dreamt = tiny(backbone=squeezenet, layers="fire3")
    settings = dict(dreamt.settings)
    assert settings.pop("weights_hash") == load_backbone("squeezenet").weights_hash
    assert (settings["backbone"], settings["weights"]) == ("squeezenet", "bundled")
    np.testing.assert_array_equal(deep_dream(photo, **settings).image, dreamt.image)


def test_every_setting_is_recorded(tiny):
    result = tiny(border=1, max_loss=1e9)
    assert set(names_of(DreamSettings)) < set(result.settings)
    expected = {
        "preset": "ascent",
        "precision": "float32",
        "seed": 0,
        "border": 1,
        "max_loss": 1e9,
        "layers": {"conv3": 1.0},
        "octaves": (-1, 0),
    }
    assert {name: result.settings[name] for name in expected} == expected


def test_auto_precision_is_recorded_as_what_it_was(tiny):
    assert tiny(precision="auto", steps=1).settings["precision"] in ("float32", "bfloat16")


# --- Presets and settings


RECIPE = {
    "settings": {"steps": 7, "border": 1},
    "backbones": {"squeezenet": {"layers": {"fire8": 1.0}, "steps": 5}},
}


def test_a_preset_sets_defaults_and_a_setting_overrides(squeezenet):
    settings = choose_dream_settings(RECIPE, squeezenet, {"border": 0, "jitter": None})
    assert (settings.layers, settings.steps, settings.border) == ({"fire8": 1.0}, 5, 0)
    assert settings.jitter == DreamSettings({"a": 1}).jitter
    assert choose_dream_settings(RECIPE, squeezenet, {"layers": "fire2"}).layers == {"fire2": 1.0}


def test_a_network_that_no_preset_knows_gets_a_middle_layer_and_says_so(vgg16, caplog):
    settings = choose_dream_settings(RECIPE, vgg16, {})
    assert (settings.layers, settings.steps) == ({"block5_conv3": 1.0}, 7)
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "vgg16" in record.getMessage() and "dreams of block5_conv3" in record.getMessage()


def test_layers_that_are_known_are_not_told_of(vgg16, squeezenet, caplog):
    choose_dream_settings(RECIPE, squeezenet, {})
    choose_dream_settings(RECIPE, vgg16, {"layers": "block4_conv1"})
    choose_dream_settings(RECIPE, vgg16, {"channel": "block4_conv1:3"})
    assert not caplog.records


def test_a_preset_that_promises_equality_never_falls_back(offline, photo):
    with pytest.raises(ValueError, match="weights of inception_v3 .*could not be downloaded"):
        deep_dream(photo, preset="keras_example")
    # The bundled weights end before its last layer.
    with pytest.raises(ValueError, match="end with mixed5: --weights=imagenet .*: 'mixed6'$"):
        deep_dream(photo, preset="keras_example", weights="bundled")


def test_the_objective_is_what_the_settings_say(squeezenet):
    settings = DreamSettings("fire2:2,fire3:-1", activation="mean", smoothness=0.5)
    objective = dream_objective(settings, squeezenet)
    assert objective.names == ("fire2", "fire3", "total_variation")
    assert [term.weight for term in objective.terms] == [2.0, -1.0, 0.5]
    assert objective.layers == ("fire2", "fire3", "image")


def test_a_preset_brings_its_network(monkeypatch, photo, toy):
    asked = []

    def load(name, weights, seed, head):
        asked.append(name)
        return toy

    recipe = {"backbone": "vgg19", "settings": {"layers": "conv3", "octaves": 1, "steps": 1}}
    monkeypatch.setattr(module, "load_backbone", load)
    monkeypatch.setattr(module, "find_preset", lambda application, name: recipe)
    deep_dream(photo)
    deep_dream(photo, backbone="resnet50")
    del recipe["backbone"]
    deep_dream(photo)
    assert asked == ["vgg19", "resnet50", "auto"]


def test_a_preset_may_be_a_file_of_ones_own(photo, toy, tmp_path):
    path = tmp_path / "mine.json"
    path.write_text('{"settings": {"octaves": 1, "steps": 2}, "backbones": {}}')
    settings = deep_dream(photo, path, toy, layers="conv3", steps=1).settings
    assert (settings["preset"], settings["octaves"], settings["steps"]) == (str(path), (0, 0), 1)
    preset = {"name": "mine", "settings": {"layers": "conv3", "octaves": 1, "steps": 1}}
    assert deep_dream(photo, preset, toy).settings == settings | {"preset": "mine"}


@pytest.fixture(scope="module")
def backbones(inception, vgg16, squeezenet):
    known = {"inception_v3": inception, "vgg16": vgg16, "squeezenet": squeezenet}

    def find(name):
        if name not in known:
            known[name] = load_backbone(name, "random")
        return known[name]

    return find


@pytest.mark.parametrize("name", load_presets("deep_dream"))
def test_presets_are_valid(name, backbones):
    preset = find_preset("deep_dream", name)
    assert preset["description"].endswith(".") and preset["source"]
    assert isinstance(preset["settings"], dict)
    assert preset.get("backbones") or {"layers", "class_name"} & set(preset["settings"])
    networks = {*preset.get("backbones", {}), preset.get("backbone") or "vgg16"}
    for network in networks:
        given = preset_settings(preset, network)
        assert set(given) <= set(names_of(DreamSettings))
        backbone = backbones(network)
        # The name must be the one that a backbone goes by, or its settings would not be found.
        assert backbone.name == network
        settings = choose_dream_settings(
            preset, backbone, {}, given.get("similarity") == "match" or None
        )
        assert set(settings.layers) <= set(backbone.geometry)
        assert {name.rpartition(":")[0] for name in settings.channel} <= set(backbone.geometry)


def test_our_presets_know_the_networks_that_auto_takes():
    ours = [p for p in load_presets("deep_dream").values() if p["source"].startswith("Ours")]
    assert ours
    for preset in ours:
        if not preset.get("backbone") and "class_name" not in preset["settings"]:
            assert {"inception_v3", "vgg16", "squeezenet"} <= set(preset["backbones"])


@pytest.mark.parametrize("name", ["keras_example", "tensorflow_tutorial", "ascent", "patterns"])
def test_the_promised_presets_are_there(name):
    assert name in load_presets("deep_dream")


@pytest.mark.usefixtures("eagerly")
def test_every_preset_of_squeezenet_dreams(face, squeezenet):
    for name, preset in load_presets("deep_dream").items():
        if "squeezenet" in preset.get("backbones", {}):
            guide = face[:, ::-1] if preset["settings"].get("similarity") == "match" else None
            result = deep_dream(
                face, name, squeezenet, guide=guide, octaves=1, steps=1, precision="float32"
            )
            assert np.isfinite(result.image).all(), name
            assert np.abs(result.image - face).max() > 1e-4, name


# --- On the way


def test_progress(tiny, photo):
    told = []
    result = tiny(on_step=told.append)
    assert [progress.step for progress in told] == [1, 2, 3, 4, 5, 6]
    assert {progress.steps for progress in told} == {6}
    assert [progress.size for progress in told] == [(48, 53)] * 3 + [(68, 75)] * 3
    np.testing.assert_allclose(
        [progress.losses["conv3"] for progress in told], result.history["conv3"], rtol=1e-6
    )
    for progress in told[::2]:
        picture = progress.picture()
        assert picture.shape == (1, *photo.shape)
        assert picture.min() >= 0 and picture.max() <= 1
    np.testing.assert_array_equal(told[-1].picture(), result.image)


def test_watching_changes_nothing(tiny, dreamt):
    result = tiny(on_step=lambda progress: progress.picture())
    np.testing.assert_array_equal(result.image, dreamt.image)


@pytest.mark.parametrize("last", [1, 4])
def test_ctrl_c_carries_the_picture_so_far(tiny, dreamt, photo, last):
    pictures = []

    def stop(progress):
        pictures.append(progress.picture())
        if progress.step == last:
            raise KeyboardInterrupt

    with pytest.raises(kerasart.Interrupted) as caught:
        tiny(on_step=stop)
    result = caught.value.result
    assert isinstance(caught.value, KeyboardInterrupt)
    np.testing.assert_array_equal(result.history["conv3"], dreamt.history["conv3"][:last])
    np.testing.assert_allclose(result.image, pictures[-1], atol=1e-5)
    assert np.abs(result.image[0] - photo).max() > 1e-3
    assert result.settings == dreamt.settings


# --- When things go wrong


def test_too_small_a_picture(toy, photo):
    with pytest.raises(ValueError, match=r"at least \d+x\d+ pixels.*Received: 75x9"):
        deep_dream(photo[:9], backbone=toy, **TINY)


def test_the_least_size_is_told_and_suffices(tiny, toy, photo):
    least = toy.cut(["conv3"]).least_size(5)
    image = tiny(image=photo[:least, :least], octaves=1, steps=1).image
    assert image.shape == (1, least, least, 3)
    with pytest.raises(ValueError, match=f"at least {least}x{least}"):
        tiny(image=photo[: least - 1, :least], octaves=1)


def test_octaves_that_are_too_small_are_dropped_with_a_warning(tiny, caplog):
    with caplog.at_level(logging.DEBUG, "kerasart"):
        result = tiny(octaves=8)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    # 68 / 1.4^n >= 23 for n up to 3.
    assert "4 of 8 octaves" in caplog.records[0].getMessage()
    assert "23 pixels" in caplog.records[0].getMessage()
    assert len(result.history["conv3"]) == 4 * 3


def test_no_warning_where_all_octaves_fit(tiny, caplog):
    tiny(steps=1)
    assert not caplog.records


def test_unknown_setting(tiny):
    with pytest.raises(TypeError, match="settings are layers, .*Received: 'step'"):
        tiny(step=3)
    with pytest.raises(TypeError, match="Nearest: checkpoint. Received: 'chekpoint'"):
        tiny(chekpoint="run.npz")


def test_unknown_preset_layer_and_backbone(tiny, photo):
    with pytest.raises(ValueError, match="`preset` must be .*Received: 'animal'"):
        tiny(preset="animal")
    with pytest.raises(ValueError, match="`layers` must .*Received: 'conv33'"):
        tiny(layers="conv33")
    with pytest.raises(ValueError, match="`backbone` must .*Received: 'vgg61'"):
        deep_dream(photo, backbone="vgg61")
    with pytest.raises(ValueError, match="`precision` must .*Received: 'float16'"):
        tiny(precision="float16")


@pytest.mark.parametrize("coefficient", [math.nan, math.inf])
def test_coefficients_must_be_finite(tiny, coefficient):
    with pytest.raises(ValueError, match="`layers` must .*finite"):
        tiny(layers={"conv3": coefficient})


def test_a_loss_that_explodes_is_an_error(tiny):
    with pytest.raises(FloatingPointError, match="'conv3' did not at step 1. Received: -inf"):
        tiny(layers={"conv3": 3e38})


@pytest.mark.parametrize("image", [np.zeros((64, 64)), np.full((64, 64, 3), 2.0)])
def test_what_is_no_picture(tiny, image):
    with pytest.raises(ValueError, match="`image` must"):
        tiny(image=image)


def test_resize_to_its_own_size_is_the_picture(photo):
    # The last octave relies on it: what comes back must be the photo to the bit.
    for antialias in (False, True):
        same = resize(photo[np.newaxis], photo.shape[:2], antialias)
        np.testing.assert_allclose(same[0], photo, atol=1e-6)


@pytest.mark.parametrize(
    "settings", [{}, {"smoothness": 0.5}, {"smoothness": 0.0, "tv_weight": 1e4, "energy": 0.5}]
)
def test_in_tiles_it_is_the_same_dream(tiny, settings):
    told = []
    tiled, whole = (
        tiny(**settings, **tiling)
        for tiling in ({"tile": 48, "on_tile": lambda *done: told.append(done)}, {})
    )
    assert told
    np.testing.assert_allclose(tiled.image, whole.image, atol=2e-3)


def test_tiles_too_small_for_the_layers_are_refused(tiny):
    with pytest.raises(ValueError, match="`tile` must be at least .* Received: 9"):
        tiny(tile=9)
