"""What a server computes: signatures around what paints one picture."""

import copy
import math

from kerasart.image.resize import resize
from kerasart.networks import AdaINPainter, Painter
from kerasart.objectives import Target
from kerasart.optimization import NormalizedGradient, State
from kerasart.serving.pictures import decode_picture, encode_picture, required, to_pixels

# Long side at which AdaIN looks at a style.
_STYLE_SIZE = 512


class Served:
    """Signatures of something that paints a picture.

    Each input has a batch dimension, and each output a name:

    - `serving_default`: files in, PNG files out, everything else by default;
    - `bytes`: files in, files out, with all options, and `format`, "png" or "jpeg";
    - `pixels` and `pixels_float`: pictures of one size, uint8 or float32, in and out.

    Files of a batch may differ in size.

    Args:
        least: The least height and width of a picture.
        most: The most pixels of a picture.
    """

    # What options are where a client leaves them out: dict of name to value.
    defaults = {}
    # What the graphs read, and a saved one must hold.
    variables = ()

    def __init__(self, least, most):
        self.least = least
        self._most = most

    def options(self):
        """Describes the options: dict of name to a `tf.TensorSpec` without its batch."""
        raise NotImplementedError

    def paint(self, image, **options):
        """Paints.

        Args:
            image: float32 RGB (1, height, width, 3) in [0, 1].
            **options: Each with a batch of one.

        Returns:
            float32 of the shape of `image`.
        """
        raise NotImplementedError

    def signatures(self):
        """Makes the signatures: dict of name to a concrete function; each call traces anew."""
        import tensorflow as tf

        files = {"image_bytes": tf.TensorSpec([None], tf.string, "image_bytes")}
        options = {
            name: tf.TensorSpec([None, *spec.shape], spec.dtype, name)
            for name, spec in self.options().items()
        }
        formats = {"format": tf.TensorSpec([None], tf.string, "format")}
        needed = {name: spec for name, spec in options.items() if name not in self.defaults}
        signatures = {
            "serving_default": _signature(self._files, files | needed),
            "bytes": _signature(self._files, files | options | formats),
        }
        for name, dtype in (("pixels", tf.uint8), ("pixels_float", tf.float32)):
            pixels = {"image": tf.TensorSpec([None, None, None, 3], dtype, "image")}
            signatures[name] = _signature(self._pixels, pixels | options)
        return signatures

    def _files(self, image_bytes, format=None, **options):
        import tensorflow as tf

        options = self._complete(options, tf.shape(image_bytes)[0])
        if format is None:
            format = tf.fill(tf.shape(image_bytes), "png")

        def paint(inputs):
            data, format, options = inputs
            image = self.decode(data)
            painted = self.paint(image, **self._read(options))
            return encode_picture(painted[0], format)

        return {"image_bytes": _each(paint, (image_bytes, format, options), tf.string, [])}

    def _pixels(self, image, **options):
        import tensorflow as tf

        dtype = image.dtype
        options = self._complete(options, tf.shape(image)[0])

        def paint(inputs):
            picture, options = inputs
            picture = picture[tf.newaxis]
            if dtype == tf.uint8:
                picture = tf.cast(picture, tf.float32) / 255.0
            painted = self.paint(picture, **self._read(options))[0]
            return to_pixels(painted) if dtype == tf.uint8 else painted

        return {"image": _each(paint, (image, options), dtype, [None, None, 3])}

    def decode(self, data, name="image_bytes"):
        """Decodes a file to float32 RGB (1, height, width, 3) in [0, 1]."""
        import tensorflow as tf

        pixels = decode_picture(data, self.least, self._most, name)
        return tf.cast(pixels, tf.float32)[tf.newaxis] / 255.0

    def _complete(self, options, batch):
        """Adds the options that were left out."""
        import tensorflow as tf

        specs = self.options()
        missing = {name: value for name, value in self.defaults.items() if name not in options}
        for name, value in missing.items():
            value = tf.constant(value, specs[name].dtype)
            options[name] = tf.repeat(value[tf.newaxis], batch, axis=0)
        return options

    def _read(self, options):
        """Gives one picture's options a batch of one."""
        return {name: value[None] for name, value in options.items()}


