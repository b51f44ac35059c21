"""`Served`, the base class of the signatures of a model that paints an image."""

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
from kerasart.settings.checks import check, is_whole

WARMUP_SIDE = 128  # Pixels of the images in warm-up requests.


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
        smallest = f"at least {WARMUP_SIDE**2}, the size of the pictures of the warm-up"
        check(is_whole(most) and most >= WARMUP_SIDE**2, "most_pixels", smallest, most)
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
        files, refusals = map_each(answer, (image_bytes, format, options), (file, file))
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

        return {"image": map_each(paint, (image, options), tf.TensorSpec([None, None, 3], dtype))}

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


def signature(function: Callable, inputs: dict[str, tf.TensorSpec]) -> Any:
    """Traces a function with its inputs as keywords: a concrete function."""

    def by_name(**inputs):
        return function(**inputs)

    return tf.function(by_name, autograph=False).get_concrete_function(**inputs)


def _as_batch(options):
    return {name: value[None] for name, value in options.items()}


def map_each(function: Callable, inputs: Any, outputs: Any) -> Any:
    """Applies a function to each element of a batch, one after another.

    Args:
        function: The function.
        inputs: A structure of tensors, each with a batch dimension.
        outputs: The structure of what it returns, of `tf.TensorSpec` without a batch dimension.

    Returns:
        What it returned, stacked.
    """
    return tf.map_fn(function, inputs, fn_output_signature=outputs, parallel_iterations=1)


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
