import keras
import numpy as np
import pytest
import scipy.optimize
import tensorflow as tf

from kerasart.optimization import (
    LBFGS,
    Adam,
    GradientDescent,
    KerasOptimizer,
    NormalizedGradient,
)

GRADIENT = np.random.default_rng(0).normal(0.3, 1e-4, (1, 6, 5, 3)).astype(np.float32)
IMAGE = np.random.default_rng(1).uniform(size=(1, 6, 5, 3)).astype(np.float32)


def update(optimizer, gradient):
    """The picture after one step."""
    image = tf.constant(IMAGE)
    return optimizer.update(image, tf.constant(gradient), optimizer.start(image))[0]


@pytest.mark.parametrize(
    ("norm", "magnitude"),
    [
        ("mean", lambda g: np.abs(g).mean()),
        ("std", lambda g: g.std()),
        ("unit", lambda g: np.linalg.norm(g) / g.size**0.5),
    ],
)
def test_update_against_numpy(norm, magnitude):
    gradient = GRADIENT * np.float32(1e-3)
    moved = update(NormalizedGradient(0.02, norm), gradient)
    expected = IMAGE - 0.02 * gradient.astype(np.float64) / magnitude(gradient.astype(np.float64))
    # float32's standard deviation of numbers far from 0 loses three digits.
    np.testing.assert_allclose(moved, expected, rtol=1e-3 if norm == "std" else 1e-5)


@pytest.mark.parametrize("norm", ["mean", "std", "unit"])
def test_step_does_not_depend_on_the_gradients_scale(norm):
    gradient = GRADIENT - 0.3
    optimizer = NormalizedGradient(0.02, norm)
    moved = [update(optimizer, gradient * np.float32(s)) for s in (1.0, 1e-4, 1e4)]
    np.testing.assert_allclose(moved[1], moved[0], atol=1e-6)
    np.testing.assert_allclose(moved[2], moved[0], atol=1e-6)


@pytest.mark.parametrize("norm", ["mean", "std", "unit"])
def test_step_does_not_depend_on_the_pictures_size(norm):
    image = tf.constant(IMAGE)
    larger, gradient = tf.tile(image, [1, 8, 9, 1]), tf.constant(GRADIENT - 0.3)
    optimizer = NormalizedGradient(0.02, norm)
    moved = optimizer.update(larger, tf.tile(gradient, [1, 8, 9, 1]), ())[0]
    expected = tf.tile(optimizer.update(image, gradient, ())[0], [1, 8, 9, 1])
    np.testing.assert_allclose(moved, expected, atol=1e-6)


def test_vanishing_gradient_moves_little():
    gradient = np.full_like(IMAGE, 1e-6)
    moved = update(NormalizedGradient(0.02, floor=1e-3), gradient)
    np.testing.assert_allclose(IMAGE - moved, 0.02 * 1e-6 / 1e-3, atol=1e-7)
    still = update(NormalizedGradient(0.02), np.zeros_like(IMAGE))
    np.testing.assert_array_equal(still, IMAGE)


def test_unknown_norm():
    with pytest.raises(ValueError, match="mean, std, unit. Received: 'max'"):
        NormalizedGradient(0.1, "max")


# --- As Keras has them


GRADIENTS = np.random.default_rng(2).normal(0.1, 1, (5, *IMAGE.shape)).astype(np.float32)


def walk(optimizer, gradients=GRADIENTS, image=IMAGE):
    """The pictures after each of some steps."""
    image = tf.constant(image)
    memory = optimizer.start(image)
    # Compiled, as the loop has it.
    update = tf.function(optimizer.update, autograph=False)
    images = []
    for gradient in gradients:
        image, memory = update(image, tf.constant(gradient), memory)
        images.append(image.numpy())
    return np.stack(images)


def walk_in_keras(optimizer, gradients=GRADIENTS, image=IMAGE):
    variable = keras.Variable(image)
    images = []
    for gradient in gradients:
        optimizer.apply([tf.constant(gradient)], [variable])
        images.append(variable.value.numpy())
    return np.stack(images)


