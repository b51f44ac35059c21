import numpy as np
import pytest
from network_checks import make_picture

from kerasart import Manner, Picture, Stylizer, fit_manner, refine, style_transfer, stylize

PHOTO = make_picture(40, 52)
A, B = make_picture(48, 64, 1), make_picture(56, 44, 2)
STEPS = 3

pytestmark = pytest.mark.usefixtures("eagerly")


@pytest.fixture
def arguments(slim_vgg16):
    return {"backbone": slim_vgg16, "precision": "float32"}


def by_hand(styles, start, arguments, **options):
    return style_transfer(
        PHOTO, styles, start=start, steps=STEPS, size=52, smallest=52, **options, **arguments
    )


def test_it_goes_on_from_the_picture_of_one_pass(manner, arguments):
    seen = []
    result = refine(
        PHOTO, A, STEPS, manner, on_step=lambda progress: seen.append(progress.step), **arguments
    )
    start = stylize(PHOTO, A, manner, "float32")
    expected = by_hand([A], start, arguments)
    np.testing.assert_array_equal(result.image, expected.image)
    assert list(result.history) == list(expected.history) and seen == [1, 2, 3]
    assert result.image.shape == PHOTO.shape
    from_photo = by_hand([A], None, arguments)
    assert np.abs(from_photo.image - result.image).mean() > 0.02


def test_weights_levels_and_transparent_parts_are_those_of_the_one_pass(manner, arguments):
    mask = np.zeros((1, 48, 64, 1), np.float32)
    mask[:, :, 20:] = 1
    cut = Picture(A, mask)
    style = {"coarse": [(cut, 3.0), (B, 1.0)], "fine": B}
    result = refine(PHOTO, style, STEPS, manner, **arguments)
    start = stylize(PHOTO, style, manner, "float32")
    expected = by_hand(
        [A, B, B],
        start,
        arguments,
        style_weights=[3, 1, 1],
        style_levels=["coarse", "coarse", "fine"],
        style_masks=[mask, None, None],
    )
    np.testing.assert_array_equal(result.image, expected.image)


def test_colours_masks_and_tiles_are_those_of_style_transfer(manner, arguments):
    mask = np.zeros((40, 52), np.float32)
    mask[:, 26:] = 1
    options = {"preserve_color": "luminance", "content_masks": mask}
    result = refine(PHOTO, A, STEPS, manner, **options, **arguments)
    start = stylize(PHOTO, A, manner, "float32", preserve_color="luminance")
    expected = by_hand([A], start, arguments, **options)
    np.testing.assert_array_equal(result.image, expected.image)
    np.testing.assert_array_equal(result.image[:, :, :24], PHOTO[:, :, :24])


def test_the_fitted_manner_is_nearer_and_painted_by_the_network(manner, arguments):
    style, seen = {"coarse": A, "fine": B}, []
    stylizer = Stylizer(manner, "float32")
    result = fit_manner(PHOTO, style, 5, manner, on_step=seen.append, **arguments)
    losses = np.sum(list(result.history.values()), axis=0)
    assert losses[-1] < 0.97 * losses[0] and len(seen) == 5
    latent = stylizer.latent(PHOTO, style)
    assert latent.code.shape == (1, 3, 5)
    np.testing.assert_allclose(latent.decode(latent.code), stylizer(PHOTO, style), atol=1e-4)
    assert result.image.shape == PHOTO.shape


def test_only_a_network_with_codes_can_be_fitted(adain):
    with pytest.raises(ValueError, match="`model` must be a MannerNet. Received: AdaIN"):
        fit_manner(PHOTO, A, STEPS, adain)


@pytest.mark.parametrize(
    "style", ["ink", {"ink": 1.0}, {"coarse": "ink", "fine": A}, [], Manner(1)]
)
def test_names_are_refused(manner, style):
    with pytest.raises(ValueError, match="`style` must be pictures, since .* Received: "):
        refine(PHOTO, style, STEPS, manner)
