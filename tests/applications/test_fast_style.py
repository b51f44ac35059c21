import copy

import numpy as np
import pytest
import tensorflow as tf
from network_checks import FEW_SIZES, check_paints_as, make_picture

import kerasart
from kerasart import Stylizer, stylize
from kerasart.applications import fast_style
from kerasart.film.flow import shift
from kerasart.image.colour import luminance, match_covariance, match_histogram, replace_luminance
from kerasart.image.resizing import shrink
from kerasart.kernels.precision import choose_precision
from kerasart.levels import LEVELS
from kerasart.networks import StyleNetwork, save_network
from kerasart.networks.transformer_net import style_weights

PHOTO = make_picture(34, 45)
STYLE, OTHER = np.random.default_rng(1).random((2, 1, 24, 32, 3), np.float32) ** 2
OTHER = OTHER * 0.5


@pytest.fixture(scope="module")
def stylizer(tiny_network):
    return Stylizer(tiny_network, "float32")


@pytest.fixture(scope="module")
def by_code(manner):
    return Stylizer(manner, "float32")


@pytest.fixture(scope="module")
def in_any(adain):
    return Stylizer(adain, "float32")


def form(stylizer, **options):
    """A stylizer as what takes an image, a style and a strength as its network does."""

    def paint(image, style, strength):
        if stylizer.styles:
            mixtures = [dict(zip(stylizer.styles, 3 * row, strict=True)) for row in style[0]]
            style = dict(zip(LEVELS, mixtures, strict=True))  # Of any sum.
            if mixtures[0] == mixtures[1]:
                style = mixtures[0]
        return stylizer(image, style, float(strength[0]), **options)

    return paint


@pytest.fixture
def heights(monkeypatch):
    """Those of the strips that are painted."""
    heights, paint = [], fast_style.paint_in_strips

    def watched(network, image, style_code, strength, rows, *others):
        heights.append(rows)
        return paint(network, image, style_code, strength, rows, *others)

    monkeypatch.setattr(fast_style, "paint_in_strips", watched)
    return heights


# --- Painting


@pytest.fixture(scope="module")
def painter(style_network):
    return Stylizer(style_network, "float32")


def test_it_paints_as_its_network(style_network, painter):
    assert painter.styles == style_network.styles and painter.precision == "float32"
    check_paints_as(style_network, form(painter), sizes=FEW_SIZES)


@pytest.mark.parametrize("rows", [1, 8, 20, 1000])
def test_rows_do_not_change_the_picture(style_network, painter, rows):
    check_paints_as(style_network, form(painter, rows=rows), 5e-5, [(19, 26)])


def test_it_is_compiled_once_for_all_sizes(tiny_network, monkeypatch):
    eager, forward = [], StyleNetwork.forward

    def watched(*arguments):
        eager.append(tf.executing_eagerly())
        return forward(*arguments)

    monkeypatch.setattr(StyleNetwork, "forward", watched)
    stylizer = Stylizer(tiny_network, "float32")
    for size in ((5, 5), (20, 31), (33, 6)):
        assert stylizer(make_picture(*size)).shape == (1, *size, 3)
    assert eager.count(False) == 1


def test_the_first_style_is_meant_by_none(stylizer):
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


def test_what_does_not_fit_into_memory_is_painted_in_strips(
    tiny_network, stylizer, heights, monkeypatch
):
    tall = np.tile(PHOTO, (1, 6, 1, 1))
    whole = stylizer(tall)
    assert heights == []
    row = tall.shape[2] * tiny_network.bytes_per_pixel
    monkeypatch.setattr(fast_style, "available_memory", lambda: 2 * 100 * row)
    np.testing.assert_allclose(stylizer(tall), whole, atol=5e-5)
    monkeypatch.setattr(fast_style, "available_memory", lambda: 0)  # However little it is.
    np.testing.assert_allclose(stylizer(tall), whole, atol=5e-5)
    assert heights == [100, 64]
    stylizer(tall, rows=0)
    assert len(heights) == 2


def test_memory_bounds_the_strips(tiny_network, stylizer, heights):
    whole = stylizer(PHOTO, memory=1.0)
    row = PHOTO.shape[2] * tiny_network.bytes_per_pixel / 2**30
    in_strips = stylizer(PHOTO, memory=30.5 * row)
    assert heights == [30]
    np.testing.assert_allclose(in_strips, whole, atol=5e-5)
    with pytest.raises(MemoryError, match="`memory` must be at least .* GiB for strips"):
        stylizer(PHOTO, memory=15 * row)
    with pytest.raises(ValueError, match="`memory` must be more than 0"):
        stylizer(PHOTO, memory=0.0)