@pytest.mark.parametrize(
    "settings",
    [
        {"learning_rate": 0.02, "beta_1": 0.9, "beta_2": 0.99, "epsilon": 1e-8},
        # The TensorFlow tutorial's, whose epsilon is as large as its gradients.
        {"learning_rate": 0.02, "beta_1": 0.99, "beta_2": 0.999, "epsilon": 0.1},
    ],
)
def test_adam_is_keras_adam(settings):
    expected = walk_in_keras(keras.optimizers.Adam(**settings))
    np.testing.assert_allclose(walk(Adam(**settings)), expected, atol=1e-6)
    assert np.abs(expected[-1] - IMAGE).mean() > 0.01


def test_adams_first_step_has_the_size_of_its_rate():
    moved = walk(Adam(0.02), GRADIENTS[:1])[0] - IMAGE
    np.testing.assert_allclose(moved, -0.02 * np.sign(GRADIENTS[0]), atol=1e-5)


def test_gradient_descent_decays_as_keras_does():
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 100, 0.96)
    expected = walk_in_keras(keras.optimizers.SGD(schedule))
    np.testing.assert_allclose(walk(GradientDescent(0.1, 0.96)), expected, atol=1e-6)
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)
    expected = walk_in_keras(keras.optimizers.SGD(schedule))
    np.testing.assert_allclose(walk(GradientDescent(0.1, 0.5, 2)), expected, atol=1e-6)


def test_gradient_descent_without_decay_is_a_plain_sum():
    moved = IMAGE.astype(np.float64) - walk(GradientDescent(0.3))[-1]
    np.testing.assert_allclose(moved, 0.3 * GRADIENTS.sum(axis=0, dtype=np.float64), atol=1e-6)


# --- Keras's own


KERAS_INSTANCES = {
    "momentum": lambda: keras.optimizers.SGD(
        keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5), momentum=0.9, nesterov=True
    ),
    "nadam": lambda: keras.optimizers.Nadam(0.03),
    "adafactor": lambda: keras.optimizers.Adafactor(0.05),
    "clipped": lambda: keras.optimizers.RMSprop(0.01, clipnorm=0.5, weight_decay=0.1),
}


@pytest.mark.parametrize(("name", "rate"), [("rmsprop", 0.01), ("adagrad", None)])
def test_a_keras_optimizer_by_name(name, rate):
    kind = type(keras.optimizers.get(name))
    own = kind() if rate is None else kind(learning_rate=rate)
    optimizer = KerasOptimizer(name, rate)
    assert optimizer.name == name
    expected = walk_in_keras(own, GRADIENTS[:3])
    np.testing.assert_allclose(walk(optimizer, GRADIENTS[:3]), expected, atol=1e-6)
    assert np.abs(expected[-1] - IMAGE).mean() > 1e-3


@pytest.mark.parametrize("name", KERAS_INSTANCES)
def test_a_keras_optimizer_by_instance(name):
    expected = walk_in_keras(KERAS_INSTANCES[name](), GRADIENTS[:3])
    given = KERAS_INSTANCES[name]()
    got = walk(KerasOptimizer(given), GRADIENTS[:3])
    np.testing.assert_allclose(got, expected, atol=1e-6)
    assert np.abs(expected[-1] - IMAGE).mean() > 1e-3
    assert not given.built  # The caller's own stays as it was.


def test_a_keras_optimizer_has_the_name_of_its_kind():
    # Keras itself numbers the second and later ones of a process: "sgd_1".
    names = {KerasOptimizer(keras.optimizers.SGD(0.1)).name for _ in range(2)}
    assert names == {"sgd"}


def test_a_keras_optimizer_remembers_only_what_goes_in_and_out():
    # Two pictures in turn, by one optimizer: neither leaves anything behind.
    optimizer = KerasOptimizer("adam", 0.02)
    alone = walk(optimizer)
    walk(optimizer, -GRADIENTS, 1 - IMAGE)
    np.testing.assert_array_equal(walk(optimizer), alone)
    first = optimizer.start(tf.constant(IMAGE))
    image, memory = optimizer.update(tf.constant(IMAGE), tf.constant(GRADIENTS[0]), first)
    once = optimizer.update(image, tf.constant(GRADIENTS[1]), memory)[0]
    again = optimizer.update(image, tf.constant(GRADIENTS[1]), memory)[0]
    np.testing.assert_array_equal(once, again)


