import numpy as np
import pytest

from kerasart import Interrupted, deep_dream, dream_style, style_transfer

DREAM = {"layers": "conv3", "octaves": 1, "steps": 2, "precision": "float32"}
STYLE = {"style_layers": "conv1", "content_layers": "conv2", "steps": 2, "precision": "float32"}


@pytest.fixture(scope="module")
def photo(face):
    return np.ascontiguousarray(face[:, 10:74, 16:80])


@pytest.fixture(scope="module")
def painting(cat):
    return np.ascontiguousarray(cat[:, 200:280, 150:246])


def test_it_paints_the_dream(toy, photo, painting):
    told, both = [], {"seed": 3, "tile": 48}
    dream = {"backbone": toy, **DREAM}
    made = dream_style(photo, painting, dream, **both, on_step=told.append, backbone=toy, **STYLE)
    dreamt = deep_dream(photo, **dream, **both)
    painted = style_transfer(dreamt.image, painting, **both, backbone=toy, **STYLE)
    np.testing.assert_array_equal(made.image, painted.image)
    assert made.settings == painted.settings | {"dream": dreamt.settings}
    assert [progress.step for progress in told] == [1, 2, 1, 2]


def test_the_dream_may_have_a_seed_of_its_own(toy, photo, painting):
    dream = {"backbone": toy, **DREAM, "seed": 1}
    made = dream_style(photo, painting, dream, seed=2, backbone=toy, **STYLE)
    assert (made.settings["dream"]["seed"], made.settings["seed"]) == (1, 2)


def test_an_interrupted_painting_tells_of_the_dream(toy, photo, painting):
    steps = []

    def stop(progress):
        steps.append(progress.step)
        if len(steps) == 3:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted) as interrupted:
        dream_style(
            photo, painting, {"backbone": toy, **DREAM}, on_step=stop, backbone=toy, **STYLE
        )
    assert interrupted.value.result.settings["dream"]["layers"] == {"conv3": 1.0}
