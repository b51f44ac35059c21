import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasart
from kerasart import Stylizer, stylize
from kerasart.applications import fast_style
from kerasart.image.colour import luminance, match_covariance, match_histogram, replace_luminance
from kerasart.kernels.precision import choose_precision
from kerasart.networks import AdaIN, TransformerNet, save_network
from kerasart.networks.transformer_net import style_weights

PHOTO = np.random.default_rng(0).random((1, 34, 45, 3), np.float32)
STYLE, OTHER = np.random.default_rng(1).random((2, 1, 24, 32, 3), np.float32) ** 2
OTHER = OTHER * 0.5


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    network = TransformerNet(["a", "b"], 1 / 8, blocks=1)
    generator = np.random.default_rng(1)
    for weight in network.weights:
        if weight.name in ("gamma", "beta"):
            weight.assign(weight + generator.normal(0, 0.5, weight.shape))
    return network


@pytest.fixture(scope="module")
def stylizer(network):
    return Stylizer(network, "float32")


@pytest.fixture(scope="module")
def adain():
    keras.utils.set_random_seed(0)
    return AdaIN()


@pytest.fixture(scope="module")
def in_any(adain):
    return Stylizer(adain, "float32")


# --- Painting


def test_it_paints_as_its_network(network, stylizer):
    painted = stylizer(PHOTO, "b")
    assert painted.shape == PHOTO.shape and painted.dtype == np.float32
    assert 0 <= painted.min() < painted.max() <= 1
    np.testing.assert_allclose(painted, network(PHOTO, np.float32([[0, 1]])), atol=1e-5)
    mixed = stylizer(PHOTO, {"a": 1, "b": 3})
    np.testing.assert_allclose(mixed, network(PHOTO, np.float32([[0.25, 0.75]])), atol=1e-5)


def test_the_first_style_is_meant_by_none(stylizer):
    assert stylizer.styles == ("a", "b") and stylizer.precision == "float32"
    np.testing.assert_array_equal(stylizer(PHOTO), stylizer(PHOTO, "a"))
    assert np.abs(stylizer(PHOTO, "a") - stylizer(PHOTO, "b")).max() > 0.05


def test_pictures_of_any_form_are_painted(stylizer):
    pixels = np.round(PHOTO * 255).astype(np.uint8)
    expected = stylizer(pixels.astype(np.float32) / 255)
    for form in (pixels, pixels[0], tf.constant(pixels), pixels / 255):
        np.testing.assert_allclose(stylizer(form), expected, atol=1e-6)


def test_strength_goes_from_the_photo_to_the_style(stylizer):
    np.testing.assert_array_equal(stylizer(PHOTO, strength=0), PHOTO)
    distances = [np.abs(stylizer(PHOTO, strength=s) - PHOTO).mean() for s in (0.3, 0.6, 1)]
    assert 0 < distances[0] < distances[1] < distances[2]


def test_several_pictures_are_painted_as_each_alone(stylizer, in_any):
    photos = [PHOTO, PHOTO[:, ::-1], PHOTO**2]
    for each, style in ((stylizer, "b"), (in_any, STYLE)):
        painted = each.paint_all(photos, style)
        assert len(painted) == 3
        for one, photo in zip(painted, photos, strict=True):
            np.testing.assert_allclose(one, each(photo, style), atol=1e-4)
    assert stylizer.paint_all([]) == []


def test_it_is_compiled_once_for_all_sizes(network):
    stylizer = Stylizer(network, "float32")
    for size in ((5, 5), (20, 31), (33, 6)):
        assert stylizer(PHOTO[:, : size[0], : size[1]]).shape == (1, *size, 3)
    assert stylizer._paint.experimental_get_tracing_count() == 1


@pytest.mark.parametrize("rows", [1, 8, 20, 1000])
def test_rows_do_not_change_the_picture(stylizer, in_any, rows):
    whole = stylizer(PHOTO, "b", 0.7, rows=0)
    np.testing.assert_allclose(stylizer(PHOTO, "b", 0.7, rows=rows), whole, atol=5e-5)
    whole = in_any(PHOTO, STYLE, 0.7, rows=0)
    np.testing.assert_allclose(in_any(PHOTO, STYLE, 0.7, rows=rows), whole, atol=1e-4)


def test_what_does_not_fit_into_memory_is_painted_in_bands(network, stylizer, monkeypatch):
    heights = []
    banded = fast_style.paint_in_strips

    def watched(network, image, style_code, strength, rows):
        heights.append(rows)
        return banded(network, image, style_code, strength, rows)

    monkeypatch.setattr(fast_style, "paint_in_strips", watched)
    tall = np.tile(PHOTO, (1, 6, 1, 1))
    whole = stylizer(tall)
    assert heights == []
    row = tall.shape[2] * network.bytes_per_pixel
    monkeypatch.setattr(fast_style, "available_memory", lambda: 2 * 100 * row)
    np.testing.assert_allclose(stylizer(tall), whole, atol=5e-5)
    monkeypatch.setattr(fast_style, "available_memory", lambda: 0)  # However little it is.
    np.testing.assert_allclose(stylizer(tall), whole, atol=5e-5)
    assert heights == [100, 64]
    stylizer(tall, rows=0)
    assert len(heights) == 2