def test_memory_that_runs_out_is_explained(tiny_network, monkeypatch):
    def fail(*_):
        raise MemoryError("Unable to allocate 9 GiB")

    stylizer = Stylizer(tiny_network, "float32")
    monkeypatch.setattr(StyleNetwork, "forward", fail)
    with pytest.raises(MemoryError, match="ran out on a picture of 45x34 .*Received: Unable"):
        stylizer(PHOTO, rows=0)


@pytest.mark.skipif(choose_precision("auto") != "bfloat16", reason="no fast bfloat16 here")
def test_precision_holds_for_a_network_that_is_given(tiny_network):
    half = Stylizer(tiny_network)
    assert half.precision == "bfloat16"
    for rows in (0, 8):
        assert 0 < check_paints_as(tiny_network, form(half, rows=rows), 0.05, [(19, 26)]) < 0.02


# --- Levels


def test_equal_levels_are_the_style_to_the_bit(stylizer):
    for style in ("b", {"a": 0.3, "c": 0.7}):
        painted = stylizer(PHOTO, style)
        for levels in (LEVELS, ("middle",), ("fine", "coarse")):
            np.testing.assert_array_equal(stylizer(PHOTO, dict.fromkeys(levels, style)), painted)


def test_each_level_changes_the_picture(stylizer):
    plain, other = stylizer(PHOTO, "a"), stylizer(PHOTO, "b")
    for level in LEVELS:
        mixed = stylizer(PHOTO, dict.fromkeys(LEVELS, "a") | {level: "b"})
        assert np.abs(mixed - plain).mean() > 0.2 * np.abs(other - plain).mean()
        assert np.abs(mixed - other).mean() > 0.2 * np.abs(other - plain).mean()


def test_equal_levels_are_the_painting_to_the_bit(by_code):
    for style in (STYLE, [(STYLE, 0.3), (OTHER, 0.7)]):
        painted, same = by_code(PHOTO, style), copy.deepcopy(style)
        for levels in (LEVELS, ("middle",), ("fine", "coarse")):
            styles = dict(zip(levels, (style, same, style), strict=False))
            np.testing.assert_array_equal(by_code(PHOTO, styles), painted)


def test_each_level_may_have_paintings_of_its_own(manner, by_code):
    codes = [manner.encode_style(style).numpy() for style in (STYLE, OTHER)]
    fine = (codes[0] + 3 * codes[1]) / 4
    code = np.stack([codes[0][:, 0], codes[0][:, 1], fine[:, 2]], axis=1)
    expected = manner.forward(PHOTO, code).numpy()
    assert np.abs(expected - by_code(PHOTO, STYLE)).max() > 1e-2
    style = {"coarse": STYLE, "fine": [(STYLE, 1), (OTHER, 3)]}
    np.testing.assert_allclose(by_code(PHOTO, style), expected, atol=1e-5)
    np.testing.assert_allclose(by_code(PHOTO, style, rows=8), expected, atol=1e-5)


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


def test_styles_of_pictures_can_be_blended(adain, in_any):
    painted = in_any(PHOTO, STYLE)
    np.testing.assert_array_equal(in_any(PHOTO, [(STYLE, 2.0)]), painted)
    np.testing.assert_array_equal(in_any(PHOTO, [(STYLE, 1), (OTHER, 0)]), painted)
    mixed = in_any(PHOTO, [(STYLE, 1), (OTHER, 3)])
    style_code = 0.25 * adain.encode_style(STYLE) + 0.75 * adain.encode_style(OTHER)
    np.testing.assert_allclose(mixed, adain.forward(PHOTO, style_code), atol=1e-4)


