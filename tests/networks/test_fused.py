import numpy as np
import pytest
from network_checks import FEW_SIZES, check_paints_as, compile_form, make_styles

from kerasart.kernels.precision import choose_precision
from kerasart.networks import TransformerNet
from kerasart.networks.fused import FusedNetwork


# A portable one keeps an encoder's kernels in float16.
@pytest.mark.parametrize(("portable", "atol"), [(False, 1e-5), (True, 5e-4)])
def test_one_trace_paints_as_its_network(style_network, portable, atol):
    fused = FusedNetwork(style_network, "float32", portable)
    assert fused.styles == style_network.styles
    compiled = compile_form(style_network, fused)
    atol = 1e-5 if style_network.exported_dtype is None else atol
    check_paints_as(style_network, compiled, atol)
    assert compiled.experimental_get_tracing_count() == 1


@pytest.mark.parametrize(("width", "blocks"), [(1 / 32, 2), (0.25, 0), (0.3, 2), (1.0, 1)])
def test_any_width_and_depth(width, blocks, randomise):
    network = TransformerNet(3, width, blocks)
    randomise(network)
    check_paints_as(network, FusedNetwork(network, "float32"), sizes=[(21, 30)])


def test_a_picture_without_contrast(tiny_network):
    # Where variances are 0, the epsilon under the root decides, and magnifies what was rounded.
    photo, mixture = np.full((1, 20, 20, 3), 0.5, np.float32), make_styles(tiny_network)[1]
    painted = FusedNetwork(tiny_network, "float32")(photo, mixture)
    np.testing.assert_allclose(painted, tiny_network(photo, mixture), atol=0.02)


def test_later_changes_of_the_network_do_not_reach_it(tiny_network):
    other = TransformerNet.from_config(tiny_network.get_config())
    other.set_weights(tiny_network.get_weights())
    fused = FusedNetwork(other, "float32")
    for weight in other.weights:
        weight.assign(weight * 0)
    check_paints_as(tiny_network, fused, sizes=FEW_SIZES)


@pytest.mark.skipif(choose_precision("auto") != "bfloat16", reason="no fast bfloat16 here")
def test_bfloat16_is_near(tiny_network):
    fused = FusedNetwork(tiny_network, "bfloat16")
    assert 0 < check_paints_as(tiny_network, fused, 0.05, FEW_SIZES) < 0.02
