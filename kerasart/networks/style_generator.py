"""`StyleGenerator`, StyleGAN2's generator, which paints pictures of random vectors."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasart.levels import LEVELS, fill_levels
from kerasart.networks.modulation import (
    EqualisedDense,
    StyledConv,
    ToRGB,
    leaky_relu,
    normalise,
    upsample,
)

_FIRST = 4  # Side of the constant that all pictures start from.
_PLACES = 4  # Of a level: two for each of two sizes; fine has all that are left.


@keras.saving.register_keras_serializable("kerasart")
class StyleGenerator(keras.Model):
    """Paints pictures of random vectors z.

    A mapping network makes a style w of each z, and of its class, if there are any. The synthesis
    network starts from a constant of 4x4 positions; each of its convolutions is modulated by the w
    of its *place*, so that w may differ from place to place. After each size, what it sees is added
    to the picture, which grows with it.

    Places belong to levels (see `kerasart.levels`), as in the table of mixed sources of the first
    paper: coarse are those of the sizes 4 and 8, middle of 16 and 32, fine of 64 and above.

    Source: Karras et al. 2018, "A Style-Based Generator Architecture for Generative Adversarial
    Networks" (arXiv 1812.04948: mapping network, noise, truncation, style mixing); Karras et al.
    2019, "Analyzing and Improving the Image Quality of StyleGAN" (arXiv 1912.04958: modulated
    convolutions, the sum of pictures of all sizes); the limit of magnitudes, and classes, Karras et
    al. 2020, "Training Generative Adversarial Networks with Limited Data" (arXiv 2006.06676), and
    its authors' program. Where we depart from them: pictures are in [0, 1].

    Args:
        channels: The channels at 4x4, 8x8, and so on: one number for each size.
        z_size: The length of z.
        w_size: The length of w.
        mapping: The number of layers of the mapping network.
        rate: Learning rate of the mapping network relative to that of the other layers.
        clamp: The largest magnitude of features; None is no limit.
        classes: The number of classes that its pictures are of; 0 is none.

    Attributes:
        size: Side of its pictures, in pixels.
        rate, clamp, classes: The arguments.
        levels: The level of each place, from coarse to fine.
        mapping: The `EqualisedDense` layers of the mapping network.
        embed: The `EqualisedDense` layer that makes w_size numbers of a class; None without.
        mean_w: The mean of w, (w_size,), which truncation leads to.
        constant: (4, 4, channels), what all pictures start from.
        convolutions: The `StyledConv`s: one at 4x4, then two for each size.
        to_rgb: A `ToRGB` for each size.

    Raises:
        ValueError: If there are no `channels`.
    """

    def __init__(
        self,
        channels: Sequence[int],
        z_size: int = 512,
        w_size: int = 512,
        mapping: int = 8,
        rate: float = 0.01,
        clamp: float | None = None,
        classes: int = 0,
        **kwargs: Any,
    ):
        kwargs.setdefault("dtype", "float32")
        super().__init__(autocast=False, **kwargs)
        if not channels or min(channels) < 1:
            raise ValueError(
                "`channels` must be at least one number of 1 or more, of 4x4 positions first. "
                f"Received: {list(channels)}"
            )
        self._config: dict[str, Any] = {
            "channels": list(channels),
            "z_size": z_size,
            "w_size": w_size,
            "mapping": mapping,
            "rate": rate,
            "clamp": clamp,
            "classes": classes,
        }
        self.rate, self.clamp, self.classes = rate, clamp, classes
        sizes = [_FIRST * 2**i for i in range(len(channels))]
        self.size = sizes[-1]
        self.levels = tuple(LEVELS[min(i // _PLACES, 2)] for i in range(2 * len(sizes)))
        policy = self.dtype_policy
        self.embed = EqualisedDense(w_size, dtype=policy) if classes else None
        self.mapping = [EqualisedDense(w_size, rate=rate, dtype=policy) for _ in range(mapping)]
        self.convolutions = [
            StyledConv(filters, size, up=up, clamp=clamp, dtype=policy)
            for filters, size in zip(channels, sizes, strict=True)
            for up in ((True, False) if size > _FIRST else (False,))
        ]
        self.to_rgb = [ToRGB(clamp, dtype=policy) for _ in sizes]
        self.build()

    def build(self, input_shape: Any = None) -> None:
        """Creates all weights."""
        if self.built:
            return
        channels, z_size, w_size, *_ = self._config.values()
        if self.embed:
            self.embed.build((None, self.classes))
        for i, layer in enumerate(self.mapping):
            layer.build((None, w_size if i else z_size + bool(self.classes) * w_size))
        self.mean_w = self.add_weight(
            shape=(w_size,), initializer="zeros", trainable=False, name="mean_w"
        )
        self.constant = self.add_weight(
            shape=(_FIRST, _FIRST, channels[0]),
            initializer=keras.initializers.RandomNormal(stddev=1.0),
            name="constant",
        )
        shape = (None, _FIRST, _FIRST, channels[0])
        for layer in self.convolutions:
            layer.build(shape, (None, w_size))
            shape = layer.compute_output_shape(shape, (None, w_size))
        for layer, count in zip(self.to_rgb, channels, strict=True):
            layer.build((None, None, None, count), (None, w_size))

    def call(self, z: Any, truncation: Any = 1.0, label: Any = None) -> Any:
        """Paints pictures of z; see `map` and `paint`."""
        return self.paint(self.map(z, truncation, label))

    def map(self, z: Any, truncation: Any = 1.0, label: Any = None) -> Any:
        """Computes the styles of random vectors.

        Args:
            z: float32 (batch, z_size), of a standard normal distribution.
            truncation: How far a style is from the mean: at 1 as far as the mapping network says,
                at 0 it is the mean. Less makes pictures better, and more alike.
            label: float32 (batch, classes), 1 at the class of each and 0 elsewhere; None without
                classes.

        Returns:
            float32 (batch, places, w_size): w, the same at each place.

        Raises:
            ValueError: If there is no label for a generator of classes, or one for another.
        """
        if (label is None) == bool(self.classes):
            allowed = f"of {self.classes} classes" if self.classes else "None without classes"
            raise ValueError(f"`label` must be {allowed}. Received: {label}")
        x = normalise(ops.cast(z, "float32"))
        if self.embed:
            of_class = normalise(self.embed(ops.cast(label, "float32")))
            x = ops.concatenate([x, of_class], axis=-1)
        for layer in self.mapping:
            x = leaky_relu(layer(x))
        mean = ops.cast(self.mean_w, "float32")
        x = mean + ops.cast(truncation, "float32") * (x - mean)
        return ops.repeat(x[:, None], len(self.levels), axis=1)

    def mix(self, styles: Mapping[str, Any]) -> Any:
        """Mixes styles by level.

        Args:
            styles: Dict of levels to w, each (batch, places, w_size). A level that is left out is
                as the next coarser one, or else the next finer one.

        Returns:
            (batch, places, w_size).

        Raises:
            ValueError: If a level is none, or has no place in pictures of this size.
        """
        own = tuple(dict.fromkeys(self.levels))
        if not styles or any(level not in own for level in styles):
            raise ValueError(
                f"`styles` must be a dict with one or more of {', '.join(own)}, which pictures of "
                f"{self.size} pixels have. Received: {', '.join(styles) or 'none'}"
            )
        filled = fill_levels(styles)
        places = [filled[level][:, i] for i, level in enumerate(self.levels)]
        return ops.stack(places, axis=1)

    def paint(self, w: Any, noise: Sequence[Any] | None = None) -> Any:
        """Paints pictures of styles.

        Args:
            w: float32 (batch, places, w_size).
            noise: For each of the `convolutions`, (batch, size, size), as `draw_noise` draws them;
                None is the fixed noise.

        Returns:
            float32 RGB (batch, size, size, 3) in [0, 1].
        """
        return ops.clip(self.synthesise(w, noise), 0.0, 1.0)

    def synthesise(self, w: Any, noise: Sequence[Any] | None = None) -> Any:
        """Paints pictures as `paint`, but does not clip them, so that gradients are not 0."""
        w = ops.unstack(ops.cast(w, "float32"), len(self.levels), axis=1)
        noise = noise or [None] * len(self.convolutions)
        constant = ops.cast(self.constant, self.compute_dtype)[None]
        x = ops.repeat(constant, ops.shape(w[0])[0], axis=0)
        image = 0.0
        for i, to_rgb in enumerate(self.to_rgb):
            for place in (2 * i - 1, 2 * i) if i else (0,):
                x = self.convolutions[place](x, w[place], noise[place])
            image = to_rgb(x, w[2 * i + 1]) + (upsample(image) if i else 0.0)
        return (image + 1) / 2

    def draw_noise(self, batch: int, seed: Any) -> list[Any]:
        """Draws fresh noise for each of the `convolutions`: float32 (batch, size, size).

        Args:
            batch: The number of pictures.
            seed: A number, or a `keras.random.SeedGenerator`, which goes on.
        """
        if isinstance(seed, int):
            seed = keras.random.SeedGenerator(seed)
        shapes = [(batch, *each.noise.shape) for each in self.convolutions]
        return [keras.random.normal(shape, dtype="float32", seed=seed) for shape in shapes]

    @classmethod
    def count_weights(cls, config: Mapping[str, Any]) -> int:
        """Counts the weights of a generator of this configuration, without making it.

        Args:
            config: As `get_config` returns it.
        """
        channels, w_size, classes = config["channels"], config["w_size"], config.get("classes", 0)
        wide = [config["z_size"] + bool(classes) * w_size, *[w_size] * config["mapping"]]
        count = bool(classes) * (classes + 1) * w_size
        count += sum((before + 1) * after for before, after in zip(wide, wide[1:], strict=False))
        count += w_size + _FIRST**2 * channels[0]

        def modulated(inputs, filters, taps):
            return taps * inputs * filters + (w_size + 1) * inputs + filters

        before = [None, *channels]
        for i, (inputs, filters) in enumerate(zip(before, channels, strict=False)):
            count += modulated(filters, filters, 9) + modulated(filters, 3, 1)
            noise = (_FIRST * 2**i) ** 2 + 1
            count += noise + (modulated(inputs, filters, 9) + noise if i else 0)
        return count

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {**super().get_config(), **self._config}


def draw_latent(seed: int, size: int) -> np.ndarray:
    """Draws the z of a seed: float32 (1, size).

    The generator of random numbers is the one that programs for StyleGAN2 are used to, so that a
    seed which somebody liked is the same picture here.
    """
    return np.random.RandomState(seed).randn(1, size).astype(np.float32)
