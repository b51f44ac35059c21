"""Images evaluated in tiles, against the same images evaluated whole."""

import numpy as np
import pytest
import tensorflow as tf

from kerasart.image.samples import read_sample
from kerasart.objectives import (
    Activation,
    Channel,
    Content,
    Gram,
    Moments,
    Objective,
    Similarity,
    Target,
    Term,
    TotalVariation,
    Wasserstein,
)
from kerasart.optimization import Evaluator, balance, dream_targets, style_targets

TERMS = {
    "content": [Content("block3_conv2"), Content("block1_conv2")],
    "gram": [Gram("block1_conv1"), 100.0 * Gram("block3_conv1")],
    "moments": [Moments("block2_conv2"), Moments("block3_conv1")],
    "wasserstein": [Wasserstein("block2_conv1")],
    "dream": [Activation("block3_conv1"), Activation("block2_conv1", power=1, border=3)],
    "channel": [Channel("block3_conv1", 5), Channel("block3_conv2", 7, neuron=True)],
    "class": [Channel("block2_conv2", 9), -0.5 * Channel("block3_conv1", 3)],
    "guide": [Similarity("block3_conv1"), Similarity("block2_conv1", "cosine")],
    "match": [Similarity("block3_conv1", "match")],
    "total variation": [Activation("block1_conv1"), TotalVariation(), TotalVariation(beta=1.5)],
    "sums": [Content("block2_conv1", summed=True), TotalVariation(summed=True)],
}
PICTURE = read_sample("cat").image[:, 20:117, 100:241]
STYLE = read_sample("coffee").image[:, 40:160, 60:143]


def targets_of(evaluator, style=STYLE):
    """What each term is compared with, as a style transfer and a dream find it."""
    painted_targets = style_targets(evaluator, 0.8 * PICTURE, [style], [1.0])
    dreamed_targets = dream_targets(evaluator, 0.8 * PICTURE, style)
    return [
        dream if isinstance(term, Channel | Similarity) else painted
        for term, painted, dream in zip(
            evaluator.objective.terms, painted_targets, dreamed_targets, strict=True
        )
    ]


def whole(evaluator, image, targets):
    image = tf.convert_to_tensor(image)
    with tf.GradientTape() as tape:
        tape.watch(image)
        losses = evaluator.objective({**evaluator.backbone(image), "image": image}, targets)
    return losses.numpy(), tape.gradient(losses, image).numpy()


def in_tiles(evaluator, image, targets):
    losses, gradients = evaluator.differentiate(image, targets, evaluator.objective.weights)
    return losses.numpy(), sum(each.numpy() for each in gradients.values())


def check(backbone, terms, image=PICTURE, side=80, **options):
    objective = Objective(terms)
    cut = backbone.cut(objective.layers, **options)
    plain, tiled = Evaluator(cut, objective), Evaluator(cut, objective, side)
    assert len(tiled.tiles(image.shape[1:3])) > 1
    wanted, gradient = whole(plain, image, targets_of(plain))
    found, same_gradient = in_tiles(tiled, image, targets_of(tiled))
    np.testing.assert_allclose(found, wanted, rtol=1e-4)
    error = np.linalg.norm(same_gradient - gradient) / np.linalg.norm(gradient)
    assert error < 1e-4 and np.abs(gradient).max() > 0


@pytest.mark.parametrize("kind", TERMS)
def test_gradient_is_that_of_the_whole_picture(slim_vgg16, kind):
    check(slim_vgg16, TERMS[kind])


@pytest.mark.parametrize("options", [{"padding": "replicate"}, {"pooling": "average"}])
def test_variants_of_the_network_are_looked_at_likewise(slim_vgg16, options):
    check(slim_vgg16, TERMS["gram"], **options)


def test_networks_without_padding_are_looked_at_likewise(squeezenet):
    check(squeezenet, [Gram("conv1"), Content("fire3"), Activation("fire4", border=1)], side=100)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(25))
def test_gradient_is_that_of_the_whole_picture_at_any_size(vgg16, seed):
    random = np.random.default_rng(seed)
    size = random.integers(33, 701, 2)
    image = random.uniform(size=(1, *size, 3)).astype(np.float32)
    kinds = [kind for kind in TERMS if kind not in ("content", "guide", "sums", "match")]
    terms = TERMS[random.choice(kinds)]
    # At least large enough for the halo, at most what still cuts the picture.
    side = int(random.integers(64, max(65, int(np.sqrt(size.prod())))))
    if side**2 < size.prod():
        check(vgg16, terms, image, side)