def test_large_styles_are_looked_at_in_one_size(adain, in_any):
    large = make_picture(600, 300)
    small = shrink(large, 512)
    assert small.shape == (1, 512, 256, 3)
    painted = in_any(PHOTO, [(large, 1), (STYLE, 1)])
    expected = adain.forward(
        PHOTO, 0.5 * adain.encode_style(small) + 0.5 * adain.encode_style(STYLE)
    )
    np.testing.assert_allclose(painted, expected, atol=1e-4)


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
        ({"style": "d"}, "`style` must be one of a, b, c. Received: 'd'"),
        ({"style": ""}, "`style` must be one of a, b, c. Received: ''"),
        ({"style": {}}, "`style` must have weights of 0 or more, not all 0. Received: "),
        ({"style": {"a": 0}}, "`style` must have weights .*Received: "),
        ({"style": {"a": -1, "b": 2}}, r"`style` must have weights .*Received: \[-1.0, 2.0\]"),
        ({"style": {"a": np.inf}}, "`style` must have weights .*Received: "),
        ({"style": {"coarse": "a", "fine": "d"}}, "must be one of a, b, c. Received: 'd'"),
        ({"style": {"corse": "a"}}, "must have coarse, middle, fine as its .*Received: 'corse'"),
        ({"style": {"fine": {"a": "b"}}}, r"must have numbers as weights. Received: \['b'\]"),
        (
            {"style": STYLE},
            "pictures and manners are for a network of any style. Received: a ndarray",
        ),
        (
            {"style": [(STYLE, 1.0)]},
            "pictures and manners are for a network of any style. Received: a list",
        ),
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
        ({"coarse": STYLE, "fine": OTHER}, "same at all levels .*Received: styles of coarse, fine"),
        ({"coarse": "ink"}, "`style` must be a picture, .*Received: 'ink'"),
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


@pytest.mark.parametrize("rows", ["all", -1, 1.5, np.nan])
def test_rows_that_are_none_are_refused(stylizer, rows):
    with pytest.raises(ValueError, match="`rows` must be 0 or more, .* Received: "):
        stylizer(PHOTO, rows=rows)


@pytest.mark.parametrize("strength", ["half", None, [0.5], 1.5, np.nan])
def test_a_strength_that_is_none_is_refused(stylizer, strength):
    with pytest.raises(ValueError, match="`strength` must be from 0 to 1. Received: "):
        stylizer(PHOTO, strength=strength)


# --- Models


def test_a_model_can_be_a_file_or_its_folder(tiny_network, tmp_path):
    save_network(tiny_network, tmp_path / "model.keras")
    for model in (tmp_path, str(tmp_path / "model.keras")):
        stylizer = Stylizer(model, "float32")
        check_paints_as(tiny_network, form(stylizer), 1 / 255, FEW_SIZES)
        painted = stylize(PHOTO, "b", model, "float32", strength=0.5)
        np.testing.assert_array_equal(painted, stylizer(PHOTO, "b", 0.5))


def test_the_shipped_model_paints():
    stylizer = Stylizer()
    painted = stylizer(PHOTO)
    assert painted.shape == PHOTO.shape
    assert np.abs(painted - PHOTO).mean() > 0.02
    assert len(stylizer.styles) > 1


def test_missing_models_and_precisions_are_refused(tiny_network):
    with pytest.raises(FileNotFoundError, match="`model` must be .*Received: 'no-such'"):
        Stylizer("no-such")
    with pytest.raises(FileNotFoundError, match="`model` must be .*Received: 'None'"):
        Stylizer(None)
    with pytest.raises(FileNotFoundError, match="`model` must be .*Received: ''"):
        stylize(PHOTO, model="")
    with pytest.raises(ValueError, match="`precision` must be one of .*Received: 'float64'"):
        Stylizer(tiny_network, "float64")


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


# --- Frames of a film


@pytest.mark.parametrize("rows", [0, 16])
def test_noise_and_strides_move_with_the_scene(painter, style_network, rows):
    stride = style_network.stride  # 4 or 8.
    style = None if painter.styles else STYLE
    painted = painter(PHOTO, style, rows=rows, place=(1.5, -2.0 - stride))
    # Moved until the scene's strides are the network's: by 2.5 and 2, or by 6.5 and 2.
    moved = shift(PHOTO, stride - 1.5, 2.0, (34 + stride, 45 + stride))
    ((style, _, _),) = style_network.parse_style(style)
    offset = np.array([-1, 1], np.int32)
    style_code = style_network.encode_style(style)
    moved = style_network.forward(moved, style_code, noise_offset=offset)
    expected = shift(np.asarray(moved), 1.5 - stride, -2.0, (34, 45))
    np.testing.assert_allclose(painted, np.clip(expected, 0, 1), atol=1e-4)
