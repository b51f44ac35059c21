"""What all style networks have in common."""

import keras
import numpy as np
import pytest
from network_checks import FEW_SIZES, check_paints_as, compile_form, make_picture, make_styles

PHOTO = make_picture(32, 40)


@pytest.fixture(scope="module")
def compiled(style_network):
    return compile_form(style_network, style_network, batch=None)


def test_one_compiled_function_serves_all_sizes(style_network, compiled):
    check_paints_as(style_network, compiled)
    assert compiled.experimental_get_tracing_count() == 1


def test_each_picture_of_a_batch_is_painted_as_if_alone(style_network, compiled):
    def second_of_three(image, style, strength):
        images = np.concatenate([image**2, image, image[:, ::-1]])
        styles = np.concatenate([style[..., ::-1], style, style**2])
        return compiled(images, styles, np.float32([0.3, *strength, 1]))[1:2]

    check_paints_as(style_network, second_of_three, sizes=FEW_SIZES)


def test_strength_goes_from_the_photo_to_the_full_style(style_network):
    style = make_styles(style_network)[1]
    paintings = [style_network(PHOTO, style, np.float32([each])) for each in (0.3, 0.6, 1.0)]
    distances = [np.abs(painted - PHOTO).mean() for painted in paintings]
    assert 0.01 < distances[0] < distances[1] < distances[2]
    np.testing.assert_allclose(style_network(PHOTO, style), paintings[2], atol=1e-6)


def test_styles_differ(style_network):
    first, second, third = (style_network(PHOTO, style) for style in make_styles(style_network))
    assert np.abs(first - second).max() > 0.05 and np.abs(first - third).max() > 0.05


def test_too_small_pictures_are_refused(style_network):
    least, style = style_network.least_size, make_styles(style_network)[0]
    for height, width in ((least - 1, 64), (64, least - 1), (1, 1)):
        small = make_picture(height, width)
        message = f"must be at least {least}x{least} .*Received: {width}x{height}"
        with pytest.raises(ValueError, match=f"`image` {message}"):
            style_network(small, style)
        if not style_network.styles:
            with pytest.raises(ValueError, match=f"`style` {message}"):
                style_network(PHOTO, small)


def test_bfloat16_is_close(style_network, tmp_path):
    # Convolutions only: of an encoder, where bfloat16 is not to be had on every machine, too.
    try:
        coarse = type(style_network).from_config(
            style_network.get_config() | {"dtype": "mixed_bfloat16"}
        )
    except ValueError:
        pytest.skip("no fast bfloat16 here")
    coarse.set_weights(style_network.get_weights())
    assert {weight.dtype for weight in coarse.weights} == {"float32"}
    assert check_paints_as(style_network, coarse, 0.05, FEW_SIZES) > 0
    coarse.save(tmp_path / "net.keras")
    again = keras.saving.load_model(tmp_path / "net.keras")
    assert again.dtype_policy.name == "mixed_bfloat16"
    style = make_styles(style_network)[1]
    np.testing.assert_array_equal(again(PHOTO, style), coarse(PHOTO, style))


def test_saved_and_loaded_it_paints_the_same(style_network, tmp_path):
    style_network.save(tmp_path / "net.keras")
    again = keras.saving.load_model(tmp_path / "net.keras")
    assert again.get_config() == style_network.get_config()
    check_paints_as(style_network, again, 0, FEW_SIZES)
    style_network.save_weights(tmp_path / "net.weights.h5")
    fresh = type(style_network).from_config(style_network.get_config())
    assert [each.shape for each in fresh.weights] == [each.shape for each in style_network.weights]
    fresh.load_weights(tmp_path / "net.weights.h5")
    style = make_styles(style_network)[1]
    np.testing.assert_array_equal(fresh(PHOTO, style), style_network(PHOTO, style))
