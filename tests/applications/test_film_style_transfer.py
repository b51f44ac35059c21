"""`FilmStyleTransfer`: shots, what is carried along, and resuming."""

import numpy as np
import pytest

from kerasart.applications.film_style_transfer import FilmStyleTransfer
from kerasart.applications.style_transfer import StyleTransfer, style_transfer
from kerasart.film.motion import Motion

pytest.importorskip("cv2")

TINY = {
    "content_layers": "conv3",
    "style_layers": "conv1:1,conv2:2",
    "style_loss": "gram",
    "content_strength": 0.2,
    "style_strength": 1.0,
    "smoothness": 0.1,
    "smallest": 40,
    "steps": 24,
    "learning_rate": 0.03,
    "average": 0.0,
    "precision": "float32",
}
SHIFT = 2  # Pixels to the left from frame to frame.


@pytest.fixture(scope="module")
def frames(cat):
    """Four frames of 48x64 of a camera that pans to the right."""
    return [
        np.ascontiguousarray(cat[:, 60:108, 110 + SHIFT * i : 174 + SHIFT * i]) for i in range(4)
    ]


@pytest.fixture(scope="module")
def painting():
    blocks = np.random.default_rng(0).uniform(0.3, 1.0, (10, 10, 1)).repeat(8, 0).repeat(8, 1)
    return (blocks * [1.0, 0.6, 0.2]).astype(np.float32)


@pytest.fixture(scope="module")
def make(painting, toy):
    def make(**changes):
        return FilmStyleTransfer(painting, backbone=toy, **{"film_steps": 6, **TINY, **changes})

    return make


def motion(trust=1.0, size=(48, 64), shift=SHIFT):
    """What moves to the left comes from the right; nothing is known of the last columns."""
    flow = np.zeros((*size, 2), np.float32) + np.array([shift, 0], np.float32)
    where = np.full((1, *size, 1), trust, np.float32)
    where[:, :, size[1] - shift :] = 0
    return Motion(flow, where, (0.0, -float(shift)))


def paint(painter, frames, trust=1.0):
    pictures, state = [], None
    for i, frame in enumerate(frames):
        picture, state = painter(frame, motion(trust) if i else None, state)
        pictures.append(picture)
    return pictures


def unsteadiness(pictures):
    """The mean squared change along the motion, away from the sides."""
    pairs = zip(pictures[1:], pictures[:-1], strict=True)
    return np.mean(
        [(now[:, :, 4:-8] - old[:, :, 4 + SHIFT : -8 + SHIFT]) ** 2 for now, old in pairs]
    )


def test_a_transfer_paints_any_photo_as_the_function_does(frames, painting, toy):
    transfer = StyleTransfer(painting, backbone=toy, **TINY)
    for photo in (frames[0], frames[3][:, :44]):
        expected = style_transfer(photo, painting, backbone=toy, **TINY)
        got = transfer.paint(photo)
        np.testing.assert_array_equal(got.image, expected.image)
        assert got.settings == expected.settings


def test_the_first_frame_of_a_shot_is_painted_as_a_photo(frames, painting, toy, make):
    expected = style_transfer(frames[0], painting, backbone=toy, **TINY).image
    first, state = make()(frames[0], None, None)
    np.testing.assert_allclose(first, expected, atol=1e-3)
    painter = make()
    after_a_cut, _ = painter(frames[0], None, {**state, "image": 1 - state["image"]})
    np.testing.assert_array_equal(after_a_cut, first)


def test_a_film_is_steadier_than_its_frames_painted_one_by_one(frames, make, painting, toy):
    painter = make()
    film = paint(painter, frames)
    alone = [style_transfer(each, painting, backbone=toy, **TINY).image for each in frames]
    assert unsteadiness(film) < 0.2 * unsteadiness(alone)
    # And it is painted: not the film, and not one picture.
    assert all(np.abs(a - b).mean() > 0.05 for a, b in zip(film, frames, strict=True))
    assert all(each.shape == (1, 48, 64, 3) for each in film)
    assert painter.painting.descent.traces == 1


def test_steadiness_holds_what_is_trusted(frames, make):
    weak, strong = (unsteadiness(paint(make(steadiness=s), frames)) for s in (0.0, 1.0))
    assert strong < 0.5 * weak


def test_a_little_trust_does_not_hold_what_was_painted(frames, make):
    pictures = []
    for steadiness in (0.0, 1.0):
        painter = make(steadiness=steadiness, steps=4)
        _, state = painter(frames[0], None, None)
        pictures += [painter(frames[1], motion(each), state)[0] for each in (0.3, 1.0)]
    little, full = (np.abs(a - b).mean() for a, b in zip(pictures[:2], pictures[2:], strict=True))
    assert little < 0.2 * full


def test_where_nothing_is_trusted_the_frame_is_painted_anew(frames, make):
    """Whatever was painted before, and wherever, what comes of it is the same."""
    painter = make()
    _, state = painter(frames[0], None, None)
    other = state | {"image": 1 - state["image"]}
    mirrored = other | {"memory0": state["memory0"][:, ::-1]}
    states = state, other, mirrored
    pictures = [painter(frames[1], motion(trust=0.0), each)[0] for each in states]
    np.testing.assert_array_equal(*pictures[:2])
    np.testing.assert_allclose(*pictures[1:], atol=1e-5)  # The sum of another order.
    trusted = painter(frames[1], motion(), state)[0]
    assert np.abs(trusted - pictures[0]).max() > 0.05


@pytest.mark.parametrize("changes", [{}, {"preserve_color": "luminance"}, {"optimizer": "lbfgs"}])
def test_a_film_resumes_to_the_same_bits(frames, make, changes):
    changes = {"steps": 4, "film_steps": 3, **changes}
    whole, state = make(**changes), None
    for i, frame in enumerate(frames[:3]):
        saved = state
        expected, state = whole(frame, motion() if i else None, state)
    assert all(type(each) is np.ndarray for each in saved.values())
    again, resumed = make(**changes)(frames[2], motion(), saved)
    np.testing.assert_array_equal(again, expected)
    assert resumed.keys() == state.keys()
    for name, array in state.items():
        np.testing.assert_array_equal(resumed[name], array)


def test_a_film_larger_than_its_painting(frames, make):
    large = [np.repeat(np.repeat(each, 2, axis=1), 2, axis=2) for each in frames[:2]]
    painter = make(size=64)
    _, state = painter(large[0], None, None)
    painted, _ = painter(large[1], motion(size=(96, 128), shift=2 * SHIFT), state)
    small = make(size=64)
    _, state = small(frames[0], None, state)
    expected, _ = small(frames[1], motion(), state)
    assert painted.shape == expected.shape == (1, 48, 64, 3)
    assert np.abs(painted - expected).mean() < 0.03


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steadiness": 1.5}, "`steadiness` must be from 0 to 1. Received: 1.5"),
        ({"film_steps": 0}, "`film_steps` must be at least 1, and whole. Received: 0"),
        ({"checkpoint": "run.npz"}, "`checkpoint` must be None, .* Received: 'run.npz'"),
    ],
)
def test_what_is_not_allowed(make, settings, message):
    with pytest.raises(ValueError, match=message):
        make(**settings)
