"""`Backbone`, a frozen feature extractor cut at layers."""

import copy
import difflib
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Self

import keras
from keras import ops

from kerasart.backbones.graph_surgery import cut_and_fold
from kerasart.backbones.imagenet import (
    BUNDLED,
    find_class,
    imagenet_labels,
)
from kerasart.backbones.keras_settings import usual_settings
from kerasart.backbones.receptive_field import (
    Geometry,
    count_positions,
    least_size,
    measure_layers,
)
from kerasart.backbones.weight_files import hash_weights
from kerasart.kernels.precision import choose_precision
from kerasart.recent import Recent

_CUT = Recent(2)


class Backbone:
    """A frozen feature extractor: maps an image to features by layer name.

    It includes its preprocessing (BGR, mean pixels), so images are RGB in [0, 1].

    Attributes:
        name: The network's name, such as "inception_v3".
        weights: The source of the weights: "imagenet", "bundled", "random", or a path.
        weights_hash: 16 hex digits, a hash of the weights' values.
        layers: Names of the layers whose features a call returns; "image" is the image itself.
        precision: "float32" or "bfloat16", of the convolutions.
        head: Name of the layer of ImageNet's logits, or None.
    """

    def __init__(
        self,
        name: str,
        model: Any,
        preprocess: Callable[[Any], Any],
        weights: str,
        head: str | None = None,
    ):
        if isinstance(model, keras.Sequential) and model.built:
            model = keras.Model(model.inputs, model.outputs)
        if not (isinstance(model, keras.Model) and hasattr(model, "operations")):
            raise ValueError(
                "`model` must be a functional Keras model, or a sequential one that is built. "
                f"Received: a {type(model).__name__}"
            )
        channels = model.inputs[0].shape[-1]
        if channels not in (3, None):
            raise ValueError(f"`model` must take RGB, 3 channels. Received: one of {channels}")
        if not callable(preprocess):
            allowed = "`preprocess` must be a function of RGB in [0, 255]"
            raise ValueError(f"{allowed}. Received: {preprocess!r}")
        self.name = name
        self.weights = weights
        self.weights_hash = hash_weights(model)
        self.layers = (model.layers[-1].name,)
        self.precision = "float32"
        self.head = head
        self._model = model
        self._preprocess = preprocess
        self._edge = 0

    @usual_settings()
    def __call__(self, image: Any) -> dict[str, Any]:
        """Computes the features of an image.

        Args:
            image: float32 RGB tensor in [0, 1], (batch, height, width, 3).

        Returns:
            A dict of layer name to features (batch, h, w, channels), in the backbone's precision.
            Only those of the last layer before `cut`.
        """
        pixels = self._preprocess(image * 255.0)
        if self._edge:
            # Mirroring a single row repeats the edge.
            pixels = ops.pad(pixels, [(0, 0), (1, 1), (1, 1), (0, 0)], mode="symmetric")
        features = self._model(pixels, training=False)
        if not isinstance(features, dict):
            features = {self.layers[0]: features}
        return {**features, "image": image} if "image" in self.layers else features

    @usual_settings()
    def cut(
        self,
        layers: Sequence[str],
        precision: str = "float32",
        pooling: str = "max",
        padding: str = "zeros",
    ) -> Self:
        """Cuts the backbone so that it computes only the features of `layers`.

        Batch normalisations are folded into the convolutions before them; only rounding differs.

        Args:
            layers: Names of layers, as in Keras; "image" is the image itself.
            precision: "float32", "bfloat16", or "auto": bfloat16 where it is fast.
            pooling: "average" replaces max pooling by average pooling, for smoother gradients
                (Gatys et al. 2015).
            padding: "replicate" pads the first convolution by repeating the image's edge, since
                zeros look like a frame (Crowson's style-transfer-pytorch); "reflect" mirrors the
                border for every convolution of stride 1 (Huang and Belongie 2017, in their code),
                for which sides should be multiples of the deepest stride.

        Returns:
            A new `Backbone`, or one of the last two if it is the same.

        Raises:
            ValueError: If there is no such layer, pooling or padding, or the precision is
                unsupported here.
        """
        names = [name for name in layers if name != "image"]
        self.check_layers(names)
        if not names:
            raise ValueError(
                f"`layers` must name at least one layer of {self.name} itself. "
                f"Received: {list(layers)}"
            )
        choices = tuple(layers), choose_precision(precision), pooling, padding
        return _CUT((self, *choices), lambda: self._cut(names, *choices))

    def _cut(self, names, layers, precision, pooling, padding):
        part = copy.copy(self)
        part.layers = layers
        part.precision = precision
        part._model = cut_and_fold(self._model, names, precision, pooling, padding)
        part._edge = 1 if padding == "replicate" else 0
        return part

    @property
    def parts(self) -> tuple[Callable[[Any], Any], list[Any]]:
        """The preprocessing of images in [0, 255] and the Keras layers, to rebuild the network."""
        return self._preprocess, self._model.layers[1:]

    @property
    def geometry(self) -> dict[str, Geometry]:
        """Layer name to `Geometry`: stride, receptive field and channels."""
        return measure_layers(self._model)

    def least_size(self, positions: int = 1) -> int:
        """Finds the least side of an image for which each layer has some rows and columns."""
        return least_size(self._model, positions)

    def check_size(self, size: tuple[int, int], name: str) -> None:
        """Refuses an image that is too small for the layers.

        Args:
            size: Its (height, width).
            name: What it is called in the error message.

        Raises:
            ValueError: If it is.
        """
        least, (height, width) = self.least_size(), size
        if min(size) < least:
            raise ValueError(
                f"`{name}` must be at least {least}x{least} pixels for {self.name} and these "
                f"layers. Received: {width}x{height}"
            )

    def positions(self, size: tuple[int, int]) -> dict[str, tuple[int, int]]:
        """Counts the positions of each output layer.

        Args:
            size: (height, width) of an image.

        Returns:
            Layer name to (height, width).
        """
        rows, columns = (count_positions(self._model, side + 2 * self._edge) for side in size)
        counts = {name: (rows[name], columns[name]) for name in self._model.output_names}
        return {**counts, "image": size}

    @property
    def reach(self) -> float:
        """The most pixels that an output's receptive field extends beyond its own square."""
        geometry = self.geometry
        return self._edge + max(geometry[name].reach for name in self._model.output_names)

    @property
    def strides(self) -> dict[str, int]:
        """Layer name to stride of each output layer."""
        geometry = self.geometry
        return {**{name: geometry[name].stride for name in self._model.output_names}, "image": 1}

    def bytes_per_pixel(self) -> float:
        """Estimates the bytes of all layers' features per pixel of the image."""
        width = 2 if self.precision == "bfloat16" else 4
        return width * sum(
            layer.channels / layer.stride**2
            for name, layer in self.geometry.items()
            # These overwrite a convolution's output in place.
            if type(self._model.get_layer(name)).__name__ not in ("Activation", "Identity", "ReLU")
        )

    def channels(self, layer: str) -> int:
        """Counts a layer's channels."""
        return self._model.get_layer(layer).output.shape[-1]

    def find_class(self, text: str | int) -> tuple[int, str]:
        """Finds an ImageNet class by its name, a part of it, or its number (see `find_class`).

        Returns:
            Its number and its first name.
        """
        number = find_class(text)
        return number, imagenet_labels()[number].partition(",")[0]

    def middle_layer(self) -> str:
        """Names the deepest layer of stride 16 at most, which responds to parts of objects.

        It is the default layer of dreams on networks without settings in the preset.
        """
        names = [name for name, geometry in self.geometry.items() if geometry.stride <= 16]
        return names[-1]

    def _hint_at_download(self):
        last = BUNDLED.get(self.name) if self.weights == "bundled" else None
        if last is None:
            return ""
        return f"; its bundled weights end with {last}: --weights=imagenet downloads all of them"

    def check_layers(self, names: Iterable[str], setting: str = "layers") -> None:
        """Checks the names of layers.

        Args:
            names: The names.
            setting: The setting that they are of, for the message.

        Raises:
            ValueError: If there is no layer of a name.
        """
        known = [*self.geometry, self.head]
        unknown = [name for name in names if name not in (*known, "image")]
        if not unknown:
            return
        near = difflib.get_close_matches(unknown[0], filter(None, known), n=3, cutoff=0.4)
        raise ValueError(
            f"`{setting}` must name layers of {self.name} (--list_layers shows them all)"
            + (f"; nearest: {', '.join(near)}" if near else "")
            + self._hint_at_download()
            + f". Received: {unknown[0]!r}"
        )
