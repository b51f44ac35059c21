import numpy as np
import pytest
import tensorflow as tf
from term_checks import check_adds_over_tiles, check_gradient, features

from kerasart.objectives import Head, Judgement, Target, gradient_penalty, judge

CHANNELS, WIDE = 4, 6


def make_head(batch=1, dtype=np.float32, seed=0):
    random = np.random.default_rng(seed)
    sizes = [(CHANNELS, WIDE), (WIDE, WIDE), (WIDE, 1)]
    return Head(
        random.normal(0, 0.3, (batch, 1, CHANNELS)).astype(dtype),
        random.uniform(0.5, 2, (batch, 1, CHANNELS)).astype(dtype),
        tuple(random.normal(0, 0.7, (batch, *size)).astype(dtype) for size in sizes),
        tuple(random.normal(0, 0.3, (batch, 1, size[1])).astype(dtype) for size in sizes),
    )


def logit(position, head, image=0):
    """The logit of one position of an image, by NumPy."""
    mean, scale, kernels, biases = head
    x = (position - mean[image, 0]) * scale[image, 0]
    for kernel, bias in zip(kernels, biases, strict=True):
        x = x @ kernel[image] + bias[image, 0]
        is_last = kernel is kernels[-1]
        x = x if is_last else np.where(x > 0, x, 0.2 * x)
    return x[0]


def test_each_image_is_judged_by_its_own_head():
    head = make_head(batch=2)
    maps = np.concatenate([features(seed=1), features(seed=2)])
    logits, _ = judge(tf.constant(maps), head)
    assert logits.shape == (2, 30, 1)
    expected = [[logit(p, head, i) for p in maps[i].reshape(-1, CHANNELS)] for i in range(2)]
    np.testing.assert_allclose(logits[..., 0], expected, rtol=1e-4, atol=1e-5)


def test_a_judgement_is_minus_the_mean_logit():
    head, maps = make_head(), features()
    expected = -np.mean([logit(position, head) for position in maps.reshape(-1, CHANNELS)])
    term = Judgement("layer", weight=2.0)
    value = term({"layer": tf.constant(maps)}, [Target(guide=tuple(head))])
    np.testing.assert_allclose(value, [2 * expected], rtol=1e-5)


def test_gradient():
    check_gradient(Judgement("layer"), features(), lambda dtype: Target(guide=in_(dtype)))


def test_it_adds_up_over_tiles():
    head, term = make_head(), Judgement("layer")

    class Fixed(Judgement):
        def statistic(self, each, *_):
            return term.statistic(each, *head)

    check_adds_over_tiles(Fixed("layer"), features(10, 8))


def in_(dtype):
    return tuple(make_head(dtype=dtype.as_numpy_dtype))


def test_the_penalty_is_the_square_of_the_gradient_by_finite_differences():
    head, maps = make_head(dtype=np.float64), features().astype(np.float64)
    _, slopes = judge(tf.constant(maps), head)
    squares = []
    for position in maps.reshape(-1, CHANNELS):
        steps = 1e-6 * head.scale[0, 0] ** -1 * np.eye(CHANNELS)  # Of standardised features.
        ends = [(logit(position + s, head), logit(position - s, head)) for s in steps]
        squares.append(sum(((a - b) / 2e-6) ** 2 for a, b in ends))
    np.testing.assert_allclose(gradient_penalty(slopes, head), np.mean(squares), rtol=1e-6)


def test_the_penalty_teaches_as_differentiating_twice_does():
    head, maps = make_head(batch=2), tf.constant(np.concatenate([features(seed=s) for s in (1, 2)]))
    kernels = [tf.Variable(kernel) for kernel in head.kernels]
    x = (maps - head.mean[:, None]) * head.scale[:, None]
    head = head._replace(mean=tf.zeros([1, 1, 1]), scale=tf.ones([1, 1, 1]))
    with tf.GradientTape(persistent=True) as tape:
        head = head._replace(kernels=tuple(map(tf.convert_to_tensor, kernels)))
        with tf.GradientTape() as inner:
            inner.watch(x)
            logits, slopes = judge(x, head)
        squares = tf.reduce_sum(inner.gradient(logits, x) ** 2, axis=-1)
        losses = gradient_penalty(slopes, head), tf.reduce_mean(squares)
    np.testing.assert_allclose(*losses, rtol=1e-5)
    for kernel in kernels:
        closed, twice = (tape.gradient(loss, kernel) for loss in losses)
        np.testing.assert_allclose(closed, twice, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("number", [0, 1])
def test_a_head_that_is_constant_has_no_penalty(number):
    head = make_head()
    kernels = list(head.kernels)
    kernels[number] = 0 * kernels[number]
    head = head._replace(kernels=tuple(kernels))
    _, slopes = judge(tf.constant(features()), head)
    assert float(gradient_penalty(slopes, head)) == 0
