"""The Keras example "Neural style transfer" by F. Chollet.

keras.io/examples/generative/neural_style_transfer
"""

import keras
import numpy as np
import tensorflow as tf
from keras.applications import vgg19

STYLE_LAYERS = [f"block{block}_conv1" for block in range(1, 6)]
CONTENT_LAYER = "block5_conv2"
TOTAL_VARIATION_WEIGHT, STYLE_WEIGHT, CONTENT_WEIGHT = 1e-6, 1e-6, 2.5e-8


def load_pictures(base_path, style_path, rows):
    """Loads both pictures at the size that the example gives them: RGB in [0, 255]."""
    width, height = keras.utils.load_img(base_path).size
    size = rows, int(width * rows / height)
    images = (keras.utils.load_img(path, target_size=size) for path in (base_path, style_path))
    return [keras.utils.img_to_array(image)[np.newaxis] for image in images]


class KerasStyleTransfer:
    """Paints as the example does: three pictures go through the network together at each step.

    Args:
        model: VGG19 without its head.
        base: RGB (1, height, width, 3) in [0, 255].
        style: The same of the style, of the same size.
        start: The same of what the descent begins with; by default `base`.
    """

    def __init__(self, model, base, style, start=None):
        self.size = base.shape[1:3]
        self.extractor = keras.Model(
            model.inputs[0], {layer.name: layer.output for layer in model.layers}
        )
        start = base if start is None else start
        base, style, start = (
            tf.convert_to_tensor(vgg19.preprocess_input(picture.copy()))
            for picture in (base, style, start)
        )
        self.pictures = base, style
        self.combination = tf.Variable(start)
        self.compute_losses_and_grads = tf.function(self._compute_losses_and_grads)
        self.optimizer = keras.optimizers.SGD(
            keras.optimizers.schedules.ExponentialDecay(
                initial_learning_rate=100.0, decay_steps=100, decay_rate=0.96
            )
        )

    def step(self):
        """Takes a step; returns the losses before: content, style by layer, total variation."""
        losses, grads = self.compute_losses_and_grads(self.combination, *self.pictures)
        self.optimizer.apply_gradients([(grads, self.combination)])
        return losses

    def losses(self):
        """Evaluates the losses, without a step."""
        return self._losses(self.combination, *self.pictures)

    def image(self):
        """The picture so far: RGB (height, width, 3) in [0, 1], before it is rounded to 8 bits."""
        x = self.combination.numpy()[0] + [103.939, 116.779, 123.68]
        return np.clip(x[:, :, ::-1], 0, 255) / 255

    def _compute_losses_and_grads(self, combination, base, style):
        with tf.GradientTape() as tape:
            losses = self._losses(combination, base, style)
            loss = sum(losses)
        return losses, tape.gradient(loss, combination)

    def _losses(self, combination, base, style):
        features = self.extractor(tf.concat([base, style, combination], axis=0))
        content = features[CONTENT_LAYER]
        losses = [CONTENT_WEIGHT * tf.reduce_sum(tf.square(content[2] - content[0]))]
        for name in STYLE_LAYERS:
            loss = self._style_loss(features[name][1], features[name][2])
            losses.append((STYLE_WEIGHT / len(STYLE_LAYERS)) * loss)
        return [*losses, TOTAL_VARIATION_WEIGHT * self._total_variation_loss(combination)]

    def _style_loss(self, style, combination):
        channels, (height, width) = 3, self.size
        difference = _gram_matrix(style) - _gram_matrix(combination)
        return tf.reduce_sum(tf.square(difference)) / (4.0 * channels**2 * (height * width) ** 2)

    def _total_variation_loss(self, x):
        height, width = self.size
        corner = x[:, : height - 1, : width - 1, :]
        a = tf.square(corner - x[:, 1:, : width - 1, :])
        b = tf.square(corner - x[:, : height - 1, 1:, :])
        return tf.reduce_sum(tf.pow(a + b, 1.25))


def _gram_matrix(x):
    x = tf.transpose(x, (2, 0, 1))
    features = tf.reshape(x, (tf.shape(x)[0], -1))
    return tf.matmul(features, tf.transpose(features))
