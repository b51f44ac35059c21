"""Signatures of served models: the base class `Served`, and those of style networks."""

from collections.abc import Callable
from functools import partial
from typing import Any

import tensorflow as tf

from kerasart.export.image_ops import (
    accepted,
    check_format,
    decode_picture,
    encode_picture,
    first_refusal,
    refuse_unless,
    to_pixels,
)
from kerasart.image.resizing import resize
from kerasart.levels import LEVELS
from kerasart.networks import StyleNetwork
from kerasart.networks.fused import FusedNetwork


class Served:
    """Base class of the signatures of a model that paints an image.

    Each input has a batch dimension, and each output a name:

    - `serving_default`: files in, PNG files out, with default options;
    - `bytes`: files in and out, with all options, and `format`, "png" or "jpeg";
    - `pixels` and `pixels_float`: images in and out, uint8 or float32, with all options.

    The files of a batch may differ in size. One that is refused fails its batch, but not in the
    signatures `serving_default_or_error` and `bytes_or_error`, which have a second output, `error`:
    for each file "", or a sentence where there is no painting. Servers that put requests of several
    clients into a batch need these.

    Args:
        least: The least height and width of an image.
        most: The most pixels of an image.

    Attributes:
        defaults: Option name to the value that `serving_default` uses.
        variables: The variables of the graphs, to be saved with them.
    """

    defaults: dict[str, Any] = {}
    variables: tuple | list = ()

    def __init__(self, least: int, most: int):
        self.least = least
        self._most = most
        # Traced once, for all signatures.
        self._decode = tf.function(decode_picture, autograph=False)
        self._paint = tf.function(self.paint, autograph=False)

    def options(self) -> dict[str, tf.TensorSpec]:
        """Returns a dict of option name to `tf.TensorSpec` without a batch dimension."""
        raise NotImplementedError

    def prepare(self, *args: Any, **options: Any) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        """Checks the options of an image.

        Args:
            **options: Each with a batch dimension of 1.

        Returns:
            A dict of what `paint` takes, and the refusal, or "".
        """
        raise NotImplementedError

    def paint(self, image: tf.Tensor, *args: Any, **prepared: Any) -> tf.Tensor:
        """Paints an image.

        Args:
            image: float32 RGB (1, height, width, 3) in [0, 1].
            **prepared: What `prepare` returned.

        Returns:
            float32 of the shape of `image`.
        """
        raise NotImplementedError

    def signatures(self) -> dict[str, Any]:
        """Traces the signatures: a dict of name to concrete function."""
        files = {"image_bytes": tf.TensorSpec([None], tf.string, "image_bytes")}
        options = {
            name: tf.TensorSpec([None, *spec.shape], spec.dtype, name)
            for name, spec in self.options().items()
        }
        formats = {"format": tf.TensorSpec([None], tf.string, "format")}
        mandatory = {name: spec for name, spec in options.items() if name not in self.defaults}
        signatures = {
            **self._of_files("serving_default", files | mandatory),
            **self._of_files("bytes", files | options | formats),
        }
        for name, dtype in (("pixels", tf.uint8), ("pixels_float", tf.float32)):
            pixels = {"image": tf.TensorSpec([None, None, None, 3], dtype, "image")}
            signatures[name] = signature(self._pixels, pixels | options)
        return signatures

    def _of_files(self, name, inputs):
        """Traces a signature that takes files, and the one that returns errors."""
        return {
            name: signature(partial(self._files, "raise"), inputs),
            f"{name}_or_error": signature(partial(self._files, "return"), inputs),
        }

    def _files(self, errors, image_bytes, format=None, **options):
        options = self._complete(options, tf.shape(image_bytes)[0])
        if format is None:
            format = tf.fill(tf.shape(image_bytes), "png")

        def answer(inputs):
            data, format, options = inputs
            image, refusal = self.decode(data)
            prepared, of_options = self.prepare(**_as_batch(options))
            refusal = first_refusal(refusal, of_options, check_format(format))

            def paint():
                return encode_picture(self._paint(image, **prepared)[0], format)

            painted = tf.cond(refusal == "", paint, lambda: "")
            if errors == "return":
                return painted, refusal
            with accepted(refusal):
                return tf.identity(painted), refusal

        file = tf.TensorSpec([], tf.string)
        files, refusals = _each(answer, (image_bytes, format, options), (file, file))
        if errors == "raise":
            return {"image_bytes": files}
        # In JSON it must be UTF-8, whatever a client sent as its format.
        return {
            "image_bytes": files,
            "error": tf.strings.unicode_transcode(refusals, "UTF-8", "UTF-8"),
        }

    def _pixels(self, image, **options):
        dtype = image.dtype
        options = self._complete(options, tf.shape(image)[0])

        def paint(inputs):
            picture, options = inputs
            picture = picture[tf.newaxis]
            if dtype == tf.uint8:
                picture = tf.cast(picture, tf.float32) / 255.0
            prepared, refusal = self.prepare(**_as_batch(options))
            with accepted(refusal):
                painted = self._paint(picture, **prepared)[0]
            return to_pixels(painted) if dtype == tf.uint8 else painted

        return {"image": _each(paint, (image, options), tf.TensorSpec([None, None, 3], dtype))}

    def decode(self, data: tf.Tensor, name: str = "image_bytes") -> tuple[tf.Tensor, tf.Tensor]:
        """Decodes a file to float32 RGB (1, height, width, 3) in [0, 1], and the refusal, or ""."""
        pixels, refusal = self._decode(data, self.least, self._most, name)
        return tf.cast(pixels, tf.float32)[tf.newaxis] / 255.0, refusal

    def _complete(self, options, batch):
        """Adds the defaults of omitted options."""
        specs = self.options()
        missing = {name: value for name, value in self.defaults.items() if name not in options}
        for name, value in missing.items():
            value = tf.constant(value, specs[name].dtype)
            options[name] = tf.repeat(value[tf.newaxis], batch, axis=0)
        return options


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

        weights = _each(parse, names, tf.TensorSpec([len(self._names)]))
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
            codes, refusals = _each(self._encode, style_bytes[0], specs)
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


def signature(function: Callable, inputs: dict[str, tf.TensorSpec]) -> Any:
    """Traces a function with its inputs as keywords: a concrete function."""

    def by_name(**inputs):
        return function(**inputs)

    return tf.function(by_name, autograph=False).get_concrete_function(**inputs)


def _as_batch(options):
    return {name: value[None] for name, value in options.items()}


def _each(function, inputs, outputs):
    """Applies a function to each element of a batch."""
    return tf.map_fn(function, inputs, fn_output_signature=outputs, parallel_iterations=1)


def _check_strength(strength):
    return check_bounds("strength", strength[0], 0.0, 1.0)


def check_bounds(name: str, value: tf.Tensor, least: float, most: float) -> tf.Tensor:
    """Returns the refusal of a scalar that is not between bounds, or "".

    Args:
        name: Its name in the refusal.
        value: The scalar tensor.
        least, most: The bounds, inclusive.
    """
    received = tf.strings.as_string(value)
    is_allowed = (value >= least) & (value <= most)
    return refuse_unless(is_allowed, f"`{name}` must be from {least} to {most}", received)