def test_memory_that_runs_out_is_explained(stylizer, monkeypatch):
    def fail(*_):
        raise MemoryError("Unable to allocate 9 GiB")

    monkeypatch.setattr(stylizer, "_paint", fail)
    with pytest.raises(MemoryError, match="ran out on a picture of 45x34 .*Received: Unable"):
        stylizer(PHOTO, rows=0)


@pytest.mark.skipif(choose_precision("auto") != "bfloat16", reason="no fast bfloat16 here")
def test_precision_holds_for_a_network_that_is_given(network, stylizer):
    half = Stylizer(network)
    assert half.precision == "bfloat16"
    whole = half(PHOTO)
    assert 0 < np.abs(whole - stylizer(PHOTO)).mean() < 0.02
    in_bands = half(PHOTO, rows=8)
    assert 0 < np.abs(in_bands - stylizer(PHOTO)).mean() < 0.02


# --- Colours


@pytest.mark.parametrize(
    ("preserve", "expected"),
    [
        ("luminance", lambda painted: replace_luminance(PHOTO, painted)),
        ("histogram", lambda painted: match_histogram(painted, PHOTO)),
        ("coral", lambda painted: match_covariance(painted, PHOTO)),
    ],
)
def test_colours_can_be_kept(stylizer, preserve, expected):
    painted = stylizer(PHOTO)
    kept = stylizer(PHOTO, preserve_color=preserve)
    np.testing.assert_allclose(kept, expected(painted), atol=1e-5)
    assert 0 <= kept.min() and kept.max() <= 1
    assert np.abs(kept - painted).max() > 0.02


def test_luminance_of_the_painting_stays(stylizer):
    photo = 0.3 + 0.4 * PHOTO  # Of which no colour is clipped.
    painted = stylizer(photo, strength=0.3)
    kept = stylizer(photo, strength=0.3, preserve_color="luminance")
    np.testing.assert_allclose(luminance(kept), luminance(painted), atol=1e-5)


# --- Any style


def test_adain_paints_in_the_manner_of_a_picture(adain, in_any):
    assert in_any.styles == ()
    painted = in_any(PHOTO, STYLE)
    np.testing.assert_allclose(painted, adain(PHOTO, STYLE), atol=1e-4)
    np.testing.assert_array_equal(in_any(PHOTO, [(STYLE, 2.0)]), painted)
    np.testing.assert_array_equal(in_any(PHOTO, [(STYLE, 1), (OTHER, 0)]), painted)
    mixed = in_any(PHOTO, [(STYLE, 1), (OTHER, 3)])
    style_code = 0.25 * adain.encode_style(STYLE) + 0.75 * adain.encode_style(OTHER)
    np.testing.assert_allclose(mixed, adain.forward(PHOTO, style_code), atol=1e-4)


def test_large_styles_are_looked_at_in_one_size(in_any, monkeypatch):
    sizes, encode = [], in_any._encode_style

    def watched(style):
        sizes.append(style.shape)
        return encode(style[:, :16, :16])

    monkeypatch.setattr(in_any, "_encode_style", watched)
    in_any(PHOTO, [(np.zeros((600, 300, 3)), 1), (STYLE, 1)])
    assert sizes == [(1, 512, 256, 3), STYLE.shape]


# --- What is refused


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"strength": 1.1}, "`strength` must be from 0 to 1. Received: 1.1"),
        ({"strength": -0.1}, "`strength` must be from 0 to 1. Received: -0.1"),
        ({"strength": np.nan}, "`strength` must be from 0 to 1. Received: nan"),
        ({"rows": -1}, "`rows` must be 0 or more, or None. Received: -1"),
        ({"preserve_color": "yes"}, "`preserve_color` must be one of .*Received: 'yes'"),
        ({"preserve_color": None}, "`preserve_color` must be one of .*Received: None"),
        ({"style": "c"}, "`style` must be one of a, b. Received: 'c'"),
        ({"style": ""}, "`style` must be one of a, b. Received: ''"),
        ({"style": {}}, "`style` must have weights of 0 or more, not all 0. Received: "),
        ({"style": {"a": 0}}, "`style` must have weights .*Received: "),
        ({"style": {"a": -1, "b": 2}}, r"`style` must have weights .*Received: \[-1.0, 2.0\]"),
        ({"style": {"a": np.inf}}, "`style` must have weights .*Received: "),
        ({"style": STYLE}, "pictures are for an AdaIN. Received: a ndarray"),
        ({"style": [(STYLE, 1.0)]}, "pictures are for an AdaIN. Received: a list"),
    ],
)
def test_what_makes_no_sense_is_refused(stylizer, options, message):
    with pytest.raises(ValueError, match=message):
        stylizer(PHOTO, **options)


