import math

import numpy as np
import pytest

from kerasart.optimization import divide_steps, fraction_done, octave_sizes, scale_sizes


def test_octaves_by_hand():
    assert octave_sizes((100, 201), -2, 1, 2.0) == [(25, 50), (50, 100), (100, 201), (200, 402)]
    assert octave_sizes((64, 48), 0, 0, 1.4) == [(64, 48)]


def test_rounded_as_the_keras_example_does():
    for side in range(75, 2000, 7):
        shape = (side, 2 * side // 3)
        example = [tuple(int(dim / (1.4**i)) for dim in shape) for i in (2, 1, 0)]
        assert octave_sizes(shape, -2, 0, 1.4) == example


def test_rounded_as_the_tensorflow_tutorial_does():
    # The tutorial multiplies in float32, whose rounding turns some whole numbers into just less:
    # 360 x 1.3 is 467 there.
    sides = np.arange(20, 3000)
    tutorial = [(sides.astype(np.float32) * np.float32(1.3**n)).astype(int) for n in range(-2, 3)]
    ours = np.array([[side for side, _ in octave_sizes((s, s), -2, 2, 1.3)] for s in sides]).T
    difference = np.abs(ours - tutorial)
    assert difference.max() <= 1
    assert (difference == 0).mean() > 0.99


def test_the_picture_itself_is_never_rounded():
    for side in range(1, 500):
        assert octave_sizes((side, side), -1, 1, 1.4)[1] == (side, side)


# --- Scales


def crowson_scales(start, end):
    """The generator of Crowson's style-transfer-pytorch, transcribed."""
    scale, i, scales = end, 0, set()
    while scale >= start:
        scales.add(scale)
        i += 1
        scale = round(end / pow(2, i / 2))
    return sorted(scales)


def test_scales_by_hand():
    sizes = scale_sizes((512, 512), 128, math.sqrt(2))
    assert sizes == [(128, 128), (181, 181), (256, 256), (362, 362), (512, 512)]
    assert scale_sizes((300, 400), 100, 2.0) == [(75, 100), (150, 200), (300, 400)]


def test_scales_are_crowsons():
    # Where halving leaves no half pixel, which rounds here and there to either side.
    for end in range(128, 1100, 8):
        sizes = scale_sizes((end // 2, end), 128, math.sqrt(2))
        assert [long_side for _, long_side in sizes] == crowson_scales(128, end)


def test_the_last_scale_is_the_picture_itself():
    for size in ((97, 451), (451, 97), (31, 30)):
        sizes = scale_sizes(size, 24, 1.3)
        assert sizes[-1] == size
        longest = [max(each) for each in sizes]
        assert longest == sorted(set(longest)) and longest[0] >= 24
        # Each keeps the proportions, to within rounding.
        for height, width in sizes:
            assert abs(height - size[0] * max(height, width) / max(size)) <= 0.5
            assert abs(width - size[1] * max(height, width) / max(size)) <= 0.5


@pytest.mark.parametrize("smallest", [65, math.inf])
def test_a_picture_smaller_than_the_smallest_scale_has_one(smallest):
    assert scale_sizes((48, 64), smallest, math.sqrt(2)) == [(48, 64)]


# --- Steps


def sizes_of(*sides):
    return [(side // 2, side) for side in sides]


def test_steps_are_shared_with_a_double_share_for_the_first():
    assert divide_steps(500, sizes_of(512)) == [500]
    assert divide_steps(600, sizes_of(256, 362, 512, 724, 1024)) == [200, 100, 100, 100, 100]
    assert divide_steps(7, sizes_of(64, 90)) == [5, 2]


def test_large_scales_get_less_as_their_long_side_is_more():
    assert divide_steps(500, sizes_of(4096)) == [500]
    assert divide_steps(475, sizes_of(512, 1024, 2048, 4096)) == [253, 127, 63, 32]
    tall = [(width, height) for height, width in sizes_of(512, 1024, 2048, 4096)]
    assert divide_steps(475, tall) == [253, 127, 63, 32]


def test_shares_add_up():
    for steps in range(1, 200):
        for scales in range(1, 9):
            shares = divide_steps(steps, sizes_of(*range(128, 128 * (scales + 1), 128)))
            assert len(shares) == scales and min(shares) >= 1
            if steps >= 2 * scales:
                assert sum(shares) == steps
                even = steps / (scales + 1)
                assert abs(shares[0] - 2 * even) <= 1
                assert all(abs(share - even) <= 1 for share in shares[1:])


def test_work_is_weighed_by_pixels():
    steps, sizes = [2, 3, 1], [(10, 10), (10, 20), (20, 20)]
    done = [fraction_done(taken, steps, sizes) for taken in range(7)]
    np.testing.assert_allclose(done, np.array([0, 100, 200, 400, 600, 800, 1200]) / 1200)
