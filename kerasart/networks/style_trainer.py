"""`StyleTrainer` and `AdaINTrainer`, Keras models that train style networks."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops
from numpy.typing import ArrayLike

from kerasart.backbones import Backbone
from kerasart.networks.adain import AdaIN
from kerasart.objectives import Content, Objective, StyleTerm, Target

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

_NOISE = 0.005  # Deviation of the noise that should change nothing: that of compression.
_SHIFT = 4  # Pixels; as far as the network's strides reach.


class StyleTrainer(keras.Model):
    """Trains a network to paint photos in the manner of a few pictures.

    Each photo of a batch is painted in one style; what is wanted of it is an `Objective`, as in
    style transfer, with what the photo and that style compare it with.

    Source: Johnson et al. 2016 (arXiv 1603.08155, section 3.2); Dumoulin et al. 2017 (arXiv
    1610.07629) for many styles at once.

    Args:
        network: The `TransformerNet`.
        backbone: The `Backbone`, not yet cut.
        objective: The `Objective`. A term of content on the layer "image" is welcome.
        style_targets: For each style, a `Target` for each term; only those of style terms count.
            If there are fewer styles than the network has, they are its last.
        weights: (1 + styles, terms): what is multiplied with each term for a picture of the photo
            as it is, and in each style.
        stability: Weight of the squared difference that a shift of up to 3 pixels and a little
            noise make, so that films flicker less; it is measured on a batch's first photo.
        precision: "float32", "bfloat16" or "auto", of the backbone.
        pooling: "max" or "average", of the backbone.
        padding: What the backbone sees beyond a picture's edge, as in `Backbone.cut`.

    Attributes:
        network: The network.
        objective: The objective.
    """

    _compares_with_photo = True

    def __init__(
        self,
        network: keras.Model,
        backbone: Backbone,
        objective: Objective,
        style_targets: Sequence[Sequence[Target]],
        weights: ArrayLike,
        stability: float = 0.0,
        precision: str = "auto",
        pooling: str = "max",
        padding: str = "zeros",
        **kwargs: Any,
    ):
        super().__init__(autocast=False, **kwargs)  # The loss is to see all of a photo's digits.
        self.network = network
        self.objective = objective
        self._backbone = backbone.cut(objective.layers, precision, pooling, padding)
        self._contents = dict.fromkeys(t.layer for t in objective.terms if isinstance(t, Content))
        self._content_backbone = None
        if self._compares_with_photo and any(layer != "image" for layer in self._contents):
            self._content_backbone = backbone.cut(
                tuple(self._contents), precision, pooling, padding
            )
        self._style_values = [
            _stack([targets[i].value for targets in style_targets])
            if isinstance(term, StyleTerm)
            else ()
            for i, term in enumerate(objective.terms)
        ]
        self._weights = ops.convert_to_tensor(weights, "float32")
        self._known = len(getattr(network, "styles", ())) - len(style_targets)
        self._stability = stability
        self._random = keras.random.SeedGenerator(0)
        names = [*objective.names, *(["stability"] if stability else [])]
        self._means = [keras.metrics.Mean(name=name) for name in names]
        self.built = True  # As the network is; `BackupAndRestore` wants to know before `fit`.

    def compile(self, optimizer: str | keras.optimizers.Optimizer = "adam", **kwargs: Any) -> None:
        """Readies the trainer for `fit`; XLA is left off on TensorFlow unless asked for."""
        if keras.backend.backend() == "tensorflow":
            kwargs.setdefault("jit_compile", False)
        super().compile(optimizer=optimizer, **kwargs)

    def call(self, batch: dict[str, Any]) -> Any:
        """Paints each photo in its style.

        Args:
            batch: Dict of "photo", float32 RGB (batch, height, width, 3) in [0, 1], and "style",
                (batch,), which of the trained styles each gets, from 1; 0 for the photo itself.
                The size of the batch must be known when the step is compiled.

        Returns:
            float32 of the photos' shape.
        """
        return self._paint(batch["photo"], batch["style"])

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Sums what is wanted, averaged over the batch; each term's mean is kept by name."""
        if x["photo"].shape[0] is None:
            raise ValueError(
                "The size of a batch must be known, as `dataset.batch(size, drop_remainder=True)` "
                f"makes it. Received: photos of shape {tuple(x['photo'].shape)}"
            )
        seen = zip(_apart(self._features(y_pred)), *self._targets_and_weights(x), strict=True)
        terms = ops.stack([self.objective(*picture) for picture in seen])
        losses = ops.unstack(ops.mean(terms, axis=0), len(self.objective.terms))
        if self._stability:
            losses.append(self._stability * self._instability(x, y_pred))
        for mean, loss in zip(self._means, losses, strict=True):
            mean.update_state(loss)
        return sum(losses) / _replicas()

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The means of the loss and of each term."""
        return [*super().metrics, *self._means]

    def save_own_variables(self, store: Any) -> None:
        """Saves which noise comes next, which Keras itself forgets."""
        store["random"] = ops.convert_to_numpy(self._random.state)

    def load_own_variables(self, store: Any) -> None:
        """Loads it."""
        self._random.state.assign(store["random"])

    def _features(self, pictures):
        return self._backbone(pictures)

    def _paint(self, photos, styles):
        numbers = ops.where(styles > 0, styles + self._known, 0)
        mixtures = ops.one_hot(numbers, 1 + len(self.network.styles), dtype="float32")
        return self.network.forward(photos, mixtures)

    def _targets_and_weights(self, batch):
        """Lists, for each picture, a `Target` for each term, and each term's weight."""
        photos, styles = batch["photo"], ops.unstack(batch["style"], batch["photo"].shape[0])
        contents = self._content_backbone(photos) if self._content_backbone else {"image": photos}
        targets = []
        for content, style in zip(_apart(contents), styles, strict=True):
            values = [[ops.take(v, style, axis=0) for v in each] for each in self._style_values]
            targets.append(self._targets(content, values))
        return targets, [ops.take(self._weights, style, axis=0) for style in styles]

    def _targets(self, content, style_values):
        """Makes a picture's target for each term, of its photo's features and style's values."""
        return [
            Target(guide=(ops.cast(content[term.layer], "float32"),))
            if isinstance(term, Content)
            else Target(value=tuple(value))
            for term, value in zip(self.objective.terms, style_values, strict=True)
        ]

    def _instability(self, batch, painted):
        """Returns the mean squared difference that a shift and noise make to the first picture."""
        photos = batch["photo"][:1]
        height, width = photos.shape[1:3]
        shape = (1, height - _SHIFT, width - _SHIFT, 3)
        top, left = ops.unstack(keras.random.randint((2,), 0, _SHIFT, seed=self._random), 2)
        start = ops.stack([0, top, left, 0])
        noise = keras.random.normal(shape, 0.0, _NOISE, "float32", self._random)
        shifted = ops.clip(ops.slice(photos, start, shape) + noise, 0.0, 1.0)
        again = self._paint(shifted, batch["style"][:1])
        return ops.mean((again - ops.slice(painted, start, shape)) ** 2)


