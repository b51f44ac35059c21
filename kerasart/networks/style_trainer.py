"""How a network learns to paint."""

import keras
from keras import ops

from kerasart.objectives import Content, Objective, StyleTerm, Target

_NOISE = 0.02  # Deviation of the noise that should change nothing: that of a phone at dusk.
_SHIFT = 4  # Pixels; as far as the network's strides reach.


class StyleTrainer(keras.Model):
    """Trains a network to paint photos in the manner of pictures.

    Each photo of a batch is painted in one style; what is wanted of it is an `Objective`, as in
    style transfer, with what the photo and that style compare it with.

    Source: Johnson et al. 2016 (arXiv 1603.08155, section 3.2); Dumoulin et al. 2017 (arXiv
    1610.07629) for many styles at once; Gupta et al. 2017 (arXiv 1705.02092) and others for
    stability.

    Args:
        network: The `TransformerNet`.
        backbone: The `Backbone`, not yet cut, that looks.
        objective: The `Objective`. A term of content on the layer "image" is welcome.
        style_targets: For each style, a `Target` for each term; only those of style terms count.
        weights: (1 + styles, terms): what is multiplied with each term for a picture of the photo
            as it is, and in each style.
        stability: Weight of the squared difference that a shift of up to 3 pixels and a little
            noise make; it is measured on a batch's first photo.
        precision: "float32", "bfloat16" or "auto", of the backbone.

    Attributes:
        network: The network.
    """

    def __init__(
        self,
        network,
        backbone,
        objective,
        style_targets,
        weights,
        stability=0.0,
        precision="auto",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.network = network
        self._objective = objective
        contents = [t.layer for t in objective.terms if isinstance(t, Content)]
        self._look = backbone.cut(objective.layers, precision)
        self._look_at_photo = None
        if any(layer != "image" for layer in contents):
            self._look_at_photo = backbone.cut(tuple(dict.fromkeys(contents)), precision)
        self._values = [
            _stack([targets[i].value for targets in style_targets])
            if isinstance(term, StyleTerm)
            else ()
            for i, term in enumerate(objective.terms)
        ]
        self._weights = ops.convert_to_tensor(weights, "float32")
        self._stability = stability
        self._random = keras.random.SeedGenerator(0)
        names = [*objective.names, *(["stability"] if stability else [])]
        self._means = [keras.metrics.Mean(name=name) for name in names]

    def compile(self, optimizer="adam", **kwargs):
        """Readies the trainer for `fit`; XLA is left off on TensorFlow unless asked for."""
        if keras.backend.backend() == "tensorflow":
            kwargs.setdefault("jit_compile", False)
        super().compile(optimizer=optimizer, **kwargs)

    def call(self, batch):
        """Paints each photo in its style.

        Args:
            batch: Dict of "photo", float32 RGB (batch, height, width, 3) in [0, 1], and "style",
                (batch,), the number of the style of each, from 1; 0 for the photo itself.

        Returns:
            float32 of the photos' shape.
        """
        return self._paint(batch["photo"], batch["style"])

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Sums what is wanted, averaged over the batch; each term's mean is kept by name."""
        photos, styles = x["photo"], x["style"]
        features = self._look(y_pred)
        contents = self._look_at_photo(photos) if self._look_at_photo else {"image": photos}
        each = zip(_apart(features), _apart(contents), ops.unstack(styles, photos.shape[0]))
        terms = ops.mean(ops.stack([self._judge(*picture) for picture in each]), axis=0)
        losses = ops.unstack(terms, len(self._objective.terms))
        if self._stability:
            losses.append(self._stability * self._restlessness(photos, styles, y_pred))
        for mean, loss in zip(self._means, losses, strict=True):
            mean.update_state(loss)
        return sum(losses) / _replicas()

    @property
    def metrics(self):
        """The means of the loss and of each term."""
        return [*super().metrics, *self._means]

    def _paint(self, photos, styles):
        return self.network.paint(photos, ops.one_hot(styles, 1 + len(self.network.styles)))

    def _judge(self, features, contents, style):
        """Evaluates all terms of one picture."""
        targets = [
            Target(guide=(ops.cast(contents[term.layer], "float32"),))
            if isinstance(term, Content)
            else Target(value=tuple(ops.take(each, style, axis=0) for each in values))
            for term, values in zip(self._objective.terms, self._values, strict=True)
        ]
        return self._objective(features, targets, ops.take(self._weights, style, axis=0))

    def _restlessness(self, photos, styles, painted):
        """The mean squared difference that a shift and noise make to the first picture."""
        height, width = photos.shape[1:3]
        shape = (1, height - _SHIFT, width - _SHIFT, 3)
        top, left = ops.unstack(keras.random.randint((2,), 0, _SHIFT, seed=self._random), 2)
        start = ops.stack([0, top, left, 0])
        shifted = ops.slice(photos, start, shape)
        noise = keras.random.normal(shape, 0.0, _NOISE, seed=self._random)
        again = self._paint(ops.clip(shifted + noise, 0.0, 1.0), styles[:1])
        return ops.mean((again - ops.slice(painted, start, shape)) ** 2)


def _stack(values):
    """Stacks each style's tuple of arrays, after one of zeros for the photo, which has no style."""
    return tuple(ops.stack([ops.zeros_like(each[0]), *each]) for each in zip(*values, strict=True))


def _apart(features):
    """Takes a batch's features apart: a list of each picture's, still as batches of one."""
    # Split, and not sliced: the gradient of slices is padded and added up.
    split = {layer: ops.split(each, each.shape[0]) for layer, each in features.items()}
    return [dict(zip(split, each, strict=True)) for each in zip(*split.values(), strict=True)]


def _replicas():
    """What the gradients of several devices, which are added up, are to be divided by."""
    if keras.backend.backend() != "tensorflow":
        return 1
    import tensorflow as tf

    return tf.distribute.get_strategy().num_replicas_in_sync
