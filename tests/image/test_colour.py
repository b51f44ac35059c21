import numpy as np
import pytest
from PIL import Image
from scipy.linalg import sqrtm
from scipy.stats import rankdata

from kerasart.image.colour import (
    luminance,
    match_covariance,
    match_histogram,
    match_luminance,
    replace_luminance,
)

MATCHERS = [match_luminance, match_histogram, match_covariance]

generator = np.random.default_rng(0)


def noise(height, width, low=0.0, high=1.0):
    return generator.uniform(low, high, (1, height, width, 3)).astype(np.float32)


def cloud(height, width, mean, spread):
    """Pixels around a colour, with channels that depend on one another and nothing to clip."""
    pixels = generator.uniform(-1, 1, (1, height, width, 3)) @ np.array(spread) + mean
    assert pixels.min() > 0
    assert pixels.max() < 1
    return pixels.astype(np.float32)


WARM = cloud(20, 30, (0.6, 0.5, 0.3), [[0.1, 0.05, 0.0], [0.02, 0.1, 0.03], [0.1, 0.0, 0.08]])
COLD = cloud(25, 17, (0.3, 0.4, 0.6), [[0.05, 0.0, 0.1], [0.1, 0.12, 0.0], [0.0, 0.06, 0.1]])


def constant(colour, height=4, width=5):
    return np.broadcast_to(np.float32(colour), (1, height, width, 3))


def covariance(image):
    return np.cov(image.reshape(-1, 3).astype(np.float64), rowvar=False, bias=True)


def mean(image):
    return image.reshape(-1, 3).mean(axis=0, dtype=np.float64)


# --- Luminance


def test_luminance_is_that_of_pillow():
    pixels = generator.integers(0, 256, (6, 9, 3)).astype(np.uint8)
    grey = luminance(pixels)
    assert grey.shape == (1, 6, 9, 1)
    assert grey.dtype == np.float32
    expected = np.asarray(Image.fromarray(pixels).convert("L")) / 255
    np.testing.assert_allclose(grey[0, ..., 0], expected, atol=0.6 / 255)


def test_luminance_stays_in_range():
    assert luminance(constant((1, 1, 1))).max() == 1
    assert luminance(constant((0, 0, 0))).min() == 0


def chroma(image):
    """Cb and Cr of JPEG (ITU-T T.871), without their offset."""
    red, green, blue = np.moveaxis(image.astype(np.float64), -1, 0)
    cb = -0.1687 * red - 0.3313 * green + 0.5 * blue
    cr = 0.5 * red - 0.4187 * green - 0.0813 * blue
    return np.stack([cb, cr])


def test_replaced_luminance():
    photo, image = noise(7, 9, 0.4, 0.6), noise(7, 9, 0.4, 0.6)
    painted = replace_luminance(photo, image)
    assert painted.dtype == np.float32
    assert 0 < painted.min() < painted.max() < 1  # nothing to clip
    np.testing.assert_allclose(luminance(painted), luminance(image), atol=1e-6)
    np.testing.assert_allclose(chroma(painted), chroma(photo), atol=1e-4)


def test_a_photo_keeps_itself():
    photo = noise(3, 5)
    np.testing.assert_array_equal(replace_luminance(photo, photo), photo)


def test_replaced_luminance_is_clipped():
    painted = replace_luminance(constant((1, 0, 0)), constant((1, 1, 1)))
    np.testing.assert_allclose(painted, constant((1, 0.701, 0.701)), atol=1e-6)


def test_replaced_luminance_of_another_size():
    with pytest.raises(ValueError) as error:
        replace_luminance(noise(4, 5), noise(5, 4))
    assert str(error.value) == (
        "`image` must have the height and width of `photo`, (4, 5). Received: (5, 4)"
    )


