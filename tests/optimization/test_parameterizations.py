import numpy as np
import pytest
import tensorflow as tf

from kerasart.optimization import Fourier, noise_image
from kerasart.optimization.parameterizations import hartley_transform

SIZES = [(1, 1), (6, 8), (7, 9), (5, 8), (4, 1)]
COLOURS = np.array([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]])
COLOURS /= np.sqrt((COLOURS**2).sum(axis=0).max())


def normal(height, width, deviation=1.0, seed=0):
    noise = np.random.default_rng(seed).normal(0, deviation, (1, height, width, 3))
    return noise.astype(np.float32)


def basis(height, width):
    """What each coefficient of Hartley's transform draws, by its definition: [coefficient, pixel].

    cas(x) = cos(x) + sin(x), of 2 pi times the frequency times the place.
    """
    grid = np.indices((height, width)).reshape(2, -1)
    angles = 2 * np.pi * (grid.T / [height, width]) @ grid
    return (np.cos(angles) + np.sin(angles)) / np.sqrt(height * width)


def decode(coefficients, decay=1.0):
    """The picture of some coefficients, in float64."""
    height, width = coefficients.shape[1:3]
    frequency = np.hypot(np.fft.fftfreq(height)[:, np.newaxis], np.fft.fftfreq(width))
    scale = 8**-0.5 / np.maximum(frequency, 1 / max(height, width)) ** decay
    flat = (coefficients * scale[..., np.newaxis]).reshape(-1, 3)
    colours = basis(height, width).T @ flat @ COLOURS.T
    return 1 / (1 + np.exp(-colours.reshape(coefficients.shape)))


# --- The transform


@pytest.mark.parametrize("size", SIZES)
def test_transform_against_its_definition(size):
    matrix, image = basis(*size), normal(*size)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(len(matrix)), atol=1e-12)
    expected = (matrix @ image.reshape(-1, 3)).reshape(image.shape)
    np.testing.assert_allclose(hartley_transform(tf.constant(image)), expected, atol=1e-5)


@pytest.mark.parametrize("size", [(64, 48), (101, 75), (97, 128)])
def test_transform_is_orthonormal_and_its_own_inverse(size):
    image = normal(*size)
    spectrum = np.fft.fft2(image, axes=(1, 2), norm="ortho")
    transformed = hartley_transform(tf.constant(image))
    np.testing.assert_allclose(transformed, spectrum.real - spectrum.imag, atol=1e-4)
    assert np.linalg.norm(transformed) == pytest.approx(np.linalg.norm(image), rel=1e-5)
    np.testing.assert_allclose(hartley_transform(transformed), image, atol=1e-5)


# --- Coefficients and pictures


@pytest.mark.parametrize("decay", [0.0, 1.0, 1.5])
@pytest.mark.parametrize("size", SIZES)
def test_decode_against_numpy(size, decay):
    coefficients = normal(*size)
    got = Fourier(decay).decode(tf.constant(coefficients))
    np.testing.assert_allclose(got, decode(coefficients, decay), atol=1e-5)


@pytest.mark.parametrize("decay", [0.0, 1.0, 1.5])
def test_a_photo_comes_back(cat, decay):
    fourier = Fourier(decay)
    for photo in (cat, cat[:, :97, :201], 1 - cat[:, 3:100, 5:]):
        coefficients = fourier.encode(photo)
        assert coefficients.shape == photo.shape and coefficients.dtype == tf.float32
        np.testing.assert_allclose(fourier.decode(coefficients), photo, atol=0.0051)


