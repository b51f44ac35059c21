import gc
import logging
import weakref

import numpy as np
import pytest

from kerasart.applications.dream_inputs import DreamInputs
from kerasart.image.resizing import resize, resize_photo
from kerasart.settings.dream import DreamSettings


@pytest.fixture(scope="module")
def photo(face):
    return np.ascontiguousarray(face[:, 10:74, 16:80])


@pytest.fixture(scope="module")
def make(photo, toy):
    def make(image=photo, mask=None, size=None, seed=0, **settings):
        settings = {"octaves": 3, "octave_scale": 1.4} | settings
        cut = toy.cut(["conv3"])
        return DreamInputs(image, mask, size, DreamSettings("conv3", **settings), cut, seed)

    return make


def test_octaves_rise_to_the_size_of_the_photo(make):
    inputs = make()
    assert inputs.sizes == [(32, 32), (45, 45), (64, 64)] and inputs.size == (64, 64)
    assert [inputs.photo(octave).shape[1:3] for octave in range(3)] == inputs.sizes
    assert make(size=48).sizes[-1] == make(size=48).size == (48, 48)


def test_octaves_too_small_for_the_network_are_left_out(make, caplog):
    with caplog.at_level(logging.WARNING, "kerasart"):
        sizes = make(octaves=9, octave_scale=2.0).sizes
    assert 1 <= len(sizes) < 9 and sizes[-1] == (64, 64)
    assert f"{9 - len(sizes)} of 9 octaves left out: too small for toy" in caplog.text
    with pytest.raises(ValueError, match="`image` must be at least .*Received: 4x3$"):
        make(np.zeros((3, 4, 3), np.uint8))


def test_a_dream_from_nothing(make, photo):
    assert make(None, init="noise").size == (512, 512)
    noise = make(init="noise", seed=3).image
    assert noise.shape == photo.shape
    np.testing.assert_array_equal(noise, make(None, init="noise", size=64, seed=3).image)
    assert (noise != make(init="noise", seed=4).image).any()
    with pytest.raises(ValueError, match="`image` must be given where `init` is photo"):
        make(None)


def test_what_the_first_octave_starts_from(make, photo):
    plain, noisy = make(), make(init_noise=0.1, seed=3)
    np.testing.assert_array_equal(plain.start(), plain.photo(0))
    noise = np.random.default_rng(3).normal(0.0, 0.1, (1, *noisy.sizes[0], 3))
    expected = np.clip(np.asarray(noisy.photo(0)) + noise, 0, 1)
    np.testing.assert_allclose(noisy.start(), expected, atol=1e-6)


@pytest.mark.parametrize("detail", ["before", "after"])
def test_where_nothing_is_dreamed_the_photo_comes_back(make, photo, detail):
    inputs = make(detail=detail)
    image = inputs.start()
    for octave in (1, 2):
        if detail == "before":
            np.testing.assert_allclose(image, inputs.photo(octave - 1), atol=1e-6)
        image = inputs.enlarge(image, octave)
    np.testing.assert_allclose(inputs.finish(image, 2), photo, atol=1e-5)


def test_without_detail_the_photo_blurs(make, photo):
    inputs = make(detail="none")
    image = inputs.enlarge(inputs.start(), 1)
    np.testing.assert_array_equal(image, resize(inputs.photo(0), inputs.sizes[1]))
    finished = inputs.finish(inputs.enlarge(image, 2), 2)
    assert np.abs(finished - photo).max() > 0.05


def test_where_the_mask_is_0_the_photo_stays(make, photo):
    mask = np.zeros((64, 64), np.float32)
    mask[:, 32:] = 1.0
    inputs = make(mask=mask)
    finished = inputs.finish(np.clip(np.asarray(inputs.photo(2)) + 0.25, 0, 1), 2)
    np.testing.assert_array_equal(finished[:, :, :32], photo[:, :, :32])
    expected = np.clip(photo + 0.25, 0, 1)[:, :, 32:]
    np.testing.assert_allclose(finished[:, :, 32:], expected, atol=1e-6)


def test_a_photo_is_resized_as_photos_are(make, photo):
    np.testing.assert_array_equal(make(size=40).image, resize_photo(photo, (40, 40)))


def test_pictures_are_freed_with_it(make):
    gc.disable()
    try:
        inputs = make()
        inputs.enlarge(inputs.start(), 1)
        alive = weakref.ref(inputs)
        del inputs
        assert alive() is None
    finally:
        gc.enable()
