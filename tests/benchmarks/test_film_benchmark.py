"""What the benchmark of films measures with, on painters that do little."""

import argparse

import numpy as np
import pytest

from benchmarks.film import (
    blended,
    error,
    farneback,
    fed_back,
    find_flows,
    one_by_one,
    paint_all,
    pan,
    parse_clip,
    read_clip,
)
from kerasart import write_animation, write_picture

pytest.importorskip("cv2")


@pytest.fixture(scope="module")
def frames():
    return pan(4)


def test_a_film_that_is_not_painted_has_the_films_own_error(frames):
    flows = {1: find_flows(frames, 1)}
    painted, _ = paint_all(one_by_one(lambda frame: frame), frames)
    assert error(painted, flows, 1) == error(frames, flows, 1) < 1e-3
    flickering = [frame + 0.1 * (-1) ** i for i, frame in enumerate(frames)]
    assert error(flickering, flows, 1) == pytest.approx(0.04, rel=0.1)
    assert np.isnan(error(frames, {8: find_flows(frames, 8)}, 8))


def test_another_judge_sees_the_same_motion(frames):
    (back, forth), *_ = find_flows(frames, 1, farneback)
    np.testing.assert_allclose(np.median(back, axis=(0, 1)), (1.7, 0.6), atol=0.1)
    np.testing.assert_allclose(np.median(forth, axis=(0, 1)), (-1.7, -0.6), atol=0.1)


def test_the_anchors_ways(frames):
    halves, _ = paint_all(blended(lambda frame: 1 - frame), frames[:2])
    np.testing.assert_allclose(halves[1], 1 - (frames[0] + frames[1]) / 2, atol=1e-6)
    fed, _ = paint_all(fed_back(lambda frame: 1 - frame), frames[:2])
    np.testing.assert_allclose(fed[1], 1 - (1 - frames[0] + frames[1]) / 2, atol=1e-6)


def test_clips_are_parts_of_films(tmp_path, frames):
    pytest.importorskip("av")
    stills = [write_picture(tmp_path / f"{i}.png", frame) for i, frame in enumerate(frames)]
    path = write_animation(tmp_path / "clip.mp4", stills)
    assert parse_clip(f"{path}:1:2") == ("clip.mp4 1", str(path), 1, 2)
    clip = read_clip(path, 1, 2, 160)
    assert [each.shape for each in clip] == [(1, 120, 160, 3)] * 2
    with pytest.raises(argparse.ArgumentTypeError, match="FILE:FIRST:COUNT. Received: 'clip.mp4'"):
        parse_clip("clip.mp4")
