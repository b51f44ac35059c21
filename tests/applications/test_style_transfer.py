import json
import logging
from itertools import pairwise

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras.applications import vgg19

import kerasart
from kerasart.applications import style_transfer as module
from kerasart.applications.style_transfer import make_optimizer, style_transfer
from kerasart.backbones import Backbone, load_backbone
from kerasart.image.colour import luminance
from kerasart.image.resizing import resize, resize_photo
from kerasart.kernels import convolution
from kerasart.kernels.precision import choose_precision
from kerasart.objectives import Gram, Term, TotalVariation
from kerasart.optimization import LBFGS, Adam, GradientDescent, KerasOptimizer
from kerasart.recent import forget
from kerasart.settings.choices import choose_style_settings, guess_layers
from kerasart.settings.declare import names_of
from kerasart.settings.presets import find_preset, load_presets
from kerasart.settings.style import StyleSettings
from references.keras_style_transfer import STYLE_LAYERS, KerasStyleTransfer, load_pictures

# A transfer that takes half a second: 48x64 pixels, shallow layers, a few large steps.
TINY = {
    "content_layers": "conv3",
    "style_layers": "conv1:1,conv2:2",
    "style_loss": "gram",
    "content_strength": 0.2,
    "style_strength": 1.0,
    "smoothness": 0.1,
    "size": 64,
    "smallest": 64,
    "steps": 5,
    "optimizer": "adam",
    "learning_rate": 0.04,
    "beta_1": 0.9,
    "beta_2": 0.99,
    "average": 0.0,
    "precision": "float32",
}
TERMS = ["content conv3", "style conv1", "style conv2", "total_variation"]


@pytest.fixture(scope="module")
def photo(cat):
    return cat[0, 60:108, 110:174]