@pytest.mark.parametrize(
    ("style", "message"),
    [
        (None, "`style` must be a picture, .*Received: None"),
        ("mosaic", "`style` must be a picture, .*Received: 'mosaic'"),
        ({"mosaic": 1}, "`style` must be a picture, .*Received: {'mosaic': 1}"),
        ([STYLE, OTHER], "`style` must be a picture, or a list of pairs .*'ndarray', 'ndarray'"),
        ([], "`style` must have weights .*Received: "),
        ([(STYLE, -1)], "`style` must have weights .*Received: "),
        (STYLE[..., :1], "`style` must have shape"),
        (STYLE[:, :8], "`style` must be at least 9x9 .*Received: 32x8"),
    ],
)
def test_adain_refuses_what_is_no_style(in_any, style, message):
    with pytest.raises(ValueError, match=message):
        in_any(PHOTO, style)


def test_pictures_that_are_none_are_refused(stylizer, in_any):
    with pytest.raises(ValueError, match="`image` must have shape"):
        stylizer(PHOTO[..., :2])
    with pytest.raises(ValueError, match="`image` must hold .* in .0, 1."):
        stylizer(PHOTO * 255)
    with pytest.raises(ValueError, match="`image` must be at least 5x5 .*Received: 45x4"):
        stylizer(PHOTO[:, :4])
    for rows in (None, 8):
        with pytest.raises(ValueError, match="`image` must be at least 9x9 .*Received: 45x8"):
            in_any(PHOTO[:, :8], STYLE, rows=rows)
    with pytest.raises(ValueError, match="`images` must be of one size, 45x34 .*Received: 45x20"):
        stylizer.paint_all([PHOTO, PHOTO[:, :20]])


# --- Models


def test_a_model_can_be_a_file_or_its_folder(network, stylizer, tmp_path):
    save_network(network, tmp_path / "model.keras")
    for model in (tmp_path, str(tmp_path / "model.keras")):
        painted = stylize(PHOTO, "b", model, "float32", strength=0.5)
        np.testing.assert_allclose(painted, stylizer(PHOTO, "b", 0.5), rtol=0, atol=1 / 255)


def test_the_shipped_model_paints():
    stylizer = Stylizer()
    painted = stylizer(PHOTO)
    assert painted.shape == PHOTO.shape
    assert np.abs(painted - PHOTO).mean() > 0.02
    assert len(stylizer.styles) > 1


def test_missing_models_and_precisions_are_refused(network):
    with pytest.raises(FileNotFoundError, match="`model` must be .*Received: 'no-such'"):
        Stylizer("no-such")
    with pytest.raises(ValueError, match="`precision` must be one of .*Received: 'float64'"):
        Stylizer(network, "float64")


def test_names_are_handed_out():
    assert kerasart.Stylizer is Stylizer and kerasart.stylize is stylize


# --- Weights


def test_style_weights_add_up_to_one():
    styles = ("starry", "mosaic", "ink")
    np.testing.assert_array_equal(style_weights(styles), [[1, 0, 0]])
    np.testing.assert_array_equal(style_weights(styles, "ink"), [[0, 0, 1]])
    weights = style_weights(styles, {"ink": 3, "starry": 1})
    assert weights.dtype == np.float32
    np.testing.assert_allclose(weights, [[0.25, 0, 0.75]])


def test_the_nearest_style_is_named():
    with pytest.raises(ValueError, match="; nearest: mosaic. Received: 'mosiac'"):
        style_weights(("starry", "mosaic"), "mosiac")
    with pytest.raises(ValueError, match="must be one of a, b. Received: 3"):
        style_weights(("a", "b"), {3: 1})


def test_memory_bounds_the_bands(tiny_network, monkeypatch):
    import kerasart.applications.fast_style as module

    photo = np.random.default_rng(0).random((1, 100, 40, 3), np.float32)
    stylizer = Stylizer(tiny_network, "float32")
    whole = stylizer(photo, "a", memory=1.0)
    row = 40 * tiny_network.bytes_per_pixel / 2**30
    rows = []
    paint = module.paint_in_strips
    monkeypatch.setattr(
        module, "paint_in_strips", lambda *given: rows.append(given[-1]) or paint(*given)
    )
    in_bands = stylizer(photo, "a", memory=30.5 * row)
    assert rows == [30]
    np.testing.assert_allclose(in_bands, whole, atol=1e-4)
    with pytest.raises(MemoryError, match="`memory` must be at least .* GiB for bands"):
        stylizer(photo, "a", memory=15 * row)
    with pytest.raises(ValueError, match="`memory` must be more than 0"):
        stylizer(photo, "a", memory=0.0)
