import numpy as np
import pytest
import tensorflow as tf

from kerasart.image import as_image
from kerasart.image.arrays import quantise


@pytest.mark.parametrize("shape", [(4, 5, 3), (1, 4, 5, 3)])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_keep_their_values(shape, dtype):
    array = np.linspace(0, 1, 60).astype(dtype).reshape(shape)
    image = as_image(array)
    assert image.dtype == np.float32
    assert image.shape == (1, 4, 5, 3)
    np.testing.assert_array_equal(image.ravel(), array.ravel().astype(np.float32))


def test_bytes_become_exactly_their_255th():
    array = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)
    image = as_image(array)
    assert image.dtype == np.float32
    expected = [np.float32(value / 255) for value in range(256)]
    np.testing.assert_array_equal(image[..., 1].ravel(), expected)


def test_tensors_are_welcome():
    image = as_image(tf.fill((2, 2, 3), 0.25))
    assert isinstance(image, np.ndarray)
    assert image.shape == (1, 2, 2, 3)
    assert (image == 0.25).all()


@pytest.mark.parametrize(
    "shape", [(3,), (4, 5), (4, 5, 1), (4, 5, 4), (2, 4, 5, 3), (1, 1, 4, 5, 3), (0, 5, 3)]
)
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"`style` must have shape .* Received: shape \("):
        as_image(np.zeros(shape, np.float32), name="style")


@pytest.mark.parametrize(("value", "kind"), [("photo.jpg", "str"), (None, "NoneType")])
def test_what_is_no_array_is_called_by_its_type(value, kind):
    with pytest.raises(ValueError, match=f"`image` must have shape .* Received: a {kind}$"):
        as_image(value)


def test_rows_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="`image` must be an array. Received: "):
        as_image([[1], [2, 3]])


@pytest.mark.parametrize("value", [-0.001, 1.001, np.nan, np.inf, -np.inf])
def test_other_values_are_refused(value):
    array = np.full((2, 2, 3), 0.5)
    array[1, 0, 2] = value
    with pytest.raises(ValueError, match="`image` must hold .* Received: values from"):
        as_image(array)


@pytest.mark.parametrize("dtype", [np.int32, np.uint16, bool, complex, str])
def test_other_types_are_refused(dtype):
    with pytest.raises(ValueError, match="`image` must be uint8 .* Received: dtype"):
        as_image(np.zeros((2, 2, 3), dtype))


@pytest.mark.parametrize("bits", [8, 16])
def test_quantise_rounds_to_the_nearest_level(bits):
    levels = 2**bits - 1
    values = np.array([0, 0.4, 0.6, 1.4, levels - 0.6, levels - 0.4, levels]) / levels
    expected = [0, 0, 1, 1, levels - 1, levels, levels]
    rounded = quantise(values, bits)
    assert rounded.dtype == f"uint{bits}"
    np.testing.assert_array_equal(rounded, expected)