@pytest.fixture(scope="module")
def paintings():
    """Two pictures of plain colours, with edges; one larger, one smaller than the photo."""
    generator = np.random.default_rng(0)
    pictures = []
    for side, tint in ((80, [1.0, 0.6, 0.2]), (40, [0.2, 0.5, 1.0])):
        blocks = generator.uniform(0.3, 1.0, (side // 8, side // 8, 1)).repeat(8, 0).repeat(8, 1)
        pictures.append((blocks * tint).astype(np.float32))
    return pictures


@pytest.fixture(scope="module")
def tiny(photo, paintings, toy):
    """Makes the tiny transfer, with changes."""

    def transfer(**changes):
        content, styles = changes.pop("content", photo), changes.pop("styles", paintings[0])
        return style_transfer(content, styles, **{"backbone": toy, **TINY, **changes})

    return transfer


@pytest.fixture(scope="module")
def painted(tiny):
    """The tiny transfer as it is, for tests that only look at it."""
    return tiny()


def total(result):
    return np.sum(list(result.history.values()), axis=0)


def gram_distances(evaluator, image, style):
    """How far two pictures' Gram matrices are from each other at each layer, in NumPy."""
    grams = []
    for each in (image, style):
        features = evaluator(tf.constant(each.reshape(1, *each.shape[-3:]))).values()
        rows = [np.asarray(f, np.float64).reshape(-1, f.shape[-1]) for f in features]
        grams.append([each.T @ each / len(each) for each in rows])
    return [((a - b) ** 2).mean() for a, b in zip(*grams, strict=True)]


def gram_distance(backbone, image, style):
    return gram_distances(backbone.cut(["conv2"]), image, style)[0]


def levels(image):
    """What an 8-bit file would hold."""
    return np.round(np.asarray(image) * 255).astype(int)


# --- Equal to the published algorithm


@pytest.fixture(scope="module")
def calm_model():
    """VGG19's layers that the example asks for, with random weights in which rounding stays small.

    Kernels with a positive mean and some biases switch few ReLUs and max-poolings, where rounding
    would decide; the gains make content, style and total variation of like size, and the example's
    own step large enough to be seen.
    """
    image = features = keras.Input((None, None, 3))
    channels = dict(zip(STYLE_LAYERS, (64, 128, 256, 512, 512), strict=True))
    for name, count in {**channels, "block5_conv2": 512}.items():
        if name.endswith("conv1") and features is not image:
            features = keras.layers.MaxPooling2D()(features)
        features = keras.layers.Conv2D(count, 3, padding="same", activation="relu", name=name)(
            features
        )
    model = keras.Model(image, features)
    generator = np.random.default_rng(0)
    gains = {"block1_conv1": 0.45, "block5_conv2": 10.0}
    for layer in model.layers:
        for variable in layer.weights:
            shape = tuple(variable.shape)
            if len(shape) == 4:
                fan_in = np.prod(shape[:3])
                value = 1 / fan_in + 0.5 * generator.normal(size=shape) / np.sqrt(fan_in)
                value *= 2.0 * gains.get(layer.name, 1.0)
            else:
                value = generator.normal(0.1, 0.05, shape)
            variable.assign(value.astype(np.float32))
    return model


def exact_shares(rows, columns):
    """The preset's shares of the style layers, for sides that are no multiples of 16.

    The published losses count positions; our shares make means of them, and have to know of the
    rows and columns that poolings leave out.
    """
    shares, (height, width) = {}, (rows, columns)
    published = find_preset("style_transfer", "keras_example")["settings"]["style_layers"]
    for stride, (name, share) in zip((1, 2, 4, 8, 16), published.items(), strict=True):
        shares[name] = share * (height * width * stride**2 / (rows * columns)) ** 2
        height, width = height // 2, width // 2
    return shares


@pytest.mark.parametrize(("width", "columns", "steps"), [(100, 32, 10), (107, 34, 10)])
def test_equal_to_the_keras_example(calm_model, cat, tmp_path, monkeypatch, width, columns, steps):
    # With some black and white, so that steps leave the range, as they may; and a brighter style.
    base = np.clip(1.6 * cat[0, 60:160, 100 : 100 + width] - 0.3, 0, 1)
    pictures = {"base": base, "style": cat[0, 200:277, 300:395] ** 0.7}
    pictures = {name: levels(picture).astype(np.uint8) for name, picture in pictures.items()}
    for name, picture in pictures.items():
        keras.utils.save_img(tmp_path / f"{name}.png", picture, scale=False)
    resized = load_pictures(tmp_path / "base.png", tmp_path / "style.png", 32)
    example = KerasStyleTransfer(calm_model, *resized)
    losses = np.array([example.step() for _ in range(steps)])
    losses = np.stack([losses[:, 0], losses[:, 1:-1].sum(axis=1), losses[:, -1]], axis=1)
    expected = example.image()

    def transfer():
        return style_transfer(
            pictures["base"],
            pictures["style"],
            "keras_example",
            Backbone("vgg19", calm_model, vgg19.preprocess_input, "random"),
            precision="float32",
            rows=32,
            steps=steps,
            style_layers=exact_shares(32, columns) if columns % 16 else None,
        )

    result = transfer()
    assert result.image.shape == (1, 32, columns, 3)
    groups = [
        np.sum([v for name, v in result.history.items() if name.startswith(group)], axis=0)
        for group in ("content", "style", "total_variation")
    ]
    np.testing.assert_allclose(np.transpose(groups), losses, rtol=3e-4, atol=1e-3)
    np.testing.assert_allclose(total(result), losses.sum(axis=1), rtol=3e-4)
    # Every loss counts, and the picture moved.
    assert (losses[-1] > 0.02 * losses[-1].sum()).all()
    moved = expected - resized[0][0] / 255
    assert np.abs(moved).mean() > 3 / 255
    # Where another rounding switches a ReLU or a pooling, a few pixels are off by more.
    assert np.linalg.norm(result.image[0] - expected) < 1e-3 * np.linalg.norm(moved)
    forget()  # A network of this size takes more than half a gigabyte to compute with.
    monkeypatch.setattr("kerasart.backbones.graph_surgery.speed_up", lambda layer: None)
    assert np.abs(transfer().image[0] - expected).max() < 3e-4
    forget()


# --- The picture and the history


def test_result(painted, photo):
    assert painted.image.shape == (1, *photo.shape)
    assert painted.image.dtype == np.float32 and isinstance(painted.image, np.ndarray)
    assert painted.image.min() >= 0 and painted.image.max() <= 1
    assert 0.02 < np.abs(painted.image[0] - photo).mean() < 0.4
    assert {name: losses.shape for name, losses in painted.history.items()} == dict.fromkeys(
        TERMS, (5,)
    )


def test_loss_falls(painted):
    assert total(painted)[-1] < 0.8 * total(painted)[0]
    # The photo is its own content at first, and what it gives up is style.
    assert painted.history["content conv3"][0] == 0 < painted.history["content conv3"][-1]
    assert painted.history["style conv2"][-1] < 0.8 * painted.history["style conv2"][0]


def test_the_style_comes_nearer(painted, photo, paintings, toy):
    before, after = (gram_distance(toy, image, paintings[0]) for image in (photo, painted.image))
    assert after < 0.8 * before


def test_the_public_name_is_the_same():
    assert kerasart.style_transfer is style_transfer


def test_same_seed_same_picture(tiny, painted):
    again = tiny()
    np.testing.assert_array_equal(again.image, painted.image)
    for name in TERMS:
        np.testing.assert_array_equal(again.history[name], painted.history[name])


def test_all_forms_of_a_picture_are_one(tiny, photo, paintings):
    content, style = (levels(image).astype(np.uint8) for image in (photo, paintings[0]))
    expected = tiny(content=content, styles=style, steps=2).image
    forms = tiny(
        content=tf.constant(content[np.newaxis] / np.float32(255)),
        styles=[style[np.newaxis] / np.float32(255)],
        steps=2,
    )
    np.testing.assert_allclose(forms.image, expected, atol=1e-4)


def test_the_callers_pictures_are_left_alone(tiny, photo, paintings):
    content, style = photo.copy(), paintings[0].copy()
    mask = np.ones(photo.shape[:2], np.float32)
    tiny(content=content, styles=[style], content_masks=[mask], steps=1, preserve_color="coral")
    np.testing.assert_array_equal(content, photo)
    np.testing.assert_array_equal(style, paintings[0])
    np.testing.assert_array_equal(mask, np.ones(photo.shape[:2]))


# --- Sizes and scales


def test_the_picture_has_the_long_side_asked_for(tiny, cat):
    content = cat[:, :60, :81]
    assert tiny(content=content, steps=1, size=50).image.shape == (1, 37, 50, 3)
    assert tiny(content=content, steps=1, rows=45, size=None).image.shape == (1, 45, 60, 3)


def test_a_presets_size_enlarges_no_photo(toy):
    recipe = {"settings": {"size": 512, "content_layers": "conv3", "style_layers": "conv2"}}
    assert choose_style_settings(recipe, toy, {}, 64).size == 64
    assert choose_style_settings(recipe, toy, {}, 1024).size == 512
    # One that is given is meant.
    assert choose_style_settings(recipe, toy, {"size": 128}, 64).size == 128
    recipe["settings"]["rows"] = 400
    assert choose_style_settings(recipe, toy, {"size": 128}, 64).rows is None


def test_coarse_to_fine(tiny, photo):
    told = []
    result = tiny(smallest=32, steps=8, on_step=told.append)
    # 64 / sqrt(2) is 45; the first scale has a double share of the steps.
    assert [progress.size for progress in told] == [(24, 32)] * 4 + [(34, 45)] * 2 + [(48, 64)] * 2
    assert [progress.step for progress in told] == list(range(1, 9))
    assert {progress.steps for progress in told} == {8}
    assert result.image.shape == (1, *photo.shape)
    assert total(result)[3] < total(result)[0] and total(result)[-1] < total(result)[0]


@pytest.mark.parametrize(("optimizer", "rate"), [("adam", 0.04), ("sgd", 20.0)])
def test_a_finer_scale_is_moved_as_far_as_a_coarser_one(tiny, photo, optimizer, rate):
    # What is wanted is alike at both, but the pixels are four times as many at the second.
    shown = [resize(photo[None], (24, 32), antialias=True)]
    tiny(
        smallest=32,
        scale_factor=2.0,
        steps=[12, 3],
        optimizer=optimizer,
        learning_rate=rate,
        smoothness=0.0,
        on_step=lambda progress: shown.append(progress.picture()),
    )
    # All are shown at the full size.
    shown = [np.asarray(resize(image, (48, 64))) for image in shown]
    moves = [np.abs(new - old).mean() for old, new in pairwise(shown)]
    assert moves[13] > moves[11]


def test_steps_for_each_scale(tiny):
    told = []
    tiny(smallest=45, steps=[1, 3], on_step=told.append)
    assert [progress.size for progress in told] == [(34, 45)] + [(48, 64)] * 3
    with pytest.raises(ValueError) as caught:
        tiny(smallest=45, steps="1,2,3")
    assert str(caught.value) == (
        "`steps` must be one number, or 2, one for each scale (45, 64 pixels). Received: 3"
    )


def test_progress(tiny, painted, photo):
    told = []
    result = tiny(on_step=lambda progress: told.append((progress, progress.picture())))
    for i, (progress, image) in enumerate(told):
        assert progress.losses == {name: painted.history[name][i] for name in TERMS}
        assert image.shape == (1, *photo.shape)
        assert image.min() >= 0 and image.max() <= 1
    np.testing.assert_array_equal(told[-1][1], result.image)
    # Watching changes nothing.
    np.testing.assert_array_equal(result.image, painted.image)


# --- Where it starts


def test_noise_comes_from_the_seed(tiny, painted):
    first, again, other = (tiny(init="noise", seed=seed, steps=2) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.image, again.image)
    assert np.abs(first.image - other.image).mean() > 0.05
    assert first.history["content conv3"][0] > 0
    assert np.abs(first.image - painted.image).mean() > 0.05


def test_a_picture_to_start_from(tiny, painted, paintings):
    start = levels(paintings[0]).astype(np.uint8)
    moved = tiny(start=start, learning_rate=1e-9, steps=1)
    expected = resize_photo(start[np.newaxis] / np.float32(255), (48, 64))
    np.testing.assert_allclose(moved.image, expected, atol=1e-5)
    # From where a transfer ended, it goes on.
    further = tiny(start=painted.image)
    assert total(further)[0] < 0.5 * total(painted)[0]
    assert total(further)[-1] < total(further)[0]


# --- Styles


def test_a_style_without_weight_is_none(tiny, painted, paintings):
    result = tiny(styles=paintings, style_weights=[1, 0])
    np.testing.assert_allclose(result.image, painted.image, atol=1e-5)
    assert result.settings["style_weights"] == [1.0, 0.0]


def test_styles_blend_by_their_weights(tiny, paintings, toy):
    results = {w: tiny(styles=paintings, style_weights=[w, 1 - w]) for w in (0.2, 0.8)}
    assert list(results[0.2].history) == TERMS
    for i, style in enumerate(paintings):
        near, far = (0.2, 0.8) if i else (0.8, 0.2)
        distances = {w: gram_distance(toy, r.image, style) for w, r in results.items()}
        assert distances[near] < 0.9 * distances[far]


def test_shares_are_equal_unless_told(tiny, paintings):
    alike = [
        tiny(styles=paintings, style_weights=weights, steps=2) for weights in (None, [3, 3], (1, 1))
    ]
    for result in alike[1:]:
        np.testing.assert_array_equal(result.image, alike[0].image)
    assert alike[1].settings["style_weights"] == [0.5, 0.5]


@pytest.mark.parametrize(
    ("weights", "sentence"),
    [
        ([1], "`style_weights` must hold a weight for each of 2 styles. Received: 1"),
        (
            [1, -1],
            "`style_weights` must be finite, 0 or more, and not all 0. Received: [1.0, -1.0]",
        ),
        ([0, 0], "`style_weights` must be finite, 0 or more, and not all 0. Received: [0.0, 0.0]"),
    ],
)
def test_style_weights_that_make_no_sense(tiny, paintings, weights, sentence):
    with pytest.raises(ValueError) as caught:
        tiny(styles=paintings, style_weights=weights)
    assert str(caught.value) == sentence


def test_equal_levels_are_the_style_to_the_bit(tiny, painted, paintings):
    for levels in (["coarse"], [None], ["fine"]):
        np.testing.assert_array_equal(tiny(style_levels=levels).image, painted.image)
    same = tiny(styles=[paintings[0]] * 2, style_levels=["fine", "coarse"])
    np.testing.assert_array_equal(same.image, painted.image)


def test_each_level_is_painted_in_its_own_style(tiny, paintings, toy):
    results = {
        levels: tiny(
            styles=paintings, style_levels=levels, content_strength=0.01, style_layers="conv1,conv4"
        )
        for levels in (("fine", "coarse"), ("coarse", "fine"))
    }
    settings = dict(results["fine", "coarse"].settings)
    assert settings.pop("style_levels") == ["fine", "coarse"]
    for i, style in enumerate(paintings):
        for layer, level in (("conv1", "fine"), ("conv4", "coarse")):
            distances = {
                levels[i] == level: gram_distances(toy.cut([layer]), result.image, style)[0]
                for levels, result in results.items()
            }
            assert distances[True] < distances[False], (i, layer)


def test_style_strength_brings_the_style_nearer(tiny, paintings, toy):
    # L-BFGS comes near the balance of both wishes in a few steps.
    weak, strong = (
        tiny(style_strength=strength, content_strength=1.0, optimizer="lbfgs", steps=20)
        for strength in (0.5, 2.0)
    )
    near, far = (gram_distance(toy, result.image, paintings[0]) for result in (strong, weak))
    assert near < 0.92 * far
    # At the cost of the content, whose weight is the same.
    lost = [result.history["content conv3"][-1] for result in (weak, strong)]
    assert lost[1] > 1.2 * lost[0]


@pytest.mark.parametrize("style_loss", ["moments", "wasserstein"])
def test_every_style_loss(tiny, painted, paintings, photo, toy, style_loss):
    result = tiny(style_loss=style_loss)
    assert list(result.history) == TERMS
    for name in ("style conv1", "style conv2"):
        assert result.history[name][-1] < 0.8 * result.history[name][0]
    # Another loss than Gram's, with much the same wish.
    assert np.abs(result.image - painted.image).max() > 1e-3
    before = gram_distance(toy, photo, paintings[0])
    assert gram_distance(toy, result.image, paintings[0]) < 0.9 * before


# --- Regions


def test_what_no_style_paints_stays_the_photo(tiny, photo):
    mask = np.zeros((48, 64), np.uint8)
    mask[8:40, 4:36] = 255
    result = tiny(content_masks=[mask])
    inside = mask > 0
    np.testing.assert_array_equal(levels(result.image[0][~inside]), levels(photo[~inside]))
    assert np.abs(result.image[0] - photo)[inside].mean() > 0.02
    assert list(result.history) == ["content conv3", "style 1 conv1", "style 1 conv2", TERMS[-1]]
    assert result.history["style 1 conv2"][-1] < 0.9 * result.history["style 1 conv2"][0]


def test_soft_edges(tiny, photo):
    mask = np.tile(np.clip(np.linspace(-0.5, 1.5, 64, dtype=np.float32), 0, 1), (48, 1))
    result = tiny(content_masks=mask)
    difference = np.abs(result.image[0] - photo)
    np.testing.assert_array_equal(levels(result.image[0][mask == 0]), levels(photo[mask == 0]))
    assert difference[mask == 1].mean() > 0.02
    half = (mask > 0) & (mask < 1)
    assert (difference[half] <= mask[half][:, np.newaxis] + 1e-6).all()
    assert 0 < difference[half].mean() < difference[mask == 1].mean()


def test_each_style_paints_its_region(tiny, paintings, photo):
    left = np.zeros((48, 64), np.float32)
    left[:, :32] = 1.0
    flat = [np.ones_like(paintings[0]) * colour for colour in ([0.9, 0.2, 0.1], [0.1, 0.2, 0.9])]
    result = tiny(
        styles=flat, content_masks=[left, 1 - left], style_layers="conv1", content_strength=0.02
    )
    moved = (result.image[0] - photo).mean(axis=0)  # By column.
    red, blue = moved[:24].mean(axis=0), moved[40:].mean(axis=0)
    assert red[0] - red[2] > 0.05 and blue[2] - blue[0] > 0.05
    assert {"style 1 conv1", "style 2 conv1"} < set(result.history)


def test_a_style_mask_chooses_where_the_style_is_read(tiny, photo):
    # A picture red on the left and blue on the right.
    style = np.full((64, 64, 3), 0.2, np.float32)
    style[:, :32, 0] = style[:, 32:, 2] = 0.9
    right = np.zeros((64, 64), bool)
    right[:, 32:] = True
    blue = tiny(styles=style, style_masks=[right], style_layers="conv1", content_strength=0.02)
    alone = tiny(styles=style[:, 32:], style_layers="conv1", content_strength=0.02)
    both = tiny(styles=style, style_layers="conv1", content_strength=0.02)
    tint = [(r.image[0] - photo)[..., 2].mean() for r in (blue, both)]
    assert tint[0] > tint[1] + 0.01
    # Much as if the rest were not there, but for the edge that the network sees.
    assert np.abs(blue.image - alone.image).mean() < 0.5 * np.abs(blue.image - both.image).mean()


def test_masks_that_do_not_fit(tiny, paintings):
    mask = np.ones((48, 64))
    with pytest.raises(ValueError) as caught:
        tiny(styles=paintings, content_masks=[mask])
    assert str(caught.value) == (
        "`content_masks` must hold a mask, or None, for each of 2 styles. Received: 1"
    )
    with pytest.raises(ValueError, match="`style_masks` must hold .* 1 styles. Received: 2$"):
        tiny(style_masks=[mask, None])
    with pytest.raises(ValueError, match="`content_masks` must mark something"):
        tiny(content_masks=[np.zeros((48, 64))])


# --- Colours


def chroma(image):
    return image - luminance(image)


def test_luminance_keeps_the_photos_colours(tiny, painted, photo):
    result = tiny(preserve_color="luminance")
    inside = ((result.image > 0) & (result.image < 1)).all(axis=-1)
    assert inside.mean() > 0.5
    np.testing.assert_allclose(chroma(result.image)[inside], chroma(photo)[inside], atol=1e-5)
    assert np.abs(chroma(painted.image) - chroma(photo)).mean() > 0.02
    assert np.abs(luminance(result.image) - luminance(photo)).mean() > 0.02


@pytest.mark.parametrize("how", ["histogram", "coral"])
def test_recoloured_styles_keep_the_photos_colours_on_the_whole(tiny, painted, photo, how):
    result = tiny(preserve_color=how)
    before, kept, lost = (
        chroma(image).mean(axis=(0, 1, 2)) for image in (photo[None], result.image, painted.image)
    )
    assert np.abs(kept - before).max() < 0.5 * np.abs(lost - before).max()


# --- Optimizers


def test_lbfgs(tiny, painted):
    result = tiny(optimizer="lbfgs")
    assert len(result.history["style conv1"]) == 5
    assert (np.diff(total(result)) < 0).all()
    # The same start; L-BFGS goes down faster.
    assert total(result)[0] == pytest.approx(total(painted)[0], rel=1e-5)
    assert total(result)[-1] < total(painted)[-1]
    assert result.image.min() >= 0 and result.image.max() <= 1
    assert result.settings["optimizer"] == "lbfgs"


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize(
    ("optimizer", "rate", "name"),
    [
        ("sgd", 30.0, "sgd"),
        ("rmsprop", 0.01, "rmsprop"),
        (lambda: keras.optimizers.SGD(30.0, momentum=0.5, name="mine"), None, "sgd"),
    ],
)
def test_other_optimizers(tiny, photo, optimizer, rate, name):
    optimizer = optimizer if isinstance(optimizer, str) else optimizer()
    result = tiny(optimizer=optimizer, learning_rate=rate)
    assert result.settings["optimizer"] == name
    assert total(result)[-1] < 0.95 * total(result)[0]
    assert np.abs(result.image[0] - photo).mean() > 0.01
    json.dumps(result.settings)  # Of plain values only, to be written beside the picture.


def test_a_keras_optimizer_at_several_scales(tiny):
    result = tiny(optimizer=keras.optimizers.Adam(0.04), smallest=45, steps=[12, 3])
    assert total(result)[-1] < total(result)[0] and np.isfinite(result.image).all()


def test_the_optimizer_is_what_the_settings_say(toy):
    recipe = {"settings": {"content_layers": "conv3", "style_layers": "conv2"}}

    def choose(**given):
        settings = choose_style_settings(recipe, toy, given, 64)
        return make_optimizer(settings, given.get("optimizer"))

    adam = choose(learning_rate=0.3, beta_1=0.5, beta_2=0.6, epsilon=0.7)
    assert isinstance(adam, Adam)
    assert (adam.learning_rate, adam.beta_1, adam.beta_2, adam.epsilon) == (0.3, 0.5, 0.6, 0.7)
    sgd = choose(optimizer="sgd", learning_rate=0.3, decay=0.9)
    assert isinstance(sgd, GradientDescent)
    assert (sgd.learning_rate, sgd.decay, sgd.decay_steps) == (0.3, 0.9, 100)
    assert isinstance(choose(optimizer="lbfgs"), LBFGS)
    assert isinstance(choose(optimizer="nadam"), KerasOptimizer)
    assert isinstance(choose(optimizer=keras.optimizers.Nadam()), KerasOptimizer)


def test_unknown_optimizer(tiny):
    with pytest.raises(ValueError, match="`optimizer` must be adam, lbfgs, sgd or .*'adamm'"):
        tiny(optimizer="adamm")


# --- Settings


@pytest.mark.usefixtures("eagerly")
def test_settings_reach_the_picture(tiny):
    plain = tiny(steps=3).image
    changes = [
        {"content_strength": 1.0},
        {"smoothness": 1.0},
        {"content_layers": "conv4"},
        {"style_layers": "conv1:2,conv2:1"},
        {"tv_weight": 100.0},
        {"beta_1": 0.5},
        {"average": 0.9},
        {"pooling": "average"},
        {"style_size": 0.5},
        {"interpolation": "nearest", "stretch_style": True},
        {"tv_beta": 1.0},
    ]
    for change in changes:
        assert np.abs(tiny(**change, steps=3).image - plain).max() > 1e-3, change


@pytest.mark.usefixtures("eagerly")
def test_padding_reaches_the_border(tiny, slim_vgg16):
    layers = {"content_layers": "block2_conv1", "style_layers": "block1_conv1"}
    zeros, replicate = (
        tiny(backbone=slim_vgg16, padding=padding, steps=2, **layers).image
        for padding in ("zeros", "replicate")
    )
    difference = np.abs(zeros - replicate)[0]
    assert difference.max() > 1e-3


@pytest.mark.usefixtures("eagerly")
def test_smoothness_makes_it_smoother(tiny):
    rough, smooth = (tiny(smoothness=s).image for s in (0.0, 2.0))
    roughness = [float(TotalVariation().statistic(tf.constant(i))) for i in (rough, smooth)]
    assert roughness[1] < 0.8 * roughness[0]


@pytest.mark.usefixtures("eagerly")
def test_nothing_wanted_has_no_term(tiny):
    assert list(tiny(smoothness=0, steps=1).history) == TERMS[:3]
    assert list(tiny(content_strength=0, steps=1).history) == TERMS[1:]
    assert list(tiny(style_weight=0, steps=1, start=np.zeros((48, 64, 3))).history) == [
        TERMS[0],
        TERMS[3],
    ]
    with pytest.raises(ValueError) as caught:
        tiny(content_strength=0, style_strength=0)
    assert str(caught.value) == (
        "`content_strength` or `style_strength` must be more than 0. Received: 0 and 0"
    )


def test_recorded_settings_make_the_picture_again(tiny, photo, paintings, squeezenet):
    layers = {"content_layers": "fire3", "style_layers": "conv1:1,fire2:2"}
    painted = tiny(backbone=squeezenet, **layers)
    settings = dict(painted.settings)
    assert settings.pop("weights_hash") == load_backbone("squeezenet").weights_hash
    assert (settings["backbone"], settings["weights"]) == ("squeezenet", "bundled")
    again = style_transfer(photo, paintings[0], **settings)
    np.testing.assert_array_equal(again.image, painted.image)


def test_every_setting_is_recorded(painted):
    assert set(names_of(StyleSettings)) < set(painted.settings)
    expected = {
        "preset": "best",
        "precision": "float32",
        "seed": 0,
        "style_weights": [1.0],
        "style_layers": {"conv1": 1.0, "conv2": 2.0},
        "size": 64,
        "steps": 5,
        "learning_rate": 0.04,
        "optimizer": "adam",
        "init": "content",  # The default.
    }
    assert {name: painted.settings[name] for name in expected} == expected


# --- Presets and networks


@pytest.mark.parametrize("preset", [name for name in load_presets("style_transfer")])
def test_every_preset_paints(preset, photo, paintings, slim_vgg16, inception, cat):
    small = {"rows": 48} if preset == "keras_example" else {}
    backbone, content, style = slim_vgg16, photo, paintings[0]
    if preset == "inception":
        backbone, content, style = inception, cat[:, 60:156, 100:204], cat[:, 200:296, 300:396]
    # Their own are for weights and sizes of their own.
    rates = {"keras_example": 1e-7, "tensorflow_tutorial": 1e-5}
    if preset in rates:
        small["learning_rate"] = rates[preset]
    result = style_transfer(content, style, preset, backbone, precision="float32", steps=3, **small)
    assert result.image.shape[1:3] == content.shape[-3:-1]
    assert np.isfinite(result.image).all()
    assert total(result)[-1] < total(result)[0]


def test_a_preset_that_promises_equality_never_falls_back(offline, photo, paintings):
    for preset in ("keras_example", "tensorflow_tutorial"):
        with pytest.raises(ValueError, match="weights of vgg19 .*could not be downloaded"):
            style_transfer(photo, paintings[0], preset)


def test_a_network_that_no_preset_knows(inception, cat, caplog):
    result = style_transfer(
        cat[:, 60:156, 100:204],
        cat[:, 200:296, 300:396],
        backbone=inception,
        steps=3,
        precision="float32",
    )
    assert result.settings["backbone"] == "inception_v3"
    layers = guess_layers(inception)
    assert result.settings["style_layers"] == layers["style_layers"]
    assert [record.getMessage() for record in caplog.records] == [
        f"No {name} of inception_v3 are given, and the preset knows none: "
        f"they are {', '.join(layers[name])}."
        for name in ("style_layers", "content_layers")
    ]
    assert total(result)[-1] < 0.95 * total(result)[0]


def test_guessed_layers(squeezenet, vgg16, inception):
    for backbone in (squeezenet, vgg16, inception):
        geometry = backbone.geometry
        layers = guess_layers(backbone)
        strides = [geometry[name].stride for name in layers["style_layers"]]
        assert strides == sorted(set(strides)) and strides[-1] == 16
        (content,) = layers["content_layers"]
        assert geometry[content].stride == 8
        backbone.cut([*layers["style_layers"], content])  # They can be had.
    layers = guess_layers(vgg16)
    assert list(layers["style_layers"]) == [
        "block1_conv1",
        "block1_pool",
        "block2_pool",
        "block3_pool",
        "block4_pool",
    ]
    assert list(layers["content_layers"]) == ["block4_conv3"]


def test_given_layers_go_before_guessed_ones(inception, caplog):
    settings = choose_style_settings(
        {"settings": {}}, inception, {"style_layers": {"mixed0": 1.0}}, 96
    )
    assert settings.style_layers == {"mixed0": 1.0}
    assert settings.content_layers == guess_layers(inception)["content_layers"]
    assert ["content_layers" in record.getMessage() for record in caplog.records] == [True]


@pytest.mark.usefixtures("eagerly")
def test_a_preset_brings_its_network(monkeypatch, photo, paintings, toy):
    asked = []

    def load(name, weights, seed, default):
        asked.append((name, weights, seed, default))
        return toy

    monkeypatch.setattr(module, "load_backbone", load)
    settings = {**TINY, "steps": 1}
    style_transfer(photo, paintings[0], "inception", **settings)
    style_transfer(photo, paintings[0], "inception", "resnet50", "random", seed=3, **settings)
    style_transfer(photo, paintings[0], **settings)
    assert asked == [
        ("inception_v3", "auto", 0, "vgg16"),
        ("resnet50", "random", 3, "vgg16"),
        ("auto", "auto", 0, "vgg16"),
    ]


# --- Terms of one's own


class Brightness(Term):
    """As a user would write it."""

    def __init__(self, weight=1.0):
        super().__init__("image", "brightness", weight)

    def statistic(self, features):
        return tf.reduce_sum(tf.reduce_mean(features, axis=-1))

    def distance(self, mean):
        return -mean


@pytest.mark.usefixtures("eagerly")
def test_a_term_of_ones_own(tiny, painted, photo):
    result = tiny(objective=Brightness(100.0))
    assert list(result.history) == [*TERMS, "brightness"]
    assert result.history["brightness"][0] == pytest.approx(-100 * photo.mean(), rel=1e-4)
    assert result.image.mean() > painted.image.mean() + 0.05
    # A weight of one's own is not balanced.
    weak = tiny(objective=Brightness(1e-6))
    np.testing.assert_allclose(weak.image, painted.image, atol=0.01)


@pytest.mark.usefixtures("eagerly")
def test_an_objective_of_ones_own(tiny):
    result = tiny(objective=2 * Brightness() + 3 * Gram("conv4"), steps=2)
    assert list(result.history) == [*TERMS, "brightness", "style conv4"]
    assert result.history["style conv4"][0] > 0


def test_a_style_term_of_ones_own_besides_regions(tiny):
    # It belongs to no region, so it blends.
    mask = np.ones((48, 64))
    result = tiny(objective=Gram("conv4"), content_masks=[mask], steps=2)
    assert result.history["style conv4"][0] > 0


def test_a_term_of_a_name_that_the_settings_use_too(tiny):
    result = tiny(objective=TotalVariation(), steps=2)
    assert list(result.history) == [*TERMS, "total_variation 2"]


# --- When it ends before its time


@pytest.mark.parametrize("last", [1, 4])
def test_ctrl_c_carries_the_picture_so_far(tiny, painted, photo, last):
    pictures = []

    def stop(progress):
        pictures.append(progress.picture())
        if progress.step == last:
            raise KeyboardInterrupt

    with pytest.raises(kerasart.Interrupted) as caught:
        tiny(on_step=stop)
    result = caught.value.result
    assert isinstance(caught.value, KeyboardInterrupt)
    for name in TERMS:
        np.testing.assert_array_equal(result.history[name], painted.history[name][:last])
    np.testing.assert_array_equal(result.image, pictures[-1])
    assert np.abs(result.image[0] - photo).max() > 1e-3
    assert result.settings == painted.settings


def test_ctrl_c_at_a_coarse_scale_gives_a_whole_picture(tiny, photo):
    def stop(progress):
        raise KeyboardInterrupt

    with pytest.raises(kerasart.Interrupted) as caught:
        tiny(smallest=32, average=0.9, on_step=stop)
    assert caught.value.result.image.shape == (1, *photo.shape)
    assert np.abs(caught.value.result.image[0] - photo).mean() < 0.2


class Fuse(Brightness):
    """Draws the picture to the dark, and is no number once it is dark enough."""

    def __init__(self, limit):
        super().__init__(1e3)
        self.limit = limit

    def distance(self, mean):
        return tf.where(mean < self.limit, np.nan, mean)


@pytest.mark.usefixtures("eagerly")
def test_a_loss_that_is_not_finite_carries_the_last_good_picture(tiny, photo):
    with pytest.raises(kerasart.DivergedError) as caught:
        tiny(objective=Fuse(photo.mean() - 0.1), steps=9)
    result = caught.value.result
    assert isinstance(caught.value, FloatingPointError)
    steps = len(result.history["brightness"])
    assert 2 <= steps < 9
    message = f"the term 'brightness' did not at step {steps + 1}. Received: nan"
    assert message in str(caught.value)
    assert np.isfinite(result.image).all() and np.isfinite(total(result)).all()
    assert 0.1 < photo.mean() - result.image.mean() < 0.2
    assert result.settings["steps"] == 9


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("average", [0.0, 0.9])
def test_a_loss_that_is_not_finite_at_first_carries_the_start(tiny, photo, average):
    with pytest.raises(kerasart.DivergedError, match="'brightness' did not at step 1") as caught:
        tiny(objective=Fuse(1.0), average=average)
    np.testing.assert_allclose(caught.value.result.image[0], photo, atol=1e-5)
    assert len(caught.value.result.history["brightness"]) == 0


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("style_loss", ["gram", "moments", "wasserstein"])
def test_steps_too_large_diverge(tiny, style_loss):
    with pytest.raises(kerasart.DivergedError, match="must stay finite") as caught:
        tiny(learning_rate=1e30, clip=False, style_loss=style_loss)
    image = caught.value.result.image
    assert np.isfinite(image).all() and image.min() >= 0 and image.max() <= 1


@pytest.mark.usefixtures("eagerly")
def test_without_clip_only_the_result_is_in_range(tiny, painted):
    # Large steps: what leaves the range stays outside until the end.
    free, held = (tiny(learning_rate=0.2, clip=clip) for clip in (False, True))
    assert free.image.min() >= 0 and free.image.max() <= 1
    assert np.abs(free.image - held.image).max() > 0.01


# --- Going on with a run


@pytest.fixture(scope="module")
def long_run():
    return {"smallest": 45, "steps": [3, 3], "average": 0.9}


@pytest.fixture(scope="module")
def whole(tiny, long_run):
    return tiny(**long_run)


def interrupt_at(last):
    def stop(progress):
        if progress.step == last:
            raise KeyboardInterrupt

    return stop


@pytest.mark.parametrize("last", [2, 5])
def test_an_interrupted_run_goes_on(tiny, long_run, whole, tmp_path, last):
    path = tmp_path / "run.npz"
    with pytest.raises(kerasart.Interrupted):
        tiny(**long_run, checkpoint=path, on_step=interrupt_at(last))
    told = []
    result = tiny(**long_run, checkpoint=str(path), on_step=told.append)
    np.testing.assert_array_equal(result.image, whole.image)
    for name in TERMS:
        np.testing.assert_array_equal(result.history[name], whole.history[name])
    assert [progress.step for progress in told] == list(range(last + 1, 7))
    assert result.settings == whole.settings


@pytest.fixture(scope="module")
def halted(tiny, long_run, tmp_path_factory):
    """The checkpoint of a run that was interrupted."""
    path = tmp_path_factory.mktemp("halted") / "run.npz"
    with pytest.raises(kerasart.Interrupted):
        tiny(**long_run, checkpoint=path, on_step=interrupt_at(1))
    return path


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"seed": 1}, "seed"),
        ({"style_strength": 2.0}, "style_strength"),
        ({"steps": [3, 4]}, "steps"),
        ({"average": 0.8, "learning_rate": 0.1}, "average, learning_rate"),
        ({"content": np.zeros((48, 64, 3))}, "pictures"),
        ({"styles": np.ones((80, 80, 3))}, "pictures"),
        ({"start": np.zeros((48, 64, 3))}, "pictures"),
        ({"style_masks": [np.eye(80)]}, "pictures"),
        ({"objective": Brightness()}, "terms"),
    ],
)
def test_another_run_is_refused(tiny, long_run, halted, change, names):
    with pytest.raises(ValueError) as caught:
        tiny(**{**long_run, **change}, checkpoint=halted)
    start, _, differing = str(caught.value).partition("; ")
    assert start == "`resume` needs the pictures and settings of the run that it resumes"
    differing = set(differing.partition(" differ. Received: ")[0].split(", "))
    assert differing == set(names.split(", "))


