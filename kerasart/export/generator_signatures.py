"""`ServedGenerator`: the signatures of a served generator."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from kerasart.export.image_ops import accepted, check_format, encode_picture, to_pixels
from kerasart.export.signatures import signature
from kerasart.levels import LEVELS
from kerasart.networks import StyleGenerator
from kerasart.settings.generator import SeedSettings


class ServedGenerator:
    """Signatures of a generator.

    Each input has a batch dimension:

    - `serving_default`: `z` (batch, z_size) in, `image_bytes`, PNG files, out;
    - `map`: `z` (batch, levels, z_size), a z for each level of detail, and `truncation` (batch,)
      in, `w` (batch, places, w_size) out;
    - `bytes`: `w` and `format`, "png" or "jpeg", in, `image_bytes` out;
    - `pixels` and `pixels_float`: `w` in, `image` (batch, size, size, 3), uint8 or float32, out.

    Args:
        generator: The `StyleGenerator`.

    Attributes:
        defaults: Option name to the value that `serving_default`, or a warm-up request, uses.
        variables: The variables of the graphs, to be saved with them.
    """

    defaults = {"truncation": SeedSettings.truncation, "z": 0.0, "w": 0.0}

    def __init__(self, generator: StyleGenerator):
        self._generator = generator
        config = generator.get_config()
        self._z, self._w = config["z_size"], (len(generator.levels), config["w_size"])
        self.variables = [each.value for each in generator.variables]

    def map(self, z: tf.Tensor, truncation: tf.Tensor) -> tf.Tensor:
        """Computes w (batch, places, w_size) of a z for each level, and mixes them."""
        generator = self._generator
        own = dict(zip(LEVELS, tf.unstack(z, len(LEVELS), axis=1), strict=True))
        share = truncation[:, tf.newaxis]
        return generator.mix(
            {level: generator.map(own[level], share) for level in dict.fromkeys(generator.levels)}
        )

    def paint(self, z: tf.Tensor, truncation: tf.Tensor) -> tf.Tensor:
        """Paints (batch, size, size, 3) of a z for each level."""
        return self._generator.paint(self.map(z, truncation))

    def specs(self) -> dict[str, tf.TensorSpec]:
        """Returns a dict of what `map` and `paint` take."""
        shape = [None, len(LEVELS), self._z]
        truncation = tf.TensorSpec([None], name="truncation")
        return {"z": tf.TensorSpec(shape, name="z"), "truncation": truncation}

    def signatures(self) -> dict[str, Any]:
        """Traces the signatures: a dict of name to concrete function."""
        z = {"z": tf.TensorSpec([None, self._z], name="z")}
        w = {"w": tf.TensorSpec([None, *self._w], name="w")}
        formats = {"format": tf.TensorSpec([None], tf.string, "format")}
        return {
            "serving_default": signature(self._seen, z),
            "map": signature(lambda **inputs: {"w": self.map(**inputs)}, self.specs()),
            "bytes": signature(self._files, w | formats),
            "pixels": signature(lambda w: {"image": to_pixels(self._generator.paint(w))}, w),
            "pixels_float": signature(lambda w: {"image": self._generator.paint(w)}, w),
        }

    def _seen(self, z):
        w = self._generator.map(z, self.defaults["truncation"])
        return self._files(w, tf.fill([tf.shape(z)[0]], "png"))

    def _files(self, w, format):
        def encode(inputs):
            picture, format = inputs
            with accepted(check_format(format)):
                return encode_picture(picture, format)

        pictures = (self._generator.paint(w), format)
        files = tf.map_fn(encode, pictures, fn_output_signature=tf.TensorSpec([], tf.string))
        return {"image_bytes": files}