def test_masks_are_cut_with_the_picture(vgg16):
    objective = Objective([Gram("block2_conv1", style=0), Gram("block3_conv1", style=0)])
    cut = vgg16.cut(objective.layers)
    mask = np.linspace(0, 1, 97 * 141, dtype=np.float32).reshape(1, 97, 141, 1)
    style_mask = np.linspace(0, 1, 120 * 83, dtype=np.float32).reshape(1, 120, 83, 1)
    found = []
    for evaluator in (Evaluator(cut, objective), Evaluator(cut, objective, 80)):
        arguments = PICTURE, [STYLE], [1.0]
        targets = style_targets(evaluator, *arguments, style_masks=[style_mask], regions=[mask])
        found.append((in_tiles if evaluator.side else whole)(evaluator, PICTURE, targets))
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4 * np.abs(a).max())


def test_a_small_picture_is_looked_at_whole(slim_vgg16):
    objective = Objective([Gram("block1_conv1")])
    evaluator = Evaluator(slim_vgg16.cut(objective.layers), objective, 80)
    assert evaluator.tiles((80, 80)) == evaluator.tiles((64, 100)) == ()
    assert Evaluator(evaluator.backbone, objective).tiles((10**5, 10**5)) == ()


def test_a_term_that_does_not_look_has_no_gradient(slim_vgg16):
    class Constant(Term):
        def statistic(self, features):
            return tf.zeros([])

        def distance(self, mean):
            return mean

    evaluator = Evaluator(slim_vgg16.cut(["block1_conv1"]), Constant("block1_conv1"))
    _, gradient = in_tiles(evaluator, PICTURE, [Target()])
    np.testing.assert_array_equal(gradient, np.zeros_like(PICTURE))


def test_looks_at_tiles_are_told_of(slim_vgg16):
    objective = Objective(TERMS["gram"])
    evaluator = Evaluator(slim_vgg16.cut(objective.layers), objective, 80)
    told = []
    targets, differentiate = targets_of(evaluator), evaluator.differentiate
    differentiate(PICTURE, targets, objective.weights, on_tile=lambda *done: told.append(done))
    # Grams need two passes.
    count = 2 * len(evaluator.tiles(PICTURE.shape[1:3]))
    assert told == [(i + 1, count) for i in range(count)]


def test_linear_terms_need_but_one_pass(slim_vgg16):
    objective = Objective(TERMS["dream"])
    evaluator = Evaluator(slim_vgg16.cut(objective.layers), objective, 80)
    told = []
    targets, differentiate = [Target()] * 2, evaluator.differentiate
    differentiate(PICTURE, targets, objective.weights, on_tile=lambda *done: told.append(done))
    assert len(told) == len(evaluator.tiles(PICTURE.shape[1:3]))


def test_distances_said_to_be_linear_are(slim_vgg16):
    terms = [term for kind in TERMS.values() for term in kind if term.is_linear]
    assert len(terms) > 8
    for term in terms:
        value = (3,) if isinstance(term, Channel) else ()
        shape = (16,) if isinstance(term, Channel) else ()
        a, b = np.random.default_rng(0).normal(size=(2, *shape)).astype(np.float32)
        together, apart = (
            float(term.distance(tf.constant(a + 2 * b), *value)),
            float(term.distance(tf.constant(a), *value))
            + 2 * float(term.distance(tf.constant(b), *value)),
        )
        assert together == pytest.approx(apart, rel=1e-5)


def test_balanced_weights_are_those_of_the_whole_picture(slim_vgg16):
    terms = [1.0 * term for term in (*TERMS["content"], *TERMS["gram"], TotalVariation())]
    for term in terms:
        term.balanced = True
    objective = Objective(terms)
    cut = slim_vgg16.cut(objective.layers)
    plain, tiled = (
        balance(evaluator, PICTURE, targets_of(evaluator))
        for evaluator in (Evaluator(cut, objective), Evaluator(cut, objective, 80))
    )
    np.testing.assert_allclose(tiled, plain, rtol=1e-4)
    assert (plain > 0).all()