def test_no_run_is_refused(tiny, tmp_path):
    path = tmp_path / "run.npz"
    path.write_text("not a run")
    with pytest.raises(ValueError, match="`resume` needs the state of an unfinished run"):
        tiny(checkpoint=path)
    assert path.read_text() == "not a run"


@pytest.mark.usefixtures("eagerly")
def test_settings_may_be_numpy_numbers(tiny, tmp_path):
    tiny(
        checkpoint=tmp_path / "run.npz",
        style_strength=np.float32(2.0),
        seed=np.int64(3),
        size=np.int64(64),
        steps=1,
    )


def test_a_run_by_a_keras_optimizer_goes_on(tiny, tmp_path):
    path = tmp_path / "run.npz"

    def run(momentum=0.5, **settings):
        # Each time another object, as after another start of Python.
        optimizer = keras.optimizers.SGD(30.0, momentum=momentum)
        return tiny(optimizer=optimizer, learning_rate=None, steps=4, **settings)

    whole = run()
    with pytest.raises(kerasart.Interrupted):
        run(checkpoint=path, on_step=interrupt_at(2))
    np.testing.assert_array_equal(run(checkpoint=path).image, whole.image)
    # An optimizer of other settings makes another run.
    with pytest.raises(ValueError, match="; optimizer.* differ"):
        run(checkpoint=path, momentum=0.1)