@pytest.mark.parametrize("rate", [None, 0.1])
@pytest.mark.parametrize("name", ["adamm", "", "LossScaleOptimizer"])
def test_unknown_keras_optimizer(name, rate):
    with pytest.raises(ValueError, match=f"such as rmsprop. Received: {name!r}"):
        KerasOptimizer(name, rate)


# --- L-BFGS


def quadratic(count, seed=0):
    """A sum of squares whose minimum lies partly outside [0, 1], and that minimum inside."""
    generator = np.random.default_rng(seed)
    matrix = np.eye(count) + 0.1 * generator.normal(size=(count, count))
    wanted = matrix @ generator.uniform(-0.5, 1.5, count)
    inside = scipy.optimize.lsq_linear(matrix, wanted, (0, 1), tol=1e-12).x

    def differentiate(image):
        distance = matrix @ image.ravel().astype(np.float64) - wanted
        losses = np.array([(distance[::2] ** 2).sum(), (distance[1::2] ** 2).sum()], np.float32)
        return losses, (2 * matrix.T @ distance).reshape(image.shape).astype(np.float32)

    free = np.linalg.solve(matrix, wanted)
    return differentiate, inside, free


@pytest.mark.parametrize("clip", [True, False])
def test_lbfgs_finds_the_minimum(clip):
    shape = (1, 3, 4, 3)
    differentiate, inside, free = quadratic(36)
    accepted = []
    image = np.full(shape, 0.5, np.float32)
    taken = LBFGS().minimize(
        differentiate, image, 60, clip, lambda image, losses: accepted.append((image, losses))
    )
    expected = inside if clip else free
    assert (free < -0.05).any() and (free > 1.05).any()
    np.testing.assert_allclose(accepted[-1][0].ravel(), expected, atol=2e-3)
    assert len(accepted) == taken <= 60
    assert accepted[-1][0].shape == shape and accepted[-1][0].dtype == np.float32
    # A step reports the losses of the picture before it.
    before = [image, *(image for image, _ in accepted[:-1])]
    for start, (_, losses) in zip(before, accepted, strict=True):
        np.testing.assert_allclose(losses, differentiate(start)[0], rtol=1e-4, atol=1e-6)
    if clip:
        assert all(0 <= image.min() and image.max() <= 1 for image, _ in accepted)


def test_lbfgs_stops_after_as_many_steps_as_asked():
    differentiate, _, _ = quadratic(12)
    image = np.full((1, 2, 2, 3), 0.5, np.float32)
    for optimizer, steps, expected in ((LBFGS(), 3, 3), (LBFGS(restart=2), 5, 5)):
        accepted = []
        taken = optimizer.minimize(
            differentiate, image, steps, True, lambda *step, told=accepted: told.append(step)
        )
        assert taken == len(accepted) == expected


def test_lbfgs_stops_at_what_accept_raises():
    differentiate, _, _ = quadratic(12)
    accepted = []

    def accept(image, losses):
        accepted.append(image)
        if len(accepted) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        LBFGS().minimize(differentiate, np.zeros((1, 2, 2, 3), np.float32), 9, True, accept)
    assert len(accepted) == 2


def test_lbfgs_does_not_care_for_the_losss_scale():
    differentiate, inside, _ = quadratic(12)
    image = np.full((1, 2, 2, 3), 0.5, np.float32)
    for scale in (1e-6, 1e6):
        accepted = []

        def scaled(image, scale=scale):
            return tuple(np.float32(scale) * each for each in differentiate(image))

        LBFGS().minimize(
            scaled, image, 40, True, lambda image, losses, told=accepted: told.append(image)
        )
        np.testing.assert_allclose(accepted[-1].ravel(), inside, atol=2e-3)


def test_lbfgs_takes_no_step_where_the_picture_is_flat():
    def differentiate(image):
        return np.zeros(1, np.float32), np.zeros_like(image)

    image = np.full((1, 2, 2, 3), 0.5, np.float32)
    assert LBFGS().minimize(differentiate, image, 9, True, lambda *step: None) == 0
