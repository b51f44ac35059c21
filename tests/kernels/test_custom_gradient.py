import gc
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasart.backbones.graph_surgery import cut_and_fold
from kerasart.kernels import convolution
from kerasart.kernels.custom_gradient import custom_gradient
from kerasart.networks.layers import BoundedSigmoid
from kerasart.objectives.style_losses import Wasserstein, sum_products
from kerasart.optimization.parameterizations import hartley_transform

ROWS = tf.constant([[1.0, -2.0], [3.0, 0.5]])


@custom_gradient
def scaled_product(a, b):
    """a b, with ten times its gradient to a and none to b."""
    return a * b, lambda upstream: (10 * upstream * b, None)


def differentiate(a, b):
    with tf.GradientTape() as tape:
        tape.watch((a, b))
        loss = tf.reduce_sum(2 * scaled_product(a, b))
    return loss, *tape.gradient(loss, (a, b))


@pytest.mark.parametrize("traced", [False, True])
def test_a_tape_finds_the_functions_own_gradient(traced):
    call = tf.function(differentiate) if traced else differentiate
    loss, to_a, to_b = call(ROWS, 3 * ROWS)
    np.testing.assert_allclose(loss, 2 * np.sum(3 * ROWS**2), rtol=1e-6)
    np.testing.assert_allclose(to_a, 10 * 2 * 3 * ROWS)
    assert to_b is None


def test_it_is_found_in_a_loop_and_by_a_second_tape():
    @tf.function
    def climb(a):
        return tf.while_loop(
            lambda i, a: i < 2, lambda i, a: (i + 1, differentiate(a, a)[1]), (0, a)
        )

    np.testing.assert_allclose(climb(ROWS)[1], 20**2 * ROWS)
    variable = tf.Variable(ROWS)
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            loss = tf.reduce_sum(scaled_product(variable, variable) ** 2)
        gradient = inner.gradient(loss, variable)
    # The gradient is 20 v^3, of which v^2 comes from the product, at ten times its gradient.
    np.testing.assert_allclose(gradient, 20 * ROWS**3)
    np.testing.assert_allclose(outer.gradient(gradient, variable), 220 * ROWS**2, rtol=1e-6)


def make_fast_relu():
    image = keras.Input((None, None, 3))
    model = keras.Model(image, keras.layers.Activation("relu", name="relu")(image))
    return cut_and_fold(model, ["relu"], "bfloat16").get_layer("relu").activation


def make_wasserstein_distance():
    term = Wasserstein("a")
    value = term.prepare(term.mean(tf.random.stateless_uniform((1, 4, 4, 3), (0, 0))))
    return lambda x: term.distance(term.mean(x), *value)


def make_fast_convolution():
    layer = keras.layers.Conv2D(3, 3, padding="same")
    layer.build((1, None, None, 3))
    convolution.speed_up(layer)
    return layer


@pytest.mark.parametrize(
    "make",
    [
        lambda: lambda x: scaled_product(x, x),
        lambda: lambda x: sum_products(x[0, 0]),
        make_wasserstein_distance,
        lambda: hartley_transform,
        BoundedSigmoid,
        make_fast_relu,
        make_fast_convolution,
    ],
    ids=["product", "sum_products", "wasserstein", "hartley", "pixels", "relu", "convolution"],
)
def test_no_traced_graph_outlives_its_function(make, monkeypatch):
    monkeypatch.setattr(convolution, "faster_operation", lambda: "convolution")
    function = make()

    @tf.function(autograph=False)
    def lead_back(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = function(x)
        return tape.gradient(y, x)

    graph = lead_back.get_concrete_function(tf.TensorSpec([1, 4, 4, 3])).graph
    graph = weakref.ref(graph)
    del lead_back
    gc.collect()
    assert graph() is None