# --- What is refused


def test_too_small_a_photo(tiny, photo):
    with pytest.raises(ValueError) as caught:
        tiny(content=photo[:5], size=None, steps=1)
    message = str(caught.value)
    assert message.startswith("`content` must be at least ")
    assert message.endswith("Received: 64x5") and "toy" in message


def test_the_least_size_is_told_and_suffices(tiny, toy, cat):
    least = toy.cut(["conv3"]).least_size()
    small = cat[:, :least, :least]
    result = tiny(content=small, styles=small, size=None, steps=1)
    assert result.image.shape == (1, least, least, 3)
    with pytest.raises(ValueError, match=f"`content` must be at least {least}x{least} pixels"):
        tiny(content=small[:, 1:], styles=small, size=None, steps=1)


def test_too_small_a_style(tiny, paintings):
    with pytest.raises(ValueError, match="`styles` must be at least .*Received: 80x5$"):
        tiny(styles=paintings[0][:5], style_size=2.0)
    # Where it is too small at the last scale, it is at all.
    with pytest.raises(ValueError, match="`styles` must be at least .*Received: 4x4$"):
        tiny(style_size=0.0625, smallest=32)


def test_too_large_a_photo(tiny):
    with pytest.raises(MemoryError, match="--size="):
        tiny(size=10**6)