def test_matched_luminance():
    style, photo = noise(8, 6), noise(5, 9, 0.3, 0.6)
    grey = match_luminance(style, photo)
    assert grey.shape == style.shape
    assert grey.dtype == np.float32
    assert (grey == grey[..., :1]).all()
    assert 0 < grey.min() < grey.max() < 1
    wanted = luminance(photo).astype(np.float64)
    np.testing.assert_allclose(grey.mean(dtype=np.float64), wanted.mean(), atol=1e-6)
    np.testing.assert_allclose(grey.std(dtype=np.float64), wanted.std(), atol=1e-6)
    order = np.argsort(luminance(style), axis=None)
    assert (np.diff(grey[..., 0].ravel()[order]) >= 0).all()


def test_matched_luminance_is_clipped():
    bright = np.concatenate([constant((1, 1, 1)), constant((0.5, 0.5, 0.5))], axis=1)
    dark_with_a_light = np.concatenate([constant((0, 0, 0))] * 9 + [constant((1, 1, 1))], axis=1)
    grey = match_luminance(dark_with_a_light, bright)
    assert grey.max() == 1
    assert grey.min() > 0


# --- Histograms


def hazen(values, reference):
    """The quantiles of the reference at the ranks of the values, as SciPy and NumPy see them."""
    ranks = (rankdata(values, axis=None) - 0.5) / values.size
    return np.quantile(reference, ranks, method="hazen").reshape(values.shape)


def test_histogram_of_the_same_size_is_met_exactly():
    image, reference = noise(6, 8), noise(6, 8, 0.2, 0.5)
    matched = match_histogram(image, reference)
    assert matched.dtype == np.float32
    assert matched.shape == image.shape
    for i in range(3):
        values = matched[..., i].ravel()
        np.testing.assert_array_equal(np.sort(values), np.sort(reference[..., i].ravel()))
        np.testing.assert_array_equal(np.argsort(values), np.argsort(image[..., i].ravel()))


@pytest.mark.parametrize("size", [(3, 4), (20, 30)])
def test_histogram_of_another_size(size):
    image, reference = noise(7, 9), noise(*size) ** 2
    matched = match_histogram(image, reference)
    for i in range(3):
        expected = hazen(image[..., i], reference[..., i])
        np.testing.assert_allclose(matched[..., i], expected, atol=1e-6)


def test_equal_values_stay_equal():
    image = noise(9, 11).round(1)
    reference = noise(8, 8).round(2)
    matched = match_histogram(image, reference)
    for i in range(3):
        pairs = {*zip(image[..., i].ravel(), matched[..., i].ravel(), strict=True)}
        assert len(pairs) == len(np.unique(image[..., i]))
        expected = hazen(image[..., i], reference[..., i])
        np.testing.assert_allclose(matched[..., i], expected, atol=1e-6)


def test_histogram_of_itself():
    image = noise(9, 11).round(1)
    np.testing.assert_array_equal(match_histogram(image, image), image)


def test_constant_picture_gets_the_medians():
    reference = noise(5, 5)
    medians = np.median(reference.reshape(-1, 3), axis=0)
    matched = match_histogram(constant((0.1, 0.2, 0.3)), reference)
    np.testing.assert_allclose(matched, constant(medians), atol=1e-6)


# --- Covariances


def test_mean_and_covariance_are_met():
    matched = match_covariance(WARM, COLD)
    assert matched.dtype == np.float32
    assert matched.shape == WARM.shape
    assert 0 < matched.min() < matched.max() < 1  # nothing to clip
    np.testing.assert_allclose(mean(matched), mean(COLD), atol=1e-6)
    np.testing.assert_allclose(covariance(matched), covariance(COLD), atol=1e-7)


def test_the_map_has_symmetric_roots():
    root, new_root = (np.real(sqrtm(covariance(image))) for image in (WARM, COLD))
    centred = WARM.reshape(-1, 3).astype(np.float64) - mean(WARM)
    expected = centred @ (new_root @ np.linalg.inv(root)).T + mean(COLD)
    matched = match_covariance(WARM, COLD)
    np.testing.assert_allclose(matched.reshape(-1, 3), expected, atol=1e-6)


