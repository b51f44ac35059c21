"""The Keras example "Deep Dream" by F. Chollet, keras.io/examples/generative/deep_dream."""

import keras
import numpy as np
import tensorflow as tf

LAYERS = {"mixed4": 1.0, "mixed5": 1.5, "mixed6": 2.0, "mixed7": 2.5}


class KerasDeepDream:
    """Dreams as the example does: its settings, its code path.

    Args:
        model: A network without its head, as `keras.applications` builds it.
        layers: Dict of layer name to coefficient.
    """

    def __init__(self, model, layers=LAYERS):
        self.layers = layers
        outputs = {name: model.get_layer(name).output for name in layers}
        self.extractor = keras.Model(model.inputs[0], outputs)
        self.step = tf.function(self._step)

    def _loss(self, image):
        loss = tf.zeros(shape=())
        for name, activation in self.extractor(image).items():
            scaling = tf.reduce_prod(tf.cast(tf.shape(activation), "float32"))
            squares = tf.square(activation[:, 2:-2, 2:-2, :])
            loss += self.layers[name] * tf.reduce_sum(squares) / scaling
        return loss

    def _step(self, image, step_size):
        with tf.GradientTape() as tape:
            tape.watch(image)
            loss = self._loss(image)
        gradient = tape.gradient(loss, image)
        gradient /= tf.maximum(tf.reduce_mean(tf.abs(gradient)), 1e-6)
        return loss, image + step_size * gradient

    def dream(
        self,
        photo,
        octaves=3,
        scale=1.4,
        steps=20,
        step_size=0.01,
        max_loss=15.0,
        on_step=lambda octave: None,
    ):
        """Dreams; RGB (1, height, width, 3) in [0, 1] in and out, and the loss at each step."""
        original = image = shrunk = 2.0 * photo - 1.0
        losses = []
        for octave in range(octaves):
            factor = scale ** (octaves - 1 - octave)
            shape = tuple(int(side / factor) for side in photo.shape[1:3])
            if octave == 0:
                shrunk = tf.image.resize(original, shape)
            image = tf.image.resize(image, shape)
            for _ in range(steps):
                loss, image = self.step(image, step_size)
                losses.append(float(loss))
                on_step(octave)
                if max_loss is not None and losses[-1] > max_loss:
                    break
            same_size_original = tf.image.resize(original, shape)
            image += same_size_original - tf.image.resize(shrunk, shape)
            shrunk = same_size_original
        return np.clip(image.numpy() / 2.0 + 0.5, 0.0, 1.0), losses