def test_a_preset_may_be_a_file_of_ones_own(photo, paintings, toy, tmp_path):
    path = tmp_path / "mine.json"
    path.write_text('{"settings": {"content_layers": "conv3", "style_layers": "conv2"}}')
    settings = style_transfer(photo, paintings[0], path, toy, steps=1).settings
    assert (settings["preset"], settings["style_layers"]) == (str(path), {"conv2": 1.0})


def test_unknown_names(tiny, photo, paintings):
    with pytest.raises(TypeError, match="settings are content_layers, .*Received: 'strength'"):
        tiny(strength=3)
    with pytest.raises(ValueError, match="`preset` must be .*Nearest: crowson. Received: 'crows"):
        tiny(preset="crowsonn")
    with pytest.raises(ValueError, match="`layers` must .*Received: 'conv33'"):
        tiny(style_layers="conv33")
    with pytest.raises(ValueError, match="`backbone` must .*Received: 'vgg61'"):
        style_transfer(photo, paintings[0], backbone="vgg61")
    with pytest.raises(ValueError, match="`init` must be content, noise. Received: 'style'"):
        tiny(init="style")


def test_what_is_no_picture(tiny):
    with pytest.raises(ValueError, match="`content` must"):
        tiny(content=np.zeros((64, 64)))
    with pytest.raises(ValueError, match="`styles` must"):
        tiny(styles=[np.full((64, 64, 3), 2.0)])
    with pytest.raises(ValueError, match="`styles` must hold at least one picture"):
        tiny(styles=[])
    with pytest.raises(ValueError, match="`start` must"):
        tiny(start=np.zeros((64, 64)))


