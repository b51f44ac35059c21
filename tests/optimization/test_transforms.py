import numpy as np
import pytest
import scipy.ndimage
import tensorflow as tf

from kerasart.optimization import (
    Transforms,
    pad,
    random_roll,
    random_scale_and_rotate,
    scale_and_rotate,
)

LUCIDS = Transforms(pad=12, jitter=8, scale=0.1, degrees=10, final_jitter=4)
SIZES = [(1, 1), (7, 9), (16, 24), (33, 20), (2, 31)]


def numbered(height, width):
    """A picture in which each pixel tells where it was."""
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    return np.stack([rows, columns, rows * width + columns], axis=-1)[np.newaxis]


def offset_of(rolled, size):
    # Pixel (0, 0) came from minus the offset, modulo the size; offsets are less than half of it.
    return tuple((int(-v) + s // 2) % s - s // 2 for v, s in zip(rolled[0, 0, 0, :2], size))  # noqa: B905


def test_roll_stays_in_range_and_reaches_its_ends():
    image = tf.constant(numbered(12, 17))
    offsets = set()
    for step in range(200):
        rolled = random_roll(image, [3, step], 2).numpy()
        offset = offset_of(rolled, (12, 17))
        np.testing.assert_array_equal(rolled, np.roll(image, offset, axis=(1, 2)))
        offsets.add(offset)
    # 25 offsets in 200 draws: one is missed once in 200 sets of draws, and the seeds are fixed.
    assert offsets == {(y, x) for y in range(-2, 3) for x in range(-2, 3)}


def test_roll_comes_from_the_seed():
    image = tf.constant(numbered(40, 50))
    rolls = [random_roll(image, seed, 16).numpy() for seed in ([0, 1], [0, 1], [1, 1], [0, 2])]
    np.testing.assert_array_equal(rolls[0], rolls[1])
    assert not np.array_equal(rolls[0], rolls[2])
    assert not np.array_equal(rolls[0], rolls[3])


@pytest.mark.parametrize("jitter", [1, 100])
def test_roll_loses_no_pixel(jitter):
    image = numbered(7, 9)  # Smaller than the largest roll.
    rolled = random_roll(tf.constant(image), [0, 5], jitter).numpy()
    assert sorted(rolled[..., 2].ravel()) == sorted(image[..., 2].ravel())


def noise(height, width, seed=0):
    return np.random.default_rng(seed).uniform(size=(1, height, width, 3)).astype(np.float32)


@pytest.mark.parametrize("pixels", [1, 12])
def test_pad_frames_in_grey(pixels):
    image = noise(7, 9)
    sides = [(0, 0), (pixels, pixels), (pixels, pixels), (0, 0)]
    expected = np.pad(image, sides, constant_values=0.5)
    np.testing.assert_array_equal(pad(tf.constant(image), pixels), expected)


# --- Scaling and rotating


@pytest.mark.parametrize("degrees", [0, 7, -33, 180])
@pytest.mark.parametrize("factor", [1.0, 0.6, 1.3])
@pytest.mark.parametrize("size", SIZES)
def test_scale_and_rotate_against_scipy(size, factor, degrees):
    image = noise(*size)
    angle = float(np.radians(degrees))
    sin, cos = np.sin(angle), np.cos(angle)
    matrix = np.array([[cos, sin], [-sin, cos]]) / factor
    centre = (np.array(size) - 1) / 2
    expected = np.stack(
        [
            scipy.ndimage.affine_transform(
                plane, matrix, centre - matrix @ centre, order=1, mode="grid-constant", cval=0.5
            )
            for plane in np.moveaxis(image[0].astype(np.float64), -1, 0)
        ],
        axis=-1,
    )
    got = scale_and_rotate(tf.constant(image), factor, angle)
    np.testing.assert_allclose(got, expected[np.newaxis], atol=2e-5)


@pytest.mark.parametrize("size", SIZES)
def test_no_scale_and_no_angle_leave_a_picture_as_it_is(size):
    image = tf.constant(noise(*size))
    np.testing.assert_array_equal(scale_and_rotate(image, 1.0, 0.0), image)
    np.testing.assert_array_equal(random_scale_and_rotate(image, [1, 2], 0.0, 0.0), image)
    np.testing.assert_array_equal(Transforms()(image, [1, 2]), image)


@pytest.mark.parametrize("size", [8, 9])
def test_a_quarter_turn_is_counterclockwise(size):
    image = noise(size, size)
    turned = scale_and_rotate(tf.constant(image), 1.0, np.pi / 2)
    np.testing.assert_allclose(turned, np.rot90(image, axes=(1, 2)), atol=1e-5)


def test_what_a_smaller_picture_leaves_free_is_grey():
    image = tf.ones([1, 40, 60, 3])
    expected = np.full(image.shape, 0.5, np.float32)
    expected[:, 10:30, 15:45] = 1.0
    np.testing.assert_array_equal(scale_and_rotate(image, 0.5, 0.0), expected)


def test_factors_and_angles_stay_in_range_and_reach_its_ends():
    # Each pixel tells where it was, so that its neighbours tell how they were moved.
    image = tf.constant(numbered(41, 51))
    factors, angles = [], []
    for step in range(100):
        seen = random_scale_and_rotate(image, [3, step], 0.2, 15.0).numpy()
        sin, cos = (seen[0, 20, 26] - seen[0, 20, 25])[:2]
        factors.append(1 / np.hypot(sin, cos))
        angles.append(np.degrees(np.arctan2(sin, cos)))
        np.testing.assert_allclose(seen[0, 20, 25, :2], [20, 25], atol=1e-4)
    for values, low, high in ((factors, 0.8, 1.2), (angles, -15, 15)):
        span = high - low
        assert low - 1e-3 < min(values) < low + 0.05 * span
        assert high + 1e-3 > max(values) > high - 0.05 * span
    assert abs(np.corrcoef(factors, angles)[0, 1]) < 0.2


def test_factor_and_angle_come_from_the_seed():
    image = tf.constant(noise(30, 20))
    seeds = ([0, 1], [0, 1], [1, 1], [0, 2])
    seen = [random_scale_and_rotate(image, seed, 0.1, 10).numpy() for seed in seeds]
    np.testing.assert_array_equal(seen[0], seen[1])
    assert not np.array_equal(seen[0], seen[2])
    assert not np.array_equal(seen[0], seen[3])


# --- All together


@pytest.mark.parametrize("seed", [[0, 0], [3, 7]])
def test_jitter_alone_is_the_roll(seed):
    image = tf.constant(numbered(40, 50))
    expected = random_roll(image, seed, 16)
    np.testing.assert_array_equal(Transforms(jitter=16)(image, tf.constant(seed)), expected)


def test_a_step_is_left_out_where_it_is_0():
    image = tf.constant(noise(30, 20))
    seen = Transforms(pad=5)(image, [0, 1])
    np.testing.assert_array_equal(seen, pad(image, 5))
    assert not np.array_equal(Transforms(scale=0.1)(image, [0, 1]), image)
    assert not np.array_equal(Transforms(degrees=10)(image, [0, 1]), image)


def test_both_jitters_differ():
    image = tf.constant(numbered(40, 50))
    offsets = {
        tuple(offset_of(Transforms(**{name: 16})(image, [2, step]).numpy(), (40, 50)))
        for name in ("jitter", "final_jitter")
        for step in range(5)
    }
    assert len(offsets) == 10


def test_order_is_pad_roll_turn_roll():
    image = tf.constant(noise(30, 20))
    seed = tf.constant([4, 5])
    turn = Transforms(scale=0.1, degrees=10)
    expected = Transforms(jitter=8)(pad(image, 12), seed)
    expected = Transforms(final_jitter=4)(turn(expected, seed), seed)
    np.testing.assert_array_equal(LUCIDS(image, seed), expected)
    assert LUCIDS(image, seed).shape == (1, 54, 44, 3)


@pytest.mark.parametrize("transform", [LUCIDS, Transforms(scale=0.4, degrees=45)])
def test_gradient_against_finite_differences(transform):
    image, seed = tf.constant(noise(5, 4)), [1, 2]
    upstream = tf.constant(noise(*transform(image, seed).shape[1:3], seed=1))

    def loss(image):
        return tf.reduce_sum(transform(image, seed) * upstream)

    with tf.GradientTape() as tape:
        tape.watch(image)
        value = loss(image)
    gradient = tape.gradient(value, image).numpy().ravel()
    # A transform is linear, so that differences are exact at any width.
    differences = np.empty_like(gradient)
    for i in range(len(gradient)):
        step = np.eye(1, len(gradient), i, dtype=np.float32).reshape(image.shape)
        differences[i] = (loss(image + step) - loss(image - step)) / 2
    assert np.abs(gradient).max() > 0
    np.testing.assert_allclose(gradient, differences, atol=1e-4 * np.abs(gradient).max())


def test_one_graph_serves_all_sizes():
    @tf.function(
        autograph=False,
        input_signature=[tf.TensorSpec([1, None, None, 3]), tf.TensorSpec([2], tf.int32)],
    )
    def evaluator(image, seed):
        with tf.GradientTape() as tape:
            tape.watch(image)
            seen = LUCIDS(image, seed)
            loss = tf.reduce_sum(seen)
        gradient = tape.gradient(loss, image)
        assert seen.shape.as_list() == gradient.shape.as_list() == [1, None, None, 3]
        return seen, gradient

    for size in SIZES:
        image = tf.constant(noise(*size))
        seen, gradient = evaluator(image, [0, 1])
        np.testing.assert_allclose(seen, LUCIDS(image, [0, 1]), atol=1e-5)
        assert gradient.shape == image.shape
    assert evaluator.experimental_get_tracing_count() == 1
