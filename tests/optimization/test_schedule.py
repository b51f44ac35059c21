import numpy as np

from kerasart.optimization import octave_sizes


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
