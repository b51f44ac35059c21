import numpy as np
import pytest

from kerasart.optimization.tiles import plan_tiles


@pytest.mark.parametrize("seed", range(30))
def test_each_pixel_is_one_tiles_own_and_halos_are_whole(seed):
    random = np.random.default_rng(seed)
    size = tuple(random.integers(33, 701, 2).tolist())
    stride = int(2 ** random.integers(0, 5))
    halo = stride * int(random.integers(0, 7))
    side = int(2 * halo + stride + random.integers(0, 300))
    owned = np.zeros(size, int)
    for spans in plan_tiles(size, side, halo, stride):
        owned[tuple(slice(span.start, span.stop) for span in spans)] += 1
        for span, length in zip(spans, size, strict=True):
            assert span.start % stride == span.padded_start % stride == 0
            assert span.stop % stride == 0 or span.stop == length
            assert span.padded_stop - span.padded_start <= side
            assert span.padded_start == max(span.start - halo, 0)
            assert span.padded_stop >= min(span.stop + halo, length)
    assert (owned == 1).all()


def test_a_side_that_fits_is_not_cut():
    tiles = plan_tiles((100, 500), 200, 16, 8)
    assert {rows for rows, _ in tiles} == {(0, 100, 0, 100)}
    assert len(tiles) == 3


def test_tiles_are_about_equal():
    tiles = plan_tiles((64, 1000), 300, 32, 16)
    widths = [columns.stop - columns.start for _, columns in tiles]
    assert len(widths) == 5 and max(widths) - min(widths) <= 16 * 5


def test_tiles_with_nothing_of_their_own_are_refused():
    with pytest.raises(
        ValueError, match="`tile` must be at least 80 pixels, .* 32 .* Received: 79"
    ):
        plan_tiles((1000, 1000), 79, 32, 16)
