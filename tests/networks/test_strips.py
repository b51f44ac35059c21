import numpy as np
import pytest
from network_checks import check_paints_as, make_picture, make_styles

from kerasart.kernels.precision import choose_precision
from kerasart.networks import recast
from kerasart.networks.strips import paint_in_strips

TALL = 75, 26  # So tall that inner strips of an encoder do not see all the rest.


def in_strips(network, rows):
    """A network as it paints in strips of so many rows."""

    def paint(image, style, strength):
        painted = paint_in_strips(network, image, network.encode_style(style), strength, rows)
        assert isinstance(painted, np.ndarray)
        return painted

    return paint


def test_strips_are_not_what_each_would_be_alone(style_network):
    photo, style = make_picture(*TALL), make_styles(style_network)[1]
    whole, alone = style_network(photo, style), style_network(photo[:, :40], style)
    assert np.abs(whole[:, :40] - alone).max() > 0.05


@pytest.mark.parametrize("rows", [4, 20])
def test_strips_equal_the_whole(style_network, rows):
    least = style_network.least_size
    sizes = (least, least), (19, 40), (26, least + 2)
    check_paints_as(style_network, in_strips(style_network, rows), 5e-5, sizes)


@pytest.mark.parametrize("rows", [16, 30, 72, 76, 1000])
def test_strips_of_any_height(style_network, rows):
    check_paints_as(style_network, in_strips(style_network, rows), 5e-5, [TALL])


@pytest.mark.skipif(choose_precision("auto") != "bfloat16", reason="no fast bfloat16 here")
def test_bfloat16_in_strips_is_near(tiny_network):
    network = recast(tiny_network, "bfloat16")
    assert check_paints_as(network, in_strips(network, 32), 0.05, [TALL]) < 0.01


def test_nothing_beyond_the_reach_of_the_encoder_is_seen(adain):
    assert TALL[0] > 8 + 2 * adain.encoder.reach
    # What makes strips of an encoder right at all.
    halo, photo = -(-adain.encoder.reach // adain.stride), make_picture(160, 16)
    cut = adain.encode(photo[:, 8 * (10 - halo) :]).numpy()
    expected = adain.encode(photo).numpy()[:, 10:]
    np.testing.assert_allclose(cut[:, halo:], expected, rtol=1e-4, atol=1e-2)