def test_covariance_of_itself(cat):
    np.testing.assert_allclose(match_covariance(cat, cat), cat, atol=0.5 / 255)


def test_covariance_is_clipped():
    matched = match_covariance(WARM, np.round(noise(10, 10)))
    assert matched.min() == 0
    assert matched.max() == 1


def test_grey_picture_varies_along_one_line():
    grey = np.repeat(WARM[..., :1], 3, axis=-1)
    matched = match_covariance(grey, COLD)
    np.testing.assert_allclose(mean(matched), mean(COLD), atol=1e-6)
    deviations = np.sqrt(np.abs(np.linalg.eigvalsh(covariance(matched))))
    assert deviations[1] < 1e-5
    assert deviations[2] > 0.02


def test_grey_reference_makes_grey():
    grey = np.repeat(COLD[..., :1], 3, axis=-1)
    matched = match_covariance(WARM, grey)
    assert np.ptp(matched, axis=-1).max() < 1e-5
    np.testing.assert_allclose(covariance(matched), covariance(grey), atol=1e-6)


def test_traces_of_colour_are_not_blown_up():
    grey = np.repeat(WARM[..., :1], 3, axis=-1)
    tinted = grey + 0.0005 * (noise(20, 30) - 0.5)
    change = match_covariance(tinted, COLD) - match_covariance(grey, COLD)
    assert change.std() < 0.01  # against some 0.08 in the reference


# --- All


def test_pictures_of_one_pixel():
    pixel, picture = constant((0.2, 0.4, 0.8), 1, 1), noise(4, 6)
    grey = luminance(picture).mean()
    for matcher, expected in [
        (match_luminance, (grey, grey, grey)),
        (match_histogram, np.median(picture.reshape(-1, 3), axis=0)),
        (match_covariance, mean(picture)),
    ]:
        np.testing.assert_allclose(
            matcher(pixel, picture), constant(expected, 1, 1), atol=1e-6, err_msg=matcher.__name__
        )
    np.testing.assert_allclose(replace_luminance(pixel, pixel), pixel)


@pytest.mark.parametrize("matcher", MATCHERS)
def test_constant_references(matcher):
    colour = (0.3, 0.3, 0.3) if matcher is match_luminance else (0.2, 0.4, 0.8)
    matched = matcher(noise(6, 7), constant(colour, 2, 3))
    np.testing.assert_allclose(matched, constant(colour, 6, 7), atol=1e-6)


@pytest.mark.parametrize("matcher", MATCHERS)
def test_constant_pictures_stay_constant(matcher):
    matched = matcher(constant((0.1, 0.7, 0.3), 40, 50), noise(6, 7))
    np.testing.assert_allclose(matched, constant(mean(matched), 40, 50), atol=1e-6)


@pytest.mark.parametrize("function", [*MATCHERS, replace_luminance])
def test_bytes_are_welcome(function):
    image = generator.integers(0, 256, (5, 6, 3)).astype(np.uint8)
    reference = generator.integers(0, 256, (5, 6, 3)).astype(np.uint8)
    expected = function(*(np.float32(picture / 255)[np.newaxis] for picture in (image, reference)))
    changed = function(image, reference)
    assert changed.shape == (1, 5, 6, 3)
    np.testing.assert_allclose(changed, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (match_luminance, ("style", "photo")),
        (match_histogram, ("image", "reference")),
        (match_covariance, ("image", "reference")),
        (replace_luminance, ("photo", "image")),
    ],
)
def test_errors_name_the_picture(function, names):
    good, bad = noise(3, 3), np.full((3, 3, 3), np.nan)
    with pytest.raises(ValueError, match=f"^`{names[0]}` must hold .* Received: "):
        function(bad, good)
    with pytest.raises(ValueError, match=f"^`{names[1]}` must hold .* Received: "):
        function(good, bad)
