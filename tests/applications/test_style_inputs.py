import logging
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from kerasart.applications.style_inputs import StyleInputs
from kerasart.image.colour import luminance, match_covariance, match_histogram, match_luminance
from kerasart.image.resizing import pick_nearest, resize_photo
from kerasart.settings.style import StyleSettings


@pytest.fixture(scope="module")
def photo(face):
    return face[:, :60, :80]


@pytest.fixture(scope="module")
def paintings(cat):
    """A larger and a smaller one than the photo."""
    return [cat[:, 100:220, 200:300], cat[:, 250:290, 300:350]]


@pytest.fixture(scope="module")
def make(photo, paintings):
    def make(styles=paintings, weights=None, masks=None, style_masks=None, levels=None, **settings):
        layers = settings.pop("style_layers", {"a": 1})
        settings = StyleSettings({"a": 1}, layers, **settings)
        return StyleInputs(photo, styles, weights, masks, style_masks, settings, levels)

    return make


def left(height=60, width=80):
    mask = np.zeros((height, width), np.float32)
    mask[:, : width // 2] = 1.0
    return mask


# --- Shares


@pytest.mark.parametrize(
    ("weights", "shares"),
    [
        (None, [0.5, 0.5]),
        ([1, 3], [0.25, 0.75]),
        ((2.0, 0), [1, 0]),
        (np.array([5, 5]), [0.5, 0.5]),
    ],
)
def test_shares(make, weights, shares):
    inputs = make(weights=weights)
    assert inputs.style_weights == shares and type(inputs.style_weights[0]) is float
    assert inputs.region_weights == [(None, 1.0)] and inputs.regions is None


def test_one_style_may_have_a_plain_weight(make, paintings):
    assert make(paintings[:1], 0.3).style_weights == [1.0]


@pytest.mark.parametrize("weights", [[1], [1, 2, 3], 1, []])
def test_a_weight_is_needed_for_each_style(make, weights):
    count = np.size(weights)
    with pytest.raises(ValueError, match=f"each of 2 styles. Received: {count}$"):
        make(weights=weights)


@pytest.mark.parametrize("weights", [[-1, 2], [np.nan, 1], [np.inf, 1], [0, 0]])
def test_weights_that_make_no_sense(make, weights):
    with pytest.raises(
        ValueError, match="`style_weights` must be finite, 0 or more, and not all 0"
    ):
        make(weights=weights)


# --- Levels

BACKBONE = SimpleNamespace(geometry=dict.fromkeys("abcdef"))


@pytest.mark.parametrize(
    ("levels", "fine", "middle", "coarse"),
    [
        (["coarse", "fine"], [0, 1], [1, 0], [1, 0]),
        (["fine", "middle"], [1, 0], [0, 1], [0, 1]),
        (["fine", None], [1, 0], [0, 1], [0, 1]),
        ([None, "middle"], [1, 0], [0, 1], [1, 0]),
        (["fine", "fine"], [0.2, 0.8], [0.2, 0.8], [0.2, 0.8]),
        ([None, None], [0.2, 0.8], [0.2, 0.8], [0.2, 0.8]),
    ],
)
def test_each_layer_has_the_styles_of_its_level(make, levels, fine, middle, coarse):
    # From shallow to deep, in whatever order they are named.
    layers = {"e": 1, "a": 1, "f": 0, "c": 2}
    inputs = make(weights=[1, 4], levels=levels, style_layers=layers)
    weights = inputs.layer_weights(BACKBONE)
    assert list(weights) == ["a", "c", "e"]
    np.testing.assert_allclose(list(weights.values()), [fine, middle, coarse])
    assert inputs.style_levels == levels and inputs.style_weights == [0.2, 0.8]


def test_styles_of_one_level_share_it_by_their_weights(make, paintings):
    levels, layers = ["coarse", "coarse", "fine"], {"a": 1, "b": 1, "c": 1, "d": 1, "e": 1}
    inputs = make([*paintings, paintings[0]], [1, 3, 2], levels=levels, style_layers=layers)
    weights = inputs.layer_weights(BACKBONE)
    assert weights["a"] == weights["b"] == [0, 0, 1]
    assert weights["c"] == weights["d"] == weights["e"] == [0.25, 0.75, 0]


def test_without_levels_no_layer_is_another(make):
    assert make().layer_weights(BACKBONE) == {} and make().style_levels is None


@pytest.mark.parametrize("levels", [["fine"], ["fine", "corse"], ["fine"] * 3, [1, None]])
def test_levels_that_make_no_sense(make, levels):
    with pytest.raises(ValueError, match="one of coarse, middle, fine, or None, for each of 2"):
        make(levels=levels)


def test_levels_that_cannot_be(make):
    with pytest.raises(ValueError, match="`style_levels` must not .* `content_masks`"):
        make(levels=["fine", None], masks=[left(), None])
    inputs = make(levels=["fine", "middle"], style_layers={"a": 1, "b": 1})
    with pytest.raises(ValueError, match="have, fine, coarse of 2. Received: 'middle'"):
        inputs.layer_weights(BACKBONE)
    with pytest.raises(ValueError, match="more than 0 .* Received: 0 for all of fine"):
        make(
            weights=[1, 0], levels=["coarse", "fine"], style_layers={"a": 1, "b": 1}
        ).layer_weights(BACKBONE)


def test_no_style(make):
    with pytest.raises(ValueError, match="`styles` must hold at least one picture. Received: none"):
        make([])


# --- Sizes


def test_styles_are_as_large_as_the_photo_but_never_enlarged(make, paintings):
    inputs = make()
    # 120x100 and 40x50 pixels.
    assert inputs.style_sizes((60, 80)) == [(80, 67), (40, 50)]
    assert inputs.style_sizes((30, 40)) == [(40, 33), (32, 40)]
    assert inputs.style_sizes((600, 800)) == [(120, 100), (40, 50)]
    for style, size in zip(inputs.styles((30, 40)), [(40, 33), (32, 40)], strict=True):
        assert style.shape == (1, *size, 3)
    for style, painting in zip(inputs.styles((600, 800)), paintings, strict=True):
        np.testing.assert_allclose(style, painting, atol=1e-6)


def test_style_size_makes_the_strokes_larger(make):
    assert make(style_size=1.25).style_sizes((60, 80)) == [(100, 83), (40, 50)]
    assert make(style_size=0.5).style_sizes((60, 80)) == [(40, 33), (32, 40)]


def test_stretched_styles_have_the_photos_size(make):
    inputs = make(stretch_style=True)
    assert inputs.style_sizes((60, 80)) == [(60, 80)] * 2
    assert [style.shape for style in inputs.styles((60, 80))] == [(1, 60, 80, 3)] * 2


def test_the_photo_is_resized_as_set(make, photo):
    hows = ("lanczos", "area", "bilinear", "nearest")
    lanczos, area, bilinear, nearest = (make(interpolation=how).photo((20, 30)) for how in hows)
    np.testing.assert_array_equal(lanczos, resize_photo(photo, (20, 30)))
    np.testing.assert_allclose(area, tf.image.resize(photo, (20, 30), antialias=True), atol=1e-6)
    np.testing.assert_allclose(bilinear, tf.image.resize(photo, (20, 30)), atol=1e-6)
    np.testing.assert_array_equal(nearest, pick_nearest(photo, (20, 30)))
    assert np.abs(area - bilinear).max() > 0.01 and np.abs(bilinear - nearest).max() > 0.01


def test_a_photo_at_its_own_size_is_the_photo(make, photo):
    for how in ("lanczos", "area", "bilinear", "nearest"):
        np.testing.assert_allclose(make(interpolation=how).photo((60, 80)), photo, atol=1e-6)


# --- Colours


@pytest.mark.parametrize(
    ("how", "recolour"),
    [
        ("luminance", match_luminance),
        ("histogram", match_histogram),
        ("coral", match_covariance),
        ("none", lambda style, photo: style),
    ],
)
def test_styles_are_recoloured_as_the_photo(make, photo, paintings, how, recolour):
    inputs = make(preserve_color=how)
    got = inputs.styles((1000, 1000))  # Their own sizes.
    for style, painting in zip(got, paintings, strict=True):
        np.testing.assert_allclose(style, recolour(painting, photo), atol=1e-6)
        # What is done to the styles is seen.
        assert (np.abs(style - painting).max() > 0.05) == (how != "none")


def test_luminance_paints_in_the_photos_colours(make, photo):
    # Greys near the photo's own light, so that no colour leaves the range.
    painted = 0.5 * photo + 0.25
    got = make(preserve_color="luminance").finish(painted, (60, 80))
    inside = ((got > 0) & (got < 1)).all(axis=-1)
    assert inside.mean() > 0.5
    np.testing.assert_allclose(luminance(got)[inside], luminance(painted)[inside], atol=1e-5)
    chroma = [image - luminance(image) for image in (got, photo)]
    np.testing.assert_allclose(chroma[0][inside], chroma[1][inside], atol=1e-5)


@pytest.mark.parametrize("how", ["none", "histogram", "coral"])
def test_other_colours_are_left_as_painted(make, how):
    painted = np.random.default_rng(0).uniform(size=(1, 60, 80, 3)).astype(np.float32)
    got = make(preserve_color=how).finish(painted, (60, 80))
    np.testing.assert_allclose(got, painted, atol=1e-6)


# --- The finished picture


def test_a_finished_picture_has_the_size_and_the_range(make):
    painted = np.random.default_rng(0).normal(0.5, 2, (1, 30, 40, 3)).astype(np.float32)
    got = make().finish(painted, (60, 80))
    assert got.shape == (1, 60, 80, 3) and got.dtype == np.float32
    assert isinstance(got, np.ndarray)
    assert got.min() == 0.0 and got.max() == 1.0
    same = make().finish(painted, (30, 40))
    np.testing.assert_allclose(same, np.clip(painted, 0, 1), atol=1e-6)


# --- Regions


def test_each_style_has_its_region(make):
    inputs = make(weights=[1, 3], masks=[left(), None])
    assert [region.shape for region in inputs.regions] == [(1, 60, 80, 1)] * 2
    np.testing.assert_array_equal(inputs.regions[0][0, :, :, 0], left())
    np.testing.assert_array_equal(inputs.regions[1], np.ones((1, 60, 80, 1)))
    # A quarter and three of the shares; half the pixels weigh as much as the root of a half.
    (first, strength), (second, other) = inputs.region_weights
    assert (first, second) == (0, 1)
    assert strength == pytest.approx(0.25 * 2 * np.sqrt(0.5), rel=1e-6)
    assert other == pytest.approx(0.75 * 2, rel=1e-6)


def test_one_mask_for_one_style(make, paintings):
    inputs = make(paintings[:1], masks=left())
    np.testing.assert_array_equal(inputs.regions[0][0, :, :, 0], left())


def test_what_no_style_paints_stays_the_photo(make, photo, paintings):
    painted = 1 - photo
    soft = np.tile(np.linspace(0, 1, 80, dtype=np.float32), (60, 1))
    for mask in (left(), soft):
        got = make(paintings[:1], masks=[mask]).finish(painted, (60, 80))
        m = mask[np.newaxis, :, :, np.newaxis]
        np.testing.assert_allclose(got, m * painted + (1 - m) * photo, atol=1e-6)
        np.testing.assert_array_equal(got[:, mask == 0], photo[:, mask == 0])


def test_regions_that_overlap_are_painted_once(make, photo):
    painted = 1 - photo
    got = make(masks=[left(), left()]).finish(painted, (60, 80))
    np.testing.assert_allclose(got[:, :, :40], painted[:, :, :40], atol=1e-6)
    np.testing.assert_allclose(got[:, :, 40:], photo[:, :, 40:], atol=1e-6)
    # And two halves are the whole.
    whole = make(masks=[left(), 1 - left()]).finish(painted, (60, 80))
    np.testing.assert_allclose(whole, painted, atol=1e-6)


def test_regions_follow_the_pictures_size(make, photo):
    inputs = make(masks=[left(), left()])
    painted = np.ones((1, 30, 40, 3), np.float32)
    got = inputs.finish(painted, (30, 40))
    np.testing.assert_allclose(got[:, :, :18], 1.0, atol=1e-6)
    np.testing.assert_allclose(got[:, :, 22:], inputs.photo((30, 40))[:, :, 22:], atol=1e-6)


@pytest.mark.parametrize("more", [0, 7])
def test_masks_of_another_size_are_fitted_with_a_warning_if_they_change_in_shape(
    make, caplog, more
):
    with caplog.at_level(logging.WARNING, "kerasart"):
        inputs = make(masks=[left(30, 40 + more), None], style_masks=[None, left(20, 25 + more)])
    assert len(caplog.records) == (2 if more else 0)
    assert inputs.regions[0].shape == (1, 60, 80, 1)
    # A style's mask has its style's own size.
    assert inputs.style_masks[0] is None and inputs.style_masks[1].shape == (1, 40, 50, 1)


def test_without_style_masks_there_is_a_none_for_each(make):
    assert make().style_masks == [None, None]


@pytest.mark.parametrize("name", ["masks", "style_masks"])
def test_a_mask_is_needed_for_each_style(make, name):
    for masks in (left(), [left()], [None] * 3):
        count = len(masks) if isinstance(masks, list) else 1
        with pytest.raises(ValueError, match=f"or None, for each of 2 styles. Received: {count}$"):
            make(**{name: masks})


def test_what_is_no_mask(make):
    with pytest.raises(ValueError, match="`content_masks`"):
        make(masks=[left(), np.zeros((60, 80))])
    with pytest.raises(ValueError, match="`style_masks`"):
        make(style_masks=[np.full((120, 100), 7.0), None])
