"""EfficientNet's own input normalisation survives loading from a file, and cutting."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasart.backbones import load_backbone

MEAN, DEVIATION = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])


@pytest.fixture
def weights_file(tmp_path):
    """EfficientNetB0's weights, random but for the normalisation, which is the published one."""
    keras.utils.set_random_seed(0)
    model = keras.applications.EfficientNetB0(
        weights=None, include_top=False, input_shape=(None, None, 3)
    )
    (layer,) = [layer for layer in model.layers if type(layer).__name__ == "Normalization"]
    layer.adapt_mean.assign(MEAN)
    layer.adapt_variance.assign(DEVIATION**2)
    path = tmp_path / "efficientnet.weights.h5"
    model.save_weights(path)
    return path


def test_normalises_as_keras_does_with_imagenet_weights(weights_file):
    backbone = load_backbone("efficientnet_b0", weights_file).cut(["stem_conv"])
    kernel = load_kernel(weights_file)
    image = np.random.default_rng(0).random((1, 32, 32, 3), dtype=np.float32)
    # What keras.applications computes for weights="imagenet": (x - mean) / deviation, over
    # another square root of the deviation; then the stem's padding and strides.
    normalised = (image - MEAN) / DEVIATION / np.sqrt(DEVIATION)
    padded = np.pad(normalised, ((0, 0), (0, 1), (0, 1), (0, 0)))
    expected = tf.nn.conv2d(padded, kernel, strides=2, padding="VALID")
    features = backbone(tf.constant(image))["stem_conv"]
    np.testing.assert_allclose(features, expected, rtol=1e-4, atol=1e-4)


def load_kernel(path):
    model = keras.applications.EfficientNetB0(
        weights=None, include_top=False, input_shape=(None, None, 3)
    )
    model.load_weights(path)
    return model.get_layer("stem_conv").get_weights()[0]
