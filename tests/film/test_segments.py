"""Segments of a film, whole and damaged: each is found as it was, or refused in one sentence."""

import json
import re

import numpy as np
import pytest
from damage import damage, damage_json

from kerasart.film.segments import SegmentFolder

IDENTITY = {"film": "a.mp4", "size": [48, 64], "rate": 0.5}
SEGMENTS = {0: [0, 40, 80], 3: [120, 160], 5: [200, 240, 280]}
STATE = {"image": np.arange(12.0).reshape(1, 2, 2, 3), "last": np.array(8)}
_SENTENCE = re.compile(r"(A film is|'[^\n]+' must) [^\n]+\. Received: [^\n]+")


@pytest.fixture
def folder(tmp_path):
    folder = SegmentFolder(tmp_path / "a.mp4.film", IDENTITY)
    folder.create()
    folder.size = (48, 64)
    for first, timestamps in SEGMENTS.items():
        folder.add(first, timestamps, [], STATE)
    return folder.path


def test_segments_are_found_as_they_were(folder):
    found = SegmentFolder(folder, IDENTITY)
    assert found.segments == SEGMENTS and found.size == (48, 64)
    assert found.state(3) is None and found.state(5) is None  # It is the last that matters.
    np.testing.assert_equal(found.state(8), STATE)


@pytest.mark.parametrize(
    "segment",
    [
        {"size": [48, 64], "timestamps": []},
        {"size": [48, 64], "timestamps": [200, 240, 240]},
        {"size": [48, 64], "timestamps": [80, 240, 280]},
        {"size": [48, 64], "timestamps": [200, 240, 2**63]},
        {"size": [48, 64], "timestamps": {"200": 1}},
        {"size": [48, 65], "timestamps": [200, 240, 280]},
        {"size": [48], "timestamps": [200, 240, 280]},
    ],
)
def test_segments_that_none_writes_are_refused(folder, segment):
    (folder / "000005.json").write_text(json.dumps(segment))
    with pytest.raises(ValueError, match="must be new, or hold segments that kerasart wrote"):
        SegmentFolder(folder, IDENTITY)


def test_segments_that_overlap_are_refused(folder):
    (folder / "000005.json").rename(folder / "000004.json")
    with pytest.raises(ValueError, match="must be new, or hold segments that kerasart wrote"):
        SegmentFolder(folder, IDENTITY)


def find_damaged(count, folder):
    """Finds so many damaged folders; returns how many of them can be."""
    random, whole = np.random.default_rng(0), 0
    originals = {path: path.read_bytes() for path in sorted(folder.iterdir())}
    for number in range(count):
        for path, data in originals.items():
            path.write_bytes(data)
        path = list(originals)[number % len(originals)]
        if path.suffix == ".json" and random.random() < 0.5:
            path.write_text(damage_json(json.loads(originals[path]), random))
        else:
            path.write_bytes(damage(originals[path], random))
        try:
            found = SegmentFolder(folder, IDENTITY)
            state = found.state(8)
        except ValueError as error:
            assert _SENTENCE.fullmatch(str(error)), (number, error)
            continue
        whole += 1
        assert found.segments.keys() == SEGMENTS.keys() and found.size == (48, 64)
        timestamps = np.concatenate(list(found.segments.values()))
        assert timestamps.dtype == np.int64 and (np.diff(timestamps) > 0).all()
        if state is not None:  # The last segment may have lost frames, and they are painted again.
            np.testing.assert_equal(state, STATE)
    return whole


def test_damaged_segments_are_found_or_refused(folder):
    assert 0 < find_damaged(500, folder) < 500


@pytest.mark.slow
def test_many_damaged_segments_are_found_or_refused(folder):
    find_damaged(20_000, folder)