class AdaINTrainer(StyleTrainer):
    """Trains an `AdaIN` network to paint photos in the manner of any picture.

    Where the painted picture is to look like the photo, the aim are the features of the photo with
    the style's moments, which the decoder got, and not the photo's own.

    Source: Huang and Belongie 2017 (arXiv 1703.06868, equations 11 to 13).

    Args:
        network: The `AdaIN`.
        backbone: The `Backbone`, not yet cut.
        objective: The `Objective`. Its content must be at the network's own layer.
        weights: (terms,): what is multiplied with each term.
        stability: As for `StyleTrainer`.
        precision: "float32", "bfloat16" or "auto", of the backbone.
    """

    _compares_with_photo = False

    def __init__(
        self,
        network: AdaIN,
        backbone: Backbone,
        objective: Objective,
        weights: ArrayLike,
        stability: float = 0.0,
        precision: str = "auto",
    ):
        padding = network.padding  # The aim is what the network's own encoder sees.
        super().__init__(
            network, backbone, objective, [], weights, stability, precision, padding=padding
        )

    def call(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Paints each photo in the manner of the picture beside it.

        Args:
            batch: Dict of "photo" and "style", float32 RGB (batch, height, width, 3) in [0, 1].

        Returns:
            Dict of "painted", float32 of the photos' shape, and what it is to be compared with, so
            that nothing is computed twice: "target_features", which the decoder got, and
            "style_features", the features of the styles by layer.
        """
        network, photos, styles = self.network, batch["photo"], batch["style"]
        network.check_size(photos, "photo")
        network.check_size(styles, "style")
        features = self._features(styles)
        style_code = network.moments(ops.cast(features[network.layer], "float32"))
        target_features = network.transfer(network.encode(photos), style_code)
        painted = network.ops.to_image(network.decode(target_features), photos)
        return {
            "painted": painted,
            "target_features": target_features,
            "style_features": features,
        }

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """As `StyleTrainer.compute_loss`, of what `call` returns."""
        return super().compute_loss(x | y_pred, y_pred=y_pred["painted"])

    def _features(self, pictures):
        return self._backbone(
            self.network.ops.read(pictures, self.network.stride)
        )  # As its encoder.

    def _paint(self, photos, styles):
        return self.network(photos, styles)

    def _targets_and_weights(self, batch):
        aims = ops.split(batch["target_features"], batch["photo"].shape[0])
        targets = []
        for target_features, style in zip(aims, _apart(batch["style_features"]), strict=True):
            values = [
                term.prepare(term.mean(style[term.layer])) if isinstance(term, StyleTerm) else ()
                for term in self.objective.terms
            ]
            targets.append(self._targets(dict.fromkeys(self._contents, target_features), values))
        return targets, [self._weights] * len(targets)


def _stack(values):
    """Stacks each style's tuple of arrays, after the first's once more for the photo."""
    # Its weight is 0, but a Wasserstein distance to zeros would have no finite gradient.
    return [ops.stack([each[0], *each]) for each in zip(*values, strict=True)]


def _apart(features):
    """Takes a batch's features apart: a list of each picture's, still as batches of one."""
    # Split, and not sliced: the gradient of slices is padded and added up.
    split = {layer: ops.split(each, each.shape[0]) for layer, each in features.items()}
    return [dict(zip(split, each, strict=True)) for each in zip(*split.values(), strict=True)]


def _replicas():
    """What the gradients of several devices, which are added up, are to be divided by."""
    if keras.backend.backend() != "tensorflow":
        return 1
    return tf.distribute.get_strategy().num_replicas_in_sync
