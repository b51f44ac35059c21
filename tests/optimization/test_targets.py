import numpy as np
import pytest
import tensorflow as tf

from kerasart.objectives import (
    Activation,
    Content,
    Gram,
    Moments,
    Objective,
    Temporal,
    TotalVariation,
    Wasserstein,
)
from kerasart.optimization import Evaluator, replace_photo, style_targets

SHARES = [0.75, 0.25]


def evaluator(image):
    """A network of two layers: the picture's squares, and 2x2 means of it and their cubes."""
    means = tf.nn.avg_pool2d(image, 2, 2, "VALID")
    return {"fine": image**2, "coarse": tf.concat([means, means**3], axis=-1), "image": image}


evaluator.positions = lambda size: {"fine": tuple(size), "coarse": (size[0] // 2, size[1] // 2)}


def picture(height, width, seed):
    generator = np.random.default_rng(seed)
    # Each has colours of its own.
    image = generator.uniform(size=(1, height, width, 3)) * generator.uniform(0.3, 1, 3)
    return image.astype(np.float32)


PHOTO = picture(10, 8, 0)
STYLES = [picture(12, 14, 1), picture(6, 8, 2)]


def numpy_gram(features, inside=slice(None)):
    rows = np.asarray(features, np.float64)[0][inside].reshape(-1, features.shape[-1])
    return rows.T @ rows / len(rows)


def test_a_blend_is_the_mean_gram_by_shares():
    objective = Objective([Gram("fine"), Gram("coarse")])
    targets = style_targets(Evaluator(evaluator, objective), PHOTO, STYLES, SHARES)
    for target, layer in zip(targets, ("fine", "coarse"), strict=True):
        first, second = (numpy_gram(evaluator(style)[layer]) for style in STYLES)
        assert target.guide == ()
        (got,) = target.value
        np.testing.assert_allclose(got, 0.75 * first + 0.25 * second, rtol=1e-5)


def test_a_blend_of_moments_mixes_the_pictures_not_their_deviations():
    (target,) = style_targets(
        Evaluator(evaluator, Objective([Moments("fine")])), PHOTO, STYLES, SHARES
    )
    rows = [np.asarray(evaluator(s)["fine"], np.float64).reshape(-1, 3) for s in STYLES]
    mean = sum(s * r.mean(axis=0) for s, r in zip(SHARES, rows, strict=True))
    square = sum(s * (r**2).mean(axis=0) for s, r in zip(SHARES, rows, strict=True))
    np.testing.assert_allclose(target.value[0], mean, rtol=1e-5)
    np.testing.assert_allclose(target.value[1], np.sqrt(square - mean**2 + 1e-5), rtol=1e-4)


def test_a_share_of_nothing_leaves_the_other_style():
    objective = Objective([Wasserstein("coarse")])
    (alone,) = style_targets(Evaluator(evaluator, objective), PHOTO, STYLES[1:], [1.0])
    (blend,) = style_targets(Evaluator(evaluator, objective), PHOTO, STYLES, [0.0, 1.0])
    for got, expected in zip(blend.value, alone.value, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-5)


@pytest.mark.parametrize("kind", [Gram, Moments, Wasserstein])
def test_a_style_reaches_its_own_target(kind):
    objective = kind("fine") + kind("coarse") + Content("coarse")
    targets = style_targets(Evaluator(evaluator, objective), STYLES[0], STYLES[:1], [1.0])
    values = objective(evaluator(tf.constant(STYLES[0])), targets)
    far = objective(
        evaluator(tf.constant(PHOTO)), targets[:2] + [targets[2]._replace(guide=(0.0,))]
    )
    assert (np.abs(values) < 1e-4 * np.asarray(far)).all()


# --- Regions


def halves(height, width):
    left = np.zeros((1, height, width, 1), np.float32)
    left[:, :, : width // 2] = 1.0
    return [left, 1.0 - left]


def test_each_style_paints_its_region():
    objective = Objective([Gram("fine", style=0), Gram("fine", style=1), Gram("coarse", style=1)])
    targets = style_targets(
        Evaluator(evaluator, objective), PHOTO, STYLES, SHARES, regions=halves(10, 8)
    )
    for target, style, layer in zip(targets, (0, 1, 1), ("fine", "fine", "coarse"), strict=True):
        # No blend: the style's own.
        np.testing.assert_allclose(
            target.value[0], numpy_gram(evaluator(STYLES[style])[layer]), rtol=1e-5
        )
        (guide,) = target.guide
        assert guide.shape == (1, *evaluator(PHOTO)[layer].shape[1:3], 1)
        assert np.mean(guide) == pytest.approx(1.0, rel=1e-5)
    np.testing.assert_allclose(targets[0].guide[0], 2 * halves(10, 8)[0], rtol=1e-5)
    # Antialiasing reaches two positions beyond the edge, not further.
    coarse = targets[2].guide[0][0, :, :, 0]
    assert coarse[:, 0].max() < 0.2 < 1.8 < coarse[:, -1].min()


def test_a_region_hides_what_lies_outside():
    objective = Objective([Gram("fine", style=0), Gram("fine", style=1)])
    targets = style_targets(
        Evaluator(evaluator, objective), PHOTO, STYLES, SHARES, regions=halves(10, 8)
    )
    patched = PHOTO.copy()
    patched[:, :, 4:] = 0.9
    before, after = (
        objective(evaluator(tf.constant(i)), targets).numpy() for i in (PHOTO, patched)
    )
    assert after[0] == pytest.approx(before[0], rel=1e-5)
    assert abs(after[1] - before[1]) > 0.1 * before[1]
    inside = numpy_gram(evaluator(PHOTO)["fine"], (slice(None), slice(0, 4)))
    expected = ((inside - numpy_gram(evaluator(STYLES[0])["fine"])) ** 2).mean()
    assert before[0] == pytest.approx(expected, rel=1e-4)


# --- Which part of a style counts


def test_a_style_mask_leaves_only_what_is_inside():
    left = halves(12, 14)[0]
    objective = Objective([Gram("fine")])
    (target,) = style_targets(
        Evaluator(evaluator, objective), PHOTO, STYLES, SHARES, style_masks=[left, None]
    )
    inside = numpy_gram(evaluator(STYLES[0])["fine"], (slice(None), slice(0, 7)))
    expected = 0.75 * inside + 0.25 * numpy_gram(evaluator(STYLES[1])["fine"])
    np.testing.assert_allclose(target.value[0], expected, rtol=1e-5)


def test_a_faint_mask_is_a_mask():
    left = halves(12, 14)[0]
    objective = Objective([Gram("fine")])
    (full,), (faint,) = (
        style_targets(
            Evaluator(evaluator, objective), PHOTO, STYLES[:1], [1.0], style_masks=[factor * left]
        )
        for factor in (1.0, 0.1)
    )
    np.testing.assert_allclose(faint.value[0], full.value[0], rtol=1e-5)


# --- Other terms


def test_the_content_is_the_photos():
    objective = Content("coarse") + Content("fine")
    targets = style_targets(Evaluator(evaluator, objective), PHOTO, STYLES, SHARES)
    for target, layer in zip(targets, ("coarse", "fine"), strict=True):
        assert target.value == ()
        np.testing.assert_allclose(target.guide[0], evaluator(PHOTO)[layer], rtol=1e-6)


def test_terms_that_compare_with_nothing_need_no_target():
    objective = TotalVariation() + Gram("fine") + Activation("coarse")
    targets = style_targets(Evaluator(evaluator, objective), PHOTO, STYLES, SHARES)
    assert [(len(t.guide), len(t.value)) for t in targets] == [(0, 0), (0, 1), (0, 0)]
    # In the order of the terms, so that the objective can be evaluated.
    assert objective(evaluator(tf.constant(PHOTO)), targets).shape == (3,)


def test_every_style_needs_its_mask():
    with pytest.raises(ValueError):
        style_targets(
            Evaluator(evaluator, Objective([Gram("fine")])),
            PHOTO,
            STYLES,
            SHARES,
            style_masks=[None],
        )


def test_of_the_next_frame_only_content_and_the_picture_before_are_new():
    objective = Objective([Content("fine"), Gram("coarse"), Temporal()])
    judge = Evaluator(evaluator, objective)
    first = style_targets(judge, PHOTO, STYLES, SHARES)
    photo, trust = first[2].guide
    np.testing.assert_array_equal(photo, PHOTO)
    assert trust.shape == (1, 10, 8, 1) and not np.any(trust)  # There is no picture before.
    frame, before = picture(10, 8, 3), (picture(10, 8, 4), np.ones((1, 10, 8, 1), np.float32))
    content, style, temporal = replace_photo(judge, first, frame, before)
    np.testing.assert_allclose(content.guide[0], frame**2, rtol=1e-6)
    assert style is first[1] and temporal.guide is before
