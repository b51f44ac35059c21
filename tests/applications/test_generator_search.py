import numpy as np
import pytest
from generators import make_generator

from kerasart import Interrupted
from kerasart.applications.generation import Generator


@pytest.fixture(scope="module")
def generator():
    return Generator(make_generator([8, 8, 6, 5, 4], z_size=6), "float32")


@pytest.fixture(scope="module")
def target(generator):
    """A picture of the generator's own, which is 64 pixels large."""
    return generator.paint(generator.style(5, 0.9))


@pytest.mark.parametrize("per_place", [True, False])
def test_a_picture_of_its_own_is_found(generator, target, slim_vgg16, per_place):
    seen = []
    options = {"per_place": per_place, "precision": "float32", "on_step": seen.append}
    result = generator.project(target, backbone=slim_vgg16, steps=40, **options)
    loss = sum(result.history.values())
    assert loss[-1] < 0.1 * loss[0] and len(loss) == len(seen) == 40
    start = generator.paint(generator.style(generator.network.mean_w.numpy()[None]))
    assert np.abs(result.image - target).mean() < 0.4 * np.abs(start - target).mean()
    w = np.float32(result.settings["w"])
    np.testing.assert_allclose(generator.paint(generator.style(w)), result.image, atol=1e-5)
    assert (np.ptp(w, axis=0).max() > 1e-3) == per_place


def test_a_photo_is_cut_and_a_search_is_resumed(generator, target, slim_vgg16, tmp_path, eagerly):
    photo = np.pad(target, [(0, 0), (0, 0), (9, 9), (0, 0)])
    options = {"backbone": slim_vgg16, "steps": 6, "precision": "float32"}
    whole = generator.project(target, **options)
    np.testing.assert_array_equal(generator.project(photo, **options).image, whole.image)

    def stop(progress):
        if progress.step == 3:
            raise KeyboardInterrupt

    checkpoint = {"checkpoint": tmp_path / "state.npz"}
    with pytest.raises(Interrupted) as interrupted:
        generator.project(target, **options, **checkpoint, on_step=stop)
    half = interrupted.value.result
    w = np.float32(half.settings["w"])
    np.testing.assert_allclose(generator.paint(generator.style(w)), half.image, atol=1e-5)
    again = generator.project(target, **options, **checkpoint)
    np.testing.assert_array_equal(again.image, whole.image)


def test_the_pictures_of_a_class_are_searched(slim_vgg16, eagerly):
    generator = Generator(make_generator([8, 8, 6, 5], classes=3), "float32")
    target = generator.paint(generator.style(5, 0.9, label=1))
    start = generator.style(7, label=1)
    found = generator.project(target, start, slim_vgg16, steps=6, precision="float32")
    assert np.abs(found.image - target).mean() < np.abs(generator.paint(start) - target).mean()


def test_dreams_and_paintings_are_searches(generator, target, slim_vgg16, eagerly):
    start = generator.style(1)
    settings = {"steps": 8, "precision": "float32", "backbone": slim_vgg16}
    dream = generator.dream(start, layers="block3_conv1", smoothness=0.0, jitter=0, **settings)
    (activation,) = dream.history.values()
    assert activation[-1] < 1.1 * activation[0] < 0  # More is seen; it is negative.
    styled = generator.paint_like(start, target, **settings)
    loss = sum(styled.history.values())
    assert loss[-1] < 0.8 * loss[0]
    assert styled.settings["search"] == "style" and "generator_hash" in styled.settings
    # The loop is the search's own.
    assert not {"octaves", "step_size", "optimizer", "learning_rate"} & {
        *dream.settings,
        *styled.settings,
    }
    for result in (dream, styled):
        w = np.float32(result.settings["w"])
        np.testing.assert_allclose(generator.paint(generator.style(w)), result.image, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "`steps` must be at least 1, and whole"),
        ({"rate": 0.0}, "`rate` must be more than 0"),
        ({"start": np.zeros(3)}, "`seed` must be a whole number, or a w"),
        ({"seed": -1}, "`seed` must be"),
    ],
)
def test_searches_that_are_none(generator, target, options, message):
    with pytest.raises(ValueError, match=message):
        generator.project(target, **options)


def test_a_setting_that_a_projection_has_not_is_refused(generator, target, slim_vgg16):
    with pytest.raises(TypeError, match="project's settings are steps, .* Received: 'jitter'"):
        generator.project(target, backbone=slim_vgg16, jitter=3)


@pytest.mark.parametrize("option", ["octaves", "step_size", "blur", "max_loss", "detail"])
def test_a_setting_of_a_dreams_loop_is_refused(generator, slim_vgg16, option):
    with pytest.raises(TypeError, match=f"dream's settings are steps, .* Received: '{option}'"):
        generator.dream(generator.style(1), backbone=slim_vgg16, **{option: 1})


@pytest.mark.parametrize("option", ["optimizer", "learning_rate", "size", "init", "average"])
def test_a_setting_of_a_paintings_loop_is_refused(generator, target, slim_vgg16, option):
    with pytest.raises(TypeError, match=f"paint_like's settings are .* Received: '{option}'"):
        generator.paint_like(generator.style(1), target, backbone=slim_vgg16, **{option: 1})


def test_a_generator_too_small_for_the_network_that_looks_is_refused(generator, slim_vgg16):
    message = "`generator` must be of at least .* pixels for vgg16 and these layers. Received: "
    with pytest.raises(ValueError, match=message):
        generator.dream(
            generator.style(1), backbone=slim_vgg16, layers="block3_conv1", border=40, steps=1
        )