class ServedStyles(Served):
    """Signatures of a `TransformerNet`; `styles` also turns names into weights.

    Args:
        network: The network.
        precision: "float32", "bfloat16" or "auto", of its convolutions.
        most: The most pixels of a picture.
    """

    def __init__(self, network, precision, most):
        import tensorflow as tf

        super().__init__(network.least_size, most)
        self._names = network.styles
        self.example_name = self._names[0].encode()
        self._painter = Painter(network, precision, tf.Variable)
        self.variables = self._painter.held
        first = [1.0] + [0.0] * (len(self._names) - 1)
        self.defaults = {"style_weights": first, "strength": 1.0}

    def options(self):
        """The styles' weights, and the strength."""
        import tensorflow as tf

        return {
            "style_weights": tf.TensorSpec([len(self._names)]),
            "strength": tf.TensorSpec([]),
        }

    def paint(self, image, style_weights, strength):
        """Paints; weights are refused that are negative or all 0, and need not add up to 1."""
        import tensorflow as tf

        total = tf.reduce_sum(style_weights)
        received = tf.strings.reduce_join(tf.strings.as_string(style_weights), separator=" ")
        allowed = "`style_weights` must be 0 or more, and not all 0"
        is_allowed = tf.reduce_all(style_weights >= 0) & (total > 0) & tf.math.is_finite(total)
        with required(is_allowed, allowed, received):
            weights = style_weights / total
        return self._painter(image, weights, _check_strength(strength))

    def signatures(self):
        """The signatures, and `styles`: names such as "a" or "a:0.6,b:0.4" to their weights."""
        import tensorflow as tf

        names = {"names": tf.TensorSpec([None], tf.string, "names")}
        return super().signatures() | {"styles": _signature(self._weigh, names)}

    def _weigh(self, names):
        import tensorflow as tf

        known = tf.constant(self._names)

        def weigh(text):
            parts = tf.strings.split(tf.strings.split(text, ","), ":")
            parts = parts.to_tensor("1", shape=[None, 2])
            which = tf.strings.strip(parts[:, :1]) == known
            is_known = tf.reduce_all(tf.reduce_any(which, axis=1))
            allowed = f"`names` must be of {', '.join(self._names)}"
            is_number = tf.strings.regex_full_match(parts[:, 1], r"\s*\d*\.?\d+\s*")
            with (
                required(is_known, allowed, text),
                required(tf.reduce_all(is_number), "`names` must have numbers as weights", text),
            ):
                shares = tf.strings.to_number(tf.strings.strip(parts[:, 1]))
            return tf.reduce_sum(tf.cast(which, tf.float32) * shares[:, tf.newaxis], axis=0)

        weights = _each(weigh, names, tf.float32, [len(self._names)])
        return {"style_weights": weights}


class ServedAdaIN(Served):
    """Signatures of an `AdaIN`: each has the file of the style's picture besides.

    Args:
        network: The network.
        precision: "float32", "bfloat16" or "auto", of its convolutions.
        most: The most pixels of a picture, and of a style.
    """

    defaults = {"strength": 1.0}

    def __init__(self, network, precision, most):
        import tensorflow as tf

        super().__init__(network.least_size, most)
        self._painter = AdaINPainter(network, precision, tf.Variable)
        self.variables = self._painter.held

    def options(self):
        """The style, a file, and the strength."""
        import tensorflow as tf

        return {"style_bytes": tf.TensorSpec([], tf.string), "strength": tf.TensorSpec([])}

    def paint(self, image, style_bytes, strength):
        """Paints in the manner of a file."""
        import tensorflow as tf

        style = self.decode(style_bytes[0], "style_bytes")
        size = tf.cast(tf.shape(style)[1:3], tf.float32)
        scale = tf.minimum(1.0, _STYLE_SIZE / tf.reduce_max(size))
        size = tf.maximum(tf.cast(tf.round(size * scale), tf.int32), self.least)
        manner = self._painter.describe(resize(style, size, antialias=True))
        return self._painter(image, manner, _check_strength(strength))


