import numpy as np
import pytest
from PIL import Image

from kerasart.applications.fast_style_training import TrainingRun
from kerasart.networks.training_styles import Collections, StylePictures
from kerasart.settings.style import FastStyleSettings

SETTINGS = FastStyleSettings({"fire3": 1.0}, {"conv1": 1.0}, size=32, batch_size=4)
BLUE = {"dawn": 80, "dusk": 160}  # Of all pictures of a collection.


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    """A folder of pictures for each collection; red tells the column, and green the row."""
    folder, found = tmp_path_factory.mktemp("collections"), {}
    for name, blue in BLUE.items():
        pixels = np.full((100, 120, 3), blue, np.uint8)
        pixels[..., 0], pixels[..., 1] = 60 + np.arange(120), 60 + np.arange(100)[:, np.newaxis]
        found[name] = [folder / f"{name}{number}.png" for number in range(2)]
        for path in found[name]:
            Image.fromarray(pixels).save(path)
    return found


def test_a_few_pictures_are_many_cuts_of_their_own_colours(paths):
    elements = list(Collections(paths, SETTINGS).dataset(0).take(40))
    assert [int(each["number"]) for each in elements] == [0, 1] * 20
    pictures = 255 * np.array([each["picture"] for each in elements])
    for number, blue in enumerate(BLUE.values()):
        np.testing.assert_allclose(pictures[number::2, ..., 2], blue, atol=1e-3)
    left, right, top, bottom = (
        pictures[:, 16, 0, 0], pictures[:, 16, -1, 0], pictures[:, 0, 16, 1], pictures[:, -1, 16, 1]
    )  # fmt: skip
    assert (bottom > top).all() and 10 < (left > right).sum() < 30
    assert len(np.unique(np.minimum(left, right).round())) > 15  # Places,
    assert np.ptp(bottom - top) > 40  # and sizes.


@pytest.mark.parametrize("kind", [StylePictures, Collections])
def test_small_pictures_do_and_smaller_are_refused_by_their_name(kind, tmp_path):
    path, name = tmp_path / "a.png", {StylePictures: "styles"}.get(kind, "collections")
    for side in (16, 15):
        Image.fromarray(np.full((side, 20, 3), side, np.uint8)).save(path)
        paths = [path] if kind is StylePictures else {"a": [path]}
        if side == 16:
            assert list(kind(paths, SETTINGS).shown) == ["a"]
        else:
            with pytest.raises(ValueError, match=f"`{name}` must hold .* of 16 pixels or more"):
                kind(paths, SETTINGS)


def test_photos_are_cut_likewise(paths):
    run = TrainingRun(None, None, paths["dawn"], Collections(paths, SETTINGS), SETTINGS)
    photos = 255 * np.concatenate([each["photo"] for each in run.batches().take(10)])
    np.testing.assert_allclose(photos[..., 2], BLUE["dawn"], atol=1e-3)
    assert 10 < (photos[:, 16, 0, 0] > photos[:, 16, -1, 0]).sum() < 30


def test_a_seed_says_all(paths):
    first, same, other = (
        np.array([each["picture"] for each in Collections(paths, SETTINGS).dataset(seed).take(8)])
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)
