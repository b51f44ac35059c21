import math
import os
import re
import subprocess
import sys

import pytest

from kerasart.objectives import Activation, Objective, TotalVariation
from kerasart.optimization import (
    LBFGS,
    Adam,
    Descent,
    Fourier,
    GradientFilters,
    KerasOptimizer,
    NormalizedGradient,
    Transforms,
    choose_tile,
    count_images,
)

GIB = 2**30
DREAM = Objective([Activation("fire2")])


def descent(backbone, objective=DREAM, optimizer=None, **options):
    return Descent(backbone, objective, optimizer or NormalizedGradient(0.01), **options)


@pytest.fixture
def dream(squeezenet):
    return descent(squeezenet)


def test_what_fits_is_looked_at_whole(dream):
    assert choose_tile(dream, (100, 100), memory=16) is None
    assert choose_tile(dream, (100, 100), "none", memory=16) is None


def test_what_does_not_fit_is_looked_at_in_the_largest_tiles_that_do(dream):
    whole = choose_tile(dream, (2000, 3000), memory=1)
    assert 500 < whole < 2449  # sqrt(2000 * 3000)
    assert choose_tile(dream, (2000, 3000), memory=0.8) < whole


def test_optimizers_that_remember_more_leave_less_for_tiles(squeezenet):
    optimizers = NormalizedGradient(0.01), Adam(), KerasOptimizer("adam")
    descents = [descent(squeezenet, optimizer=each) for each in optimizers]
    sides = [choose_tile(each, (2000, 2000), memory=2.2) for each in descents]
    assert sides == sorted(sides, reverse=True) and len(set(sides)) == 3
    with pytest.raises(MemoryError, match="even in the smallest tiles"):
        choose_tile(descent(squeezenet, optimizer=LBFGS()), (2000, 2000), memory=2.2)


@pytest.mark.parametrize(
    "more",
    [
        {"objective": DREAM + TotalVariation()},
        {"average": 0.9},
        {"parameterization": Fourier()},
        {"transform": Transforms(scale=0.1)},
        {"transform": Transforms(degrees=5.0)},
        {"gradient_filter": GradientFilters(deviation=1.0)},
    ],
)
def test_all_that_a_step_holds_leaves_less_for_tiles(squeezenet, dream, more):
    other = descent(squeezenet, **more)
    assert count_images(other) > count_images(dream)
    # What is held of the whole picture is as much less for tiles.
    pixels = 3000**2
    more_held = (count_images(other) - count_images(dream)) * 12 * pixels / GIB
    assert choose_tile(other, (3000, 3000), memory=2 + more_held) == pytest.approx(
        choose_tile(dream, (3000, 3000), memory=2), abs=1
    )


def test_images_that_are_held_besides_leave_less_for_tiles(dream):
    sides = [choose_tile(dream, (3000, 3000), memory=2, images=images) for images in (0, 4)]
    assert sides[0] > sides[1]


def test_statistics_of_style_leave_less_for_tiles(dream):
    sides = [
        choose_tile(dream, (2000, 2000), memory=1.5, is_style=is_style)
        for is_style in (False, True)
    ]
    assert sides[1] == pytest.approx(sides[0] * math.sqrt(1.5 / 3.0), rel=1e-2)


def test_the_side_of_tiles_can_be_chosen(dream):
    assert choose_tile(dream, (10**5, 10**5), 300, memory=1) == 300


def test_without_tiles_what_does_not_fit_is_told_what_would(dream):
    with pytest.raises(MemoryError) as caught:
        choose_tile(dream, (4000, 8000), "none", memory=1)
    message = str(caught.value)
    assert "8000x4000" in message and "squeezenet" in message and "1.0 GiB may be used" in message
    side = int(re.search(r"--size=(\d+)", message)[1])
    assert choose_tile(dream, (side // 2, side), "none", memory=1) is None
    # It is no more modest than it must be.
    with pytest.raises(MemoryError):
        choose_tile(dream, (side * 11 // 20, side * 11 // 10), "none", memory=1)


def test_pixels_themselves_must_fit(dream):
    with pytest.raises(MemoryError, match="even in the smallest tiles"):
        choose_tile(dream, (20000, 20000), memory=1)


def test_deeper_features_need_more(squeezenet):
    shallow, deep = (descent(squeezenet.cut([layer])) for layer in ("conv1", "fire9"))
    per_pixel = 1.5 * shallow.backbone.bytes_per_pixel() + 12 * count_images(shallow)
    memory = 300 * 300 * per_pixel / GIB
    assert choose_tile(shallow, (300, 300), "none", memory=memory * 1.001) is None
    with pytest.raises(MemoryError):
        choose_tile(deep, (300, 300), "none", memory=memory * 1.001)


def test_the_machine_is_asked(dream):
    assert choose_tile(dream, (64, 64)) is None
    with pytest.raises(MemoryError):
        choose_tile(dream, (10**7, 10**7))


@pytest.mark.parametrize("tile", ["some", 0, -5, 2.5])
def test_other_tiles_are_refused(dream, tile):
    with pytest.raises(ValueError, match="`tile` must be auto, none, or .* Received: "):
        choose_tile(dream, (64, 64), tile)


@pytest.mark.parametrize("memory", [0, -1, math.inf, math.nan])
def test_other_memory_is_refused(dream, memory):
    with pytest.raises(ValueError, match="`memory` must be more than 0, in GiB. Received: "):
        choose_tile(dream, (64, 64), memory=memory)


# By ascent a tile and its features are among 14.9; as operations that are not compiled it was 17.8.
# By Adam and Fourier coefficients, turned at random, 32 were the most that was seen.
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(("preset", "most"), [("ascent", 16.5), ("animals", 38)])
def test_a_step_in_tiles_keeps_few_images_in_memory(preset, most):
    code = """
import sys
import threading
import numpy as np
from kerasart import deep_dream

def resident():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS"))

def dream(side, tile):
    image = np.random.default_rng(0).random((side, side, 3), np.float32)
    deep_dream(image, sys.argv[1], "squeezenet", layers={"fire2": 1.0}, octaves=(0, 0), steps=2,
               tile=tile, precision="float32", smoothness=0.5)
    return image.nbytes

dream(160, 96)
before, most, done = resident(), [0], threading.Event()

def watch():
    while not done.wait(0.005):
        most[0] = max(most[0], resident())

watcher = threading.Thread(target=watch)
watcher.start()
size = dream(1024, 384)
done.set()
watcher.join()
print((most[0] - before) / size)
"""
    # With TensorFlow's own allocator, as users have it.
    usual = os.environ | {"TF_ONEDNN_USE_SYSTEM_ALLOCATOR": "0"}
    command = [sys.executable, "-c", code, preset]
    done = subprocess.run(command, env=usual, capture_output=True, text=True, check=True)
    assert 3 < float(done.stdout) < most
