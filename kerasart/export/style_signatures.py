"""`ServedStyles` and `ServedAnyStyle`: the signatures of style networks."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from kerasart.export.image_ops import accepted, first_refusal, refuse_unless
from kerasart.export.signatures import Served, check_bounds, map_each, signature
from kerasart.image.resizing import resize
from kerasart.levels import LEVELS
from kerasart.networks import StyleNetwork
from kerasart.networks.fused import FusedNetwork


class ServedStyles(Served):
    """Signatures of a network with named styles.

    There are more: `levels` and `levels_or_error`, which are `bytes` and `bytes_or_error` with
    style weights for each level; and `styles`, which converts names to weights.

    Args:
        network: The network.
        precision: "float32", "bfloat16" or "auto", of the convolutions.
        most: The most pixels of an image.
    """

    def __init__(self, network: StyleNetwork, precision: str, most: int):
        super().__init__(network.least_size, most)
        self._names = network.styles
        self.example_name = self._names[0].encode()
        self._network = FusedNetwork(network, precision, portable=True)
        # Traced once, for weights with and without levels.
        self._forward = tf.function(self._network.forward, autograph=False)
        self.variables = self._network.kernels
        first = [1.0] + [0.0] * (len(self._names) - 1)
        self.defaults = {"style_weights": first, "strength": 1.0}

    def options(self) -> dict[str, tf.TensorSpec]:
        """The styles' weights, and the strength."""
        return {
            "style_weights": tf.TensorSpec([len(self._names)]),
            "strength": tf.TensorSpec([]),
        }

    def prepare(
        self, style_weights: tf.Tensor, strength: tf.Tensor
    ) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        """Normalises weights, which are refused if negative or all 0."""
        total = tf.reduce_sum(style_weights, axis=-1, keepdims=True)
        received = tf.strings.reduce_join(tf.strings.as_string(style_weights), separator=" ")
        allowed = "`style_weights` must be 0 or more, and not all 0"
        is_number = (total > 0) & tf.math.is_finite(total)
        is_allowed = tf.reduce_all(style_weights >= 0) & tf.reduce_all(is_number)
        refusal = refuse_unless(is_allowed, allowed, received)
        prepared = {"style_weights": style_weights / total, "strength": strength}
        return prepared, first_refusal(refusal, _check_strength(strength))

    def paint(self, image: tf.Tensor, style_weights: tf.Tensor, strength: tf.Tensor) -> tf.Tensor:
        """Paints an image with weights of the sum 1."""
        return self._forward(image, self._network.encode_style(style_weights), strength)

    def signatures(self) -> dict[str, Any]:
        """Adds those by level; and `styles`, which converts "a:0.6,b:0.4" to style weights."""
        signatures = super().signatures()
        _, inputs = signatures["bytes"].structured_input_signature
        shape = [None, len(LEVELS), len(self._names)]
        weights = {"style_weights": tf.TensorSpec(shape, name="style_weights")}
        names = {"names": tf.TensorSpec([None], tf.string, "names")}
        return signatures | {
            **self._of_files("levels", inputs | weights),
            "styles": signature(self._parse_names, names),
        }

    def _parse_names(self, names):
        known = tf.constant(self._names)

        def parse(text):
            parts = tf.strings.split(tf.strings.split(text, ","), ":")
            parts = parts.to_tensor("1", shape=[None, 2])
            which = tf.strings.strip(parts[:, :1]) == known
            is_known = tf.reduce_all(tf.reduce_any(which, axis=1))
            allowed = f"`names` must be of {', '.join(self._names)}"
            is_number = tf.strings.regex_full_match(parts[:, 1], r"\s*\d*\.?\d+\s*")
            refusal = first_refusal(
                refuse_unless(is_known, allowed, text),
                refuse_unless(
                    tf.reduce_all(is_number), "`names` must have numbers as weights", text
                ),
            )
            with accepted(refusal):
                weights = tf.strings.to_number(tf.strings.strip(parts[:, 1]))
            return tf.reduce_sum(tf.cast(which, tf.float32) * weights[:, tf.newaxis], axis=0)

        weights = map_each(parse, names, tf.TensorSpec([len(self._names)]))
        return {"style_weights": weights}


class ServedAnyStyle(Served):
    """Signatures of a network for any style, each with a style image's file as another input.

    If styles may differ by level, there are two more: `levels` and `levels_or_error`, which are
    `bytes` and `bytes_or_error` with three files, of the coarse, the middle and the fine style.

    Args:
        network: The network.
        precision: "float32", "bfloat16" or "auto", of the convolutions.
        most: The most pixels of an image, and of a style image.
    """

    defaults = {"strength": 1.0}

    def __init__(self, network: StyleNetwork, precision: str, most: int):
        super().__init__(network.least_size, most)
        self._style_size = network.style_size
        self._has_levels = network.has_levels
        self._encode = tf.function(self._encode_file, autograph=False)  # Traced once.
        self._network = FusedNetwork(network, precision, portable=True)
        self.variables = self._network.kernels

    def options(self) -> dict[str, tf.TensorSpec]:
        """The style image's file, and the strength."""
        return {"style_bytes": tf.TensorSpec([], tf.string), "strength": tf.TensorSpec([])}

    def prepare(
        self, style_bytes: tf.Tensor, strength: tf.Tensor
    ) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        """Encodes the style of a file, or of one for each level."""
        if style_bytes.shape.rank == 1:
            style_code, refusal = self._encode(style_bytes[0])
        else:
            encode = self._encode.get_concrete_function(tf.TensorSpec([], tf.string))
            specs = tf.nest.map_structure(tf.TensorSpec.from_tensor, encode.structured_outputs)
            codes, refusals = map_each(self._encode, style_bytes[0], specs)
            levels = [codes[level, :, level] for level in range(len(LEVELS))]
            style_code, refusal = tf.stack(levels, axis=1), first_refusal(*tf.unstack(refusals))
        prepared = {"style_code": style_code, "strength": strength}
        return prepared, first_refusal(refusal, _check_strength(strength))

    def paint(self, image: tf.Tensor, style_code: tf.Tensor, strength: tf.Tensor) -> tf.Tensor:
        """Paints an image in an encoded style."""
        return self._network.forward(image, style_code, strength)

    def _encode_file(self, file):
        style, refusal = self.decode(file, "style_bytes")
        size = tf.cast(tf.shape(style)[1:3], tf.float32)
        scale = tf.minimum(1.0, self._style_size / tf.reduce_max(size))
        size = tf.maximum(tf.cast(tf.round(size * scale), tf.int32), self.least)
        style = resize(style, size, antialias=True, method="lanczos3")
        return self._network.encode_style(style), refusal

    def signatures(self) -> dict[str, Any]:
        """Adds those by level, if the network has any."""
        signatures = super().signatures()
        if not self._has_levels:
            return signatures
        _, inputs = signatures["bytes"].structured_input_signature
        files = {"style_bytes": tf.TensorSpec([None, len(LEVELS)], tf.string, "style_bytes")}
        return signatures | self._of_files("levels", inputs | files)


# By `StyleNetwork.style_input`.
SERVED: dict[str, Callable[..., Served]] = {"style_weights": ServedStyles, "style": ServedAnyStyle}


def _check_strength(strength):
    return check_bounds("strength", strength[0], 0.0, 1.0)