def test_nothing_is_warned_of(tiny, caplog):
    with caplog.at_level(logging.DEBUG, "kerasart"):
        tiny(steps=1)
    assert not caplog.records


def test_the_preset_is_the_published_one():
    # As the example has them: weights over channels and positions that are its own.
    settings = find_preset("style_transfer", "keras_example")["settings"]
    assert (settings["content_weight"], settings["style_weight"]) == (2.5e-8, 1e-6)
    # Rates and total variation are in units of [0, 1] in place of [0, 255].
    assert settings["learning_rate"] == pytest.approx(100 / 255**2, rel=1e-6)
    assert settings["tv_weight"] == pytest.approx(1e-6 * 255**2.5, rel=1e-6)
    assert settings["content_layers"] == {"block5_conv2": 512}
    # (channels x stride^-2)^2 / (4 x 3^2 x 5 layers), since its Gram matrices are sums.
    channels, strides = [64, 128, 256, 512, 512], [1, 2, 4, 8, 16]
    for name, c, s in zip(STYLE_LAYERS, channels, strides, strict=True):
        assert settings["style_layers"][name] == pytest.approx((c / s**2) ** 2 / 180, rel=1e-6)


@pytest.fixture(scope="module")
def four_layers(vgg16):
    return vgg16.cut([f"block{i}_conv1" for i in (1, 2, 3, 4)])