def test_black_and_white_come_back():
    rows, columns = np.indices((33, 50))
    board = ((rows // 8 + columns // 8) % 2)[np.newaxis, ..., np.newaxis]
    for picture in (np.zeros((1, 9, 7, 3)), np.ones((1, 8, 7, 3)), board * [1, 0, 1]):
        picture = picture.astype(np.float32)
        coefficients = Fourier().encode(picture)
        assert np.isfinite(coefficients).all()
        np.testing.assert_allclose(Fourier().decode(coefficients), picture, atol=0.0051)


@pytest.mark.parametrize("size", SIZES)
def test_coefficients_come_back(size):
    coefficients = normal(*size, 0.3)
    fourier = Fourier()
    got = fourier.encode(fourier.decode(tf.constant(coefficients)))
    np.testing.assert_allclose(got, coefficients, atol=1e-4)


def test_gradient_against_finite_differences():
    coefficients = normal(5, 4, 0.5)
    upstream = normal(5, 4, seed=1)
    with tf.GradientTape() as tape:
        variable = tf.Variable(coefficients)
        loss = tf.reduce_sum(Fourier().decode(variable) * upstream)
    gradient = tape.gradient(loss, variable).numpy().ravel()
    differences = np.empty(gradient.shape)
    for i in range(len(gradient)):
        step = 1e-5 * np.eye(1, len(gradient), i).reshape(coefficients.shape)
        ahead, behind = decode(coefficients + step), decode(coefficients - step)
        differences[i] = ((ahead - behind) * upstream).sum() / 2e-5
    assert np.abs(gradient).max() > 0
    np.testing.assert_allclose(gradient, differences, atol=1e-5 * np.abs(gradient).max())


def test_one_graph_serves_all_sizes():
    fourier = Fourier()

    @tf.function(input_signature=[tf.TensorSpec([1, None, None, 3])])
    def differentiate(coefficients):
        with tf.GradientTape() as tape:
            tape.watch(coefficients)
            image = fourier.decode(coefficients)
            loss = tf.reduce_sum(image**2)
        gradient = tape.gradient(loss, coefficients)
        assert image.shape.as_list() == gradient.shape.as_list() == [1, None, None, 3]
        assert fourier.encode(image).shape.as_list() == [1, None, None, 3]
        return image, gradient, fourier.encode(image)

    for size in SIZES:
        coefficients = tf.constant(normal(*size, 0.3))
        image, gradient, again = differentiate(coefficients)
        np.testing.assert_allclose(image, fourier.decode(coefficients), atol=1e-6)
        np.testing.assert_allclose(again, coefficients, atol=1e-4)
        assert gradient.shape == coefficients.shape and np.abs(gradient).max() > 0
    assert differentiate.experimental_get_tracing_count() == 1


# --- From nothing


def test_noise_comes_from_the_seed():
    first, again, other = (noise_image((30, 41), seed) for seed in (3, 3, 4))
    assert first.shape == (1, 30, 41, 3) and first.dtype == np.float32
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("size", [(64, 96), (255, 201)])
def test_noise_is_soft_grey(size):
    picture = noise_image(size, 0)
    assert 0.4 < picture.min() and picture.max() < 0.6
    assert picture.mean() == pytest.approx(0.5, abs=0.01)
    assert 0.001 < picture.std() < 0.02


def test_noise_has_lucids_contrast():
    height, width = 48, 64
    generator = np.random.default_rng(0)
    frequency = np.hypot(np.fft.fftfreq(height)[:, np.newaxis], np.fft.rfftfreq(width))
    scale = (height * width) ** 0.5 / np.maximum(frequency, 1 / width)

    def lucid():
        real, imaginary = generator.normal(0, 0.01, (2, 3, *scale.shape))
        colours = np.fft.irfft2((real + 1j * imaginary) * scale, (height, width)) / 4
        return np.moveaxis(colours, 0, -1) @ COLOURS.T

    def ours(seed):
        picture = noise_image((height, width), seed).astype(np.float64)
        return np.log(picture / (1 - picture))

    expected = np.mean([np.var(lucid()) for _ in range(100)]) ** 0.5
    got = np.mean([np.var(ours(seed)) for seed in range(100)]) ** 0.5
    # Lucid hears no imaginary part of what has no horizontal frequency, a twentieth of all.
    assert got == pytest.approx(expected, rel=0.1)
