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
      in, `w` (batch, places, w_size) out; of a generator of classes, both take `label`, too,
      float32 (batch, classes), 1 at the class of each and 0 elsewhere;
    - `bytes`: `w` and `format`, "png" or "jpeg", in, `image_bytes` out;
    - `pixels` and `pixels_float`: `w` in, `image` (batch, size, size, 3), uint8 or float32, out.

    Args:
        generator: The `StyleGenerator`.

    Attributes:
        defaults: Option name to the value that `serving_default`, or a warm-up request, uses.
        variables: The variables of the graphs, to be saved with them.
    """

    defaults = {"truncation": SeedSettings.truncation, "z": 0.0, "w": 0.0, "label": 0.0}

    def __init__(self, generator: StyleGenerator):
        self._generator = generator
        config = generator.get_config()
        self._z, self._w = config["z_size"], (len(generator.levels), config["w_size"])
        self.variables = [each.value for each in generator.variables]
        labels = {"label": tf.TensorSpec([None, generator.classes], name="label")}
        self._labels = labels if generator.classes else {}

    def map(self, z: tf.Tensor, truncation: tf.Tensor, label: tf.Tensor | None = None) -> tf.Tensor:
        """Computes w (batch, places, w_size) of a z for each level, and mixes them."""
        generator = self._generator
        own = dict(zip(LEVELS, tf.unstack(z, len(LEVELS), axis=1), strict=True))
        share = truncation[:, tf.newaxis]
        return generator.mix(
            {
                level: generator.map(own[level], share, label)
                for level in dict.fromkeys(generator.levels)
            }
        )

    def paint(
        self, z: tf.Tensor, truncation: tf.Tensor, label: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Paints (batch, size, size, 3) of a z for each level."""
        return self._generator.paint(self.map(z, truncation, label))

    def specs(self) -> dict[str, tf.TensorSpec]:
        """Returns a dict of what `map` and `paint` take."""
        shape = [None, len(LEVELS), self._z]
        truncation = tf.TensorSpec([None], name="truncation")
        return {"z": tf.TensorSpec(shape, name="z"), "truncation": truncation, **self._labels}

    def signatures(self) -> dict[str, Any]:
        """Traces the signatures: a dict of name to concrete function."""
        z = {"z": tf.TensorSpec([None, self._z], name="z")}
        w = {"w": tf.TensorSpec([None, *self._w], name="w")}
        formats = {"format": tf.TensorSpec([None], tf.string, "format")}
        return {
            "serving_default": signature(self._seen, z | self._labels),
            "map": signature(lambda **inputs: {"w": self.map(**inputs)}, self.specs()),
            "bytes": signature(self._files, w | formats),
            "pixels": signature(lambda w: {"image": to_pixels(self._generator.paint(w))}, w),
            "pixels_float": signature(lambda w: {"image": self._generator.paint(w)}, w),
        }

    def _seen(self, z, label=None):
        w = self._generator.map(z, self.defaults["truncation"], label)
        return self._files(w, tf.fill([tf.shape(z)[0]], "png"))

    def _files(self, w, format):
        def encode(inputs):
            picture, format = inputs
            with accepted(check_format(format)):
                return encode_picture(picture, format)

        pictures = (self._generator.paint(w), format)
        files = tf.map_fn(encode, pictures, fn_output_signature=tf.TensorSpec([], tf.string))
        return {"image_bytes": files}
