"""Damaged films of every kind: each is read, or refused in one sentence."""

import re
import time

import numpy as np
import pytest
from damage import damage
from film_files import SIZE, make_film, picture
from PIL import Image

from kerasart.film import Film

pytest.importorskip("av")

_SECONDS = 5  # For one film, on a machine that is busy with other things.
_SENTENCE = re.compile(r"Cannot read '[^\n]*'[^\n]{0,60}: [^\n]{1,600}\. Received: [^\n]{1,300}")
_VIDEOS = {
    ".mp4": {"sound": "aac"},
    ".mkv": {"sound": "libopus"},
    ".webm": {"codec": "libvpx-vp9", "sound": "libopus"},
    ".avi": {"codec": "mpeg4", "sound": "mp3"},
    ".ts": {"sound": "aac"},
}
_KINDS = [*_VIDEOS, ".gif", ".webp", ".png"]


def make_original(path):
    if path.suffix in _VIDEOS:
        return make_film(path, seconds=0.2, **_VIDEOS[path.suffix])
    first, *others = (Image.fromarray((255 * picture(i)).astype(np.uint8)) for i in range(4))
    first.save(path, save_all=True, append_images=others, duration=80)
    return path


def read_all(suffix, count, folder):
    """Reads so many damaged films; returns how many of them could be, to their ends."""
    original = make_original(folder / f"film{suffix}").read_bytes()
    random, path, whole = np.random.default_rng(sum(suffix.encode())), folder / f"a{suffix}", 0
    for number in range(count):
        path.write_bytes(damage(original, random))
        start = time.perf_counter()
        try:
            for frame in Film(path):
                assert frame.image.dtype == np.float32 and frame.image.shape[3] == 3
            whole += 1
        except (ValueError, OSError) as error:
            assert _SENTENCE.fullmatch(str(error)), (number, error)
        assert time.perf_counter() - start < _SECONDS, number
    return whole


@pytest.mark.parametrize("suffix", _KINDS)
def test_the_originals_are_read(tmp_path, suffix):
    frames = list(Film(make_original(tmp_path / f"film{suffix}")))
    assert len(frames) >= 4 and frames[0].image.shape == (1, *SIZE, 3)


@pytest.mark.parametrize("suffix", _KINDS)
def test_damaged_films_are_read_or_refused(tmp_path, capfd, suffix):
    assert 0 < read_all(suffix, 50, tmp_path) < 50
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
@pytest.mark.parametrize("suffix", _KINDS)
def test_many_damaged_films_are_read_or_refused(tmp_path, capfd, suffix):
    read_all(suffix, 1000, tmp_path)
    assert capfd.readouterr() == ("", "")