@pytest.mark.parametrize("style_loss", ["gram", "wasserstein"])
def test_bfloat16_paints_as_float32_does(
    photo, paintings, vgg16, four_layers, style_loss, monkeypatch
):
    # With real weights: `auto` takes bfloat16 where it is fast, so the picture must not suffer.
    if choose_precision("auto") != "bfloat16":
        pytest.skip("this machine has no fast bfloat16")
    settings = {"style_loss": style_loss, "steps": 10, "smallest": 64}
    near = []
    for precision, speed_up in (
        ("bfloat16", convolution.speed_up),
        ("float32", lambda layer: None),
    ):
        monkeypatch.setattr("kerasart.backbones.graph_surgery.speed_up", speed_up)
        result = style_transfer(photo, paintings[0], "best", vgg16, precision=precision, **settings)
        near.append(gram_distances(four_layers, result.image, paintings[0]))
    np.testing.assert_allclose(near[0], near[1], rtol=0.1)


# --- Tiles


def test_in_tiles_it_is_the_same_picture(tiny, painted):
    told = []
    tiled = tiny(tile=48, on_tile=lambda *done: told.append(done))
    assert len(told) > 2 * TINY["steps"]
    for name, losses in painted.history.items():
        np.testing.assert_allclose(tiled.history[name], losses, rtol=1e-3, err_msg=name)
    np.testing.assert_allclose(tiled.image, painted.image, atol=2e-3)


def test_a_run_in_tiles_can_be_gone_on_with(tiny, tmp_path):
    def stop(progress):
        if progress.step == 3:
            raise KeyboardInterrupt

    path = tmp_path / "state.npz"
    with pytest.raises(KeyboardInterrupt):
        tiny(tile=48, checkpoint=path, on_step=stop)
    np.testing.assert_array_equal(tiny(tile=48, checkpoint=path).image, tiny(tile=48).image)


def test_what_does_not_fit_is_refused_without_tiles(tiny):
    with pytest.raises(MemoryError, match="as no tiles are allowed"):
        tiny(tile="none", memory=1.2e-3)


def test_what_does_not_fit_is_painted_in_tiles(tiny, painted):
    told = []
    tiled = tiny(memory=1.2e-3, on_tile=lambda *done: told.append(done))
    assert told
    np.testing.assert_allclose(tiled.image, painted.image, atol=2e-3)