class ServedDream(Served):
    """Signatures of a dream, with bounds that keep one request from taking a server's whole day.

    Args:
        dreamer: The `Dreamer`: pixels moved by normalised ascent, with nothing to compare with.
        most: The most pixels of a picture.
    """

    _MOST_STEPS, _MOST_OCTAVES, _MOST_STEP_SIZE = 100, 8, 0.2

    def __init__(self, dreamer, most):
        super().__init__(dreamer.backbone.least_size(2 * dreamer.settings.border + 1), most)
        self._dreamer = dreamer
        _, layers = dreamer.backbone.parts
        self.variables = [each.value for layer in layers for each in layer.variables]
        settings = dreamer.settings
        self.defaults = {
            "steps": settings.steps,
            "step_size": settings.step_size,
            "octaves": 1 - settings.octaves[0],
        }

        _check_dream(settings, dreamer)

    def options(self):
        """Steps in each octave, their length, and the number of octaves."""
        import tensorflow as tf

        return {
            "steps": tf.TensorSpec([], tf.int32),
            "step_size": tf.TensorSpec([]),
            "octaves": tf.TensorSpec([], tf.int32),
        }

    def paint(self, image, steps, step_size, octaves):
        """Dreams, as `Dreamer.dream` does, in a graph that knows no size."""
        import tensorflow as tf

        with (
            _bounded("steps", steps[0], 1, self._MOST_STEPS),
            _bounded("octaves", octaves[0], 1, self._MOST_OCTAVES),
            _bounded("step_size", step_size[0], 0.0, self._MOST_STEP_SIZE),
        ):
            image = tf.identity(image)
        dreamer, settings = self._dreamer, self._dreamer.settings
        descent = copy.copy(dreamer.descent)
        descent.optimizer = NormalizedGradient(step_size[0], settings.norm, settings.floor)
        targets = tuple(Target() for _ in dreamer.objective.terms)
        weights = tf.constant(dreamer.objective.weights)
        full = tf.shape(image)[1:3]

        def size_at(octave):
            # In float64, to round as in-process octaves do.
            scale = tf.constant(settings.octave_scale, tf.float64) ** tf.cast(octave, tf.float64)
            return tf.cast(tf.cast(full, tf.float64) / scale, tf.int32)

        def climb(octave, dream, shrunk):
            size = size_at(octave)
            photo = resize(image, size, settings.antialias)
            lost_detail = photo - resize(shrunk, size)
            dream = resize(dream, size)
            if settings.detail == "before":
                dream += lost_detail
            seed = tf.stack([0, (first - octave) * steps[0]])
            state, _ = descent.steps_in_graph(
                State(dream), targets, weights, seed, steps[0], -math.inf
            )
            dream = state.image
            if settings.detail == "after":
                dream += lost_detail
            return octave - 1, dream, photo

        # Octaves too small for the network are left out.
        sides = [tf.reduce_min(size_at(octave)) for octave in range(self._MOST_OCTAVES)]
        fits = (tf.stack(sides) >= self.least) & (tf.range(self._MOST_OCTAVES) < octaves[0])
        first = tf.reduce_sum(tf.cast(fits, tf.int32)) - 1
        start = resize(image, size_at(first), settings.antialias)
        shape = tf.TensorShape([1, None, None, 3])
        _, dream, _ = tf.while_loop(
            lambda octave, *_: octave >= 0,
            climb,
            (first, start, start),
            shape_invariants=(tf.TensorShape([]), shape, shape),
        )
        return tf.clip_by_value(dream, 0.0, 1.0)


def _signature(function, inputs):
    """Traces a function that takes its inputs by name."""
    import tensorflow as tf

    def by_name(**inputs):
        return function(**inputs)

    return tf.function(by_name, autograph=False).get_concrete_function(**inputs)


def _each(function, inputs, dtype, shape):
    """Calls a function for each element of a batch."""
    import tensorflow as tf

    return tf.map_fn(
        function,
        inputs,
        fn_output_signature=tf.TensorSpec(shape, dtype),
        parallel_iterations=1,
    )


def _check_strength(strength):
    import tensorflow as tf

    with _bounded("strength", strength[0], 0.0, 1.0):
        return tf.identity(strength)


def _bounded(name, value, least, most):
    import tensorflow as tf

    received = tf.strings.as_string(value)
    is_allowed = (value >= least) & (value <= most)
    return required(is_allowed, f"`{name}` must be from {least} to {most}", received)


def _check_dream(settings, dreamer):
    """Refuses dreams that are more than ascent from a photo."""
    plain = {
        "optimizer": "ascent",
        "parameterization": "pixels",
        "init": "photo",
        "similarity": None,
        "init_noise": 0.0,
    }
    for name, wanted in plain.items():
        value = getattr(settings, name)
        if value != wanted:
            raise ValueError(f"`{name}` must be {wanted} to be served. Received: {value!r}")
